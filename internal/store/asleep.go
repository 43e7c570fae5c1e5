package store

import (
	"fmt"
	"time"

	"sparekey"
)

// sleep puts every young way of the account to sleep that was not proved in the
// recovery: it opens nothing until the owner wakes it by an older proof (DESIGN
// rule 11). In one that goes back before an event, all that came since is young.
func (t *tx) sleep(f *sparekey.Flow, now time.Time) error {
	if f.Purpose != sparekey.Recover {
		return nil
	}
	before, err := t.takesBack(f)
	if err != nil {
		return err
	}
	since := now.Add(-sparekey.YoungFor)
	if !before.IsZero() && before.Before(since) {
		since = before.Add(-time.Microsecond)
	}
	for _, table := range []string{
		`credentials SET asleep = $1 WHERE kind <> 'password'`,
		`identifiers SET asleep = $1 WHERE kind <> 'login'`,
	} {
		_, err := t.exec(`
			UPDATE `+table+` AND account = $2 AND asleep = 0 AND added > $3
			   AND added > (SELECT created FROM accounts WHERE id = $2)
			   AND id NOT IN (SELECT place FROM proofs WHERE flow = $4)`,
			micros(now), f.Account, micros(since), f.ID)
		if err != nil {
			return fmt.Errorf("put young ways to sleep: %w", err)
		}
	}
	return nil
}

// restore gives the account back what it had before the event that the recovery
// goes back to: what was dropped since, and whether it asks for two proofs. Of a
// way that an account has one of, the one that has come since makes room.
func (t *tx) restore(f *sparekey.Flow, now time.Time) error {
	before, err := t.takesBack(f)
	if err != nil || before.IsZero() {
		return err
	}
	a, err := t.account(f.Account)
	if err != nil {
		return err
	}
	d, err := t.demand(f, a)
	if err != nil {
		return err
	}
	if _, err := t.exec(`UPDATE accounts SET two_proofs = $1 WHERE id = $2`, d.Two, f.Account); err != nil {
		return fmt.Errorf("ask for as many proofs as before: %w", err)
	}
	_, err = t.exec(`
		UPDATE credentials SET dropped = $1
		 WHERE account = $2 AND dropped = 0 AND added >= $3 AND kind IN ('saved', 'totp') AND EXISTS (
			SELECT 1 FROM credentials o WHERE o.account = $2 AND o.kind = credentials.kind AND o.added < $3 AND o.dropped >= $3)`,
		micros(now), f.Account, micros(before))
	if err == nil {
		_, err = t.exec(`
			UPDATE credentials SET dropped = 0
			 WHERE account = $1 AND added < $2 AND dropped >= $2 AND (kind NOT IN ('saved', 'totp') OR NOT EXISTS (
				SELECT 1 FROM credentials o WHERE o.account = $1 AND o.kind = credentials.kind AND o.id <> credentials.id AND o.added < $2
				   AND (o.dropped = 0 OR o.dropped > credentials.dropped)))`,
			f.Account, micros(before))
	}
	if err == nil {
		_, err = t.exec(`UPDATE identifiers SET dropped = 0 WHERE account = $1 AND kind <> 'login' AND added < $2 AND dropped >= $2`,
			f.Account, micros(before))
	}
	if err != nil {
		return fmt.Errorf("take back what was dropped: %w", err)
	}
	return nil
}
