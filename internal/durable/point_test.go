package durable

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sparekey/internal/sparekeytest"
	"sparekey/internal/sparekeytest/site"
)

// pointSource is a file that the program is built with here: what kills it before
// or after the nth commit from when a test says so.
const pointSource = `package store

import (
	"fmt"
	"os"
	"sync"
	"syscall"
)

var points struct {
	sync.Mutex
	order string // what the test said last
	seen  int    // commits since
}

func point(commit func() error) error {
	when, die := "", func() {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	points.Lock()
	if order, err := os.ReadFile(os.Getenv("POINT_FILE")); err == nil {
		if string(order) != points.order {
			points.order, points.seen = string(order), 0
		}
		points.seen++
		nth := 0
		fmt.Sscan(points.order, &when, &nth)
		// Whoever takes the file away has decided: the test gives up like that.
		if points.seen != nth || os.Remove(os.Getenv("POINT_FILE")) != nil {
			when = ""
		}
	}
	points.Unlock()
	if when == "before" {
		die()
	}
	err := commit()
	if when == "after" {
		die()
	}
	return err
}
`

// buildWithPoints builds the program with that file and both places where it
// commits changed to ask it: nothing of this stands in the program itself.
func buildWithPoints(t *testing.T) string {
	t.Helper()
	dir, replace := t.TempDir(), map[string]string{}
	store, err := filepath.Abs("../store")
	if err != nil {
		t.Fatal(err)
	}
	change := func(name, old, changed string) {
		text := []byte(pointSource)
		if old != "" {
			if text, err = os.ReadFile(filepath.Join(store, name)); err != nil {
				t.Fatal(err)
			}
			if strings.Count(string(text), old) != 1 {
				t.Fatalf("%s: got %d times %q, want it once: the point is to be put elsewhere", name, strings.Count(string(text), old), old)
			}
			text = []byte(strings.Replace(string(text), old, changed, 1))
		}
		replace[filepath.Join(store, name)] = filepath.Join(dir, name)
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	change("point.go", "", "")
	change("group.go", "g.exec(`COMMIT`)", "point(func() error { return g.exec(`COMMIT`) })")
	change("store.go", "inner.Commit()", "point(inner.Commit)")
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return site.Build(t, "-overlay="+overlay)
}

// A sniper is a driver whose server is killed at a chosen point.
type sniper struct {
	driver
	rows  sparekeytest.Rows
	file  string // says at which commit
	kills map[string]int
}

// F3 (THREATS 4): the server is killed before and after each commit that a
// recovery, a registration, a change of the password and a sign-in make, those of
// their mails included; and when the mail server has a mail, before and after it
// says so. What was acknowledged is there, each start gets its mail, and all mails
// of one flow carry one code.
func TestF3KilledAtEachPoint(t *testing.T) {
	together(t)
	paper.watch(t)
	binary := buildWithPoints(t)
	databases := []string{"sqlite"}
	if *points {
		databases = append(databases, "postgres")
	}
	var lines []string
	for _, database := range databases {
		t.Run(database, func(t *testing.T) {
			t.Logf("seed %d", *seed)
			s := site.New(t, binary, database)
			d := &sniper{
				driver: driver{t: t, site: s, over: make(chan struct{})}, rows: sparekeytest.OpenRows(t, s.URL),
				file: filepath.Join(t.TempDir(), "point"), kills: map[string]int{},
			}
			s.Fill(addresses("account", 400))
			s.Env = []string{"POINT_FILE=" + d.file}
			d.nodes = []*site.Server{nil}
			d.start()
			acts := []struct {
				name string
				do   func(*rand.Rand, *life)
			}{
				{"recover", d.recover},
				{"register", func(r *rand.Rand, l *life) { d.register(r, l) }},
				{"change the password", d.changePassword},
				{"sign in", func(r *rand.Rand, l *life) { d.signIn(r, l) }},
			}
			for n, act := range acts {
				for _, when := range []string{"before", "after"} {
					for nth := 1; d.commit(when, nth, uint64(n), act.do); nth++ {
						d.kills[act.name]++
					}
				}
				for _, when := range []string{"before its yes", "after its yes"} {
					if d.mailed(when, uint64(n), act.do) {
						d.kills[act.name]++
					}
				}
				if d.kills[act.name] < 4 {
					t.Errorf("%s: got %d points, want more: else it shows little", act.name, d.kills[act.name])
				}
				lines = append(lines, fmt.Sprintf("| %s | %s | %d |", act.name, database, d.kills[act.name]))
			}
			sent, twice := d.mails()
			d.look()
			t.Logf("killed at %v points; %d mails of which %d came twice", d.kills, sent, twice)
		})
	}
	paper.add(5, "Killed at each point", "The server is killed before and after each single commit of an act and of its\n"+
		"mails, and at the mail server's yes, before it and right after it.\n\n"+
		"| act | database | points |\n| --- | --- | --- |\n"+strings.Join(lines, "\n")+"\n")
}

// start starts the server, and has what the one before had claimed sent now.
func (d *sniper) start() {
	d.t.Helper()
	d.site.AwaitDatabase()
	d.rows.Exec(`UPDATE outbox SET run_at = 1 WHERE state = 'waiting' AND attempt > 0 AND NOT merged`)
	d.nodes[0] = d.site.Start()
	d.dead = d.nodes[0].Done()
}

// one has one new person do an act. It is the same each time: the same chances.
func (d *sniper) one(n uint64, act func(*rand.Rand, *life)) {
	email := site.Address("account", int(d.next.Add(1)))
	l := &life{email: email, wrong: map[string]int{}, changes: []change{{site.Password, done}}}
	if n == 1 {
		l.email, l.changes = "new."+email, nil
	}
	d.history.add(l)
	act(rand.New(rand.NewPCG(*seed, n<<40)), l)
}

// commit has an act done while the server is killed at its nth commit. It reports
// whether the act had so many.
func (d *sniper) commit(when string, nth int, n uint64, act func(*rand.Rand, *life)) bool {
	d.t.Helper()
	d.quiet()
	if err := os.WriteFile(d.file+".next", []byte(fmt.Sprint(when, " ", nth)), 0o600); err != nil {
		d.t.Fatal(err)
	}
	if err := os.Rename(d.file+".next", d.file); err != nil {
		d.t.Fatal(err)
	}
	d.one(n, act)
	d.quiet() // what its mails do belongs to it
	if os.Remove(d.file) == nil {
		return false
	}
	<-d.dead
	d.start()
	return true
}

// mailed has an act done while the server is killed at the mail server's yes. It
// reports whether the act has a mail.
func (d *sniper) mailed(when string, n uint64, act func(*rand.Rand, *life)) bool {
	d.t.Helper()
	d.quiet()
	shot := make(chan struct{}, 1)
	d.site.Office.Answer(func(site.Mail) site.Answer {
		select {
		case shot <- struct{}{}:
		default: // one is enough
			return site.Answer{}
		}
		if when == "before its yes" {
			d.nodes[0].Kill()
			return site.Answer{Cut: true}
		}
		return site.Answer{After: d.nodes[0].Kill}
	})
	d.one(n, act)
	d.quiet()
	d.site.Office.Answer(nil)
	if len(shot) == 0 {
		return false
	}
	<-d.dead
	d.start()
	return true
}

// quiet waits until no mail waits to be sent, or the server is dead.
func (d *sniper) quiet() {
	d.t.Helper()
	for range 600 {
		select {
		case <-d.dead:
			return
		default:
		}
		if d.rows.Text(`SELECT CAST(COUNT(*) AS TEXT) FROM outbox WHERE state = 'waiting' AND NOT merged`) == "0" {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}
