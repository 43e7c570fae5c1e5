package web_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// newWay begins to add a way from the list of ways, and goes as far as the last
// page of the flow.
func newWay(app *sparekeytest.App, c *sparekeytest.Client, email string, fields ...string) *sparekeytest.Page {
	changeWays(app, c, email, append([]string{"do", "add"}, fields...)...)
	return c.Get(c.At())
}

// changeWays begins a change of the ways, and proves who asks for it if that is
// asked.
func changeWays(app *sparekeytest.App, c *sparekeytest.Client, email string, fields ...string) {
	app.Sleep(time.Second) // no way comes with the account
	c.Get("/account/ways").See(200).Submit("/ways", fields...).See(303)
	at := c.At()
	if _, form := c.Get(at).See(200).Fields("/answer"); form != nil && c.Get(at).Holds("Is it you?") {
		c.Get(at).Submit("/answer", "code", app.Code(email)).See(303)
	}
}

// addSaved adds a saved code and gives it.
func addSaved(app *sparekeytest.App, c *sparekeytest.Client, email string) string {
	newWay(app, c, email, "way", "saved").See(200).Submit("/act").See(303)
	return keepSaved(c)
}

// keepSaved reads the saved code on the page and says that it is kept.
func keepSaved(c *sparekeytest.Client) string {
	page := c.Get(c.At()).See(200)
	code := sparekeytest.SavedCode(page.Text())
	if code == "" {
		page.Says("a saved code of five groups")
	}
	page.Submit("/saved").See(422).Says("Save the code first.")
	page.Submit("/saved", "kept", "1").See(303)
	return code
}

// addTOTP adds an authenticator app and gives its seed, and the saved code that
// comes with it if one does.
func addTOTP(app *sparekeytest.App, c *sparekeytest.Client, email string) (seed, saved string) {
	page := newWay(app, c, email, "way", "totp").See(200).Says("Add your authenticator app")
	seed = sparekeytest.Seed(page.Text())
	page.Submit("/act", "code", "000").See(422).Says("Your app shows 6 digits.")
	page.Submit("/act", "code", "000000").See(422).Says("That code is for another minute.")
	page.Submit("/act", "code", appCode(app, seed)).See(303)
	if page := c.Get(c.At()); page.Status == 200 {
		page.Says("From now on we ask for two proofs")
		saved = keepSaved(c)
	}
	return seed, saved
}

// appCode is what an authenticator app shows now.
func appCode(app *sparekeytest.App, seed string) string { return app.AppCode(seed, app.Now()) }

// choose goes on with another way.
func choose(c *sparekeytest.Client, flow, way string) *sparekeytest.Page {
	return c.Get(flow+"/ways").See(200).Submit("/ways", "way", way)
}

// Who has lost the mailbox gets back in with the saved code: it works once, is
// replaced, and the owner is told (A23, ASVS 6.5.2).
func TestA23SavedCodeRecovers(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner := app.Register(mara, first)
		newWay(app, owner, mara, "way", "saved").See(200).Submit("/act").See(303)
		if page := owner.Get(owner.At()).See(200); page.Holds("two proofs") {
			t.Errorf("got %q for an account that asks for one proof, want nothing about two", page.Text())
		}
		code := keepSaved(owner)
		app.Sleep(sparekey.YoungFor + time.Hour)

		c := app.Client()
		c.Get("/recover").Submit("/recover", "login", mara).See(303)
		at := c.At()
		app.Deliver()
		choose(c, at, "saved").See(303)
		c.Get(at).See(200).Says("Enter your saved code")
		for typed, says := range map[string]string{"": "Fill in this field.", "7KQTM": "That doesn’t look like the whole code."} {
			c.Get(at).Submit("/answer", "code", typed).See(422).Says(says)
		}
		c.Get(at).Submit("/answer", "code", "7KQTM-4R7WX-01234-56789-ABCDE").See(422).Says("4 tries left")
		c.Get(at).Submit("/answer", "code", " "+strings.ToLower(strings.ReplaceAll(code, "-", " "))).See(303)
		c.Get(at).Says("Keep this code safe")
		fresh := keepSaved(c)
		c.Get(at).Says("Choose a new password").Submit("/act", "password", second, "password_again", second).See(303)
		c.Get(at).See(200).Says("Your password is updated.")
		if sparekeytest.SavedCode(c.Get(at).Text()) != "" {
			t.Error("got the saved code shown again after it was kept, want it once")
		}
		c.Get(at + "/saved.txt").See(404)
		machineSignIn(app, mara, second)
		told := false
		app.Deliver()
		for _, mail := range app.Sink.Mails(mara) {
			told = told || mail.Subject == "Your saved code for Lantern Market was used"
		}
		if !told {
			t.Error("got no mail that the saved code was used, want one")
		}

		for typed, status := range map[string]int{code: 422, fresh: 303} {
			c := app.Client()
			c.Get("/recover").Submit("/recover", "login", mara).See(303)
			at := c.At()
			app.Deliver()
			choose(c, at, "saved").See(303)
			c.Get(at).Submit("/answer", "code", typed).See(status)
		}
	})
}

