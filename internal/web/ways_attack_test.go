package web_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
	"sparekey/internal/store"
)

// laterCode is what an authenticator app will show after a while.
func laterCode(app *sparekeytest.App, seed string, after time.Duration) string {
	return app.AppCode(seed, app.Now().Add(after))
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
		send := filled(c.Get(at), "/answer", "code", laterCode(app, seed, 5*time.Minute))
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

// proves proves who asks for a change of the ways, by each of the ways in turn.
func proves(c *sparekeytest.Client, answers ...string) {
	at := c.At()
	for i := 0; i+1 < len(answers); i += 2 {
		c.Get(at+"/ways").See(200).Submit("/ways", "way", answers[i]).See(303)
		c.Get(at).Submit("/answer", "code", answers[i+1]).See(303)
	}
}

// A51, A50: what a thief has dropped, replaced and turned off, the owner takes
// back with the link of the notice, by the ways there were before: they can be
// answered though they were dropped since, and come back in the place of those
// that came since.
func TestA51TakeBackWhatWasReplaced(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		thief := app.Register(mara, first)
		seed, saved := addTOTP(app, thief, mara)
		app.Sleep(sparekey.YoungFor + time.Hour)
		rows := app.Rows()
		before := rows.List(`SELECT id, kind FROM credentials WHERE dropped = 0`)

		begin := func(fields ...string) {
			t.Helper()
			app.Sleep(time.Minute)
			thief.Get("/account/ways").Submit("/ways", fields...).See(303)
		}
		ends := func() {
			t.Helper()
			thief.Get(thief.At()).See(200).Submit("/act").See(303)
		}
		begin("do", "two-off")
		thief.Get(thief.At()).Submit("/answer", "code", app.Code(mara)).See(303)
		proves(thief, "totp", appCode(app, seed))
		ends()
		link := secureLink(t, app, mara)
		begin("do", "drop", "id", rows.Text(`SELECT id FROM credentials WHERE kind = 'totp'`))
		ends()
		begin("do", "add", "way", "saved")
		ends()
		keepSaved(thief)
		own, _ := addTOTP(app, thief, mara)

		c := app.Client()
		c.Get(link).Submit(link).See(303)
		at := c.At()
		c.Get(at).Submit("/answer", "code", app.Code(mara)).See(303)
		app.Sleep(time.Minute)
		choose(c, at, "totp").See(303)
		c.Get(at).Submit("/answer", "code", appCode(app, own)).See(422) // it came since
		c.Get(at).Submit("/answer", "code", appCode(app, seed)).See(303)
		c.Get(at).See(200).Submit("/act", "password", second, "password_again", second).See(303)
		c.Get(at).Says("Your password is updated.")
		if after := rows.List(`SELECT id, kind FROM credentials WHERE dropped = 0`); strings.Join(after, " ") != strings.Join(before, " ") {
			t.Errorf("got %v in use, want %v as before", after, before)
		}
		app.Sleep(time.Minute)
		in := app.Client()
		in.Get("/signin").Submit("/signin", "login", mara, "password", second).See(303)
		in.Get(in.At()).Submit("/answer", "code", appCode(app, seed)).See(303) // two proofs again
		lost, _ := recovering(app, mara)
		app.Deliver()
		choose(lost, lost.At(), "saved").See(303)
		lost.Get(lost.At()).Submit("/answer", "code", saved).See(303)
	})
}

// A51: what was dropped since a notice counts in a recovery from it, but never as
// the only proof: it may have been dropped for a reason.
func TestA51DroppedIsNeverTheOnlyProof(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner := app.Register(mara, first)
		code := addSaved(app, owner, mara)
		app.Deliver()
		app.Sleep(sparekey.YoungFor + time.Hour)
		newWay(app, owner, mara, "way", "saved").See(200).Submit("/act").See(303)
		keepSaved(owner)
		if page := owner.Get("/account/ways"); page.Holds("You can take it back") {
			t.Error("got offered to take a saved code back that another is in the place of, want not")
		}
		c := app.Client()
		link := secureLink(t, app, mara)
		c.Get(link).Submit(link).See(303)
		at := c.At()
		app.Deliver()
		choose(c, at, "saved").See(303)
		c.Get(at).Submit("/answer", "code", code).See(303)
		keepSaved(c)
		c.Get(at).See(200).Says("One more proof is needed.")
		c.Get(at+"/ways").Submit("/ways", "way", "mail").See(303)
		c.Get(at).Submit("/answer", "code", app.Code(mara)).See(303)
		c.Get(at).See(200).Says("Choose a new password")

		plain, _ := recovering(app, mara)
		at = plain.At()
		app.Deliver()
		choose(plain, at, "saved").See(303)
		plain.Get(at).Submit("/answer", "code", code).See(422) // without the notice it opens nothing
	})
}

