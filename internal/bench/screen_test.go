package bench

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"sparekey/internal/sparekeytest"
	"sparekey/internal/sparekeytest/site"
)

// A phone is one with the companion app, and what it says over real HTTP.
type phone struct {
	*site.Person
	sparekeytest.AppKey
	s *place
}

// pairs pairs a phone with the account of an address.
func (s *place) pairs(email string) *phone {
	p := &phone{Person: s.Person(), AppKey: sparekeytest.NewAppKey(s.t), s: s}
	s.must(p.Get("/signin"))
	s.must(p.Submit("/signin", "login", email, "password", site.Password))
	s.must(p.Get("/app"))
	code := s.Office.Expect(email)
	s.must(p.Submit("/account/ways", "do", "add", "way", "app"))
	flow := p.At
	s.must(p.Submit(flow+"/answer", "code", (<-code).Code))
	words, ok := sparekeytest.PairWords(p.Page)
	if !ok {
		s.t.Fatalf("got %q, want the page that pairs a phone", p.Page)
	}
	s.must(p.Submit(flow+"/act", "app", p.Public, "signature", p.Sign(s.t, site.Origin, words...), "name", "phone"))
	return p
}

// scans scans a code and gives the request, once its screen has answered.
func (p *phone) scans(code string) (r sparekeytest.Request) {
	p.Person = p.s.Person() // elsewhere each time: a client may begin so much in a minute
	p.s.must(p.Ask("/api/v1/app/scan", "device", p.Device, "seen", code, "signature", p.Sign(p.s.t, site.Origin, "scan", p.Device, code)))
	for {
		p.s.must(json.Unmarshal([]byte(p.Page), &r))
		if r.State != "scanned" {
			return r
		}
		p.s.must(p.Get("/api/v1/app/requests/" + r.ID))
	}
}

// approves approves a request.
func (p *phone) approves(r sparekeytest.Request) {
	p.s.must(p.Ask("/api/v1/app/requests/"+r.ID, "answer", "approve", "signature", p.Sign(p.s.t, site.Origin, r.Words("approve")...)))
}

// A waiter is a screen that waits.
type waiter struct {
	*site.Person
	Screen, Code string
	events       <-chan string
	end          func()
}

// shows opens a screen on a node, and has it wait.
func (s *place) shows(on *site.Server) *waiter {
	c := &waiter{Person: on.Person()}
	s.must(c.Ask("/api/v1/signin/screen"))
	s.must(json.Unmarshal([]byte(c.Page), c))
	var err error
	c.events, c.end, err = c.Watch("/signin/screen", "screen", c.Screen)
	s.must(err)
	return c
}

// until waits for a state of the screen.
func (s *place) until(c *waiter, state string) {
	for event := range c.events {
		if strings.Contains(event, state) {
			return
		}
	}
	s.t.Fatalf("the stream ended, want it to say %q", state)
}

// approvals measures how long a screen takes from the tap on the phone until it
// shows who is signed in: the stream, the form, and the page behind it.
func approvals(p *page, s *place) {
	owner := s.pairs(s.of(mailed, 0))
	nodes := map[string]*site.Server{"one node": s.Server}
	if s.Kind == "postgres" {
		other := s.Site.Start()
		defer other.Stop()
		nodes["two nodes"] = other
	}
	for _, name := range []string{"one node", "two nodes"} {
		on := nodes[name]
		if on == nil {
			continue
		}
		var took []time.Duration
		for range min(40, s.accounts) { // an account may scan 60 codes in an hour
			c := s.shows(on)
			r := owner.scans(c.Code)
			s.until(c, "scanned")
			began := time.Now()
			owner.approves(r)
			s.until(c, "approved")
			s.must(c.Submit("/signin", "screen", c.Screen))
			took = append(took, time.Since(began))
			if !strings.Contains(c.Page, "Signed in as") {
				s.t.Fatalf("got %q, want to be signed in", c.Page)
			}
			c.end()
			s.rows().Exec(`DELETE FROM spends WHERE kind = 'scan'`)
		}
		slices.Sort(took)
		p.row("from the tap on the phone to the page of who is signed in, "+name, "p95 < 300 ms", "p50 %s, p95 %s (%d times)", ms(at(took, 0.5)), ms(at(took, 0.95)), len(took))
	}
}

// waiting measures what screens cost that wait, and what they do to others.
func waiting(p *page, s *place) {
	cookies := s.signIn(owner)
	request := ask("GET", "/api/v1/session", cookies, "")
	look := func() time.Duration {
		r := load{addr: s.Addr, clients: 4, span: *span / 4, request: func(int, int) []byte { return request }}.run(s.t).only(s.t, 200)
		return at(r.all, 0.99)
	}
	idle, before := look(), s.Memory("VmRSS")
	all := make([]*waiter, min(*flood, 1000))
	for n := range all {
		all[n] = s.shows(s.Server)
		s.until(all[n], "waiting")
	}
	busy, after := look(), s.Memory("VmRSS")
	for _, c := range all {
		c.end()
	}
	p.row(fmt.Sprintf("memory of %d screens that wait", len(all)), "< 100 MB", "%.1f MB", float64(after-before)/1e6)
	p.row("session check, p99, meanwhile", "≤ 2 × idle", "%s, idle %s", ms(busy), ms(idle))
}
