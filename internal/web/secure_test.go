package web_test

import (
	"context"
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
		if page := c.Get(c.At()).See(200); !strings.Contains(page.Body, `value="`+mara+`"`) {
			t.Error("got a page of the new password without the login, want it for the password manager")
		}
		c.Get(c.At()).Submit("/act", "password", second, "password_again", second).See(303)
		if _, form := c.Get(c.At()).See(200).Says("Your password is updated").Fields("/signin"); form.Get("login") != mara {
			t.Errorf("got the way to the sign-in with %q, want %s filled in", form.Get("login"), mara)
		}
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
	if _, err := app.Accounts.Disable(t.Context(), v.ID); err != nil {
		t.Fatal(err)
	}
	if page := app.Client().Get(link).See(404); strings.Contains(page.Text(), "paused") {
		t.Error("got told that the account is paused, want nothing of it")
	}
}

// A51: whatever changes about an account, or lets somebody in, every proved
// address is told of it, and one that was dropped within the last week too; with
// a link that takes the account back, unless nobody gets in at all.
func TestA51EveryChangeIsTold(t *testing.T) {
	for name, change := range endings {
		switch name {
		case "password changed elsewhere", "recovered", "deletion planned", "paused by the operator", "signed out by the operator":
			toldOf(t, name, name != "paused by the operator", change)
		}
	}
	changes := func(app *sparekeytest.App, c *sparekeytest.Client, fields ...string) {
		changeWays(app, c, mara, fields...)
		c.Get(c.At()).See(200).Submit("/act").See(303)
	}
	addressID := func(app *sparekeytest.App) string {
		return app.Rows().Text(`SELECT id FROM identifiers WHERE key = $1`, "mara@example.org")
	}
	toldOf(t, "a way added", true, func(app *sparekeytest.App, _, other *sparekeytest.Client) { addSaved(app, other, mara) })
	toldOf(t, "a way dropped", true, func(app *sparekeytest.App, _, other *sparekeytest.Client) {
		changes(app, other, "do", "drop", "id", addressID(app))
	})
	toldOf(t, "a way taken back", true, func(app *sparekeytest.App, _, other *sparekeytest.Client) {
		changes(app, other, "do", "drop", "id", addressID(app))
		changes(app, other, "do", "keep", "id", addressID(app))
	})
	toldOf(t, "two proofs", true, func(app *sparekeytest.App, _, other *sparekeytest.Client) { changes(app, other, "do", "two-on") })
	toldOf(t, "a saved code used", true, func(app *sparekeytest.App, _, other *sparekeytest.Client) {
		code := addSaved(app, other, mara)
		app.Deliver()
		choose(other, startsRecovery(other, app, mara), "saved").See(303)
		other.Get(other.At()).Submit("/answer", "code", code).See(303)
	})
	toldOf(t, "half a sign-in", true, func(app *sparekeytest.App, _, other *sparekeytest.Client) {
		changes(app, other, "do", "two-on")
		app.Deliver()
		app.Client().Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		app.Sleep(2 * sparekey.HalfAfter)
	})
	toldOf(t, "the second proof to be dropped by the operator", true, func(app *sparekeytest.App, _, other *sparekeytest.Client) {
		changes(app, other, "do", "two-on")
		app.Deliver()
		if _, _, err := app.Accounts.DropSecond(context.Background(), idOf(app, mara)); err != nil {
			t.Error(err)
		}
	})
	toldOf(t, "signed in from a new browser", true, func(app *sparekeytest.App, _, _ *sparekeytest.Client) {
		app.Client().Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
	})
	toldOf(t, "a login name was chosen", true, func(app *sparekeytest.App, _, other *sparekeytest.Client) {
		other.Get("/account/profile").Submit("/profile", "login", "heron").See(303)
		confirms(app, other, mara)
	})
	toldOf(t, "a deletion called off", true, func(app *sparekeytest.App, c, other *sparekeytest.Client) {
		endings["deletion planned"](app, c, other)
		app.Deliver()
		endings["recovered"](app, c, other)
	})
	act := func(app *sparekeytest.App, c *sparekeytest.Client, fields ...string) {
		changeWays(app, c, mara, fields...)
		c.Get(c.At()).Submit("/act").See(303)
	}
	saved := func(app *sparekeytest.App) string {
		return app.Rows().Text(`SELECT id FROM credentials WHERE kind = 'saved'`)
	}
	toldOf(t, "a way was added", true, func(app *sparekeytest.App, _, other *sparekeytest.Client) {
		act(app, other, "do", "add", "way", "saved")
	})
	toldOf(t, "a way was removed", true, func(app *sparekeytest.App, _, other *sparekeytest.Client) {
		act(app, other, "do", "add", "way", "saved")
		act(app, other, "do", "drop", "id", saved(app))
	})
	toldOf(t, "a way was taken back", true, func(app *sparekeytest.App, _, other *sparekeytest.Client) {
		act(app, other, "do", "add", "way", "saved")
		act(app, other, "do", "drop", "id", saved(app))
		act(app, other, "do", "keep", "id", saved(app))
	})
	toldOf(t, "two proofs were turned on", true, func(app *sparekeytest.App, _, other *sparekeytest.Client) {
		act(app, other, "do", "two-on")
	})
	toldOf(t, "the saved code was used", true, func(app *sparekeytest.App, _, other *sparekeytest.Client) {
		code := addSaved(app, other, mara)
		app.Sleep(sparekey.YoungFor + time.Hour)
		c := app.Client()
		at := startsRecovery(c, app, mara)
		choose(c, at, "saved").See(303)
		c.Get(at).Submit("/answer", "code", code).See(303)
	})
	toldOf(t, "let in again by the operator", true, func(app *sparekeytest.App, c, other *sparekeytest.Client) {
		endings["paused by the operator"](app, c, other)
		app.Deliver()
		if _, err := app.Accounts.Enable(context.Background(), idOf(app, mara)); err != nil {
			t.Error(err)
		}
	})
}

