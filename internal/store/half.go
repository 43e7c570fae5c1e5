package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"sparekey"
)

// A HalfSignIn is a right first proof, and the flow in which a second one is
// asked for if the account asks for two.
type HalfSignIn struct {
	View      SignInView
	Flow      *sparekey.Flow
	Challenge *sparekey.Challenge // of the way that is asked for first; nil: the person chooses
	Proof     sparekey.Proof
	Use       *Use   // of the credential that proved it; nil for a password
	Try       string // the spend of a password; else empty
	Rehashed  string // the password in its new stored form; empty to leave it
	Turn      Turn
	Event     sparekey.Event
	Acting    Acting // what follows if one proof is enough
}

// HalfSignIn writes the flow of a sign-in with its first proof. If that is
// enough, it opens the session and reports so. Else the account's owner is told,
// unless the browser is known or the second proof follows soon. A credential that
// changed since it was looked up begins nothing. The exact repeat of a form is
// answered as it was the first time, for a minute and as long as the flow has not
// gone on; then it is refused with sparekey.ErrReplay. Another form with an answer
// that was given before is refused with sparekey.ErrUsed.
func (db *DB) HalfSignIn(ctx context.Context, h HalfSignIn) (done bool, err error) {
	err = db.write(ctx, func(t *tx) error {
		done, err = t.halfSignIn(h)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("sign in by a flow: %w", err)
	}
	return done, nil
}

func (t *tx) halfSignIn(h HalfSignIn) (done bool, err error) {
	if err := t.holdAccount(`$1`, h.View.Account); err != nil {
		return false, err
	}
	a, err := t.account(h.View.Account)
	if err != nil {
		return false, err
	}
	if a == nil || a.Epochs.Password != h.View.Epochs.Password || !a.Disabled.IsZero() || !a.DeleteAt.IsZero() {
		return false, sparekey.ErrSignIn
	}
	f := *h.Flow
	f.Epochs = a.Epochs
	h.Proof.Account = a.ID
	f.Pass([]sparekey.Proof{h.Proof}, sparekey.Demand{Two: a.TwoProofs, High: t.high})
	began, err := t.addFlow(&f)
	if err != nil {
		return false, err
	}
	if !began { // a second click
		was, err := t.flow(t.db.flowEpoch(), f.ID)
		if err == nil && (was.OldBrowser != h.Turn.Browser || !h.Turn.Now.Before(was.OldUntil)) {
			err = sparekey.ErrReplay
		}
		return err == nil && was.Step == sparekey.Done, err
	}
	if err := t.use(&f, Proving{Use: h.Use, Turn: h.Turn}); err != nil {
		return false, err
	}
	if err := t.addProof(&f, &sparekey.Challenge{ID: h.Proof.Challenge, Way: h.Proof.Way}, h.Proof.Place, h.Proof.At); err != nil {
		return false, err
	}
	if err := t.rehashed(h.View, h.Rehashed); err != nil {
		return false, err
	}
	if _, err := t.exec(`UPDATE spends SET good = TRUE WHERE id = $1`, h.Try); err != nil {
		return false, err
	}
	if f.Step == sparekey.Act {
		f.LastKey = h.Acting.Key
		err = t.openByFlow(&f, []sparekey.Proof{h.Proof}, h.Acting)
	} else {
		err = t.askSecond(&f, h)
	}
	if err != nil {
		return false, err
	}
	return f.Step == sparekey.Done, t.turn(h.Turn)
}

// askSecond opens the challenge of the second proof, if there is one to begin
// with, and tells the account's owner.
func (t *tx) askSecond(f *sparekey.Flow, h HalfSignIn) error {
	if h.Challenge != nil {
		if err := t.addChallenge(h.Challenge); err != nil {
			return err
		}
	}
	if h.View.Known != "" {
		return nil
	}
	e := h.Event
	e.Account, e.How = f.Account, []sparekey.WayKind{h.Proof.Way}
	return t.announce(sparekey.HalfSignInMessage, e)
}

// HalfEvent is the id of the event that a sign-in waits for its second proof.
func HalfEvent(flow string) string { return flow + "-half" }

// whole takes back what tells that a sign-in waits for its second proof, unless
// it has been told.
func (t *tx) whole(f *sparekey.Flow) error {
	n, err := t.exec(`
		DELETE FROM outbox WHERE kind = 'half-sign-in' AND event = $1 AND state = 'waiting' AND attempt = 0
		   AND identifier <> '' AND identifier IN (SELECT id FROM identifiers WHERE account = $2)`, HalfEvent(f.ID), f.Account)
	if err == nil && n > 0 {
		_, err = t.exec(`DELETE FROM events WHERE id = $1`, HalfEvent(f.ID))
	}
	if err != nil {
		return fmt.Errorf("call the notice off: %w", err)
	}
	return nil
}

// rehashed writes a password in its new stored form. It raises no epoch: the
// password is the same.
func (t *tx) rehashed(v SignInView, stored string) error {
	if stored == "" {
		return nil
	}
	_, err := t.exec(`UPDATE credentials SET data = $1 WHERE account = $2 AND kind = 'password' AND dropped = 0 AND data = $3`,
		stored, v.Account, v.Password)
	return err
}

// AccountView gives what a sign-in looks up, for an account whose owner is known
// by something else than what was typed.
func (db *DB) AccountView(ctx context.Context, account, knownHash string, now time.Time) (SignInView, error) {
	var v SignInView
	err := db.read(ctx).row(`
		SELECT a.id, a.password_epoch, a.ways_epoch, a.two_proofs, a.disabled, a.delete_at, COALESCE(b.id, '')
		  FROM accounts a
		  LEFT JOIN browsers b ON b.hash = $1 AND b.account = a.id AND b.password_epoch = a.password_epoch
		       AND b.install_epoch = $2 AND b.expires > $3
		 WHERE a.id = $4`,
		[]any{knownHash, db.epoch, micros(now), account},
		&v.Account, &v.Epochs.Password, &v.Epochs.Ways, &v.Two, when{&v.Disabled}, when{&v.DeleteAt}, &v.Known)
	if errors.Is(err, sql.ErrNoRows) {
		return SignInView{}, nil
	}
	if err != nil {
		return SignInView{}, fmt.Errorf("look up sign-in: %w", err)
	}
	return v, nil
}
