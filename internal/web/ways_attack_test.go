package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// laterCode is what an authenticator app will show after a while.
func laterCode(t *testing.T, app *sparekeytest.App, seed string, after time.Duration) string {
	t.Helper()
	code, err := totp.GenerateCode(seed, app.Now().Add(after))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// halfIn signs in with the password alone and gives the page of the second proof.
func halfIn(c *sparekeytest.Client) string {
	c.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
	return c.At()
}

// filled gives the form of a page as it is sent, and sent again.
func filled(p *sparekeytest.Page, action string, fields ...string) (send func(c *sparekeytest.Client) *sparekeytest.Page) {
	to, form := p.Fields(action)
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	body := form.Encode()
	return func(c *sparekeytest.Client) *sparekeytest.Page {
		return c.Do(http.MethodPost, to, strings.NewReader(body))
	}
}

// A24: one try of an authenticator app asks about one moment. Sent again later,
// with the app's page left in between or not, it is not compared with what the
// app shows by then: else one guess would be as good as sixty.
func TestA24OneTryIsOneMoment(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		seed, _ := addTOTP(app, app.Register(mara, first), mara)
		app.Sleep(time.Hour)
		c := app.Client()
		at := halfIn(c)
		send := filled(c.Get(at), "/answer", "code", laterCode(t, app, seed, 5*time.Minute))
		send(c).See(422).Says("4 tries left")
		app.Sleep(5 * time.Minute)
		send(c).See(422).Says("4 tries left")
		choose(c, at, "mail").See(303)
		choose(c, at, "totp").See(303)
		send(c).See(422).Says("3 tries left")
		c.Get(at).Submit("/answer", "code", appCode(app, seed)).See(303)
		c.Get("/account").See(200)
	})
}

// A24: tries of an authenticator app are the account's also in a flow that the
// worker has not got to yet.
func TestA24TriesAreTheAccounts(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner := app.Register(mara, first)
		addTOTP(app, owner, mara)
		app.Sleep(time.Hour)
		c := app.Client()
		at := halfIn(c)
		choose(c, at, "mail").See(303)
		c.Get(at).Submit("/answer", "code", app.Code(mara)).See(303)
		c.Get("/account/ways").Submit("/ways", "do", "two-off").See(303)
		at = c.At()
		choose(c, at, "totp").See(303)
		c.Get(at).Submit("/answer", "code", "000000").See(422)
		if got := app.Rows().List(`SELECT s.id FROM spends s JOIN accounts a ON a.id = s.subject WHERE s.kind = 'totp'`); len(got) != 1 {
			t.Errorf("got %d tries of the account's, want 1", len(got))
		}
	})
}

// stopLink gives the path of the link in the newest mail that stops a request.
func stopLink(t *testing.T, app *sparekeytest.App, email string) string {
	t.Helper()
	app.Deliver()
	mails := app.Sink.Mails(email)
	for i := len(mails) - 1; i >= 0; i-- {
		if link := regexp.MustCompile(`/stop/\S+`).FindString(mails[i].Text); link != "" {
			return link
		}
	}
	t.Fatalf("got no mail to %s with the link that stops a request, want one", email)
	return ""
}

// A50: what was proved in a request that its owner stopped counts for no other
// request of that session either: the code was read out to a stranger on the
// phone, and regretted.
func TestA50StoppedProofsCountNowhere(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		thief := app.Register(mara, first)
		app.Sleep(time.Hour)
		begin := func() *sparekeytest.Page {
			thief.Get("/account/ways").Submit("/ways", "do", "add", "way", "saved").See(303)
			return thief.Get(thief.At())
		}
		begin().See(200).Says("Is it you?").Submit("/answer", "code", app.Code(mara)).See(303)
		stop := stopLink(t, app, mara)
		app.Client().Get(stop).Submit(stop)
		begin().See(200).Says("Is it you?")
		thief.Post(thief.At() + "/act").See(303)
		if got := app.Rows().List(`SELECT id FROM credentials WHERE kind = 'saved'`); len(got) != 0 {
			t.Error("got a saved code by the proof of a stopped request, want none")
		}
	})
}

// A54: whoever holds a session and reads the mailbox for a moment, and has the
// account ask for two proofs, cannot drop the owner's only way: the ways that
// were added with it would be all that is left.
func TestA54TheOwnersWayStays(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		thief := app.Register(mara, first)
		app.Sleep(time.Hour)
		changeWays(app, thief, mara, "do", "add", "email", "thief@example.com")
		thief.Get(thief.At()).Submit("/answer", "code", app.Code("thief@example.com")).See(303)
		changeWays(app, thief, mara, "do", "two-on")
		thief.Get(thief.At()).Submit("/act").See(303)
		keepSaved(thief)
		id := app.Rows().Text(`SELECT id FROM identifiers WHERE key = $1`, mara)
		thief.Get("/account/ways").Submit("/ways", "do", "drop", "id", id).See(422).Says("Keep at least one.")
	})
}

// An account keeps an address, however many other ways it has: a recovery begins
// there, and whatever happens is told there.
func TestTheLastAddressStays(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner := app.Register(mara, first)
		addSaved(app, owner, mara)
		app.Sleep(sparekey.YoungFor + time.Hour)
		id := app.Rows().Text(`SELECT id FROM identifiers`)
		owner.Get("/account/ways").Submit("/ways", "do", "drop", "id", id).See(422).Says("Keep at least one.")
	})
}
