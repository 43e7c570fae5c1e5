package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sparekey"
)

// openGroup opens a new SQLite database and counts the transactions that its
// writer begins.
func openGroup(t *testing.T) *DB {
	t.Helper()
	o := Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "group.db")}
	if err := Migrate(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// note writes one row, as any request would.
func note(db *DB, key string, then error) error {
	return db.write(context.Background(), func(t *tx) error {
		if _, err := t.exec(`INSERT INTO meta (key, value) VALUES ($1, 'x')`, key); err != nil {
			return err
		}
		return then
	})
}

func noted(t *testing.T, db *DB) map[string]bool {
	t.Helper()
	keys := map[string]bool{}
	err := db.read(t.Context()).rows(`SELECT key FROM meta WHERE value = 'x'`, nil, func(scan func(...any) error) error {
		var key string
		err := scan(&key)
		keys[key] = true
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// Of many writes that come at once, each is there when it was answered, and
// what failed, or panicked, took back its own changes and nobody else's.
func TestGroupKeepsWritesApart(t *testing.T) {
	db := openGroup(t)
	refused := errors.New("refused")
	const n = 600 // more than two groups
	var wait sync.WaitGroup
	var early atomic.Int64
	for i := range n {
		wait.Go(func() {
			key := fmt.Sprintf("w%d", i)
			switch i % 3 {
			case 0:
				if err := note(db, key, nil); err != nil {
					t.Errorf("write %d: %v", i, err)
				}
				var there int
				if err := db.read(context.Background()).row(`SELECT COUNT(*) FROM meta WHERE key = $1`, []any{key}, &there); err != nil || there == 0 {
					early.Add(1)
				}
			case 1:
				if err := note(db, key, refused); !errors.Is(err, refused) {
					t.Errorf("write %d: got %v, want its own error", i, err)
				}
			case 2:
				defer func() {
					if recover() == nil {
						t.Errorf("write %d: got no panic, want its own", i)
					}
				}()
				db.write(context.Background(), func(t *tx) error { //nolint:errcheck // it panics
					t.exec(`INSERT INTO meta (key, value) VALUES ($1, 'x')`, key)
					panic("broken")
				})
			}
		})
	}
	wait.Wait()
	if early.Load() > 0 {
		t.Errorf("got %d writes answered before others could read them, want none", early.Load())
	}
	got := noted(t, db)
	for i := range n {
		if there := got[fmt.Sprintf("w%d", i)]; there != (i%3 == 0) {
			t.Errorf("write %d: got there %v, want %v", i, there, i%3 == 0)
		}
	}
}

// Where the disk is full, SQLite takes back the whole transaction: every write
// that shared it is told so, and none that was answered is missing.
func TestGroupOnAFullDisk(t *testing.T) {
	db := openGroup(t)
	var pages int
	if err := db.writes.QueryRow(`PRAGMA page_count`).Scan(&pages); err != nil {
		t.Fatal(err)
	}
	if _, err := db.writes.Exec(fmt.Sprintf(`PRAGMA max_page_count = %d`, pages+20)); err != nil {
		t.Fatal(err)
	}
	const n = 400
	answered := make([]error, n)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			answered[i] = note(db, fmt.Sprintf("w%d-%0500d", i, i), nil)
		})
	}
	wait.Wait()
	got := noted(t, db)
	refused := 0
	for i, err := range answered {
		there := got[fmt.Sprintf("w%d-%0500d", i, i)]
		if there != (err == nil) {
			t.Errorf("write %d: got there %v and answer %v", i, there, err)
		}
		if err != nil {
			refused++
			if !errors.Is(err, sparekey.ErrDown) {
				t.Errorf("write %d: got %v, want that the database is down", i, err)
			}
		}
	}
	if refused == 0 || refused == n {
		t.Errorf("got %d of %d writes refused, want some: the disk was not filled", refused, n)
	}
	if _, err := db.writes.Exec(`PRAGMA max_page_count = 1000000`); err != nil {
		t.Fatal(err)
	}
	if err := note(db, "after", nil); err != nil {
		t.Errorf("write with room again: %v", err)
	}
}

// While a write goes on, those that wait for it share one commit, and one that
// has waited too long is answered without having written.
func TestGroupSharesOneCommit(t *testing.T) {
	db := openGroup(t)
	begun, goOn := make(chan struct{}), make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		err := db.write(context.Background(), func(*tx) error {
			close(begun)
			<-goOn
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-begun
	var shares sync.Map
	for range 50 {
		wait.Go(func() {
			err := db.write(context.Background(), func(*tx) error {
				shares.Store(db.group.shared, true)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	short, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := db.group.enter(short); !errors.Is(err, sparekey.ErrDown) {
		t.Errorf("got %v for a write that waited too long, want that the database is down", err)
	}
	for waiting := 0; waiting < 50; time.Sleep(time.Millisecond) {
		db.group.mu.Lock()
		waiting = len(db.group.queues[requests])
		db.group.mu.Unlock()
	}
	close(goOn)
	wait.Wait()
	n := 0
	shares.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("got %d commits for 50 writes that waited together, want 1", n)
	}
}

// While requests and the worker both wait to write, every third turn is a
// request's: neither leaves the other behind.
func TestGroupSharesTurns(t *testing.T) {
	db := openGroup(t)
	begun, goOn := make(chan struct{}), make(chan struct{})
	var wait sync.WaitGroup
	write := func(ctx context.Context, do func()) {
		wait.Go(func() {
			err := db.write(ctx, func(*tx) error {
				do()
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	write(context.Background(), func() {
		close(begun)
		<-goOn
	})
	<-begun
	const each = 20
	var turns []int // the closures run one at a time
	for range each {
		write(context.Background(), func() { turns = append(turns, requests) })
		write(asWorker(context.Background()), func() { turns = append(turns, worker) })
	}
	for waiting := 0; waiting < 2*each; time.Sleep(time.Millisecond) {
		db.group.mu.Lock()
		waiting = len(db.group.queues[requests]) + len(db.group.queues[worker])
		db.group.mu.Unlock()
	}
	close(goOn)
	wait.Wait()
	for at := 0; at < each; at += 3 {
		if n := turns[at] + turns[at+1] + turns[at+2]; n != workerTurns*worker {
			t.Fatalf("got the turns %v, want one of three for requests (%d)", turns, requests)
		}
	}
}

// A new database is its owner's alone, with the files that SQLite puts beside
// it.
func TestNewDatabaseIsItsOwners(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new.db")
	if err := Migrate(t.Context(), Options{URL: "sqlite:" + path}); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), Options{URL: "sqlite:" + path})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := note(db, "one", nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s: got mode %v, want -rw-------", filepath.Base(name), mode)
		}
	}
}
