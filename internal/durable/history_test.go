package durable

import (
	"fmt"
	"slices"
	"sync"

	"sparekey/internal/sparekeytest"
)

// An outcome is what a client knows of what it asked for.
type outcome int

const (
	unknown outcome = iota // no answer came: it happened or it did not
	done                   // the server said so
	refused                // the server said that it did not
)

// A change is a password that was asked for.
type change struct {
	password string
	what     outcome
}

// A ticket is a session: its cookies, and what is known of its end.
type ticket struct {
	cookies string
	ended   outcome // done: it must be refused for ever; refused: nobody ended it
}

// A beginning is a flow whose start was answered.
type beginning struct {
	flow  string
	after int // so many changes of the password were asked for by then
}

// A life is all that was asked for one account, in the order in which it was:
// one client at a time does.
type life struct {
	email   string
	changes []change
	tickets []*ticket
	wrong   map[string]int // tries that were answered "wrong", by flow
	begun   []beginning    // flows whose start was answered: each must get its mail
	spent   []string       // passwords sent to flows that were done: none may ever be right
	kept    string         // the saved code that must be good; empty if nobody knows
	used    []string       // saved codes whose use was acknowledged: none may ever be good again
	broken  []string       // promises that were seen broken on the way

	app      *sparekeytest.AppKey // the phone that must be paired; nil if nobody knows
	approved int                  // sign-ins by it that were acknowledged
}

// passwords gives those of which one must be right, and those that must not be.
// Before an acknowledged change nothing counts; after it, whatever is unknown may
// have happened.
func (l *life) passwords() (may, not []string) {
	for _, c := range l.changes {
		switch c.what {
		case done:
			not = append(not, may...)
			may = []string{c.password}
		case unknown:
			may = append(may, c.password)
		case refused:
			not = append(not, c.password)
		}
	}
	return may, append(not, l.spent...)
}

// begin notes a flow whose start was answered.
func (l *life) begin(flow string) { l.begun = append(l.begun, beginning{flow, len(l.changes)}) }

// owed reports whether a flow that was begun must have got its mail: unless the
// password changed meanwhile, which ends the flow, so that no code of it works.
func (l *life) owed(b beginning) bool {
	return !slices.ContainsFunc(l.changes[b.after:], func(c change) bool { return c.what != refused })
}

// end marks the tickets that a change of the password ends.
func (l *life) end(what outcome) {
	for _, t := range l.tickets {
		if t.ended != done && what != refused {
			t.ended = what
		}
	}
}

// judge holds what the server says in the end against what must be so. right
// reports whether a password signs in, good whether a session is.
func (l *life) judge(right func(password string) bool, good func(cookies string) bool) (violations []string) {
	say := func(format string, args ...any) {
		violations = append(violations, l.email+": "+fmt.Sprintf(format, args...))
	}
	for _, b := range l.broken {
		say("%s", b)
	}
	may, not := l.passwords()
	certain := slices.ContainsFunc(l.changes, func(c change) bool { return c.what == done })
	if found := slices.IndexFunc(may, right); found < 0 && certain {
		say("none of the passwords %q is right: an acknowledged one was lost", may)
	}
	for _, password := range not {
		if !slices.Contains(may, password) && right(password) {
			say("password %q is right: it was changed, refused, or sent to a flow that was done", password)
		}
	}
	for _, t := range l.tickets {
		switch is := good(t.cookies); {
		case is && t.ended == done:
			say("a session that was ended is good")
		case !is && t.ended == refused:
			say("a session that nobody ended is gone")
		}
	}
	return violations
}

// A history is the lives of all accounts.
type history struct {
	mu    sync.Mutex
	lives []*life
	acked int // operations that were answered
	open  int // operations of which nobody knows
}

func (h *history) add(l *life) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lives = append(h.lives, l)
}

func (h *history) count(what outcome) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if what == unknown {
		h.open++
	} else {
		h.acked++
	}
}

// used is how many saved codes were used up, and how many sign-ins phones have
// approved.
func (h *history) used() (codes, approvals int) {
	for _, l := range h.lives {
		codes += len(l.used)
		approvals += l.approved
	}
	return codes, approvals
}
