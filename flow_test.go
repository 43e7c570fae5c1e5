package sparekey

import (
	"errors"
	"testing"
	"time"
)

var start = time.Date(2026, 5, 3, 12, 31, 0, 0, time.UTC)

func newFlow(p Purpose) *Flow {
	return &Flow{
		ID: "f", Purpose: p, Step: Verify, Account: "a", Epochs: Epochs{1, 1},
		Started: start, Expires: start.Add(FlowLife),
	}
}

// FuzzFlow walks the machine at random. Whatever the moves: at most MaxTries
// tries are spent, at most MaxSends messages asked for, a step is never taken
// back, Act is reached with enough proofs of the flow's own account only, and
// a ghost or a stopped flow never reaches it.
func FuzzFlow(f *testing.F) {
	f.Add([]byte{0, 0, 1, 2, 3})
	f.Add([]byte{4, 2, 3, 5, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{6, 2, 2, 3, 3, 1, 7, 0})
	f.Fuzz(func(t *testing.T, moves []byte) {
		if len(moves) > 200 {
			return
		}
		order := map[Step]int{Verify: 1, Act: 2, Done: 3}
		flow := newFlow(Purposes()[len(moves)%len(Purposes())])
		now := start
		var proofs []Proof
		spent, sent := 0, 0
		for _, m := range moves {
			was := order[flow.Step]
			arg := int(m >> 3)
			switch m & 7 {
			case 0:
				if flow.Try(now) == nil {
					spent++
				}
			case 1:
				if flow.Ask(now) == nil {
					sent++
				}
			case 2:
				ways := []WayKind{ByPassword, ByMail, ByText, ByTOTP, ByPasskey, BySaved, ByApp, ByNew}
				account := "a"
				if arg%8 == 7 {
					account = "another"
				}
				proofs = append(proofs, Proof{Account: account, Way: ways[arg%len(ways)], Place: string(rune('p' + arg%3)), At: now, Young: arg%5 == 4})
			case 3:
				d := Demand{Two: arg%2 == 1, High: arg%4 > 1}
				passed := flow.Pass(proofs, d)
				if passed && (flow.Ghost || flow.Stopped || !flow.Purpose.Enough(proofs, d)) {
					t.Fatalf("passed with ghost %v, stopped %v, proofs %v", flow.Ghost, flow.Stopped, proofs)
				}
			case 4:
				flow.Ghost = true
			case 5:
				flow.Stopped = true
			case 6:
				now = now.Add(time.Duration(arg) * time.Minute)
			case 7:
				d := Demand{Two: arg%2 == 1, High: arg%4 > 1}
				if flow.MayAct(now, proofs, &Account{ID: "a", Epochs: Epochs{1, 1}}, d) == nil {
					if flow.Step != Act || flow.Ghost || flow.Stopped || !now.Before(flow.Expires) {
						t.Fatalf("may act at step %s, ghost %v, stopped %v, at %v", flow.Step, flow.Ghost, flow.Stopped, now.Sub(start))
					}
					flow.Step, flow.Closed = Done, now
				}
			}
			if order[flow.Step] < was {
				t.Fatalf("went back from step %d to %s", was, flow.Step)
			}
		}
		if spent > MaxTries || flow.Tries != spent {
			t.Errorf("spent %d tries and counted %d, want at most %d", spent, flow.Tries, MaxTries)
		}
		if sent > MaxSends {
			t.Errorf("asked %d times, want at most %d", sent, MaxSends)
		}
	})
}

// What is enough for each purpose, with and without "Ask for two proofs". The
// table is DESIGN's policy table, spelt out.
func TestEnough(t *testing.T) {
	one := func(ways ...WayKind) (p []Proof) {
		for i, w := range ways {
			p = append(p, Proof{Way: w, Place: string(rune('a' + i))})
		}
		return p
	}
	young := func(ways ...WayKind) []Proof {
		p := one(ways...)
		for i := range p {
			p[i].Young = true
		}
		return p
	}
	none, two, high := Demand{}, Demand{Two: true}, Demand{High: true}
	cases := []struct {
		purpose Purpose
		proofs  []Proof
		demand  Demand
		want    bool
	}{
		{SignIn, one(ByPassword), none, true},
		{SignIn, one(ByMail), none, false},
		{SignIn, one(ByPasskey), none, true},
		{SignIn, young(ByPasskey), none, true},
		{SignIn, one(ByPassword), two, false},
		{SignIn, one(ByPasskey), two, false},
		{SignIn, one(ByPassword, ByMail), two, true},
		{SignIn, one(ByPassword, ByTOTP), two, true},
		{SignIn, one(ByMail, ByTOTP), two, false},
		{SignIn, one(ByApp), high, false},
		{SignIn, one(ByPassword), high, true},
		{Recover, nil, none, false},
		{Recover, one(ByMail), none, true},
		{Recover, one(BySaved), none, true},
		{Recover, one(ByPasskey), none, true},
		{Recover, one(ByText), none, false},
		{Recover, one(ByApp), none, false},
		{Recover, one(ByTOTP), none, false},
		{Recover, one(ByText, ByApp, ByTOTP), none, false},
		{Recover, one(ByPassword), none, false},
		{Recover, one(ByNew), none, false},
		{Recover, one(ByMail), two, false},
		{Recover, one(ByMail, ByPassword), two, false},
		{Recover, one(ByMail, ByTOTP), two, true},
		{Recover, one(ByMail, ByMail), two, false},
		{Recover, one(BySaved, ByPasskey), two, true},
		{Recover, []Proof{{Way: ByMail, Place: "box"}, {Way: BySaved, Place: "box"}}, two, false},
		{Recover, young(ByMail), none, false},
		{Recover, young(ByPasskey, BySaved), none, false},
		{Recover, append(young(BySaved), Proof{Way: ByMail, Place: "box"}), none, true},
		{Recover, append(young(BySaved), Proof{Way: ByText, Place: "phone"}), none, true},
		{Recover, append(young(ByTOTP), Proof{Way: ByMail, Place: "box"}), two, true},
		{Recover, young(ByMail, ByTOTP), two, false},
		{Recover, one(ByMail), high, false},
		{Recover, one(ByMail, ByText), high, true},
		{Recover, one(BySaved), high, true},
		{ChangePassword, one(ByPassword), none, false},
		{ChangePassword, one(ByMail), none, true},
		{AddWay, one(ByPassword), none, false},
		{AddWay, young(ByMail), none, false},
		{DropWay, one(ByMail), two, false},
		{AddIdentifier, one(ByMail), none, false},
		{AddIdentifier, one(ByNew), none, false},
		{AddIdentifier, one(ByMail, ByNew), none, true},
		{AddIdentifier, one(ByMail, ByNew), two, false},
		{AddIdentifier, one(ByMail, ByTOTP, ByNew), two, true},
		{Rehearse, one(ByMail), none, true},
		{Register, one(ByMail), none, true},
		{Register, one(ByMail), high, true},
		{Register, one(ByPassword), none, false},
		{"unheard-of", one(ByMail, ByPassword, ByPasskey), none, false},
	}
	for _, c := range cases {
		if got := c.purpose.Enough(c.proofs, c.demand); got != c.want {
			t.Errorf("%s with %v, demand %+v: got %v, want %v", c.purpose, c.proofs, c.demand, got, c.want)
		}
	}
}

// What an account holds is enough to recover it only by ways that are awake, in
// use and not young (DESIGN rule 11).
func TestRecoverable(t *testing.T) {
	mail, saved := Held{Way: ByMail, Place: "m"}, Held{Way: BySaved, Place: "s"}
	with := func(h Held, change func(*Held)) Held {
		change(&h)
		return h
	}
	for name, c := range map[string]struct {
		held   []Held
		demand Demand
		want   bool
	}{
		"nothing":                      {nil, Demand{}, false},
		"a mailbox":                    {[]Held{mail}, Demand{}, true},
		"a mailbox where two are due":  {[]Held{mail}, Demand{Two: true}, false},
		"a mailbox in high":            {[]Held{mail}, Demand{High: true}, false},
		"two where two are due":        {[]Held{mail, saved}, Demand{Two: true}, true},
		"two mailboxes":                {[]Held{mail, with(mail, func(h *Held) { h.Place = "n" })}, Demand{Two: true}, false},
		"one that sleeps":              {[]Held{with(saved, func(h *Held) { h.Asleep = start })}, Demand{}, false},
		"one that was dropped":         {[]Held{with(saved, func(h *Held) { h.Dropped = start })}, Demand{}, false},
		"a young one":                  {[]Held{with(saved, func(h *Held) { h.Young = true })}, Demand{}, false},
		"an authenticator app":         {[]Held{{Way: ByTOTP, Place: "t"}}, Demand{}, false},
		"an app beside a mailbox, two": {[]Held{mail, {Way: ByTOTP, Place: "t"}}, Demand{Two: true}, true},
	} {
		if got := Recoverable(c.held, c.demand); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

// A way is young for seven days, unless it came with the account.
func TestYoung(t *testing.T) {
	a := &Account{Created: start}
	for _, c := range []struct {
		added, now time.Duration
		want       bool
	}{
		{0, time.Minute, false},
		{time.Hour, 2 * time.Hour, true},
		{time.Hour, time.Hour + YoungFor - 1, true},
		{time.Hour, time.Hour + YoungFor, false},
	} {
		if got := a.Young(start.Add(c.added), start.Add(c.now)); got != c.want {
			t.Errorf("added after %v, at %v: got %v, want %v", c.added, c.now, got, c.want)
		}
	}
}

// Act asks everything again: the step, the proofs' owner and age, the
// account's epochs, and whether it was paused.
func TestMayAct(t *testing.T) {
	proof := []Proof{{Account: "a", Way: ByMail, Place: "m", At: start}}
	fit := &Account{ID: "a", Epochs: Epochs{1, 1}}
	ready := func(change func(*Flow)) *Flow {
		f := newFlow(Recover)
		f.Step = Act
		if change != nil {
			change(f)
		}
		return f
	}
	cases := []struct {
		name    string
		flow    *Flow
		at      time.Duration
		proofs  []Proof
		account *Account
		want    error
	}{
		{"all is well", ready(nil), 9 * time.Minute, proof, fit, nil},
		{"the proof is old", ready(nil), 10 * time.Minute, proof, fit, ErrExpired},
		{"the flow is old", ready(nil), 30 * time.Minute, []Proof{{Account: "a", Way: ByMail, At: start.Add(29 * time.Minute)}}, fit, ErrExpired},
		{"no proof any more", ready(nil), 0, nil, fit, ErrExpired},
		{"a proof of another account", ready(nil), 0, append([]Proof{{Account: "b", Way: ByMail, At: start}}, proof...), fit, ErrOutOfStep},
		{"the password changed", ready(nil), 0, proof, &Account{ID: "a", Epochs: Epochs{2, 1}}, ErrChanged},
		{"a way changed", ready(nil), 0, proof, &Account{ID: "a", Epochs: Epochs{1, 2}}, ErrChanged},
		{"it was paused", ready(nil), 0, proof, &Account{ID: "a", Epochs: Epochs{1, 1}, Disabled: start}, ErrChanged},
		{"it is gone", ready(nil), 0, proof, nil, ErrChanged},
		{"it was stopped", ready(func(f *Flow) { f.Stopped = true }), 0, proof, fit, ErrStopped},
		{"still to verify", ready(func(f *Flow) { f.Step = Verify }), 0, proof, fit, ErrOutOfStep},
		{"done before", ready(func(f *Flow) { f.Step = Done }), 0, proof, fit, ErrUsed},
		{"a ghost", ready(func(f *Flow) { f.Ghost = true }), 0, proof, fit, ErrOutOfStep},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := c.flow.MayAct(start.Add(c.at), c.proofs, c.account, Demand{}); !errors.Is(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// "Get code" works after 60 s, 60 s, 2 min and 5 min, and five messages are
// all there are.
func TestAskWaits(t *testing.T) {
	f := newFlow(Recover)
	now := start
	for i, wait := range []time.Duration{0, time.Minute, time.Minute, 2 * time.Minute, 5 * time.Minute} {
		if wait > 0 {
			var e *Error
			if err := f.Ask(now.Add(wait - time.Second)); !errors.As(err, &e) || !errors.Is(err, ErrEarly) || e.After != time.Second {
				t.Fatalf("send %d, one second early: got %v, want %v with 1s left", i+1, err, ErrEarly)
			}
		}
		now = now.Add(wait)
		if err := f.Ask(now); err != nil {
			t.Fatalf("send %d after %v: got %v, want none", i+1, wait, err)
		}
	}
	if err := f.Ask(now.Add(10 * time.Minute)); !errors.Is(err, ErrSends) {
		t.Errorf("sixth send: got %v, want %v", err, ErrSends)
	}
}

// A18, ASVS 6.5.5: a code dies 10 minutes after the last hand-over and 30
// minutes after the start, and is good before a hand-over is recorded.
func TestA18Late(t *testing.T) {
	cases := []struct {
		handedOver, at time.Duration
		want           bool
	}{
		{0, 29 * time.Minute, false},
		{0, 30 * time.Minute, true},
		{time.Minute, 10*time.Minute + 59*time.Second, false},
		{time.Minute, 11 * time.Minute, true},
		{25 * time.Minute, 29 * time.Minute, false},
		{25 * time.Minute, 30 * time.Minute, true},
	}
	for _, c := range cases {
		ch := &Challenge{Started: start}
		if c.handedOver > 0 {
			ch.HandedOver = start.Add(c.handedOver)
		}
		if got := ch.Late(start.Add(c.at)); got != c.want {
			t.Errorf("handed over after %v, answered after %v: got late %v, want %v", c.handedOver, c.at, got, c.want)
		}
	}
}

// The windows of the ledger bound what one subject may cost, to the last
// comparison, and nonsense fits none.
func TestWindowsFit(t *testing.T) {
	codes := CodeLedger()
	for name, c := range map[string]struct {
		windows Windows
		held    []int
		amount  int
		want    bool
	}{
		"nothing spent":             {codes, []int{0, 0, 0}, 5, true},
		"just":                      {codes, []int{10, 25, 95}, 5, true},
		"one too many in the day":   {codes, []int{11, 11, 11}, 5, false},
		"one too many in the month": {codes, []int{0, 26, 26}, 5, false},
		"one too many in the year":  {codes, []int{0, 0, 96}, 5, false},
		"full, nothing asked":       {codes, []int{15, 30, 100}, 0, true},
		"more than any":             {codes, []int{0, 0, 0}, 16, false},
		"as large as a number gets": {codes, []int{1, 1, 1}, int(^uint(0) >> 1), false},
		"less than nothing":         {codes, []int{0, 0, 0}, -1, false},
		"too few sums":              {codes, []int{0, 0}, 5, false},
		"no windows":                {nil, nil, 5, true},
	} {
		if got := c.windows.Fits(c.held, c.amount); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}
