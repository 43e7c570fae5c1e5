package web_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
	"sparekey/internal/web"
)

// A shieldAsk is a request of a program that succeeds if it comes from our own
// host, and leaves the next ones possible.
type shieldAsk struct {
	pattern string // as in the site map
	id      string // in its path
	members []any
	status  int
	idle    bool // it changes nothing
}

func (a shieldAsk) send(c *sparekeytest.Client) *sparekeytest.Page {
	method, path, _ := strings.Cut(a.pattern, " ")
	path = strings.Replace(path, "{id}", a.id, 1)
	if method == "DELETE" {
		return c.Do(method, path, nil)
	}
	return c.Ask(path, a.members...)
}

// shieldAsks are requests for every operation that changes something, by a
// browser that is signed in.
func shieldAsks(t *testing.T, app *sparekeytest.App, c *sparekeytest.Client) []shieldAsk {
	phone := pairs(app, app.Register(mara, first), mara)
	app.Deliver()
	app.Sleep(sparekey.YoungFor)
	phone.Client = c
	c.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
	saved := machineStart(c, "/account/ways", "do", "add", "way", "saved")
	machineProve(app, c, saved, mara)
	c.Get("/flow/" + saved).Submit("/act").See(303)
	machineSignIn(app, mara, first) // the other devices
	machineSignIn(app, mara, first)
	var list struct {
		Sessions []struct {
			ID      string
			Current bool
		}
	}
	reads(t, c.Get("/api/v1/sessions"), &list)
	other := ""
	for _, in := range list.Sessions {
		if !in.Current {
			other = in.ID
		}
	}
	proved := machineStart(c, "/recover", "login", mara)
	machineProve(app, c, proved, mara)
	asked := machineStart(c, "/recover", "login", mara)
	code := app.Code(mara)
	_, form := c.Get("/flow/" + asked).Fields("/answer")
	challenge := form.Get("challenge")
	chosen := machineStart(c, "/recover", "login", mara)
	app.Sleep(time.Minute) // "Get code" is open again
	scanned := machineStart(c, "/recover", "login", mara)
	app.Deliver()
	choose(c, "/flow/"+scanned, "app").See(303)
	flowScreen, short := sparekeytest.ScreenOf(c.Get("/flow/" + scanned))
	signInScreen, declined := &screened{Client: c}, &screened{Client: c}
	seenThere, seenLast := seen(t, signInScreen), seen(t, declined)
	phone.Scan(short).See(201)
	phone.Scan(seenThere).See(201)
	var request sparekeytest.Request
	phone.Read(phone.Scan(seenLast).See(201), &request)
	c.Ask("/api/v1/signin/screen/state", "screen", declined.nonce).See(200).Says("scanned")
	request = phone.Request(request.ID)
	question, home := phone.Question()
	scan := phone.Sign("scan", phone.Device, "KQTM-4R7W")
	return []shieldAsk{
		{"POST /api/v1/register", "", []any{"login", "new." + mara, "password", second}, 201, false},
		{"POST /api/v1/recover", "", []any{"login", mara}, 201, false},
		{"POST /api/v1/signin/question", "", nil, 200, true},
		{"POST /api/v1/signin/passkey", "", []any{"challenge", "x", "passkey", json.RawMessage(nobodysPasskey)}, 422, true}, // there is none
		{"POST /api/v1/flows/{id}/again", asked, []any{"challenge", challenge}, 200, false},
		{"POST /api/v1/flows/{id}/ways", chosen, []any{"way", "saved"}, 200, false},
		{"POST /api/v1/flows/{id}/saved", saved, []any{"kept", true}, 200, false},
		{"POST /api/v1/signin/screen", "", nil, 200, true},
		{"POST /api/v1/signin/screen/state", "", []any{"screen", signInScreen.nonce}, 200, false},
		{"POST /api/v1/signin/app", "", []any{"screen", signInScreen.nonce}, 409, true}, // nobody has approved it
		{"POST /api/v1/flows/{id}/screen", scanned, nil, 200, true},
		{"POST /api/v1/flows/{id}/screen/state", scanned, []any{"screen", flowScreen}, 200, false},
		{"POST /api/v1/app/question", "", nil, 200, true},
		{"POST /api/v1/app/home", "", []any{"device", phone.Device, "question", question, "signature", home}, 200, true}, // it was seen when it scanned
		{"POST /api/v1/app/push", "", []any{"device", phone.Device, "question", question, "signature", home}, 204, true}, // it was not told
		{"POST /api/v1/app/scan", "", []any{"device", phone.Device, "seen", "KQTM-4R7W", "signature", scan}, 201, false},
		{"POST /api/v1/app/requests/{id}", request.ID, []any{"answer", "decline", "signature", phone.Sign(request.Words("decline")...)}, 200, false},
		{"POST /api/v1/profile", "", []any{"name", "Mara", "lang", "ar"}, 200, false},
		{"POST /api/v1/login", "", []any{"login", "marabird"}, 201, false},
		{"POST /api/v1/ways", "", []any{"do", "two-on"}, 201, false},
		{"POST /api/v1/check", "", nil, 201, false},
		{"POST /api/v1/password", "", nil, 201, false},
		{"POST /api/v1/account/export", "", nil, 201, false},
		{"POST /api/v1/account/delete", "", nil, 201, false},
		{"DELETE /api/v1/sessions/{id}", other, nil, 200, false},
		{"DELETE /api/v1/sessions", "", nil, 200, false},
		{"POST /api/v1/signin", "", []any{"login", mara, "password", first}, 200, false},
		{"DELETE /api/v1/session", "", nil, 204, false},
		{"POST /api/v1/flows/{id}/answer", asked, []any{"challenge", challenge, "code", code}, 200, false},
		{"POST /api/v1/flows/{id}/act", proved, []any{"password", second, "password_again", second}, 200, false},
	}
}

