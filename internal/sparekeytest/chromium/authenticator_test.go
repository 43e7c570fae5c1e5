package chromium

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sparekey/internal/lang"
	"sparekey/internal/page"
	"sparekey/internal/sparekeytest/guard"
	"sparekey/internal/way"
)

// A keySite is a small site with one account, whose passkeys are made and used
// by the script of our pages.
type keySite struct {
	*httptest.Server
	t      *testing.T
	keys   *way.Passkeys
	path   string // of the script
	script []byte

	mu     sync.Mutex
	asked  []string // the challenges, the newest at the end
	used   string   // the last one that was answered
	kept   way.Key
	posted []string // what came of each answer
}

func newKeySite(t *testing.T) *keySite {
	catalogue, err := lang.Load()
	if err != nil {
		t.Fatal(err)
	}
	pages, err := page.New(page.Options{Catalogue: catalogue})
	if err != nil {
		t.Fatal(err)
	}
	s := &keySite{t: t}
	for _, drawn := range page.Samples(catalogue.Printer("en")) {
		if drawn.Name == "passkey" {
			body, err := pages.Render(drawn.Page)
			s.must(err)
			s.path = string(regexp.MustCompile(`/assets/[0-9a-f]+\.js`).Find(body))
		}
	}
	s.script = pages.Script(s.path)
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+s.path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		w.Write(s.script)
	})
	mux.HandleFunc("GET /make", s.showMake)
	mux.HandleFunc("POST /make", s.postMake)
	mux.HandleFunc("GET /use", s.showUse)
	mux.HandleFunc("POST /use", s.postUse)
	mux.HandleFunc("GET /signin", s.showSignIn)
	mux.HandleFunc("POST /signin/passkey", s.postQuestion)
	mux.HandleFunc("POST /signin", s.postUse)
	mux.HandleFunc("GET /done", func(w http.ResponseWriter, _ *http.Request) { s.page(w, `<p>Done.</p>`) })
	mux.HandleFunc("GET /forget", func(w http.ResponseWriter, _ *http.Request) {
		list, err := s.keys.Accepted(handle(), nil)
		s.must(err)
		s.page(w, `<p data-signal="`+html.EscapeString(string(list))+`">Nothing is kept.</p>`)
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	s.URL = strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	origin, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	if s.keys, err = way.NewPasskeys(origin, "Lantern Market"); err != nil {
		t.Fatal(err)
	}
	return s
}

func handle() []byte { return []byte("handle of mara") }

func mara() way.PasskeyUser {
	return way.PasskeyUser{Handle: handle(), Name: "mara@example.com", Shown: "Mara"}
}

func (s *keySite) must(err error) {
	if err != nil {
		s.t.Error(err)
	}
}

// question makes a challenge and puts it.
func (s *keySite) question(put func(challenge []byte) ([]byte, error)) string {
	challenge := make([]byte, 32)
	rand.Read(challenge)
	s.mu.Lock()
	s.asked = append(s.asked, base64.RawURLEncoding.EncodeToString(challenge))
	s.mu.Unlock()
	text, err := put(challenge)
	s.must(err)
	return string(text)
}

func (s *keySite) newest() string {
	list := s.challenges()
	return list[len(list)-1]
}

func (s *keySite) challenges() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// id is the name of the passkey that is kept.
func (s *keySite) id() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept.ID()
}

// page draws a page as strict as ours.
func (s *keySite) page(w http.ResponseWriter, body string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; img-src data:; script-src 'nonce-abc'; connect-src 'self'; form-action 'self'; base-uri 'none'")
	h.Set("Cache-Control", "no-store")
	fmt.Fprintf(w, `<!doctype html><html lang="en"><title>Keys</title><link rel="icon" href="data:,">
		<script nonce="abc" src="%s" defer></script><body data-sending="Sending…">
		<main><h1>Keys</h1>%s</main><p role="status" id="status"></p></html>`, s.path, body)
}

// form draws a form with a button that needs passkeys.
func (s *keySite) form(w http.ResponseWriter, attributes, fields, button string) {
	s.page(w, fmt.Sprintf(`<form method="post" data-cancelled="Nothing came of it." data-have="It is here already." %s>
		<input type="hidden" name="key" value="k 1"><input type="hidden" name="passkey">%s
		<p hidden data-needs="passkey"><button>%s</button></p><p data-lacks="passkey">No passkeys here.</p></form>`, attributes, fields, button))
}

