package web_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sparekey/internal/sparekeytest"
)

// A14: the same form sent again once its flow is gone makes a new flow, and
// the ledger is charged for it like for any other.
func TestA14ReplayedStarts(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		rows, jar := app.Rows(), app.Client()
		jar.Get("/recover")
		short := 0
		for range 6 {
			for k := range 3 {
				c := jar.Clone()
				c.Post("/recover", "login", mara, "key", fmt.Sprintf("fixed%d", k)).See(303)
				app.Deliver()
				before := app.Flows.Compared()
				for range 5 {
					answered(c, c.At(), "00000000")
				}
				if rows.Text(`SELECT CAST(length AS TEXT) FROM challenges WHERE flow = $1`, c.At()[len("/flow/"):]) == "8" {
					short += int(app.Flows.Compared() - before)
				}
			}
			app.Sleep(42 * time.Minute)
			app.Sweep()
		}
		if short != 15 {
			t.Errorf("got %d comparisons with short codes in a few hours, want 15", short)
		}
	})
}

// A21: a form that was compared once is not compared for free with the next
// password.
func TestA21ReplayedPasswords(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		app.Sleep(48 * time.Hour)
		old := app.Client()
		old.Get("/signin")
		try := func(i int, pw string) int {
			return old.Clone().Post("/signin", "login", mara, "password", pw, "key", fmt.Sprint("k", i)).Status
		}
		for i := range 15 {
			pw := fmt.Sprintf("a quiet guess %d", i)
			if i == 7 {
				pw = second
			}
			if got := try(i, pw); got != 422 {
				t.Fatalf("got %d for a wrong password, want 422", got)
			}
		}
		machineRecover(app, app.Client(), mara, second)
		if got := try(7, second); got != 422 {
			t.Errorf("got %d for an old form with the new password, and the budget spent, want 422", got)
		}
	})
}

// P5: what strangers do about nobody is forgotten within days, and what cost
// nothing leaves no row with anybody's ledger.
func TestStrangersLeaveNothing(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		app.Sleep(48 * time.Hour)
		for i := range 10 {
			for _, login := range []string{fmt.Sprintf("nobody%d@example.com", i), mara} {
				c, _ := recovering(app, login)
				app.Deliver()
				if login != mara {
					answered(c, c.At(), "00000000")
				}
				app.Client().Post("/signin", "login", login, "password", "not it").See(422)
			}
		}
		app.Sleep(49 * time.Hour)
		app.Sweep()
		rows := app.Rows()
		if got := rows.List(`SELECT id, amount FROM charges`); len(got) != 1 {
			t.Errorf("got charges %v, want that of the registration: nobody's cost nothing, and mara's codes were never tried", got)
		}
		if got := rows.Text(`SELECT CAST(COUNT(*) AS TEXT) FROM spends WHERE kind = 'password'`); got != "10" {
			t.Errorf("got %s tries of passwords, want mara's 10", got)
		}
	})
}

// A notice that comes while another of its kind is with the mail server is not
// lost with it.
func TestNoticeInFlight(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		signIn := func() {
			app.Client().Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		}
		app.Register(mara, first)
		before := len(app.Sink.Mails(mara))
		signIn()
		app.Deliver()
		app.Sleep(time.Minute)
		signIn()
		app.Deliver() // put off to the end of the hour
		app.Sleep(time.Hour)
		held, let := make(chan struct{}), make(chan struct{})
		var once sync.Once
		app.Sink.Fail(func(stage, _ string) error {
			if stage == sparekeytest.StageRcpt {
				once.Do(func() { close(held); <-let })
			}
			return nil
		})
		done := make(chan struct{})
		go func() { app.Deliver(); close(done) }()
		<-held
		signIn()
		list, err := app.Store.Claim(context.Background(), 1, app.Now(), app.Now().Add(time.Minute))
		if err != nil || len(list) != 1 {
			t.Fatalf("got %d messages, %v, want the third notice", len(list), err)
		}
		if n, err := app.Store.Notice(context.Background(), list[0], app.Now()); err != nil || n == nil {
			t.Errorf("got notice %v, %v, want it sent and not joined to one that has left", n, err)
		}
		if err := app.Store.Retry(context.Background(), list[0], app.Now()); err != nil {
			t.Error(err)
		}
		close(let)
		<-done
		app.Sleep(2 * time.Hour)
		app.Deliver()
		if got := len(app.Sink.Mails(mara)) - before; got != 3 {
			t.Errorf("got %d mails about three sign-ins, want 3", got)
		}
	})
}

