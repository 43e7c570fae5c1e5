package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"sparekey"
)

// setting does what a flow about one setting of its account is for, in one
// transaction: the policy is asked again, and the flow is closed.
func (db *DB) setting(ctx context.Context, a Acting, do func(t *tx, f *sparekey.Flow, e sparekey.Event) error) (*sparekey.Flow, error) {
	var out *sparekey.Flow
	err := db.write(ctx, func(t *tx) error {
		f, proofs, err := t.mayAct(a)
		if err != nil {
			return err
		}
		if err := t.close(f, a.Turn.Now); err != nil {
			return err
		}
		e := a.Event
		e.Account, e.How = f.Account, waysOf(proofs)
		out = f
		return do(t, f, e)
	})
	if err != nil {
		return nil, fmt.Errorf("act: %w", err)
	}
	return out, nil
}

// nameHash is how a login name that was given up is kept.
func nameHash(key string) string {
	sum := sha256.Sum256([]byte("login\x00" + key))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// SetLogin gives the account the login name i, and keeps the one it had before
// from others for a year. It reports sparekey.ErrLogin if somebody else has it.
func (db *DB) SetLogin(ctx context.Context, a Acting, i sparekey.Identifier) (*sparekey.Flow, error) {
	return db.setting(ctx, a, func(t *tx, f *sparekey.Flow, e sparekey.Event) error {
		if err := t.hold("login " + i.Key); err != nil {
			return err
		}
		free, err := t.loginFree(f.Account, i.Key, a.Turn.Now)
		if err != nil {
			return err
		}
		if !free {
			return sparekey.ErrLogin
		}
		if err := t.dropLogin(f.Account, f.Account, a.Turn.Now); err != nil {
			return err
		}
		now := micros(a.Turn.Now)
		n, err := t.exec(`
			INSERT INTO identifiers (id, account, kind, key, shown, added, proved, dropped)
			VALUES ($1, $2, $3, $4, $5, $6, $6, 0) ON CONFLICT (kind, key) DO NOTHING`,
			i.ID, f.Account, i.Kind, i.Key, i.Shown, now)
		if err != nil {
			return fmt.Errorf("add login name: %w", err)
		}
		if n == 0 {
			return sparekey.ErrLogin
		}
		n, err = t.exec(`UPDATE accounts SET ways_epoch = ways_epoch + 1 WHERE id = $1 AND password_epoch = $2 AND ways_epoch = $3`,
			f.Account, f.Epochs.Password, f.Epochs.Ways)
		if err != nil {
			return fmt.Errorf("raise epoch: %w", err)
		}
		if n == 0 {
			return sparekey.ErrChanged
		}
		if err := t.changed(f.Account); err != nil {
			return err
		}
		return t.announce(sparekey.LoginChosenMessage, e)
	})
}

// dropLogin takes the login name from an account, and keeps it for the account
// owner, or for nobody if that is empty.
func (t *tx) dropLogin(account, owner string, now time.Time) error {
	var old string
	err := t.row(`DELETE FROM identifiers WHERE account = $1 AND kind = 'login' RETURNING key`, []any{account}, &old)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("drop login name: %w", err)
	}
	_, err = t.exec(`
		INSERT INTO names (hash, account, until) VALUES ($1, $2, $3)
		ON CONFLICT (hash) DO UPDATE SET account = excluded.account, until = excluded.until`,
		nameHash(old), owner, micros(now.Add(sparekey.NameKept)))
	if err != nil {
		return fmt.Errorf("keep login name: %w", err)
	}
	return nil
}

func (c conn) loginFree(account, key string, now time.Time) (bool, error) {
	var taken int
	err := c.row(`
		SELECT (SELECT COUNT(*) FROM identifiers WHERE kind = 'login' AND key = $1 AND account <> $2)
		     + (SELECT COUNT(*) FROM names WHERE hash = $3 AND account <> $2 AND until > $4)`,
		[]any{key, account, nameHash(key), micros(now)}, &taken)
	if err != nil {
		return false, fmt.Errorf("look up login name: %w", err)
	}
	return taken == 0, nil
}

