package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/stdlib"

	"sparekey"
)

// addMessage writes a message, in the transaction that causes it.
func (t *tx) addMessage(m *sparekey.Message) error {
	_, err := t.exec(`
		INSERT INTO outbox (id, kind, flow, challenge, account, identifier, event, state,
			run_at, attempt, drop_after, merged, created, ended)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', $8, 0, $9, FALSE, $8, 0)`,
		m.ID, m.Kind, m.Flow, m.Challenge, m.Account, m.Identifier, m.Event, micros(m.RunAt), micros(m.DropAfter))
	if err == nil {
		err = t.ring(m)
	}
	if err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	return nil
}

// bell is the channel by which PostgreSQL tells all nodes that a message waits.
const bell = "sparekey_outbox"

// ring tells the other nodes, when the message is written, that there is one.
// It does so only if no other was waiting, because PostgreSQL lets notifying
// transactions commit one after another, and busy workers look by themselves.
func (t *tx) ring(m *sparekey.Message) error {
	if !t.postgres {
		return nil
	}
	_, err := t.exec(`
		SELECT pg_notify('`+bell+`', '') WHERE NOT EXISTS (
			SELECT 1 FROM outbox WHERE state = 'waiting' AND run_at <= $1 AND id <> $2)`, micros(m.RunAt), m.ID)
	return err
}

