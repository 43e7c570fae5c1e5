package web_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// A42: whatever way is chosen, in whatever order, and whichever challenge an
// answer names, without a secret no recovery comes to its last page.
func TestA42ChoosingWaysProvesNothing(t *testing.T) {
	loose := sparekeytest.Options{MailCap: sparekey.Windows{{Span: time.Hour, Max: 1000}}}
	sparekeytest.EachDBWith(t, loose, func(t *testing.T, app *sparekeytest.App) {
		rows := app.Rows()
		app.Register(mara, first)
		app.Sleep(sparekey.ProofLife)
		ways := []string{"mail", "password", "totp", "text", "passkey", "saved", "app", "open", "link", "", "none", "act"}
		before := rows.Dump(machineRights...)
		for n := range 12 {
			c := app.Client()
			c.Addr = fmt.Sprintf("198.51.100.%d:4711", n)
			flow := machineStart(c, "/recover", "login", mara)
			other := machineStart(app.Client(), "/recover", "login", "nobody@example.com")
			app.Deliver()
			challenges := append(rows.List(`SELECT id FROM challenges`), "", flow, other)
			for range 25 {
				way := ways[rand.IntN(len(ways))]
				c.Post("/flow/"+flow+"/ways", "way", way)
				c.Post("/flow/"+flow+"/answer", "way", way, "challenge", challenges[rand.IntN(len(challenges))], "code", "", "password", second)
				c.Post("/flow/"+flow+"/again", "way", way, "challenge", challenges[rand.IntN(len(challenges))])
				c.Post("/flow/"+flow+"/act", "way", way, "password", second, "password_again", second)
				c.Ask("/api/v1/flows/"+flow+"/ways", "way", way)
				c.Ask("/api/v1/flows/"+flow+"/answer", "challenge", challenges[rand.IntN(len(challenges))], "code", "")
				c.Ask("/api/v1/flows/"+flow+"/act", "password", second, "password_again", second)
			}
			if got := machineStep(t, app, flow); got != sparekey.Verify {
				t.Errorf("got step %s, want %s", got, sparekey.Verify)
			}
		}
		if got := sparekeytest.Changed(before, rows.Dump(machineRights...)); got != nil {
			t.Errorf("got changes in %v, want none", got)
		}
	})
}

// A79: no route of the site map is without the budgets. Each is hammered with
// all that could be compared anywhere, from ever new addresses; together they
// compare no more than one flow's tries and a day's of the password.
func TestA79EveryRouteHasTheBudgets(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		app.Sleep(sparekey.ProofLife)
		c := app.Client()
		flow := machineStart(c, "/recover", "login", mara)
		app.Deliver()
		_, form := c.Get("/flow/" + flow).Fields("/answer")
		codes, passwords := app.Flows.Compared(), app.Hasher.Stats().Compared
		routes := append(shieldRoutes(t, "POST"), shieldRoutes(t, "GET")...)
		for r, route := range routes {
			path := strings.NewReplacer("{id}", flow, "{token}", flow, "{name}", "sparekey.js", "{$}", "").Replace(route)
			for n := range 30 {
				c.Addr = fmt.Sprintf("198.51.%d.%d:4711", r, n)
				fields := []string{
					"login", mara, "password", fmt.Sprint("not the one ", n), "challenge", form.Get("challenge"),
					"code", fmt.Sprintf("%08d", n), "password_again", second, "same", "1",
				}
				if p := hammer(t, c, route, path, fields); p.Status >= 500 {
					t.Fatalf("POST %s: got %d, want less than 500", path, p.Status)
				}
				c.Get(path)
			}
		}
		most := int64(sparekey.MaxTries)
		if got := app.Flows.Compared() - codes; got > most || got == 0 {
			t.Errorf("got %d comparisons with a code, want some and at most %d", got, most)
		}
		if got := int64(app.Hasher.Stats().Compared - passwords); got > 15 || got == 0 {
			t.Errorf("got %d comparisons with the password, want some and at most 15", got)
		}
	})
}

// hammer sends the fields to a route: as a form, or in JSON those that it takes.
func hammer(t *testing.T, c *sparekeytest.Client, route, path string, fields []string) *sparekeytest.Page {
	for _, o := range bodied(t) {
		if o.Pattern != "POST "+route {
			continue
		}
		body, _ := fullBody(o)
		for i := 0; i < len(fields); i += 2 {
			if _, ok := body[fields[i]].(string); ok {
				body[fields[i]] = fields[i+1]
			}
		}
		delete(body, "key")
		return c.Do("POST", path, strings.NewReader(jsonOf(t, body)))
	}
	return c.Post(path, fields...)
}
