// Package equal shows that no stranger can tell by the time whom Sparekey knows.
// It has no code of its own, only tests: a short run of the measurement in every
// run, which says nothing of times, and with flags the whole of it. That
// everything else is equal too is shown exactly, byte for byte and statement
// for statement, by the tests of package web that are named A01.
package equal

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sparekey/internal/config"
	"sparekey/internal/password"
	"sparekey/internal/prove"
	"sparekey/internal/sparekeytest"
)

// The size of the measurement, and where the report goes. Only a long one comes
// to a verdict.
var (
	long   = flag.Bool("long", false, "measure until there is a verdict, and fail unless it is the right one")
	report = flag.String("report", "", "the file that gets the report; the drawing is put beside it")
)

func TestMain(m *testing.M) {
	flag.Parse()
	sparekeytest.Main(m)
}

// size is a number in the long run and in the short one.
func size(whole, short int) int {
	if *long {
		return whole
	}
	return short
}

const pw = "seven quiet herons"

// A scene is a Sparekey with people it knows and names of people it does not.
type scene struct {
	t       *testing.T
	addr    string // where it listens
	host    string // what it is called
	known   []string
	unknown []string
	pages   http.Handler
	rows    sparekeytest.Rows
	sink    *sparekeytest.Sink
	fresh   atomic.Int64
	asked   atomic.Int64
}

func newScene(t *testing.T, params password.Params) *scene {
	app, origin := sparekeytest.Serve(t, sparekeytest.Options{
		Params:   params,
		Settings: func(s *config.Settings) { s.TrustedProxies = "127.0.0.1/32" },
	})
	s := &scene{t: t, addr: strings.TrimPrefix(origin, "http://"), pages: app.Web, rows: app.Rows(), sink: app.Sink}
	s.host = s.addr
	app.Register("owner@example.com", pw)
	n := size(20_000, 60)
	for i := range n {
		s.known = append(s.known, fmt.Sprintf("known.%07d@example.com", i))
		s.unknown = append(s.unknown, fmt.Sprintf("nobod.%07d@example.com", i))
	}
	app.Fill(s.known)
	return s
}

// at is the scene behind another listener.
func (s *scene) at(h http.Handler) *scene {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	server := &http.Server{Handler: h, Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	go server.Serve(l) //nolint:errcheck // it ends with the test
	s.t.Cleanup(func() { server.Close() })
	return &scene{t: s.t, addr: l.Addr().String(), host: s.host, known: s.known, unknown: s.unknown, pages: s.pages, sink: s.sink}
}

// post is a request of a stranger who was never there.
func (s *scene) post(path, cookies string, form url.Values) []byte {
	body := form.Encode()
	if cookies != "" {
		cookies = "Cookie: " + cookies + "\r\n"
	}
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nX-Forwarded-For: 11.%03d.%03d.%03d\r\n%sSec-Fetch-Site: same-origin\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		path, s.host, 100+rand.IntN(100), 100+rand.IntN(100), 100+rand.IntN(100), cookies, len(body), body)
}

// wants sends a request and wants a status. Now and then the mail server's
// memory is emptied: what collects garbage beside the server slows it.
func (s *scene) wants(w *prove.Wire, request []byte, status int) (prove.Answer, error) {
	if s.asked.Add(1)%100 == 0 {
		s.sink.Reset()
	}
	a, err := w.Fetch(request)
	if err == nil && a.Status != status {
		err = fmt.Errorf("got status %d, want %d: %s", a.Status, status, request)
	}
	return a, err
}

// saveCodes gives everybody known who is compared with nobody a saved code.
func (s *scene) saveCodes() {
	for _, login := range s.known[:len(s.known)/2] {
		s.rows.Exec(`INSERT INTO credentials (id, account, kind, name, data, lookup, added, changed, dropped, asleep, last_step)
			SELECT 'saved of ' || account, account, 'saved', '', '', 'saved of ' || account, 1, 1, 0, 0, 0 FROM identifiers WHERE kind = 'email' AND key = $1`, login)
	}
}

func (s *scene) ask(path string, status int, fields func(login string) url.Values) func(string) (prove.Answer, error) {
	w := &prove.Wire{Addr: s.addr}
	s.t.Cleanup(w.Close)
	return func(login string) (prove.Answer, error) { return s.wants(w, s.post(path, "", fields(login)), status) }
}

func (s *scene) recover() func(string) (prove.Answer, error) {
	return s.ask("/recover", 303, func(login string) url.Values { return url.Values{"login": {login}} })
}

func (s *scene) register() func(string) (prove.Answer, error) {
	return s.ask("/register", 303, func(login string) url.Values { return url.Values{"login": {login}, "password": {"two shy kestrels"}} })
}

func (s *scene) signIn() func(string) (prove.Answer, error) {
	return s.ask("/signin", 422, func(login string) url.Values { return url.Values{"login": {login}, "password": {"not the one 17"}} })
}

var challenge = regexp.MustCompile(`name="challenge" value="([^"]+)"`)

