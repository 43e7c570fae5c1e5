package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"sparekey"
)

// A Registering is an account about to be made of a flow whose address was
// proved just now.
type Registering struct {
	Challenge  *sparekey.Challenge
	Account    string // the new ids
	Identifier string
	Credential string
	Kind       string // of the identifier, its normal form and its bytes
	Key        string
	Shown      string
	Password   string // the stored form
	Lang       string
	Open       Opening
	Turn       Turn
	Event      sparekey.Event
}

// Register proves the address and makes the account, in one transaction, and
// opens its first session in the browser that asked (A56). It reports
// sparekey.ErrTaken if somebody proved the address in another browser first.
func (db *DB) Register(ctx context.Context, r Registering) (*sparekey.Flow, error) {
	var out *sparekey.Flow
	err := db.write(ctx, func(t *tx) error {
		f, err := t.prove(Proving{Challenge: r.Challenge, Place: r.Challenge.Identifier, Turn: r.Turn})
		if err != nil {
			return err
		}
		if f.Step != sparekey.Act || f.Purpose != sparekey.Register {
			return sparekey.ErrOutOfStep
		}
		now := micros(r.Turn.Now)
		_, err = t.exec(`
			INSERT INTO accounts (id, password_epoch, ways_epoch, two_proofs, name, lang, disabled, delete_at, created)
			VALUES ($1, 1, 1, FALSE, '', $2, 0, 0, $3)`, r.Account, r.Lang, now)
		if err != nil {
			return err
		}
		n, err := t.exec(`
			INSERT INTO identifiers (id, account, kind, key, shown, added, proved, dropped)
			VALUES ($1, $2, $3, $4, $5, $6, $6, 0) ON CONFLICT (kind, key) DO NOTHING`,
			r.Identifier, r.Account, r.Kind, r.Key, r.Shown, now)
		if err != nil {
			return err
		}
		if n == 0 {
			return sparekey.ErrTaken
		}
		_, err = t.exec(`
			INSERT INTO credentials (id, account, kind, data, added, changed, dropped, asleep, last_step)
			VALUES ($1, $2, 'password', $3, $4, $4, 0, 0, 0)`, r.Credential, r.Account, r.Password, now)
		if err != nil {
			return err
		}
		// The proof counts in the session that it opens.
		_, err = t.exec(`UPDATE proofs SET account = $1, place = $2, session = $3 WHERE challenge = $4`,
			r.Account, r.Identifier, r.Open.Session, r.Challenge.ID)
		if err != nil {
			return err
		}
		f.LastKey = r.Turn.Key
		if err := t.close(f, r.Turn.Now); err != nil {
			return err
		}
		if _, err := t.openSession(r.Account, sparekey.Epochs{Password: 1, Ways: 1}, r.Open); err != nil {
			return err
		}
		e := r.Event
		e.Account, e.How = r.Account, r.Open.How
		out = f
		return t.addEvent(e)
	})
	if err != nil {
		return nil, fmt.Errorf("register: %w", err)
	}
	return out, nil
}

// AddAccount writes an account of an operator's: an address that nobody has
// proved, perhaps a login name, and no way in but a recovery by mail. It
// reports sparekey.ErrTaken if one of them is in use, and sparekey.ErrLogin if
// the login name was given up and is still kept from others.
func (db *DB) AddAccount(ctx context.Context, a *sparekey.Account, ids []sparekey.Identifier, e sparekey.Event) error {
	err := db.write(ctx, func(t *tx) error {
		_, err := t.exec(`
			INSERT INTO accounts (id, password_epoch, ways_epoch, two_proofs, name, lang, disabled, delete_at, created)
			VALUES ($1, 1, 1, FALSE, '', $2, 0, 0, $3)`, a.ID, a.Lang, micros(a.Created))
		if err != nil {
			return err
		}
		for _, i := range ids {
			n, err := t.exec(`
				INSERT INTO identifiers (id, account, kind, key, shown, added, proved, dropped)
				VALUES ($1, $2, $3, $4, $5, $6, $7, 0) ON CONFLICT (kind, key) DO NOTHING`,
				i.ID, a.ID, i.Kind, i.Key, i.Shown, micros(i.Added), micros(i.Proved))
			if err != nil {
				return err
			}
			if n == 0 {
				return sparekey.ErrTaken
			}
			if err := t.notKept(a, i); err != nil {
				return err
			}
		}
		return t.addEvent(e)
	})
	if err != nil {
		return fmt.Errorf("add account: %w", err)
	}
	return nil
}

