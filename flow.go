package sparekey

import "time"

// A Step is how far a flow has come. Steps only go forward.
type Step string

// The steps. Identify has no row: a flow begins with its first challenge.
const (
	Verify Step = "verify"
	Act    Step = "act"
	Done   Step = "done"
)

// ByNotice stands in the place of the kind of what was typed where nothing was:
// the recovery began with the link of a notice.
const ByNotice = "notice"

// A Flow is one visit to the door, from "who are you" to "done".
type Flow struct {
	ID      string
	Purpose Purpose
	Step    Step

	// Stopped says that the person to whom a message went has stopped the
	// flow. Until a proof it goes on as a ghost; after one it says so.
	Stopped bool
	// Ghost says that the flow is about nobody: it proves nothing, whatever
	// is answered. The pages do not know it.
	Ghost bool
	// Subject is what the flow's codes protect: the account, the new
	// identifier when registering, or a random id for a ghost.
	Subject string
	// Account is the account the flow is about, once the worker has found
	// it, or the session has.
	Account string
	// Epochs are the account's counters as the flow found them.
	Epochs Epochs
	// Session is the session the flow was begun in, and ends with; Shared that
	// it is one on a shared computer, and stays so whatever is changed in it.
	Session string
	Shared  bool

	// Browser is the hash of the secret of the browser that the flow is bound
	// to; OldBrowser of its former secret, which until OldUntil may repeat
	// the form whose fingerprint is LastKey.
	Browser    string
	OldBrowser string
	OldUntil   time.Time
	LastKey    string
	// KnownHash is the hash of the known-browser cookie that came along, and
	// Known what the worker found: it belongs to a browser known to Account.
	KnownHash string
	Known     bool

	TypedKind string // "email", "login", ByNotice, or "" in a flow begun in a session
	TypedKey  string // its normal form
	Typed     string // as it is shown back
	Pending   string // sealed: what the flow will write once it is proved

	Lang     string
	Chosen   bool   // the language was chosen in the flow, for its mails too
	From     string // the client's address
	On       string // the browser and system, from a closed list
	ReturnTo string

	Tries    int
	Sends    int
	AskedAt  time.Time // when a code was last asked for
	NextSend time.Time // when it may be asked for again

	Started time.Time
	Expires time.Time
	Closed  time.Time // zero while open

	// Charge is the flow's row in the ledger.
	Charge string

	// Event is what a recovery takes back that was begun from the notice of it.
	Event string

	// Target is what a flow about a setting is about: the kind of what it adds,
	// or the id of what it drops or keeps.
	Target string
	// Own are the ways that the account has, as the worker found them, for a
	// browser that is known to it.
	Own []OwnWay
	// Fresh is a saved code that was made in the flow, sealed, until its owner
	// has said that it is kept.
	Fresh string

	// Others is how many other sessions ended when the flow was done, and
	// Same that it ended with the password the account already had.
	Others int
	Same   bool
}

// A Challenge is one question put to one way at one destination. A flow has at
// most one open challenge, and an answer names the one it is for.
type Challenge struct {
	ID         string
	Flow       string
	Way        WayKind
	Identifier string // where the code went; empty for a ghost
	Binding    string // a hash of the identifier and its normal form
	Nonce      string
	KeyID      string // the installation key that made the code
	Length     int    // of the code, in digits; 0 until it is minted
	Open       bool
	Started    time.Time
	Minted     time.Time // zero until the worker has resolved the flow
	HandedOver time.Time // when the mail server last took a message with it
}

// A Proof is a checked answer. Only a checked answer writes one.
type Proof struct {
	Flow      string
	Challenge string
	Account   string
	Way       WayKind
	Place     string // the identifier or credential that proved it
	Session   string // the session it counts in, if any
	At        time.Time
	// Young says that what proved it was added lately, and not with the
	// account: it counts only beside an older one (DESIGN rule 11).
	Young bool
}

