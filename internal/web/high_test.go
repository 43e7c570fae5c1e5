package web_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/config"
	"sparekey/internal/sparekeytest"
)

// secureShape is the link of a notice, as a path.
var secureShape = regexp.MustCompile(`/secure/[A-Za-z0-9_.~-]+`)

// In the profile "high" a mailed code is never the only proof: a mailbox alone
// gets nobody back in and confirms nothing, but the account's first other way
// (ASVS 6.3.6, 6.4.3).
func TestHighAsksForMoreThanAMailbox(t *testing.T) {
	const long = "seven quiet herons at dawn"
	sparekeytest.EachDBWith(t, sparekeytest.Options{
		Settings: func(s *config.Settings) { s.Profile = "high" },
	}, func(t *testing.T, app *sparekeytest.App) {
		app.Client().Get("/register").Submit("/register", "login", mara, "password", "nine owls 4").See(422).Says("Use at least 15 characters.")
		owner := app.Register(mara, long)
		if got, want := owner.At(), "/account/check"; got != want {
			t.Errorf("after the registration: got led to %s, want %s", got, want)
		}
		owner.Get("/account/check").See(200).Says("At risk.")

		alone := app.Client()
		at := startsRecovery(alone, app, mara)
		alone.Get(at).Submit("/answer", "code", app.Code(mara)).See(303)
		alone.Get(at).See(200).Says("One more proof is needed.")
		alone.Post(at+"/act", "password", long+"!", "password_again", long+"!").See(303)
		app.Client().Get("/signin").Submit("/signin", "login", mara, "password", long+"!").See(422)

		code := addSaved(app, owner, mara) // the first other way
		app.Sleep(sparekey.YoungFor + time.Hour)
		changeWays(app, owner, mara, "do", "add", "email", "mara@example.org")
		owner.Get(owner.At()).See(200).Says("One more proof is needed.") // the second one takes more

		c := app.Client()
		at = startsRecovery(c, app, mara)
		choose(c, at, "saved").See(303)
		c.Get(at).Submit("/answer", "code", code).See(303)
		keepSaved(c)
		c.Get(at).See(200).Says("Choose a new password")
	})
}

// In "high" no mail carries a link that stands in for a code, and none works.
func TestHighHasNoLinkForACode(t *testing.T) {
	sparekeytest.EachDBWith(t, sparekeytest.Options{
		Settings: func(s *config.Settings) { s.Profile = "high" },
	}, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, "seven quiet herons at dawn")
		app.Sleep(time.Hour)
		for range 6 {
			startsRecovery(app.Client(), app, mara)
		}
		for _, mail := range app.Sink.Mails(mara) {
			if strings.Contains(mail.Text, "/open/") {
				t.Errorf("got a mail with a link that stands in for a code, want none: %s", mail.Text)
			}
		}
	})
}

// Who has lost the second proof has the operator: every address is told at once,
// and after 72 hours one proof is enough, unless the owner says otherwise before.
func TestOperatorDropsTheSecondProof(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		ctx := t.Context()
		owner := app.Register(mara, first)
		seed, _ := addTOTP(app, owner, mara)
		id := machineSession(t, owner).Account
		if _, _, err := app.Accounts.DropSecond(ctx, id); err != nil {
			t.Fatal(err)
		}
		if _, _, err := app.Accounts.DropSecond(ctx, id); err == nil {
			t.Error("got it planned twice, want that it is planned already")
		}
		app.Deliver()
		told := 0
		for _, mail := range app.Sink.Mails(mara) {
			if mail.Subject == "Your Lantern Market account will ask for one proof only" {
				told++
			}
		}
		if told != 1 {
			t.Errorf("got %d mails about it, want 1", told)
		}

		// The owner has both proofs still, and stops it.
		owner.Get("/account/ways").Says("we stop asking for two proofs")
		app.Sleep(time.Minute)
		changeWays(app, owner, mara, "do", "two-on")
		if owner.Get(owner.At()).Holds("One more proof is needed.") {
			owner.Get(owner.At()).Submit("/ways", "way", "totp").See(303)
			owner.Get(owner.At()).Submit("/answer", "code", appCode(app, seed)).See(303)
		}
		owner.Get(owner.At()).See(200).Says("Ask for two proofs?").Submit("/act").See(303)
		app.Sleep(sparekey.DropAfter + time.Hour)
		app.Sweep()
		app.Client().Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		owner.Get("/account/ways").Says("On. We ask for two different proofs")

		// Nobody stops it.
		if _, _, err := app.Accounts.DropSecond(ctx, id); err != nil {
			t.Fatal(err)
		}
		app.Sleep(sparekey.DropAfter - time.Minute)
		app.Sweep()
		half := app.Client()
		half.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		half.Get("/account").See(303) // still two
		app.Sleep(2 * time.Minute)
		app.Sweep()
		in := app.Client()
		in.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		in.Get("/account").See(200)
	})
}

// Whoever gets into an account, drops the owner's way, adds one of their own and
// asks for two proofs, loses all of it to the link of the notice: the recovery
// counts the ways as they stood before (DESIGN rule 7, A51).
func TestA51TakeBackGoesBackBefore(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner := app.Register(mara, first)
		saved := addSaved(app, owner, mara)
		app.Deliver()
		app.Sleep(sparekey.YoungFor + time.Hour)

		thief := machineSignIn(app, mara, first) // with the mailbox open for a moment
		addTOTP(app, thief, mara)
		app.Deliver()
		link := ""
		for _, mail := range app.Sink.Mails(mara) {
			if mail.Subject == "Your Lantern Market account has a new way to verify" && strings.Contains(strings.Join(strings.Fields(mail.Text), " "), "Authenticator app") {
				link = secureShape.FindString(mail.Text)
			}
		}
		if link == "" {
			t.Fatal("got no notice of the thief's app with a link, want one")
		}
		app.Sleep(time.Hour)
		back := app.Client()
		back.Get(link).See(200).Submit(link).See(303)
		at := back.At()
		app.Deliver()
		choose(back, at, "saved").See(303)
		back.Get(at).Submit("/answer", "code", saved).See(303)
		keepSaved(back)
		back.Get(at).See(200).Says("Choose a new password").Submit("/act", "password", second, "password_again", second).See(303)

		in := app.Client() // asked for one proof again, as before
		in.Get("/signin").Submit("/signin", "login", mara, "password", second).See(303)
		in.Get("/account").See(200)
		in.Get("/account/ways").Says("Off. One proof is enough.").Says("Asleep")
		if got := app.Rows().Text(`SELECT asleep || '' FROM credentials WHERE kind = 'totp'`); got == "0" {
			t.Error("got the thief's app awake, want it asleep")
		}
	})
}
