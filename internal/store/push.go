package store

import (
	"context"
	"fmt"
	"time"

	"sparekey"
)

// Subscribe keeps where an app is told what happens: in the place of what was kept
// before. It reports what keeps the app from it.
func (db *DB) Subscribe(ctx context.Context, app Stored, data string, now time.Time) error {
	err := db.write(ctx, func(t *tx) error {
		if err := t.hold(app.Account); err != nil {
			return err
		}
		if err := t.awakeApp(app.ID, now); err != nil {
			return err
		}
		_, err := t.exec(`
			INSERT INTO subscriptions (credential, account, data, added) VALUES ($1, $2, $3, $4)
			ON CONFLICT (credential) DO UPDATE SET data = excluded.data, added = excluded.added`,
			app.ID, app.Account, data, micros(now))
		return err
	})
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	return nil
}

// Unsubscribe forgets where an app was told, if it still is that place. An empty
// one is any.
func (db *DB) Unsubscribe(ctx context.Context, app, data string) error {
	err := db.write(ctx, func(t *tx) error {
		_, err := t.exec(`DELETE FROM subscriptions WHERE credential = $1 AND ($2 = '' OR data = $2)`, app, data)
		return err
	})
	if err != nil {
		return fmt.Errorf("unsubscribe: %w", err)
	}
	return nil
}

// Subscribed reports whether an app is told what happens.
func (db *DB) Subscribed(ctx context.Context, app string) (bool, error) {
	var n int
	err := db.read(ctx).row(`SELECT COUNT(*) FROM subscriptions WHERE credential = $1`, []any{app}, &n)
	if err != nil {
		return false, fmt.Errorf("look for a subscription: %w", err)
	}
	return n > 0, nil
}

// pushes lists the apps of an account that are told of a kind of notice. Nothing
// that a stranger can start makes a phone ring (A69).
func (t *tx) pushes(kind sparekey.MessageKind, account string) (to []string, err error) {
	switch kind {
	case sparekey.HalfSignInMessage, sparekey.RecoverMessage:
		return nil, nil
	}
	err = t.rows(`
		SELECT s.credential FROM subscriptions s JOIN credentials c ON c.id = s.credential JOIN accounts a ON a.id = s.account
		 WHERE s.account = $1 AND c.dropped = 0 AND c.asleep = 0 AND a.disabled = 0 ORDER BY s.credential`,
		[]any{account}, func(scan func(...any) error) error {
			var id string
			err := scan(&id)
			to = append(to, id)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("list phones to tell: %w", err)
	}
	return to, nil
}

// RenewPushKey keeps the key for push services sealed with a newer key.
func (db *DB) RenewPushKey(ctx context.Context, was, fresh string) error {
	err := db.write(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE meta SET value = $1 WHERE key = 'push' AND value = $2`, fresh, was)
		return err
	})
	if err != nil {
		return fmt.Errorf("renew the key for push services: %w", err)
	}
	return nil
}

// PushKey gives the key by which push services know this installation, sealed:
// the one that is there, or fresh where there is none.
func (db *DB) PushKey(ctx context.Context, fresh string) (key string, err error) {
	err = db.write(ctx, func(t *tx) error {
		_, err := t.exec(`INSERT INTO meta (key, value) VALUES ('push', $1) ON CONFLICT (key) DO NOTHING`, fresh)
		if err != nil {
			return err
		}
		return t.row(pushKey, nil, &key)
	})
	if err != nil {
		return "", fmt.Errorf("keep the key for push services: %w", err)
	}
	return key, nil
}

const pushKey = `SELECT value FROM meta WHERE key = 'push'`

// ReplacePushKey puts fresh in the place of a key that nobody can read any more, and
// forgets where phones were told: services take nothing there by another key. It
// gives the key that is there then: of two nodes one is faster.
func (db *DB) ReplacePushKey(ctx context.Context, was, fresh string) (key string, err error) {
	err = db.write(ctx, func(t *tx) error {
		n, err := t.exec(`UPDATE meta SET value = $1 WHERE key = 'push' AND value = $2`, fresh, was)
		if err == nil && n == 1 {
			_, err = t.exec(`DELETE FROM subscriptions`)
		}
		if err != nil {
			return err
		}
		return t.row(pushKey, nil, &key)
	})
	if err != nil {
		return "", fmt.Errorf("replace the key for push services: %w", err)
	}
	return key, nil
}