// A saved code of one account opens nothing of another, and nothing of nobody.
func TestSavedCodeOfAnother(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		code := addSaved(app, app.Register(mara, first), mara)
		app.Register("wren@example.com", second)
		app.Sleep(sparekey.YoungFor + time.Hour)
		for _, login := range []string{"wren@example.com", "nobody@example.com"} {
			c := app.Client()
			c.Get("/recover").Submit("/recover", "login", login).See(303)
			at := c.At()
			app.Deliver()
			choose(c, at, "saved").See(303)
			c.Get(at).Submit("/answer", "code", code).See(422).Says("That code isn’t right.")
		}
	})
}

// A way that was added lately counts only beside an older one, and a recovery
// puts it to sleep until its owner wakes it (DESIGN rule 11): whoever holds a
// session for a moment cannot leave a way in behind.
func TestYoungWaysSleep(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		code := addSaved(app, app.Register(mara, first), mara)
		app.Sleep(time.Hour)
		c := app.Client()
		c.Get("/recover").Submit("/recover", "login", mara).See(303)
		at := c.At()
		app.Deliver()
		choose(c, at, "saved").See(303)
		c.Get(at).Submit("/answer", "code", code).See(303)
		keepSaved(c)
		c.Get(at).See(200).Says("One more proof is needed.")
		c.Get(at+"/ways").Submit("/ways", "way", "mail").See(303)
		c.Get(at).Submit("/answer", "code", app.Code(mara)).See(303)
		c.Get(at).Says("Choose a new password")

		// The owner recovers by mail alone: the young way sleeps.
		machineRecover(app, app.Client(), mara, second)
		owner := machineSignIn(app, mara, second)
		owner.Get("/account/ways").Says("Asleep since your account was recovered.")
		app.Sleep(sparekey.YoungFor + time.Hour)
		owner.Get("/account/ways").Says("Asleep since your account was recovered.")
		changeWays(app, owner, mara, "do", "keep", "id", app.Rows().Text(`SELECT id FROM credentials WHERE kind = 'saved'`))
		owner.Get(owner.At()).See(200).Says("Wake this?").Submit("/act").See(303)
		owner.Get(owner.At()).See(303)
		owner.Get(owner.At()).Says("It works again.")
	})
}