// ProbeLogin reports whether the account may have a login name. Each name that
// is asked about is a spend of the account's: it reports sparekey.ErrProbes
// when it may ask about no more (A09).
func (db *DB) ProbeLogin(ctx context.Context, id, account, key string, now time.Time) (bool, error) {
	free := false
	err := db.write(ctx, func(t *tx) error {
		if err := t.hold(account); err != nil {
			return err
		}
		room, err := t.spend(Spend{ID: id, Subject: account, Kind: "login", Lane: "probe", Windows: sparekey.LoginProbes(), Now: now})
		if err != nil {
			return err
		}
		if !room {
			return sparekey.ErrProbes
		}
		free, err = t.loginFree(account, key, now)
		return err
	})
	if errors.Is(err, sparekey.ErrProbes) {
		return false, sparekey.ErrProbes
	}
	if err != nil {
		return false, fmt.Errorf("probe login name: %w", err)
	}
	return free, nil
}

// SetProfile writes how a person wants to be called, and the language of their
// mails.
func (db *DB) SetProfile(ctx context.Context, account, name, lang string) error {
	err := db.write(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE accounts SET name = $1, lang = $2 WHERE id = $3`, name, lang, account)
		return err
	})
	if err != nil {
		return fmt.Errorf("set profile: %w", err)
	}
	return nil
}

// Export closes a flow that lets the data of its account out.
func (db *DB) Export(ctx context.Context, a Acting) (*sparekey.Flow, error) {
	return db.setting(ctx, a, func(t *tx, _ *sparekey.Flow, e sparekey.Event) error { return t.addEvent(e) })
}

// PlanDeletion pauses the account at once and has it erased at the time given.
// Its sessions and known browsers end; a recovery calls it off.
func (db *DB) PlanDeletion(ctx context.Context, a Acting, at time.Time) (*sparekey.Flow, error) {
	return db.setting(ctx, a, func(t *tx, f *sparekey.Flow, e sparekey.Event) error {
		if _, err := t.planDeletion(e, at); err != nil {
			return err
		}
		return t.turn(a.Turn)
	})
}

func (t *tx) planDeletion(e sparekey.Event, at time.Time) (told int, err error) {
	if e.Others, err = t.endAll(e.Account, e.Facts.At); err != nil {
		return 0, err
	}
	n, err := t.exec(`UPDATE accounts SET delete_at = $1 WHERE id = $2 AND delete_at = 0`, micros(at), e.Account)
	if err != nil {
		return 0, fmt.Errorf("plan deletion: %w", err)
	}
	if n == 0 {
		return 0, sparekey.ErrChanged
	}
	return t.announced(sparekey.DeletionMessage, e)
}

// endAll ends every session of an account and forgets its browsers. It gives
// the number of sessions that could have been used.
func (t *tx) endAll(account string, now time.Time) (int, error) {
	n, err := t.live(account, "", now)
	if err != nil {
		return 0, err
	}
	_, err = t.exec(`UPDATE sessions SET ended = $1 WHERE account = $2 AND ended = 0`, micros(now), account)
	if err != nil {
		return 0, fmt.Errorf("end sessions: %w", err)
	}
	if _, err := t.exec(`DELETE FROM browsers WHERE account = $1`, account); err != nil {
		return 0, fmt.Errorf("forget browsers: %w", err)
	}
	if err := t.endApprovals(account); err != nil {
		return 0, err
	}
	return n, t.changed(account)
}

// callOff calls the planned deletion of the flow's account off, if there is
// one: a recovery was finished.
func (t *tx) callOff(f *sparekey.Flow, a Acting) error {
	n, err := t.exec(`UPDATE accounts SET delete_at = 0 WHERE id = $1 AND delete_at > 0`, f.Account)
	if err != nil {
		return fmt.Errorf("call deletion off: %w", err)
	}
	if n == 0 {
		return nil
	}
	return t.announce(sparekey.DeletionUndoneMessage, sparekey.Event{
		ID: a.Event.ID + "-off", Account: f.Account, Kind: sparekey.DeletionUndone, Facts: a.Event.Facts,
	})
}

// eraseBatch is how many accounts one sweep erases at most.
const eraseBatch = 50

// Erase removes the accounts whose time has come, with all they own. Their
// login names are kept from others, as hashes. It gives their number.
func (db *DB) Erase(ctx context.Context, now time.Time) (int64, error) {
	var erased int64
	err := db.write(ctx, func(t *tx) error {
		erased = 0
		var ids []string
		err := t.rows(`SELECT id FROM accounts WHERE delete_at > 0 AND delete_at <= $1 ORDER BY delete_at, id LIMIT $2`,
			[]any{micros(now), eraseBatch}, func(scan func(...any) error) error {
				var id string
				err := scan(&id)
				ids = append(ids, id)
				return err
			})
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := t.erase(id, now); err != nil {
				return err
			}
			erased++
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("erase accounts: %w", err)
	}
	return erased, nil
}

// erase removes an account whose deletion was not called off meanwhile.
func (t *tx) erase(account string, now time.Time) error {
	if err := t.hold(account); err != nil { // its phones write under the same
		return err
	}
	var due int64
	err := t.row(`UPDATE accounts SET disabled = $1 WHERE id = $2 AND delete_at > 0 AND delete_at <= $1 RETURNING delete_at`,
		[]any{micros(now), account}, &due)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := t.changed(account); err != nil {
		return err
	}
	if err := t.dropLogin(account, "", now); err != nil {
		return err
	}
	for _, query := range []string{
		`DELETE FROM outbox WHERE account = $1 OR flow IN (SELECT id FROM flows WHERE account = $1)`,
		`DELETE FROM flows WHERE account = $1`,
		`DELETE FROM charges WHERE subject = $1`,
		`DELETE FROM spends WHERE subject = $1 OR subject IN (SELECT id FROM identifiers WHERE account = $1)`,
		`DELETE FROM sessions WHERE account = $1`,
		`DELETE FROM browsers WHERE account = $1`,
		`DELETE FROM approvals WHERE account = $1`,
		`DELETE FROM subscriptions WHERE account = $1`,
		`DELETE FROM credentials WHERE account = $1`,
		`DELETE FROM identifiers WHERE account = $1`,
		`UPDATE names SET account = '' WHERE account = $1`,
		`DELETE FROM events WHERE account = $1`,
		`DELETE FROM accounts WHERE id = $1`,
	} {
		if _, err := t.exec(query, account); err != nil {
			return err
		}
	}
	return nil
}

// SignOutAll ends every session of an account and forgets its browsers, and
// tells its owner. It gives the numbers of sessions, and of addresses that are
// told.
func (db *DB) SignOutAll(ctx context.Context, e sparekey.Event) (ended, told int, err error) {
	err = db.write(ctx, func(t *tx) error {
		var err error
		if ended, err = t.endAll(e.Account, e.Facts.At); err != nil {
			return err
		}
		e.Others = ended
		told, err = t.announced(sparekey.SignedOutMessage, e)
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("sign out: %w", err)
	}
	return ended, told, nil
}

// Leave plans the deletion of an account for its operator. It gives the number
// of addresses that are told, and reports sparekey.ErrChanged if the deletion is
// planned already.
func (db *DB) Leave(ctx context.Context, e sparekey.Event, at time.Time) (told int, err error) {
	err = db.write(ctx, func(t *tx) error {
		told, err = t.planDeletion(e, at)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("delete account: %w", err)
	}
	return told, nil
}
