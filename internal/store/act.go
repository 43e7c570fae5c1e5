package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"sparekey"
)

// An Acting is a flow's last step: what to change, and whom to let in with it.
type Acting struct {
	Flow     string
	Key      string // the fingerprint of the form
	Password string // the stored form of the new password
	Turn     Turn
	Open     Opening // the session and the known browser that follow
	Event    sparekey.Event
}

// MayAct reports why a flow may not act now; nil if it may. It is asked before
// anything is compared or hashed for the flow, and again when it acts.
func (db *DB) MayAct(ctx context.Context, flow string, now time.Time) error {
	_, _, err := db.read(ctx).mayAct(db.flowEpoch(), flow, now)
	return err
}

// mayAct reads the flow again, with its proofs and its account, and asks the
// machine whether it may act now.
func (c conn) mayAct(epoch int64, flow string, now time.Time) (*sparekey.Flow, []sparekey.Proof, error) {
	f, err := c.flow(epoch, flow)
	if err != nil {
		return nil, nil, err
	}
	proofs, err := c.proofs(f, now)
	if err != nil {
		return nil, nil, err
	}
	account, err := c.account(f.Account)
	if err != nil {
		return nil, nil, err
	}
	demand, err := c.demand(f, account)
	if err != nil {
		return nil, nil, err
	}
	err = f.MayAct(now, proofs, account, demand)
	if errors.Is(err, sparekey.ErrChanged) { // by this very flow, in another tab?
		if f, err := c.flow(epoch, flow); err == nil && f.Step == sparekey.Done {
			return f, nil, sparekey.ErrUsed
		}
	}
	return f, proofs, err
}

// mayAct is the same inside the transaction that acts.
func (t *tx) mayAct(a Acting) (*sparekey.Flow, []sparekey.Proof, error) {
	if err := t.hold(a.Flow); err != nil { // of two tabs the second finds the flow done
		return nil, nil, err
	}
	if err := t.holdAccount(`(SELECT account FROM flows WHERE id = $1)`, a.Flow); err != nil {
		return nil, nil, err
	}
	f, proofs, err := t.conn.mayAct(t.db.flowEpoch(), a.Flow, a.Turn.Now)
	if err == nil {
		err = t.inSession(f)
	}
	if err != nil {
		return nil, nil, err
	}
	f.LastKey = a.Key
	return f, proofs, nil
}

// may is mayAct for a flow that the transaction has just brought to its last step,
// and whose account it holds.
func (t *tx) may(f *sparekey.Flow, proofs []sparekey.Proof, now time.Time) error {
	a, err := t.account(f.Account)
	if err != nil {
		return err
	}
	demand, err := t.demand(f, a)
	if err == nil {
		err = f.MayAct(now, proofs, a, demand)
	}
	if err != nil {
		return err
	}
	return t.inSession(f)
}

// inSession reports sparekey.ErrExpired if the session that a flow was begun in has
// ended, be it since the request came: the flow ends with it.
func (t *tx) inSession(f *sparekey.Flow) error {
	if f.Session == "" {
		return nil
	}
	var live int
	err := t.row(`SELECT COUNT(*) FROM sessions WHERE id = $1 AND account = $2 AND ended = 0`, []any{f.Session, f.Account}, &live)
	if err != nil {
		return fmt.Errorf("look for the session of a flow: %w", err)
	}
	if live == 0 {
		return sparekey.ErrExpired
	}
	return nil
}

// SetPassword is the act of recover and change-password. In one transaction it
// asks the policy again, changes the password, raises its epoch, ends the
// sessions and known browsers of the account, makes this browser known, closes
// the flow, and writes the journal and a message to every proved address.
func (db *DB) SetPassword(ctx context.Context, a Acting) (*sparekey.Flow, error) {
	var out *sparekey.Flow
	err := db.write(ctx, func(t *tx) error {
		f, proofs, err := t.mayAct(a)
		if err != nil {
			return err
		}
		if f.Others, err = t.endSessions(f, a); err != nil {
			return err
		}
		if err := t.close(f, a.Turn.Now); err != nil {
			return err
		}
		n, err := t.exec(`
			UPDATE accounts SET password_epoch = password_epoch + 1, drop_second = 0
			 WHERE id = $1 AND password_epoch = $2 AND ways_epoch = $3 AND disabled = 0`,
			f.Account, f.Epochs.Password, f.Epochs.Ways)
		if err != nil {
			return err
		}
		if n == 0 {
			return sparekey.ErrChanged
		}
		f.Epochs.Password++
		if err := t.putPassword(f.Account, a); err != nil {
			return err
		}
		if err := t.proveIdentifiers(f, proofs, a); err != nil {
			return err
		}
		if err := t.sleep(f, a.Turn.Now); err != nil {
			return err
		}
		if err := t.restore(f, a.Turn.Now); err != nil {
			return err
		}
		if err := t.letIn(f, a); err != nil {
			return err
		}
		e := a.Event
		e.Account, e.How, e.Others = f.Account, waysOf(proofs), f.Others
		if err := t.announce(sparekey.PasswordChangedMessage, e); err != nil {
			return err
		}
		if err := t.secured(f, a.Turn.Now); err != nil {
			return err
		}
		if err := t.useUp(f); err != nil {
			return err
		}
		out = f
		return t.callOff(f, a)
	})
	if err != nil {
		return nil, fmt.Errorf("set password: %w", err)
	}
	return out, nil
}

