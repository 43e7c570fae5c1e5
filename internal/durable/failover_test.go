package durable

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"sparekey/internal/sparekeytest"
	"sparekey/internal/sparekeytest/site"
)

// F6, F7 (THREATS 4): PostgreSQL's primary is killed under load, its synchronous
// standby takes over, and the servers follow. What was acknowledged is there,
// sessions go on, and what was under way has ended. The old primary comes back as
// if nothing had happened; nothing is written to it.
func TestF6StandbyTakesOver(t *testing.T) {
	together(t)
	paper.watch(t)
	t.Logf("seed %d", *seed)
	pair := sparekeytest.DurablePair(t)
	s := site.NewOn(t, site.Build(t), pair.URL)
	s.Fill(addresses("account", 400*max(2, *failovers)))
	d := &driver{t: t, site: s, over: make(chan struct{}), ends: true, nodes: []*site.Server{s.Start(), s.Start()}}
	r := rand.New(rand.NewPCG(*seed, 3<<32))
	clients := d.work()
	var outages []time.Duration
	for round := range *failovers {
		time.Sleep(time.Duration(500+r.IntN(1500)) * time.Millisecond)
		open, code := d.underWay(site.Address("account", 5*round)) // nobody lives it: every fifth is of who registers
		began := time.Now()
		pair.Kill()
		pair.Promote()
		outages = append(outages, d.outage(began))
		d.ended(open, code)
		pair.Return()
		old := sparekeytest.OpenRows(t, pair.OtherURL()).Dump()
		d.nodes[0].Kill()
		d.mu.Lock()
		d.nodes[0] = s.Start() // with both there, and the old one perhaps named first
		d.mu.Unlock()
		time.Sleep(time.Second)
		if got := sparekeytest.Changed(old, sparekeytest.OpenRows(t, pair.OtherURL()).Dump()); got != nil {
			t.Errorf("on the old primary: got changes in %v, want none", got)
		}
		pair.Rebuild()
	}
	d.rest(clients)
	sent, _ := d.mails()
	d.look()
	slices.Sort(outages)
	median, most := outages[len(outages)/2].Round(time.Millisecond), outages[len(outages)-1].Round(time.Millisecond)
	t.Logf("%d failovers, no write for %v (median) and %v (longest), %d operations acknowledged and %d unknown of %d accounts, %d mails", *failovers,
		median, most, d.history.acked, d.history.open, len(d.history.lives), sent)
	if most > 30*time.Second {
		t.Errorf("got no write for %v, want half a minute at most", most)
	}
	if d.history.acked < 10 {
		t.Errorf("got %d operations that were acknowledged, want more: else it shows nothing", d.history.acked)
	}
	paper.add(4, "A standby takes over", "Two servers on a PostgreSQL with a synchronous standby, named in one URL with\n"+
		"`target_session_attrs=read-write`. The primary is killed with all its processes\n"+
		"under load and the standby promoted at once; then the old primary comes back as it\n"+
		"was, while one server is killed and starts again, and later becomes the standby.\n"+
		"Nothing was lost, codes from before opened nothing, and nothing was written to the\n"+
		"old primary.\n\n"+
		"| failovers | without a write, median | longest | acknowledged | outcome unknown | accounts |\n| --- | --- | --- | --- | --- | --- |\n"+
		fmt.Sprintf("| %d | %v | %v | %d | %d | %d |\n", *failovers, median, most, d.history.acked, d.history.open, len(d.history.lives)))
}

// underWay begins a recovery that is not finished, and gives its mailed code.
func (d *driver) underWay(email string) (open *site.Person, code string) {
	d.t.Helper()
	for range 100 {
		open = d.nodes[1].Person()
		mailed := d.site.Office.Expect(email)
		if open.Get("/recover") != nil || open.Submit("/recover", "login", email) != nil {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		return open, (<-mailed).Code
	}
	d.t.Fatal("got no recovery that begins, want one")
	return nil, ""
}

// outage waits until a recovery can be begun again.
func (d *driver) outage(began time.Time) time.Duration {
	d.t.Helper()
	for time.Since(began) < time.Minute {
		p := d.nodes[1].Person()
		if p.Get("/recover") == nil && p.Post("/recover", "login", "nobody@example.com") == nil {
			return time.Since(began)
		}
		time.Sleep(20 * time.Millisecond)
	}
	d.t.Fatal("got no write within a minute, want the servers to follow")
	return 0
}

// ended makes sure that a code from before opens nothing.
func (d *driver) ended(open *site.Person, code string) {
	d.t.Helper()
	if err := open.Post(open.At+"/answer", "code", code); err == nil || !site.Answered(err) || open.Status >= 500 {
		d.t.Errorf("a code from before: got %v, want that its flow has ended", err)
	}
}
