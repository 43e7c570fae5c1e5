package store

import (
	"context"
	"fmt"

	"sparekey"
)

// A HalfSignIn is a right first proof of an account that asks for two: the flow
// in which the second one is asked for.
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
}

// HalfSignIn writes the flow in which a second proof is asked for, with the
// first one. Its owner is told, unless the browser is known or the second proof
// follows soon. A credential that changed since it was looked up begins nothing.
func (db *DB) HalfSignIn(ctx context.Context, h HalfSignIn) error {
	err := db.write(ctx, func(t *tx) error {
		if err := t.holdAccount(`$1`, h.View.Account); err != nil {
			return err
		}
		a, err := t.account(h.View.Account)
		if err != nil {
			return err
		}
		if a == nil || a.Epochs.Password != h.View.Epochs.Password || !a.Disabled.IsZero() || !a.DeleteAt.IsZero() {
			return sparekey.ErrSignIn
		}
		h.Flow.Epochs = a.Epochs
		began, err := t.addFlow(h.Flow)
		if err != nil || !began { // a second click
			return err
		}
		if err := t.use(h.Flow, Proving{Use: h.Use, Turn: h.Turn}); err != nil {
			return err
		}
		err = t.addProof(h.Flow, &sparekey.Challenge{ID: h.Proof.Challenge, Way: h.Proof.Way}, h.Proof.Place, h.Proof.At)
		if err == nil && h.Challenge != nil {
			err = t.addChallenge(h.Challenge)
		}
		if err == nil {
			err = t.rehashed(h.View, h.Rehashed)
		}
		if err == nil {
			_, err = t.exec(`UPDATE spends SET good = TRUE WHERE id = $1`, h.Try)
		}
		if err == nil && h.View.Known == "" {
			e := h.Event
			e.Account = a.ID
			err = t.announce(sparekey.HalfSignInMessage, e)
		}
		if err != nil {
			return err
		}
		return t.turn(h.Turn)
	})
	if err != nil {
		return fmt.Errorf("ask for a second proof: %w", err)
	}
	return nil
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
