package bench

import (
	"fmt"
	"time"

	"sparekey/internal/prove"
	"sparekey/internal/sparekeytest/site"
)

// checks compares the session check with the server that does nothing, in turns
// of the two, and gives how much CPU it takes, in that server's.
func checks(p *page, s *place) float64 {
	t := s.t
	empty := nothing(t)
	defer empty.Kill()
	cookies := s.signIn(owner)
	type side struct {
		cpu  time.Duration
		n    int
		took time.Duration
		all  result
	}
	var ours, none side
	const turns = 4
	one := func(on *site.Server, path string, into *side) {
		request := ask("GET", path, cookies, "")
		before, database := cpuOf(t, on.Pid), s.databaseCPU()
		r := load{addr: on.Addr, clients: 16, span: *span / turns, request: func(int, int) []byte { return request }}.run(t).only(t, 200)
		into.cpu += cpuOf(t, on.Pid) - before
		if on != empty {
			into.cpu += s.databaseCPU() - database
		}
		into.n += len(r.all)
		into.took += r.took
		into.all = r
	}
	for range turns {
		one(empty, "/", &none)
		one(s.Server, "/api/v1/session", &ours)
	}
	each := func(x side) float64 { return float64(x.cpu.Microseconds()) / float64(x.n) }
	ratio := each(ours) / each(none)
	p.row("session check, CPU of server and database against an empty handler's", "≤ 3", "%.1f (%.0f µs against %.0f µs)", ratio, each(ours), each(none))
	p.row("its throughput, likewise", "≥ 0.5", "%.2f (%.0f a second)", (float64(ours.n)/ours.took.Seconds())/(float64(none.n)/none.took.Seconds()),
		float64(ours.n)/ours.took.Seconds())
	p.row("its p99, likewise", "≤ 2", "%.1f (%s against %s)", float64(at(ours.all.all, 0.99))/float64(at(none.all.all, 0.99)),
		ms(at(ours.all.all, 0.99)), ms(at(none.all.all, 0.99)))
	return ratio
}

// revocations measures how long a session that was ended on one node is still
// good on another.
func revocations(p *page, s *place) {
	other := s.Site.Start()
	defer other.Stop()
	const rounds = 20
	var slowest time.Duration
	for n := range rounds { // each another account: a new browser has few tries
		one := s.Person()
		s.must(one.Get("/signin"))
		s.must(one.Submit("/signin", "login", s.of(begun, n), "password", site.Password))
		held := ask("GET", "/api/v1/session", one.Jar(), "")
		w := &prove.Wire{Addr: other.Addr}
		look := func() int {
			a, err := w.Send(held)
			s.must(err)
			return a.Status
		}
		for range 3 {
			if got := look(); got != 200 {
				s.t.Fatalf("session on the other node: got %d, want 200", got)
			}
		}
		s.must(one.Get("/account"))
		done := make(chan time.Time, 1)
		go func() {
			for look() == 200 {
			}
			done <- time.Now()
		}()
		s.must(one.Post("/signout"))
		ended := time.Now()
		took := max((<-done).Sub(ended), 0)
		w.Close()
		slowest = max(slowest, took)
		mine, err := (&prove.Wire{Addr: s.Addr}).Send(held)
		s.must(err)
		if mine.Status != 401 {
			s.t.Errorf("session that was ended here: got %d, want 401", mine.Status)
		}
	}
	p.row("a session ended on one node, refused on another", "≤ 100 ms", "%s (slowest of %d); on its own node at once", ms(slowest), rounds)
}

// starts measures recoveries that are begun, with the worker behind them, and
// gives how much CPU each takes, in milliseconds.
func starts(p *page, s *place, what string) float64 {
	t := s.t
	sent := len(s.Office.Mails(0))
	rows := s.rows()
	rows.Exec(`DELETE FROM flows`) // strangers may have so many open at a time
	cpu, database := s.cpu(), s.databaseCPU()
	profiling := s.profile(*span)
	r := load{addr: s.Addr, clients: 64, span: *span, request: func(client, n int) []byte {
		email := s.of(begun, n*64+client)
		if what == "unknown" {
			email = "nobody" + email[6:]
		}
		return ask("POST", "/recover", "", "login="+email)
	}}.run(t).only(t, 303, 503)
	started, late := len(r.by[303]), rows.backlog()
	cpu, database = s.cpu()-cpu, s.databaseCPU()-database
	if kept := rows.number(`SELECT COUNT(*) FROM flows`); kept != started {
		t.Errorf("got %d flows on the disk, want the %d that were begun", kept, started)
	}
	goal := map[string]string{"sqlite": "≥ 10,000 /s", "postgres": "≥ 4,000 /s"}[s.Kind]
	p.row(fmt.Sprintf("recoveries begun, %s addresses, 64 clients, %s, durable", what, *span), goal, "%.0f /s, p99 %s, %d refused",
		float64(started)/r.took.Seconds(), ms(at(r.by[303], 0.99)), len(r.by[503]))
	p.row("the oldest message that waits at the end", "≤ 1 s", "%s", ms(late))
	s.settle()
	p.row("mails that left for them", "", "%d", len(s.Office.Mails(sent)))
	count := float64(max(started, 1))
	p.row("CPU for each, the worker's part until the end of the load included", "", "%.2f ms server, %.2f ms database",
		cpu.Seconds()*1000/count, database.Seconds()*1000/count)
	went := <-profiling
	p.row("of it in the request itself, by the profile, without the database's", "≤ 0.1 ms", "%.3f ms", went.request*cpu.Seconds()*1000/count)
	p.note("Where the server's CPU goes while recoveries are begun, " + what + " addresses, " + s.Kind + ":\n\n" + went.text)
	return (cpu + database).Seconds() * 1000 / count
}