// An account with an authenticator app asks for two proofs, at the sign-in and in
// a recovery; a code of the app is used once, wherever (A25, A43), and is looked
// at only after another proof (A24; ASVS 6.3.3, 6.4.4, 6.5.8).
func TestA25AuthenticatorApp(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner := app.Register(mara, first)
		seed, saved := addTOTP(app, owner, mara)
		if saved == "" {
			t.Fatal("got no saved code beside the app, want one")
		}
		owner.Get("/account/ways").Says("On. We ask for two different proofs")
		app.Sleep(sparekey.YoungFor + time.Hour)

		in := app.Client()
		in.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		at := in.At()
		in.Get("/account").See(303) // not in yet
		in.Get(at).See(200).Says("Enter the code from your app")
		in.Get(at).Submit("/answer", "code", "000000").See(422).Says("4 tries left")
		code := appCode(app, seed)
		in.Get(at).Submit("/answer", "code", code).See(303)
		in.Get(at).See(303)
		in.Get("/account").See(200)

		again := app.Client()
		again.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		again.Get(again.At()).Submit("/answer", "code", code).See(422)
		app.Sleep(time.Minute)
		again.Get(again.At()).Submit("/answer", "code", appCode(app, seed)).See(303)

		app.Sleep(time.Minute)
		lost := app.Client()
		lost.Get("/recover").Submit("/recover", "login", mara).See(303)
		at = lost.At()
		mailed := app.Code(mara)
		choose(lost, at, "totp").See(200).Says("First the code from the message, then the one from your app.")
		lost.Get(at).Submit("/answer", "code", mailed).See(303)
		lost.Get(at).See(200).Says("One more proof is needed.")
		lost.Post(at+"/act", "password", second, "password_again", second).See(303) // A43
		app.Client().Get("/signin").Submit("/signin", "login", mara, "password", second).See(422)
		lost.Get(at).Submit("/ways", "way", "totp").See(303)
		lost.Get(at).Submit("/answer", "code", appCode(app, seed)).See(303)
		lost.Get(at).Says("Choose a new password").Submit("/act", "password", second, "password_again", second).See(303)
		lost.Get(at).Says("Your password is updated.")
	})
}

// An authenticator app's budget is spent before anything is compared, and what
// strangers spend of it leaves the known browser its own (A24).
func TestA24AppBudget(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner := app.Register(mara, first)
		seed, _ := addTOTP(app, owner, mara)
		half := func(c *sparekeytest.Client) string {
			c.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
			return c.At()
		}
		thief := app.Client()
		for range 3 {
			at := half(thief)
			for range sparekey.MaxTries {
				thief.Get(at).Submit("/answer", "code", "000000")
			}
		}
		at := half(thief)
		thief.Get(at).Submit("/answer", "code", appCode(app, seed)).See(422) // right, and not looked at
		owner.Get("/account").Submit("/signout").See(303)
		app.Sleep(time.Minute)
		at = half(owner)
		owner.Get(at).Submit("/answer", "code", appCode(app, seed)).See(303)
		owner.Get("/account").See(200)
	})
}

// A second address is proved by a code to it, once the account's owner has shown
// who they are; from then on it is told of everything and recovers the account
// (A51). An address that somebody has looks the same, and is told by mail alone.
func TestSecondAddress(t *testing.T) {
	const other = "mara@example.org"
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register("wren@example.com", second)
		owner := app.Register(mara, first)
		app.Sleep(sparekey.ProofLife)
		owner.Get("/account/ways").Submit("/ways", "do", "add", "email", "mara@").See(422).Says("Check the email address.")
		owner.Get("/account/ways").Submit("/ways", "do", "add", "email", mara).See(422).Says("You have that one already.")
		changeWays(app, owner, mara, "do", "add", "email", other)
		at := owner.At()
		owner.Get(at).See(200).Says("Confirm it’s yours").Says(other)
		owner.Get(at).Submit("/answer", "code", "12345678").See(422)
		owner.Get(at).Submit("/answer", "code", app.Code(other)).See(303)
		owner.Get(at).See(303)
		owner.Get("/account/ways").Says(other).Says("Counts alone from")

		changeWays(app, owner, mara, "do", "add", "email", "wren@example.com")
		at = owner.At()
		taken := owner.Get(at).See(200).Says("Confirm it’s yours").Text()
		app.Deliver()
		mails := app.Sink.Mails("wren@example.com")
		if got, want := mails[len(mails)-1].Subject, "You already have a Lantern Market account"; got != want {
			t.Errorf("got mail %q to the address that somebody has, want %q", got, want)
		}
		owner.Get(at).Submit("/answer", "code", "12345678").See(422)
		changeWays(app, owner, mara, "do", "add", "email", "free@example.com")
		free := strings.ReplaceAll(owner.Get(owner.At()).Text(), "free@example.com", "wren@example.com")
		clock := regexp.MustCompile(`\d\d:\d\d:\d\d`)
		if free, taken = clock.ReplaceAllString(free, ""), clock.ReplaceAllString(taken, ""); free != taken {
			t.Errorf("got %q for a free address and %q for a taken one, want the same", free, taken)
		}

		app.Sleep(sparekey.YoungFor + time.Hour)
		machineRecover(app, app.Client(), other, third)
		machineSignIn(app, mara, third)
		app.Deliver()
		for _, to := range []string{mara, other} {
			told := false
			for _, mail := range app.Sink.Mails(to) {
				told = told || mail.Subject == "Your Lantern Market password was changed"
			}
			if !told {
				t.Errorf("got no notice to %s, want one", to)
			}
		}
	})
}