// Listen calls wake whenever another node has written a message, and seen with
// the code of a screen of which something has come, until ctx ends. A connection
// that breaks is made anew; what is missed meanwhile is found by looking. Without
// PostgreSQL there are no other nodes.
func (db *DB) Listen(ctx context.Context, wake func(), seen func(code string)) {
	for db.postgres && ctx.Err() == nil {
		if err := db.listen(ctx, wake, seen); err == nil {
			return
		}
		wake() // something may have come while nobody listened
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (db *DB) listen(ctx context.Context, wake func(), seen func(code string)) error {
	conn, err := db.writes.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(driver any) error {
		pg := driver.(*stdlib.Conn).Conn()
		if _, err := pg.Exec(ctx, "LISTEN "+bell+"; LISTEN "+screens); err != nil {
			return err
		}
		for {
			told, err := pg.WaitForNotification(ctx)
			switch {
			case err != nil:
				return err
			case told.Channel == screens:
				seen(told.Payload)
			default:
				wake()
			}
		}
	})
}

// Claim takes up to n messages that are due and leases them until the lease
// ends: run_at is the lease, and the attempt's number fences off a worker that
// comes back after it. The condition stands outside the inner SELECT too, so
// that PostgreSQL asks it again and no message is claimed twice.
func (db *DB) Claim(ctx context.Context, n int, now, lease time.Time) ([]sparekey.Message, error) {
	var list []sparekey.Message
	err := db.write(asWorker(ctx), func(t *tx) error {
		list = nil
		return t.rows(`
			UPDATE outbox SET run_at = $1, attempt = attempt + 1
			 WHERE state = 'waiting' AND run_at <= $2 AND id IN (
			       SELECT id FROM outbox WHERE state = 'waiting' AND run_at <= $2 ORDER BY run_at, id LIMIT $3)
			RETURNING id, kind, flow, challenge, account, identifier, event, run_at, attempt, drop_after, merged, created`,
			[]any{micros(lease), micros(now), n}, func(scan func(...any) error) error {
				var m sparekey.Message
				err := scan(&m.ID, &m.Kind, &m.Flow, &m.Challenge, &m.Account, &m.Identifier, &m.Event,
					when{&m.RunAt}, &m.Attempt, when{&m.DropAfter}, &m.Merged, when{&m.Written})
				list = append(list, m)
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("claim messages: %w", err)
	}
	return list, nil
}

// Due reports when the next message is due, and whether there is one.
func (db *DB) Due(ctx context.Context) (time.Time, bool, error) {
	var at time.Time
	err := db.read(ctx).row(`SELECT COALESCE(MIN(run_at), 0) FROM outbox WHERE state = 'waiting'`, nil, when{&at})
	if err != nil {
		return time.Time{}, false, fmt.Errorf("look for messages: %w", err)
	}
	return at, !at.IsZero(), nil
}

// errFenced says that the message's lease has ended and another worker has it.
var errFenced = errors.New("the message's lease has ended")

// Sent writes that a message was handed over, or had nobody to go to: the same
// statements for both. The code's life is counted from here.
func (db *DB) Sent(ctx context.Context, m sparekey.Message, now time.Time) error {
	return db.end(ctx, m, now, "done", nil)
}

// GiveUp writes that a message will not be sent any more, and says so in the
// journal.
func (db *DB) GiveUp(ctx context.Context, m sparekey.Message, e sparekey.Event) error {
	return db.end(ctx, m, e.Facts.At, "failed", &e)
}

func (db *DB) end(ctx context.Context, m sparekey.Message, now time.Time, state string, e *sparekey.Event) error {
	err := db.write(asWorker(ctx), func(t *tx) error {
		n, err := t.exec(`UPDATE outbox SET state = $1, ended = $2 WHERE id = $3 AND attempt = $4 AND state = 'waiting'`,
			state, micros(now), m.ID, m.Attempt)
		if err != nil {
			return err
		}
		if n == 0 {
			return errFenced
		}
		if e != nil {
			return t.addGivenUp(m, *e)
		}
		_, err = t.exec(`UPDATE challenges SET handed_over = $1 WHERE id = $2`, micros(now), m.Challenge)
		return err
	})
	if err != nil {
		return fmt.Errorf("end message: %w", err)
	}
	return nil
}

// addGivenUp writes into the journal of the account that a message was for. A
// code message knows it by its flow.
func (t *tx) addGivenUp(m sparekey.Message, e sparekey.Event) error {
	if e.Account = m.Account; m.Flow != "" {
		f, err := t.flow(t.db.flowEpoch(), m.Flow)
		if errors.Is(err, sparekey.ErrNotFound) {
			f, err = &sparekey.Flow{}, nil
		}
		if err != nil {
			return err
		}
		e.Account = f.Account
	}
	return t.addEvent(e)
}

// Retry writes when a message is tried again.
func (db *DB) Retry(ctx context.Context, m sparekey.Message, at time.Time) error {
	err := db.write(asWorker(ctx), func(t *tx) error {
		n, err := t.exec(`UPDATE outbox SET run_at = $1 WHERE id = $2 AND attempt = $3 AND state = 'waiting'`,
			micros(at), m.ID, m.Attempt)
		if err == nil && n == 0 {
			err = errFenced
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("retry message: %w", err)
	}
	return nil
}

// A Notice is a message that tells an address what happened to its account.
type Notice struct {
	Events []sparekey.Event // more than one where several were merged
	To     string
	Number string // where it goes by text message; empty if it goes by mail
	Push   string // where it goes to a phone's app, sealed; else empty
	Name   string
	Lang   string
}

// Notice gives what a notice says, or nil if it is not to be sent now. The
// first of its kind to an address leaves at once. What comes within the hour
// after it waits for the end of that hour and leaves as one; nothing is
// dropped.
func (db *DB) Notice(ctx context.Context, m sparekey.Message, now time.Time) (*Notice, error) {
	var out *Notice
	err := db.write(asWorker(ctx), func(t *tx) error {
		out = nil
		if err := t.hold(m.Identifier); err != nil {
			return err
		}
		waits, err := t.merge(m, now)
		if err != nil || waits {
			return err
		}
		// It is on its way now, and takes up no others.
		_, err = t.exec(`UPDATE outbox SET merged = FALSE WHERE id = $1 AND attempt = $2 AND state = 'waiting'`, m.ID, m.Attempt)
		if err != nil {
			return err
		}
		out, err = t.notice(m)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read notice: %w", err)
	}
	return out, nil
}

// merge reports whether the notice waits for others of its kind: because it
// was put off to the end of the hour, or was taken up by one that was.
func (t *tx) merge(m sparekey.Message, now time.Time) (bool, error) {
	if m.Merged || m.Attempt > 1 || m.Kind == sparekey.RecoverMessage {
		return false, nil
	}
	var last time.Time
	err := t.row(`
		SELECT COALESCE(MAX(ended), 0) FROM outbox
		 WHERE identifier = $1 AND identifier <> '' AND kind = $2 AND id <> $3 AND state = 'done' AND ended > $4`,
		[]any{m.Identifier, m.Kind, m.ID, micros(now.Add(-sparekey.MergeSpan))}, when{&last})
	if err != nil {
		return false, err
	}
	var waiting string
	err = t.row(`
		SELECT COALESCE(MIN(id), '') FROM outbox
		 WHERE identifier = $1 AND identifier <> '' AND kind = $2 AND id <> $3 AND state = 'waiting' AND merged`,
		[]any{m.Identifier, m.Kind, m.ID}, &waiting)
	if err != nil {
		return false, err
	}
	switch {
	case waiting != "":
		_, err = t.exec(`UPDATE outbox SET state = $1, ended = $2 WHERE id = $3 AND attempt = $4 AND state = 'waiting'`,
			"in "+waiting, micros(now), m.ID, m.Attempt)
	case !last.IsZero():
		_, err = t.exec(`UPDATE outbox SET merged = TRUE, run_at = $1 WHERE id = $2 AND attempt = $3 AND state = 'waiting'`,
			micros(last.Add(sparekey.MergeSpan)), m.ID, m.Attempt)
	}
	return waiting != "" || !last.IsZero(), err
}

func (t *tx) notice(m sparekey.Message) (*Notice, error) {
	var n Notice
	err := t.row(`
		SELECT i.shown, CASE WHEN i.kind = 'phone' THEN i.key ELSE '' END, a.name, a.lang
		  FROM identifiers i JOIN accounts a ON a.id = i.account WHERE i.id = $1`,
		[]any{m.Identifier}, &n.To, &n.Number, &n.Name, &n.Lang)
	if errors.Is(err, sql.ErrNoRows) { // it is for an app, or for nobody any more
		err = t.row(`
			SELECT COALESCE(MAX(s.data), ''), COALESCE(MAX(a.lang), '') FROM subscriptions s JOIN accounts a ON a.id = s.account
			 WHERE s.credential = $1`, []any{m.Identifier}, &n.Push, &n.Lang)
	}
	if err != nil {
		return nil, err
	}
	n.Events, err = t.events(`id IN (
		SELECT event FROM outbox WHERE id = $1
		 UNION SELECT event FROM outbox WHERE identifier = $2 AND identifier <> '' AND kind = $3 AND state = $4) ORDER BY at, id`,
		m.ID, m.Identifier, m.Kind, "in "+m.ID)
	return &n, err
}
