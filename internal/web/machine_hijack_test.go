package web_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"sparekey/internal/sparekeytest"
)

// Whoever registers an address without proving it gains nothing: it resolves
// to nobody, and its owner gets a new account that has nothing of the
// attacker's, neither password nor session nor identifier (A52, A53, A54).
func TestA52UnprovedAddressIsNobody(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		rows, thief := app.Rows(), app.Client()
		trap := machineStart(thief, "/register", "login", mara, "password", first, "username", "mara", "phone", "+15550100")
		trapCode := app.Code(mara)
		if n := rows.Text(`SELECT CAST(COUNT(*) AS TEXT) FROM identifiers`); n != "0" {
			t.Fatalf("got %s identifiers before a proof, want 0", n)
		}
		app.Client().Post("/signin", "login", mara, "password", first).See(422)
		owner := app.Client()
		machineStart(owner, "/recover", "login", mara)
		app.Deliver()
		if got := len(app.Sink.Mails(mara)); got != 1 {
			t.Errorf("got %d mails, want only the registration's: the address is nobody's", got)
		}

		own := machineStart(owner, "/register", "login", mara, "password", second)
		code := app.Code(mara)
		owner.Get("/flow/"+own).Submit("/answer", "code", trapCode).See(422) // of another flow
		owner.Get("/flow/"+own).Submit("/answer", "code", code).See(303)
		account := machineSession(t, owner)

		machineOut(t, thief, "the attacker") // A53
		if got := len(account.Identifiers); got != 1 || account.Identifiers[0].Value != mara {
			t.Errorf("got identifiers %v, want %s alone (A54)", account.Identifiers, mara)
		}
		app.Client().Post("/signin", "login", mara, "password", first).See(422)
		app.Client().Post("/signin", "login", "mara", "password", first).See(422)
		machineSignIn(app, mara, second)

		// Even the code of the attacker's own mail opens nothing any more.
		before := rows.Dump(machineRights...)
		thief.Get("/flow/"+trap).Submit("/answer", "code", trapCode).See(409).Says("There is an account with this address now.")
		machineOut(t, thief, "the attacker with the code")
		if got := sparekeytest.Changed(before, rows.Dump(machineRights...)); got != nil {
			t.Errorf("got changes in %v, want none", got)
		}

		// Nor does a recovery bring anything of it back.
		machineRecover(app, app.Client(), mara, third)
		app.Client().Post("/signin", "login", mara, "password", first).See(422)
		if got := machineSession(t, machineSignIn(app, mara, third)); got.Account != account.Account || len(got.Identifiers) != 1 {
			t.Errorf("got %+v, want account %s with one identifier", got, account.Account)
		}
	})
}

// A machineView is what the API tells of a session.
type machineView struct {
	Account     string
	Identifiers []struct{ Kind, Value string }
}

func machineSession(t *testing.T, c *sparekeytest.Client) (v machineView) {
	t.Helper()
	if err := json.Unmarshal([]byte(c.Get("/api/v1/session").See(200).Body), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// A code counts in the browser that asked for it and in no other, where the
// flow is the page of an unknown address; its owner goes on unharmed (A56,
// ASVS 6.6.2).
func TestA56CodeCountsInOneBrowser(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		rows := app.Rows()
		for _, path := range []string{"/register", "/recover"} {
			c := app.Client()
			flow := machineStart(c, path, "login", mara, "password", first)
			at, code := "/flow/"+flow, app.Code(mara)
			_, form := c.Get(at).Fields("/answer")
			challenge, before := form.Get("challenge"), rows.Dump()

			other := app.Client()
			other.Get("/signin") // so that it has a secret of its own
			unknown := other.Get("/flow/abcdefghijklmnopqrstuvwxyz").See(404).Text()
			for _, p := range []*sparekeytest.Page{
				other.Get(at), other.Get(at + "/ways"),
				other.Post(at+"/answer", "challenge", challenge, "code", code),
				other.Post(at+"/again", "challenge", challenge),
				other.Post(at+"/ways", "way", "mail"),
				other.Post(at+"/act", "password", third, "password_again", third),
			} {
				if got := p.See(404).Text(); got != unknown {
					t.Errorf("got %q, want the page of an unknown address: %q", got, unknown)
				}
			}
			machineOut(t, other, "another browser")
			bare := app.Client() // keeps no cookies
			bare.Get(at).See(404).Says("Your browser didn’t keep our cookie.")
			if got := sparekeytest.Changed(before, rows.Dump()); got != nil {
				t.Errorf("got changes in %v, want none", got)
			}

			c.Get(at).See(200).Submit("/answer", "code", code).See(303)
			if path == "/register" {
				machineSession(t, c)
				machineOut(t, other, "another browser, after the proof")
			} else {
				c.Get(at).See(200).Says("Choose a new password")
				other.Get(at).See(404)
			}
		}
	})
}

