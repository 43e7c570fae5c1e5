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

// A Swept is what one Sweep did.
type Swept struct {
	Rows  int64        // that it touched
	Fates map[Fate]int // of flows that nobody carried through
}

// Sweep settles the ledger of flows that have expired, erases accounts whose
// time has come, and removes what has served its time. Call it again while it
// touches rows. A flow's tries are settled a minute after it expired, so that
// nodes whose clocks differ a little agree that nothing more is spent.
func (db *DB) Sweep(ctx context.Context, now time.Time) (Swept, error) {
	ended := micros(now.Add(-time.Minute))
	steps := []struct {
		query string
		args  []any
	}{
		{`UPDATE charges SET
			ended = COALESCE((SELECT CASE WHEN f.closed > 0 THEN f.closed ELSE f.expires END FROM flows f WHERE f.charge = REPLACE(charges.id, '` + chargeOfNew + `', '')), $1),
			amount = CASE WHEN amount = 0 THEN 0
				ELSE COALESCE((SELECT CASE WHEN f.ghost THEN 0 ELSE f.tries END FROM flows f WHERE f.charge = REPLACE(charges.id, '` + chargeOfNew + `', '')), amount) END
		  WHERE ended = 0 AND id IN (
			SELECT c.id FROM charges c LEFT JOIN flows f ON f.charge = REPLACE(c.id, '` + chargeOfNew + `', '')
			 WHERE c.ended = 0 AND (f.id IS NULL OR f.closed > 0 OR f.expires < $1) LIMIT $2)`, []any{ended, sweepBatch}},
		// What cost nothing, a ghost's too, is of no more use.
		{`DELETE FROM charges WHERE id IN (
			SELECT id FROM charges WHERE ended > 0 AND (amount = 0 OR ended < $1) LIMIT $2)`, []any{micros(now.Add(-366 * 24 * time.Hour)), sweepBatch}},
		{`DELETE FROM spends WHERE id IN (SELECT id FROM spends WHERE until < $1 LIMIT $2)`, []any{micros(now), sweepBatch}},
		{`DELETE FROM names WHERE hash IN (SELECT hash FROM names WHERE until < $1 LIMIT $2)`, []any{micros(now), sweepBatch}},
		// Sessions that have ended are kept for as long as any could last: the form
		// that opened one does not open it again.
		{
			`DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE created < $1 LIMIT $2)`,
			[]any{micros(now.Add(-sparekey.SessionLife)), sweepBatch},
		},
		{`DELETE FROM browsers WHERE id IN (SELECT id FROM browsers WHERE expires < $1 LIMIT $2)`, []any{micros(now), sweepBatch}},
		// What was taken up by another message is kept until that one has surely left.
		{
			`DELETE FROM outbox WHERE id IN (
			SELECT id FROM outbox WHERE ended <> 0 AND ended < $2 AND (ended < $1 OR state IN ('done', 'failed')) LIMIT $3)`,
			[]any{micros(now.Add(-sparekey.NoticeLife - 24*time.Hour)), micros(now.Add(-24 * time.Hour)), sweepBatch},
		},
		{`DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < $1 LIMIT $2)`, []any{micros(now.Add(-400 * 24 * time.Hour)), sweepBatch}},
		// What was dropped and cannot be taken back any more. A spend of an identifier's
		// outlives it, and is swept in its own time.
		{
			`DELETE FROM credentials WHERE id IN (SELECT id FROM credentials WHERE dropped > 0 AND dropped < $1 LIMIT $2)`,
			[]any{micros(now.Add(-sparekey.TakeBack)), sweepBatch},
		},
		{
			`DELETE FROM identifiers WHERE id IN (SELECT id FROM identifiers WHERE dropped > 0 AND dropped < $1 LIMIT $2)`,
			[]any{micros(now.Add(-sparekey.TakeBack)), sweepBatch},
		},
		{
			`DELETE FROM approvals WHERE id IN (SELECT id FROM approvals WHERE expires < $1 LIMIT $2)`,
			[]any{micros(now.Add(-sparekey.ApprovalKept)), sweepBatch},
		},
		{
			`DELETE FROM subscriptions WHERE credential IN (
			SELECT s.credential FROM subscriptions s WHERE NOT EXISTS (SELECT 1 FROM credentials c WHERE c.id = s.credential) LIMIT $1)`,
			[]any{sweepBatch},
		},
		{`DELETE FROM changes WHERE at < ` + db.read(ctx).clock() + ` - $1`, []any{(3 * ChangesKept).Microseconds()}},
		{`DELETE FROM funnel WHERE hour < $1`, []any{micros(now.Add(-sparekey.FunnelKept))}},
	}
	var swept Swept
	var err error
	if swept.Rows, err = db.Erase(ctx, now); err != nil {
		return Swept{}, err
	}
	seconds, err := db.DropSeconds(ctx, now)
	if err != nil {
		return swept, err
	}
	swept.Rows += seconds
	for _, s := range steps {
		err := db.write(ctx, func(t *tx) error {
			n, err := t.exec(s.query, s.args...)
			swept.Rows += n
			return err
		})
		if err != nil {
			return swept, fmt.Errorf("sweep: %w", err)
		}
	}
	// Last: what a flow cost is settled before.
	n, fates, err := db.sweepFlows(ctx, now.Add(-sparekey.FlowKept))
	if err != nil {
		return swept, fmt.Errorf("sweep: %w", err)
	}
	swept.Rows, swept.Fates = swept.Rows+n, fates
	return swept, nil
}
