package store

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the schema up to date. Each migration is one transaction, so
// that a kill leaves it done or not begun; nodes that start at once wait for
// one another.
func Migrate(ctx context.Context, o Options) error {
	db, err := open(o)
	if err != nil {
		return err
	}
	defer db.Close()
	if db.current(ctx) {
		return nil
	}
	// SQLite has no lock between sessions: two processes that start on one
	// new file may both begin. One of them then finds the work done.
	for attempt := 1; ; attempt++ {
		if err = db.migrate(ctx); err == nil || db.postgres || attempt == writeAttempts {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(attempt) * 50 * time.Millisecond):
		}
	}
	if err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return db.write(ctx, func(t *tx) error {
		_, err := t.exec(`INSERT INTO meta (key, value) VALUES ('epoch', '1') ON CONFLICT (key) DO NOTHING`)
		return err
	})
}

// current reports whether every migration was applied and nothing is left to do,
// as at nearly every start. Whatever is in doubt is for those who migrate.
func (db *DB) current(ctx context.Context) bool {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return false
	}
	var applied, newest, epoch int
	err = db.reads.QueryRowContext(ctx, `
		SELECT COUNT(*), COALESCE(MAX(version_id), 0), (SELECT COUNT(*) FROM meta WHERE key = 'epoch')
		  FROM goose_db_version WHERE is_applied AND version_id > 0`).Scan(&applied, &newest, &epoch)
	return err == nil && applied == len(names) && newest == len(names) && epoch == 1
}

func (db *DB) migrate(ctx context.Context) error {
	dialect, options := goose.DialectSQLite3, []goose.ProviderOption{goose.WithSlog(slog.New(slog.DiscardHandler))}
	if db.postgres {
		dialect = goose.DialectPostgres
		// The lock is tried often: a waiting node should lose no time.
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 120), lock.WithUnlockTimeout(1, 10))
		if err != nil {
			return err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	files, err := db.dialect()
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(dialect, db.writes, files, options...)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// dialect gives the migrations in the words of the database: they are written
// for PostgreSQL, and three words differ.
func (db *DB) dialect() (fs.FS, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil || db.postgres {
		return files, err
	}
	return words{files, strings.NewReplacer("BIGINT", "INTEGER", "BOOLEAN", "INTEGER", "/*strict*/", " STRICT")}, nil
}

// words is a file system whose files have words replaced.
type words struct {
	fs.FS
	replace *strings.Replacer
}

// Open opens a file, and replaces the words of a regular one.
func (w words) Open(name string) (fs.File, error) {
	f, err := w.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return f, err
	}
	defer f.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(f); err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return &wordsFile{bytes.NewReader([]byte(w.replace.Replace(text.String()))), info}, nil
}

type wordsFile struct {
	*bytes.Reader
	info fs.FileInfo
}

// Stat describes the file.
func (f *wordsFile) Stat() (fs.FileInfo, error) { return f.info, nil }

// Close does nothing.
func (f *wordsFile) Close() error { return nil }

// KeyCheck gives the value that tells whether a key file belongs to this
// database. Where there is none yet it keeps fresh, made by the key file at
// hand, and gives it back; of nodes that start at once the first one's stays.
func (db *DB) KeyCheck(ctx context.Context, fresh string) (string, error) {
	var check string
	err := db.write(ctx, func(t *tx) error {
		_, err := t.exec(`INSERT INTO meta (key, value) VALUES ('key', $1) ON CONFLICT (key) DO NOTHING`, fresh)
		if err != nil {
			return err
		}
		return t.row(`SELECT value FROM meta WHERE key = 'key'`, nil, &check)
	})
	if err != nil {
		return "", fmt.Errorf("check the key file: %w", err)
	}
	return check, nil
}

// Uses are what one key of the key file is still needed for.
type Uses struct {
	Passwords int // until their owners sign in the next time
	Ways      int // authenticator apps, passkeys and phones until they are used, saved codes until they are replaced
	Flows     int // until they end, and what they show is kept
}

// KeyUses counts what one key of the key file is still needed for.
func (db *DB) KeyUses(ctx context.Context, id string, now time.Time) (u Uses, err error) {
	err = db.read(ctx).row(`
		SELECT (SELECT COUNT(*) FROM credentials WHERE kind = 'password' AND dropped = 0 AND data LIKE $1),
		       (SELECT COUNT(*) FROM credentials WHERE kind IN ('totp', 'passkey', 'app') AND data LIKE $3 OR kind = 'saved' AND lookup LIKE $3),
		       (SELECT COUNT(*) FROM flows f WHERE expires > $2 AND (fresh LIKE $3 OR step <> 'done' AND (pending LIKE $3
		        OR EXISTS (SELECT 1 FROM challenges c WHERE c.flow = f.id AND c.key_id = $4))))`,
		[]any{id + "$%", micros(now), id + ".%", id}, &u.Passwords, &u.Ways, &u.Flows)
	if err != nil {
		return Uses{}, fmt.Errorf("count what a key is used for: %w", err)
	}
	return u, nil
}

// RenewKeyCheck keeps a check made by a newer key of the same file, so that the
// older key may go one day.
func (db *DB) RenewKeyCheck(ctx context.Context, was, fresh string) error {
	err := db.write(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE meta SET value = $1 WHERE key = 'key' AND value = $2`, fresh, was)
		return err
	})
	if err != nil {
		return fmt.Errorf("renew the check of the key file: %w", err)
	}
	return nil
}

// Fresh reports whether nobody has used the database yet: it has no schema, or
// no key file has been tied to it.
func Fresh(ctx context.Context, o Options) (bool, error) {
	db, err := open(o)
	if err != nil {
		return false, err
	}
	defer db.Close()
	var n int
	err = db.reads.QueryRowContext(ctx, `SELECT COUNT(*) FROM meta WHERE key = 'key'`).Scan(&n)
	if missing(err) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("look into the database: %w", err)
	}
	return n == 0, nil
}

// missing reports whether err says that a table is not there.
func missing(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "42P01"
	}
	return err != nil && strings.Contains(err.Error(), "no such table")
}
