package web_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"sparekey/internal/sparekeytest"
	"sparekey/internal/store"
)

// A tally counts what is written to a database.
type tally struct {
	commits, rows int64 // transactions that changed rows, and these rows
	pending       int64
}

// count is a trace of statements.
func (y *tally) count(s store.Statement) {
	verb, _, _ := strings.Cut(strings.TrimSpace(s.Text), " ")
	switch verb {
	case "INSERT", "UPDATE", "DELETE":
		y.pending += s.Rows
	case "ROLLBACK":
		y.pending = 0
	case "COMMIT":
		if y.pending > 0 {
			y.commits++
		}
		y.rows += y.pending
		y.pending = 0
	}
}

// docs/scaling.md says what each visit writes: as many transactions and rows as
// it does, on both databases.
func TestScalingCountsWrites(t *testing.T) {
	page, err := os.ReadFile("../../docs/scaling.md")
	if err != nil {
		t.Fatal(err)
	}
	y := new(tally)
	sparekeytest.EachDBWith(t, sparekeytest.Options{Trace: y.count}, func(t *testing.T, app *sparekeytest.App) {
		for _, visit := range visits(app) {
			*y = tally{}
			visit.do()
			app.Deliver()
			row := fmt.Sprintf("| %s | %d | %d |", visit.name, y.commits, y.rows)
			if !strings.Contains(string(page), row+"\n") {
				t.Errorf("docs/scaling.md has no row %q", row)
			}
			app.Sleep(time.Hour)
			app.Sweep()
		}
	})
}

// A visit is what a person does in one go, with the mails that it causes.
type visit struct {
	name string
	do   func()
}

func visits(app *sparekeytest.App) []visit {
	var c *sparekeytest.Client
	answer := func(c *sparekeytest.Client, email, password string) {
		at := c.At()
		c.Get(at).Submit("/answer", "code", app.Code(email)).See(303)
		c.Get(at).Submit("/act", "password", password, "password_again", password).See(303)
		c.Get(at).See(200)
	}
	return []visit{
		{"register", func() { c = app.Register(mara, first) }},
		{"ask who is signed in, many times in an hour", func() {
			for range 3 {
				c.Get("/api/v1/session").See(200)
			}
		}},
		{"sign out", func() { c.Get("/account").Submit("/signout").See(303) }},
		{"sign in, wrong password", func() { c.Get("/signin").Submit("/signin", "login", mara, "password", second).See(422) }},
		{"sign in, known browser", func() { c.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303) }},
		{"sign in, new browser", func() {
			app.Client().Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		}},
		{"change the password", func() {
			c.Get("/account/password").Submit("/account/password").See(303)
			answer(c, mara, second)
		}},
		{"recover", func() {
			c = app.Client()
			c.Get("/recover").Submit("/recover", "login", mara).See(303)
			answer(c, mara, third)
		}},
		{"ask for a recovery, nobody's address", func() {
			app.Client().Get("/recover").Submit("/recover", "login", "nobody@example.com").See(303)
		}},
	}
}