// endSessions ends the sessions and the known browsers of the account and
// gives the number of sessions that could have been used. The session that the
// flow was begun in stays: it is re-issued.
func (t *tx) endSessions(f *sparekey.Flow, a Acting) (int, error) {
	others, err := t.live(f.Account, f.Session, a.Turn.Now)
	if err != nil {
		return 0, err
	}
	_, err = t.exec(`
		UPDATE sessions SET ended = $1 WHERE account = $2 AND id <> $3 AND ended = 0 AND expires > $1 AND password_epoch = $4`,
		micros(a.Turn.Now), f.Account, f.Session, f.Epochs.Password)
	if err != nil {
		return 0, fmt.Errorf("end sessions: %w", err)
	}
	if _, err := t.exec(`DELETE FROM browsers WHERE account = $1`, f.Account); err != nil {
		return 0, fmt.Errorf("forget browsers: %w", err)
	}
	if err := t.endApprovals(f.Account); err != nil {
		return 0, err
	}
	return others, t.changed(f.Account)
}

func (t *tx) putPassword(account string, a Acting) error {
	now := micros(a.Turn.Now)
	n, err := t.exec(`
		UPDATE credentials SET data = $1, changed = $2 WHERE account = $3 AND kind = 'password' AND dropped = 0`,
		a.Password, now, account)
	if err != nil || n == 1 {
		return err
	}
	_, err = t.exec(`
		INSERT INTO credentials (id, account, kind, data, added, changed, dropped, asleep, last_step)
		VALUES ($1, $2, 'password', $3, $4, $4, 0, 0, 0)`, a.Event.ID, account, a.Password, now)
	return err
}

// proveIdentifiers marks the address of an account that an operator added as
// proved, if it was proved here. Nothing else proves an identifier that exists.
func (t *tx) proveIdentifiers(f *sparekey.Flow, proofs []sparekey.Proof, a Acting) error {
	for _, p := range proofs {
		if p.Way != sparekey.ByMail {
			continue
		}
		_, err := t.exec(`UPDATE identifiers SET proved = $1 WHERE id = $2 AND account = $3 AND proved = 0`,
			micros(a.Turn.Now), p.Place, f.Account)
		if err != nil {
			return fmt.Errorf("prove identifier: %w", err)
		}
	}
	return nil
}

// letIn makes the browser known, and re-issues the session that the flow was
// begun in. A recovery opens no session: the new password does (A48).
func (t *tx) letIn(f *sparekey.Flow, a Acting) error {
	if f.Session != "" {
		n, err := t.exec(`
			UPDATE sessions SET token_hash = $1, password_epoch = $2, known = $3 WHERE id = $4 AND account = $5 AND ended = 0`,
			a.Open.TokenHash, f.Epochs.Password, a.Open.Known, f.Session, f.Account)
		if err != nil {
			return fmt.Errorf("re-issue session: %w", err)
		}
		if n == 0 {
			return sparekey.ErrExpired // a flow ends with its session
		}
	}
	if err := t.addBrowser(f.Account, f.Epochs, a.Open); err != nil {
		return err
	}
	return t.turn(a.Turn)
}

// announce writes an event into the journal, and a message about it to every
// proved address of its account and to those that were dropped within the last
// seven days. A number is told of what changes who can get in, and of nothing
// else: each text message costs.
func (t *tx) announce(kind sparekey.MessageKind, e sparekey.Event) error {
	_, err := t.announced(kind, e)
	return err
}