// A50: what was replaced since it proved something proves nothing any more.
func TestA50ReplacedProofsCountNoMore(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner := app.Register(mara, first)
		code := addSaved(app, owner, mara)
		app.Sleep(sparekey.YoungFor + time.Hour)
		owner.Get("/account/ways").Submit("/ways", "do", "add", "way", "saved").See(303)
		app.Deliver()
		proves(owner, "saved", code)
		keepSaved(owner)
		owner.Get(owner.At()).Submit("/act").See(303)
		owner.Get("/account/ways").Submit("/ways", "do", "two-on").See(303)
		owner.Get(owner.At()).See(200).Says("Is it you?")
	})
}

// A51: what was added with a notice's event sleeps after a recovery from the
// notice, though the recovery began at the last minute and ended after it.
func TestA51TakeBackAtTheLastMinute(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		thief := app.Register(mara, first)
		changeWays(app, thief, mara, "do", "add", "email", "thief@example.com")
		thief.Get(thief.At()).Submit("/answer", "code", app.Code("thief@example.com")).See(303)
		link := secureLink(t, app, mara)
		app.Sleep(sparekey.SecureLife - time.Minute)
		c := app.Client()
		c.Get(link).Submit(link).See(303)
		at, code := c.At(), app.Code(mara)
		app.Sleep(5 * time.Minute)
		c.Get(at).Submit("/answer", "code", code).See(303)
		c.Get(at).Submit("/act", "password", second, "password_again", second).See(303)
		machineSignIn(app, mara, second).Get("/account/ways").See(200).Says("Asleep since your account was recovered.")
	})
}

// A23: the code that takes the place of one that was used is shown at once, and as
// long as there is something to be seen of the flow, whatever becomes of it: else
// whoever does not carry the recovery through has neither.
func TestA23TheNextCodeIsShownAtOnce(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		_, saved := addTOTP(app, app.Register(mara, first), mara)
		app.Sleep(sparekey.YoungFor + time.Hour)
		c, _ := recovering(app, mara)
		at := c.At()
		app.Deliver()
		choose(c, at, "saved").See(303)
		page := c.Get(at)
		for range sparekey.MaxTries - 1 {
			page.Submit("/answer", "code", "7KQTM-4R7WX-01234-56789-ABCDE").See(422)
			page = c.Get(at)
		}
		page.Submit("/answer", "code", saved).See(303)
		c.Get(at + "/saved.txt").See(200)
		fresh := keepSaved(c)
		c.Get(at).See(410) // one more proof is due, and there is no try left for it
		c.Get(at + "/saved.txt").See(404)

		c, _ = recovering(app, mara)
		at = c.At()
		app.Deliver()
		choose(c, at, "saved").See(303)
		c.Get(at).Submit("/answer", "code", fresh).See(303)
		app.Sleep(sparekey.FlowLife)
		keepSaved(c)
		c.Get(at).See(410)
	})
}

// A50: an address is added on proofs of the last ten minutes, as everything is
// changed: the code to the new address counts for nothing, and keeps nothing
// fresh.
func TestA50AddressWantsFreshProofs(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner := app.Register(mara, first)
		app.Sleep(time.Hour)
		changeWays(app, owner, mara, "do", "add", "email", "mara@example.org")
		at := owner.At()
		app.Deliver()
		app.Sleep(sparekey.ProofLife - time.Minute)
		owner.Get(at).Submit("/again").See(303)
		code := app.Code("mara@example.org")
		app.Sleep(2 * time.Minute)
		owner.Get(at).Submit("/answer", "code", code).See(410)
		if got := app.Rows().List(`SELECT key FROM identifiers`); len(got) != 1 {
			t.Errorf("got %v, want the address not added by an old proof", got)
		}
	})
}

