package sparekeytest

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
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
	killed(t, func() string {
		config, err := pgx.ParseConfig(Postgres(t))
		if err != nil {
			t.Fatal(err)
		}
		return config.Host
	})
}

// killed runs the test again in a process of its own, which calls start and is
// killed then. What start gives, a folder, and every process that has it on
// its command line must be gone soon.
func killed(t *testing.T, start func() (folder string)) {
	t.Helper()
	const child = "SPAREKEYTEST_CHILD"
	if os.Getenv(child) != "" {
		os.Stdout.WriteString("folder " + start() + "\n")
		<-t.Context().Done() // until it is killed
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), child+"=1", "SPAREKEY_TEST_POSTGRES=")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var folder string
	for lines := bufio.NewScanner(out); folder == "" && lines.Scan(); {
		folder, _ = strings.CutPrefix(lines.Text(), "folder ")
	}
	if _, err := os.Stat(folder); err != nil {
		t.Errorf("while it runs: %v", err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	if !within(patience, func() bool { _, err := os.Stat(folder); return os.IsNotExist(err) }) {
		t.Errorf("%s is still there", folder)
	}
	if !within(patience, func() bool { return len(running(t, folder)) == 0 }) {
		t.Errorf("still running: %q", running(t, folder))
	}
}

// running lists the command lines, of all processes, that hold word.
func running(t *testing.T, word string) (lines []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(files) == 0 {
		t.Fatalf("list processes: %d, %v", len(files), err)
	}
	for _, file := range files {
		// A process may have ended since.
		if line, _ := os.ReadFile(file); strings.Contains(string(line), word) {
			lines = append(lines, string(line))
		}
	}
	return lines
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

// within asks until it is so, and reports whether that was in time.
func within(limit time.Duration, so func() bool) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); time.Now().Before(end); <-tick.C {
		if so() {
			return true
		}
	}
	return so()
}
