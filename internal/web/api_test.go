package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/openapi"
	"sparekey/internal/sparekeytest"
)

// A program is an app of our own host that draws its own pages. Whatever it is
// answered must be what the document says.
type program struct {
	*sparekeytest.Client
	t   *testing.T
	app *sparekeytest.App
	at  string // the flow that it saw last
	saw programFlow
}

// A programFlow is what a program reads of a flow.
type programFlow struct {
	ID, Purpose, Step string
	Expires           time.Time
	Challenge         struct {
		ID, Way   string
		NextSend  time.Time `json:"next_send"`
		SendsLeft int       `json:"sends_left"`
		Options   json.RawMessage
	}
	Ways struct {
		List []struct{ Way, Place, To string }
		More bool
	}
	OtherWays string `json:"other_ways"`
	SavedCode string `json:"saved_code"`
	Password  *struct{ Min int }
	Confirm   map[string]any
	Passkey   struct{ Options json.RawMessage }
	Enrol     struct{ Seed, Address string }
	Done      struct {
		SignedIn bool `json:"signed_in"`
		Same     bool
		Others   int
		Data     string
		Next     string
	}
	Note struct{ Code, Text string }
}

func newProgram(t *testing.T, app *sparekeytest.App) *program {
	p := &program{Client: app.Client(), t: t, app: app}
	p.Watch = watchProgram(t, app)
	return p
}

