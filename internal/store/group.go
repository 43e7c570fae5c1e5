package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"

	"sparekey"
)

// maxGroup is how many writes share one commit at most: the first of them
// waits for the last.
const maxGroup = 256

// A group is SQLite's writer. Writes that come at once run one after the other
// in one transaction, each inside a savepoint of its own, and share one commit:
// bringing them to the disk takes the same time as for one. None of them is
// answered before that commit, and all of them fail if it does.
//
// Each runs in its caller's goroutine. Whoever finds nobody waiting commits for
// all who have gone before.
type group struct {
	db *sql.DB

	// These belong to the one who writes.
	conn   *sql.Conn // taken by the first write, kept for its statements
	made   *prepared
	shared *shared // the open transaction, or nil

	mu     sync.Mutex
	busy   bool               // somebody writes
	queues [2][]chan struct{} // closed for whose turn it is: requests, and the worker
	turn   int                // counts the turns while both wait
}

// A request that starts a flow is one write, and what the worker does for it is
// two. While both wait, turns are shared out like that: else many requests would
// leave the worker ever further behind, and a crowd of messages would leave no
// turn to the requests.
const (
	requests = iota
	worker
	workerTurns = 2
)

type laneKey struct{}

// asWorker marks the writes of the worker behind the outbox.
func asWorker(ctx context.Context) context.Context {
	return context.WithValue(ctx, laneKey{}, worker)
}

func laneOf(ctx context.Context) int {
	lane, _ := ctx.Value(laneKey{}).(int)
	return lane
}

// A shared is one transaction of several writes.
type shared struct {
	writes int
	done   chan struct{} // closed once err is final
	err    error
}

// write runs do in the open transaction, or in a new one, and waits until that
// is committed.
func (g *group) write(ctx context.Context, do func(on runner) error) error {
	if err := g.enter(ctx); err != nil {
		return err
	}
	if g.shared == nil {
		if err := g.begin(); err != nil {
			g.leave()
			return fmt.Errorf("begin: %w", down(err))
		}
	}
	s := g.shared
	err := g.run(s, do)
	<-s.done
	if s.err != nil { // then what do found was not true either
		return s.err
	}
	return err
}

// begin begins a transaction. Neither it nor its end hangs on one of the
// requests that share it.
func (g *group) begin() error {
	if g.conn == nil {
		conn, err := g.db.Conn(context.Background())
		if err != nil {
			return err
		}
		g.conn, g.made = conn, &prepared{on: conn, made: map[string]*sql.Stmt{}}
	}
	if err := g.exec(`BEGIN IMMEDIATE`); err != nil {
		return err
	}
	g.shared = &shared{done: make(chan struct{})}
	return nil
}

func (g *group) exec(query string) error {
	_, err := g.made.ExecContext(context.Background(), query)
	return err
}

// close ends the connection. Nothing may be under way.
func (g *group) close() error {
	if g.conn == nil {
		return nil
	}
	conn := g.conn
	g.conn = nil
	return errors.Join(g.made.close(), conn.Close())
}

// enter waits for the caller's turn to write.
func (g *group) enter(ctx context.Context) error {
	g.mu.Lock()
	if !g.busy {
		g.busy = true
		g.mu.Unlock()
		return nil
	}
	turn, lane := make(chan struct{}), laneOf(ctx)
	g.queues[lane] = append(g.queues[lane], turn)
	g.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	at := slices.Index(g.queues[lane], turn)
	if at < 0 { // it came just now, and the others count on it
		return nil
	}
	g.queues[lane] = slices.Delete(g.queues[lane], at, at+1)
	return fmt.Errorf("%w: wait for the writer: %w", sparekey.ErrDown, ctx.Err())
}

// pass gives the turn to the next, and reports whether there is one. If not,
// the caller keeps it.
func (g *group) pass() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.next()
}

// next lets the first of a queue write. It is called under mu.
func (g *group) next() bool {
	lane := requests
	switch {
	case len(g.queues[requests]) == 0 && len(g.queues[worker]) == 0:
		return false
	case len(g.queues[requests]) == 0:
		lane = worker
	case len(g.queues[worker]) > 0:
		if g.turn = (g.turn + 1) % (workerTurns + 1); g.turn != 0 {
			lane = worker
		}
	}
	close(g.queues[lane][0])
	g.queues[lane] = g.queues[lane][1:]
	return true
}

// leave gives the turn to the next, or back.
func (g *group) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy = g.next()
}

// run runs do inside a savepoint. What it changed before an error, or a panic,
// is taken back alone.
func (g *group) run(s *shared, do func(on runner) error) (err error) {
	kept := false
	defer func() { g.settle(s, kept) }()
	if err := g.exec(`SAVEPOINT one`); err != nil {
		return down(err)
	}
	err = do(g.made)
	kept = err == nil
	return err
}

// settle ends one write, and with it the transaction, unless somebody waits to
// go on with that.
func (g *group) settle(s *shared, kept bool) {
	s.writes++
	var err error
	if !kept {
		err = g.exec(`ROLLBACK TO one`)
	}
	if err == nil {
		err = g.exec(`RELEASE one`)
	}
	switch {
	case err != nil:
		// The savepoint is gone: SQLite has taken the whole transaction back, as
		// it does when the disk is full, and with it the writes before this one.
		s.err = fmt.Errorf("%w: %w", sparekey.ErrDown, err)
		g.exec(`ROLLBACK`) //nolint:errcheck // mostly there is nothing left to take back
	case s.writes < maxGroup && g.pass():
		return // whoever writes next ends it
	default:
		if err := g.exec(`COMMIT`); err != nil {
			s.err = fmt.Errorf("commit: %w", down(err))
			g.exec(`ROLLBACK`) //nolint:errcheck // likewise
		}
	}
	g.shared = nil
	close(s.done)
	g.leave()
}