// announced is announce for those who want to say how many addresses are told.
func (t *tx) announced(kind sparekey.MessageKind, e sparekey.Event) (told int, err error) {
	if err := t.addEvent(e); err != nil {
		return 0, err
	}
	also := email
	switch kind {
	case sparekey.PasswordChangedMessage, sparekey.WayAddedMessage, sparekey.WayDroppedMessage:
		also = phone
	}
	var to []string
	err = t.rows(`
		SELECT id FROM identifiers
		 WHERE account = $1 AND kind IN ('email', $3) AND proved > 0 AND (dropped = 0 OR dropped > $2) ORDER BY id`,
		[]any{e.Account, micros(e.Facts.At.Add(-sparekey.DroppedTold)), also},
		func(scan func(...any) error) error {
			var i string
			err := scan(&i)
			to = append(to, i)
			return err
		})
	if err != nil {
		return 0, fmt.Errorf("list whom to tell: %w", err)
	}
	phones, err := t.pushes(kind, e.Account)
	if err != nil {
		return 0, err
	}
	return len(to), t.addNotices(kind, e, append(to, phones...))
}

// addNotices writes the messages about an event to the identifiers.
func (t *tx) addNotices(kind sparekey.MessageKind, e sparekey.Event, to []string) error {
	due := e.Facts.At
	if kind == sparekey.HalfSignInMessage { // not if the other half follows
		due = due.Add(sparekey.HalfAfter)
	}
	for n, i := range to {
		err := t.addMessage(&sparekey.Message{
			ID: e.ID + "-" + strconv.Itoa(n), Kind: kind, Account: e.Account, Identifier: i, Event: e.ID,
			RunAt: due, DropAfter: e.Facts.At.Add(sparekey.NoticeLife),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func waysOf(proofs []sparekey.Proof) []sparekey.WayKind {
	var ways []sparekey.WayKind
	for _, p := range proofs {
		ways = append(ways, p.Way)
	}
	return ways
}

// SignInByFlow ends a recovery whose last page was given the password that the
// account has already: nothing changes but that the session opens which
// sign-in would have opened. Nothing was taken back either, and the link of a notice
// that the recovery was begun from goes on working.
func (db *DB) SignInByFlow(ctx context.Context, a Acting) (*sparekey.Flow, error) {
	var out *sparekey.Flow
	err := db.write(ctx, func(t *tx) error {
		f, proofs, err := t.mayAct(a)
		if err != nil {
			return err
		}
		f.Same = true
		if err := t.openByFlow(f, proofs, a); err != nil {
			return err
		}
		if err := t.proveIdentifiers(f, proofs, a); err != nil {
			return err
		}
		if err := t.callOff(f, a); err != nil {
			return err
		}
		if err := t.useUp(f); err != nil {
			return err
		}
		out = f
		return t.turn(a.Turn)
	})
	if err != nil {
		return nil, fmt.Errorf("sign in by flow: %w", err)
	}
	return out, nil
}

// openByFlow opens the session that the proofs of a flow are enough for, and
// closes the flow. They count in the session.
func (t *tx) openByFlow(f *sparekey.Flow, proofs []sparekey.Proof, a Acting) error {
	account, err := t.account(f.Account)
	if err != nil {
		return err
	}
	switch {
	case account == nil || account.Epochs != f.Epochs || !account.Disabled.IsZero() || f.Purpose == sparekey.SignIn && !account.DeleteAt.IsZero():
		return sparekey.ErrChanged
	case !sparekey.SignIn.Enough(proofs, sparekey.Demand{Two: account.TwoProofs, High: t.high}):
		return sparekey.ErrOutOfStep
	}
	if err := t.close(f, a.Turn.Now); err != nil {
		return err
	}
	a.Open.How = waysOf(proofs)
	known, err := t.openSession(f.Account, f.Epochs, a.Open)
	if err != nil {
		return err
	}
	// Not what an app has approved: that was the sign-in alone (A67).
	if _, err := t.exec(`UPDATE proofs SET session = $1 WHERE flow = $2 AND way <> $3`, a.Open.Session, f.ID, sparekey.ByApp); err != nil {
		return fmt.Errorf("count proofs in the session: %w", err)
	}
	if err := t.whole(f); err != nil {
		return err
	}
	e := a.Event
	e.Account, e.How = f.Account, a.Open.How
	return t.signedIn(e, known)
}

// AddPasswordProof writes that the flow's last page was given the current
// password. Such a proof counts towards signing in and towards nothing else.
func (db *DB) AddPasswordProof(ctx context.Context, f *sparekey.Flow, p sparekey.Proof) error {
	err := db.write(ctx, func(t *tx) error {
		_, err := t.exec(`
			INSERT INTO proofs (challenge, flow, account, way, place, session, at)
			SELECT $1, id, account, $2, $3, '', $4 FROM flows
			 WHERE id = $5 AND step = 'act' AND ghost = FALSE AND password_epoch = $6
			ON CONFLICT (challenge) DO NOTHING`,
			p.Challenge, p.Way, p.Place, micros(p.At), f.ID, f.Epochs.Password)
		return err
	})
	if err != nil {
		return fmt.Errorf("write proof: %w", err)
	}
	return nil
}
