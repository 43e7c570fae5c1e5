package web_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// An ending ends the session of c, of mara's account, by something that other
// does, who is signed in to the same account in another browser.
var endings = map[string]func(app *sparekeytest.App, c, other *sparekeytest.Client){
	"signed out": func(_ *sparekeytest.App, c, _ *sparekeytest.Client) {
		c.Get("/account").Submit("/signout").See(303)
	},
	"signed out from elsewhere": func(_ *sparekeytest.App, _, other *sparekeytest.Client) {
		other.Get("/account/devices").Submit("/devices").See(303)
	},
	"another sign-in in its place": func(_ *sparekeytest.App, c, _ *sparekeytest.Client) {
		c.Post("/signin", "login", "paul@example.com", "password", second).See(303)
	},
	"too many others": func(app *sparekeytest.App, _, _ *sparekeytest.Client) {
		for range sparekey.MaxSessions {
			app.Sleep(25 * time.Hour) // so many tries a day has a stranger
			app.Client().Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		}
	},
	"password changed elsewhere": func(app *sparekeytest.App, _, other *sparekeytest.Client) {
		other.Get("/account/password").Submit("/account/password").See(303)
		if _, form := other.Get(other.At()).Fields("/answer"); form != nil {
			other.Get(other.At()).Submit("/answer", "code", app.Code(mara)).See(303)
		}
		other.Get(other.At()).Submit("/act", "password", second, "password_again", second).See(303)
	},
	"recovered": func(app *sparekeytest.App, _, _ *sparekeytest.Client) {
		stranger, _ := recovering(app, mara)
		stranger.Get(stranger.At()).Submit("/answer", "code", app.Code(mara)).See(303)
		stranger.Get(stranger.At()).Submit("/act", "password", second, "password_again", second).See(303)
	},
	"deletion planned": func(app *sparekeytest.App, _, other *sparekeytest.Client) {
		other.Get("/account/data").Submit("/data", "what", "delete").See(303)
		confirms(app, other, mara)
	},
	"paused by the operator": func(app *sparekeytest.App, _, _ *sparekeytest.Client) {
		app.Accounts.Disable(context.Background(), idOf(app, mara)) //nolint:errcheck // the answer below tells
	},
	"signed out by the operator": func(app *sparekeytest.App, _, _ *sparekeytest.Client) {
		app.Accounts.SignOutAll(context.Background(), idOf(app, mara)) //nolint:errcheck // likewise
	},
}

func idOf(app *sparekeytest.App, email string) string {
	return app.Rows().Text(`SELECT account FROM identifiers WHERE key = $1`, email)
}

// Who is signed in is told from memory, and yet a session that has ended is
// refused: by the process that ended it at once, by another on the same
// database, be it a node or a command, within a tenth of a second (A46).
func TestA46EndedSessionsAreRefusedFromMemory(t *testing.T) {
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
				node := app.Node()
				app.Register("paul@example.com", second)
				other := app.Register(mara, first)
				c := app.Client()
				c.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
				c = c.Clone()
				for range 3 { // the last ones surely from memory
					c.Get("/api/v1/session").See(200)
					c.On(node).Get("/api/v1/session").See(200)
				}
				held := c.Clone()
				end(app, c, other)
				held.Get("/api/v1/session").See(401)
				time.Sleep(100 * time.Millisecond)
				held.On(node).Get("/api/v1/session").See(401)
			})
		})
	}
}

// What a session's answer says follows what it is about, on every node.
func TestSessionAnswerFollows(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		node := app.Node()
		c := app.Register(mara, first)
		ask := func(on *sparekeytest.App) string { return c.On(on).Get("/api/v1/session").See(200).Body }
		ask(app)
		ask(node)
		c.Get("/account/profile").Submit("/profile", "login", "heron").See(303)
		confirms(app, c, mara).See(200)
		time.Sleep(100 * time.Millisecond)
		for who, on := range map[string]*sparekeytest.App{"the same node": app, "another node": node} {
			if got := ask(on); !strings.Contains(got, `"heron"`) {
				t.Errorf("%s: got %s, want the new login name in it", who, got)
			}
		}
		app.Sleep(sparekey.SessionIdle)
		c.Get("/api/v1/session").See(401)
	})
}

// A node that cannot look for what has changed trusts its memory no more: the
// database is asked each time.
func TestSessionAnswersWithoutMemory(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		c := app.Register(mara, first)
		c.Get("/api/v1/session").See(200)
		app.Rows().Exec(`ALTER TABLE changes RENAME TO lost`)
		time.Sleep(100 * time.Millisecond)
		c.Get("/api/v1/session").See(200)
		app.Rows().Exec(`UPDATE sessions SET ended = 1`) // and nothing tells of it
		c.Get("/api/v1/session").See(401)
		app.Rows().Exec(`ALTER TABLE lost RENAME TO changes`)
		time.Sleep(100 * time.Millisecond)
		c.Get("/api/v1/session").See(401)
	})
}
