package outbox_test

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// mara is who forgets.
const mara = "mara@example.com"

// recovers asks for a recovery in a new browser, and gives the browser.
func recovers(app *sparekeytest.App, email string) *sparekeytest.Client {
	c := app.Client()
	c.Get("/recover").Submit("/recover", "login", email).See(303)
	c.Get(c.At())
	return c
}

// coming gives the mails to an address that came after the nth.
func coming(app *sparekeytest.App, email string, n int) []sparekeytest.Letter {
	app.Deliver()
	return app.Sink.Mails(email)[n:]
}

// given tells how often mara's journal says that a message was given up.
func given(app *sparekeytest.App) string {
	return app.Rows().Text(`
		SELECT CAST(COUNT(*) AS TEXT) FROM events e JOIN identifiers i ON i.account = e.account
		 WHERE e.kind = $1 AND i.shown = $2`, string(sparekey.MessageGivenUp), mara)
}

// A mail that the server does not take now is tried again, later and later,
// and its code works when it comes.
func TestRetry(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, "seven quiet herons")
		for _, fault := range []error{sparekeytest.Reply(421), sparekeytest.Reply(450), sparekeytest.Reply(451)} {
			app.Sleep(48 * time.Hour)
			n, tries := len(app.Sink.Mails(mara)), 0
			app.Sink.Fail(func(stage, _ string) error {
				if stage == sparekeytest.StageRcpt {
					tries++
					return fault
				}
				return nil
			})
			c := recovers(app, mara)
			for range 45 { // seconds
				app.Deliver()
				app.Sleep(time.Second)
			}
			if tries < 3 || tries > 5 { // at 0, 5, 15 and 35 s, a quarter more or less
				t.Errorf("%v: got %d attempts in 45 s, want 3 to 5", fault, tries)
			}
			app.Sink.Fail(nil)
			app.Sleep(time.Minute)
			mails := coming(app, mara, n)
			if len(mails) != 1 {
				t.Fatalf("%v: got %d mails once the server is well, want 1", fault, len(mails))
			}
			c.Get(c.At()).Submit("/answer", "code", mails[0].Code()).See(303)
		}
	})
}

// A server that takes the mail and goes away without a word gets it again: the
// same mail, with the same id and the same code, and neither is wrong. One
// that goes away after its word does not.
func TestCutOff(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, "seven quiet herons")
		for fault, want := range map[error]int{sparekeytest.CutBefore250: 2, sparekeytest.CutAfter250: 1} {
			n, cut := len(app.Sink.Mails(mara)), false
			app.Sink.Fail(func(stage, _ string) error {
				if stage == sparekeytest.StageEnd && !cut {
					cut = true
					return fault
				}
				return nil
			})
			c := recovers(app, mara)
			app.Deliver()
			app.Sleep(10 * time.Second)
			mails := coming(app, mara, n)
			if len(mails) != want {
				t.Fatalf("%v: got %d mails, want %d", fault, len(mails), want)
			}
			for _, m := range mails {
				if m.Code() != mails[0].Code() || m.Header("Message-ID") != mails[0].Header("Message-ID") {
					t.Errorf("%v: got a second mail that differs from the first, want the same", fault)
				}
			}
			c.Get(c.At()).Submit("/answer", "code", mails[0].Code()).See(303)
		}
	})
}

// What the server refuses for good is not tried again and stands in the
// journal. The page says nothing of it, and Get code sends a new mail.
func TestRefusedForGood(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, "seven quiet herons")
		n, tries := len(app.Sink.Mails(mara)), 0
		app.Sink.Fail(func(stage, _ string) error {
			if stage == sparekeytest.StageRcpt {
				tries++
				return sparekeytest.Reply(550)
			}
			return nil
		})
		c := recovers(app, mara)
		for range 10 {
			app.Deliver()
			app.Sleep(10 * time.Second)
		}
		if tries != 1 || given(app) != "1" {
			t.Errorf("got %d attempts and %s entries in the journal, want one of each", tries, given(app))
		}
		app.Sink.Fail(nil)
		c.Get(c.At()).See(200).Submit("/again").See(303)
		mails := coming(app, mara, n)
		if len(mails) != 1 {
			t.Fatalf("got %d mails after Get code, want 1", len(mails))
		}
		c.Get(c.At()).Submit("/answer", "code", mails[0].Code()).See(303)
	})
}

