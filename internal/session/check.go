package session

import (
	"context"
	"sync"
	"time"

	"sparekey"
	"sparekey/internal/secret"
	"sparekey/internal/store"
)

const (
	// lookEvery is for how long an answer is given from memory before the
	// database is asked whether it still holds: so long after its commit can a
	// change that another node made go unnoticed here.
	lookEvery = 50 * time.Millisecond
	lookLimit = 2 * time.Second
	// keepFor and keepMost bound how long an answer stays in memory, and how
	// many do.
	keepFor  = time.Minute
	keepMost = 50_000
)

// An Answer says who is signed in.
type Answer struct {
	Session     sparekey.Session
	Identifiers []sparekey.Identifier // those that are proved

	read time.Time
}

// Check is Of for programs that ask with each of their own requests. It gives
// the same answers, and the proved identifiers of the account, but mostly from
// memory: what ended on this node is refused at once, what ended on another
// within lookEvery. A node that cannot look for changes asks the database each
// time.
func (s *Service) Check(ctx context.Context, token secret.Token) (*Answer, error) {
	if token == "" {
		return nil, sparekey.ErrNotFound
	}
	now, hash := s.Now(), token.Hash()
	trusted := s.kept.look(ctx, s.Store)
	a, round := s.kept.get(hash)
	if trusted && a != nil && a.Session.Live(now) && now.Sub(a.Session.Seen) < touchEvery {
		return a, nil
	}
	in, _, err := s.Of(ctx, token)
	if err != nil {
		return nil, err
	}
	a = &Answer{Session: *in, read: time.Now()}
	ids, err := s.Store.Identifiers(ctx, in.Account)
	if err != nil {
		return nil, err
	}
	for _, i := range ids {
		if !i.Proved.IsZero() {
			a.Identifiers = append(a.Identifiers, i)
		}
	}
	if trusted {
		s.kept.put(hash, a, round)
	}
	return a, nil
}

// answers are those that are kept in memory, and what is known of changes to
// their accounts. Times here are the machine's: no database is asked for them.
type answers struct {
	looking sync.Mutex // held by the one who looks

	mu      sync.RWMutex
	asked   time.Time // when the last look began; zero if it failed
	failed  time.Time // when the last look failed
	written int64     // how many changes this node had written by then
	clock   time.Time // the database's time then
	round   int64     // counts the looks
	changed map[string]bool
	of      map[string]*Answer  // by the hash of the token
	by      map[string][]string // hashes by account
}

// look makes sure that what is in memory held a moment ago, and reports whether
// it did.
func (k *answers) look(ctx context.Context, db *store.DB) bool {
	if known, trusted := k.known(db); known {
		return trusted
	}
	k.looking.Lock()
	defer k.looking.Unlock()
	if known, trusted := k.known(db); known { // somebody else has looked
		return trusted
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookLimit)
	defer cancel()
	began, written := time.Now(), db.Changed()
	changed, clock, err := db.Changes(ctx)

	k.mu.Lock()
	defer k.mu.Unlock()
	k.round++
	if err != nil {
		k.asked, k.failed = time.Time{}, time.Now()
		k.forget()
		return false
	}
	// A change is looked for by the time it was written at: if the database's
	// clock has jumped, one may have been passed over.
	if off := clock.Sub(k.clock) - began.Sub(k.asked); off.Abs() > time.Second {
		k.forget()
	}
	for account := range changed {
		for _, hash := range k.by[account] {
			delete(k.of, hash)
		}
		delete(k.by, account)
	}
	k.asked, k.written, k.clock, k.changed = began, written, clock, changed
	return true
}

// known reports whether it is known that what is in memory can be trusted, or
// that it cannot.
func (k *answers) known(db *store.DB) (known, trusted bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if time.Since(k.failed) < lookEvery {
		return true, false
	}
	fresh := time.Since(k.asked) < lookEvery && db.Changed() == k.written
	return fresh, fresh
}

func (k *answers) get(hash string) (*Answer, int64) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	a := k.of[hash]
	if a != nil && time.Since(a.read) > keepFor {
		a = nil
	}
	return a, k.round
}

// put keeps an answer that was read in the round given. One of an account that
// changed lately is not kept, and none if somebody has looked for changes since:
// it may be of a moment before them.
func (k *answers) put(hash string, a *Answer, round int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	account := a.Session.Account
	if k.round != round || k.changed[account] {
		return
	}
	if len(k.of) >= keepMost || k.of == nil {
		k.forget()
	}
	if k.of[hash] == nil {
		k.by[account] = append(k.by[account], hash)
	}
	k.of[hash] = a
}

func (k *answers) forget() {
	k.of, k.by = map[string]*Answer{}, map[string][]string{}
}
