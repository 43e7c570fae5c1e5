package web_test

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/secret"
	"sparekey/internal/sparekeytest"
)

// machineRights are the tables that say who may get in, and with what.
var machineRights = []string{"accounts", "identifiers", "credentials", "proofs", "sessions", "browsers", "events"}

// machineStart posts a start in a browser that may be new, and gives the flow.
func machineStart(c *sparekeytest.Client, path string, fields ...string) string {
	c.Get(path).See(200).Submit(path, fields...).See(303)
	return strings.TrimPrefix(c.At(), "/flow/")
}

// machineProve types the code of the newest mail to email.
func machineProve(app *sparekeytest.App, c *sparekeytest.Client, flow, email string) {
	c.Get("/flow/"+flow).See(200).Submit("/answer", "code", app.Code(email)).See(303)
}

// machineRecover is a whole recovery, to a new password.
func machineRecover(app *sparekeytest.App, c *sparekeytest.Client, email, password string) string {
	flow := machineStart(c, "/recover", "login", email)
	machineProve(app, c, flow, email)
	c.Get("/flow/"+flow).See(200).Submit("/act", "password", password, "password_again", password).See(303)
	return flow
}

// machineSignIn signs in, in a browser of its own.
func machineSignIn(app *sparekeytest.App, login, password string) *sparekeytest.Client {
	c := app.Client()
	c.Get("/signin").Submit("/signin", "login", login, "password", password).See(303)
	return c
}

// machineOut fails the test unless the browser is signed in nowhere.
func machineOut(t *testing.T, c *sparekeytest.Client, who string) {
	t.Helper()
	for _, path := range []string{"/account", "/account/password", "/account/devices"} {
		want := "/signin?return_to=" + url.QueryEscape(path)
		if p := c.Clone().Get(path); p.Status != 303 || p.Header.Get("Location") != want {
			t.Errorf("%s: GET %s: got %d to %q, want 303 to %q", who, path, p.Status, p.Header.Get("Location"), want)
		}
	}
	for _, path := range []string{"/account/password", "/account/devices"} {
		if p := c.Clone().Post(path, "others", "1"); p.Status != 303 || !strings.HasPrefix(p.Header.Get("Location"), "/signin?") {
			t.Errorf("%s: POST %s: got %d to %q, want the sign-in page", who, path, p.Status, p.Header.Get("Location"))
		}
	}
	if p := c.Clone().Get("/api/v1/session"); p.Status != 401 {
		t.Errorf("%s: GET /api/v1/session: got %d, want 401", who, p.Status)
	}
}

