// Package store keeps Sparekey's rows in SQLite or PostgreSQL. Read db.write
// first: every change to the database goes through it.
//
// One text of each query serves both databases. An exported method is one
// transaction; what it is made of are unexported functions that take the
// transaction. A change of state is a compare-and-swap: what was read is
// repeated in the WHERE of the write.
package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"sparekey"
)

// Options say which database to open.
type Options struct {
	// URL is "sqlite:PATH" or "postgres://…".
	URL string
	// Trace, if set, is told every statement; for tests.
	Trace func(Statement)
	// Log, if set, is told when another PostgreSQL server has taken over.
	Log *slog.Logger
	// High is the profile "high": what is enough is asked with it.
	High bool

	schema string // of PostgreSQL, if it is not the usual one
	alone  bool   // these are the connections of a restore: see restoreLock
}

// applicationName is what PostgreSQL knows our connections by.
const applicationName = "sparekey"

// A Statement is one statement as a Trace sees it.
type Statement struct {
	Text string // the statement, "BEGIN" or "COMMIT"
	Rows int64  // rows changed, or read
}

// A DB is an open database. It is safe for use by many goroutines.
type DB struct {
	reads    *sql.DB
	looks    runner // what reads are run on: reads, with its statements kept on SQLite
	writes   *sql.DB
	group    *group // SQLite's writer; nil on PostgreSQL, which has its own group commit
	postgres bool
	changed  atomic.Int64 // how often tx.changed was called
	trace    func(Statement)
	high     bool
	// epoch is the installation's own counter. A restore raises it, with the
	// server stopped, and so ends what was begun before.
	epoch int64

	// Of PostgreSQL: the newest timeline that was seen, the servers of the URL, and
	// who is told. See flowEpoch.
	timeline atomic.Int64
	servers  servers
	log      *slog.Logger
}

// Open opens the database and reads what every statement needs of it. The
// schema must be there: see Migrate.
func Open(ctx context.Context, o Options) (*DB, error) {
	db, err := open(o)
	if err != nil {
		return nil, err
	}
	err = db.reads.QueryRowContext(ctx, `SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'epoch'`).Scan(&db.epoch)
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("read the installation's epoch: %w", err)
	}
	db.log, db.high = o.Log, o.High
	return db, nil
}

func open(o Options) (*DB, error) {
	if path, ok := strings.CutPrefix(o.URL, "sqlite:"); ok {
		return openSQLite(path, o.Trace)
	}
	return openPostgres(o)
}

// Close closes the database.
func (db *DB) Close() error {
	var err error
	if db.group != nil {
		err = db.group.close()
	}
	err = errors.Join(err, db.writes.Close())
	if db.reads != db.writes {
		err = errors.Join(err, db.reads.Close())
	}
	return err
}

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.reads.PingContext(ctx) }

// Postgres reports whether the database is PostgreSQL.
func (db *DB) Postgres() bool { return db.postgres }

// ClockOff is how far the database's clock is ahead of now. It is 0 on SQLite,
// which has no other clock than the machine's.
func (db *DB) ClockOff(ctx context.Context, now func() time.Time) (time.Duration, error) {
	if !db.postgres {
		return 0, nil
	}
	var micros int64
	before := now()
	err := db.reads.QueryRowContext(ctx, `SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)`).Scan(&micros)
	if err != nil {
		return 0, fmt.Errorf("ask the database for the time: %w", err)
	}
	return time.UnixMicro(micros).Sub(before), nil
}

const (
	writeTimeout  = 15 * time.Second
	writeAttempts = 8
)

// write runs do in one transaction and commits it. It is the only way to the
// database for a change. do speaks SQL and nothing else: it hashes nothing,
// sends nothing, asks no clock, calls no exported method, and may run again
// when the database asks for that. A write never sees that the request behind
// it went away.
func (db *DB) write(ctx context.Context, do func(t *tx) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		err := db.writeOnce(ctx, do)
		if err == nil || attempt == writeAttempts || !again(err) || ctx.Err() != nil {
			return err
		}
	}
}

func (db *DB) writeOnce(ctx context.Context, do func(t *tx) error) error {
	if db.group != nil {
		return db.writeInGroup(ctx, do)
	}
	inner, err := db.writes.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", down(err))
	}
	defer inner.Rollback() //nolint:errcheck // after a commit it has nothing to do
	t := db.begun(ctx, inner)
	defer t.tellChanges()
	t.tell("BEGIN", 0)
	if err := do(t); err != nil {
		t.tell("ROLLBACK", 0)
		return err
	}
	if err := inner.Commit(); err != nil {
		return fmt.Errorf("commit: %w", down(err))
	}
	t.tell("COMMIT", 0)
	return nil
}