// readDocument reads what is served to programs that want to know what they may
// ask.
func readDocument(t testing.TB, app *sparekeytest.App) *openapi.Document {
	t.Helper()
	d, err := openapi.Read([]byte(app.Client().Get("/api/v1/openapi.json").See(200).Body))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// watchProgram fails the test at an answer that is not in the document, or that
// has a secret in its body.
func watchProgram(t *testing.T, app *sparekeytest.App) func(*sparekeytest.Page) {
	document := readDocument(t, app)
	return func(page *sparekeytest.Page) {
		method, path := page.Asked()
		if !strings.HasPrefix(path, "/api/") {
			return
		}
		if err := document.Gives(method, path, page.Status, page.Header, page.Body); err != nil {
			t.Errorf("got an answer that is not in the document: %v\n%s", err, page.Body)
		}
		for _, line := range page.Header.Values("Set-Cookie") {
			k, err := http.ParseSetCookie(line)
			if err != nil || len(k.Value) == 43 && strings.Contains(page.Body, k.Value) {
				t.Errorf("%s %s: got cookie %q in the body, or %v", method, path, k.Name, err)
			}
		}
	}
}

// sees reads the flow that an answer is.
func (p *program) sees(page *sparekeytest.Page) *sparekeytest.Page {
	p.t.Helper()
	p.saw = programFlow{}
	if err := json.Unmarshal([]byte(page.Body), &p.saw); err != nil {
		p.t.Fatalf("got %q: %v", page.Body, err)
	}
	p.at = "/api/v1/flows/" + p.saw.ID
	return page
}

// begins asks for a flow.
func (p *program) begins(path string, members ...any) {
	p.t.Helper()
	page := p.sees(p.Ask(path, members...).See(201))
	if got := page.Header.Get("Location"); got != p.at || p.saw.ID == "" {
		p.t.Fatalf("%s: got Location %q, want %q", path, got, p.at)
	}
}

// answers gives an answer to the open challenge.
func (p *program) answers(status int, code string) *sparekeytest.Page {
	p.t.Helper()
	page := p.Ask(p.at+"/answer", "challenge", p.saw.Challenge.ID, "code", code).See(status)
	if status == 200 {
		p.sees(page)
	}
	return page
}

// moves asks for a move of the flow.
func (p *program) moves(move string, members ...any) {
	p.t.Helper()
	p.sees(p.Ask(p.at+move, members...).See(200))
}

// stands fails the test unless the flow is at a step.
func (p *program) stands(step, way string) {
	p.t.Helper()
	if p.saw.Step != step || p.saw.Challenge.Way != way {
		p.t.Fatalf("got step %q with a challenge by %q, want %q by %q", p.saw.Step, p.saw.Challenge.Way, step, way)
	}
	if got := p.sees(p.Get(p.at).See(200)); p.saw.Step != step || p.saw.Challenge.Way != way {
		p.t.Fatalf("asked where it stands: got %s, want step %q by %q", got.Body, step, way)
	}
}

// proves types the code of the newest mail, if one is asked for.
func (p *program) proves(email string) {
	p.t.Helper()
	if p.saw.Step == "verify" {
		p.answers(200, p.app.Code(email))
	}
}

// refuses fails the test unless an answer is a problem with that code.
func refuses(t *testing.T, page *sparekeytest.Page, status int, code, field string) {
	t.Helper()
	var got struct {
		Type, Title, Code, Detail, Field string
		Status                           int
	}
	if err := json.Unmarshal([]byte(page.See(status).Body), &got); err != nil {
		t.Fatalf("got %q: %v", page.Body, err)
	}
	if got.Type != "about:blank" || got.Title != http.StatusText(status) || got.Status != status || got.Code != code || got.Field != field {
		t.Errorf("got %s, want %d, code %q and field %q", page.Body, status, code, field)
	}
	if code != "not-signed-in" && (got.Detail == "" || got.Detail == code) {
		t.Errorf("got detail %q, want the sentence of %s", got.Detail, code)
	}
}

// An app that draws its own pages registers somebody, signs them out, and gets
// them back in: the whole road of the pages, in JSON.
func TestProgramRoad(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		p := newProgram(t, app)
		p.begins("/api/v1/register", "login", mara, "password", first, "return_to", "/shop")
		p.stands("verify", "mail")
		refuses(t, p.Get("/api/v1/session"), 401, "not-signed-in", "")
		p.answers(200, app.Code(mara))
		if p.saw.Step != "done" || !p.saw.Done.SignedIn || p.saw.Done.Next != "/shop" {
			t.Fatalf("got %+v, want to be signed in and led to /shop", p.saw)
		}
		p.Get("/api/v1/session").See(200).Says(mara)
		p.Do("DELETE", "/api/v1/session", nil).See(204)
		refuses(t, p.Get("/api/v1/sessions"), 401, "not-signed-in", "")
		p.Do("DELETE", "/api/v1/session", nil).See(204) // an old button

		for _, code := range []string{"in.wrong", "in.wrong", "in.wrong3"} {
			refuses(t, p.Ask("/api/v1/signin", "login", mara, "password", "not it"), 422, code, "")
		}
		p.begins("/api/v1/recover", "login", mara)
		code := app.Code(mara)
		refuses(t, p.answers(422, ""), 422, "code.empty", "code")
		if body := p.answers(422, "00000000").Body; !strings.Contains(body, `"tries_left":4`) {
			t.Errorf("got %s, want 4 tries left", body)
		}
		p.moves("/again", "challenge", p.saw.Challenge.ID)
		if p.saw.Note.Code != "code.early" || !strings.HasPrefix(p.saw.Note.Text, "Not quite yet.") || p.saw.Challenge.SendsLeft != 4 {
			t.Errorf("got %+v, want that it is too early", p.saw)
		}
		app.Sleep(time.Minute)
		p.moves("/again", "challenge", p.saw.Challenge.ID)
		if p.saw.Note.Code != "code.sent" || p.saw.Challenge.SendsLeft != 3 || !p.saw.Challenge.NextSend.Equal(app.Now().Add(time.Minute)) {
			t.Errorf("got %+v, want that it was sent again", p.saw)
		}
		p.answers(200, code)
		p.stands("act", "")
		if p.saw.Password == nil || p.saw.Password.Min != 8 {
			t.Fatalf("got %+v, want a new password of 8 characters asked for", p.saw)
		}
		refuses(t, p.Ask(p.at+"/act", "password", second, "password_again", third), 422, "pw.diff", "password_again")
		refuses(t, p.Ask(p.at+"/act", "password", "short", "password_again", "short"), 422, "pw.short", "password")
		p.moves("/act", "password", second, "password_again", second)
		p.stands("done", "")
		p.Ask("/api/v1/signin", "login", mara, "password", second).See(200).Says(`"password"`)

		app.Sleep(sparekey.ProofLife)
		p.begins("/api/v1/password")
		p.proves(mara)
		p.moves("/act", "password", third, "password_again", third)
		if !p.saw.Done.SignedIn {
			t.Errorf("got %+v, want to be signed in still", p.saw)
		}
		p.Get("/account").See(200) // the pages see the same browser
		refuses(t, p.Ask(p.at+"/act", "password", first, "password_again", first), 409, "end.used", "")
	})
}

