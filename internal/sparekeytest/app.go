package sparekeytest

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/app"
	"sparekey/internal/config"
	"sparekey/internal/password"
	"sparekey/internal/store"
)

// Host and URL are where the Sparekey of a test believes to be.
const (
	Host = "id.lantern.test"
	URL  = "https://" + Host
)

// Options change the Sparekey of a test. Zero values are what most tests want.
type Options struct {
	Database string // a database URL; empty for a new SQLite file
	Seed     uint64 // makes ids, nonces and keys foreseeable; 0 for real randomness
	Trace    func(store.Statement)
	Log      io.Writer
	Settings func(*config.Settings)
	Params   password.Params
	Slots    int
	MailCap  sparekey.Windows
	Sink     *Sink // a mail server that several share
	Drain    time.Duration
	Pushes   *PushService // instead of those of browsers; nil where phones are not told
}

// App is a whole Sparekey in a test: real database, real mail server, a clock
// that the test moves, cheap hashes.
type App struct {
	*app.App
	Sink   *Sink
	t      testing.TB
	built  app.Options
	random *rand.ChaCha8 // nil without a seed
	minted *minted
	log    string // the file that has all of it

	mu    sync.Mutex
	now   time.Time
	began time.Time // since when the clock runs; zero while it stands
}

// Start is when the clock of every test starts.
var Start = time.Date(2026, 5, 3, 12, 31, 0, 0, time.UTC)

// cheap makes hashing fast. Tests of the real cost say so.
var cheap = password.Params{Memory: 64, Passes: 1, Lanes: 1}

// New starts a Sparekey that ends with the test.
func New(t testing.TB, o Options) *App {
	t.Helper()
	a := &App{t: t, now: Start, Sink: o.Sink, minted: newMinted()}
	if a.Sink == nil {
		a.Sink = NewSink(t)
	}
	dir := folder(t)
	s := &config.Settings{
		PublicURL: URL, Database: config.Secret(o.Database), SMTP: config.Secret(a.Sink.URL()),
		MailFrom: "Lantern Market <hello@lantern.test>", SiteName: "Lantern Market", SiteURL: "https://lantern.test",
		SecurityContact: "mailto:security@lantern.test",
		KeyFile:         filepath.Join(dir, "keys"),
	}
	if o.Database == "" {
		file := filepath.Join(dir, "sparekey.db")
		theSchemas.newSQLite(t, file)
		s.Database = config.Secret("sqlite:" + file)
	} else if err := app.NewKeys(s.KeyFile); err != nil {
		t.Fatal(err)
	}
	if o.Settings != nil {
		o.Settings(s)
	}
	if o.Pushes != nil {
		s.Push = "on"
	}
	if err := s.CheckServe(); err != nil {
		t.Fatal(err)
	}
	if o.Params == (password.Params{}) {
		o.Params = cheap
	}
	a.built = app.Options{
		Settings: s, Log: slog.New(slog.NewJSONHandler(a.keepLog(dir, o.Log), nil)), Now: a.Now, Trace: o.Trace,
		Params: o.Params, Slots: o.Slots, MailCap: o.MailCap, Drain: o.Drain,
	}
	if o.Pushes != nil {
		a.built.Pushes = o.Pushes.sender
		a.built.PushTo = func(endpoint string) bool { return strings.HasPrefix(endpoint, o.Pushes.URL) }
	}
	if o.Seed != 0 {
		a.random = rand.NewChaCha8(seedOf(o.Seed))
		a.built.Random = a.random
	}
	var err error
	if a.App, err = app.Open(context.Background(), a.built); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.close)
	a.watchSecrets()
	return a
}

// keepLog keeps the log in a file, beside the test's own reader if it has one.
func (a *App) keepLog(dir string, also io.Writer) io.Writer {
	a.t.Helper()
	a.log = filepath.Join(dir, "log")
	file, err := os.Create(a.log)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { file.Close() })
	if also == nil {
		return file
	}
	return io.MultiWriter(also, file)
}

// watchSecrets fails the test if at its end a secret of it can be read where
// none should stand. It is called once for each database that the App has.
func (a *App) watchSecrets() {
	a.t.Helper()
	database := a.Settings.Database
	a.t.Cleanup(func() {
		if a.Settings.Database != database {
			return // the App left it, and it may be gone by now
		}
		list, err := a.leaks()
		if err != nil {
			a.t.Errorf("look for secrets: %v", err)
		}
		for _, leak := range list {
			a.t.Errorf("A31, A34: %s; want it nowhere", leak)
		}
	})
}