// Another site is no program of ours: what it sends, with the cookies of a
// browser that is signed in or without, is refused on every operation, and
// nothing is changed (A62, ASVS 3.5.1, 3.5.3).
func TestA62OtherSitesAreNoPrograms(t *testing.T) {
	foreign := []http.Header{
		{"Origin": {"https://evil.example"}},
		{"Origin": {"null"}},
		{"Origin": {"https://lantern.test"}},
		{"Origin": {"http://" + sparekeytest.Host}},
		{"Sec-Fetch-Site": {"cross-site"}, "Origin": {sparekeytest.URL}},
		{"Sec-Fetch-Site": {"same-site"}},
		{"Sec-Fetch-Site": {"none"}},
		{}, // neither header, but a cookie
	}
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		rows, c := app.Rows(), app.Client()
		asks := shieldAsks(t, app, c)
		c.Watch = watchProgram(t, app)
		before, cookies := rows.Dump(), maps.Clone(c.Cookies)
		for _, o := range web.Operations() {
			if !strings.HasPrefix(o.Pattern, "GET ") && !slices.ContainsFunc(asks, func(a shieldAsk) bool { return a.pattern == o.Pattern }) {
				t.Errorf("got no request for %s, want one in shieldAsks", o.Pattern)
			}
		}
		for _, a := range asks {
			for n, header := range foreign {
				evil := c.Clone()
				evil.Addr = fmt.Sprintf("198.51.100.%d:4711", n)
				evil.Header = http.Header{"Sec-Fetch-Site": nil}
				maps.Copy(evil.Header, header)
				refuses(t, a.send(evil), 403, "g.csrf", "")
				if !maps.Equal(evil.Cookies, cookies) {
					t.Errorf("%s with %v: got new cookies, want none", a.pattern, header)
				}
			}
			login := app.Client() // login CSRF: the browser was never here
			login.Header = http.Header{"Sec-Fetch-Site": {"cross-site"}}
			if refuses(t, a.send(login), 403, "g.csrf", ""); login.Cookies["__Host-session"] != "" {
				t.Errorf("%s without a cookie: got a session, want none", a.pattern)
			}
		}
		if got := sparekeytest.Changed(before, rows.Dump()); got != nil {
			t.Errorf("got changes in %v, want none", got)
		}
		for _, a := range asks { // the same requests, from our own host: by what browsers say, or by the origin
			was := rows.Dump()
			c.Header = http.Header{"Sec-Fetch-Site": nil, "Origin": {sparekeytest.URL}}
			p := a.send(c)
			if changed := sparekeytest.Changed(was, rows.Dump()); p.Status != a.status || (changed == nil) != a.idle {
				t.Errorf("%s from our own host: got %d and changes in %v, want %d: else it proves nothing", a.pattern, p.Status, changed, a.status)
			}
		}
	})
}

