package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"sparekey"
)

// Securable gives the account that an event happened to, and the identifier
// that was told of it, for the link of the notice. It reports
// sparekey.ErrNotFound if the link does not work any more: its time is over, or
// a recovery begun from it was finished.
func (db *DB) Securable(ctx context.Context, event, identifier string, now time.Time) (*sparekey.Account, *sparekey.Identifier, error) {
	c := db.read(ctx)
	var i sparekey.Identifier
	err := c.row(`
		SELECT i.id, i.account, i.kind, i.key, i.shown FROM events e JOIN identifiers i ON i.account = e.account
		 WHERE e.id = $1 AND e.secured = 0 AND e.at > $2 AND i.id = $3`,
		[]any{event, micros(now.Add(-sparekey.SecureLife)), identifier},
		&i.ID, &i.Account, &i.Kind, &i.Key, &i.Shown)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, sparekey.ErrNotFound
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read what to take back: %w", err)
	}
	a, err := c.account(i.Account)
	if err != nil {
		return nil, nil, err
	}
	if a == nil || !a.Disabled.IsZero() {
		return nil, nil, sparekey.ErrNotFound
	}
	return a, &i, nil
}

// secured ends the link of the notice that the recovery was begun from.
func (t *tx) secured(f *sparekey.Flow, now time.Time) error {
	if f.Event == "" {
		return nil
	}
	_, err := t.exec(`UPDATE events SET secured = $1 WHERE id = $2 AND account = $3 AND secured = 0`, micros(now), f.Event, f.Account)
	if err != nil {
		return fmt.Errorf("end the link of a notice: %w", err)
	}
	return nil
}
