package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
	"sparekey/internal/store"
)

// backedUp makes a backup with one account in it.
func backedUp(t *testing.T) (path string) {
	t.Helper()
	url := "sqlite:" + filepath.Join(t.TempDir(), "s.db")
	db := populate(t, url, "saved")
	if _, err := db.KeyCheck(background, "a check"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	path = filepath.Join(t.TempDir(), "backup")
	if err := store.Backup(background, store.Options{URL: url}, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// populate makes a database with accounts of these ids, and leaves it open.
func populate(t *testing.T, url string, ids ...string) *store.DB {
	t.Helper()
	o := store.Options{URL: url}
	if err := store.Migrate(background, o); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(background, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		addAccount(t, db, id)
	}
	return db
}

func addAccount(t *testing.T, db *store.DB, id string) {
	t.Helper()
	e := sparekey.Event{ID: "e" + id, Account: id, Kind: sparekey.AccountCreated, Facts: sparekey.Facts{At: time.Now()}}
	if err := db.AddAccount(background, &sparekey.Account{ID: id, Created: time.Now()}, nil, e); err != nil {
		t.Fatal(err)
	}
}

// back restores a backup. during, if set, is called while it is under way.
func back(path, url string, during func()) (store.Restored, error) {
	return store.Restore(background, store.Restoring{
		Options: store.Options{URL: url}, Path: path, Now: time.Now(),
		Fits: func(string) bool {
			if during != nil {
				during()
			}
			return true
		},
	})
}

// holds fails unless the database has just these accounts.
func holds(t *testing.T, url string, want ...string) {
	t.Helper()
	db, err := store.Open(background, store.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	list, err := db.Accounts(background, time.Now().Add(time.Hour), 10)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, a := range list {
		got[a.ID] = true
	}
	for _, id := range want {
		if !got[id] {
			t.Errorf("got no account %s, want it", id)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got the accounts %v, want %v", got, want)
	}
}

// epoch is the installation's epoch in an SQLite file that nobody uses.
func epoch(t *testing.T, url string) int64 {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "copy")
	if err := store.Backup(background, store.Options{URL: url}, copied); err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseInt(sparekeytest.OpenRows(t, "sqlite:"+copied).Text(`SELECT value FROM meta WHERE key = 'epoch'`), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// What an SQLite database has left beside its place, when only the file itself
// was moved aside, is kept, and is not read into the restored one.
func TestRestoreIgnoresAnOldLog(t *testing.T) {
	backup := backedUp(t)
	path := filepath.Join(t.TempDir(), "s.db")
	db := populate(t, "sqlite:"+path, "late", "later")
	wal, err := os.ReadFile(path + "-wal")
	if err != nil || len(wal) == 0 {
		t.Fatalf("got a log of %d bytes, %v, want one", len(wal), err)
	}
	shm, err := os.ReadFile(path + "-shm")
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	if err := errors.Join(os.Remove(path), os.WriteFile(path+"-wal", wal, 0o600), os.WriteFile(path+"-shm", shm, 0o600)); err != nil {
		t.Fatal(err)
	}
	done, err := back(backup, "sqlite:"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if kept, err := os.ReadFile(done.Kept); err != nil || !bytes.Equal(kept, wal) {
		t.Errorf("got the old log as %q, %d bytes, %v, want it as it was", done.Kept, len(kept), err)
	}
	holds(t, "sqlite:"+path, "saved")
	if got := epoch(t, "sqlite:"+path); got != 2 {
		t.Errorf("got epoch %d, want 2: above the backup's", got)
	}
}

// A damaged database is what a backup is for: it is kept as it was, and the
// epoch is above any that it may have had.
func TestRestoreOverDamage(t *testing.T) {
	backup := backedUp(t)
	noise := func(b []byte) { rand.Read(b) } //nolint:errcheck // it never fails
	for name, damage := range map[string]func(b []byte) []byte{
		"header":    func(b []byte) []byte { noise(b[:4096]); return b },
		"pages":     func(b []byte) []byte { noise(b[4096:]); return b },
		"truncated": func(b []byte) []byte { return b[:len(b)/2] },
		"stub":      func(b []byte) []byte { return b[:50] },
	} {
		t.Run(name, func(t *testing.T) {
			url := "sqlite:" + filepath.Join(t.TempDir(), "s.db")
			path := strings.TrimPrefix(url, "sqlite:")
			populate(t, url, "late").Close()
			for range 3 { // restored before, as its epoch says
				if _, err := back(backup, url, nil); err != nil {
					t.Fatal(err)
				}
			}
			was := epoch(t, url)
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			broken := damage(whole)
			if err := os.WriteFile(path, broken, 0o600); err != nil {
				t.Fatal(err)
			}
			done, err := back(backup, url, nil)
			if err != nil || !done.Damaged {
				t.Fatalf("got %+v, %v, want it restored, and the damage told", done, err)
			}
			if kept, err := os.ReadFile(done.Kept); err != nil || !bytes.Equal(kept, broken) {
				t.Errorf("got the damaged file changed, %v, want it kept as it was", err)
			}
			holds(t, url, "saved")
			if got := epoch(t, url); got <= was {
				t.Errorf("got epoch %d, want one above %d", got, was)
			}
		})
	}
}

// Who opens the database during a restore waits, and then has the restored one:
// what is written there stays (P2).
func TestRestoreKeepsOthersOut(t *testing.T) {
	backup := backedUp(t)
	databases(t, func(t *testing.T, url string) {
		populate(t, url, "late").Close()
		began, came := make(chan struct{}), make(chan error, 1)
		_, err := back(backup, url, func() {
			go func() {
				defer close(came)
				close(began)
				db, err := store.Open(background, store.Options{URL: url})
				if err == nil {
					addAccount(t, db, "new")
					err = db.Close()
				}
				came <- err
			}()
			<-began
			select {
			case err := <-came:
				t.Errorf("got the database opened during a restore, %v, want a wait", err)
			case <-time.After(300 * time.Millisecond):
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := <-came; err != nil {
			t.Fatal(err)
		}
		holds(t, url, "saved", "new")
	})
}

// Who has waited too long for a restore is told so, and so is a second restore.
func TestRestoreIsAlone(t *testing.T) {
	backup := backedUp(t)
	databases(t, func(t *testing.T, url string) {
		populate(t, url, "late").Close()
		_, err := back(backup, url, func() {
			if _, err := back(backup, url, nil); !errors.Is(err, store.ErrServing) && !errors.Is(err, store.ErrRestoring) {
				t.Errorf("got %v for a second restore, want it refused", err)
			}
			ctx, cancel := context.WithTimeout(background, 20*time.Second)
			defer cancel()
			if _, err := store.Open(ctx, store.Options{URL: url}); !errors.Is(err, store.ErrRestoring) {
				t.Errorf("got %v after a wait, want ErrRestoring", err)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		holds(t, url, "saved")
	})
}

// Restores in one second keep each its own old database.
func TestRestoreTwiceAtOnce(t *testing.T) {
	backup := backedUp(t)
	databases(t, func(t *testing.T, url string) {
		populate(t, url, "late").Close()
		seen := map[string]bool{}
		for range 3 {
			done, err := back(backup, url, nil)
			if err != nil {
				t.Fatal(err)
			}
			seen[done.Kept] = true
		}
		if len(seen) != 3 || seen[""] {
			t.Errorf("got the old databases kept as %v, want three names", seen)
		}
	})
}
