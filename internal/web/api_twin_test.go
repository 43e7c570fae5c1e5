package web_test

import (
	"encoding/json"
	"html"
	"slices"
	"strings"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// A twin holds what programs are told against the page that tells people.
type twin struct {
	*program
	facts int // that were looked for on pages
}

// same fails the test if an answer in JSON says what its page does not.
func (w *twin) same(path, page string) {
	w.t.Helper()
	var said any
	reads(w.t, w.Get(path), &said)
	shown := w.Get(page).See(200)
	w.within(path, "", said, html.UnescapeString(shown.Body)+shown.Text())
}

func (w *twin) within(path, name string, said any, page string) {
	w.t.Helper()
	switch said := said.(type) {
	case map[string]any:
		for name, value := range said {
			if name != "options" && name != "passkeys" { // they are for the browser, see TestProgramPasskeys
				w.within(path, name, value, page)
			}
		}
	case []any:
		for _, value := range said {
			w.within(path, name, value, page)
		}
	case string:
		if shown, ok := shownAs(name, said); ok {
			w.facts++
			if !slices.ContainsFunc(shown, func(text string) bool { return strings.Contains(page, text) }) {
				w.t.Errorf("%s: got %s %q, which is not on its page", path, name, said)
			}
		}
	}
}

// shownAs is how a page may show a text of an answer; not ok where it has nothing
// to show, as for the words of the API.
func shownAs(name, said string) (forms []string, ok bool) {
	switch name {
	case "purpose", "step", "kind", "way", "how", "code", "state", "lost":
		return nil, false
	case "expires": // a page ends without a clock on it; it is a function of the flow's start
		return nil, false
	}
	if at, err := time.Parse(time.RFC3339, said); err == nil {
		forms := []string{said}
		for _, layout := range []string{"15:04", "2 January", "2 Jan"} {
			forms = append(forms, at.Format(layout))
		}
		return forms, true
	}
	return []string{strings.Replace(said, "/api/v1/flows/", "/flow/", 1)}, true
}

// Programs are told nothing that the page of the same flow, in the same browser,
// does not tell: an answer and a page are two renderings of one view.
func TestProgramsAreToldWhatPagesTell(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		app.Sleep(sparekey.ProofLife)
		w := &twin{program: newProgram(t, app)}
		flow := func() {
			t.Helper()
			w.same(w.at, "/flow/"+w.saw.ID)
		}
		w.begins("/api/v1/register", "login", "otter@example.com", "password", second)
		flow()
		w.begins("/api/v1/recover", "login", mara)
		app.Deliver()
		flow()
		w.same(w.at+"/ways", "/flow/"+w.saw.ID+"/ways")
		app.Sleep(time.Minute)
		w.moves("/again", "challenge", w.saw.Challenge.ID)
		flow()
		w.moves("/ways", "way", "saved")
		flow()
		w.moves("/ways", "way", "passkey")
		flow()
		w.moves("/ways", "way", "mail")
		w.proves(mara)
		flow()
		w.moves("/act", "password", second, "password_again", second)
		flow()

		w.Ask("/api/v1/signin", "login", mara, "password", second).See(200)
		for path, page := range map[string]string{
			"/api/v1/sessions": "/account/devices", "/api/v1/ways": "/account/ways", "/api/v1/check": "/account/check",
			"/api/v1/profile": "/account/profile", "/api/v1/activity": "/account/activity",
		} {
			w.same(path, page)
		}
		w.begins("/api/v1/ways", "do", "add", "way", "saved")
		flow()
		w.same(w.at+"/ways", "/flow/"+w.saw.ID+"/ways") // the account's own, masked
		w.proves(mara)
		flow()
		w.moves("/act")
		flow()
		saved := w.wayOf("saved").ID
		for _, members := range [][]any{{"do", "add", "way", "totp"}, {"do", "add", "way", "passkey"}, {"do", "drop", "id", saved}, {"do", "two-on"}} {
			w.begins("/api/v1/ways", members...)
			if w.saw.Enrol.Seed == "" { // the page has it in groups, and in the drawing
				flow()
			}
		}
		w.begins("/api/v1/ways", "do", "add", "email", "mara@example.org")
		flow()
		w.begins("/api/v1/account/export")
		w.moves("/act")
		flow()
		w.begins("/api/v1/account/delete")
		flow()
		if w.facts < 60 {
			t.Errorf("got %d facts looked for on pages, want more: it proves too little", w.facts)
		}
	})
}

// FuzzProgram sends whatever a program may call a body. No body breaks the
// server, and one that is read has what the document says and nothing else.
func FuzzProgram(f *testing.F) {
	app := sparekeytest.New(f, sparekeytest.Options{})
	document := readDocument(f, app)
	for _, body := range []string{
		`{"challenge":"x","code":"12345678"}`, `{"challenge":"x","passkey":{"id":"\ud83d\ude00"},"key":"k"}`, `{"challenge":"\ud800"}`,
		`{"challenge":"x","Code":"1"}`, `{"challenge":"x","challenge":"y"}`, `[]`, `{"challenge":null}`, "{\"challenge\":\"\xff\"}", `{"challenge":"x"} {}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		page := app.Client().For(t).Do("POST", "/api/v1/flows/none/answer", strings.NewReader(body))
		switch page.Status {
		case 400, 413, 422:
		case 404: // it was read, and there is no such flow
			if err := document.Takes("POST /api/v1/flows/{id}/answer", body); err != nil || !json.Valid([]byte(body)) {
				t.Errorf("%q was read, and is not what the document says: %v", body, err)
			}
		default:
			t.Errorf("%q: got %d", body, page.Status)
		}
	})
}
