package doctor_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sparekey/internal/app"
	"sparekey/internal/config"
	"sparekey/internal/doctor"
	"sparekey/internal/sparekeytest"
)

// The doctor makes no database and no keys, and does not bring a schema up to
// date: it says what the next start will do.
func TestDoctorDatabaseToCome(t *testing.T) {
	s := nowhere(t)
	r := doctor.Look(background, doctor.Options{Settings: s})
	finds(t, r, "warning database: the first start makes it", "ok keys: there are none yet")
	if files, err := os.ReadDir(filepath.Dir(s.SQLite())); err != nil || len(files) != 0 || !r.Serves() {
		t.Errorf("got the files %v, %v, %s\nwant none made, and that Sparekey serves", files, err, text(t, r))
	}
	if err := app.NewKeys(s.KeyFile); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.SQLite(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	finds(t, doctor.Look(background, doctor.Options{Settings: s}), "ok database: nobody has used it yet", "ok keys: the first start ties the database to it")

	s = nowhere(t)
	s.Database = config.Secret("sqlite:" + filepath.Join(filepath.Dir(s.SQLite()), "nowhere", "s.db"))
	r = doctor.Look(background, doctor.Options{Settings: s})
	finds(t, r, "broken database: it cannot be made")
	if r.Serves() {
		t.Error("got a Sparekey that serves without a place for its database, want none")
	}

	s = nowhere(t)
	s.Database, s.KeyFile = config.Secret(sparekeytest.Postgres(t)), filepath.Join(t.TempDir(), "keys")
	r = doctor.Look(background, doctor.Options{Settings: s})
	finds(t, r, "ok database: nobody has used it yet", "broken keys: sparekey keys new")
	if r.Serves() {
		t.Error("got a Sparekey that serves without keys on PostgreSQL, want none")
	}
}

// A database that is behind or ahead of the program is doubtful.
func TestDoctorSchema(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, a *sparekeytest.App) {
		s := quiet(a)
		a.Rows().Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)`)
		r := doctor.Look(background, doctor.Options{Settings: s})
		finds(t, r, "warning database: 1 more of a newer Sparekey")
		a.Rows().Exec(`UPDATE goose_db_version SET version_id = 1 WHERE version_id = 9999`)
		finds(t, doctor.Look(background, doctor.Options{Settings: s}), "ok database: schema ")
		if !r.Serves() {
			t.Errorf("got %s\nwant that Sparekey serves", text(t, r))
		}
	})
}

// quiet are the settings of an app whose surroundings are not looked at.
func quiet(a *sparekeytest.App) *config.Settings {
	s := *a.Settings
	s.Listen, s.PublicURL, s.SiteURL = "127.0.0.1:0", "http://127.0.0.1:1", ""
	return &s
}

// A database that does not open, or takes no writes, ends in status 1, and its
// password is not shown.
func TestDoctorDatabaseShut(t *testing.T) {
	broken := nowhere(t)
	if err := os.WriteFile(broken.SQLite(), []byte(strings.Repeat("not a database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	refused, socket := nowhere(t), nowhere(t)
	refused.Database, refused.KeyFile = "postgres://ann:sesame@127.0.0.1:1/x", filepath.Join(t.TempDir(), "keys")
	socket.Database, socket.KeyFile = "postgres://ann:sesame@/x?host=/nowhere", refused.KeyFile
	if err := app.NewKeys(refused.KeyFile); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*config.Settings{broken, refused, socket} {
		r := doctor.Look(background, doctor.Options{Settings: s})
		finds(t, r, "broken database: SPAREKEY_DATABASE")
		if s == broken {
			finds(t, r, "broken database: it is damaged: stop the server, and sparekey restore")
		} else {
			finds(t, r, "broken database: does the server run", "warning keys: could not be looked up")
		}
		if out := text(t, r); r.Serves() || strings.Contains(out, "sesame") {
			t.Errorf("got %s\nwant that Sparekey cannot serve, and no password", out)
		}
	}
	a := sparekeytest.New(t, sparekeytest.Options{Database: sparekeytest.Postgres(t)})
	a.Rows().Exec(`DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET default_transaction_read_only = on'; END $$`)
	r := doctor.Look(background, doctor.Options{Settings: quiet(a)})
	finds(t, r, "broken database: it takes no writes")
	if r.Serves() {
		t.Error("got a Sparekey that serves without writing, want none")
	}
}

// A file with a broken page is found, and so is one that has left WAL mode.
func TestDoctorWholeness(t *testing.T) {
	a := sparekeytest.New(t, sparekeytest.Options{})
	s := quiet(a)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	a.Rows().Exec(`PRAGMA journal_mode=delete`)
	finds(t, doctor.Look(background, doctor.Options{Settings: s}), "warning database: its journal mode is delete", "ok database: pages are whole")
	file, err := os.OpenFile(s.SQLite(), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteAt([]byte(strings.Repeat("\xff", 4096)), 5*4096); err != nil {
		t.Fatal(err)
	}
	finds(t, doctor.Look(background, doctor.Options{Settings: s}), "broken database: it is damaged: stop the server, and sparekey restore puts the last backup in its place")
}

// A database whose clock is another than ours is doubtful.
func TestDoctorClock(t *testing.T) {
	a := sparekeytest.New(t, sparekeytest.Options{Database: sparekeytest.Postgres(t)})
	for _, test := range []struct {
		off  time.Duration
		want string
	}{
		{time.Second, "ok clock: this machine's and the database's agree"},
		{time.Minute, "warning clock: is 1m0s ahead of the database's"},
		{-time.Minute, "warning clock: is 1m0s behind the database's"},
	} {
		now := func() time.Time { return time.Now().Add(test.off) }
		finds(t, doctor.Look(background, doctor.Options{Settings: quiet(a), Now: now}), test.want)
	}
}

// Keys that are not there, not the owner's alone, not of this database or not
// keys at all end in status 1, each with its mend.
func TestDoctorKeys(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, a *sparekeytest.App) {
		s := quiet(a)
		own, err := os.ReadFile(s.KeyFile)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		other := filepath.Join(dir, "other")
		if err := app.NewKeys(other); err != nil {
			t.Fatal(err)
		}
		kept := func(name, text string, mode os.FileMode) string {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, []byte(text), mode); err != nil {
				t.Fatal(err)
			}
			return path
		}
		finds(t, doctor.Look(background, doctor.Options{Settings: s}), "ok keys: belongs to this database")
		for path, want := range map[string]string{
			filepath.Join(dir, "nowhere"):          "broken keys: bring back the one that belongs",
			other:                                  "broken keys: not the keys of this database",
			kept("open", string(own), 0o644):       "broken keys: chmod 600",
			kept("empty", "# nothing\n", 0o600):    "broken keys: there is no key",
			kept("half", string(own[:300]), 0o600): "broken keys: ",
		} {
			s.KeyFile = path
			r := doctor.Look(background, doctor.Options{Settings: s})
			finds(t, r, want)
			if r.Serves() {
				t.Errorf("%s: got a Sparekey that serves, want none", path)
			}
			for field := range strings.FieldsSeq(string(own)) {
				if len(field) > 40 && strings.Contains(text(t, r), field) {
					t.Errorf("%s: got a key in the report, want none", path)
				}
			}
		}
	})
}
