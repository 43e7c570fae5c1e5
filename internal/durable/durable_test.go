// Package durable shows that nothing that was acknowledged is lost, whatever
// breaks: the real program under load is killed again and again, on both
// databases, and each client's history is held against what is there in the end.
// It has no code of its own, only tests: a short run in every run, and with flags
// the long one.
package durable

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sparekey/internal/sparekeytest"
	"sparekey/internal/sparekeytest/site"
)

// The size of the runs, and where the report goes.
var (
	kills     = flag.Int("kills", 3, "how often each kind of site loses a server")
	flows     = flag.Int("flows", 12, "clients at once")
	seed      = flag.Uint64("seed", 0, "of what clients do and when servers are killed; 0 draws one")
	lease     = flag.Bool("lease", false, "wait until the leases of servers that were killed have ended by themselves")
	backlog   = flag.Int("backlog", 60, "mails that wait while there is no mail server")
	failovers = flag.Int("failovers", 1, "how often a PostgreSQL standby takes over")
	overload  = flag.Duration("overload", 4*time.Second, "how long twenty times as many sign in as can")
	slow      = flag.Int("slow", 500, "connections on which next to nothing comes")
	points    = flag.Bool("points", false, "kill at every point on PostgreSQL too")
	report    = flag.String("report", "", "the file that gets the report")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	sparekeytest.Main(m, paper.write)
}

// A driver has clients use a site while its servers are killed.
type driver struct {
	t       *testing.T
	site    *site.Site
	history history
	next    atomic.Int64 // the next account that nobody has used
	over    chan struct{}
	killed  int             // databases
	dead    <-chan struct{} // closed when the only server is; nil if nobody knows
	ends    bool            // what is under way may end: another database takes over

	mu    sync.Mutex
	nodes []*site.Server
}

// pick gives one of the servers that run.
func (d *driver) pick(r *rand.Rand) *site.Server {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.nodes[r.IntN(len(d.nodes))]
}

// crash kills a server at a random moment and starts another in its place. Before
// some kills the server first stands still for a while, as if the machine did:
// others may take over what it was about to send.
func (d *driver) crash(r *rand.Rand) {
	time.Sleep(time.Duration(50+r.IntN(1450)) * time.Millisecond)
	d.mu.Lock()
	at := r.IntN(len(d.nodes))
	node := d.nodes[at]
	d.mu.Unlock()
	if r.IntN(4) == 0 {
		node.Signal(syscall.SIGSTOP)
		time.Sleep(time.Duration(r.IntN(300)) * time.Millisecond)
	}
	if pid := d.site.Postgres.Pid(); pid > 0 && r.IntN(3) == 0 { // the database dies, and the server lives on
		node.Signal(syscall.SIGCONT)
		syscall.Kill(pid, syscall.SIGKILL) //nolint:errcheck // it may have died of the last one
		d.killed++
		return
	}
	node.Kill()
	d.site.AwaitDatabase() // a server that finds none ends, and whoever runs it starts it again
	again := d.site.Start()
	d.mu.Lock()
	d.nodes[at] = again
	d.mu.Unlock()
}

// work has clients at work until d.over is closed.
func (d *driver) work() *sync.WaitGroup {
	var clients sync.WaitGroup
	for n := range *flows {
		own := rand.New(rand.NewPCG(*seed, uint64(n)))
		clients.Go(func() {
			for {
				select {
				case <-d.over:
					return
				default:
					d.live(own)
				}
			}
		})
	}
	return &clients
}

// rest ends the clients and the servers, and starts the servers again.
func (d *driver) rest(clients *sync.WaitGroup) {
	time.Sleep(time.Second)
	close(d.over)
	clients.Wait()
	d.stop()
	d.site.AwaitDatabase()
	if !*lease { // what a killed server had claimed is due now, and not when its lease ends
		sparekeytest.OpenRows(d.t, d.site.URL).Exec(`UPDATE outbox SET run_at = 1 WHERE state = 'waiting' AND attempt > 0 AND NOT merged`)
	}
	for n := range d.nodes {
		d.nodes[n] = d.site.Start()
	}
}

// stop ends all servers as an operator does.
func (d *driver) stop() {
	var all sync.WaitGroup
	for _, node := range d.nodes {
		all.Go(node.Stop)
	}
	all.Wait()
}