// machineStates are the states a flow can be in without the right to act, and
// the step at which it must stay.
var machineStates = []struct {
	name string
	stay sparekey.Step
	make func(app *sparekeytest.App, c *sparekeytest.Client) (flow string)
}{
	{"code asked for", sparekey.Verify, func(_ *sparekeytest.App, c *sparekeytest.Client) string {
		return machineStart(c, "/recover", "login", mara)
	}},
	{"code sent", sparekey.Verify, func(app *sparekeytest.App, c *sparekeytest.Client) string {
		defer app.Deliver()
		return machineStart(c, "/recover", "login", mara)
	}},
	{"about nobody", sparekey.Verify, func(app *sparekeytest.App, c *sparekeytest.Client) string {
		defer app.Deliver()
		return machineStart(c, "/recover", "login", "nobody@example.com")
	}},
	{"tries used up", sparekey.Verify, func(app *sparekeytest.App, c *sparekeytest.Client) string {
		flow := machineStart(c, "/recover", "login", mara)
		app.Deliver()
		page := c.Get("/flow/" + flow)
		for range sparekey.MaxTries {
			page.Submit("/answer", "code", "00000000", "key", "")
		}
		c.Get("/flow/" + flow).See(410)
		return flow
	}},
	{"stopped", sparekey.Verify, func(app *sparekeytest.App, c *sparekeytest.Client) string {
		flow := machineStart(c, "/recover", "login", mara)
		machineStop(app)
		return flow
	}},
	{"expired", sparekey.Verify, func(app *sparekeytest.App, c *sparekeytest.Client) string {
		flow := machineStart(c, "/recover", "login", mara)
		app.Deliver()
		app.Sleep(sparekey.FlowLife)
		return flow
	}},
	{"registering", sparekey.Verify, func(app *sparekeytest.App, c *sparekeytest.Client) string {
		defer app.Deliver()
		return machineStart(c, "/register", "login", "new."+mara, "password", first)
	}},
	{"registering what is taken", sparekey.Verify, func(app *sparekeytest.App, c *sparekeytest.Client) string {
		defer app.Deliver()
		return machineStart(c, "/register", "login", mara, "password", second)
	}},
	{"changing, signed in", sparekey.Verify, func(app *sparekeytest.App, c *sparekeytest.Client) string {
		defer app.Deliver()
		c.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		return machineStart(c, "/account/password")
	}},
	{"proved, then stopped", sparekey.Act, func(app *sparekeytest.App, c *sparekeytest.Client) string {
		flow := machineStart(c, "/recover", "login", mara)
		machineProve(app, c, flow, mara)
		machineStop(app)
		return flow
	}},
	{"proved too long ago", sparekey.Act, func(app *sparekeytest.App, c *sparekeytest.Client) string {
		flow := machineStart(c, "/recover", "login", mara)
		machineProve(app, c, flow, mara)
		app.Sleep(sparekey.ProofLife)
		return flow
	}},
	{"proved too long ago, its password lately", sparekey.Act, func(app *sparekeytest.App, c *sparekeytest.Client) string {
		flow := machineStart(c, "/recover", "login", mara)
		machineProve(app, c, flow, mara)
		app.Sleep(sparekey.ProofLife - time.Minute)
		c.Get("/flow/"+flow).Submit("/act", "password", first, "password_again", first).See(422).Says("That’s your current password.")
		app.Sleep(time.Minute)
		return flow
	}},
	{"proved, then the password changed", sparekey.Act, func(app *sparekeytest.App, c *sparekeytest.Client) string {
		flow := machineStart(c, "/recover", "login", mara)
		machineProve(app, c, flow, mara)
		machineRecover(app, app.Client(), mara, first+"!")
		return flow
	}},
	{"done", sparekey.Done, func(app *sparekeytest.App, c *sparekeytest.Client) string {
		return machineRecover(app, c, mara, second)
	}},
}

// machineStop presses the button behind the link of the newest mail.
func machineStop(app *sparekeytest.App) {
	app.Deliver()
	mails := app.Sink.Mails(mara)
	path := strings.TrimPrefix(mails[len(mails)-1].StopURL(), sparekeytest.URL)
	app.Client().Get(path).See(200).Submit(path).See(303)
}

// Without the proofs that a purpose asks for no request moves a flow, whatever
// its state and whichever endpoint and fields it is sent to: no password is
// set, no session opened, no proof written (A41, ASVS 2.3.1).
func TestA41NoStepIsSkipped(t *testing.T) {
	loose := sparekeytest.Options{MailCap: sparekey.Windows{{Span: time.Hour, Max: 100}}}
	sparekeytest.EachDBWith(t, loose, func(t *testing.T, app *sparekeytest.App) {
		rows := app.Rows()
		app.Register(mara, first)
		app.Sleep(sparekey.ProofLife) // the proof of the registration counts no more
		for n, state := range machineStates {
			c := app.Client()
			c.Addr = fmt.Sprintf("198.51.100.%d:4711", n)
			flow := state.make(app, c)
			before, was := rows.Dump(machineRights...), machineStep(t, app, flow)
			challenge := strings.Join(rows.List(`SELECT id FROM challenges WHERE flow = '`+flow+`'`), "")
			for _, fields := range [][]string{
				{"password", third, "password_again", third},
				{"password", first, "password_again", first},
				{"same", "1", "password", first, "password_again", first},
				{
					"challenge", challenge, "code", "00000000", "way", "mail", "password", third, "password_again", third,
					"step", "act", "purpose", "recover", "login", mara, "account", mara, "proof", "mail", "flow", flow,
				},
			} {
				for _, end := range []string{"answer", "again", "ways", "act"} {
					p := c.Post("/flow/"+flow+"/"+end, fields...)
					if p.Status >= 500 {
						t.Errorf("%s: POST %s %v: got %d, want less than 500", state.name, end, fields, p.Status)
					}
				}
			}
			if got := sparekeytest.Changed(before, rows.Dump(machineRights...)); got != nil {
				t.Errorf("%s: got changes in %v, want none", state.name, got)
			}
			if got := machineStep(t, app, flow); got != state.stay || was != state.stay {
				t.Errorf("%s: got a flow that went from %s to %s, want it to stay at %s", state.name, was, got, state.stay)
			}
		}
	})
}

