package web_test

import (
	"strings"
	"testing"
	"time"

	"sparekey/internal/sparekeytest"
)

func TestMain(m *testing.M) { sparekeytest.Main(m) }

const (
	mara   = "mara@example.com"
	first  = "seven quiet herons"
	second = "nine loud magpies"
	third  = "two shy kestrels"
)

// A person registers, forgets, asks for a code, reads it in the mailbox,
// chooses a new password, signs in with it, and changes it under My account
// through the very same pages (S1–S4, S6, S7, S11–S14).
func TestRoad(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		c := app.Register(mara, first)
		c.Get("/account").See(200).Says(mara)
		c.Get("/account").Submit("/signout").See(303)

		page := c.Get("/signin").See(200).Submit("/signin", "login", mara, "password", "not it at all")
		page.See(422).Says("Email me a code")
		page.Submit("/recover").See(303)
		at := c.At()
		page = c.Get(at).See(200).Says("Enter your code").Says(mara).Says("Step 2 of 3")
		code := app.Code(mara)
		page.Submit("/answer", "code", code[:4]+" "+code[4:]).See(303)
		page = c.Get(at).See(200).Says("Choose a new password").Says("Step 3 of 3")
		page.Submit("/act", "password", second, "password_again", second).See(303)
		page = c.Get(at).See(200).Says("Your password is updated.").Says("We signed you out everywhere")
		page.Submit("/signin").See(200)
		if !strings.Contains(c.Get(at).Submit("/signin").Body, `value="`+mara+`"`) {
			t.Errorf("got a sign-in form without the login, want it filled in")
		}
		c.Get("/signin").Submit("/signin", "login", mara, "password", first).See(422)
		c.Get("/signin").Submit("/signin", "login", mara, "password", second).See(303)

		app.Sleep(time.Hour)
		c.Get("/account/password").See(200).Submit("/account/password").See(303)
		at = c.At()
		page = c.Get(at).See(200).Says("We’ve sent a code to " + mara)
		page.Submit("/answer", "code", app.Code(mara)).See(303)
		c.Get(at).Says("Choose a new password").Submit("/act", "password", third, "password_again", third).See(303)
		c.Get(at).See(200).Says("Your password is updated.").Says("You stay signed in here")
		c.Get("/account").See(200).Says(mara)
		app.Client().Get("/signin").Submit("/signin", "login", mara, "password", third).See(303)
	})
}
