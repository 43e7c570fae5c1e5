package web_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// secureLink gives the path of the link in the newest notice to email.
func secureLink(t *testing.T, app *sparekeytest.App, email string) string {
	t.Helper()
	app.Deliver()
	mails := app.Sink.Mails(email)
	for i := len(mails) - 1; i >= 0; i-- {
		if link := regexp.MustCompile(`/secure/\S+`).FindString(mails[i].Text); link != "" {
			return link
		}
	}
	t.Fatalf("got no mail to %s with the link that takes an account back, want one", email)
	return ""
}

// A51: who is told of what they did not do takes the account back with the link
// of the notice, though the password is another by then. The link proves
// nothing, shows no address, does nothing by itself, and ends with the first
// recovery that was finished from it, or after seven days.
func TestA51TakeBack(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		thief := app.Client()
		thief.Addr = "198.51.100.9:1"
		thief.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		link := secureLink(t, app, mara)

		before := app.Rows().Dump()
		for range 20 {
			app.Client().Do("HEAD", link, nil)
			if page := app.Client().Get(link).See(200).Says("Let’s take it back"); page.Holds("example.com") {
				t.Error("got an address on the page of the link, want none")
			}
		}
		if changed := sparekeytest.Changed(before, app.Rows().Dump()); changed != nil {
			t.Errorf("got changes in %v by looking at the link, want none", changed)
		}
		app.Client().Get(link[:len(link)-2] + "xx").See(404)
		app.Client().Get(link + ".x").See(404)

		app.Sleep(6 * 24 * time.Hour)
		other := app.Client() // begun and left
		other.Get(link).Submit(link).See(303)
		app.Deliver()
		c := app.Client()
		c.Get(link).Submit(link).See(303)
		if page := c.Get(c.At()).See(200).Says("the address that our notice went to"); page.Holds("example.com") {
			t.Error("got an address on the code page, want none before the code")
		}
		c.Post(c.At()+"/act", "password", second, "password_again", second).See(303) // the link is no proof
		c.Get(c.At()).Submit("/answer", "code", app.Code(mara)).See(303)
		c.Get(c.At()).Submit("/act", "password", second, "password_again", second).See(303)
		c.Get(c.At()).See(200).Says("Your password is updated")
		thief.Get("/account").See(303)
		app.Client().Get(link).See(404).Says("This link doesn’t work any more.")
		app.Client().Post(link).See(404)

		late := secureLink(t, app, mara)
		if late == link {
			t.Fatal("got the old link in the new notice, want one of its own")
		}
		app.Client().Get(late).See(200)
		app.Sleep(sparekey.SecureLife)
		app.Client().Get(late).See(404)
	})
}

// A paused account cannot be taken back, and the link does not say why.
func TestTakeBackPaused(t *testing.T) {
	app := sparekeytest.New(t, sparekeytest.Options{})
	app.Register(mara, first)
	app.Client().Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
	link := secureLink(t, app, mara)
	v, err := app.Accounts.Find(t.Context(), mara)
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Accounts.Pause(t.Context(), v.ID); err != nil {
		t.Fatal(err)
	}
	if page := app.Client().Get(link).See(404); strings.Contains(page.Text(), "paused") {
		t.Error("got told that the account is paused, want nothing of it")
	}
}
