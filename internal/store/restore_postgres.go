package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// staging is the schema of PostgreSQL in which a restored database is built.
const staging = "sparekey_restoring"

// restoreLock is the advisory lock that a connection of ours shares for as long
// as it lives, and that a restore has alone. So there is no moment in which a
// server could come in unseen, be it started or back after a pause.
const restoreLock = `hashtextextended('sparekey restore', 0)`

// restorePatience is how long a connection waits for a restore to end, and
// lastServer how long a restore waits for a server that was stopped just now.
const (
	restorePatience = 5 * time.Second
	lastServer      = 2 * time.Second
)

// shareLock takes a new connection's share of the restoreLock. It reports
// ErrRestoring.
func shareLock(ctx context.Context, conn *pgx.Conn) error {
	return tryLock(ctx, restorePatience, ErrRestoring, func(got *bool) error {
		return conn.QueryRow(ctx, `SELECT pg_try_advisory_lock_shared(`+restoreLock+`)`).Scan(got)
	})
}

// takeAlone takes the restoreLock for a connection, until that is closed. It
// reports ErrServing.
func takeAlone(ctx context.Context, conn *sql.Conn) error {
	return tryLock(ctx, lastServer, ErrServing, func(got *bool) error {
		return conn.QueryRowContext(ctx, `SELECT pg_try_advisory_lock(`+restoreLock+`)`).Scan(got)
	})
}

// tryLock tries again and again for a while, and does not stand in the queue:
// there a restore that waits would keep others from sharing.
func tryLock(ctx context.Context, patience time.Duration, refused error, try func(got *bool) error) error {
	for end := time.Now().Add(patience); ; {
		got := false
		if err := try(&got); err != nil || got {
			return err
		}
		if time.Now().After(end) {
			return refused
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// replaceSchema copies the backup into a schema beside the one in use, and then
// changes one for the other in one transaction.
func (r *Restoring) replaceSchema(ctx context.Context) (done Restored, err error) {
	r.alone = true
	db, err := open(r.Options)
	if err != nil {
		return done, err
	}
	defer db.Close() // with the connection goes the lock
	lock, err := db.writes.Conn(ctx)
	if err != nil {
		return done, err
	}
	defer lock.Close()
	if err := takeAlone(ctx, lock); err != nil {
		return done, err
	}
	part := r.Path + ".part"
	defer removeFile(part) //nolint:errcheck // what is left is removed by the next one
	if err := r.copyBackup(ctx, part); err != nil {
		return done, err
	}
	epoch, err := epochIn(ctx, db.reads)
	if err != nil {
		return done, err
	}
	if _, err := raiseEpoch(ctx, part, epoch); err != nil {
		return done, err
	}
	err = r.fillStaging(ctx, db, part)
	if err == nil {
		err = inTx(ctx, db.writes, func(tx *sql.Tx) error {
			done.Kept, err = swapSchemas(ctx, tx, "sparekey_before_"+r.stamp())
			return err
		})
	}
	if err != nil {
		_, undo := db.writes.ExecContext(ctx, `DROP SCHEMA IF EXISTS `+staging+` CASCADE`)
		return done, errors.Join(err, undo)
	}
	return done, nil
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

// swapSchemas moves the tables in use into a schema that is called kept, or
// like it if there is one already, and those of the restored database into
// their place. It gives the name.
func swapSchemas(ctx context.Context, tx *sql.Tx, kept string) (string, error) {
	var current string
	if err := tx.QueryRowContext(ctx, `SELECT current_schema()`).Scan(&current); err != nil {
		return "", err
	}
	kept, err := firstFree(kept, "_", func(name string) (taken bool, err error) {
		err = tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)`, name).Scan(&taken)
		return taken, err
	})
	if err != nil {
		return "", err
	}
	tables, err := stagedTables(ctx, tx)
	if err != nil {
		return "", err
	}
	queries := []string{`CREATE SCHEMA ` + kept}
	for _, table := range tables {
		queries = append(queries, `ALTER TABLE IF EXISTS `+current+`.`+table+` SET SCHEMA `+kept,
			`ALTER TABLE `+staging+`.`+table+` SET SCHEMA `+current)
	}
	for _, query := range append(queries, `DROP SCHEMA `+staging) {
		if _, err := tx.ExecContext(ctx, query); err != nil {
			return "", err
		}
	}
	return kept, nil
}

// stagedTables lists the tables of the restored database.
func stagedTables(ctx context.Context, tx *sql.Tx) (tables []string, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT tablename FROM pg_tables WHERE schemaname = $1`, staging)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		tables = append(tables, name)
	}
	return tables, rows.Err()
}