// shieldProgram goes where a program can go.
func shieldProgram(app *sparekeytest.App, c *sparekeytest.Client) {
	c.Header = http.Header{}
	c.Ask("/api/v1/signin", "login", mara, "password", "not it").See(422)
	c.Ask("/api/v1/signin", "login", mara, "password", third).See(200)
	at := c.Ask("/api/v1/recover", "login", mara).See(201).Header.Get("Location")
	for _, path := range []string{at, at + "/ways", at + "/data", "/api/v1/session", "/api/v1/sessions", "/api/v1/ways", "/api/v1/check", "/api/v1/nothing", "/api/v1/openapi.json"} {
		c.Get(path)
	}
	c.Ask("/api/v1/password").See(201)
	c.Ask("/api/v1/password", "unknown", 1).See(400)
	c.Do("PUT", "/api/v1/session", nil).See(405)
	c.Do("DELETE", "/api/v1/sessions", nil).See(200)
	c.Do("DELETE", "/api/v1/session", nil).See(204)
}

// The same body with the same key is the same request: what it began, moved on or
// spent, it does once, and it gets the same answer and the same cookies, also
// from a browser that never saw the first one (DESIGN rule 7). Another key is
// another request.
func TestProgramsRepeat(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		rows := app.Rows()
		app.Register(mara, first)
		app.Sleep(sparekey.ProofLife)
		p := newProgram(t, app)
		p.Get("/api/v1/flows/none").See(404) // gives the browser its cookie
		twice := func(path string, members ...any) *sparekeytest.Page {
			t.Helper()
			members = append(members, "key", "one press")
			again := p.Client.Clone()
			first := p.Ask(path, members...)
			was := rows.Dump()
			second := again.Ask(path, members...)
			if first.Body != second.Body || first.Status != second.Status || !maps.Equal(p.Cookies, again.Cookies) {
				t.Errorf("%s: got %d %s first and then %d %s, want the same and the same cookies", path, first.Status, first.Body, second.Status, second.Body)
			}
			if got := sparekeytest.Changed(was, rows.Dump()); got != nil {
				t.Errorf("%s again: got changes in %v, want none", path, got)
			}
			return first
		}
		p.sees(twice("/api/v1/recover", "login", mara).See(201))
		began := p.saw.ID
		challenge := p.saw.Challenge.ID
		twice(p.at+"/answer", "challenge", challenge, "code", "00000000").See(422)
		if page := p.answers(422, "00000000"); !strings.Contains(page.Body, `"tries_left":3`) {
			t.Errorf("got %s, want 3 tries left: the repeat cost none, another request one", page.Body)
		}
		p.sees(twice(p.at+"/answer", "challenge", challenge, "code", app.Code(mara)).See(200))
		p.sees(twice(p.at+"/act", "password", second, "password_again", second).See(200))
		if p.saw.Step != "done" {
			t.Fatalf("got %+v, want it done", p.saw)
		}
		twice("/api/v1/signin", "login", mara, "password", second).See(200)
		p.sees(twice("/api/v1/password").See(201))
		if p.begins("/api/v1/recover", "login", mara, "key", "another press"); p.saw.ID == began {
			t.Error("got the flow of another key, want a new one")
		}
	})
}
