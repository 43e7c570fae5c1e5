package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrServing says that a server uses the database that was to be replaced.
var ErrServing = errors.New("a server uses the database: stop it first")

// A Restoring is a backup about to take the place of the database.
type Restoring struct {
	Options
	Path string // of the backup
	// Fits reports whether the installation's keys belong to the check value
	// that the backup carries.
	Fits func(check string) bool
	Now  time.Time
}

// Restore puts a backup in the place of the configured database, and gives the
// name under which the old one is kept beside it; empty if there was none. No
// server may be running: it reports ErrServing. What was begun before the
// restore has ended: the installation's epoch is higher than both databases'.
func Restore(ctx context.Context, r Restoring) (kept string, err error) {
	part, err := r.copyBackup(ctx)
	if err != nil {
		return "", err
	}
	defer os.Remove(part)
	if path, ok := strings.CutPrefix(r.URL, "sqlite:"); ok {
		kept, err = r.replaceFile(ctx, part, path)
	} else {
		kept, err = r.replaceSchema(ctx, part)
	}
	if err != nil {
		return "", fmt.Errorf("restore %s: %w", r.Path, err)
	}
	return kept, nil
}

// copyBackup copies the backup, so that it stays as it is, brings the copy's
// tables up to date, and makes sure that the keys belong to it.
func (r *Restoring) copyBackup(ctx context.Context) (part string, err error) {
	part = r.Path + ".part"
	if path, ok := strings.CutPrefix(r.URL, "sqlite:"); ok {
		part = path + ".part" // on the same disk as what it replaces
	}
	if err := makePrivate(part); err != nil {
		return "", fmt.Errorf("restore: %w", err)
	}
	if err := copyFile(r.Path, part); err != nil {
		return "", fmt.Errorf("restore: %w", err)
	}
	o := Options{URL: "sqlite:" + part}
	db, err := open(o)
	if err != nil {
		return "", fmt.Errorf("%s is no backup of Sparekey's: %w", r.Path, err)
	}
	version, check := 0, ""
	err = errors.Join(
		db.reads.QueryRowContext(ctx, `SELECT MAX(version_id) FROM goose_db_version`).Scan(&version),
		db.reads.QueryRowContext(ctx, `SELECT COALESCE(MAX(value), '') FROM meta WHERE key = 'key'`).Scan(&check))
	db.Close()
	switch {
	case err != nil:
		return "", fmt.Errorf("%s is no backup of Sparekey's: %w", r.Path, err)
	case version > schemaVersion():
		return "", fmt.Errorf("%s was made by a newer Sparekey: restore it with that one", r.Path)
	case check != "" && !r.Fits(check): // none stands in what no server has used
		return "", fmt.Errorf("%s belongs to other keys: give the key file of the installation it was made of", r.Path)
	}
	return part, Migrate(ctx, o)
}