func machineStep(t *testing.T, app *sparekeytest.App, flow string) sparekey.Step {
	t.Helper()
	f, err := app.Store.Flow(context.Background(), flow)
	if err != nil {
		t.Fatal(err)
	}
	return f.Step
}

// The moves that are listed happen: a right code leads to the last page and
// nowhere else, and of all that can be sent there only two equal, fresh
// passwords lead on (A41).
func TestA41ListedMovesHappen(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		rows, c := app.Rows(), app.Client()
		flow := machineStart(c, "/recover", "login", mara)
		machineProve(app, c, flow, mara)
		before := rows.Dump(machineRights...)
		page := c.Get("/flow/" + flow).See(200).Says("Choose a new password")
		for _, end := range []string{"answer", "again", "ways"} {
			c.Post("/flow/"+flow+"/"+end, "code", "00000000", "way", "mail", "password", third, "password_again", third)
		}
		page.Submit("/act", "password", third, "password_again", second).See(422)
		page.Submit("/act", "password", "", "password_again", "").See(422)
		page.Submit("/act", "same", "1", "key", "").See(303) // the password was never given here
		if got := sparekeytest.Changed(before, rows.Dump(machineRights...)); got != nil {
			t.Errorf("got changes in %v, want none", got)
		}
		if got := machineStep(t, app, flow); got != sparekey.Act {
			t.Errorf("got step %s, want %s", got, sparekey.Act)
		}
		c.Get("/flow/"+flow).Submit("/act", "password", third, "password_again", third).See(303)
		if got := machineStep(t, app, flow); got != sparekey.Done {
			t.Errorf("got step %s, want %s", got, sparekey.Done)
		}
		machineSignIn(app, mara, third)
	})
}

// The cookie of a flow opens nothing outside of its flow, at no step, and its
// secret is no session (A45, A48).
func TestA45FlowOpensNothingElse(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		c := app.Client()
		look := func(when string) {
			machineOut(t, c, when)
			forged := c.Clone()
			forged.Cookies["__Host-session"] = c.Cookies["__Host-browser"]
			forged.Cookies["__Host-known"] = c.Cookies["__Host-browser"]
			machineOut(t, forged, when+", its secret as a session")
		}
		flow := machineStart(c, "/recover", "login", mara)
		look("code asked for")
		machineProve(app, c, flow, mara)
		look("proved")
		act := c.Get("/flow/"+flow).Submit("/act", "password", second, "password_again", second).See(303)
		for _, line := range act.Header.Values("Set-Cookie") {
			if strings.HasPrefix(line, "__Host-session=") {
				t.Errorf("got a session with the new password, want none (A48)")
			}
		}
		c.Get("/flow/" + flow).See(200).Says("Your password is updated.")
		look("done")
		other := app.Client()
		machineStart(other, "/register", "login", "new."+mara, "password", first)
		machineOut(t, other, "registering")
	})
}

