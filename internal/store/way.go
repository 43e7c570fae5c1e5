package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"sparekey"
)

// A Stored is what is kept of a way, to check an answer with.
type Stored struct {
	ID      string
	Account string
	Kind    sparekey.WayKind
	Name    string
	Data    string // its form is the way's own
	Lookup  string // by which it is found where it is presented; may be empty
	Step    int64  // the last one that was used, of an authenticator app
	Added   time.Time
	Dropped time.Time // zero, but in a recovery that goes back before that
}

// A Use is what a right answer does to a credential: Was becomes Is. Of two that
// use it at once one finds it changed.
type Use struct {
	Was, Is  Stored
	Approval string // that is used up with it; empty but for an app
}

const storedColumns = `id, account, kind, name, data, lookup, last_step, added, dropped`

func (s *Stored) scanned() []any {
	return []any{&s.ID, &s.Account, &s.Kind, &s.Name, &s.Data, &s.Lookup, &s.Step, when{&s.Added}, when{&s.Dropped}}
}

// stored gives the one credential that opens something for a flow: that is in use
// and awake. A recovery that goes back before an event is opened by what opened
// it then, though it was dropped since, and by nothing that came since.
func (c conn) stored(f *sparekey.Flow, where string, args ...any) (Stored, error) {
	before, err := c.takesBack(f)
	if err != nil {
		return Stored{}, err
	}
	inUse := `dropped = 0`
	if !before.IsZero() {
		n := len(args) + 1
		inUse = fmt.Sprintf(`added < $%d AND (dropped = 0 OR dropped >= $%d)`, n, n)
		args = append(args, micros(before))
	}
	var s Stored
	err = c.row(`SELECT `+storedColumns+` FROM credentials WHERE `+where+` AND asleep = 0 AND `+inUse+` ORDER BY dropped, added DESC, id LIMIT 1`,
		args, s.scanned()...)
	if errors.Is(err, sql.ErrNoRows) {
		return Stored{}, nil
	}
	if err != nil {
		return Stored{}, fmt.Errorf("read credential: %w", err)
	}
	return s, nil
}

// Presented gives the credential that is found by what was presented to a flow,
// whoever it belongs to; the zero value if there is none that opens anything.
func (db *DB) Presented(ctx context.Context, f *sparekey.Flow, kind sparekey.WayKind, lookup string) (Stored, error) {
	return db.read(ctx).stored(f, `lookup = $1 AND lookup <> '' AND kind = $2`, lookup, kind)
}

// StoredTOTP gives the authenticator app of a flow's account; the zero value if it
// has none that opens anything.
func (db *DB) StoredTOTP(ctx context.Context, f *sparekey.Flow) (Stored, error) {
	return db.read(ctx).stored(f, `account = $1 AND kind = 'totp'`, f.Account)
}

// Passkeys gives what is kept of the passkeys of an account, with those that were
// dropped after a time.
func (db *DB) Passkeys(ctx context.Context, account string, dropped time.Time) ([]Stored, error) {
	var list []Stored
	err := db.read(ctx).rows(`SELECT `+storedColumns+` FROM credentials
		WHERE account = $1 AND kind = 'passkey' AND (dropped = 0 OR dropped > $2) ORDER BY added, id`,
		[]any{account, micros(dropped)}, func(scan func(...any) error) error {
			var s Stored
			err := scan(s.scanned()...)
			list = append(list, s)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("list passkeys: %w", err)
	}
	return list, nil
}

// use writes what a right answer does to its credential, and the saved code that
// takes the place of one that was used. It reports sparekey.ErrWrongCode if the
// credential was used or changed meanwhile: an answer counts once (A25).
func (t *tx) use(f *sparekey.Flow, p Proving) error {
	if p.Use == nil {
		return nil
	}
	was, is := p.Use.Was, p.Use.Is
	n, err := t.exec(`
		UPDATE credentials SET data = $1, lookup = $2, last_step = $3, changed = $4
		 WHERE id = $5 AND account = $6 AND data = $7 AND lookup = $8 AND last_step = $9 AND dropped = $10 AND asleep = 0`,
		is.Data, is.Lookup, is.Step, micros(p.Turn.Now), was.ID, f.Account, was.Data, was.Lookup, was.Step, micros(was.Dropped))
	if err != nil {
		return fmt.Errorf("use credential: %w", err)
	}
	if n == 0 {
		return sparekey.ErrWrongCode
	}
	if err := t.useApproval(p.Use, p.Turn.Now); err != nil {
		return err
	}
	if p.Fresh == "" {
		return nil
	}
	f.Fresh = p.Fresh
	e := p.Used
	e.Account = f.Account
	return t.announce(sparekey.SavedUsedMessage, e)
}

// Held lists the ways of an account, those that were dropped lately too.
func (db *DB) Held(ctx context.Context, account string, now time.Time) ([]sparekey.Held, error) {
	c := db.read(ctx)
	a, err := c.account(account)
	if err != nil || a == nil {
		return nil, err
	}
	return c.held(a, now)
}

// held is the same inside a transaction: the identifiers that codes go to, then
// the credentials, each in the order they were added.
func (c conn) held(a *sparekey.Account, now time.Time) ([]sparekey.Held, error) {
	var list []sparekey.Held
	err := c.rows(`
		SELECT CASE WHEN kind = 'phone' THEN 'text' ELSE 'mail' END, id, shown, added, 0 AS used, dropped, asleep, 0 AS part
		  FROM identifiers WHERE account = $1 AND kind <> 'login' AND proved > 0
		UNION ALL
		SELECT kind, id, name, added, changed, dropped, asleep, 1 FROM credentials WHERE account = $1
		 ORDER BY part, added, id`,
		[]any{a.ID}, func(scan func(...any) error) error {
			var h sparekey.Held
			var part int
			err := scan(&h.Way, &h.Place, &h.Shown, when{&h.Added}, when{&h.Used}, when{&h.Dropped}, when{&h.Asleep}, &part)
			h.Young = a.Young(h.Added, now)
			list = append(list, h)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("list ways: %w", err)
	}
	return list, nil
}

// Proofs gives the proofs that count for a flow, which may not be written yet.
func (db *DB) Proofs(ctx context.Context, f *sparekey.Flow, now time.Time) ([]sparekey.Proof, error) {
	return db.read(ctx).proofs(f, now)
}
