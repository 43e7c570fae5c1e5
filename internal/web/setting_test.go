package web_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// confirms types the code of the newest mail, if the flow asks for one, and
// presses the button of the last page.
func confirms(app *sparekeytest.App, c *sparekeytest.Client, email string) *sparekeytest.Page {
	at := c.At()
	if _, form := c.Get(at).See(200).Fields("/answer"); form != nil {
		c.Get(at).Says("Is it you?").Submit("/answer", "code", app.Code(email)).See(303)
	}
	c.Get(at).See(200).Submit("/act").See(303)
	return c.Get(at)
}

// Name and language are saved at once, and mails follow both. What is no name
// is refused kindly, stays in its field and changes nothing.
func TestProfile(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		c := app.Register(mara, first)
		c.Get("/account/profile").See(200).Submit("/profile", "name", "  Mara   Quiet ", "lang", "ar").See(303)
		c.Get("/account").Says("Mara Quiet")
		app.Sleep(48 * time.Hour)
		recovering(app, mara)
		app.Code(mara)
		mails := app.Sink.Mails(mara)
		if mail := mails[len(mails)-1]; !strings.Contains(mail.Text, "Mara Quiet") || !strings.Contains(mail.HTML, `lang="ar"`) {
			t.Errorf("got mail %q, want one in Arabic to Mara Quiet", mail.Text)
		}
		c.Get("/account/profile").Submit("/profile", "name", "Mara", "lang", "").See(303)
		for name, says := range map[string]string{
			strings.Repeat("ن", 65):     "over 64 characters",
			strings.Repeat("m", 10_000): "over 64 characters",
			"Mara\u202egnp.exe":         "characters we can’t show",
			"Mara\nSubject: spam":       "characters we can’t show",
		} {
			c.Get("/account/profile").Submit("/profile", "name", name, "lang", "").See(422).Says(says)
		}
		c.Post("/account/profile", "name", "Mara", "lang", "tlh").See(422)
		page := c.Get("/account/profile").Submit("/profile", "name", `<b onclick="x()">Mara</b> & https://evil.test`, "lang", "en").See(303)
		if strings.Contains(page.Body, "<b onclick") {
			t.Error("got a name's tags as tags, want them as text")
		}
	})
}

// A login name is chosen after the address was proved: right after the
// registration with one press, later after a fresh proof. It signs in, and the
// address goes on to; all proved addresses are told (A50, A51).
func TestChooseLogin(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		c := app.Register(mara, first)
		c.Get("/account/profile").Submit("/profile", "login", "Heron.1").See(303)
		confirms(app, c, mara).See(200).Says("Your username is saved")
		app.Client().Get("/signin").Submit("/signin", "login", "heron.1", "password", first).See(303)

		app.Sleep(sparekey.ProofLife)
		app.Deliver()
		before := len(app.Sink.Mails(mara))
		c.Get("/account/profile").Submit("/profile", "login", "egret").See(303)
		c.Get(c.At()).Says("Is it you?")
		c.Post(c.At() + "/act").See(303) // nothing was proved yet
		if got := app.Rows().Text(`SELECT COUNT(*) || '' FROM identifiers WHERE key = 'egret'`); got != "0" {
			t.Fatalf("got %s identifiers without a proof, want none", got)
		}
		confirms(app, c, mara).Says("Your username is saved")
		app.Sleep(2 * time.Hour)
		app.Deliver()
		said := false
		for _, mail := range app.Sink.Mails(mara)[before:] {
			said = said || mail.Subject == "Your Lantern Market username was changed"
		}
		if !said {
			t.Error("got no mail about the new username, want one")
		}
		app.Client().Get("/signin").Submit("/signin", "login", "egret", "password", first).See(303)
		app.Client().Get("/signin").Submit("/signin", "login", "heron.1", "password", first).See(422)
		app.Client().Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)

		// The old name is nobody else's for a year, and the owner's all the time.
		other := app.Register("wren@example.com", second)
		other.Get("/account/profile").Submit("/profile", "login", "heron.1").See(422).Says("That username is taken.")
		other.Get("/account/profile").Submit("/profile", "login", "EGRET").See(422).Says("That username is taken.")
		c.Get("/account/profile").Submit("/profile", "login", "heron.1").See(303)
		confirms(app, c, mara).Says("Your username is saved")
	})
}

// A name that cannot be one, is reserved or in use is refused with a sentence;
// an account can ask about ten names a day (A09).
func TestA09LoginProbes(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		c := app.Register(mara, first)
		for name, says := range map[string]string{
			"9lives": "That can’t be a username.", "ab": "That can’t be a username.", "мара": "That can’t be a username.",
			"mara@example.com": "That can’t be a username.", strings.Repeat("a", 33): "That can’t be a username.", "": "Fill in this field.",
			"admin": "That username is taken.", "Support": "That username is taken.",
		} {
			c.Get("/account/profile").Submit("/profile", "login", name).See(422).Says(says)
		}
		for i := range 10 {
			c.Get("/account/profile").Submit("/profile", "login", fmt.Sprintf("heron%d", i)).See(303)
		}
		c.Get("/account/profile").Submit("/profile", "login", "heron10").See(422).Says("That’s enough for today.")
		app.Sleep(24*time.Hour + time.Minute)
		c.Get("/account/profile").Submit("/profile", "login", "heron10").See(303)
	})
}

