package web_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// asksFor has a stranger ask for a recovery of login.
func asksFor(app *sparekeytest.App, login string) *sparekeytest.Client {
	c := app.Client()
	c.Addr = "198.51.100.9:1"
	c.Get("/recover").Submit("/recover", "login", login).See(303)
	app.Deliver()
	return c
}

// spendsHour has strangers ask for all the mails that email may get within the
// hour, of which it has had none, and gives the path of the link in the last.
func spendsHour(t *testing.T, app *sparekeytest.App, email string) string {
	t.Helper()
	for n := range sparekey.MailCap()[0].Max - 1 {
		asksFor(app, email)
		if link := openLink(app, email); link != "" {
			t.Fatalf("got the link %s in mail %d of the hour, want it in the last only", link, n+1)
		}
	}
	asksFor(app, email)
	link := openLink(app, email)
	if link == "" {
		t.Fatal("got no link in the mail that fills the hour, want one")
	}
	return link
}

// openLink gives the path of the link in the newest mail to email that stands
// in for a code, or "".
func openLink(app *sparekeytest.App, email string) string {
	mails := app.Sink.Mails(email)
	return regexp.MustCompile(`/open/\S+`).FindString(mails[len(mails)-1].Text)
}

// A26, THREATS 6.2: strangers have used up the mails of the hour, and the owner
// sits at a browser that nobody knows. The last mail leads to the page of the
// new password, in the browser that pressed its button. A29: looking at it does
// nothing, pressing uses nothing up. A32: a finished recovery does.
func TestA26OwnerGetsInWithoutAMail(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		app.Sleep(time.Hour) // the mail of the registration is of another hour
		link := spendsHour(t, app, mara)

		sent := len(app.Sink.Mails(mara))
		asksFor(app, mara)
		if got := len(app.Sink.Mails(mara)); got != sent {
			t.Errorf("got %d mails beyond the cap, want none", got-sent)
		}
		before := app.Rows().Dump()
		for range 50 {
			app.Client().Do("HEAD", link, nil)
			if page := app.Client().Get(link).See(200).Says("Go on without a code"); page.Holds("example.com") {
				t.Error("got an address on the page of the link, want none")
			}
		}
		if changed := sparekeytest.Changed(before, app.Rows().Dump()); changed != nil {
			t.Errorf("got changes in %v by looking at the link, want none", changed)
		}
		app.Client().Get(link[:len(link)-2] + "xx").See(404)

		scanner := app.Client() // presses, and leaves it at that
		scanner.Get(link).Submit(link).See(303)
		c := app.Client()
		c.Get(link).Submit(link).See(303)
		c.Get(c.At()).See(200).Submit("/act", "password", second, "password_again", second).See(303)
		c.Get(c.At()).See(200).Says("Your password is updated")
		scanner.Post(scanner.At()+"/act", "password", third, "password_again", third)
		c.Get("/signin").Submit("/signin", "login", mara, "password", second).See(303)
		app.Client().Get(link).See(404).Says("This link isn’t needed any more.")
		app.Client().Post(link).See(404)
	})
}

// A proof is given by the press: the browser gets a new secret with it, two
// clicks are one, and the form that brought it revives nothing later (A47).
func TestOpenTwice(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		app.Sleep(time.Hour)
		link := spendsHour(t, app, mara)
		c := app.Client()
		page := c.Get(link)
		double, late := c.Clone(), c.Clone()
		_, fields := page.Fields(link)
		key := fields.Get("key")
		c.Post(link, "key", key).See(303)
		double.Post(link, "key", key).See(303)
		if c.At() != double.At() {
			t.Errorf("got %s and %s from two clicks, want one flow", c.At(), double.At())
		}
		c.Get(c.At()).See(200).Says("Choose a new password")
		double.Get(double.At()).See(200).Says("Choose a new password")
		app.Sleep(sparekey.RepeatLife)
		late.Post(link, "key", key).See(303)
		late.Get(late.At()).See(404)
	})
}

