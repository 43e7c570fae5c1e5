package web_test

import (
	"strings"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// Whichever way is chosen, in whatever order, and whatever endpoint is then
// called with whatever kind of answer: without a secret of the account nobody
// comes to a new password (A42). Accounts that ask for one proof, for two, and
// nobody are all tried, each in a browser of its own.
func TestA42NoWayAroundAProof(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		rows := app.Rows()
		addSaved(app, app.Register(victim, second), victim)
		addTOTP(app, app.Register(strong, second), strong)
		thief := app.Register(mara, first)
		own := addSaved(app, thief, mara)
		seed, _ := addTOTP(app, thief, mara)
		app.Sleep(sparekey.YoungFor + time.Hour)
		before := rows.Dump("accounts", "credentials", "identifiers", "proofs")
		ways := []string{"mail", "saved", "totp", "text", "passkey", "app", "password", "new", ""}
		answers := func() []string { return []string{"12345678", "123456", own, appCode(app, seed), "{}", ""} }
		for _, login := range []string{victim, strong, "nobody@example.com"} {
			for _, was := range ways {
				for _, is := range ways {
					c := app.Client()
					c.Addr = "11." + strings.Join([]string{digit(len(was)), digit(len(is)), digit(len(login))}, ".") + ":1"
					c.Get("/recover").Submit("/recover", "login", login).See(303)
					at := c.At()
					app.Deliver()
					for _, way := range []string{was, is} {
						c.Post(at+"/ways", "way", way)
						for _, answer := range answers()[:2] {
							challenge := challengeShape.FindStringSubmatch(c.Get(at).Body)
							if challenge != nil {
								c.Post(at+"/answer", "challenge", challenge[1], "code", answer, "passkey", answer, "way", way)
							}
						}
						c.Post(at+"/act", "password", third, "password_again", third, "code", appCode(app, seed), "same", "1")
						c.Post(at+"/saved", "kept", "1")
					}
					if page := c.Get(at); page.Holds("Choose a new password") || page.Holds("One more proof") {
						t.Fatalf("%s, %q then %q: got %q without a secret, want no proof", login, was, is, page.Text())
					}
				}
			}
			for _, answer := range answers() { // the thief's own secrets, at each way of somebody else's
				for _, way := range ways {
					c := app.Client()
					c.Addr = "12." + strings.Join([]string{digit(len(way)), digit(len(answer)), digit(len(login))}, ".") + ":1"
					c.Get("/recover").Submit("/recover", "login", login).See(303)
					at := c.At()
					app.Deliver()
					c.Post(at+"/ways", "way", way)
					if challenge := challengeShape.FindStringSubmatch(c.Get(at).Body); challenge != nil {
						c.Post(at+"/answer", "challenge", challenge[1], "code", answer, "passkey", answer)
					}
					c.Post(at+"/act", "password", third, "password_again", third)
				}
			}
		}
		if got := sparekeytest.Changed(before, rows.Dump("accounts", "credentials", "identifiers", "proofs")); got != nil {
			t.Errorf("got changes in %v, want none", got)
		}
		app.Client().Get("/signin").Submit("/signin", "login", victim, "password", third).See(422)
	})
}

// digit is a number as a part of an address.
func digit(n int) string { return string(rune('0' + n%10)) }