// A recovery ends every session at once, and what was begun in one or proved
// before; every address that is proved, or was until a week ago, is told (A46).
func TestA46RecoveryEndsEverything(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		rows := app.Rows()
		browsers := []*sparekeytest.Client{app.Register(mara, first), machineSignIn(app, mara, first), machineSignIn(app, mara, first)}
		account := rows.Text(`SELECT id FROM accounts`)
		for n, other := range []struct {
			email           string
			proved, dropped time.Duration
		}{
			{"work@example.org", -time.Hour, 0},
			{"lately@example.org", -time.Hour, -6 * 24 * time.Hour},
			{"formerly@example.org", -time.Hour, -8 * 24 * time.Hour},
		} {
			at := func(d time.Duration) int64 {
				if d == 0 {
					return 0
				}
				return app.Now().Add(d).UnixMicro()
			}
			rows.Exec(`INSERT INTO identifiers (id, account, kind, key, shown, added, proved, dropped)
				VALUES ($1, $2, 'email', $3, $3, $4, $5, $6)`,
				fmt.Sprintf("i%d", n), account, other.email, at(-time.Hour), at(other.proved), at(other.dropped))
		}
		app.Sleep(sparekey.ProofLife)
		change := machineStart(browsers[1], "/account/password")
		early := app.Client()
		proved := machineStart(early, "/recover", "login", mara)
		machineProve(app, early, proved, mara)

		machineRecover(app, app.Client(), mara, second)
		for n, c := range browsers {
			machineOut(t, c, fmt.Sprintf("browser %d", n+1))
		}
		browsers[1].Get("/flow/" + change).See(410)
		for flow, c := range map[string]*sparekeytest.Client{proved: early, change: browsers[1]} {
			if got := c.Post("/flow/"+flow+"/act", "password", third, "password_again", third).Status; got != 410 {
				t.Errorf("act of a flow begun before: got %d, want 410", got)
			}
		}
		if n := rows.Text(`SELECT CAST(COUNT(*) AS TEXT) FROM browsers`); n != "1" {
			t.Errorf("got %s known browsers, want the one that recovered", n)
		}
		machineSignIn(app, mara, second)
		app.Deliver()
		for email, want := range map[string]int{mara: 1, "work@example.org": 1, "lately@example.org": 1, "formerly@example.org": 0} {
			got := 0
			for _, m := range app.Sink.Mails(email) {
				if m.Subject == "Your Lantern Market password was changed" {
					got++
				}
			}
			if got != want {
				t.Errorf("got %d notices to %s, want %d", got, email, want)
			}
		}
	})
}

// machineCookie are the cookies that are secrets.
var machineCookie = []string{"__Host-browser", "__Host-session", "__Host-known"}

// machineRenewed fails the test unless the browser has new values in the named
// cookies, and the old ones open nothing.
func machineRenewed(t *testing.T, when string, old, c *sparekeytest.Client, names ...string) {
	t.Helper()
	for _, name := range names {
		if value := c.Cookies[name]; value == "" || slices.Contains(slices.Collect(maps.Values(old.Cookies)), value) {
			t.Errorf("%s: got an old value or none in %s, want a new one", when, name)
		}
	}
	machineOut(t, old, when+", the old cookies")
}

// Browser, session and known-browser secrets are new after every right answer,
// sign-in and sign-out, and the old ones are worth nothing (A47, ASVS 7.2.4).
func TestA47SecretsAreNew(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		c := app.Client()
		flow := machineStart(c, "/register", "login", mara, "password", first)
		old := c.Clone()
		machineProve(app, c, flow, mara)
		machineRenewed(t, "registered", old, c, machineCookie...)
		old.Get("/flow/" + flow).See(404)

		old = c.Clone()
		c.Get("/account").Submit("/signout").See(303)
		machineRenewed(t, "signed out", old, c, "__Host-browser")
		machineOut(t, c, "signed out")
		if v, ok := c.Cookies["__Host-session"]; ok {
			t.Errorf("signed out: got a session cookie %q, want none", v)
		}

		for _, when := range []string{"signed in", "signed in again"} {
			old = c.Clone()
			c.Post("/signin", "login", mara, "password", first).See(303)
			machineRenewed(t, when, old, c, machineCookie...)
			c.Get("/account").See(200)
		}

		app.Sleep(sparekey.ProofLife)
		flow = machineStart(c, "/account/password")
		old = c.Clone()
		machineProve(app, c, flow, mara)
		if c.Cookies["__Host-browser"] == old.Cookies["__Host-browser"] {
			t.Errorf("right code: got the old secret, want a new one")
		}
		old.Get("/flow/" + flow).See(404)
		old = c.Clone()
		c.Get("/flow/"+flow).Submit("/act", "password", second, "password_again", second).See(303)
		machineRenewed(t, "changed", old, c, machineCookie...)
		c.Get("/account").See(200)

		flow = machineStart(c, "/recover", "login", mara)
		old = c.Clone()
		machineProve(app, c, flow, mara)
		old.Get("/flow/" + flow).See(404)
		if got := old.Post("/flow/"+flow+"/act", "password", third, "password_again", third).Status; got != 404 {
			t.Errorf("act with the secret before the right code: got %d, want 404", got)
		}
		old = c.Clone()
		c.Get("/flow/"+flow).Submit("/act", "password", third, "password_again", third).See(303)
		machineRenewed(t, "recovered", old, c, "__Host-browser", "__Host-known")
	})
}

