package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sparekey/internal/sparekeytest"
	"sparekey/internal/store"
)

// look opens a database to look at it, until the test ends.
func look(t *testing.T, url string) *store.Look {
	t.Helper()
	l, err := store.OpenLook(background, store.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// A look at a database says how its schema stands and whose keys it has, and
// changes nothing: an empty one stays empty.
func TestLookChangesNothing(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		sees := func(want store.Schema, key string) {
			t.Helper()
			before := schema(t, url)
			l := look(t, url)
			if got, err := l.Schema(background); err != nil || got != want {
				t.Errorf("got schema %+v, %v, want %+v", got, err, want)
			}
			if got, err := l.KeyCheck(background); err != nil || got != key {
				t.Errorf("got key check %q, %v, want %q", got, err, key)
			}
			if err := errors.Join(l.Writable(background), l.QuickCheck(background)); err != nil {
				t.Errorf("got %v, want a database that is whole and can be written to", err)
			}
			if got, err := l.Version(background); err != nil || !strings.Contains(got, ".") {
				t.Errorf("got version %q, %v, want one", got, err)
			}
			if off, err := l.ClockOff(background, time.Now); err != nil || off.Abs() > time.Second {
				t.Errorf("got a clock that is off by %v, %v, want the same machine's", off, err)
			}
			if got := schema(t, url); strings.Join(got, "\n") != strings.Join(before, "\n") {
				t.Errorf("got schema %q after a look, want %q as before", got, before)
			}
		}
		known := 0
		if files, err := filepath.Glob("migrations/*.sql"); err != nil || len(files) == 0 {
			t.Fatalf("got no migrations, %v, want some", err)
		} else {
			known = len(files)
		}
		sees(store.Schema{Known: known, Pending: known}, "")

		if err := store.Migrate(background, store.Options{URL: url}); err != nil {
			t.Fatal(err)
		}
		sees(store.Schema{Known: known}, "")

		db, err := store.Open(background, store.Options{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.KeyCheck(background, "k1:abc"); err != nil {
			t.Fatal(err)
		}
		rows := sparekeytest.OpenRows(t, url)
		rows.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)`)
		sees(store.Schema{Known: known, Newer: 1}, "k1:abc")

		rows.Exec(`DELETE FROM goose_db_version WHERE version_id = 1`)
		sees(store.Schema{Known: known, Pending: 1, Newer: 1}, "k1:abc")
	})
}

// A look makes no file, and tells a missing one from a broken one.
func TestLookAtNoDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	if _, err := store.OpenLook(background, store.Options{URL: "sqlite:" + path}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want that there is no such file", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want no file made", err)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.OpenLook(background, store.Options{URL: "sqlite:" + path}); err == nil || errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want that it is not a database", err)
	}
}

// A database that takes no writes says so, and a file with a broken page is
// found.
func TestLookFindsWhatIsBroken(t *testing.T) {
	url := sparekeytest.Postgres(t)
	if err := store.Migrate(background, store.Options{URL: url}); err != nil {
		t.Fatal(err)
	}
	sparekeytest.OpenRows(t, url).Exec(`DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET default_transaction_read_only = on'; END $$`)
	if err := look(t, url).Writable(background); err == nil || errors.Is(err, store.ErrBusy) {
		t.Errorf("got %v from a database that takes no writes, want why", err)
	}

	path := filepath.Join(t.TempDir(), "s.db")
	if err := store.Migrate(background, store.Options{URL: "sqlite:" + path}); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(background, store.Options{URL: "sqlite:" + path})
	if err != nil {
		t.Fatal(err)
	}
	rows := sparekeytest.OpenRows(t, "sqlite:"+path)
	rows.Exec(`BEGIN IMMEDIATE`) // one goroutine has one connection of the pool, always the same
	if err := look(t, "sqlite:"+path).Writable(background); !errors.Is(err, store.ErrBusy) {
		t.Errorf("got %v while another writes, want that it is busy", err)
	}
	rows.Exec(`ROLLBACK`)
	rows.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteAt([]byte(strings.Repeat("\xff", 4096)), 3*4096); err != nil {
		t.Fatal(err)
	}
	if err := look(t, "sqlite:"+path).QuickCheck(background); err == nil {
		t.Error("got a broken file called whole, want what is wrong with it")
	}
}
