package store_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
	"sparekey/internal/store"
)

// filled starts a Sparekey with somebody in it, and something of everything.
func filled(t *testing.T, database string) (*sparekeytest.App, *sparekeytest.Client) {
	app := sparekeytest.New(t, sparekeytest.Options{Database: database})
	c := app.Register("mara@example.com", "seven quiet herons")
	if _, err := app.Accounts.Add(background, "added@example.com", "heron", ""); err != nil {
		t.Fatal(err)
	}
	app.Client().Get("/signin").Submit("/signin", "login", "mara@example.com", "password", "seven quiet herons").See(303)
	app.Client().Get("/signin").Submit("/signin", "login", "mara@example.com", "password", "not it").See(422)
	other := app.Client()
	other.Get("/recover").Submit("/recover", "login", "mara@example.com").See(303)
	app.Code("mara@example.com")
	return app, c
}

// A backup is whole, taken while people come and go, and restored into either
// database: everybody gets in as before, and what was begun has ended, so that
// what was used stays used (P2, F20).
func TestBackupAndRestore(t *testing.T) {
	for from, database := range kinds() {
		for to, target := range kinds() {
			t.Run(from+" to "+to, func(t *testing.T) {
				app, c := filled(t, database(t))
				stop, busy := make(chan struct{}), make(chan struct{})
				go func() {
					defer close(busy)
					for {
						select {
						case <-stop:
							return
						default:
							app.Client().Post("/recover", "login", "nobody@example.com")
						}
					}
				}()
				path := filepath.Join(t.TempDir(), "backup")
				o := store.Options{URL: app.Settings.Database.Reveal()}
				if err := store.Backup(background, o, path); err != nil {
					t.Fatal(err)
				}
				close(stop)
				<-busy
				if err := store.Backup(background, o, path); !errors.Is(err, fs.ErrExist) {
					t.Errorf("got %v for a backup in the place of another, want it refused", err)
				}
				restored(t, app, c, path, target(t))
			})
		}
	}
}

func kinds() map[string]func(testing.TB) string {
	return map[string]func(testing.TB) string{
		"sqlite":   func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "sparekey.db") },
		"postgres": sparekeytest.Postgres,
	}
}