// Who gives the current password in the end of a recovery is asked whether to
// sign in with it.
func TestProgramSame(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		p := newProgram(t, app)
		p.begins("/api/v1/recover", "login", mara)
		p.proves(mara)
		refuses(t, p.Ask(p.at+"/act", "password", first, "password_again", first), 422, "pw.same", "password")
		p.moves("/act", "same", true)
		if !p.saw.Done.Same || !p.saw.Done.SignedIn {
			t.Errorf("got %+v, want to be signed in with the same password", p.saw)
		}
		p.Get("/api/v1/session").See(200)
	})
}

// strongProgram gives mara an authenticator app and with it two proofs, by JSON.
func strongProgram(t *testing.T, app *sparekeytest.App) (p *program, seed, saved string) {
	app.Register(mara, first)
	app.Sleep(sparekey.ProofLife)
	p = newProgram(t, app)
	p.Ask("/api/v1/signin", "login", mara, "password", first).See(200)
	p.begins("/api/v1/ways", "do", "add", "way", "totp")
	p.proves(mara)
	seed = p.saw.Enrol.Seed
	if !strings.HasPrefix(p.saw.Enrol.Address, "otpauth://") {
		t.Fatalf("got %+v, want an address for the QR code", p.saw.Enrol)
	}
	refuses(t, p.Ask(p.at+"/act", "code", "000000"), 422, "totp.clock", "code")
	p.moves("/act", "code", appCode(app, seed))
	saved = p.saw.SavedCode
	if sparekeytest.SavedCode(saved) == "" {
		t.Fatalf("got saved code %q, want one", saved)
	}
	refuses(t, p.Ask(p.at+"/saved", "kept", false), 422, "fresh.tick", "kept")
	p.moves("/saved", "kept", true)
	if p.saw.SavedCode != "" || p.saw.Note.Code != "way.add" || p.saw.Done.Next != "/account/ways" {
		t.Errorf("got %+v, want the saved code shown no more, and where to go on", p.saw)
	}
	return p, seed, saved
}

// A sign-in and a recovery of an account that asks for two proofs, in JSON (A25,
// A43).
func TestProgramTwoProofs(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		_, seed, saved := strongProgram(t, app)
		app.Sleep(sparekey.YoungFor + time.Hour)

		in := newProgram(t, app)
		in.begins("/api/v1/signin", "login", mara, "password", first, "return_to", "/account/devices")
		in.stands("verify", "totp")
		refuses(t, in.Get("/api/v1/session"), 401, "not-signed-in", "")
		in.answers(422, "000000")
		in.answers(200, appCode(app, seed))
		if in.saw.Step != "done" || in.saw.Done.Next != "/account/devices" {
			t.Fatalf("got %+v, want to be led on", in.saw)
		}
		in.Get("/api/v1/session").See(200).Says("totp")

		app.Sleep(time.Minute)
		p := newProgram(t, app)
		p.begins("/api/v1/recover", "login", mara)
		mailed := app.Code(mara)
		p.moves("/ways", "way", "totp")
		if p.saw.Note.Code != "way.first" {
			t.Errorf("got %+v, want that the app is only ever the second proof", p.saw)
		}
		p.answers(200, mailed)
		if p.saw.Step != "verify" || !p.saw.Ways.More || p.saw.Challenge.ID != "" {
			t.Fatalf("got %+v, want another proof asked for", p.saw)
		}
		p.moves("/act", "password", second, "password_again", second) // not yet
		p.stands("verify", "")
		p.moves("/ways", "way", "saved")
		p.stands("verify", "saved")
		p.answers(200, saved)
		if p.saw.Step != "act" || p.saw.SavedCode == "" || p.saw.Password != nil {
			t.Fatalf("got %+v, want the code that replaces the one that was used, first of all", p.saw)
		}
		p.moves("/saved", "kept", true)
		p.stands("act", "")
		p.moves("/act", "password", second, "password_again", second)
		p.stands("done", "")
		machineSignIn(app, mara, second)
	})
}
