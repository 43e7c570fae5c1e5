package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"sparekey"
	"sparekey/internal/sparekeytest"
	"sparekey/internal/store"
)

// recovering begins a recovery in a new browser and gives the code's page.
func recovering(app *sparekeytest.App, login string) (*sparekeytest.Client, *sparekeytest.Page) {
	c := app.Client()
	c.Get("/recover").Submit("/recover", "login", login).See(303)
	return c, c.Get(c.At()).See(200)
}

// atOnce sends the same form n times at the same moment, each in a clone of
// the browser, changed by change, and counts the statuses.
func atOnce(c *sparekeytest.Client, p *sparekeytest.Page, action string, n int, change func(i int, form url.Values)) (map[int]int, []*sparekeytest.Page) {
	to, form := p.Fields(action)
	pages := make([]*sparekeytest.Page, n)
	var all sync.WaitGroup
	gun := make(chan struct{})
	for i := range n {
		twin := c.Clone()
		own := url.Values{}
		for k, v := range form {
			own[k] = v
		}
		change(i, own)
		body := own.Encode()
		all.Go(func() {
			<-gun
			pages[i] = twin.Do("POST", to, strings.NewReader(body))
		})
	}
	close(gun)
	all.Wait()
	got := map[int]int{}
	for _, p := range pages {
		got[p.Status]++
	}
	return got, pages
}

// A16: of 200 answers sent at once on one flow exactly five are compared.
func TestA16AnswersAtOnce(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		c, p := recovering(app, mara)
		app.Deliver()
		before := app.Flows.Compared()
		atOnce(c, p, "/answer", 200, func(i int, form url.Values) {
			form.Set("key", fmt.Sprint("form", i))
			form.Set("code", fmt.Sprintf("%08d", i))
		})
		if got := app.Flows.Compared() - before; got != 5 {
			t.Errorf("200 answers at once: got %d compared, want 5", got)
		}
	})
}

// A14, A16: fifty recoveries of one account at once, five answers each: at
// most fifteen are compared with a short code.
func TestA14FlowsAtOnce(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		var all sync.WaitGroup
		ids := make([]string, 50)
		for i := range 50 {
			c := app.Client()
			c.Addr = fmt.Sprintf("198.51.100.%d:1", i)
			all.Go(func() {
				c.Post("/recover", "login", mara, "key", fmt.Sprint(i))
				ids[i] = strings.TrimPrefix(c.At(), "/flow/")
			})
		}
		all.Wait()
		app.Deliver()
		short := 0
		for _, id := range ids {
			ch, err := app.Store.OpenChallenge(context.Background(), id)
			if err != nil {
				t.Fatal(err)
			}
			if ch.Length == 8 {
				short++
			} else if ch.Length != 20 {
				t.Errorf("got a code of %d digits, want 8 or 20", ch.Length)
			}
		}
		if short != 3 {
			t.Errorf("got %d flows with short codes, want 3: five tries each make fifteen", short)
		}
	})
}

// ASVS 6.5.1: of two right answers that were both compared before either proved,
// one is a proof. The other is told that the code was used, and moves nothing.
func TestCodeProvesOnce(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		c, _ := recovering(app, mara)
		app.Deliver()
		ctx, rows := context.Background(), app.Rows()
		open, err := app.Store.OpenChallenge(ctx, strings.TrimPrefix(c.At(), "/flow/"))
		if err != nil {
			t.Fatal(err)
		}
		right := func(key string) store.Proving {
			return store.Proving{Challenge: open, Place: open.Identifier, Turn: store.Turn{Key: key, Now: app.Now()}}
		}
		if _, err := app.Store.Prove(ctx, right("one")); err != nil {
			t.Fatalf("the first: got %v, want a proof", err)
		}
		before := rows.Dump()
		if _, err := app.Store.Prove(ctx, right("two")); !errors.Is(err, sparekey.ErrUsed) {
			t.Errorf("the second: got %v, want %v", err, sparekey.ErrUsed)
		}
		if got := sparekeytest.Changed(before, rows.Dump()); got != nil {
			t.Errorf("the second: got changes in %v, want none", got)
		}
	})
}

// The right code sent fifty times at once is one success and leads to one
// change; the exact repeat of a form gets the first one's answer and cookies.
func TestRightCodeAtOnce(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		c, p := recovering(app, mara)
		code := app.Code(mara)
		_, pages := atOnce(c, p, "/answer", 50, func(i int, form url.Values) {
			form.Set("key", fmt.Sprint("form", i/2)) // each form twice
			form.Set("code", code)
		})
		won := map[string]int{}
		for _, p := range pages {
			if p.Status >= 500 {
				t.Fatalf("got status %d, want none of the server's fault", p.Status)
			}
			for _, k := range p.Header.Values("Set-Cookie") {
				if value, ok := strings.CutPrefix(k, "__Host-browser="); ok {
					won[value[:43]]++
				}
			}
		}
		if len(won) != 1 {
			t.Fatalf("got %d different new secrets, want 1", len(won))
		}
		for secret := range won {
			c.Cookies["__Host-browser"] = secret
		}
		p = c.Get(c.At()).See(200).Says("Choose a new password")
		before := len(app.Sink.Mails(mara))
		got, _ := atOnce(c, p, "/act", 20, func(i int, form url.Values) {
			form.Set("key", fmt.Sprint("tab", i))
			form.Set("password", fmt.Sprintf("%d hundred loud magpies", i))
			form.Set("password_again", form.Get("password"))
		})
		// The others are told; whoever comes with the secret that the first one
		// replaced is no longer known at all.
		if got[303] != 1 || got[409]+got[404] != 19 {
			t.Errorf("20 tabs with 20 passwords: got statuses %v, want one 303 and nineteen 409 or 404", got)
		}
		app.Deliver()
		if n := len(app.Sink.Mails(mara)) - before; n != 1 {
			t.Errorf("got %d notices, want 1: one change", n)
		}
	})
}
