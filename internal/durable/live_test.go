package durable

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"time"

	"sparekey/internal/sparekeytest/site"
)

// live leads one account through its life: people sign in, by the password or by a
// phone, sign out, recover and change their password, and somebody guesses. Where no answer comes, what is
// left of the act is given up, and the next begins with another server.
func (d *driver) live(r *rand.Rand) {
	if d.pick(r).Person().Get("/readyz") != nil { // it was killed: accounts are not used up on nobody
		time.Sleep(5 * time.Millisecond)
		return
	}
	l := &life{wrong: map[string]int{}}
	d.history.add(l)
	if n := int(d.next.Add(1)) - 1; n%5 == 0 {
		l.email = site.Address("newcome", n)
		p := d.register(r, l)
		if p == nil {
			return
		}
		if n%2 == 0 {
			d.keepsSaved(l, p)
		} else {
			d.pairs(l, p)
		}
	} else {
		l.email, l.changes = site.Address("account", n), []change{{site.Password, done}}
	}
	for range 2 + r.IntN(3) {
		select {
		case <-d.over:
			return
		default:
		}
		switch r.IntN(10) {
		case 0, 1, 2, 3:
			d.recover(r, l)
		case 4, 5, 6:
			d.signIn(r, l)
		case 7:
			d.signOut(r, l)
		default:
			switch {
			case l.kept != "":
				d.usesSaved(r, l)
			case l.app != nil:
				d.byApp(r, l)
			default:
				d.changePassword(r, l)
			}
		}
	}
}

// outcome is what an error says of the request before it. Where something broke
// nobody knows: the database may have gone after it did what it was asked.
func (d *driver) outcome(err error) outcome {
	what := unknown
	var status *site.StatusError
	switch {
	case err == nil:
		what = done
	case errors.As(err, &status) && status.Status < 500:
		what = refused
	}
	d.history.count(what)
	return what
}

// current gives the password if it is known which it is.
func (l *life) current() (string, bool) {
	may, _ := l.passwords()
	return may[len(may)-1], len(may) == 1
}

func (d *driver) signIn(r *rand.Rand, l *life) *site.Person {
	password, sure := l.current()
	if !sure {
		return nil
	}
	p := d.pick(r).Person()
	if p.Get("/signin") != nil {
		return nil
	}
	switch d.outcome(p.Post("/signin", "login", l.email, "password", password)) {
	case unknown:
		return nil
	case refused:
		if p.Status == 422 {
			l.broken = append(l.broken, "the password that was acknowledged last was refused")
		}
		return nil
	}
	l.tickets = append(l.tickets, &ticket{cookies: p.Jar(), ended: refused})
	return p
}

func (d *driver) signOut(r *rand.Rand, l *life) {
	p := d.signIn(r, l)
	if p == nil || p.Get("/account") != nil {
		return
	}
	l.tickets[len(l.tickets)-1].ended = d.outcome(p.Post("/signout"))
}

// recover begins a recovery, perhaps guesses, types the code, and sets a
// password; then tries to use the flow once more.
func (d *driver) recover(r *rand.Rand, l *life) {
	if len(l.begun) >= 4 { // an address has few mails an hour
		return
	}
	p := d.pick(r).Person()
	if p.Get("/recover") != nil {
		return
	}
	mailed := d.site.Office.Expect(l.email)
	if d.outcome(p.Post("/recover", "login", l.email)) != done {
		return
	}
	flow := strings.TrimPrefix(p.At, "/flow/")
	l.begin(flow)
	code := d.code(mailed, flow)
	if code == "" {
		return
	}
	if r.IntN(3) == 0 && !d.guess(l, p, flow) {
		return
	}
	if p.Get("/flow/"+flow) != nil {
		return
	}
	before := *p
	before.Cookies = maps.Clone(p.Cookies)
	if d.outcome(p.Post("/flow/"+flow+"/answer", "code", code)) != done {
		return
	}
	// The code was used: whoever sends it once more with what the browser had
	// before gets no further.
	if before.Post("/flow/"+flow+"/answer", "code", code, "key", "another") == nil && before.Get("/flow/"+flow) == nil &&
		strings.Contains(before.Page, "password_again") {
		l.broken = append(l.broken, "flow "+flow+": a code was good twice")
	}
	d.setPassword(r, l, p, flow)
}

