package store

import (
	"context"
	"fmt"
	"time"

	"sparekey"
)

// A Fate is how a flow ended that was not carried through.
type Fate struct {
	Purpose sparekey.Purpose
	Step    sparekey.Step
	Outcome sparekey.Outcome
}

// A passed is a flow that has served its time.
type passed struct {
	id         string
	fate       Fate // its Outcome is empty if the flow was done
	ghost      bool
	tries      int
	sends      int
	started    time.Time
	asked      time.Time
	expires    time.Time
	closed     time.Time
	proved     time.Time
	handedOver time.Time
}

// sweepFlows removes flows that have served their time, adds to the funnel how
// far they came, and gives the number of flows and how those of them ended that
// were not carried through. A flow is counted in the transaction that removes
// it, so once.
func (db *DB) sweepFlows(ctx context.Context, kept time.Time) (n int64, fates map[Fate]int, err error) {
	err = db.write(ctx, func(t *tx) error {
		n, fates = 0, map[Fate]int{}
		// The others sweep too: whoever reads a flow here removes it as well.
		if err := t.hold("sweep"); err != nil {
			return err
		}
		list, err := t.passed(kept)
		if err != nil || len(list) == 0 {
			return err
		}
		stages := map[stage]int{}
		for _, p := range list {
			if p.fate.Outcome != "" {
				fates[p.fate]++
			}
			for _, s := range p.stages() {
				stages[s]++
			}
		}
		if err := t.addStages(stages); err != nil {
			return err
		}
		last := list[len(list)-1]
		n, err = t.exec(`
			DELETE FROM flows WHERE expires < $1 AND (closed > 0 AND closed < $2 OR expires < $2)
			   AND (expires < $3 OR expires = $3 AND id <= $4)`,
			micros(kept.Add(sparekey.FlowLife)), micros(kept), micros(last.expires), last.id)
		return err
	})
	return n, fates, err
}

