package web_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// reads reads an answer.
func reads(t *testing.T, page *sparekeytest.Page, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(page.See(200).Body), into); err != nil {
		t.Fatalf("got %q: %v", page.Body, err)
	}
}

// A programWay is one way of an account.
type programWay struct {
	ID, Way, Value string
	BackUntil      time.Time `json:"back_until"`
	AloneFrom      time.Time `json:"alone_from"`
}

// wayOf gives the account's way of a kind.
func (p *program) wayOf(kind string) (w programWay) {
	p.t.Helper()
	var list struct{ Ways []programWay }
	reads(p.t, p.Get("/api/v1/ways"), &list)
	if i := slices.IndexFunc(list.Ways, func(w programWay) bool { return w.Way == kind }); i >= 0 {
		w = list.Ways[i]
	}
	return w
}

// changes begins a change of the ways, proves who asks and confirms it.
func (p *program) changes(members ...any) {
	p.t.Helper()
	p.app.Sleep(time.Second) // no way comes with the account
	p.begins("/api/v1/ways", members...)
	p.proves(mara)
	if p.saw.Confirm == nil {
		p.t.Fatalf("got %+v, want it to be confirmed", p.saw)
	}
	p.moves("/act")
}

// An account's own ways in JSON: the list, and each change of it that the pages
// let its owner make (A51).
func TestProgramWays(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		app.Sleep(sparekey.ProofLife)
		p := newProgram(t, app)
		refuses(t, p.Get("/api/v1/ways"), 401, "not-signed-in", "")
		refuses(t, p.Ask("/api/v1/ways", "do", "two-on"), 401, "not-signed-in", "")
		p.Ask("/api/v1/signin", "login", mara, "password", first).See(200)

		p.changes("do", "add", "way", "saved")
		if p.saw.SavedCode == "" {
			t.Fatalf("got %+v, want the saved code", p.saw)
		}
		p.moves("/saved", "kept", true)
		saved := p.wayOf("saved")
		if saved.ID == "" || !saved.AloneFrom.Equal(app.Now().Add(sparekey.YoungFor)) {
			t.Errorf("got %+v, want a young saved code", saved)
		}
		p.changes("do", "drop", "id", saved.ID)
		if got := p.wayOf("saved"); p.saw.Note.Code != "way.gone" || !got.BackUntil.Equal(app.Now().Add(sparekey.TakeBack)) {
			t.Errorf("got note %+v and %+v, want it dropped for 7 days", p.saw.Note, got)
		}
		p.changes("do", "keep", "id", saved.ID)
		if got := p.wayOf("saved"); p.saw.Note.Code != "way.kept" || !got.BackUntil.IsZero() {
			t.Errorf("got note %+v and %+v, want it taken back", p.saw.Note, got)
		}

		p.begins("/api/v1/ways", "do", "add", "email", "mara@example.org")
		p.stands("verify", "new")
		p.answers(200, app.Code("mara@example.org"))
		if p.saw.Step != "done" || p.saw.Note.Code != "way.add" {
			t.Errorf("got %+v, want the address added", p.saw)
		}
		p.Get("/api/v1/session").See(200).Says("mara@example.org")

		for _, no := range []struct {
			members []any
			status  int
			code    string
			field   string
		}{
			{[]any{"do", "add", "email", "mara@"}, 422, "reg.mail", "email"},
			{[]any{"do", "add", "email", mara}, 422, "way.have", "email"},
			{[]any{"do", "add", "way", "none"}, 404, "g.404", ""},
			{[]any{"do", "add", "phone", "+351 912 345 204"}, 404, "g.404", ""}, // no text messages here
			{[]any{"do", "drop", "id", "none"}, 409, "way.changed", ""},
			{[]any{"do", "keep", "id", "none"}, 409, "way.changed", ""},
			{[]any{"do", "none"}, 400, "g.bad", ""},
		} {
			refuses(t, p.Ask("/api/v1/ways", no.members...), no.status, no.code, no.field)
		}
	})
}