func (s *keySite) showMake(w http.ResponseWriter, _ *http.Request) {
	var have [][]byte
	if id := s.id(); id != nil {
		have = append(have, id)
	}
	o := s.question(func(c []byte) ([]byte, error) { return s.keys.Making(c, mara(), have) })
	s.form(w, `action="/make" data-passkey="create" data-options="`+html.EscapeString(o)+`"`, "", "Make a passkey")
}

func (s *keySite) postMake(w http.ResponseWriter, r *http.Request) {
	challenge, err := base64.RawURLEncoding.DecodeString(s.newest())
	s.must(err)
	k, err := s.keys.Made(challenge, mara(), []byte(r.FormValue("passkey")))
	s.must(err)
	s.mu.Lock()
	s.kept = k
	s.posted = append(s.posted, "made")
	s.mu.Unlock()
	http.Redirect(w, r, "/done", http.StatusSeeOther)
}

func (s *keySite) showUse(w http.ResponseWriter, _ *http.Request) {
	o := s.question(s.keys.Asking)
	s.form(w, `action="/use" data-passkey="get" data-options="`+html.EscapeString(o)+`"`, "", "Use a passkey")
}

// hurry makes minutes pass in half a second.
const hurry = `<script nonce="abc">
	const later = setTimeout
	self.setTimeout = (f, after) => later(f, after > 60000 ? 500 : after)</script>`

func (s *keySite) showSignIn(w http.ResponseWriter, r *http.Request) {
	fields := `<input type="hidden" name="challenge"><label>Email <input name="login" autocomplete="username webauthn"></label>`
	if r.URL.RawQuery == "hurry" {
		fields += hurry
	}
	s.form(w, `action="/signin" data-passkey="signin" data-url="/signin/passkey"`, fields, "Use a passkey")
}

func (s *keySite) postQuestion(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	s.must(err)
	if got := r.Header.Get("Sec-Fetch-Site") + " " + string(body); got != "same-origin key=k+1" {
		s.t.Errorf("got a question from %s, want same-origin key=k+1", got)
	}
	o := s.question(s.keys.Asking)
	w.Header().Set("Content-Type", "application/json")
	s.must(json.NewEncoder(w).Encode(map[string]any{"options": json.RawMessage(o), "challenge": s.newest()}))
}

func (s *keySite) postUse(w http.ResponseWriter, r *http.Request) {
	asked := r.FormValue("challenge")
	if r.URL.Path == "/use" {
		asked = s.newest()
	}
	challenge, err := base64.RawURLEncoding.DecodeString(asked)
	s.must(err)
	a, err := way.ParseAssertion([]byte(r.FormValue("passkey")))
	s.must(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && (a.Lookup() != s.kept.Lookup() || !slices.Contains(s.asked, asked)) {
		s.t.Errorf("got an answer to %s by %s, want one to %q by %s", asked, a.Lookup(), s.asked, s.kept.Lookup())
	}
	s.used = asked
	next, right, err := s.keys.Check(challenge, a, s.kept, handle())
	s.must(err)
	s.kept = next
	s.posted = append(s.posted, fmt.Sprintf("used %t", right))
	http.Redirect(w, r, "/done", http.StatusSeeOther)
}

func (s *keySite) came() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.posted)
}

