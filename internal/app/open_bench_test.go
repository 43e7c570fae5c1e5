package app

import (
	"context"
	"path/filepath"
	"testing"

	"sparekey/internal/config"
)

// BenchmarkOpen builds a Sparekey on a migrated database: what every start does.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	s := &config.Settings{
		PublicURL: "http://localhost:8080", Database: config.Secret("sqlite:" + filepath.Join(dir, "s.db")), SMTP: "smtp://127.0.0.1:1",
		MailFrom: "hello@example.com", SiteName: "Example", KeyFile: filepath.Join(dir, "keys"),
	}
	if err := s.CheckServe(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		a, err := Open(context.Background(), Options{Settings: s})
		if err != nil {
			b.Fatal(err)
		}
		if err := a.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
