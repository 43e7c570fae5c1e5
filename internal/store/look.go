package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
)

// A Look is a database that is only looked at: no row of it is changed, and
// what is not there is not made.
type Look struct{ db *DB }

// OpenLook opens a database to look at it. The schema need not be there. It
// reports an error that wraps [os.ErrNotExist] if the SQLite file is not.
func OpenLook(ctx context.Context, o Options) (*Look, error) {
	db, err := openAsItIs(o)
	if err != nil {
		return nil, err
	}
	if err := db.Ping(ctx); err != nil {
		db.Close()
		return nil, fmt.Errorf("open database: %w", err)
	}
	return &Look{db}, nil
}

// openAsItIs is open without what open does to an SQLite file: it makes none,
// and leaves its journal mode alone.
func openAsItIs(o Options) (*DB, error) {
	path, ok := strings.CutPrefix(o.URL, "sqlite:")
	if !ok {
		return openPostgres(o)
	}
	abs, err := filepath.Abs(path)
	if err == nil {
		_, err = os.Stat(abs)
	}
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	// Read-only, SQLite could not read a file whose last server was killed:
	// that takes a recovery.
	dsn := "file:" + (&url.URL{Path: abs}).EscapedPath() + "?mode=rw&_pragma=busy_timeout(2000)"
	writes, err := sql.Open("sqlite", dsn+"&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	reads, err := sql.Open("sqlite", dsn+"&_pragma=query_only(1)")
	if err != nil {
		writes.Close()
		return nil, fmt.Errorf("open database: %w", err)
	}
	return &DB{reads: reads, looks: reads, writes: writes, trace: o.Trace}, nil
}

// Close closes the database.
func (l *Look) Close() error { return l.db.Close() }

// ClockOff is [DB.ClockOff].
func (l *Look) ClockOff(ctx context.Context, now func() time.Time) (time.Duration, error) {
	return l.db.ClockOff(ctx, now)
}

// Version is the version of the database program, for example "15.14".
func (l *Look) Version(ctx context.Context) (string, error) {
	query := `SELECT sqlite_version()`
	if l.db.postgres {
		query = `SELECT current_setting('server_version')`
	}
	var version string
	if err := l.db.read(ctx).row(query, nil, &version); err != nil {
		return "", fmt.Errorf("ask for the version: %w", err)
	}
	version, _, _ = strings.Cut(version, " ") // Debian says more behind it
	return version, nil
}

// Setting is the value of a setting of the database program: a pragma of
// SQLite, a parameter of PostgreSQL. The name is never a stranger's.
func (l *Look) Setting(ctx context.Context, name string) (string, error) {
	query := `PRAGMA ` + name
	if l.db.postgres {
		query = `SHOW ` + name
	}
	var value string
	if err := l.db.read(ctx).row(query, nil, &value); err != nil {
		return "", fmt.Errorf("ask for %s: %w", name, err)
	}
	return value, nil
}

// A Schema says how the schema of a database stands to this program.
type Schema struct {
	Known   int // migrations that this program has
	Pending int // those of them that the database lacks
	Newer   int // migrations of the database that this program does not know
}

// Schema looks at the schema.
func (l *Look) Schema(ctx context.Context) (Schema, error) {
	lacks, err := versions()
	if err != nil {
		return Schema{}, err
	}
	s := Schema{Known: len(lacks)}
	query := `SELECT DISTINCT version_id FROM ` + goose.DefaultTablename + ` WHERE is_applied AND version_id > 0`
	err = l.db.read(ctx).rows(query, nil, func(scan func(...any) error) error {
		var version int64
		if err := scan(&version); err != nil {
			return err
		}
		if !lacks[version] {
			s.Newer++
		}
		delete(lacks, version)
		return nil
	})
	if err != nil && !missing(err) {
		return Schema{}, fmt.Errorf("look at the schema: %w", err)
	}
	s.Pending = len(lacks)
	return s, nil
}

// versions are the numbers of the migrations that this program has.
func versions() (map[int64]bool, error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	all := map[int64]bool{}
	for _, file := range files {
		version, err := goose.NumericComponent(file)
		if err != nil {
			return nil, fmt.Errorf("look at the migrations: %w", err)
		}
		all[version] = true
	}
	return all, nil
}

// KeyCheck is [DB.KeptCheck].
func (l *Look) KeyCheck(ctx context.Context) (string, error) { return l.db.KeptCheck(ctx) }

// KeptCheck is what [DB.KeyCheck] gives, or empty where nothing is kept yet. It
// keeps nothing.
func (db *DB) KeptCheck(ctx context.Context) (string, error) {
	var check string
	err := db.read(ctx).row(`SELECT value FROM meta WHERE key = 'key'`, nil, &check)
	if err != nil && !missing(err) && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("look up the check of the key file: %w", err)
	}
	return check, nil
}

// ErrBusy is wrapped by [Look.Writable] where others were writing all the time.
var ErrBusy = errors.New("the database is busy")

// Writable reports why nothing can be written, or nil. It begins a write that
// changes nothing, and takes it back.
func (l *Look) Writable(ctx context.Context) error {
	err := l.tryWrite(ctx, `UPDATE meta SET value = value WHERE key = ''`)
	if missing(err) { // a database that nobody has used: its tables are still to be made
		err = l.tryWrite(ctx, `CREATE TABLE doctor (n INTEGER)`)
	}
	switch {
	case err == nil:
		return nil
	case again(err):
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return fmt.Errorf("write to the database: %w", err)
}

// tryWrite is not db.write: nothing of it may stay, and it is not tried again.
func (l *Look) tryWrite(ctx context.Context, statement string) error {
	t, err := l.db.writes.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback() //nolint:errcheck // that is all that it is for
	_, err = t.ExecContext(ctx, statement)
	return err
}

// QuickCheck reports what SQLite finds wrong in its file, or nil: all but
// whether the indexes hold what the tables do. It reads the whole file.
// PostgreSQL has nothing like it, and is believed.
func (l *Look) QuickCheck(ctx context.Context) error {
	if l.db.postgres {
		return nil
	}
	var found string
	if err := l.db.read(ctx).row(`PRAGMA quick_check(1)`, nil, &found); err != nil {
		return fmt.Errorf("check the database file: %w", err)
	}
	if found != "ok" {
		return fmt.Errorf("check the database file: %w: %s", errDamaged, found)
	}
	return nil
}