// Whoever began with proofs that are too old by the last page is told so, and not
// shown the same page again and again.
func TestProofsAgeOnTheLastPage(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner := app.Register(mara, first)
		app.Sleep(sparekey.ProofLife - time.Minute)
		owner.Get("/account/ways").Submit("/ways", "do", "add", "way", "saved").See(303)
		page := owner.Get(owner.At()).See(200)
		app.Sleep(2 * time.Minute)
		page.Submit("/act").See(410)
	})
}

// A46: what a session was about to do does not happen once it has ended, be it
// while the request for it is under way.
func TestA46NothingHappensInAnEndedSession(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		thief := app.Register(mara, first)
		thief.Get("/account/ways").Submit("/ways", "do", "two-on").See(303)
		thief.Get(thief.At()).See(200).Says("Ask for two proofs")
		app.Rows().Exec(`UPDATE sessions SET ended = $1`, app.Now().UnixMicro())
		_, err := app.Store.SetTwo(t.Context(), store.Acting{
			Flow: strings.TrimPrefix(thief.At(), "/flow/"), Key: "key", Turn: store.Turn{Now: app.Now()},
			Event: sparekey.Event{ID: "event", Facts: sparekey.Facts{At: app.Now()}},
		}, true, store.NewWay{})
		if !errors.Is(err, sparekey.ErrExpired) {
			t.Errorf("got %v, want %v", err, sparekey.ErrExpired)
		}
	})
}

// Of clicks on other ways that come at once each leads on, also where nothing was
// asked before.
func TestWaysAtOnce(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		addPasskey(t, app, app.Register(mara, first), mara)
		app.Rows().Exec(`UPDATE accounts SET two_proofs = $1`, true)
		for range 5 {
			c := app.Client()
			at := halfIn(c)
			page := c.Get(at).See(200)
			got, _ := atOnce(c, page, "/ways", 12, func(i int, form url.Values) {
				form.Set("key", fmt.Sprint("form", i/2)) // each form twice
				form.Set("way", []string{"passkey", "mail"}[i/2%2])
			})
			if got[303] != 12 {
				t.Errorf("got statuses %v, want 303 for all", got)
			}
			c.Get(at).See(200)
		}
	})
}

// The ledger holds what the code to a new address may cost for as long as its flow
// is open, and then what it did cost (A14).
func TestA14CodeToANewAddressIsSettledAtTheEnd(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner := app.Register(mara, first)
		changeWays(app, owner, mara, "do", "add", "email", "mara@example.org")
		at, rows := owner.At(), app.Rows()
		code := app.Code("mara@example.org")
		app.Sleep(2 * time.Minute)
		app.Sweep()
		const charge = `SELECT amount || ' ' || CASE WHEN ended = 0 THEN 'open' ELSE 'ended' END FROM charges WHERE id LIKE '%-new'`
		if got := rows.List(charge); len(got) != 1 || got[0] != "5 open" {
			t.Errorf("while the flow is open: got %q, want five open", got)
		}
		owner.Get(at).Submit("/answer", "code", "12345678").See(422)
		owner.Get(at).Submit("/answer", "code", code).See(303)
		if got := rows.List(charge); len(got) != 1 || got[0] != "2 ended" {
			t.Errorf("afterwards: got %q, want two ended", got)
		}
	})
}

// A26: the link that leads past the caps on mails to a young address proves what a
// code to it would: one more proof is asked for, and can be given.
func TestA26OpenOfAYoungAddress(t *testing.T) {
	const other = "mara@example.org"
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner := app.Register(mara, first)
		app.Sleep(time.Hour)
		changeWays(app, owner, mara, "do", "add", "email", other)
		owner.Get(owner.At()).Submit("/answer", "code", app.Code(other)).See(303)
		app.Sleep(2 * time.Hour)
		link := spendsHour(t, app, other)
		c := app.Client()
		c.Get(link).Submit(link).See(303)
		at := c.At()
		c.Get(at).See(200).Says("One more proof is needed.")
		c.Post(at+"/act", "password", second, "password_again", second).See(303)
		app.Client().Get("/signin").Submit("/signin", "login", mara, "password", second).See(422)
	})
}