// A code whose time is over is not mailed any more, however long the server
// was down; a notice waits for it.
func TestEndOfLife(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, "seven quiet herons")
		c := recovers(app, mara)
		code := app.Code(mara)
		c.Get(c.At()).Submit("/answer", "code", code).See(303)
		app.Sink.Fail(func(string, string) error { return sparekeytest.Reply(421) })
		c.Get(c.At()).Submit("/act", "password", "a lantern at noon", "password_again", "a lantern at noon").See(303)
		n := len(app.Sink.Mails(mara))
		recovers(app, mara)
		for range 24 {
			app.Deliver()
			app.Sleep(5 * time.Minute)
		}
		app.Sink.Fail(nil)
		app.Sleep(15 * time.Minute)
		mails := coming(app, mara, n)
		if len(mails) != 1 || mails[0].Code() != "" {
			t.Errorf("got %d mails after two hours, want the notice and no code", len(mails))
		}
		if given(app) != "1" {
			t.Errorf("got %s messages given up in the journal, want the code's", given(app))
		}
	})
}

// poster is a browser that knows only how to ask for a recovery.
func poster(t *testing.T, origin, login string) {
	t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequest("POST", origin+"/recover", strings.NewReader(url.Values{"login": {login}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	res, err := client.Do(req)
	if err != nil {
		t.Error(err)
		return
	}
	res.Body.Close()
	if res.StatusCode != 303 {
		t.Errorf("got %d, want 303", res.StatusCode)
	}
}

// add makes n accounts as an operator does, and gives their addresses.
func add(t *testing.T, app *sparekeytest.App, n int) (list []string) {
	t.Helper()
	for i := range n {
		email := fmt.Sprintf("reader%d@example.com", i)
		if _, err := app.Accounts.Add(context.Background(), email, "", ""); err != nil {
			t.Fatal(err)
		}
		list = append(list, email)
	}
	return list
}

// A mail is with the mail server within a second of the press of the button,
// for 95 of 100 people, with four of them at a time.
func TestHandOver(t *testing.T) {
	database := map[string]func(testing.TB) string{"sqlite": func(testing.TB) string { return "" }, "postgres": sparekeytest.Postgres}
	for name, open := range database {
		t.Run(name, func(t *testing.T) {
			app, origin := sparekeytest.Serve(t, sparekeytest.Options{Database: open(t)})
			people := add(t, app, 48)
			took := make([]time.Duration, len(people))
			for four := range slices.Chunk(slices.Collect(indexes(people)), 4) {
				var all sync.WaitGroup
				for _, i := range four {
					all.Go(func() {
						pressed := time.Now()
						poster(t, origin, people[i])
						app.Sink.Wait(t, people[i], 1)
						took[i] = time.Since(pressed)
					})
				}
				all.Wait()
			}
			slices.Sort(took)
			p95 := took[int(math.Ceil(0.95*float64(len(took))))-1]
			t.Logf("p50 %v, p95 %v, most %v", took[len(took)/2], p95, took[len(took)-1])
			if p95 >= time.Second {
				t.Errorf("got %v at the 95th percentile, want less than a second", p95)
			}
		})
	}
}

func indexes[T any](list []T) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for i := range list {
			if !yield(i) {
				return
			}
		}
	}
}

// A mail that the server cannot swallow holds up nobody else's, and neither
// does one that it refuses again and again.
func TestPoison(t *testing.T) {
	app, origin := sparekeytest.Serve(t, sparekeytest.Options{})
	people := add(t, app, 12)
	stuck, done := make(chan struct{}), make(chan struct{})
	var once sync.Once
	app.Sink.Fail(func(stage, to string) error {
		switch {
		case stage == sparekeytest.StageRcpt && to == people[0]:
			once.Do(func() { close(stuck) })
			<-done
		case stage == sparekeytest.StageRcpt && to == people[1]:
			return sparekeytest.Reply(451)
		}
		return nil
	})
	t.Cleanup(func() { close(done) })
	poster(t, origin, people[0])
	poster(t, origin, people[1])
	<-stuck
	for _, email := range people[2:] {
		poster(t, origin, email)
		app.Sink.Wait(t, email, 1)
	}
	if got := len(app.Sink.Mails(people[0])) + len(app.Sink.Mails(people[1])); got != 0 {
		t.Errorf("got %d of the two mails that cannot arrive, want none", got)
	}
}
