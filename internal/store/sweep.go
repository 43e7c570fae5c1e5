package store

import (
	"context"
	"fmt"
	"time"

	"sparekey"
)

// sweepBatch is how many rows of a table one transaction removes, so that the
// writer is never held long.
const sweepBatch = 2000

// Sweep settles the ledger of flows that have expired, erases accounts whose
// time has come, and removes what has served its time. It gives the number of rows it touched: call it again while
// that is not 0. A flow's tries are settled a minute after it expired, so that
// nodes whose clocks differ a little agree that nothing more is spent.
func (db *DB) Sweep(ctx context.Context, now time.Time) (int64, error) {
	ended := micros(now.Add(-time.Minute))
	kept := micros(now.Add(-sparekey.FlowKept))
	steps := []struct {
		query string
		args  []any
	}{
		{`UPDATE charges SET
			ended = COALESCE((SELECT CASE WHEN f.closed > 0 THEN f.closed ELSE f.expires END FROM flows f WHERE f.id = charges.flow), $1),
			amount = CASE WHEN amount = 0 THEN 0 ELSE COALESCE((SELECT f.tries FROM flows f WHERE f.id = charges.flow), amount) END
		  WHERE ended = 0 AND flow IN (
			SELECT c.flow FROM charges c LEFT JOIN flows f ON f.id = c.flow
			 WHERE c.ended = 0 AND (f.id IS NULL OR f.closed > 0 OR f.expires < $1) LIMIT $2)`, []any{ended, sweepBatch}},
		{`DELETE FROM charges WHERE flow IN (
			SELECT flow FROM charges WHERE ended > 0 AND ended < $1 LIMIT $2)`, []any{micros(now.Add(-366 * 24 * time.Hour)), sweepBatch}},
		{`DELETE FROM flows WHERE id IN (
			SELECT id FROM flows WHERE (closed > 0 AND closed < $1) OR expires < $1 LIMIT $2)`, []any{kept, sweepBatch}},
		{`DELETE FROM spends WHERE id IN (SELECT id FROM spends WHERE until < $1 LIMIT $2)`, []any{micros(now), sweepBatch}},
		{`DELETE FROM names WHERE hash IN (SELECT hash FROM names WHERE until < $1 LIMIT $2)`, []any{micros(now), sweepBatch}},
		{`DELETE FROM sessions WHERE id IN (
			SELECT id FROM sessions WHERE expires < $1 OR (ended > 0 AND ended < $1) LIMIT $2)`, []any{micros(now.Add(-24 * time.Hour)), sweepBatch}},
		{`DELETE FROM browsers WHERE id IN (SELECT id FROM browsers WHERE expires < $1 LIMIT $2)`, []any{micros(now), sweepBatch}},
		{`DELETE FROM outbox WHERE id IN (
			SELECT id FROM outbox WHERE ended > 0 AND ended < $1 LIMIT $2)`, []any{micros(now.Add(-24 * time.Hour)), sweepBatch}},
		{`DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < $1 LIMIT $2)`, []any{micros(now.Add(-400 * 24 * time.Hour)), sweepBatch}},
	}
	touched, err := db.Erase(ctx, now)
	if err != nil {
		return 0, err
	}
	for _, s := range steps {
		err := db.write(ctx, func(t *tx) error {
			n, err := t.exec(s.query, s.args...)
			touched += n
			return err
		})
		if err != nil {
			return touched, fmt.Errorf("sweep: %w", err)
		}
	}
	return touched, nil
}