// folder is a folder for one test, in memory where there is room: a test waits
// for the disk at each commit otherwise.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(memory(), "sparekey-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove the test's folder: %v", err)
		}
	})
	return dir
}

// Node starts one more Sparekey on the same database, keys, mail server and
// clock, which ends with the test. The clock is moved by the first.
func (a *App) Node() *App {
	a.t.Helper()
	node := &App{Sink: a.Sink, t: a.t, built: a.built, minted: a.minted, log: a.log}
	var err error
	if node.App, err = app.Open(context.Background(), a.built); err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(node.close)
	return node
}

func (a *App) close() {
	a.t.Helper()
	if err := a.Close(); err != nil {
		a.t.Errorf("close: %v", err)
	}
}

// Restart ends the Sparekey and starts it again on the same database and keys,
// as an operator does. Clients go on with the new one. Nothing may be under
// way. It gives the error with which the start ended; the App is of no use then.
func (a *App) Restart() error {
	a.t.Helper()
	return a.Reopen(a.Settings.Database.Reveal())
}

// Reopen is Restart on another database.
func (a *App) Reopen(url string) error {
	a.t.Helper()
	a.close()
	left := a.Settings.Database
	a.Settings.Database = config.Secret(url)
	again, err := app.Open(context.Background(), a.built)
	if err != nil {
		return err
	}
	if a.App = again; left != a.Settings.Database {
		a.watchSecrets()
	}
	return nil
}

// EachDB runs a test on SQLite and on PostgreSQL, side by side.
func EachDB(t *testing.T, test func(t *testing.T, a *App)) {
	t.Helper()
	EachDBWith(t, Options{}, test)
}

// EachDBWith is EachDB with options. Where they listen, to statements or to the
// log, the databases take turns; else the test runs beside others of its package.
func EachDBWith(t *testing.T, o Options, test func(t *testing.T, a *App)) {
	t.Helper()
	together := o.Trace == nil && o.Log == nil
	if together {
		t.Parallel()
	}
	t.Run("sqlite", func(t *testing.T) {
		if together {
			t.Parallel()
		}
		test(t, New(t, o))
	})
	t.Run("postgres", func(t *testing.T) {
		if together {
			t.Parallel()
		}
		o := o
		o.Database = theSchemas.newPostgres(t)
		test(t, New(t, o))
	})
}

// Now is the test's clock.
func (a *App) Now() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.began.IsZero() {
		return a.now
	}
	return a.now.Add(time.Since(a.began))
}

// Sleep moves the clock.
func (a *App) Sleep(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now = a.now.Add(d)
}

// Reseed makes the randomness of an App with a seed start anew from another:
// what follows draws the same as after any Reseed with the same seed. Nothing
// may be under way.
func (a *App) Reseed(seed uint64) {
	a.t.Helper()
	if a.random == nil {
		a.t.Fatal("reseed: got an App without a seed, want one with a seed")
	}
	a.random.Seed(seedOf(seed))
}

func seedOf(n uint64) (seed [32]byte) {
	seed[0], seed[1] = byte(n), byte(n>>8)
	return seed
}

// Deliver sends the mails that are due.
func (a *App) Deliver() {
	a.t.Helper()
	if err := a.Outbox.Drain(context.Background()); err != nil {
		a.t.Fatal(err)
	}
}

// Sweep removes what has served its time.
func (a *App) Sweep() {
	a.t.Helper()
	if err := a.App.Sweep(context.Background()); err != nil {
		a.t.Fatal(err)
	}
}

// Register makes an account by the pages, in a browser of its own, which it
// gives back signed in.
func (a *App) Register(email, password string) *Client {
	a.t.Helper()
	c := a.Client()
	before := len(a.Sink.Mails(email))
	c.Get("/register").Submit("/register", "login", email, "password", password).See(303)
	a.Deliver()
	code := a.Sink.Wait(a.t, email, before+1).Code()
	c.Get(c.At()).Submit("/answer", "code", code).See(303)
	c.Get(c.At())
	return c
}

// Code delivers what is due and gives the code of the newest mail to email
// that has one.
func (a *App) Code(email string) string {
	a.t.Helper()
	a.Deliver()
	mails := a.Sink.Mails(email)
	for i := len(mails) - 1; i >= 0; i-- {
		if code := mails[i].Code(); code != "" {
			return code
		}
	}
	a.t.Fatalf("got no mail to %s with a code, want one", email)
	return ""
}
