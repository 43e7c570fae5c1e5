// Package bound shows how much guessing an account stands, whatever strangers
// do and for however long. It has no code of its own, only tests: a short siege
// in every run, and with flags one of years on a clock that is moved, and one of
// minutes on the real clock.
package bound

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// The size of the sieges, and where the report goes.
var (
	years  = flag.Float64("years", 0.09, "how long strangers besiege an account, on a clock that is moved")
	real   = flag.Duration("real", 3*time.Second, "how long they do on the real clock")
	seed   = flag.Uint64("seed", 0, "of the random siege; 0 draws one")
	report = flag.String("report", "", "the file that gets the report")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	sparekeytest.Main(m)
}

// A table is the rows of the report; sieges of both databases add to it.
type table struct {
	mu   sync.Mutex
	rows []string
}

func (r *table) add(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows = append(r.rows, fmt.Sprintf(format, args...))
}

// write writes the report, if one is wanted.
func (r *table) write(t *testing.T) {
	if *report == "" || t.Failed() {
		return
	}
	slices.Sort(r.rows)
	text := "# How much guessing an account stands\n\n" +
		"Written by `make prove-bound`. Strangers with any number of addresses, browsers,\n" +
		"flows and accounts of their own besiege one account; every comparison that the\n" +
		"server makes for them is counted. The greedy ones take all there is as soon as it\n" +
		"is there, the wild ones do anything in any order, and those on the real clock\n" +
		"come all at once.\n\n" +
		fmt.Sprintf("%s, %d cores, %s, seed %d.\n\n", time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), runtime.Version(), *seed) +
		"| siege | compared with | in all | most in 24 h | in 30 days | in 365 days | allowed |\n| --- | --- | --- | --- | --- | --- | --- |\n" +
		strings.Join(r.rows, "\n") + "\n\n" +
		"100 comparisons with eight digits in a year let a stranger in with a chance of\n" +
		"one in a million; a long code has twenty digits. 100 with the six digits of an\n" +
		"authenticator app, of which three are right at a time, do with one of three in ten\n" +
		"thousand, once the password is stolen. After each siege the owner got\n" +
		"in: from a known browser with the password and with a mailed code, and from a new\n" +
		"browser with the link of the last mail, the password at hand or forgotten, and\n" +
		"with the saved code.\n"
	if err := os.WriteFile(*report, []byte(text), 0o644); err != nil {
		t.Error(err)
	}
}

// span is the length of the sieges on a clock that is moved.
func span() time.Duration { return time.Duration(*years * float64(365*24*time.Hour)) }

// A13, A14, A15, A21, A24 (THREATS 6), ASVS 6.3.1: whatever strangers do for years,
// no day, month or year has more comparisons with short codes, or with the
// password, than the budgets allow, and who takes all there is gets just that.
// A26 (THREATS 6.2): then the owner gets in all the same.
func TestA14BoundHolds(t *testing.T) {
	rows := &table{}
	t.Cleanup(func() { rows.write(t) })
	for name, attack := range map[string]func(*siege, time.Duration){"greedy": (*siege).greedy, "wild": (*siege).wild} {
		t.Run(name, func(t *testing.T) {
			sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
				s := newSiege(t, app, *seed)
				attack(s, span())
				s.holds(rows, name)
				s.strongGetsIn()
				s.ownerGetsIn()
			})
		})
	}
	t.Run("real clock", func(t *testing.T) {
		for name, url := range map[string]func() string{"SQLite": func() string { return "" }, "PostgreSQL": func() string { return sparekeytest.Postgres(t) }} {
			t.Run(name, func(t *testing.T) { atOnce(t, rows, url()) })
		}
	})
}

// holds compares what was counted with what is allowed.
func (s *siege) holds(rows *table, name string) {
	s.t.Helper()
	for what, counted := range map[string]struct {
		at      []time.Time
		allowed sparekey.Windows
	}{
		"short codes": {s.short, sparekey.CodeLedger()},
		"passwords":   {s.passwords, sparekey.PasswordBudget()},
		"authenticator codes, the password known": {s.apps, sparekey.TOTPBudget()},
	} {
		var got, allowed []any
		for _, w := range counted.allowed {
			n := most(counted.at, w.Span)
			if n > w.Max {
				s.t.Errorf("%s, seed %d: got %d comparisons with %s within %v, want at most %d", name, *seed, n, what, w.Span, w.Max)
			}
			if name == "greedy" && n < w.Max && w.Span < span() {
				s.t.Errorf("%s: got %d comparisons with %s within %v, want all %d that are allowed: else this proves little", name, n, what, w.Span, w.Max)
			}
			got, allowed = append(got, n), append(allowed, w.Max)
		}
		rows.add("| %s, %.2g years, %s | %s | %d | %d | %d | %d | %s |", append(append([]any{name, *years, databaseOf(s.app), what, len(counted.at)}, got...), fmt.Sprint(allowed...))...)
	}
	rows.add("| %s, %.2g years, %s | long codes | %d | | | | any |", name, *years, databaseOf(s.app), s.long)
}

func databaseOf(app *sparekeytest.App) string {
	if app.Store.Postgres() {
		return "PostgreSQL"
	}
	return "SQLite"
}