// Notices that were gathered into one are in it, though the mail server was
// down for a day.
func TestNoticesOutliveAnOutage(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		for i := range 4 {
			c := app.Client()
			c.Addr = fmt.Sprintf("198.51.100.%d:9", i+40)
			c.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
			app.Deliver()
			app.Sleep(time.Minute)
		}
		app.Sink.Fail(func(string, string) error { return sparekeytest.Reply(451) })
		for range 26 {
			app.Sleep(time.Hour)
			app.Deliver()
			app.Sweep()
		}
		app.Sink.Fail(nil)
		app.Sleep(time.Hour)
		app.Deliver()
		mails := app.Sink.Mails(mara)
		text := mails[len(mails)-1].Text
		for i := 1; i < 4; i++ {
			if want := fmt.Sprintf("198.51.100.%d", i+40); !strings.Contains(text, want) {
				t.Errorf("got %q, want the sign-in from %s in it", text, want)
			}
		}
	})
}

// A pause ends what was begun, for good: sessions, known browsers and flows do
// not come back when it is over (DESIGN rule 8).
func TestPauseEndsEverything(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		in := app.Register(mara, first)
		v, err := app.Accounts.Find(t.Context(), mara)
		if err != nil {
			t.Fatal(err)
		}
		c, _ := recovering(app, mara)
		code := app.Code(mara)
		if _, err := app.Accounts.Disable(t.Context(), v.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := app.Accounts.Enable(t.Context(), v.ID); err != nil {
			t.Fatal(err)
		}
		in.Get("/account").See(303)
		answered(c, c.At(), code).See(422)
		if got := app.Rows().Text(`SELECT CAST(COUNT(*) AS TEXT) FROM browsers`); got != "0" {
			t.Errorf("got %s known browsers after a pause, want none", got)
		}
		app.Client().Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
	})
}

// Messages of one flow that are resolved at the same moment say the same.
func TestResolvedAtOnce(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		for range 12 {
			app.Sleep(48 * time.Hour)
			before := len(app.Sink.Mails(mara))
			c, _ := recovering(app, mara)
			app.Sleep(time.Minute)
			c.Get(c.At()).Submit("/again").See(303)
			app.Deliver()
			mails := app.Sink.Mails(mara)[before:]
			if len(mails) != 2 || mails[0].Code() == "" || mails[0].Code() != mails[1].Code() {
				t.Fatalf("got %d mails, want two with the same code", len(mails))
			}
		}
	})
}

// A47: a form that signed somebody in, sent again long after they signed out,
// opens nothing and breaks nothing, on a shared computer either.
func TestA47ReplayedSignIn(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		for _, shared := range []string{"", "1"} {
			c := app.Client()
			c.Get("/signin")
			fields := []string{"login", mara, "password", first, "key", "fixed" + shared}
			if shared != "" {
				fields = append(fields, "shared", shared)
			}
			again := c.Clone()
			c.Post("/signin", fields...).See(303)
			c.Get("/account").Submit("/signout").See(303)
			app.Sleep(25 * time.Hour)
			app.Sweep()
			again.Post("/signin", fields...).See(403)
			if again.Get("/account").Status == 200 {
				t.Errorf("shared %q: got in with a form of yesterday", shared)
			}
		}
	})
}

// Who signs in on the last page of a recovery, in a browser that was not known,
// is told to the account's addresses like any other sign-in.
func TestSignInByFlowIsTold(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		c, _ := recovering(app, mara)
		at := c.At()
		answered(c, at, app.Code(mara)).See(303)
		before := len(app.Sink.Mails(mara))
		c.Get(at).Submit("/act", "password", first, "password_again", first).See(422).Submit("/act", "same", "1").See(303)
		app.Deliver()
		if got := len(app.Sink.Mails(mara)) - before; got != 1 {
			t.Errorf("got %d mails about the sign-in, want 1", got)
		}
	})
}

// A device that is signed out from elsewhere is no known browser any more.
func TestSignedOutIsUnknown(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		c := app.Register(mara, first)
		app.Client().Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		known := func() string { return app.Rows().Text(`SELECT CAST(COUNT(*) AS TEXT) FROM browsers`) }
		if known() != "2" {
			t.Fatalf("got %s known browsers, want 2", known())
		}
		c.Get("/account/devices").Submit("/devices").See(303) // the other one
		if known() != "1" {
			t.Errorf("got %s known browsers after signing one out, want this one", known())
		}
		app.Client().Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		c.Get("/account/devices")
		c.Post("/account/devices", "others", "1").See(303)
		if known() != "1" {
			t.Errorf("got %s known browsers after signing the others out, want this one", known())
		}
	})
}