func (s *keySite) calm(t *testing.T, tab *Tab, want ...string) {
	t.Helper()
	if got := s.came(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := tab.ConsoleErrors(); got != nil {
		t.Errorf("errors: %q", got)
	}
}

// A passkey is made in a real browser, found again without a list, used, and
// not made twice on one device.
func TestAPasskeyIsMadeAndUsed(t *testing.T) {
	s := newKeySite(t)
	tab := Open(t).Tab(t, TabOptions{Base: s.URL, Script: true})
	device := tab.Authenticator(true)
	tab.Go("/make")
	tab.Press("text=Make a passkey")
	tab.WaitText("Done.")
	keys := device.Passkeys()
	if len(keys) != 1 || !bytes.Equal(keys[0].ID, s.id()) || !bytes.Equal(keys[0].Handle, handle()) ||
		keys[0].Host != "localhost" || keys[0].Name != "mara@example.com" {
		t.Fatalf("got %+v on the device, want mara's", keys)
	}
	for range 2 {
		tab.Go("/use")
		tab.Press("text=Use a passkey")
		tab.WaitText("Done.")
	}
	if got := device.Passkeys()[0].Count; got <= keys[0].Count {
		t.Errorf("got a count of %d after two uses, want more than %d", got, keys[0].Count)
	}
	tab.Go("/make")
	tab.Click("text=Make a passkey")
	tab.WaitText("It is here already.")
	s.calm(t, tab, "made", "used true", "used true")
}

// Who shows the device no finger, or has no passkey, is told so on the page, and
// nothing is sent; the button can be pressed again.
func TestNothingIsSentWithoutAPasskey(t *testing.T) {
	s := newKeySite(t)
	tab := Open(t).Tab(t, TabOptions{Base: s.URL, Script: true})
	device := tab.Authenticator(true)
	tab.Go("/use")
	tab.Click("text=Use a passkey")
	tab.WaitText("Nothing came of it.")
	tab.Go("/make")
	device.Know(false)
	tab.Click("text=Make a passkey")
	tab.WaitText("Nothing came of it.")
	tab.Wait("document.getElementById('status').textContent === 'Nothing came of it.'")
	device.Know(true)
	tab.Press("text=Make a passkey")
	device.Touch(false)
	tab.Go("/use")
	tab.Click("text=Use a passkey")
	time.Sleep(600 * time.Millisecond) // a form that is sent would say so by then
	if got := tab.Text("button"); got != "Use a passkey" || tab.Attribute("form", "aria-busy") != "" {
		t.Errorf("got a button %q while the device waits, want it as it was", got)
	}
	device.Forget(s.id())
	if got := device.Passkeys(); got != nil {
		t.Errorf("got %+v after it was forgotten, want none", got)
	}
	s.calm(t, tab, "made")
}

// On the sign-in page the browser offers the passkey by itself, and the button
// asks for it with a question of its own.
func TestThePasskeyIsOfferedAtSignIn(t *testing.T) {
	s := newKeySite(t)
	tab := Open(t).Tab(t, TabOptions{Base: s.URL, Script: true})
	device := tab.Authenticator(true)
	tab.Go("/make")
	tab.Press("text=Make a passkey")
	tab.Go("/signin")
	tab.WaitText("Done.")
	device.Touch(false)
	before := len(s.challenges())
	tab.Go("/signin")
	tab.Wait("document.documentElement.dataset.asked === 'conditional'")
	device.Answer("text=Use a passkey")
	tab.WaitText("Done.")
	if got := len(s.challenges()) - before; got != 2 || s.used != s.newest() {
		t.Errorf("got %d questions and %s answered, want 2 and the newest answered: %s", got, s.used, s.newest())
	}
	s.calm(t, tab, "made", "used true", "used true")
}

// The offer is made again and again, each time with a question of its own, and
// the newest is the one that is answered.
func TestTheOfferIsRenewed(t *testing.T) {
	s := newKeySite(t)
	tab := Open(t).Tab(t, TabOptions{Base: s.URL, Script: true})
	device := tab.Authenticator(true)
	tab.Go("/make")
	tab.Press("text=Make a passkey")
	device.Touch(false)
	before := len(s.challenges())
	tab.Go("/signin?hurry")
	if !guard.Within(patience, func() bool { return len(s.challenges()) >= before+3 }) {
		t.Fatalf("got %d questions, want three at least", len(s.challenges())-before)
	}
	device.Touch(true)
	tab.WaitText("Done.")
	if s.used != s.newest() {
		t.Errorf("got %s answered, want the newest, %s", s.used, s.newest())
	}
	s.calm(t, tab, "made", "used true")
}

// A device forgets what the account has no more.
func TestADeviceForgetsWhatIsNotKept(t *testing.T) {
	s := newKeySite(t)
	tab := Open(t).Tab(t, TabOptions{Base: s.URL, Script: true})
	device := tab.Authenticator(true)
	tab.Go("/make")
	tab.Press("text=Make a passkey")
	if got := device.Passkeys(); len(got) != 1 {
		t.Fatalf("got %+v, want one passkey", got)
	}
	tab.Go("/forget")
	if !guard.Within(patience, func() bool { return len(device.Passkeys()) == 0 }) {
		t.Errorf("got %+v, want none", device.Passkeys())
	}
	s.calm(t, tab, "made")
}

// Without scripts a page says that it has no passkeys, and shows no button that
// does nothing.
func TestPasskeysNeedScripts(t *testing.T) {
	for _, script := range []bool{false, true} {
		s := newKeySite(t)
		tab := Open(t).Tab(t, TabOptions{Base: s.URL, Script: script})
		tab.Go("/use")
		var got struct{ Button, Text bool }
		tab.Eval(`({button: document.querySelector('button').checkVisibility(), text: document.querySelector('[data-lacks]').checkVisibility()})`, &got)
		if got.Button != script || got.Text == script {
			t.Errorf("script=%t: got %+v", script, got)
		}
	}
}