// The rest of My account in JSON: the recovery check and its rehearsal, the data
// and its deletion.
func TestProgramAccount(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		app.Sleep(sparekey.ProofLife)
		p := newProgram(t, app)
		p.Ask("/api/v1/signin", "login", mara, "password", first).See(200)
		var check struct {
			State  string
			Losses []struct {
				Lost string
				Safe bool
				Left []programWay
			}
		}
		reads(t, p.Get("/api/v1/check"), &check)
		if check.State != "step" || len(check.Losses) != 3 || check.Losses[2].Lost != "email" || check.Losses[2].Safe || check.Losses[0].Left[0].Value != mara {
			t.Errorf("got %+v, want the loss of the address to be the one that locks out", check)
		}
		p.begins("/api/v1/check")
		p.proves(mara)
		p.stands("done", "")

		p.begins("/api/v1/account/export")
		p.proves(mara)
		p.moves("/act")
		if got := p.Get(p.saw.Done.Data).See(200); !strings.Contains(got.Body, mara) || got.Header.Get("Content-Disposition") == "" {
			t.Errorf("got %q, want the data of mara as a file", got.Body)
		}
		stranger := newProgram(t, app)
		refuses(t, stranger.Get(p.saw.Done.Data), 404, "g.cookie", "")
		refuses(t, stranger.Get(p.saw.Done.Data), 404, "g.404", "")

		p.begins("/api/v1/account/delete")
		p.proves(mara)
		if p.saw.Confirm["erase_at"] != app.Now().Add(sparekey.EraseAfter).Format(time.RFC3339) {
			t.Errorf("got %+v, want to be told when it is erased", p.saw.Confirm)
		}
		p.moves("/act")
		if p.saw.Step != "done" || p.saw.Done.SignedIn {
			t.Errorf("got %+v, want to be signed out", p.saw)
		}
		refuses(t, p.Get("/api/v1/session"), 401, "not-signed-in", "")
		refuses(t, p.Ask("/api/v1/signin", "login", mara, "password", first), 403, "in.leaving", "")
	})
}

// The profile, the choice of a login name and what happened, in JSON.
func TestProgramProfile(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		app.Sleep(sparekey.ProofLife)
		p := newProgram(t, app)
		refuses(t, p.Get("/api/v1/activity"), 401, "not-signed-in", "")
		p.Ask("/api/v1/signin", "login", mara, "password", first).See(200)
		var profile struct {
			Name, Lang, Login string
			Note              struct{ Code string }
		}
		reads(t, p.Ask("/api/v1/profile", "name", "Mara", "lang", "ar"), &profile)
		if profile.Name != "Mara" || profile.Lang != "ar" || profile.Login != "" || profile.Note.Code != "prof.ok" {
			t.Errorf("got %+v, want the new name and language, and told so", profile)
		}
		refuses(t, p.Ask("/api/v1/profile", "name", strings.Repeat("a", sparekey.MaxName+1), "lang", ""), 422, "prof.long", "name")
		refuses(t, p.Ask("/api/v1/profile", "name", "Mara", "lang", "xx"), 422, "g.bad", "lang")
		refuses(t, p.Ask("/api/v1/profile", "name", "Mara"), 422, "g.required", "lang")
		refuses(t, p.Ask("/api/v1/login", "login", "-"), 422, "prof.shape", "login")

		app.Sleep(time.Second)
		p.begins("/api/v1/login", "login", "mara.k")
		p.proves(mara)
		p.moves("/act")
		profile.Note.Code = ""
		reads(t, p.Get("/api/v1/profile"), &profile)
		if profile.Name != "Mara" || profile.Login != "mara.k" || profile.Note.Code != "" {
			t.Errorf("got %+v, want the login name that was chosen", profile)
		}
		var list struct {
			Activity []struct {
				Kind string
				How  []string
			}
		}
		reads(t, p.Get("/api/v1/activity"), &list)
		if got := list.Activity; len(got) == 0 || got[0].Kind != string(sparekey.LoginChosen) || !slices.Contains(got[0].How, "mail") {
			t.Errorf("got %+v, want the choice of the login name first, proved by mail", got)
		}
	})
}

// Sessions in JSON: the list, one of them ended, all others, and the one that
// asks. Nobody ends those of another account (A70).
func TestProgramSessions(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		app.Register("wren@example.com", second)
		p := newProgram(t, app)
		p.Ask("/api/v1/signin", "login", mara, "password", first, "shared", true).See(200)
		other := machineSignIn(app, mara, first)
		var list struct {
			Sessions []struct {
				ID              string
				Current, Shared bool
			}
			Note struct{ Code string }
		}
		read := func(page *sparekeytest.Page) { list.Note.Code = ""; reads(t, page, &list) }
		read(p.Get("/api/v1/sessions"))
		foreign := app.Rows().Text(`SELECT id FROM sessions WHERE account = $1`, idOf(app, "wren@example.com"))
		for _, in := range list.Sessions {
			if in.Shared != in.Current || in.Current != (in.ID == "") {
				t.Errorf("got %+v, want the session of this program, and no other, on a shared computer and without an id", in)
			}
		}
		if len(list.Sessions) != 3 {
			t.Fatalf("got %+v, want three sessions", list.Sessions)
		}
		refuses(t, p.Do("DELETE", "/api/v1/sessions/"+foreign, nil), 404, "dev.gone", "")
		refuses(t, p.Do("DELETE", "/api/v1/sessions/none", nil), 404, "dev.gone", "")
		own := app.Rows().Text(`SELECT id FROM sessions WHERE account = $1 AND shared`, idOf(app, mara))
		ended := app.Rows().Text(`SELECT id FROM sessions WHERE account = $1 AND NOT shared ORDER BY id LIMIT 1`, idOf(app, mara))
		read(p.Do("DELETE", "/api/v1/sessions/"+ended, nil))
		if len(list.Sessions) != 2 || list.Note.Code != "dev.out" {
			t.Errorf("got %+v, want two sessions left, and told so", list)
		}
		read(p.Do("DELETE", "/api/v1/sessions", nil))
		if len(list.Sessions) != 1 || !list.Sessions[0].Current || list.Note.Code != "dev.out.others" {
			t.Errorf("got %+v, want this session left", list)
		}
		other.Get("/account").See(303)
		p.Do("DELETE", "/api/v1/sessions/"+own, nil).See(204)
		if _, ok := p.Cookies["__Host-session"]; ok {
			t.Error("got a session cookie after signing out, want none")
		}
		refuses(t, p.Do("DELETE", "/api/v1/sessions", nil), 401, "not-signed-in", "")
	})
}

