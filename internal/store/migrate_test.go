package store_test

import (
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sparekey/internal/sparekeytest"
	"sparekey/internal/store"
)

// migrateURL makes a run of the test program a migration and nothing else, to
// be killed.
const migrateURL = "STORE_TEST_MIGRATE"

func TestMain(m *testing.M) {
	if url := os.Getenv(migrateURL); url != "" {
		if err := store.Migrate(context.Background(), store.Options{URL: url}); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	sparekeytest.Main(m)
}

// databases gives a new database of each kind.
func databases(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "s.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, sparekeytest.Postgres(t)) })
}

// schema describes the tables and indexes of a database.
func schema(t *testing.T, url string) []string {
	t.Helper()
	query := `
		SELECT table_name || ' ' || column_name || ' ' || data_type FROM information_schema.columns WHERE table_schema = 'public'
		UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'`
	if strings.HasPrefix(url, "sqlite:") {
		query = `SELECT COALESCE(sql, name) FROM sqlite_master`
	}
	return sparekeytest.OpenRows(t, url).List(query)
}

// A migration that is killed at any moment leaves nothing half done: the next
// one ends with the schema of one that nobody disturbed.
func TestMigrationsSurviveKills(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	databases(t, func(t *testing.T, undisturbed string) {
		began := time.Now()
		if err := store.Migrate(context.Background(), store.Options{URL: undisturbed}); err != nil {
			t.Fatal(err)
		}
		whole := time.Since(began) + 60*time.Millisecond // and the start of a process
		want := schema(t, undisturbed)
		killed := 0
		for range 12 {
			url := "sqlite:" + filepath.Join(t.TempDir(), "s.db")
			if !strings.HasPrefix(undisturbed, "sqlite:") {
				url = sparekeytest.Postgres(t)
			}
			for range 2 {
				child := exec.Command(self)
				child.Env = append(os.Environ(), migrateURL+"="+url)
				if err := child.Start(); err != nil {
					t.Fatal(err)
				}
				timer := time.AfterFunc(rand.N(whole), func() { child.Process.Kill() }) //nolint:errcheck // it may have ended
				if child.Wait() != nil {
					killed++
				}
				timer.Stop()
			}
			if err := store.Migrate(context.Background(), store.Options{URL: url}); err != nil {
				t.Fatalf("after a kill: %v", err)
			}
			if got := schema(t, url); !slices.Equal(got, want) {
				t.Fatalf("after a kill: got schema %q, want %q", got, want)
			}
		}
		if killed == 0 {
			t.Error("got no migration killed, want some")
		}
	})
}

// Three nodes that start at once on a new database all come up, with one
// schema and one opinion on whose keys it has.
func TestThreeNodesAtOnce(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		o := store.Options{URL: url}
		checks := make([]string, 3)
		var all sync.WaitGroup
		for i, fresh := range []string{"a", "b", "c"} {
			all.Go(func() {
				if err := store.Migrate(context.Background(), o); err != nil {
					t.Errorf("node %d: %v", i, err)
					return
				}
				db, err := store.Open(context.Background(), o)
				if err != nil {
					t.Errorf("node %d: %v", i, err)
					return
				}
				defer db.Close()
				if checks[i], err = db.KeyCheck(context.Background(), fresh); err != nil {
					t.Errorf("node %d: %v", i, err)
				}
			})
		}
		all.Wait()
		if checks[0] == "" || checks[1] != checks[0] || checks[2] != checks[0] {
			t.Errorf("got key checks %q, want one for all", checks)
		}
	})
}
