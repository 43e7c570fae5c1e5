// Package bench measures how fast Sparekey is: the real program as a process of
// its own, under load from another, beside the fastest thing that Go can do for
// the same. It has no code of its own. What it finds is a report, never a
// failure: how fast a machine is says nothing about what is right. It fails
// where an answer is wrong.
package bench

import (
	"flag"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"sparekey/internal/sparekeytest"
	"sparekey/internal/sparekeytest/site"
)

// The size of the runs, and where the report goes.
var (
	span     = flag.Duration("span", 150*time.Millisecond, "how long each load lasts")
	accounts = flag.Int("accounts", 200, "accounts in the database")
	many     = flag.Int("many", 400, "accounts in the large database")
	flood    = flag.Int("flood", 20, "sign-ins at once")
	mails    = flag.Int("mails", 40, "mails in the backlog")
	both     = flag.Bool("both", false, "measure PostgreSQL too")
	report   = flag.String("report", "", "the file that gets the report")
)

// emptyAt makes this program the server that all else is measured by.
const emptyAt = "SPAREKEY_BENCH_EMPTY"

func TestMain(m *testing.M) {
	if at := os.Getenv(emptyAt); at != "" {
		serveNothing(at)
	}
	flag.Parse()
	sparekeytest.Main(m)
}

// serveNothing answers every request with nothing, as fast as net/http does.
func serveNothing(at string) {
	l, err := net.Listen("tcp", at)
	if err != nil {
		panic(err)
	}
	panic(http.Serve(l, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
}

// A page is the report as it grows.
type page struct {
	t     *testing.T
	text  strings.Builder
	notes []string // what stands below the tables
}

// note adds what stands below the tables.
func (p *page) note(text string) { p.notes = append(p.notes, text) }

// say adds a line.
func (p *page) say(format string, args ...any) {
	fmt.Fprintf(&p.text, format+"\n", args...)
	p.t.Logf(format, args...)
}

// row adds a figure: what it is, what it shall be, and what it was.
func (p *page) row(what, goal, format string, args ...any) {
	p.say("| %s | %s | %s |", what, goal, fmt.Sprintf(format, args...))
}

func (p *page) section(title string) {
	p.say("\n## %s\n", title)
	p.say("| what | goal | measured |\n| --- | --- | --- |")
}

// Everything that a page in docs/benchmarks.md says was measured in one run by
// this: `make bench`.
func TestBench(t *testing.T) {
	p := &page{t: t}
	p.say("# How fast it is\n")
	p.say("Written by `make bench` on %s: %d cores, %s, %s/%s. The server, the load and the",
		time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	p.say("mail server are processes of one machine and share its cores, so that figures in")
	p.say("seconds are worse than with a machine for each; ratios are of what was measured")
	p.say("side by side in this run. CPU is what the kernel has on its accounts.")
	binary := site.Build(t)
	start(p, binary)
	databases := []string{"sqlite"}
	if *both {
		databases = append(databases, "postgres")
	}
	for _, kind := range databases {
		small := newPlace(t, binary, kind, *accounts)
		p.section(kind + ", " + fmt.Sprint(*accounts) + " accounts")
		was := measure(p, small)
		small.Stop()
		large := newPlace(t, binary, kind, *many)
		p.section(kind + ", " + fmt.Sprint(*many) + " accounts")
		p.row("an account (one address, one password) on the disk", "≤ 800 B", "%d B", large.weight)
		is := measureLarge(p, large)
		for i, name := range was.names() {
			p.row(name+", against "+fmt.Sprint(*accounts)+" accounts", "within 10 %", "%+.0f %%", 100*(is.values()[i]/was.values()[i]-1))
		}
		large.Stop()
	}
	if *report != "" && !t.Failed() {
		if err := os.WriteFile(*report, []byte(p.text.String()+why+strings.Join(p.notes, "\n")), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// figures are those that the number of accounts must not change.
type figures struct{ check, start, signin float64 }

func (figures) names() []string     { return []string{"session check", "recovery start", "sign-in"} }
func (f figures) values() []float64 { return []float64{f.check, f.start, f.signin} }

func measure(p *page, s *place) figures {
	f := figures{check: checks(p, s)}
	if s.Kind == "postgres" {
		revocations(p, s)
	}
	f.start = starts(p, s, "known")
	starts(p, s, "unknown")
	f.signin = signIns(p, s)
	flooded(p, s)
	handOvers(p, s)
	recoveries(p, s)
	drained(p, s)
	approvals(p, s)
	waiting(p, s)
	return f
}

func measureLarge(p *page, s *place) figures {
	return figures{check: checks(p, s), start: starts(p, s, "known"), signin: signIns(p, s)}
}

// ms is a duration in words of a table.
func ms(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.2f ms", d.Seconds()*1000)
	}
	return fmt.Sprintf("%.0f ms", math.Round(d.Seconds()*1000))
}
