package prove

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"
)

// A Verdict is what became of a measurement.
type Verdict string

// The verdicts.
const (
	Pass    Verdict = "PASS"    // no difference that matters
	Fail    Verdict = "FAIL"    // one that does
	Invalid Verdict = "INVALID" // neither can be said
)

// A Measurement compares the time that a server takes for those it knows with
// the time for those it does not.
type Measurement struct {
	Name    string
	Allowed time.Duration // the difference that still passes
	Blocks  int           // of the first look; each further one takes as many as all before
	Looks   int           // at most; 0 is five, which is also the most
	Known   []string      // half of them are compared with the other half, as a control
	Unknown []string

	// Ask does what comes before the request that is timed, if anything does, and
	// sends that. It gives the answer to that request.
	Ask func(login string) (Answer, error)
	// Pause lets the server finish what the request before has begun.
	Pause time.Duration
	// After, if set, is a request of another stranger that writes something. It is
	// sent at some moment within the 20 ms after each Ask, and timed as well: what
	// the server goes on doing for one it knows must not slow others.
	After func() (Answer, error)
	// Looked, if set, is told what each look found.
	Looked func([]Finding)
}

// A Finding is what a Measurement found.
type Finding struct {
	Name       string
	Allowed    time.Duration
	Verdict    Verdict
	Why        string // of an Invalid
	Blocks     int
	Difference Interval // unknown less known
	Control    Interval // known less others that are known
	Sign       float64  // standard deviations of the sign test
	Accuracy   float64  // of one request

	Known, Unknown []time.Duration
}

// who is whom a request is about.
type who int

const (
	known who = iota
	unknown
	control
)

// samples are the times of one kind of request.
type samples struct {
	differences, controls []time.Duration
	known, unknown        []time.Duration
}

// add adds a block: two times for each.
func (s *samples) add(block [3][2]time.Duration) {
	best := func(w who) time.Duration { return min(block[w][0], block[w][1]) }
	s.differences = append(s.differences, best(unknown)-best(known))
	s.controls = append(s.controls, best(control)-best(known))
	s.known = append(s.known, block[known][0], block[known][1])
	s.unknown = append(s.unknown, block[unknown][0], block[unknown][1])
}

// Run measures. It gives a finding on the requests themselves, and one on those
// of the strangers after them if there were any. It ends early with ctx.
func (m Measurement) Run(ctx context.Context) ([]Finding, error) {
	if len(m.Known) < 4 || len(m.Unknown) < 2 {
		return nil, fmt.Errorf("measure %s: got %d known and %d unknown, want at least 4 and 2", m.Name, len(m.Known), len(m.Unknown))
	}
	half := len(m.Known) / 2
	pools := [3][]string{known: m.Known[:half], unknown: m.Unknown, control: m.Known[half:]}
	var asked, after samples
	next := [3]int{}
	most := looks
	if m.Looks > 0 {
		most = min(m.Looks, looks)
	}
	for look := range most {
		for range m.Blocks << max(look-1, 0) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			var times, others [3][2]time.Duration
			order := []who{known, known, unknown, unknown, control, control}
			rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
			seen := [3]int{}
			for _, w := range order {
				login := pools[w][next[w]%len(pools[w])]
				next[w]++
				took, other, err := m.one(login)
				if err != nil {
					return nil, fmt.Errorf("measure %s: %w", m.Name, err)
				}
				times[w][seen[w]], others[w][seen[w]] = took, other
				seen[w]++
			}
			asked.add(times)
			after.add(others)
		}
		findings := []Finding{m.judge(m.Name, asked)}
		if m.After != nil {
			findings = append(findings, m.judge(m.Name+", then somebody else", after))
		}
		if m.Looked != nil {
			m.Looked(findings)
		}
		if decided(findings) || look == most-1 {
			return findings, nil
		}
	}
	panic("unreachable")
}

func (m Measurement) one(login string) (took, other time.Duration, err error) {
	Wait(m.Pause)
	a, err := m.Ask(login)
	if err != nil || m.After == nil {
		return a.Took, 0, err
	}
	Wait(time.Duration(rand.Int64N(int64(20 * time.Millisecond))))
	b, err := m.After()
	return a.Took, b.Took, err
}

// Wait waits without sleeping: a core that sleeps takes a while to wake, and
// never the same while.
func Wait(d time.Duration) {
	for until := time.Now().Add(d); time.Now().Before(until); {
		runtime.Gosched()
	}
}

// judge says what the blocks so far show.
func (m Measurement) judge(name string, s samples) Finding {
	f := Finding{
		Name: name, Allowed: m.Allowed, Blocks: len(s.differences), Difference: medianOf(s.differences), Control: medianOf(s.controls),
		Sign: sign(s.differences), Accuracy: accuracy(s.known, s.unknown), Known: s.known, Unknown: s.unknown,
	}
	switch {
	case f.Control.Width() > m.Allowed/2:
		f.Verdict, f.Why = Invalid, "the machine is too noisy: the control is not narrow enough"
	case !f.Control.Holds(0):
		f.Verdict, f.Why = Invalid, "the control finds a difference where there is none"
	case f.Difference.Within(m.Allowed):
		f.Verdict = Pass
	case f.Difference.Beyond(m.Allowed):
		f.Verdict = Fail
	default:
		f.Verdict, f.Why = Invalid, "the interval lies across what is allowed"
	}
	return f
}

// decided reports whether more blocks would change nothing.
func decided(findings []Finding) bool {
	for _, f := range findings {
		if f.Verdict == Invalid {
			return false
		}
	}
	return true
}