func toldOf(t *testing.T, name string, link bool, change func(app *sparekeytest.App, c, other *sparekeytest.Client)) {
	t.Run(name, func(t *testing.T) {
		sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
			other := app.Register(mara, first)
			const second, lately, longAgo = "mara@example.org", "mara@example.net", "mara@example.edu"
			for n, email := range []string{second, lately, longAgo} {
				dropped := []time.Time{{}, sparekeytest.Start.Add(-time.Hour), sparekeytest.Start.Add(-sparekey.DroppedTold - time.Hour)}[n]
				at := int64(0)
				if !dropped.IsZero() {
					at = dropped.UnixMicro()
				}
				app.Rows().Exec(`INSERT INTO identifiers (id, account, kind, key, shown, added, proved, dropped)
					SELECT $1, account, 'email', $2, $2, added + 1, proved, $3 FROM identifiers WHERE key = $4`, email, email, at, mara)
			}
			c := app.Client()
			c.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
			app.Deliver()
			app.Sleep(2 * time.Hour) // else what follows is merged with that
			before := len(app.Sink.Mails(mara))
			change(app, c, other)
			app.Deliver()
			for _, email := range []string{mara, second, lately} {
				list := app.Sink.Mails(email)
				if email == mara {
					list = list[before:]
				}
				if len(list) == 0 {
					t.Errorf("%s: got no mail, want one that tells", email)
					continue
				}
				if last := list[len(list)-1]; strings.Contains(last.Text, "/secure/") != link {
					t.Errorf("%s: got the mail %q, want the link in it: %v", email, last.Subject, link)
				}
			}
			if list := app.Sink.Mails(longAgo); len(list) > 0 {
				t.Errorf("got %d mails to an address dropped long ago, want none", len(list))
			}
		})
	})
}
