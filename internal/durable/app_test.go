package durable

import (
	"encoding/json"
	"maps"
	"math/rand/v2"

	"sparekey/internal/sparekeytest"
	"sparekey/internal/sparekeytest/site"
)

// pairs pairs a phone in the session of a registration, and notes its key once that
// was acknowledged.
func (d *driver) pairs(l *life, p *site.Person) {
	if p.Get("/account/ways") != nil || d.outcome(p.Post("/account/ways", "do", "add", "way", "app")) != done {
		return
	}
	flow := p.At
	if p.Get(flow) != nil {
		return
	}
	words, ok := sparekeytest.PairWords(p.Page)
	if !ok {
		l.broken = append(l.broken, "flow "+flow+": the proof of the registration was lost")
		return
	}
	key := sparekeytest.NewAppKey(d.t)
	if d.outcome(p.Post(flow+"/act", "app", key.Public, "signature", key.Sign(d.t, site.Origin, words...), "name", "phone")) == done {
		l.app = &key
	}
}

// byApp signs a screen in by the phone. What it has approved once that was
// acknowledged opens one session, on whichever server.
func (d *driver) byApp(r *rand.Rand, l *life) {
	var shown struct{ Screen, Code string }
	var asked sparekeytest.Request
	screen, phone, key := d.pick(r).Person(), d.pick(r).Person(), l.app
	read := func(p *site.Person, err error, into any) bool {
		return d.outcome(err) == done && json.Unmarshal([]byte(p.Page), into) == nil
	}
	if !read(screen, screen.Ask("/api/v1/signin/screen"), &shown) {
		return
	}
	scan := phone.Ask("/api/v1/app/scan", "device", key.Device, "seen", shown.Code, "signature", key.Sign(d.t, site.Origin, "scan", key.Device, shown.Code))
	if !read(phone, scan, &asked) {
		if site.Answered(scan) && phone.Status == 403 {
			l.broken = append(l.broken, "a phone that was acknowledged is not paired")
		}
		return
	}
	request := "/api/v1/app/requests/" + asked.ID
	if screen.Ask("/api/v1/signin/screen/state", "screen", shown.Screen) != nil || !read(phone, phone.Get(request), &asked) {
		return
	}
	if d.outcome(phone.Ask(request, "answer", "approve", "signature", key.Sign(d.t, site.Origin, asked.Words("approve")...))) != done {
		return
	}
	before := *screen
	before.Cookies = maps.Clone(screen.Cookies)
	what := d.outcome(screen.Post("/signin", "screen", shown.Screen, "key", "once"))
	switch {
	case what == unknown:
		return
	case screen.Status == 422 || screen.Status == 200: // it has timed out, or nobody has decided yet
		l.broken = append(l.broken, "an approval that was acknowledged opens nothing")
		return
	case what == refused:
		return
	}
	l.tickets = append(l.tickets, &ticket{cookies: screen.Jar(), ended: refused})
	l.approved++
	if before.Post("/signin", "screen", shown.Screen, "key", "again") == nil && before.Status == 303 {
		l.broken = append(l.broken, "an approval was good twice")
	}
}

// phones holds the phone of a life against what a server says: it is paired.
func (d *driver) phones(node *site.Server, l *life) {
	if l.app == nil {
		return
	}
	var q struct{ Question, Sign string }
	p := node.Person()
	d.must(p.Ask("/api/v1/app/question"))
	d.must(json.Unmarshal([]byte(p.Page), &q))
	if err := p.Ask("/api/v1/app/home", "device", l.app.Device, "question", q.Question, "signature", l.app.Sign(d.t, site.Origin, "home", l.app.Device, q.Sign)); err != nil {
		d.t.Errorf("%s: a phone that was acknowledged is lost: %v", l.email, err)
	}
}