// Two accounts that choose one name at once: one has it, the other is told.
func TestLoginAtOnce(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		one, two := app.Register(mara, first), app.Register("wren@example.com", second)
		for _, c := range []*sparekeytest.Client{one, two} {
			c.Get("/account/profile").Submit("/profile", "login", "heron").See(303)
		}
		one.Get(one.At()).Submit("/act").See(303)
		two.Get(two.At()).Submit("/act").See(422).Says("That username is taken.")
		two.Get("/account").See(200)
	})
}

// Whoever has a fresh proof gets all that is kept about them, and no secret:
// the file is for the browser and the session that proved it, for ten minutes.
func TestExport(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		c := app.Register(mara, first)
		app.Sleep(sparekey.ProofLife)
		app.Client().Get("/signin").Submit("/signin", "login", mara, "password", "not it").See(422)
		c.Get("/account/data").Submit("/data", "what", "export").See(303)
		at := c.At()
		c.Get(at + "/data").See(404)
		confirms(app, c, mara).Says("Your file is ready")
		file := c.Get(at + "/data").See(200)
		if got := file.Header.Get("Content-Disposition"); !strings.Contains(got, "my-data-2026-05-03.json") {
			t.Errorf("got disposition %q, want a file to keep", got)
		}
		var data map[string]any
		if err := json.Unmarshal([]byte(file.Body), &data); err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"identifiers", "ways_to_verify", "devices", "activity"} {
			if list, _ := data[part].([]any); len(list) == 0 {
				t.Errorf("got no %s in %s, want some", part, file.Body)
			}
		}
		for _, want := range []string{mara, "password-tried-and-failed", "Firefox on Windows"} {
			if !strings.Contains(file.Body, want) {
				t.Errorf("got no %q in the file, want it", want)
			}
		}
		if strings.Contains(file.Body, "argon2") {
			t.Error("got the stored password in the file, want no secret")
		}
		app.Client().Get(at + "/data").See(404)
		old := app.Client()
		old.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		old.Get(at + "/data").See(404)
		app.Sleep(sparekey.FlowKept)
		c.Get(at + "/data").See(410)
	})
}

// A deletion pauses the account at once and says so, by mail too. A recovery
// calls it off; without one the account is gone after fourteen days, and its
// login name is nobody else's.
func TestDeletion(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		leave := func(c *sparekeytest.Client) {
			c.Get("/account/data").Submit("/data", "what", "delete").See(303)
			at := c.At()
			confirms(app, c, mara).See(200).Says("Your account will be deleted on")
			if c.Get("/account").Status != 303 {
				t.Error("got the account's pages after the deletion, want to be signed out")
			}
			c.Get(at).See(200)
		}
		c, other := app.Register(mara, first), app.Client()
		c.Get("/account/profile").Submit("/profile", "login", "heron").See(303)
		confirms(app, c, mara)
		other.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		leave(c)
		other.Get("/account").See(303)
		other.Get("/signin").Submit("/signin", "login", mara, "password", first).See(403).Says("This account is being deleted.")
		app.Client().Get("/signin").Submit("/signin", "login", mara, "password", second).See(422)

		other.Get("/signin").Submit("/signin", "login", mara, "password", first).Submit("/recover").See(303)
		answered(other, other.At(), app.Code(mara)).See(303)
		other.Get(other.At()).Submit("/act", "password", second, "password_again", second).See(303)
		app.Deliver()
		subjects := ""
		for _, mail := range app.Sink.Mails(mara) {
			subjects += mail.Subject + "\n"
		}
		for _, want := range []string{"Your Lantern Market account will be deleted", "Your Lantern Market account stays"} {
			if !strings.Contains(subjects, want) {
				t.Errorf("got mails %q, want %q among them", subjects, want)
			}
		}
		app.Sleep(15 * 24 * time.Hour)
		app.Sweep()
		c = app.Client()
		c.Get("/signin").Submit("/signin", "login", "heron", "password", second).See(303)

		leave(c)
		app.Sleep(sparekey.EraseAfter - time.Minute)
		app.Sweep()
		if app.Rows().Text(`SELECT COUNT(*) || '' FROM accounts`) != "1" {
			t.Fatal("got the account erased too early")
		}
		app.Sleep(2 * time.Minute)
		app.Sweep()
		app.Sleep(48 * time.Hour)
		app.Sweep()
		for table, rows := range app.Rows().Dump() {
			if strings.Contains(rows, "mara") || strings.Contains(rows, "heron") {
				t.Errorf("%s: got %q after the account was erased, want nothing of it", table, rows)
			}
		}
		app.Client().Get("/signin").Submit("/signin", "login", mara, "password", second).See(422)
		again := app.Register(mara, first)
		again.Get("/account/profile").Submit("/profile", "login", "heron").See(422).Says("That username is taken.")
	})
}

// The owner sees in plain sentences what happened, what failed too.
func TestActivity(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		c := app.Register(mara, first)
		for range 3 {
			app.Client().Get("/signin").Submit("/signin", "login", mara, "password", "not it").See(422)
		}
		app.Sleep(time.Minute)
		app.Client().Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		page := c.Get("/account/activity").See(200)
		for _, want := range []string{
			"The account was created.", "A password was tried and failed 3 times. It didn’t get in.",
			"Signed in with your password.", "Firefox on Windows", "203.0.113.7",
		} {
			page.Says(want)
		}
		app.Sleep(sparekey.ActivityKept)
		if p := c.Get("/account/activity"); p.Status == 200 && p.Holds("The account was created.") {
			t.Error("got what is older than 90 days, want it left out")
		}
		mine := app.Register("wren@example.com", second)
		mine.Get("/account/ways").See(200).Says("wren@example.com").Says("Password")
	})
}