// The link works until strangers may have mails sent there again, at least ten
// minutes; only the newest one does; and all that ends a flow ends it (A33).
func TestOpenEnds(t *testing.T) {
	find := func(t *testing.T, app *sparekeytest.App) string {
		v, err := app.Accounts.Find(t.Context(), mara)
		if err != nil {
			t.Fatal(err)
		}
		return v.ID
	}
	for name, ends := range map[string]func(*testing.T, *sparekeytest.App){
		"with room for another mail": func(_ *testing.T, app *sparekeytest.App) { app.Sleep(time.Hour) },
		"with a change of password": func(_ *testing.T, app *sparekeytest.App) {
			c := app.Client()
			c.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
			c.Get("/account/password").Submit("/account/password").See(303)
			c.Get(c.At()).Submit("/answer", "code", app.Code(mara)).See(303)
			c.Get(c.At()).Submit("/act", "password", second, "password_again", second).See(303)
		},
		"with a recovery that found the password again": func(_ *testing.T, app *sparekeytest.App) {
			c := app.Client()
			link := openLink(app, mara)
			c.Get(link).Submit(link).See(303)
			c.Get(c.At()).Submit("/act", "password", first, "password_again", first).See(422).Submit("/act", "same", "1").See(303)
		},
		"with a pause of the account": func(t *testing.T, app *sparekeytest.App) {
			if _, err := app.Accounts.Disable(t.Context(), find(t, app)); err != nil {
				t.Fatal(err)
			}
		},
		"with the installation's epoch": func(t *testing.T, app *sparekeytest.App) {
			app.Rows().Exec(`UPDATE meta SET value = '7' WHERE key = 'epoch'`)
			if err := app.Restart(); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
				app.Register(mara, first)
				app.Sleep(time.Hour)
				link := spendsHour(t, app, mara)
				app.Client().Get(link).See(200)
				ends(t, app)
				app.Client().Get(link).See(404)
			})
		})
	}
}

// The day's cap has links of its own, which live until the day has room; and
// with each mail that leaves again, only its own link works.
func TestOpenOfTheDay(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		app.Sleep(24 * time.Hour)
		old := spendsHour(t, app, mara)
		app.Sleep(time.Hour + time.Minute)
		for range 5 {
			asksFor(app, mara)
		}
		link := openLink(app, mara)
		if link == "" || link == old {
			t.Fatalf("got link %q in the mail that fills the day, want one of its own", link)
		}
		app.Client().Get(old).See(404)
		app.Sleep(22 * time.Hour)
		app.Client().Get(link).See(200)
		app.Sleep(time.Hour)
		app.Client().Get(link).See(404) // the first mails of the day are of yesterday
	})
}

// A link lives ten minutes at least, even if there is room for a mail sooner.
func TestOpenLivesTenMinutes(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		app.Sleep(time.Hour)
		for range 4 {
			asksFor(app, mara)
		}
		app.Sleep(58 * time.Minute)
		asksFor(app, mara)
		link := openLink(app, mara)
		app.Sleep(9 * time.Minute)
		app.Client().Get(link).See(200)
		app.Sleep(time.Minute)
		app.Client().Get(link).See(404)
	})
}

// The mail to somebody with whose address strangers register carries the link
// too; those of the owner's own browsers do not, nor those to an address that
// nobody has proved.
func TestOpenIsForStrangersMails(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		own := app.Register(mara, first)
		app.Sleep(time.Hour)
		for range 4 {
			asksFor(app, mara)
		}
		c := app.Client()
		c.Get("/register").Submit("/register", "login", mara, "password", third).See(303)
		app.Deliver()
		link := openLink(app, mara)
		if link == "" {
			t.Fatal("got no link in the mail about a second account, want one")
		}
		c = app.Client()
		c.Get(link).Submit(link).See(303)
		c.Get(c.At()).See(200).Says("Choose a new password")

		for range 6 {
			c := own.Clone()
			c.Get("/recover").Submit("/recover", "login", mara).See(303)
			app.Deliver()
			if link := openLink(app, mara); link != "" {
				t.Errorf("got %s in a mail to a browser that is known, want none", link)
			}
		}
		if _, err := app.Accounts.Add(t.Context(), "ines@example.com", "", "en"); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			asksFor(app, "ines@example.com")
		}
		if link := openLink(app, "ines@example.com"); link != "" {
			t.Errorf("got %s in a mail to an address nobody has proved, want none", link)
		}
	})
}

// A43, A44: an account that asks for two proofs is not opened by a mailbox alone,
// whether by a link or by a code.
func TestA43OpenIsOneProof(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		app.Rows().Exec(`UPDATE accounts SET two_proofs = TRUE`)
		app.Sleep(time.Hour)
		link := spendsHour(t, app, mara)
		c := app.Client()
		c.Get(link).Submit(link).See(303)
		flow := c.At()
		one := func(after string) {
			c.Post(flow+"/act", "password", second, "password_again", second)
			if page := c.Get(flow); page.Holds("Choose a new password") {
				t.Errorf("after %s: got the page of the new password for one proof, want another to be asked for", after)
			}
		}
		one("the link")
		c.Get(link).Submit(link).See(303) // the mailbox once more is the same place
		flow = c.At()
		one("the link, twice")
		app.Sleep(24 * time.Hour)
		flow = "/flow/" + machineStart(c, "/recover", "login", mara)
		machineProve(app, c, strings.TrimPrefix(flow, "/flow/"), mara)
		one("a code")
		app.Client().Get("/signin").Submit("/signin", "login", mara, "password", second).See(422)
	})
}
