package store

import (
	"context"
	"fmt"
	"time"
)

// ChangesKept is how far back Changes looks: longer than a transaction may take
// from the moment it writes a change down until that can be seen.
const ChangesKept = writeTimeout + 5*time.Second

// clock is the database's own time in microseconds. Nodes whose clocks differ
// agree by it.
func (c conn) clock() string {
	if c.postgres {
		return `CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)`
	}
	return `CAST(unixepoch('now', 'subsec') * 1000000 AS INTEGER)`
}

// changed writes down that the sessions, the identifiers or the state of an
// account are about to change, in the transaction that changes them. No answer
// about the account that was kept in memory is given any more once that is
// committed: on this node at once, on the others as soon as they look.
func (t *tx) changed(account string) error {
	t.changes = true
	_, err := t.exec(`INSERT INTO changes (at, account) VALUES (`+t.clock()+`, $1) ON CONFLICT (at, account) DO NOTHING`, account)
	if err != nil {
		return fmt.Errorf("write change: %w", err)
	}
	return nil
}

// Changed is how often this node has written a change.
func (db *DB) Changed() int64 { return db.changed.Load() }

// Changes gives the accounts about which something changed lately, and the
// database's time, by which a jump of its clock can be told.
func (db *DB) Changes(ctx context.Context) (map[string]bool, time.Time, error) {
	c := db.read(ctx)
	var now time.Time
	accounts := map[string]bool{}
	err := c.rows(`
		SELECT o.now, COALESCE(c.account, '') FROM (SELECT `+c.clock()+` AS now) AS o
		  LEFT JOIN changes c ON c.at > o.now - $1`,
		[]any{ChangesKept.Microseconds()}, func(scan func(...any) error) error {
			var account string
			err := scan(when{&now}, &account)
			accounts[account] = true
			return err
		})
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("look for changes: %w", err)
	}
	delete(accounts, "")
	return accounts, now, nil
}