// Open reports whether the flow can still move at now, and says why not.
func (f *Flow) Open(now time.Time) error {
	switch {
	case f.Step == Done:
		return ErrUsed
	case !now.Before(f.Expires):
		return ErrExpired
	case f.Stopped && f.Step == Act: // before a proof a stopped flow is a ghost
		return ErrStopped
	}
	return nil
}

// Try spends one try. Callers have the spending on disk before they look at
// the answer, so that answers sent all at once are counted all the same.
func (f *Flow) Try(now time.Time) error {
	if err := f.MayChoose(now); err != nil {
		return err
	}
	f.Tries++
	return nil
}

// AskElsewhere is Ask for the first message of another challenge of the flow:
// it does not wait for the one that went elsewhere.
func (f *Flow) AskElsewhere(now time.Time) error {
	was := f.NextSend
	f.NextSend = time.Time{}
	err := f.Ask(now)
	if err != nil {
		f.NextSend = was
	}
	return err
}

// MayChoose reports why the flow cannot be answered now, nor another way be
// chosen for it.
func (f *Flow) MayChoose(now time.Time) error {
	if err := f.Open(now); err != nil {
		return err
	}
	switch {
	case f.Step != Verify:
		return ErrOutOfStep
	case f.Tries >= MaxTries:
		return ErrTries
	}
	return nil
}

// Ask spends one message with a code. It reports ErrEarly, with the time that
// is left, while the last one is still on its way, and ErrSends when there
// will be no more.
func (f *Flow) Ask(now time.Time) error {
	if err := f.MayChoose(now); err != nil {
		return err
	}
	switch {
	case f.Sends >= MaxSends:
		return ErrSends
	case now.Before(f.NextSend):
		early := *ErrEarly
		early.After = f.NextSend.Sub(now)
		return &early
	}
	f.Sends++
	f.AskedAt = now
	f.NextSend = now.Add(SendWait(f.Sends))
	return nil
}

// Pass moves the flow on to Act once proofs are enough for its purpose. A
// ghost never passes, and neither does a flow with a proof of another account.
func (f *Flow) Pass(proofs []Proof, d Demand) bool {
	if f.Ghost || f.Stopped || f.Step != Verify || !f.own(proofs) || !f.Purpose.Enough(proofs, d) {
		return false
	}
	f.Step = Act
	return true
}

// MayAct reports whether the flow may act at now: it is open and at its last
// step, its proofs are of its own account and enough, the last of them is
// fresh, and the account's epochs are as the flow found them.
func (f *Flow) MayAct(now time.Time, proofs []Proof, a *Account, d Demand) error {
	if err := f.Open(now); err != nil {
		return err
	}
	if f.Step != Act || f.Ghost {
		return ErrOutOfStep
	}
	if f.Purpose != Register && (a == nil || a.ID != f.Account || a.Epochs != f.Epochs || !a.Disabled.IsZero()) {
		return ErrChanged
	}
	if !f.own(proofs) {
		return ErrOutOfStep
	}
	if !f.Purpose.Enough(proofs, d) {
		return ErrExpired // what was enough when the flow came here is too old by now, or was dropped
	}
	var last time.Time
	for _, p := range proofs {
		// What counts for nothing here, a password in a recovery, keeps nothing
		// fresh either.
		if f.Purpose.counts(p.Way) && p.At.After(last) {
			last = p.At
		}
	}
	if !now.Before(last.Add(ProofLife)) {
		return ErrExpired
	}
	return nil
}

// own reports whether every proof is of the flow's account. A proof whose
// account is another's is refused, not ignored.
func (f *Flow) own(proofs []Proof) bool {
	for _, p := range proofs {
		if p.Account != f.Account {
			return false
		}
	}
	return true
}

// Late reports whether a right answer to c comes too late at now: CodeLife
// after the last hand-over, or FlowLife after the challenge began. A code is
// good before its hand-over is recorded.
func (c *Challenge) Late(now time.Time) bool {
	if !now.Before(c.Started.Add(FlowLife)) {
		return true
	}
	return !c.HandedOver.IsZero() && !now.Before(c.HandedOver.Add(CodeLife))
}