// Secrets that somebody else has put into a browser are never adopted: what
// the browser proves is worth nothing to whoever knows them (A47).
func TestA47PresetSecretsAreNotAdopted(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		source := secret.NewSource(nil)
		planted := func() (victim, attacker *sparekeytest.Client) {
			victim = app.Client()
			for _, name := range machineCookie {
				victim.Cookies[name] = source.Token().Reveal()
			}
			return victim, victim.Clone()
		}
		c, thief := planted()
		machineOut(t, c, "planted")
		c.Post("/signin", "login", mara, "password", first).See(303)
		machineRenewed(t, "signed in", thief, c, machineCookie...)

		c, thief = planted()
		flow := machineStart(c, "/recover", "login", mara)
		machineProve(app, c, flow, mara)
		thief.Get("/flow/" + flow).See(404)
		thief.Post("/flow/"+flow+"/act", "password", third, "password_again", third).See(404)
		c.Get("/flow/"+flow).See(200).Submit("/act", "password", second, "password_again", second).See(303)
		machineRenewed(t, "recovered", thief, c, "__Host-browser", "__Host-known")

		c = app.Client()
		for _, broken := range []string{"x", strings.Repeat("A", 42), strings.Repeat("A", 44), strings.Repeat("/", 43)} {
			c.Cookies["__Host-browser"] = broken
			c.Get("/signin").See(200)
			if got := c.Cookies["__Host-browser"]; got == broken || len(got) != 43 {
				t.Errorf("a browser that brings %q: got %q, want a secret of the server's", broken, got)
			}
		}
	})
}

// A stolen session alone changes no password, and neither does one with the
// password: only the mailed code counts, and asking for it tells the owner
// (A49, ASVS 6.2.3, 7.5.1).
func TestA49StolenSessionChangesNothing(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		app.Sleep(sparekey.ProofLife)
		rows, c := app.Rows(), machineSignIn(app, mara, first) // a password was proved just now
		app.Deliver()
		before, mails := rows.Dump("credentials", "accounts", "proofs"), len(app.Sink.Mails(mara))
		thief := c.Clone()
		flow := machineStart(thief, "/account/password")
		page := thief.Get("/flow/" + flow).See(200).Says("Enter your code")
		page.Submit("/answer", "code", first).See(422)
		page.Submit("/answer", "code", "00000000", "password", first).See(422)
		for _, fields := range [][]string{
			{"password", second, "password_again", second},
			{"password", second, "password_again", second, "current_password", first, "old_password", first},
			{"same", "1", "password", first, "password_again", first},
		} {
			thief.Post("/flow/"+flow+"/act", fields...).See(303)
			thief.Get("/flow/" + flow).See(200).Says("Enter your code")
		}
		if got := sparekeytest.Changed(before, rows.Dump("credentials", "accounts", "proofs")); got != nil {
			t.Errorf("got changes in %v, want none", got)
		}
		code := app.Code(mara)
		if got := len(app.Sink.Mails(mara)); got != mails+1 {
			t.Errorf("got %d mails to the owner, want 1", got-mails)
		}
		page.Submit("/answer", "code", code).See(303) // the code is what was missing
		thief.Get("/flow/" + flow).See(200).Says("Choose a new password")
	})
}