// F1, F2, F5, F22 (THREATS 4): servers are killed with SIGKILL at any moment, one
// of one on SQLite, one of one and one of three on PostgreSQL, and PostgreSQL
// itself at every third. What was
// acknowledged is there: passwords, ends of sessions, tries that were spent, codes,
// saved codes and approvals of phones that were used. Each recovery that was begun
// gets its mail, and all mails of one carry one code.
func TestF1ServersAreKilled(t *testing.T) {
	together(t)
	paper.watch(t)
	binary := site.Build(t)
	var rows []string
	for _, kind := range []struct {
		name, database string
		nodes          int
	}{{"SQLite, one server", "sqlite", 1}, {"PostgreSQL, one server", "postgres", 1}, {"PostgreSQL, three servers", "postgres", 3}} {
		t.Run(kind.name, func(t *testing.T) {
			t.Logf("seed %d", *seed)
			s := site.New(t, binary, kind.database)
			var emails []string
			for n := range 400 * *kills {
				emails = append(emails, site.Address("account", n))
			}
			s.Fill(emails)
			d := &driver{t: t, site: s, over: make(chan struct{})}
			for range kind.nodes {
				d.nodes = append(d.nodes, s.Start())
			}
			clients, r := d.work(), rand.New(rand.NewPCG(*seed, 1<<32))
			for range *kills {
				d.crash(r)
			}
			d.rest(clients)
			sent, twice := d.mails()
			d.look()
			rows = append(rows, fmt.Sprintf("| %s | %d | %d | %d | %d | %d | %d | %d |", kind.name, *kills-d.killed, d.killed, d.history.acked, d.history.open,
				len(d.history.lives), sent, twice))
			t.Logf("%d kills, %d operations acknowledged and %d unknown of %d accounts, %d mails of which %d came twice", *kills, d.history.acked, d.history.open,
				len(d.history.lives), sent, twice)
			codes, approvals := d.history.used()
			t.Logf("%d saved codes were used, and %d sign-ins approved on phones", codes, approvals)
			if d.history.acked < 10 {
				t.Errorf("got %d operations that were acknowledged, want more: else it shows nothing", d.history.acked)
			}
		})
	}
	paper.add(1, "Servers are killed", "Clients register, sign in by password and by phone, recover, change passwords,\n"+
		"sign out and guess, all at once, while servers are killed with SIGKILL 50 to\n"+
		"1,500 ms after they were ready, some of them after they stood still for a while,\n"+
		"and PostgreSQL too. Each client notes what it was told. In the end every password,\n"+
		"session, try, saved code, phone and mail is held against that; and what a phone\n"+
		"has approved has opened one session.\n\n"+
		"| site | servers killed | databases killed | acknowledged | outcome unknown | accounts | mails with a code | of them came twice |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n"+
		strings.Join(rows, "\n")+"\n\n"+
		"A mail comes twice when the server dies between the mail server's yes and its own\n"+
		"note of it; both carry the same code. No violation in n kills means that one in\n"+
		"3/n at most goes wrong, with a confidence of 95 %.\n")
}

// look holds every life against what the servers say now.
func (d *driver) look() {
	r := rand.New(rand.NewPCG(*seed, 2<<32))
	database := sparekeytest.OpenRows(d.t, d.site.URL)
	for _, l := range d.history.lives {
		node := d.pick(r)
		for _, v := range l.judge(func(password string) bool { return d.right(node, l.email, password) }, func(cookies string) bool { return d.good(node, cookies) }) {
			d.t.Error(v)
		}
		d.savedCodes(node, database, l)
		d.phones(node, l)
		for flow, tries := range l.wrong {
			var kept int
			list := database.List(`SELECT tries FROM flows WHERE id = '` + flow + `'`)
			if len(list) == 0 { // it ended some time ago
				continue
			}
			if _, err := fmt.Sscan(list[0], &kept); err != nil {
				d.t.Fatal(err)
			}
			if kept < tries {
				d.t.Errorf("%s: flow %s: got %d tries spent, want the %d that were answered", l.email, flow, kept, tries)
			}
		}
	}
}

// right reports whether a password signs in. It asks until it is told.
func (d *driver) right(node *site.Server, email, password string) bool {
	for {
		p := node.Person()
		err := p.Post("/signin", "login", email, "password", password)
		switch {
		case err == nil:
			return true
		case site.Answered(err) && p.Status == 422:
			return false
		case p.Status == 503:
			time.Sleep(20 * time.Millisecond)
		default:
			d.t.Fatalf("sign in %s: %v", email, err)
		}
	}
}

// good reports whether a session is.
func (d *driver) good(node *site.Server, cookies string) bool {
	p := node.Person()
	for _, pair := range strings.Split(cookies, "; ") {
		name, value, _ := strings.Cut(pair, "=")
		p.Cookies[name] = value
	}
	err := p.Get("/api/v1/session")
	if err != nil && p.Status != 401 {
		d.t.Fatalf("ask for a session: %v", err)
	}
	return err == nil
}

// mails waits until nothing waits to be sent, and holds the mails that were
// taken against the flows that were begun.
func (d *driver) mails() (sent, twice int) {
	database := sparekeytest.OpenRows(d.t, d.site.URL)
	for range 4000 { // a lease is two minutes
		if database.Text(`SELECT CAST(COUNT(*) AS TEXT) FROM outbox WHERE state = 'waiting' AND NOT merged`) == "0" {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	codes := map[string]string{}
	for _, m := range d.site.Office.Mails(0) {
		if m.Code == "" {
			continue
		}
		sent++
		if was, ok := codes[m.Thread]; ok {
			if twice++; was != m.Code {
				d.t.Errorf("flow %s: got the codes %s and %s, want one", m.Thread, was, m.Code)
			}
		}
		codes[m.Thread] = m.Code
	}
	for _, l := range d.history.lives {
		for _, begun := range l.begun {
			if codes[begun.flow] != "" {
				continue
			}
			if !l.owed(begun) {
				d.t.Logf("%s: flow %s ended by a change of the password before its mail left", l.email, begun.flow)
				continue
			}
			rows := database.List(`SELECT state, attempt FROM outbox WHERE flow = '` + begun.flow + `'`)
			if d.ends && len(rows) == 1 && strings.HasPrefix(rows[0], "failed|") { // its flow has ended, and that is written down
				continue
			}
			d.t.Errorf("%s: got no mail for flow %s but the messages %q, want one: its start was acknowledged", l.email, begun.flow, rows)
		}
	}
	return sent, twice
}
