// Package password hashes passwords and says which new ones are refused.
//
// Hashing is expensive on purpose, so it is admitted and not suffered: see
// admission.go. What is stored stands in stored.go, what is refused in
// refuse.go.
package password

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/go-crypt/crypt/algorithm/argon2"
	"golang.org/x/text/unicode/norm"
)

// Params are the cost of Argon2id (RFC 9106).
type Params struct {
	Memory uint32 // m, in KiB
	Passes uint32 // t, passes over the memory
	Lanes  uint32 // p, threads
}

// DefaultParams are the cost of a hash unless the operator raises it: 19 MiB,
// two passes, one thread. It is what OWASP asks for, and takes 20 to 30 ms.
var DefaultParams = Params{Memory: 19 * 1024, Passes: 2, Lanes: 1}

// work is what a hash with these parameters costs: KiB filled.
func (p Params) work() uint64 { return uint64(p.Memory) * uint64(p.Passes) }

// Options say how a [Hasher] works.
type Options struct {
	// Params are the current cost; the zero value means DefaultParams.
	Params Params

	// Slots is how many hashes run at once. 0 means one less than GOMAXPROCS,
	// so that pages are served while passwords are hashed, and at least one.
	Slots int

	// Queues are how many may wait; 0 in a lane means its default.
	Queues Queues

	// Pepper gives the keyed hash of a password under the pepper key with that
	// id, and an error if there is no such key. It must be set.
	Pepper func(keyID, password string) ([]byte, error)

	// PepperKey is the id of the newest pepper key, with which new hashes are
	// made: lower-case letters and digits. It must be set.
	PepperKey string

	// Now is the clock; nil means time.Now. It only measures how long hashes
	// take, to tell those who are refused when to come again.
	Now func() time.Time
}

// A Hasher hashes passwords and checks them. It is safe for concurrent use.
type Hasher struct {
	params    Params
	current   *argon2.Hasher
	nobodys   string // what is read in the place of a stored hash for nobody
	nobody    stored
	pepper    func(keyID, password string) ([]byte, error)
	pepperKey string
	admission *admission
	hashes    atomic.Uint64
	compared  atomic.Uint64
}