// A saved code that sleeps is none: who begins to ask for two proofs gets one that
// opens something.
func TestSleepingCodeIsReplaced(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		addSaved(app, app.Register(mara, first), mara)
		app.Sleep(time.Hour)
		machineRecover(app, app.Client(), mara, second)
		owner := machineSignIn(app, mara, second)
		owner.Get("/account/ways").Says("Asleep since your account was recovered.")
		changeWays(app, owner, mara, "do", "two-on")
		owner.Get(owner.At()).Submit("/act").See(303)
		keepSaved(owner)
	})
}

// A24: a code of an authenticator app is not looked at before another proof, also
// where its page was come by otherwise.
func TestA24NothingIsComparedFirst(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		seed, _ := addTOTP(app, app.Register(mara, first), mara)
		app.Sleep(sparekey.YoungFor + time.Hour)
		c, page := recovering(app, mara)
		app.Deliver()
		_, form := page.Fields("/answer")
		app.Rows().Exec(`UPDATE challenges SET way = 'totp' WHERE id = $1`, form.Get("challenge"))
		c.Get(c.At()).Says("Enter the code from your app").Submit("/answer", "code", appCode(app, seed)).See(422)
		if got := app.Rows().List(`SELECT way FROM proofs WHERE way = 'totp'`); len(got) != 0 {
			t.Error("got a proof by the app alone, want none")
		}
	})
}

// What sleeps opens nothing: no recovery, no sign-in, and no second proof (DESIGN
// rule 11).
func TestSleepingWaysOpenNothing(t *testing.T) {
	const other = "mara@example.org"
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		thief := app.Register(mara, first)
		code := addSaved(app, thief, mara)
		d := addPasskey(t, app, thief, mara)
		changeWays(app, thief, mara, "do", "add", "email", other)
		thief.Get(thief.At()).Submit("/answer", "code", app.Code(other)).See(303)
		opens := app.Client()
		opens.Post("/signin", append(byPasskey(t, opens, d), "key", "one")...).See(303) // while it is young

		app.Sleep(time.Hour)
		machineRecover(app, app.Client(), mara, second)
		app.Sleep(sparekey.YoungFor)
		c := app.Client()
		c.Post("/signin", append(byPasskey(t, c, d), "key", "one")...).See(422)
		app.Client().Get("/signin").Submit("/signin", "login", other, "password", second).See(422)
		c, _ = recovering(app, mara)
		app.Deliver()
		for way, field := range map[string]string{"saved": "code", "passkey": "passkey"} {
			choose(c, c.At(), way).See(303)
			page, answer := c.Get(c.At()), code
			if way == "passkey" {
				answer = d.get(question(t, page))
			}
			page.Submit("/answer", field, answer).See(422)
		}
		app.Deliver()
		before := len(app.Sink.Mails(other))
		recovering(app, other)
		app.Deliver()
		if got := len(app.Sink.Mails(other)); got != before {
			t.Errorf("got %d mails to an address that sleeps, want none", got-before)
		}
	})
}

// A51: whoever began with the link of a notice, and signed in with the password
// they had, has taken nothing back: the link goes on working.
func TestA51LinkOutlivesASignIn(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		thief := app.Register(mara, first)
		changeWays(app, thief, mara, "do", "add", "email", "thief@example.com")
		thief.Get(thief.At()).Submit("/answer", "code", app.Code("thief@example.com")).See(303)
		link := secureLink(t, app, mara)
		c := app.Client()
		c.Get(link).Submit(link).See(303)
		at := c.At()
		c.Get(at).Submit("/answer", "code", app.Code(mara)).See(303)
		c.Get(at).Submit("/act", "password", first, "password_again", first).See(422).Submit("/act", "same", "1").See(303)
		c.Get("/account").See(200)
		app.Client().Get(link).See(200).Says("Let’s take it back")
	})
}

// A key of the key file is needed as long as a page shows a saved code that is
// sealed with it.
func TestKeyOfAShownCodeIsNeeded(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner := app.Register(mara, first)
		newWay(app, owner, mara, "way", "saved").See(200).Submit("/act").See(303)
		for _, want := range []int{1, 0} {
			uses, err := app.Store.KeyUses(t.Context(), app.Flows.Keys.Newest(), app.Now())
			if err != nil || uses.Flows != want {
				t.Errorf("got %d flows, %v, want %d", uses.Flows, err, want)
			}
			if want == 1 {
				keepSaved(owner)
			}
		}
	})
}
