package web_test

import (
	"slices"
	"testing"
	"time"

	"sparekey/internal/sparekeytest"
)

// What causes a message and the message are on disk together or not at all:
// while no message can be written, no flow begins or goes on, no password
// changes, no session opens, and nobody is told that it did. Once messages can
// be written again, the same forms lead on.
func TestMessagesAreWrittenWithWhatCausesThem(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		rows, in := app.Rows(), app.Register(mara, first)
		app.Sleep(11 * time.Minute)
		_, waits := recovering(app, mara)
		app.Deliver()
		app.Sleep(time.Minute)
		proves, _ := recovering(app, mara)
		answered(proves, proves.At(), app.Code(mara)).See(303)
		proved := proves.Get(proves.At()).See(200).Says("Choose a new password")
		fresh := app.Client()
		forms := []struct {
			name string
			post func() *sparekeytest.Page
		}{
			{"the start of a recovery", send(app.Client().Get("/recover"), "/recover", "login", mara)},
			{"the start of a registration", send(app.Client().Get("/register"), "/register", "login", "new@example.com", "password", first)},
			{"the start of a change", send(in.Get("/account/password"), "/account/password")},
			{"Get code", send(waits, "/again")},
			{"a sign-in in a new browser", send(fresh.Get("/signin"), "/signin", "login", mara, "password", first)},
			{"a new password", send(proved, "/act", "password", second, "password_again", second)},
		}

		stop, again := `ALTER TABLE outbox ADD CONSTRAINT full_up CHECK (FALSE) NOT VALID`, `ALTER TABLE outbox DROP CONSTRAINT full_up`
		if app.Settings.SQLite() != "" {
			stop, again = `CREATE TRIGGER full_up BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'full up'); END`, `DROP TRIGGER full_up`
		}
		rows.Exec(stop)
		tables := append(slices.Clone(machineRights), "flows", "challenges", "charges", "outbox")
		for _, f := range forms {
			before := rows.Dump(tables...)
			if p := f.post(); p.Status != 500 || len(p.Header.Values("Set-Cookie")) > 0 {
				t.Errorf("%s: got %d with cookies %q, want 500 and none", f.name, p.Status, p.Header.Values("Set-Cookie"))
			}
			if got := sparekeytest.Changed(before, rows.Dump(tables...)); got != nil {
				t.Errorf("%s: got changes in %v without the message, want none", f.name, got)
			}
		}
		rows.Exec(again)
		for _, f := range forms {
			before := rows.Dump("outbox")["outbox"]
			f.post().See(303)
			if rows.Dump("outbox")["outbox"] == before {
				t.Errorf("%s: got no message, want one", f.name)
			}
		}
	})
}

// send fills in a form, to be sent as often as one likes.
func send(p *sparekeytest.Page, action string, fields ...string) func() *sparekeytest.Page {
	return func() *sparekeytest.Page { return p.Submit(action, fields...) }
}