// begun begins a recovery and gives its place, its cookies and its page. The
// worker is given time to find out whom it is about, and to send the mail if there
// is one: the mail server of the test works on the same cores.
func (s *scene) begun(w *prove.Wire, login string) (at, cookies string, page prove.Answer, err error) {
	begun, err := s.wants(w, s.post("/recover", "", url.Values{"login": {login}}), 303)
	if err != nil {
		return "", "", begun, err
	}
	at, cookies = begun.Location, strings.Join(begun.Cookies, "; ")
	page, err = s.wants(w, fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\n\r\n", at, s.host, cookies), 200)
	prove.Wait(20 * time.Millisecond)
	return at, cookies, page, err
}

// answer is a wrong code in a recovery that was begun before.
func (s *scene) answer() func(string) (prove.Answer, error) {
	w := &prove.Wire{Addr: s.addr}
	s.t.Cleanup(w.Close)
	return func(login string) (prove.Answer, error) {
		at, cookies, page, err := s.begun(w, login)
		if err != nil {
			return page, err
		}
		found := challenge.FindSubmatch(page.Body)
		if found == nil {
			return page, fmt.Errorf("got no challenge at %s, want one", at)
		}
		form := url.Values{"challenge": {string(found[1])}, "code": {fmt.Sprintf("%08d", rand.IntN(1e8))}}
		return s.wants(w, s.post(at+"/answer", cookies, form), 422)
	}
}

// chooses goes on with a saved code, which half of those known have.
func (s *scene) chooses() func(string) (prove.Answer, error) {
	w := &prove.Wire{Addr: s.addr}
	s.t.Cleanup(w.Close)
	return func(login string) (prove.Answer, error) {
		at, cookies, page, err := s.begun(w, login)
		if err != nil {
			return page, err
		}
		return s.wants(w, s.post(at+"/ways", cookies, url.Values{"way": {"saved"}}), 303)
	}
}

// someone is a stranger who begins a recovery of nobody's.
func (s *scene) someone() func() (prove.Answer, error) {
	ask := s.recover()
	return func() (prove.Answer, error) { return ask(fmt.Sprintf("other.%07d@example.com", s.fresh.Add(1))) }
}

// A02, A03, A04, A07 (THREATS 5, layers 2 to 4): how long a request takes, how
// long the next stranger's takes after it, and which of two in one packet is
// answered first, tell nothing of whom it is about. That the measurement would
// find something if there were something is shown by a server that spends 50 µs
// more on those it knows.
func TestA02TimesAreEqual(t *testing.T) {
	light := 25 * time.Microsecond
	var all []prove.Finding
	// Each has a server of its own: none holds more open flows than it may.
	measure := func(s *scene, blocks, looks int, m prove.Measurement, want prove.Verdict) {
		t.Helper()
		m.Known, m.Unknown, m.Blocks = s.known, s.unknown, blocks
		m.Looks, m.Pause = looks, 2500*time.Microsecond
		m.Looked = func(found []prove.Finding) {
			for _, f := range found {
				t.Logf("%s: %s %s, %v (%v to %v), control %v to %v, %d blocks", f.Name, f.Verdict, f.Why, f.Difference.Median, f.Difference.Low, f.Difference.High,
					f.Control.Low, f.Control.High, f.Blocks)
			}
		}
		findings, err := m.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range findings {
			if *long && f.Verdict != want {
				t.Errorf("%s: got %s %s, want %s", f.Name, f.Verdict, f.Why, want)
			}
		}
		all = append(all, findings...)
	}
	cheap, blocks, looks := password.Params{}, size(1200, 3), size(5, 1)
	s := newScene(t, cheap)
	measure(s, blocks, looks, prove.Measurement{Name: "POST /recover", Allowed: light, Ask: s.recover()}, prove.Pass)
	s = newScene(t, cheap)
	measure(s, blocks, min(looks, 4), prove.Measurement{Name: "POST /recover", Allowed: light, Ask: s.recover(), After: s.someone()}, prove.Pass)
	s = newScene(t, cheap)
	measure(s, blocks, looks, prove.Measurement{Name: "POST /register", Allowed: light, Ask: s.register()}, prove.Pass)
	s = newScene(t, cheap)
	measure(s, blocks, looks, prove.Measurement{Name: "POST /signin, wrong password, cheap hash", Allowed: light, Ask: s.signIn()}, prove.Pass)
	s = newScene(t, cheap)
	measure(s, blocks, looks, prove.Measurement{Name: "POST /flow/{id}/answer, wrong code", Allowed: light, Ask: s.answer()}, prove.Pass)
	s = newScene(t, cheap)
	s.saveCodes()
	measure(s, blocks, looks, prove.Measurement{Name: "POST /flow/{id}/ways, a saved code", Allowed: light, Ask: s.chooses()}, prove.Pass)
	s = newScene(t, cheap)
	spun := s.at(s.spins())
	measure(spun, blocks, looks, prove.Measurement{Name: "positive control: POST /recover, 50 µs more for those known", Allowed: light, Ask: spun.recover()}, prove.Fail)

	s = newScene(t, password.DefaultParams)
	measure(s, size(500, 1), looks, prove.Measurement{
		Name: "POST /signin, wrong password, the hash as shipped", Allowed: 500 * time.Microsecond, Ask: s.signIn(),
	}, prove.Pass)
	first := pairs(t, newScene(t, cheap))
	write(t, all, first)
}
