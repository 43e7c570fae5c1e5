package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Backup writes all that the database holds, as it is at one moment, into a new
// file. Servers go on meanwhile. The file is an SQLite database of the same
// tables, whichever database it comes from, readable by its owner only. The
// installation's keys are not in it. It reports fs.ErrExist if there is such a
// file already.
func Backup(ctx context.Context, o Options, path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = fs.ErrExist
		}
		return fmt.Errorf("write backup %s: %w", path, err)
	}
	from, err := open(o)
	if err != nil {
		return err
	}
	defer from.Close()
	part := path + ".part"
	if err := makePrivate(part); err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	defer removeFile(part) //nolint:errcheck // after the rename there is nothing to remove
	err = intoSQLite(ctx, part, func(to *sql.Tx) error { return copyAll(ctx, from, to, false) })
	if err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	if err := putInPlace(part, path); err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	return nil
}

// makePrivate makes an empty file that only its owner may read, in the place of
// what a broken attempt may have left.
func makePrivate(path string) error {
	if err := removeFile(path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// removeFile removes an SQLite file and what lies beside it, as far as they are
// there.
func removeFile(path string) error {
	var errs []error
	for _, end := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(path + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// intoSQLite makes the tables in a file and fills them in one transaction. When
// it returns, all of it stands in that one file.
func intoSQLite(ctx context.Context, path string, fill func(*sql.Tx) error) error {
	o := Options{URL: "sqlite:" + path}
	if err := Migrate(ctx, o); err != nil {
		return err
	}
	db, err := open(o)
	if err != nil {
		return err
	}
	err = inTx(ctx, db.writes, func(tx *sql.Tx) error {
		// What Migrate wrote comes from the other database.
		if _, err := tx.ExecContext(ctx, `DELETE FROM meta`); err != nil {
			return err
		}
		return fill(tx)
	})
	if err == nil {
		_, err = db.writes.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	}
	return errors.Join(err, db.Close())
}

func inTx(ctx context.Context, db *sql.DB, do func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it has nothing to do
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// putInPlace brings a finished file to its name, for good.
func putInPlace(part, path string) error {
	err := syncToDisk(part)
	if err == nil {
		err = os.Rename(part, path)
	}
	if err == nil {
		err = syncToDisk(filepath.Dir(path))
	}
	return err
}

// syncToDisk makes a file, or the names in a folder, last through a power cut.
func syncToDisk(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// copyAll copies every row of every table, as they are at one moment. toBool
// says that the target has a type of its own for yes and no.
func copyAll(ctx context.Context, from *DB, to *sql.Tx, toBool bool) error {
	o := &sql.TxOptions{ReadOnly: true}
	if from.postgres {
		o.Isolation = sql.LevelRepeatableRead
	}
	src, err := from.reads.BeginTx(ctx, o)
	if err != nil {
		return err
	}
	defer src.Rollback() //nolint:errcheck // it has only looked
	tables, err := from.tables(ctx, src)
	if err != nil {
		return err
	}
	for _, table := range tables {
		if err := copyTable(ctx, src, to, table, toBool); err != nil {
			return fmt.Errorf("copy %s: %w", table, err)
		}
	}
	return nil
}

// tables lists the tables that hold what the installation knows, those first
// that others refer to.
func (db *DB) tables(ctx context.Context, tx *sql.Tx) ([]string, error) {
	query := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'goose_db_version'`
	if db.postgres {
		query = `SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'goose_db_version'`
	}
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		list = append(list, name)
	}
	slices.SortFunc(list, func(a, b string) int {
		return strings.Compare(strconv.Itoa(rank(a))+a, strconv.Itoa(rank(b))+b)
	})
	return list, rows.Err()
}

func rank(table string) int {
	if table == "accounts" || table == "flows" {
		return 0
	}
	return 1
}

// copyRows is how many rows go into one statement.
const copyRows = 100

func copyTable(ctx context.Context, src, to *sql.Tx, table string, toBool bool) error {
	rows, err := src.QueryContext(ctx, `SELECT * FROM `+table)
	if err != nil {
		return err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	var yesNo map[string]bool
	if toBool {
		if yesNo, err = boolColumns(ctx, to, table); err != nil {
			return err
		}
	}
	var batch []any
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		_, err := to.ExecContext(ctx, insertRows(table, names, len(batch)/len(names)), batch...)
		batch = batch[:0]
		return err
	}
	for rows.Next() {
		values, dest := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			dest[i] = &values[i]
		}
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		for i, v := range values {
			if n, ok := v.(int64); ok && yesNo[names[i]] {
				values[i] = n != 0
			}
		}
		if batch = append(batch, values...); len(batch) >= copyRows*len(names) {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return errors.Join(rows.Err(), flush())
}

// insertRows is the statement that writes n rows.
func insertRows(table string, names []string, n int) string {
	var b strings.Builder
	b.WriteString(`INSERT INTO ` + table + ` (` + strings.Join(names, ", ") + `) VALUES `)
	for row := range n {
		if row > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('(')
		for i := range names {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString("$" + strconv.Itoa(row*len(names)+i+1))
		}
		b.WriteByte(')')
	}
	return b.String()
}

func boolColumns(ctx context.Context, tx *sql.Tx, table string) (map[string]bool, error) {
	rows, err := tx.QueryContext(ctx, `
		SELECT column_name FROM information_schema.columns
		 WHERE table_schema = current_schema() AND table_name = $1 AND data_type = 'boolean'`, table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		found[name] = true
	}
	return found, rows.Err()
}