// Who is paused is told so after the right password, in JSON too.
func TestProgramPaused(t *testing.T) {
	app := sparekeytest.New(t, sparekeytest.Options{})
	app.Register(mara, first)
	if _, err := app.Accounts.Disable(t.Context(), idOf(app, mara)); err != nil {
		t.Fatal(err)
	}
	p := newProgram(t, app)
	page := p.Ask("/api/v1/signin", "login", mara, "password", first)
	refuses(t, page, 403, "paused", "")
	page.Says("This account is paused. Lantern Market paused it on 3 May.")
	refuses(t, p.Ask("/api/v1/signin", "login", mara, "password", "not it"), 422, "in.wrong", "")
}

// Passkeys in JSON: the question is put as browsers take it, and what the browser
// makes is taken as an object: to add one, to sign in and to recover with it. What
// is no passkey costs nothing.
func TestProgramPasskeys(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		app.Sleep(sparekey.ProofLife)
		p, d := newProgram(t, app), newDevice(t)
		ask := func(passkey any) *sparekeytest.Page {
			return p.Ask(p.at+"/answer", "challenge", p.saw.Challenge.ID, "passkey", passkey)
		}
		p.Ask("/api/v1/signin", "login", mara, "password", first).See(200)
		p.begins("/api/v1/ways", "do", "add", "way", "passkey")
		p.proves(mara)
		p.moves("/act", "passkey", json.RawMessage(d.create(string(p.saw.Passkey.Options))), "name", "Key ring")
		if p.saw.Step != "done" || p.wayOf("passkey").Value != "Key ring" {
			t.Fatalf("got %+v, want the passkey added", p.saw)
		}
		p.Do("DELETE", "/api/v1/session", nil).See(204)
		app.Sleep(sparekey.YoungFor + time.Hour)

		var question struct {
			Challenge string
			Options   json.RawMessage
		}
		reads(t, p.Ask("/api/v1/signin/question"), &question)
		refuses(t, p.Ask("/api/v1/signin/passkey", "challenge", question.Challenge, "passkey", json.RawMessage(nobodysPasskey)), 422, "passkey.unknown", "passkey")
		p.Ask("/api/v1/signin/passkey", "challenge", question.Challenge, "passkey", json.RawMessage(d.get(string(question.Options)))).See(200).Says(mara)

		p.begins("/api/v1/recover", "login", mara)
		app.Deliver()
		p.moves("/ways", "way", "passkey")
		p.stands("verify", "passkey")
		refuses(t, ask(map[string]any{}), 422, "passkey.shape", "passkey")
		if page := ask(json.RawMessage(nobodysPasskey)); !strings.Contains(page.Body, `"tries_left":4`) {
			t.Errorf("got %s, want 4 tries left: what is no passkey costs nothing", page.Body)
		}
		p.sees(ask(json.RawMessage(d.get(string(p.saw.Challenge.Options)))).See(200))
		p.stands("act", "")
	})
}

// While clients begin too much, programs are told when to come again, as pages
// tell people: in the language that was asked for.
func TestProgramSlow(t *testing.T) {
	app := sparekeytest.New(t, sparekeytest.Options{})
	p := newProgram(t, app)
	p.Header = http.Header{"Accept-Language": {"es"}}
	var page *sparekeytest.Page
	for range 100 {
		if page = p.Ask("/api/v1/recover", "login", mara); page.Status != 201 {
			break
		}
	}
	refuses(t, page, 429, "g.slow", "")
	if page.Header.Get("Retry-After") == "" || strings.Contains(page.Body, "slow down") {
		t.Errorf("got %v and %s, want to be told when, in Spanish", page.Header, page.Body)
	}
}
