package bench

import (
	"fmt"
	"net/url"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/argon2"

	"sparekey/internal/sparekeytest/site"
)

// hash is the CPU that one password costs by itself: what the library takes for
// the same parameters, alone.
func hash() (cpu, took time.Duration) {
	used := func() time.Duration {
		var u syscall.Rusage
		syscall.Getrusage(syscall.RUSAGE_SELF, &u) //nolint:errcheck // it cannot fail
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	const rounds = 20
	runtime.GC()
	before, began := used(), time.Now()
	for range rounds {
		argon2.IDKey([]byte(site.Password), []byte("sixteen bytes ..."), 2, 19<<10, 1, 32)
	}
	return (used() - before) / rounds, time.Since(began) / rounds
}

// signIns measures sign-ins one after the other, and gives the CPU of each in
// milliseconds.
func signIns(p *page, s *place) float64 {
	raw, _ := hash()
	before, database := s.cpu(), s.databaseCPU()
	r := load{addr: s.Addr, clients: 1, span: *span, request: func(_, n int) []byte {
		return ask("POST", "/signin", "", url.Values{"login": {s.of(begun, n)}, "password": {site.Password}}.Encode())
	}}.run(s.t).only(s.t, 303)
	cpu := (s.cpu() - before) + (s.databaseCPU() - database)
	each := cpu / time.Duration(len(r.all))
	p.row("sign-in, CPU over the raw hash, journal and mail of a new browser included", "≤ 0.3 ms", "%.2f ms (%.2f ms against %.2f ms)",
		(each-raw).Seconds()*1000, each.Seconds()*1000, raw.Seconds()*1000)
	s.settle()
	return each.Seconds() * 1000
}

// flooded measures what many sign-ins at once do to everything else.
func flooded(p *page, s *place) {
	t := s.t
	cookies := s.signIn(owner)
	check := ask("GET", "/api/v1/session", cookies, "")
	probe := load{addr: s.Addr, clients: 4, span: *span, pause: 5 * time.Millisecond, request: func(int, int) []byte { return check }}
	idle := probe.run(t).only(t, 200)
	was := s.Server.Memory("VmRSS")

	var all sync.WaitGroup
	var strangers, asked result
	last := make(chan time.Duration, 1)
	all.Go(func() {
		// Whoever is told to come again waits the least that they are told.
		strangers = load{addr: s.Addr, clients: *flood, span: *span, pause: time.Second, request: func(client, n int) []byte {
			form := url.Values{"login": {s.of(begun, client+n*977)}, "password": {"not the one 17"}}
			return ask("POST", "/signin", "", form.Encode())
		}}.run(t)
	})
	all.Go(func() { asked = probe.run(t).only(t, 200) })
	all.Go(func() {
		time.Sleep(*span / 4)
		last <- s.recoverNow(s.of(recovered, 0), "a new one for it 9")
	})
	all.Wait()
	most := s.Server.Memory("VmHWM")
	slots := max(runtime.NumCPU()-1, 1)
	p.row(fmt.Sprintf("session check, p99, while %d strangers sign in at once, and again a second after each answer", *flood), "≤ 2 × idle, < 10 ms", "%s, idle %s",
		ms(at(asked.all, 0.99)), ms(at(idle.all, 0.99)))
	p.row("memory then", fmt.Sprintf("≤ %d MiB", slots*19+100), "%d MiB at most, %d MiB before", most>>20, was>>20)
	shed := strangers.by[503]
	p.row("the excess of strangers", "503, Retry-After, < 50 ms", "%d answers 503 (%d without Retry-After), half within %s, 99 %% within %s; %d were hashed",
		len(shed), strangers.noRetry, ms(at(shed, 0.5)), ms(at(shed, 0.99)), len(strangers.by[422]))
	p.row("the last page of a recovery meanwhile", "works", "took %s", ms(<-last))
	s.settle()
}

// recoverNow walks through a recovery and gives how long its last page took.
func (s *place) recoverNow(email, to string) time.Duration {
	s.t.Helper()
	r := s.Person()
	s.must(r.Get("/recover"))
	mail := s.Office.Expect(email)
	s.must(r.Submit("/recover", "login", email))
	s.must(r.Submit(r.At+"/answer", "code", (<-mail).Code))
	began := time.Now()
	s.must(r.Submit(r.At+"/act", "password", to, "password_again", to))
	return time.Since(began)
}
