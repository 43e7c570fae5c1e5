package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"sparekey"
)

// A Turn is what a right answer, a sign-in or a sign-out does to the browser:
// its secret is replaced. For a minute the old one may repeat the very form
// that replaced it, and nothing else.
type Turn struct {
	Browser string // the hash of the old secret
	Next    string // the hash of the new one
	Key     string // the fingerprint of the form
	Now     time.Time
}

// turn binds the flows of a browser to its new secret.
func (t *tx) turn(b Turn) error {
	if b.Browser == "" {
		return nil
	}
	_, err := t.exec(`
		UPDATE flows SET browser = $1, old_browser = $2, old_until = $3
		 WHERE browser = $2 AND expires > $4`,
		b.Next, b.Browser, micros(b.Now.Add(sparekey.RepeatLife)), micros(b.Now))
	return err
}

// account reads an account. It gives nil if there is none.
func (c conn) account(id string) (*sparekey.Account, error) {
	var a sparekey.Account
	err := c.row(`
		SELECT id, name, lang, password_epoch, ways_epoch, two_proofs, disabled, delete_at, created
		  FROM accounts WHERE id = $1`, []any{id},
		&a.ID, &a.Name, &a.Lang, &a.Epochs.Password, &a.Epochs.Ways, &a.TwoProofs,
		when{&a.Disabled}, when{&a.DeleteAt}, when{&a.Created})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read account: %w", err)
	}
	return &a, nil
}

// holdAccount keeps others from changing an account until the transaction ends:
// what is then read of it is still so when it is acted upon. SQLite has one
// writer anyway. id says in SQL which account it is, by the one argument.
func (t *tx) holdAccount(id, arg string) error {
	if !t.postgres {
		return nil
	}
	if _, err := t.exec(`SELECT 1 FROM accounts WHERE id = `+id+` FOR NO KEY UPDATE`, arg); err != nil {
		return fmt.Errorf("hold account: %w", err)
	}
	return nil
}

// proofs gives the proofs that count for f: its own, and for a flow begun in a
// session the fresh ones given in it.
func (c conn) proofs(f *sparekey.Flow, now time.Time) ([]sparekey.Proof, error) {
	session := f.Session
	if !f.Purpose.FromSession() {
		session = ""
	}
	var proofs []sparekey.Proof
	err := c.rows(`
		SELECT flow, challenge, account, way, place, session, at FROM proofs
		 WHERE flow = $1 OR (session <> '' AND session = $2 AND at > $3)
		 ORDER BY at, challenge`,
		[]any{f.ID, session, micros(now.Add(-sparekey.ProofLife))},
		func(scan func(...any) error) error {
			var p sparekey.Proof
			err := scan(&p.Flow, &p.Challenge, &p.Account, &p.Way, &p.Place, &p.Session, when{&p.At})
			proofs = append(proofs, p)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read proofs: %w", err)
	}
	return proofs, nil
}

// SessionProofs gives the proofs of a flow that has not been written yet, so
// that it may start at Act.
func (db *DB) SessionProofs(ctx context.Context, f *sparekey.Flow, now time.Time) ([]sparekey.Proof, error) {
	return db.read(ctx).proofs(f, now)
}

// Prove writes that the answer to challenge c was right and moves the flow on
// if its proofs are now enough. The challenge closes in the same transaction,
// so that one right answer is one proof, however often it comes (A32). It
// reports sparekey.ErrUsed if another answer was faster, and
// sparekey.ErrWrongCode if the account has changed since the flow began: such
// a flow goes on as a ghost.
func (db *DB) Prove(ctx context.Context, c *sparekey.Challenge, turn Turn) (*sparekey.Flow, error) {
	var f *sparekey.Flow
	err := db.write(ctx, func(t *tx) error {
		var err error
		f, err = t.prove(c, turn)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	return f, nil
}

func (t *tx) prove(c *sparekey.Challenge, turn Turn) (*sparekey.Flow, error) {
	n, err := t.exec(`UPDATE challenges SET is_open = FALSE WHERE id = $1 AND is_open`, c.ID)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, sparekey.ErrUsed
	}
	f, err := t.flow(t.db.flowEpoch(), c.Flow)
	if err != nil {
		return nil, err
	}
	if f.Ghost || f.Stopped || f.Step != sparekey.Verify {
		return nil, sparekey.ErrWrongCode
	}
	two := false
	if f.Purpose != sparekey.Register {
		a, err := t.account(f.Account)
		if err != nil {
			return nil, err
		}
		if a == nil || a.Epochs != f.Epochs || !a.Disabled.IsZero() {
			return nil, sparekey.ErrWrongCode
		}
		two = a.TwoProofs
	}
	if err := t.addProof(f, c, turn.Now); err != nil {
		return nil, err
	}
	proofs, err := t.proofs(f, turn.Now)
	if err != nil {
		return nil, err
	}
	f.Pass(proofs, two)
	n, err = t.exec(`UPDATE flows SET step = $1, last_key = $2 WHERE id = $3 AND step = 'verify' AND ghost = FALSE AND stopped = FALSE`,
		f.Step, turn.Key, f.ID)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, sparekey.ErrWrongCode
	}
	return f, t.turn(turn)
}

// addProof writes that challenge c of flow f was answered.
func (t *tx) addProof(f *sparekey.Flow, c *sparekey.Challenge, now time.Time) error {
	_, err := t.exec(`
		INSERT INTO proofs (challenge, flow, account, way, place, session, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		c.ID, f.ID, f.Account, c.Way, c.Identifier, f.Session, micros(now))
	return err
}

// close ends a flow that has done what it was for, and settles what its codes
// have cost. It is a compare-and-swap: of two that come at once one finds the
// flow open.
func (t *tx) close(f *sparekey.Flow, now time.Time) error {
	n, err := t.exec(`
		UPDATE flows SET step = 'done', closed = $1, others = $2, same = $3, last_key = $4, pending = ''
		 WHERE id = $5 AND step = 'act' AND stopped = FALSE AND ghost = FALSE AND expires > $1`,
		micros(now), f.Others, f.Same, f.LastKey, f.ID)
	if err != nil {
		return fmt.Errorf("close flow: %w", err)
	}
	if n == 0 {
		if now, err := t.flow(t.db.flowEpoch(), f.ID); err == nil && now.Stopped && now.Step == sparekey.Act {
			return sparekey.ErrStopped
		}
		return sparekey.ErrUsed
	}
	_, err = t.exec(`
		UPDATE charges SET ended = $1, amount = CASE WHEN amount = 0 THEN 0 ELSE (SELECT tries FROM flows WHERE id = $2) END
		 WHERE id = $3 AND ended = 0`, micros(now), f.ID, f.Charge)
	if err != nil {
		return fmt.Errorf("settle the ledger: %w", err)
	}
	f.Step, f.Closed = sparekey.Done, now
	return nil
}