// passed reads the flows that have served their time, those that expired first
// in front, and not more than one batch. No flow expires later than FlowLife
// after its end, which is what their index is asked for.
func (t *tx) passed(kept time.Time) ([]passed, error) {
	var list []passed
	err := t.rows(`
		SELECT f.id, f.purpose, f.step, f.stopped, f.ghost, f.tries, f.sends, f.started, f.asked_at, f.expires, f.closed,
		       COALESCE((SELECT MIN(p.at) FROM proofs p WHERE p.flow = f.id), 0),
		       COALESCE((SELECT MAX(c.handed_over) FROM challenges c WHERE c.flow = f.id), 0)
		  FROM flows f
		 WHERE f.expires < $1 AND (f.closed > 0 AND f.closed < $2 OR f.expires < $2)
		 ORDER BY f.expires, f.id LIMIT $3`,
		[]any{micros(kept.Add(sparekey.FlowLife)), micros(kept), sweepBatch},
		func(scan func(...any) error) error {
			var p passed
			var stopped bool
			err := scan(&p.id, &p.fate.Purpose, &p.fate.Step, &stopped, &p.ghost, &p.tries, &p.sends,
				when{&p.started}, when{&p.asked}, when{&p.expires}, when{&p.closed}, when{&p.proved}, when{&p.handedOver})
			switch {
			case p.fate.Step == sparekey.Done:
			case stopped:
				p.fate.Outcome = sparekey.FlowStopped
			case p.fate.Step == sparekey.Verify && p.tries >= sparekey.MaxTries:
				p.fate.Outcome = sparekey.FlowExhausted
			default:
				p.fate.Outcome = sparekey.FlowExpired
			}
			list = append(list, p)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read flows to sweep: %w", err)
	}
	return list, nil
}

// A stage is a row of the funnel without its number.
type stage struct {
	hour    int64
	purpose sparekey.Purpose
	stage   sparekey.Stage
	bucket  int
}

// stages lists how far the flow came. A ghost's message went nowhere, though
// it is marked as handed over like any other.
func (p passed) stages() []stage {
	var list []stage
	reached := func(s sparekey.Stage, took time.Duration) {
		list = append(list, stage{micros(p.started.Truncate(time.Hour)), p.fate.Purpose, s, sparekey.FunnelBucket(took)})
	}
	reached(sparekey.StageAsked, 0)
	if p.sends > 1 {
		reached(sparekey.StageAgain, 0)
	}
	if !p.ghost && !p.handedOver.IsZero() {
		took := p.handedOver.Sub(p.asked)
		if took < 0 { // the last press came to nothing
			took = p.handedOver.Sub(p.started)
		}
		reached(sparekey.StageMailed, took)
		if p.tries > 0 {
			reached(sparekey.StageTyped, 0)
		}
	}
	if !p.proved.IsZero() {
		if p.tries == 1 {
			reached(sparekey.StageFirst, 0)
		}
		reached(sparekey.StageProved, p.proved.Sub(p.started))
	}
	if !p.closed.IsZero() {
		reached(sparekey.StageDone, p.closed.Sub(p.started))
	}
	return list
}

func (t *tx) addStages(stages map[stage]int) error {
	for s, n := range stages {
		_, err := t.exec(`
			INSERT INTO funnel (hour, purpose, stage, bucket, count) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (hour, purpose, stage, bucket) DO UPDATE SET count = funnel.count + excluded.count`,
			s.hour, s.purpose, s.stage, s.bucket, n)
		if err != nil {
			return fmt.Errorf("write the funnel: %w", err)
		}
	}
	return nil
}

// A Reached is how many flows reached a stage, and how long it took them.
type Reached struct {
	Stage  sparekey.Stage
	Bucket int
	Count  int
}

// Funnel gives how far the flows of a purpose came that were begun since a
// moment, by whole hours, and have been swept.
func (db *DB) Funnel(ctx context.Context, p sparekey.Purpose, since time.Time) ([]Reached, error) {
	var list []Reached
	err := db.read(ctx).rows(`
		SELECT stage, bucket, CAST(SUM(count) AS BIGINT) FROM funnel
		 WHERE purpose = $1 AND hour >= $2 GROUP BY stage, bucket ORDER BY stage, bucket`,
		[]any{p, micros(since.Truncate(time.Hour))}, func(scan func(...any) error) error {
			var r Reached
			err := scan(&r.Stage, &r.Bucket, &r.Count)
			list = append(list, r)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read the funnel: %w", err)
	}
	return list, nil
}

// Unswept counts the flows of a purpose that the funnel does not know yet.
func (db *DB) Unswept(ctx context.Context, p sparekey.Purpose) (int, error) {
	var n int
	if err := db.read(ctx).row(`SELECT COUNT(*) FROM flows WHERE purpose = $1`, []any{p}, &n); err != nil {
		return 0, fmt.Errorf("count flows: %w", err)
	}
	return n, nil
}

// SignInFailures counts the passwords that were typed at sign-in since a
// moment, of all accounts and nobody together and at most the newest most of
// them, and those of them that let nobody in (A22).
func (db *DB) SignInFailures(ctx context.Context, since time.Time, most int) (wrong, all int, err error) {
	err = db.read(ctx).row(`
		SELECT COALESCE(SUM(CASE WHEN good THEN 0 ELSE 1 END), 0), COUNT(*) FROM (
			SELECT good FROM spends WHERE kind = 'password' AND lane NOT LIKE 'flow:%' AND at > $1 ORDER BY at DESC LIMIT $2
		) AS s`, []any{micros(since), most}, &wrong, &all)
	if err != nil {
		return 0, 0, fmt.Errorf("count failed sign-ins: %w", err)
	}
	return wrong, all, nil
}

// Waiting counts the messages that are to be sent, and tells when the oldest of
// them was written. Those that wait on purpose, to be merged with others, are
// not among them.
func (db *DB) Waiting(ctx context.Context) (n int, oldest time.Time, err error) {
	err = db.read(ctx).row(`
		SELECT COUNT(*), COALESCE(MIN(created), 0) FROM outbox WHERE state = 'waiting' AND merged = FALSE`,
		nil, &n, when{&oldest})
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("count messages: %w", err)
	}
	return n, oldest, nil
}