// schemaVersion is the number of the newest migration.
func schemaVersion() (newest int) {
	entries, err := migrations.ReadDir("migrations")
	if err != nil {
		panic(fmt.Errorf("store: %w", err)) // they are in the program
	}
	for _, e := range entries {
		number, _, _ := strings.Cut(e.Name(), "_")
		if n, err := strconv.Atoi(number); err == nil {
			newest = max(newest, n)
		}
	}
	return newest
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

func (r *Restoring) stamp() string { return r.Now.UTC().Format("20060102t150405z") }

// replaceFile puts the copy in the place of an SQLite file.
func (r *Restoring) replaceFile(ctx context.Context, part, path string) (string, error) {
	epoch, err := takeAlone(ctx, path)
	if err != nil {
		return "", err
	}
	if err := raiseEpoch(ctx, part, epoch); err != nil {
		return "", err
	}
	kept := ""
	if old, err := os.Stat(path); err == nil {
		if err := keepOwner(old, part); err != nil {
			return "", fmt.Errorf("give the database to its owner: %w", err)
		}
		kept = path + ".before-" + r.stamp()
		if err := os.Link(path, kept); err != nil {
			return "", fmt.Errorf("keep the old database: %w", err)
		}
	}
	return kept, putInPlace(part, path)
}

// keepOwner gives a file to the owner of an older one: who restores is often
// root, and the server is not.
func keepOwner(old os.FileInfo, path string) error {
	was, ok := old.Sys().(*syscall.Stat_t)
	if !ok || int(was.Uid) == os.Getuid() && int(was.Gid) == os.Getgid() {
		return nil
	}
	return os.Chown(path, int(was.Uid), int(was.Gid))
}

// takeAlone makes sure that nobody uses an SQLite file, and that all it holds
// stands in that one file. It gives its epoch.
func takeAlone(ctx context.Context, path string) (int64, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	db, err := open(Options{URL: "sqlite:" + path})
	if err != nil {
		return 0, err
	}
	defer db.Close()
	var epoch int64
	err = db.reads.QueryRowContext(ctx, `SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'epoch'`).Scan(&epoch)
	if err != nil && !missing(err) && !errors.Is(err, sql.ErrNoRows) {
		return 0, err
	}
	// An exclusive lock on a file in WAL mode is refused while anybody else has
	// it open. Readers of ours come after the first use, so they go first.
	db.reads.Close()
	for _, query := range []string{`PRAGMA wal_checkpoint(TRUNCATE)`, `PRAGMA busy_timeout = 200`, `PRAGMA journal_mode = DELETE`} {
		if _, err := db.writes.ExecContext(ctx, query); err != nil {
			if again(err) {
				return 0, ErrServing
			}
			return 0, err
		}
	}
	return epoch, nil
}

// raiseEpoch writes into the copy an epoch above its own and another.
func raiseEpoch(ctx context.Context, part string, other int64) error {
	db, err := open(Options{URL: "sqlite:" + part})
	if err != nil {
		return err
	}
	_, err = db.writes.ExecContext(ctx, `
		UPDATE meta SET value = CAST(MAX(CAST(value AS INTEGER), $1) + 1 AS TEXT) WHERE key = 'epoch'`, other)
	if err == nil {
		_, err = db.writes.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	}
	return errors.Join(err, db.Close())
}

// staging is the schema of PostgreSQL in which a restored database is built.
const staging = "sparekey_restoring"

// replaceSchema copies the backup into a schema beside the one in use, and then
// changes one for the other in one transaction.
func (r *Restoring) replaceSchema(ctx context.Context, part string) (string, error) {
	db, err := open(r.Options)
	if err != nil {
		return "", err
	}
	defer db.Close()
	if err := db.nobodyElse(ctx); err != nil {
		return "", err
	}
	var epoch int64
	err = db.reads.QueryRowContext(ctx, `SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'epoch'`).Scan(&epoch)
	if err != nil && !missing(err) && !errors.Is(err, sql.ErrNoRows) {
		return "", err
	}
	if err := raiseEpoch(ctx, part, epoch); err != nil {
		return "", err
	}
	if err := r.fillStaging(ctx, db, part); err != nil {
		return "", err
	}
	kept := "sparekey_before_" + r.stamp()
	return kept, inTx(ctx, db.writes, func(tx *sql.Tx) error { return swapSchemas(ctx, tx, kept) })
}

// nobodyElse reports ErrServing if a server is connected to PostgreSQL. One that
// was stopped a moment ago may still be on its way out.
func (db *DB) nobodyElse(ctx context.Context) error {
	for range 20 {
		var others int
		err := db.reads.QueryRowContext(ctx, `
			SELECT COUNT(*) FROM pg_stat_activity
			 WHERE datname = current_database() AND application_name = $1 AND pid <> pg_backend_pid()`, applicationName).Scan(&others)
		if err != nil || others == 0 {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return ErrServing
}

func (r *Restoring) fillStaging(ctx context.Context, db *DB, part string) error {
	for _, query := range []string{`DROP SCHEMA IF EXISTS ` + staging + ` CASCADE`, `CREATE SCHEMA ` + staging} {
		if _, err := db.writes.ExecContext(ctx, query); err != nil {
			return err
		}
	}
	o := r.Options
	o.schema = staging
	if err := Migrate(ctx, o); err != nil {
		return err
	}
	to, err := open(o)
	if err != nil {
		return err
	}
	defer to.Close()
	from, err := open(Options{URL: "sqlite:" + part})
	if err != nil {
		return err
	}
	defer from.Close()
	return inTx(ctx, to.writes, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM meta`); err != nil {
			return err
		}
		return copyAll(ctx, from, tx, true)
	})
}

// swapSchemas moves the tables in use into the schema kept, and those of the
// restored database into their place.
func swapSchemas(ctx context.Context, tx *sql.Tx, kept string) error {
	var current string
	if err := tx.QueryRowContext(ctx, `SELECT current_schema()`).Scan(&current); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `CREATE SCHEMA `+kept); err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, `SELECT tablename FROM pg_tables WHERE schemaname = $1`, staging)
	if err != nil {
		return err
	}
	var tables []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			rows.Close()
			return err
		}
		tables = append(tables, name)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, table := range tables {
		for _, query := range []string{
			`ALTER TABLE IF EXISTS ` + current + `.` + table + ` SET SCHEMA ` + kept,
			`ALTER TABLE ` + staging + `.` + table + ` SET SCHEMA ` + current,
		} {
			if _, err := tx.ExecContext(ctx, query); err != nil {
				return err
			}
		}
	}
	_, err = tx.ExecContext(ctx, `DROP SCHEMA `+staging)
	return err
}