// New makes a hasher. It reports an error if a needed option is missing or the
// cost is none that it would take from storage.
func New(o Options) (*Hasher, error) {
	if o.Params == (Params{}) {
		o.Params = DefaultParams
	}
	if o.Slots <= 0 {
		o.Slots = max(1, runtime.GOMAXPROCS(0)-1)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	// Argon2 rounds its memory down to four blocks a thread. Rounded here, it is
	// what stands in every hash, and no hash looks as if it were of another cost.
	if o.Params.Lanes > 0 {
		o.Params.Memory -= o.Params.Memory % (4 * o.Params.Lanes)
	}
	if o.Pepper == nil || !validKeyID(o.PepperKey) {
		return nil, errors.New("make password hasher: the pepper or the id of its key is missing")
	}
	if err := o.Params.check(); err != nil {
		return nil, fmt.Errorf("make password hasher: %w", err)
	}
	current, err := argonHasher(o.Params)
	if err != nil {
		return nil, fmt.Errorf("make password hasher: %w", err)
	}
	nobodys := nobodyStored(o.PepperKey, o.Params)
	nobody, err := parseStored(nobodys)
	if err != nil {
		return nil, fmt.Errorf("make password hasher: %w", err)
	}
	return &Hasher{
		params:    o.Params,
		current:   current,
		nobodys:   nobodys,
		nobody:    nobody,
		pepper:    o.Pepper,
		pepperKey: o.PepperKey,
		admission: newAdmission(o.Slots, o.Queues.orDefaults(o.Slots), o.Now),
	}, nil
}

// A Question is a password to check.
type Question struct {
	Lane     Lane         // whose turn it takes
	From     netip.Prefix // the client, for a fair turn within the lane
	Password string       // as it was typed, never trimmed

	// Stored is what [Hasher.Hash] gave for the account. Nobody, and an account
	// without a password, has "".
	Stored string

	// Blind asks for the same work and the answer no, whatever was typed: the
	// budget is spent, and the page must not tell.
	Blind bool
}

// ErrStored is wrapped by [Hasher.Check] when what is stored cannot be
// checked: it is no hash, its cost is beyond reason, or its pepper key is gone.
var ErrStored = errors.New("the stored password cannot be checked")

// Hash gives what to store for a password, which the caller has asked [Refuse]
// about. It waits for its turn: the error wraps ctx's if that ends first, or
// is a [*BusyError].
func (h *Hasher) Hash(ctx context.Context, lane Lane, from netip.Prefix, pw string) (string, error) {
	leave, err := h.admission.enter(ctx, lane, from)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	defer leave()
	peppered, err := h.peppered(h.pepperKey, pw)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	h.hashes.Add(1)
	digest, err := h.current.Hash(peppered)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return h.pepperKey + digest.Encode(), nil
}

// Room reports a [*BusyError] if there is no turn to wait for now. It is asked
// before work that would be for nothing.
func (h *Hasher) Room(lane Lane, from netip.Prefix) error {
	return h.admission.room(lane, from)
}

// Replace is Hash for a password that takes the place of a stored one, and tells
// whether it is the same. Both take one hash: the new one has the salt of the
// old, which goes. A salt has to differ between accounts, so that nobody guesses
// at several of them at once, and it still does. Where what is stored was made at
// another cost or under another key, Check and Hash take a hash each. An error
// that wraps ErrStored comes with the new hash all the same, and is for the
// operator's log.
func (h *Hasher) Replace(ctx context.Context, q Question) (same bool, hash string, err error) {
	s, unfit := parseStored(q.Stored)
	if unfit != nil || s.params != h.params || s.keyID != h.pepperKey {
		if q.Stored != "" {
			same, _, err = h.Check(ctx, q)
		}
		if same || err != nil && !errors.Is(err, ErrStored) {
			return same, "", err
		}
		hash, failed := h.Hash(ctx, q.Lane, q.From, q.Password)
		if failed != nil {
			return false, "", failed
		}
		return false, hash, err
	}
	leave, err := h.admission.enter(ctx, q.Lane, q.From)
	if err != nil {
		return false, "", fmt.Errorf("replace password: %w", err)
	}
	defer leave()
	peppered, err := h.peppered(h.pepperKey, q.Password)
	if err != nil {
		return false, "", fmt.Errorf("replace password: %w", err)
	}
	h.hashes.Add(1)
	digest, err := h.current.HashWithSalt(peppered, s.digest.Salt())
	if err != nil {
		return false, "", fmt.Errorf("replace password: %w", err)
	}
	h.compared.Add(1)
	encoded := digest.Encode()
	same = subtle.ConstantTimeCompare([]byte(encoded), []byte(s.digest.Encode())) == 1
	return same, h.pepperKey + encoded, nil
}

// Check tells whether the password is the stored one. The work is the same for
// everyone: one admission, and one hash of the current cost, for nobody too and
// for a question asked blind. A stored hash that is cheaper is followed by the
// difference; a dearer one is dearer. Rehash says that the password is right
// and that what is stored was not made at the current cost under the newest
// pepper key: the caller stores a new [Hasher.Hash] of it.
//
// An error that wraps ctx's, or a [*BusyError], means that nothing was compared.
// One that wraps ErrStored comes with the answer no after the same work: it is
// for the operator's log, and the page is the one for a wrong password.
func (h *Hasher) Check(ctx context.Context, q Question) (ok, rehash bool, err error) {
	leave, err := h.admission.enter(ctx, q.Lane, q.From)
	if err != nil {
		return false, false, fmt.Errorf("check password: %w", err)
	}
	defer leave()
	text, blind := q.Stored, q.Blind
	if text == "" { // reading what is stored takes its time too (A03)
		text, blind = h.nobodys, true
	}
	s, unfit := parseStored(text) // about what is stored
	if unfit != nil {
		s, blind = h.nobody, true
	}
	peppered, err := h.peppered(s.keyID, q.Password)
	if err != nil && s.keyID != h.pepperKey {
		// The key is gone. Nobody's hash takes the place of this one, so that a
		// stranger sees a wrong password and nothing else.
		unfit = fmt.Errorf("%w: %w", ErrStored, err)
		s, blind = h.nobody, true
		peppered, err = h.peppered(s.keyID, q.Password)
	}
	if err != nil {
		return false, false, fmt.Errorf("check password: %w", err)
	}
	if !blind {
		h.compared.Add(1)
	}
	match, err := h.match(s, peppered)
	if err == nil {
		err = unfit
	}
	if err != nil {
		return false, false, fmt.Errorf("check password: %w", err)
	}
	ok = match && !blind
	return ok, ok && (s.params != h.params || s.keyID != h.pepperKey), nil
}

// peppered gives the input of Argon2id: a keyed hash of the password in NFC
// (RFC 8265 would map blanks too; we do not). It has one length whatever was
// typed, so nothing is cut off, and a stolen database alone cannot be guessed
// at.
func (h *Hasher) peppered(keyID, pw string) (string, error) {
	mac, err := h.pepper(keyID, norm.NFC.String(pw))
	if err != nil {
		return "", fmt.Errorf("pepper: %w", err)
	}
	return string(mac), nil
}

// match compares, and makes up for a stored hash that costs less than the
// current one by a second hash of the difference, whose result is dropped.
func (h *Hasher) match(s stored, peppered string) (bool, error) {
	h.hashes.Add(1)
	match, err := s.digest.MatchAdvanced(peppered)
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrStored, err)
	}
	rest, needed := difference(h.params, s.params)
	if !needed {
		return match, nil
	}
	filler, err := argonHasher(rest)
	if err != nil {
		return false, fmt.Errorf("make up for a cheap hash: %w", err)
	}
	h.hashes.Add(1)
	if _, err := filler.Hash(peppered); err != nil {
		return false, fmt.Errorf("make up for a cheap hash: %w", err)
	}
	return match, nil
}

// difference gives the parameters of a hash that costs what was has less than
// want. It is not needed where that is less than the smallest hash there is.
func difference(want, was Params) (Params, bool) {
	if was.work() >= want.work() {
		return Params{}, false
	}
	rest := want
	rest.Memory = uint32((want.work() - was.work()) / uint64(want.Passes))
	return rest, rest.Memory >= minMemoryPerLane*rest.Lanes
}

// Stats are counters for the operator's metrics and for the tests that count
// the work.
type Stats struct {
	Slots   int               // how many hashes may run at once
	Running int               // how many run now
	Waiting [LaneCount]int    // by lane, now
	Entered [LaneCount]uint64 // by lane, admitted since the start
	Refused [LaneCount]uint64 // by lane, told to come later since the start
	Hashes  uint64            // Argon2id computations since the start
	// Compared is how many questions about somebody's password were answered
	// since the start; blind ones and those about nobody are not.
	Compared uint64
}

// Stats gives the counters as they stand.
func (h *Hasher) Stats() Stats {
	s := h.admission.stats()
	s.Hashes, s.Compared = h.hashes.Load(), h.compared.Load()
	return s
}
