package store

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// errMoved says that an SQLite file has got another name while it was opened.
var errMoved = errors.New("the database was moved while it was opened: start again")

// openSQLite opens an SQLite file. One that a restore replaces meanwhile is
// opened again: it is the new one that counts.
func openSQLite(path string, trace func(Statement)) (*DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	for attempt := 1; ; attempt++ {
		db, err := openFile(abs, trace)
		if errors.Is(err, errMoved) && attempt < writeAttempts {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("open database %s: %w", path, plain(err))
		}
		return db, nil
	}
}

// openFile opens a connection for the group of writers, who so wait in a fair
// queue and not in the busy handler, and a pool of reading ones. The pragmas
// stand in the DSN, where every connection of a pool gets them.
// synchronous=FULL keeps the promise that what was acknowledged is on disk.
func openFile(path string, trace func(Statement)) (*DB, error) {
	// SQLite would make a file that everybody may read, and gives those beside
	// it the mode of the first.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	opened, err := file.Stat()
	file.Close()
	if err != nil {
		return nil, err
	}
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)" +
		"&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=temp_store(2)"
	writes, err := sql.Open("sqlite", dsn+"&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	writes.SetMaxOpenConns(2)  // the group's, and one for what a command does beside it
	err = makeWAL(writes)      // makes the file before a reader looks for it
	now, gone := os.Stat(path) // whose name it was may have changed by now
	if err == nil && (gone != nil || !os.SameFile(opened, now)) {
		err = errMoved
	}
	if err != nil {
		writes.Close()
		return nil, err
	}
	reads, err := sql.Open("sqlite", dsn+"&_pragma=query_only(1)")
	if err != nil {
		writes.Close()
		return nil, err
	}
	reads.SetMaxOpenConns(8)
	reads.SetMaxIdleConns(8)
	looks := &prepared{on: reads, made: map[string]*sql.Stmt{}}
	return &DB{reads: reads, looks: looks, writes: writes, group: &group{db: writes}, trace: trace}, nil
}

// makeWAL opens the first connection, which turns a new file to WAL. Two
// processes that do so at once may meet in the middle, where SQLite asks no
// busy handler: one of them begins again. Where the busy handler has waited in
// vain there is no point in that: a restore has the file.
func makeWAL(db *sql.DB) error {
	began := time.Now()
	for attempt := 1; ; attempt++ {
		err := db.Ping()
		var lite *sqlite.Error
		switch {
		case errors.As(err, &lite) && lite.Code() == sqlite3.SQLITE_READONLY_DBMOVED:
			return errMoved
		case !again(err):
			return err
		case time.Since(began) > restorePatience-time.Second:
			return fmt.Errorf("%w (%w)", ErrRestoring, err) // or another program that locks it
		case attempt == writeAttempts:
			return err
		}
		time.Sleep(time.Duration(attempt) * 10 * time.Millisecond)
	}
}
