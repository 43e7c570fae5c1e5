package web_test

import (
	"strings"
	"testing"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// settings are the forms that change something for good, and where each begins.
func settings() map[string][]string {
	return map[string][]string{
		"/account/password": nil,
		"/account/profile":  {"login", "heron"},
		"/account/data":     {"what", "delete"},
	}
}

// A50, ASVS 7.5.1: nothing is changed for good by a session alone. Without a
// fresh proof, with one that is old, with a flow that proves nothing, with a
// half-done one of another purpose: what was asked for does not happen.
func TestA50SessionIsNoProof(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		c := app.Register(mara, first)
		app.Sleep(sparekey.ProofLife) // the proof of the registration is old
		rows := app.Rows()
		before := rows.Dump("accounts", "identifiers", "credentials", "names")
		for path, form := range settings() {
			c.Post(path, form...).See(303)
			at := c.At()
			c.Get(at).See(200).Says("Code from the message")
			act := []string{"password", second, "password_again", second}
			c.Post(at+"/act", act...).See(303)
			app.Deliver()
			c.Post(at+"/act", act...).See(303)
			c.Get(at).Submit("/answer", "code", "00000000").See(422)
			c.Post(at+"/act", act...).See(303)
		}
		if changed := sparekeytest.Changed(before, rows.Dump("accounts", "identifiers", "credentials", "names")); changed != nil {
			t.Errorf("got changes in %v without a proof, want none", changed)
		}
		// A right answer counts for ten minutes, also for the last button.
		c.Get("/account/data").Submit("/data", "what", "delete").See(303)
		at := c.At()
		c.Get(at).Submit("/answer", "code", app.Code(mara)).See(303)
		app.Sleep(sparekey.ProofLife)
		c.Post(at + "/act").See(410)
		if changed := sparekeytest.Changed(before, rows.Dump("accounts", "identifiers", "credentials", "names")); changed != nil {
			t.Errorf("got changes in %v with an old proof, want none", changed)
		}
	})
}

// A55: what was begun in a session before a recovery does not happen after it,
// though it had been proved.
func TestA55PendingChangesEnd(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		thief := app.Register(mara, first)
		rows := app.Rows()
		var open []string
		for path, form := range settings() {
			thief.Post(path, form...).See(303)
			thief.Get(thief.At()).See(200)
			open = append(open, thief.At())
		}
		machineRecover(app, app.Client(), mara, second)
		before := rows.Dump("accounts", "identifiers", "credentials", "names")
		for _, at := range open {
			if p := thief.Post(at+"/act", "password", third, "password_again", third); p.Status < 400 {
				t.Errorf("%s: got %d after the recovery, want it ended", at, p.Status)
			}
		}
		if changed := sparekeytest.Changed(before, rows.Dump("accounts", "identifiers", "credentials", "names")); changed != nil {
			t.Errorf("got changes in %v by what was begun before the recovery, want none", changed)
		}
	})
}

// A70, ASVS 8.2.2: the ids of another's flows, sessions and files open nothing,
// and fields that no form has change nothing.
func TestA70IDsOfOthers(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner, other := app.Register(mara, first), app.Register("wren@example.com", second)
		owner.Post("/account/data", "what", "export").See(303)
		file := owner.At()
		owner.Get(file).Submit("/act").See(303)
		owner.Get(file + "/data").See(200)
		owner.Post("/account/profile", "login", "heron").See(303)
		flow := owner.At()
		rows := app.Rows()
		session := rows.Text(`SELECT s.id FROM sessions s JOIN identifiers i ON i.account = s.account WHERE i.shown = $1`, mara)
		account := rows.Text(`SELECT account FROM identifiers WHERE shown = $1`, mara)

		for _, path := range []string{file, file + "/data", flow, flow + "/ways"} {
			other.Get(path).See(404)
		}
		for _, path := range []string{flow + "/act", flow + "/again", flow + "/answer", flow + "/ways"} {
			if p := other.Post(path, "code", "00000000", "challenge", "x", "way", "mail"); p.Status != 404 {
				t.Errorf("POST %s: got %d, want 404", path, p.Status)
			}
		}
		other.Post("/account/devices", "session", session).See(404)
		owner.Get("/account").See(200)

		for _, field := range []string{"account", "id", "user", "email", "disabled", "two_proofs"} {
			other.Post("/account/profile", "name", "Wren", "lang", "", field, account).See(303)
		}
		if p := owner.Get("/account").See(200); strings.Contains(p.Body, "Wren") {
			t.Error("got another's name on an account, want it unchanged")
		}
		other.Get("/account").Says("Wren")
	})
}
