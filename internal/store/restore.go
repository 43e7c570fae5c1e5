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
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrServing says that a server uses the database that was to be replaced.
var ErrServing = errors.New("a server or a command uses the database: stop it first")

// ErrRestoring says that the database cannot be opened because a restore is
// about to replace it.
var ErrRestoring = errors.New("the database is held by a restore: start again when that is done")

// A Restoring is a backup about to take the place of the database.
type Restoring struct {
	Options
	Path string // of the backup
	// Fits reports whether the installation's keys belong to the check value
	// that the backup carries.
	Fits func(check string) bool
	Now  time.Time
}

// A Restored says what became of the database that a backup has replaced.
type Restored struct {
	Kept    string // the name under which it is kept; empty if there was none
	Damaged bool   // it could not be read
}

// Restore puts a backup in the place of the configured database, and keeps the
// old one beside it, damaged or not. No server may be running: it reports
// ErrServing, and none gets in until it returns. What was begun before the
// restore has ended: the installation's epoch is higher than both databases'.
func Restore(ctx context.Context, r Restoring) (Restored, error) {
	replace := r.replaceSchema
	if strings.HasPrefix(r.URL, "sqlite:") {
		replace = r.replaceFile
	}
	done, err := replace(ctx)
	if err != nil {
		return Restored{}, fmt.Errorf("restore %s: %w", r.Path, err)
	}
	return done, nil
}

// copyBackup copies the backup, so that it stays as it is, makes sure that the
// copy is whole and that the keys belong to it, and brings its tables up to
// date.
func (r *Restoring) copyBackup(ctx context.Context, part string) error {
	if err := r.checkName(part); err != nil {
		return err
	}
	if err := makePrivate(part); err != nil {
		return err
	}
	if err := copyFile(r.Path, part); err != nil {
		return err
	}
	if err := r.checkCopy(ctx, part); err != nil {
		return err
	}
	return Migrate(ctx, Options{URL: "sqlite:" + part})
}

// checkName refuses what can be no backup, by its name. The database itself
// must not even be opened here: to close it would let go of its lock.
func (r *Restoring) checkName(part string) error {
	info, err := os.Stat(r.Path)
	if err != nil {
		return plain(err)
	}
	if info.IsDir() {
		return errors.New("it is a folder: name the file that sparekey backup has written")
	}
	path, _ := strings.CutPrefix(r.URL, "sqlite:")
	for _, ours := range []string{path, part} {
		if other, err := os.Stat(ours); err == nil && os.SameFile(info, other) {
			return errors.New("it is the database's own file: name the file that sparekey backup has written")
		}
	}
	return nil
}

// plain takes the path, which the message names already, out of err.
func plain(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// checkCopy looks into the copy of a backup.
func (r *Restoring) checkCopy(ctx context.Context, part string) error {
	version, check, err := describe(ctx, part)
	switch {
	case Damaged(err), missing(err):
		return errors.New("it is no backup of Sparekey's, or is damaged: name a file that sparekey backup has written")
	case err != nil:
		return err
	case version > schemaVersion():
		return errors.New("it was made by a newer Sparekey: restore it with that one")
	case check != "" && !r.Fits(check): // none stands in what no server has used
		return errors.New("it belongs to other keys: let SPAREKEY_KEY_FILE name the key file of the installation it was made of")
	}
	return nil
}

// describe gives the schema's version and the key check of an SQLite file whose
// pages are whole.
func describe(ctx context.Context, path string) (version int, check string, err error) {
	db, err := open(Options{URL: "sqlite:" + path})
	if err != nil {
		return 0, "", err
	}
	defer db.Close()
	err = db.reads.QueryRowContext(ctx, `SELECT MAX(version_id) FROM goose_db_version`).Scan(&version)
	if err == nil {
		err = db.reads.QueryRowContext(ctx, `SELECT COALESCE(MAX(value), '') FROM meta WHERE key = 'key'`).Scan(&check)
	}
	if err == nil {
		err = (&Look{db}).QuickCheck(ctx)
	}
	return version, check, err
}

// errDamaged says that pages of an SQLite file do not fit together.
var errDamaged = errors.New("the file is damaged")

// Damaged reports whether err says that an SQLite file cannot be read, because
// it is damaged or no database at all.
func Damaged(err error) bool {
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code()&0xff == sqlite3.SQLITE_CORRUPT || lite.Code()&0xff == sqlite3.SQLITE_NOTADB
	}
	return errors.Is(err, errDamaged)
}

// epochIn gives the installation's epoch that a database holds; 0 if it holds
// none.
func epochIn(ctx context.Context, on interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
},
) (epoch int64, err error) {
	err = on.QueryRowContext(ctx, `SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'epoch'`).Scan(&epoch)
	if missing(err) || errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return epoch, err
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

// raiseEpoch writes into the copy an epoch above its own and another, and gives
// it.
func raiseEpoch(ctx context.Context, part string, other int64) (epoch int64, err error) {
	db, err := open(Options{URL: "sqlite:" + part})
	if err != nil {
		return 0, err
	}
	err = db.writes.QueryRowContext(ctx, `
		UPDATE meta SET value = CAST(MAX(CAST(value AS INTEGER), $1) + 1 AS TEXT) WHERE key = 'epoch'
		RETURNING CAST(value AS INTEGER)`, other).Scan(&epoch)
	if err == nil {
		_, err = db.writes.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	}
	return epoch, errors.Join(err, db.Close())
}