// What is removed stops working at once, is told, and can be taken back for seven
// days; the last way in is kept (A51, ASVS 6.5.6).
func TestDropAndTakeBack(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		rows := app.Rows()
		owner := app.Register(mara, first)
		code := addSaved(app, owner, mara)
		app.Sleep(sparekey.YoungFor + time.Hour)
		id := rows.Text(`SELECT id FROM credentials WHERE kind = 'saved'`)
		mail := rows.Text(`SELECT id FROM identifiers`)

		changeWays(app, owner, mara, "do", "drop", "id", id)
		owner.Get(owner.At()).See(200).Says("Remove this?").Submit("/act").See(303)
		owner.Get("/account/ways").Says("You can take it back until")
		owner.Get("/account/ways").Submit("/ways", "do", "drop", "id", mail).See(422).Says("Keep at least one.")
		tries := func(status int) {
			t.Helper()
			c := app.Client()
			c.Get("/recover").Submit("/recover", "login", mara).See(303)
			at := c.At()
			app.Deliver()
			choose(c, at, "saved").See(303)
			c.Get(at).Submit("/answer", "code", code).See(status)
		}
		tries(422)
		changeWays(app, owner, mara, "do", "keep", "id", id)
		owner.Get(owner.At()).See(200).Says("Take this back?").Submit("/act").See(303)
		tries(303)

		changeWays(app, owner, mara, "do", "drop", "id", id)
		owner.Get(owner.At()).Submit("/act").See(303)
		app.Sleep(sparekey.TakeBack + time.Hour)
		app.Sweep()
		if got := rows.Text(`SELECT COUNT(*) || '' FROM credentials WHERE kind = 'saved'`); got != "0" {
			t.Errorf("got %s saved codes seven days after, want none", got)
		}
		owner.Get("/account/ways").Submit("/ways", "do", "keep", "id", id).See(409).Says("That changed meanwhile.")
	})
}

// Whoever has a password, a session or half a sign-in, and no fresh proof, adds
// and removes nothing (A49, A50).
func TestA50WaysWantFreshProofs(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		rows := app.Rows()
		owner := app.Register(mara, first)
		seed, _ := addTOTP(app, owner, mara)
		app.Sleep(time.Hour)
		before := rows.Dump("credentials", "identifiers", "accounts")

		half := app.Client()
		half.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		for _, fields := range [][]string{
			{"do", "add", "way", "saved"}, {"do", "add", "email", "thief@example.com"}, {"do", "two-off"}, {"do", "drop", "id", "x"},
		} {
			half.Post("/account/ways", fields...).See(303)
			if !strings.HasPrefix(half.At(), "/signin") {
				t.Errorf("half signed in, %v: got led to %s, want to the sign-in", fields, half.At())
			}
		}

		thief := app.Client()
		thief.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		thief.Get(thief.At()).Submit("/answer", "code", appCode(app, seed)).See(303)
		app.Sleep(time.Minute)
		for _, fields := range [][]string{
			{"do", "add", "way", "saved"},
			{"do", "add", "email", "thief@example.com"},
			{"do", "two-off"},
			{"do", "drop", "id", rows.Text(`SELECT id FROM credentials WHERE kind = 'totp'`)},
		} {
			thief.Get("/account/ways").Submit("/ways", fields...)
			at := thief.At()
			thief.Get(at).See(200).Says("Is it you?")
			thief.Post(at + "/act").See(303)
		}
		if got := sparekeytest.Changed(before, rows.Dump("credentials", "identifiers", "accounts")); got != nil && !onlyStep(got) {
			t.Errorf("got changes in %v, want none", got)
		}
	})
}