// notKept reports sparekey.ErrLogin if an identifier that the account was just
// given is a login name that somebody gave up not long ago.
func (t *tx) notKept(a *sparekey.Account, i sparekey.Identifier) error {
	if i.Kind != "login" {
		return nil
	}
	free, err := t.loginFree(a.ID, i.Key, a.Created)
	if err == nil && !free {
		return sparekey.ErrLogin
	}
	return err
}

// AccountBy gives the account that holds an identifier, proved or not. It is
// for the operator: no request of a stranger comes here.
func (db *DB) AccountBy(ctx context.Context, kind, key string) (*sparekey.Account, error) {
	c := db.read(ctx)
	var id string
	err := c.row(`SELECT account FROM identifiers WHERE kind = $1 AND key = $2 AND dropped = 0`, []any{kind, key}, &id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, sparekey.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("find account: %w", err)
	}
	return db.Account(ctx, id)
}

// Account gives an account by its id. It reports sparekey.ErrNotFound.
func (db *DB) Account(ctx context.Context, id string) (*sparekey.Account, error) {
	a, err := db.read(ctx).account(id)
	if err == nil && a == nil {
		err = sparekey.ErrNotFound
	}
	return a, err
}

// Accounts lists accounts by the time they were made, the newest first, at most
// max of those made before a moment.
func (db *DB) Accounts(ctx context.Context, before time.Time, max int) ([]sparekey.Account, error) {
	var list []sparekey.Account
	err := db.read(ctx).rows(`
		SELECT id, name, lang, disabled, delete_at, created FROM accounts WHERE created < $1 ORDER BY created DESC, id LIMIT $2`,
		[]any{micros(before), max}, func(scan func(...any) error) error {
			var a sparekey.Account
			err := scan(&a.ID, &a.Name, &a.Lang, when{&a.Disabled}, when{&a.DeleteAt}, when{&a.Created})
			list = append(list, a)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	return list, nil
}

// Identifiers lists the identifiers that an account has in use, the first
// added first.
func (db *DB) Identifiers(ctx context.Context, account string) ([]sparekey.Identifier, error) {
	var list []sparekey.Identifier
	err := db.read(ctx).rows(`
		SELECT id, account, kind, key, shown, added, proved, dropped, asleep FROM identifiers
		 WHERE account = $1 AND dropped = 0 ORDER BY added, id`, []any{account},
		func(scan func(...any) error) error {
			var i sparekey.Identifier
			err := scan(&i.ID, &i.Account, &i.Kind, &i.Key, &i.Shown, when{&i.Added}, when{&i.Proved}, when{&i.Dropped}, when{&i.Asleep})
			list = append(list, i)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("list identifiers: %w", err)
	}
	return list, nil
}

// PasswordOf gives the stored form of an account's password; empty if it has
// none. It is asked after a proof only.
func (db *DB) PasswordOf(ctx context.Context, account string) (string, error) {
	var data string
	err := db.read(ctx).row(`SELECT COALESCE(MAX(data), '') FROM credentials
		WHERE account = $1 AND kind = 'password' AND dropped = 0`, []any{account}, &data)
	if err != nil {
		return "", fmt.Errorf("read password: %w", err)
	}
	return data, nil
}

// Pause pauses an account, and tells its owner: its sessions, known browsers and
// flows end, and a recovery finds nobody. It gives the number of addresses that
// are told, and reports sparekey.ErrChanged if the account is paused already.
func (db *DB) Pause(ctx context.Context, e sparekey.Event) (told int, err error) {
	return db.turnPause(ctx, e, sparekey.PausedMessage, `
		UPDATE accounts SET disabled = $1, password_epoch = password_epoch + 1, ways_epoch = ways_epoch + 1
		 WHERE id = $2 AND disabled = 0`, micros(e.Facts.At), e.Account)
}

// Unpause lets a paused account go on, and tells its owner. What was ended by
// the pause stays ended. It gives the number of addresses that are told, and
// reports sparekey.ErrChanged if the account is not paused.
func (db *DB) Unpause(ctx context.Context, e sparekey.Event) (told int, err error) {
	return db.turnPause(ctx, e, sparekey.UnpausedMessage, `UPDATE accounts SET disabled = 0 WHERE id = $1 AND disabled > 0`, e.Account)
}

func (db *DB) turnPause(ctx context.Context, e sparekey.Event, kind sparekey.MessageKind, query string, args ...any) (told int, err error) {
	err = db.write(ctx, func(t *tx) error {
		n, err := t.exec(query, args...)
		if err != nil {
			return err
		}
		if n == 0 {
			return sparekey.ErrChanged
		}
		if err := t.changed(e.Account); err != nil {
			return err
		}
		if kind == sparekey.PausedMessage {
			if _, err := t.endAll(e.Account, e.Facts.At); err != nil {
				return err
			}
		}
		told, err = t.announced(kind, e)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("pause account: %w", err)
	}
	return told, nil
}

// TellRecover writes the message by which an operator asks a person to choose
// a new password, to every address of the account, proved or not.
func (db *DB) TellRecover(ctx context.Context, e sparekey.Event) (int, error) {
	told := 0
	err := db.write(ctx, func(t *tx) error {
		var to []string
		err := t.rows(`SELECT id FROM identifiers WHERE account = $1 AND kind = 'email' AND dropped = 0 ORDER BY id`,
			[]any{e.Account}, func(scan func(...any) error) error {
				var i string
				err := scan(&i)
				to = append(to, i)
				return err
			})
		if err != nil {
			return err
		}
		told = len(to)
		if err := t.addNotices(sparekey.RecoverMessage, e, to); err != nil {
			return err
		}
		return t.addEvent(e)
	})
	if err != nil {
		return 0, fmt.Errorf("ask to recover: %w", err)
	}
	return told, nil
}

// LastEvent gives the newest event of one kind of an account before a moment.
// It gives nil if there is none.
func (db *DB) LastEvent(ctx context.Context, account string, kind sparekey.EventKind, before time.Time) (*sparekey.Event, error) {
	events, err := db.read(ctx).events(`account = $1 AND kind = $2 AND at < $3 ORDER BY at DESC, id LIMIT 1`,
		account, kind, micros(before))
	if err != nil || len(events) == 0 {
		return nil, err
	}
	return &events[0], nil
}

// Events lists the journal of an account since a moment, the newest first, at
// most max of it.
func (db *DB) Events(ctx context.Context, account string, since time.Time, max int) ([]sparekey.Event, error) {
	return db.read(ctx).events(`account = $1 AND at >= $2 ORDER BY at DESC, id LIMIT $3`, account, micros(since), max)
}

// FailedTries lists the passwords of an account that were tried since a moment
// and let nobody in, the newest first, at most max of them.
func (db *DB) FailedTries(ctx context.Context, account string, since time.Time, max int) ([]sparekey.Facts, error) {
	var list []sparekey.Facts
	err := db.read(ctx).rows(`
		SELECT at, asked_from, asked_on FROM spends
		 WHERE subject = $1 AND kind = 'password' AND lane NOT LIKE 'flow:%' AND good = FALSE AND at >= $2
		 ORDER BY at DESC, id LIMIT $3`, []any{account, micros(since), max},
		func(scan func(...any) error) error {
			var f sparekey.Facts
			err := scan(when{&f.At}, &f.From, &f.On)
			list = append(list, f)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("list failed tries: %w", err)
	}
	return list, nil
}

// Credentials lists the ways an account has beside its identifiers, the first
// added first, and those that were dropped and can still be taken back. It gives nothing that opens anything.
func (db *DB) Credentials(ctx context.Context, account string) ([]sparekey.Credential, error) {
	var list []sparekey.Credential
	err := db.read(ctx).rows(`
		SELECT id, kind, name, added, changed, dropped, asleep FROM credentials WHERE account = $1 ORDER BY added, id`,
		[]any{account}, func(scan func(...any) error) error {
			var c sparekey.Credential
			err := scan(&c.ID, &c.Kind, &c.Name, when{&c.Added}, when{&c.Changed}, when{&c.Dropped}, when{&c.Asleep})
			list = append(list, c)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("list credentials: %w", err)
	}
	return list, nil
}

func (c conn) events(where string, args ...any) ([]sparekey.Event, error) {
	var list []sparekey.Event
	err := c.rows(`SELECT id, account, kind, how, others, about, at, asked_from, asked_on FROM events WHERE `+where, args,
		func(scan func(...any) error) error {
			var e sparekey.Event
			var how string
			err := scan(&e.ID, &e.Account, &e.Kind, &how, &e.Others, &e.About, when{&e.Facts.At}, &e.Facts.From, &e.Facts.On)
			e.How = sparekey.SplitWays(how)
			list = append(list, e)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	return list, nil
}