// register makes the account, and gives its owner's browser if it is known that it
// did.
func (d *driver) register(r *rand.Rand, l *life) *site.Person {
	p := d.pick(r).Person()
	if p.Get("/register") != nil {
		return nil
	}
	mailed := d.site.Office.Expect(l.email)
	if d.outcome(p.Post("/register", "login", l.email, "password", site.Password)) != done {
		return nil
	}
	flow := strings.TrimPrefix(p.At, "/flow/")
	l.begin(flow)
	code := d.code(mailed, flow)
	if code == "" || p.Get("/flow/"+flow) != nil {
		return nil
	}
	what := d.outcome(p.Post("/flow/"+flow+"/answer", "code", code))
	l.changes = append(l.changes, change{site.Password, what})
	if what != done {
		return nil
	}
	l.tickets = append(l.tickets, &ticket{cookies: p.Jar(), ended: refused})
	return p
}

// code waits for the code of a flow. It is empty if none comes soon: a server
// that was killed has it then, and it comes later.
func (d *driver) code(mailed <-chan site.Mail, flow string) string {
	select {
	case m := <-mailed:
		if m.Thread == flow { // else of a start that was never answered
			return m.Code
		}
	case <-d.dead:
	case <-time.After(3 * time.Second):
	}
	return ""
}

// guess types a wrong code. The try is spent, whatever happens to the server.
func (d *driver) guess(l *life, p *site.Person, flow string) bool {
	if p.Get("/flow/"+flow) != nil {
		return false
	}
	err := p.Post("/flow/"+flow+"/answer", "code", "00000000")
	if d.outcome(err) == refused && p.Status == 422 {
		l.wrong[flow]++
	}
	return site.Answered(err)
}

func (d *driver) setPassword(r *rand.Rand, l *life, p *site.Person, flow string) {
	if p.Get("/flow/"+flow) != nil {
		return
	}
	password := fmt.Sprintf("number %016x of them", r.Uint64())
	before := p.Page
	what := d.outcome(p.Post("/flow/"+flow+"/act", "password", password, "password_again", password))
	l.changes = append(l.changes, change{password, what})
	l.end(what)
	if what != refused {
		l.kept, l.app = "", nil // they are young, and a recovery puts them to sleep
	}
	if what != done {
		return
	}
	p.Page = before
	again := fmt.Sprintf("once more %016x", r.Uint64())
	l.spent = append(l.spent, again)
	p.Post("/flow/"+flow+"/act", "password", again, "password_again", again) //nolint:errcheck // whatever it says, it must not happen
}

// changePassword does so from a session, through the same pages.
func (d *driver) changePassword(r *rand.Rand, l *life) {
	p := d.signIn(r, l)
	if p == nil || len(l.begun) >= 4 || p.Get("/account/password") != nil {
		return
	}
	mine := l.tickets[len(l.tickets)-1]
	mailed := d.site.Office.Expect(l.email)
	if d.outcome(p.Post("/account/password")) != done {
		return
	}
	flow := strings.TrimPrefix(p.At, "/flow/")
	l.begin(flow)
	code := d.code(mailed, flow)
	if code == "" || p.Get("/flow/"+flow) != nil || d.outcome(p.Post("/flow/"+flow+"/answer", "code", code)) != done {
		return
	}
	mine.ended = unknown // its token is a new one after the change
	d.setPassword(r, l, p, flow)
	if may, _ := l.passwords(); len(may) == 1 && l.changes[len(l.changes)-1].what == done {
		mine.cookies, mine.ended = p.Jar(), refused
	}
}