// onlyStep reports whether all that changed is the step of an authenticator app.
func onlyStep(changed []string) bool { return len(changed) == 1 && changed[0] == "credentials" }

// From a browser that nobody knows, every account and nobody has the same list,
// with nothing masked in it; a known browser gets the account's own (A05).
func TestA05WaysAreTheSameForAll(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner := app.Register(mara, first)
		addSaved(app, owner, mara)
		app.Register("wren@example.com", second)
		list := func(c *sparekeytest.Client, login string) *sparekeytest.Page {
			c.Get("/recover").Submit("/recover", "login", login).See(303)
			app.Deliver()
			return c.Get(c.At() + "/ways").See(200)
		}
		want := list(app.Client(), "nobody@example.com").Text()
		for _, login := range []string{mara, "wren@example.com", "nobody"} {
			if got := list(app.Client(), login).Text(); got != want {
				t.Errorf("%s: got %q, want %q", login, got, want)
			}
		}
		list(owner, mara).Says("These are yours.").Says("m•••@example.com").Says("Saved recovery code")
		if list(owner, mara).Holds("Authenticator app code") {
			t.Error("got a way that the account lacks in a browser it knows, want its own alone")
		}
		if got := list(owner, "wren@example.com").Text(); got != want {
			t.Errorf("a browser known to another account: got %q, want %q", got, want)
		}
	})
}

// The recovery check says what is left after each loss, and a rehearsal shows it
// without changing anything: its proofs count nowhere else.
func TestRecoveryCheck(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		rows := app.Rows()
		owner := app.Register(mara, first)
		owner.Get("/account/check").See(200).Says("One step left.")
		owner.Get("/account").See(200).Says("Recovery check One step left Details")
		addSaved(app, owner, mara)
		owner.Get("/account/check").See(200).Says("One step left.") // it is young
		app.Sleep(sparekey.YoungFor + time.Hour)
		owner.Get("/account/check").See(200).Says("Ready.")
		owner.Get("/account").See(200).Says("Recovery check Ready Details")

		before := rows.Dump("accounts", "identifiers", "credentials", "sessions", "browsers")
		owner.Get("/account/check").Submit("/check").See(303)
		at := owner.At()
		owner.Get(at).Submit("/answer", "code", app.Code(mara)).See(303)
		owner.Get(at).See(200).Says("You would get back in")
		test := 0
		for _, mail := range app.Sink.Mails(mara) {
			if mail.Subject == "Your Lantern Market test code" {
				test++
			}
		}
		if test != 1 {
			t.Errorf("got %d mails that say it is a test, want 1", test)
		}
		if got := sparekeytest.Changed(before, rows.Dump("accounts", "identifiers", "credentials", "sessions", "browsers")); got != nil {
			t.Errorf("got changes in %v, want none", got)
		}
		owner.Get("/account/ways").Submit("/ways", "do", "add", "way", "saved").See(303)
		owner.Get(owner.At()).Says("Is it you?") // what was rehearsed proves nothing here
	})
}

// The recovery check counts a young way as a recovery does: beside an older one.
// Who has just added an authenticator app is not at risk.
func TestRecoveryCheckCountsYoungWays(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner := app.Register(mara, first)
		addTOTP(app, owner, mara)
		check := owner.Get("/account/check").See(200).Says("One step left.")
		check.Says("If you lose your phone 2 ways still work: " + mara + " Saved recovery code If you lose your email")
		check.Says("If you lose your email 2 ways still work:").Says("That isn’t enough to get back in.")
	})
}

// A right password without the second proof is told to the account's owner, but
// not if the second proof follows.
func TestHalfSignInIsTold(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner := app.Register(mara, first)
		seed, _ := addTOTP(app, owner, mara)
		app.Sleep(2 * time.Hour)
		app.Deliver()
		told := func() (n int) {
			app.Sleep(2 * sparekey.HalfAfter)
			app.Deliver()
			for _, mail := range app.Sink.Mails(mara) {
				if mail.Subject == "Someone has your Lantern Market password" {
					n++
				}
			}
			return n
		}
		c := app.Client()
		c.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		c.Get(c.At()).Submit("/answer", "code", appCode(app, seed)).See(303)
		if got := told(); got != 0 {
			t.Errorf("got %d notices of a whole sign-in, want none", got)
		}
		app.Client().Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		if got := told(); got != 1 {
			t.Errorf("got %d notices of half a sign-in, want 1", got)
		}
		owner.Get("/account/activity").Says("The right password was typed, but not the second proof.")
	})
}