// An account that an operator added is nobody's until a recovery by its mail
// code proves it: nothing else finds it (A52, A54).
func TestA52AddedAccountIsProvedByRecovery(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		const wren, login = "wren@example.com", "wrenbird"
		rows := app.Rows()
		if _, err := app.Accounts.Add(context.Background(), wren, login, ""); err != nil {
			t.Fatal(err)
		}
		says := func(who string) string {
			p := app.Client().Get("/signin").Submit("/signin", "login", who, "password", first).See(422)
			_, short := sparekeytest.ScreenOf(p)
			return strings.ReplaceAll(p.Text(), short, "…")
		}
		nobody := says("nobody@example.com")
		for _, who := range []string{wren, login} {
			if got := says(who); got != nobody {
				t.Errorf("sign-in as %s: got %q, want the page of nobody: %q", who, got, nobody)
			}
		}

		c := app.Client()
		before := rows.Dump(machineRights...)
		flow := machineStart(c, "/register", "login", wren, "password", first)
		c.Get("/flow/" + flow).See(200).Says("Confirm your email")
		app.Deliver()
		mail := app.Sink.Wait(t, wren, 1)
		if mail.Subject != "You already have a Lantern Market account" || mail.Code() != "" {
			t.Errorf("registering it: got mail %q with code %q, want 7.9 without a code", mail.Subject, mail.Code())
		}
		if got := sparekeytest.Changed(before, rows.Dump(machineRights...)); got != nil {
			t.Errorf("registering it: got changes in %v, want none", got)
		}

		c = app.Client()
		flow = machineStart(c, "/recover", "login", login)
		machineProve(app, c, flow, wren)
		if got := rows.Text(`SELECT CAST(proved AS TEXT) FROM identifiers WHERE kind = 'email'`); got != "0" {
			t.Errorf("before the new password: got proved at %s, want 0", got)
		}
		c.Get("/flow/"+flow).Submit("/act", "password", second, "password_again", second).See(303)
		if got := rows.Text(`SELECT CAST(proved AS TEXT) FROM identifiers WHERE kind = 'email'`); got == "0" {
			t.Errorf("after the recovery: got an unproved address, want it proved")
		}
		for _, who := range []string{wren, login} {
			machineSignIn(app, who, second)
		}
	})
}

// A new installation has no account, and what an operator can do to one writes
// no password and mails no code (A73, ASVS 6.3.2, 6.4.6).
func TestA73NobodyKnowsAPassword(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		rows := app.Rows()
		for table, got := range rows.Dump("accounts", "credentials", "identifiers", "sessions", "browsers", "flows") {
			if got != "" {
				t.Errorf("a new installation: got %q in %s, want nothing", got, table)
			}
		}
		for _, pair := range [][2]string{{"admin", "admin"}, {"root", "password"}, {"sparekey", "sparekey"}, {"admin@lantern.test", "admin"}} {
			app.Client().Post("/signin", "login", pair[0], "password", pair[1]).See(422)
		}
		ctx := context.Background()
		id, err := app.Accounts.Add(ctx, "wren@example.com", "wrenbird", "en")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := app.Accounts.Recover(ctx, id); err != nil {
			t.Fatal(err)
		}
		app.Deliver()
		mail := app.Sink.Wait(t, "wren@example.com", 1)
		if mail.Code() != "" || strings.Contains(mail.Text, "/flow/") {
			t.Errorf("got a mail that opens something, want one that only leads to /recover:\n%s", mail.Text)
		}
		if got := rows.Dump("credentials", "sessions", "browsers"); got["credentials"]+got["sessions"]+got["browsers"] != "" {
			t.Errorf("after the operator's commands: got %v, want no way in", got)
		}
		if _, err := app.Accounts.Disable(ctx, id); err != nil {
			t.Fatal(err)
		}
		if _, err := app.Accounts.Enable(ctx, id); err != nil {
			t.Fatal(err)
		}
		if got := rows.Dump("credentials")["credentials"]; got != "" {
			t.Errorf("after a pause: got credentials %q, want none", got)
		}
	})
}
