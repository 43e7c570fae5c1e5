package sparekeytest

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"sparekey/internal/sparekeytest/guard"
)

func TestMain(m *testing.M) { Main(m) }

// Tests that run side by side do not see each other's tables, locks or
// notifications.
func TestPostgresGivesEachTestADatabaseOfItsOwn(t *testing.T) {
	one, other := connect(t, Postgres(t)), connect(t, Postgres(t))
	must(t, one, `CREATE TABLE here (n BIGINT)`)
	must(t, other, `CREATE TABLE here (n BIGINT)`)
	must(t, one, `INSERT INTO here VALUES (1)`)
	must(t, one, `SELECT pg_advisory_lock(1)`)
	var rows int
	var free bool
	if err := other.QueryRow(t.Context(), `SELECT (SELECT COUNT(*) FROM here), pg_try_advisory_lock(1)`).Scan(&rows, &free); err != nil {
		t.Fatal(err)
	}
	if rows != 0 || !free {
		t.Errorf("got %d rows of another test and its lock free %t, want 0 and true", rows, free)
	}
}

// The database is gone with the test, connections that were left open or not.
func TestPostgresDropsTheDatabase(t *testing.T) {
	var dsn string
	t.Run("test", func(t *testing.T) {
		dsn = Postgres(t)
		must(t, connect(t, dsn), `CREATE TABLE here (n BIGINT)`)
	})
	conn, err := pgx.Connect(t.Context(), dsn)
	if err == nil {
		conn.Close(context.Background())
		t.Fatal("the database is there after the test's end")
	}
	if !strings.Contains(err.Error(), "3D000") { // invalid_catalog_name
		t.Errorf("got %v, want that there is no such database", err)
	}
}

// Two hundred connections are there for pools of several nodes.
func TestPostgresTakesManyConnections(t *testing.T) {
	dsn := Postgres(t)
	var conns sync.WaitGroup
	errs := make(chan error, 150)
	open := make(chan *pgx.Conn, 150)
	for range 150 {
		conns.Go(func() {
			conn, err := pgx.Connect(t.Context(), dsn)
			if err != nil {
				errs <- err
				return
			}
			open <- conn
		})
	}
	conns.Wait()
	close(open)
	for conn := range open {
		conn.Close(context.Background())
	}
	if len(errs) > 0 {
		t.Errorf("%d of 150 connections failed, the first with %v", len(errs), <-errs)
	}
}

// A test process that is killed leaves neither a server nor a folder behind.
func TestPostgresEndsWithAKilledProcess(t *testing.T) {
	guard.Killed(t, func() string {
		config, err := pgx.ParseConfig(Postgres(t))
		if err != nil {
			t.Fatal(err)
		}
		return config.Host
	})
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func must(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}
