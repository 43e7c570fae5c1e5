package sparekeytest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"sparekey/internal/store"
)

// theSchemas are databases as store.Migrate leaves them, made once in each
// process: an App gets a copy, which takes a tenth of the time of migrating.
// What an App does with its database at the start it still does.
var theSchemas schemas

type schemas struct {
	mu       sync.Mutex
	sqlite   []byte
	server   string // where the PostgreSQL template is
	postgres string // its name
}

// newSQLite writes a migrated database to path.
func (s *schemas) newSQLite(t testing.TB, path string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sqlite == nil {
		made := filepath.Join(t.TempDir(), "schema.db")
		err := store.Migrate(context.Background(), store.Options{URL: "sqlite:" + made})
		if err == nil {
			s.sqlite, err = os.ReadFile(made)
		}
		if err != nil {
			t.Fatalf("make the SQLite database that tests copy: %v", err)
		}
	}
	if err := os.WriteFile(path, s.sqlite, 0o600); err != nil {
		t.Fatal(err)
	}
}

// newPostgres makes a migrated database for one test and gives its URL.
func (s *schemas) newPostgres(t testing.TB) string {
	t.Helper()
	return postgres(t, func(server *url.URL) (string, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.postgres != "" {
			return s.postgres, nil
		}
		name := "schema_" + strings.ToLower(rand.Text())
		if err := execute(server.String(), `CREATE DATABASE `+name); err != nil {
			return "", err
		}
		at := *server
		at.Path = "/" + name
		if err := store.Migrate(context.Background(), store.Options{URL: at.String()}); err != nil {
			return "", fmt.Errorf("make the PostgreSQL database that tests copy: %w", err)
		}
		s.server, s.postgres = server.String(), name
		return name, nil
	})
}

// drop leaves no template on a server that outlives the tests.
func (s *schemas) drop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.postgres == "" {
		return nil
	}
	name := s.postgres
	s.postgres = ""
	return execute(s.server, `DROP DATABASE `+name+` WITH (FORCE)`)
}