// restored restores the backup of app into a database that holds something
// else, and fails unless it then is what it was.
func restored(t *testing.T, app *sparekeytest.App, c *sparekeytest.Client, path, url string) {
	t.Helper()
	file, err := os.Stat(path)
	if err != nil || file.Mode().Perm() != 0o600 {
		t.Errorf("got a backup of mode %v, %v, want 0600", file.Mode(), err)
	}
	ctx := context.Background()
	if err := store.Migrate(ctx, store.Options{URL: url}); err != nil {
		t.Fatal(err)
	}
	r := store.Restoring{
		Options: store.Options{URL: url}, Path: path, Now: time.Now(),
		Fits: func(check string) bool { return app.Keys.Fits("sparekey", check) },
	}
	serving, err := store.Open(ctx, r.Options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Restore(ctx, r); !errors.Is(err, store.ErrServing) {
		t.Errorf("got %v while a server runs, want ErrServing", err)
	}
	serving.Close()
	db, isFile := strings.CutPrefix(url, "sqlite:")
	if isFile && os.Getuid() == 0 { // as it is where a service has a user of its own
		if err := os.Chown(db, 65532, 65532); err != nil {
			t.Fatal(err)
		}
	}
	done, err := store.Restore(ctx, r)
	if err != nil || done.Kept == "" || done.Damaged {
		t.Fatalf("got the old database kept as %+v, %v, want a name, and that it is whole", done, err)
	}
	if info, err := os.Stat(db); isFile && os.Getuid() == 0 && (err != nil || info.Sys().(*syscall.Stat_t).Uid != 65532) {
		t.Errorf("got the restored file in other hands, %v, want it its owner's", err)
	}
	rows := sparekeytest.OpenRows(t, url)
	if got := rows.Text(`SELECT value FROM meta WHERE key = 'epoch'`); got != "2" {
		t.Errorf("got epoch %s, want 2: above both databases'", got)
	}
	was, is := app.Rows().Dump("accounts", "identifiers", "credentials", "events"), rows.Dump("accounts", "identifiers", "credentials", "events")
	if !strings.Contains(url, "sqlite") == strings.Contains(app.Settings.Database.Reveal(), "sqlite") {
		was["accounts"] = strings.NewReplacer("|false|", "|0|", "|true|", "|1|").Replace(was["accounts"])
		is["accounts"] = strings.NewReplacer("|false|", "|0|", "|true|", "|1|").Replace(is["accounts"])
	}
	if changed := sparekeytest.Changed(was, is); changed != nil {
		t.Errorf("got other rows in %v after the restore, want the same", changed)
	}
	if err := app.Reopen(url); err != nil {
		t.Fatal(err)
	}
	c.Get("/account").See(303)
	app.Deliver()
	app.Client().Get("/signin").Submit("/signin", "login", "mara@example.com", "password", "seven quiet herons").See(303)
	app.Sleep(sparekey.FlowLife)
	fresh := app.Client()
	fresh.Get("/recover").Submit("/recover", "login", "heron").See(303)
	fresh.Get(fresh.At()).Submit("/answer", "code", app.Code("added@example.com")).See(303)
}

// What cannot be restored is refused in one sentence, and changes nothing.
func TestRestoreRefuses(t *testing.T) {
	app, _ := filled(t, "")
	dir := t.TempDir()
	path, garbage, empty := filepath.Join(dir, "backup"), filepath.Join(dir, "garbage"), filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := store.Backup(background, store.Options{URL: app.Settings.Database.Reveal()}, path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(garbage, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	newer, cut := filepath.Join(dir, "newer"), filepath.Join(dir, "cut")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, bytes := range map[string][]byte{newer: raw, cut: raw[:len(raw)/2]} {
		if err := os.WriteFile(name, bytes, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rows := sparekeytest.OpenRows(t, "sqlite:"+newer)
	rows.Exec(`PRAGMA journal_mode = DELETE`) // all of it into the one file
	rows.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`)
	for name, database := range kinds() {
		t.Run(name, func(t *testing.T) {
			url := database(t)
			if err := store.Migrate(background, store.Options{URL: url}); err != nil {
				t.Fatal(err)
			}
			var before []string
			t.Run("before", func(t *testing.T) { before = schema(t, url) }) // its end closes the database
			files := beside(t, url, dir)
			for _, bad := range []struct {
				path, says string
				fits       bool
			}{
				{path, "belongs to other keys", false},
				{garbage, "is no backup of Sparekey's", true},
				{empty, "is no backup of Sparekey's", true},
				{cut, "or is damaged", true},
				{dir, "is a folder", true},
				{newer, "was made by a newer Sparekey", true},
				{filepath.Join(dir, "none"), "no such file", true},
			} {
				_, err := store.Restore(background, store.Restoring{
					Options: store.Options{URL: url}, Path: bad.path, Now: time.Now(), Fits: func(string) bool { return bad.fits },
				})
				if err == nil || !strings.Contains(err.Error(), bad.says) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%s: got %v, want it refused in one line: %s", filepath.Base(bad.path), err, bad.says)
				}
				if left := beside(t, url, dir); !slices.Equal(left, files) {
					t.Errorf("%s: got the files %q after it, want %q as before", filepath.Base(bad.path), left, files)
				}
			}
			if after := schema(t, url); !slices.Equal(before, after) {
				t.Errorf("got schema %q after what was refused, want %q", after, before)
			}
		})
	}
}

// beside lists the files in dir, and those in the folder of an SQLite database.
func beside(t *testing.T, url, dir string) (names []string) {
	t.Helper()
	folders := []string{dir}
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		folders = append(folders, filepath.Dir(path))
	}
	for _, folder := range folders {
		files, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			names = append(names, f.Name())
		}
	}
	return names
}