// writeInGroup is writeOnce on SQLite. Only the wait for its turn ends with
// ctx: a statement that is broken off takes its whole transaction back, and
// with it the writes of others.
func (db *DB) writeInGroup(ctx context.Context, do func(t *tx) error) error {
	t := db.begun(context.WithoutCancel(ctx), nil)
	defer t.tellChanges()
	err := db.group.write(ctx, func(on runner) error {
		t.on = on
		t.tell("BEGIN", 0)
		return do(t)
	})
	if err != nil {
		t.tell("ROLLBACK", 0)
		return err
	}
	t.tell("COMMIT", 0)
	return nil
}

// again reports whether the database gave the transaction up for reasons of
// its own, so that it can be tried once more.
func again(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "40001" || pg.Code == "40P01" // serialization failure, deadlock
	}
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code()&0xff == sqlite3.SQLITE_BUSY
}

// down makes an error for a person of one that says that the database cannot
// work now: it is not there, is shutting down, takes too long, or has no room.
// Nothing was changed then, and it is worth trying again.
func down(err error) error {
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	var network net.Error
	var lite *sqlite.Error
	is := false
	switch {
	case err == nil:
		return nil
	case errors.As(err, &connect): // whatever it says of the reason
		is = true
	case errors.As(err, &pg): // connection, resources, operator, system
		is = slices.Contains([]string{"08", "53", "57", "58"}, pg.Code[:2]) || pg.Code == "25006" // read only: a standby
	case errors.As(err, &lite):
		is = slices.Contains([]int{sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY}, lite.Code()&0xff)
	default:
		is = errors.Is(err, ErrRestoring) || errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) ||
			errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.ErrUnexpectedEOF) || pgconn.Timeout(err)
	}
	if !is {
		return err
	}
	return fmt.Errorf("%w: %w", sparekey.ErrDown, err)
}

// read gives a connection for looking only.
func (db *DB) read(ctx context.Context) conn {
	return conn{ctx: ctx, on: db.looks, postgres: db.postgres, high: db.high, trace: db.trace}
}

// A conn runs statements on a transaction or on the pool of readers.
type conn struct {
	ctx      context.Context
	on       runner
	postgres bool
	high     bool
	trace    func(Statement)
}

// A tx is a conn inside db.write.
type tx struct {
	conn
	db      *DB
	changes bool // see changed
}

func (db *DB) begun(ctx context.Context, on runner) *tx {
	return &tx{conn: conn{ctx: ctx, on: on, postgres: db.postgres, high: db.high, trace: db.trace}, db: db}
}

// tellChanges says on this node that something was written down that changed. It
// may be that the transaction failed, or that nobody knows: then one look is in
// vain.
func (t *tx) tellChanges() {
	if t.changes {
		t.db.changed.Add(1)
	}
}

func (c conn) tell(text string, rows int64) {
	if c.trace != nil {
		c.trace(Statement{Text: strings.Join(strings.Fields(text), " "), Rows: rows})
	}
}

// exec runs a statement and gives the number of rows it changed.
func (c conn) exec(query string, args ...any) (int64, error) {
	res, err := c.on.ExecContext(c.ctx, query, args...)
	if err != nil {
		return 0, down(err)
	}
	n, err := res.RowsAffected()
	c.tell(query, n)
	return n, err
}

// row reads one row into dest. It reports sql.ErrNoRows if there is none.
func (c conn) row(query string, args []any, dest ...any) error {
	err := c.on.QueryRowContext(c.ctx, query, args...).Scan(dest...)
	switch {
	case err == nil:
		c.tell(query, 1)
	case errors.Is(err, sql.ErrNoRows):
		c.tell(query, 0)
	}
	return down(err)
}

// rows calls each for every row; each scans it.
func (c conn) rows(query string, args []any, each func(scan func(...any) error) error) error {
	rows, err := c.on.QueryContext(c.ctx, query, args...)
	if err != nil {
		return down(err)
	}
	defer rows.Close()
	var n int64
	for rows.Next() {
		n++
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	c.tell(query, n)
	return down(rows.Err())
}

// hold makes the transaction the only one that works on subject until it ends.
// SQLite has one writer anyway. It is held before anything about the subject
// is read, so that what is read stays true. A ghost and a new identifier have
// subjects too.
func (t *tx) hold(subject string) error {
	if !t.postgres {
		return nil
	}
	_, err := t.exec(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, subject)
	if err != nil {
		return fmt.Errorf("hold subject: %w", err)
	}
	return nil
}

// micros is a time as the database keeps it.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// A when scans a time that micros wrote.
type when struct{ t *time.Time }

// Scan reads microseconds.
func (w when) Scan(value any) error {
	n, ok := value.(int64)
	if !ok {
		return fmt.Errorf("scan time: got %T, want int64", value)
	}
	*w.t = time.Time{}
	if n != 0 {
		*w.t = time.UnixMicro(n).UTC()
	}
	return nil
}