// Two codes by mail are one way, whichever addresses they go to: an account that
// asks for two proofs is not opened by two mailboxes, or by one of them twice (A44).
func TestA44TwoMailboxesAreOneWay(t *testing.T) {
	const other = "mara@example.org"
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner := app.Register(mara, first)
		changeWays(app, owner, mara, "do", "add", "email", other)
		owner.Get(owner.At()).Submit("/answer", "code", app.Code(other)).See(303)
		addTOTP(app, owner, mara)
		app.Sleep(sparekey.YoungFor + time.Hour)
		for _, c := range []*sparekeytest.Client{app.Client(), owner} { // the owner's browser is offered both addresses
			at := startsRecovery(c, app, mara)
			c.Get(at).Submit("/answer", "code", app.Code(mara)).See(303)
			page := c.Get(at).See(200).Says("One more proof is needed.")
			if page.Holds("Email code") {
				t.Error("got a second code by mail offered, want other ways alone")
			}
			second := app.Rows().Text(`SELECT id FROM identifiers WHERE key = $1`, other)
			c.Post(at+"/ways", "way", "mail").See(422)
			c.Post(at+"/ways", "way", "mail "+second).See(422)
			c.Post(at + "/again").See(303)
			c.Post(at+"/act", "password", third, "password_again", third).See(303)
			app.Client().Get("/signin").Submit("/signin", "login", mara, "password", third).See(422)
		}
	})
}

// "Get code" is for ways that send one: with a saved code asked for it sends
// nothing, and costs no message.
func TestGetCodeOnlyWhereOneIsSent(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		addSaved(app, app.Register(mara, first), mara)
		app.Sleep(sparekey.YoungFor + time.Hour)
		c := app.Client()
		at := startsRecovery(c, app, mara)
		choose(c, at, "saved").See(303)
		app.Sleep(2 * time.Minute)
		before := len(app.Sink.Mails(mara))
		found := challengeShape.FindStringSubmatch(c.Get(at).Body)
		c.Post(at+"/again", "challenge", found[1]).See(303)
		app.Deliver()
		if got := len(app.Sink.Mails(mara)) - before; got != 0 {
			t.Errorf("got %d mails for a saved code, want none", got)
		}
		if got := app.Rows().Text(`SELECT sends || '' FROM flows WHERE id = $1`, strings.TrimPrefix(at, "/flow/")); got != "1" {
			t.Errorf("got %s messages spent, want the first alone", got)
		}
	})
}

// An authenticator app whose key cannot be read is a wrong code, and an error in
// the log: nobody is answered by one of ours.
func TestUnreadableAppIsAWrongCode(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		seed, _ := addTOTP(app, app.Register(mara, first), mara)
		app.Rows().Exec(`UPDATE credentials SET data = 'gone.AAAA' WHERE kind = 'totp'`)
		c := app.Client()
		c.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		c.Get(c.At()).Submit("/answer", "code", appCode(app, seed)).See(422).Says("That code isn’t right.")
	})
}

// An address that was removed lately is one's own still: it is taken back, not
// added anew.
func TestRemovedAddressIsTakenBack(t *testing.T) {
	const other = "mara@example.org"
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner := app.Register(mara, first)
		changeWays(app, owner, mara, "do", "add", "email", other)
		owner.Get(owner.At()).Submit("/answer", "code", app.Code(other)).See(303)
		id := app.Rows().Text(`SELECT id FROM identifiers WHERE key = $1`, other)
		changeWays(app, owner, mara, "do", "drop", "id", id)
		owner.Get(owner.At()).Submit("/act").See(303)
		owner.Get("/account/ways").Submit("/ways", "do", "add", "email", other).See(422).Says("You removed that one lately.")
	})
}
