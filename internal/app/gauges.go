package app

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sparekey/internal/password"
)

const (
	// lookLimit is how long a scrape looks into the database.
	lookLimit = 5 * time.Second
	// failuresSpan and failuresMost say of which sign-ins the failures are
	// counted: the newest.
	failuresSpan = 10 * time.Minute
	failuresMost = 10_000
)

// gauges are what is looked up when the metrics are read: counters that others
// keep, and what the database says of all nodes together.
type gauges struct {
	app *App

	build, up                                *prometheus.Desc
	slots, running, waiting, refused, hashes *prometheus.Desc
	openFlows, outbox, oldest, failures      *prometheus.Desc
}

// look adds what is looked up in a. It is called once.
func (m *metrics) look(a *App) {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	m.registry.MustRegister(&gauges{
		app: a,
		build: desc("sparekey_build_info",
			"Always 1; its labels say what is running. If it differs between nodes for long, an upgrade has stopped half-way.", "version", "go"),
		up: desc("sparekey_database_up",
			"1 if the database answered this scrape in time, else 0, and then what is read there is missing. If it is 0, nobody gets in."),
		slots: desc("sparekey_password_slots",
			"How many passwords can be hashed at once. It changes with the machine only."),
		running: desc("sparekey_password_hashes_running",
			"Passwords that are being hashed. If it stays at sparekey_password_slots, the processor is the bound: give the machine more cores."),
		waiting: desc("sparekey_password_hashes_waiting",
			"Passwords that wait to be hashed, by lane. If strangers wait and the others do not, somebody floods the sign-in page: that lane alone"+
				" suffers. If the others wait too, give the machine more cores.", "lane"),
		refused: desc("sparekey_password_refused_total",
			"Passwords that were not hashed because the lane was full: they got 503 and were asked to come again. If strangers are refused, see"+
				" sparekey_password_hashes_waiting; any other lane must stay at 0.", "lane"),
		hashes: desc("sparekey_password_hashes_total",
			"Argon2id computations. Two for one password are a stored hash that is cheaper than today's."),
		openFlows: desc("sparekey_open_flows",
			"Open flows of strangers. Beyond 200,000 strangers get 503, people who are signed in do not. If it rises far above the usual, somebody"+
				" starts flows by program: let the proxy slow it down."),
		outbox: desc("sparekey_outbox_waiting",
			"Messages that are to be sent now or tried again, of all nodes together. If it grows, the mail server does not take them: see"+
				" sparekey_mails_total."),
		oldest: desc("sparekey_outbox_oldest_seconds",
			"Age of the oldest message in sparekey_outbox_waiting. If it passes 60, the mail server is not taking mails, or no node is running its"+
				" outbox: look for \"message not sent\" in the log."),
		failures: desc("sparekey_sign_in_failure_ratio",
			"Share of the sign-ins that failed, over all accounts and nodes, of the last 10 minutes or the newest 10,000 sign-ins. If it rises well"+
				" above the usual, one password is being tried on many accounts. No page changes: let the proxy slow it down."),
	})
}

// Describe sends the descriptions.
func (g *gauges) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		g.build, g.up, g.slots, g.running, g.waiting, g.refused, g.hashes, g.openFlows, g.outbox, g.oldest, g.failures,
	} {
		out <- d
	}
}

// Collect sends what there is now.
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	counter := func(d *prometheus.Desc, value uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
	}
	gauge(g.build, 1, version(), runtime.Version())
	s := g.app.Hasher.Stats()
	gauge(g.slots, float64(s.Slots))
	gauge(g.running, float64(s.Running))
	counter(g.hashes, s.Hashes)
	for lane, name := range map[password.Lane]string{password.Proved: "proved", password.Known: "known", password.Stranger: "stranger"} {
		gauge(g.waiting, float64(s.Waiting[lane]), name)
		counter(g.refused, s.Refused[lane], name)
	}
	gauge(g.openFlows, float64(g.app.Flows.OpenFlows()))
	if err := g.database(gauge); err != nil {
		g.app.log.Warn("the database was not asked for its metrics", "err", err)
		gauge(g.up, 0)
		return
	}
	gauge(g.up, 1)
}

// database sends what the database knows.
func (g *gauges) database(gauge func(*prometheus.Desc, float64, ...string)) error {
	ctx, cancel := context.WithTimeout(context.Background(), lookLimit)
	defer cancel()
	now := g.app.now()
	waiting, oldest, err := g.app.Store.Waiting(ctx)
	if err != nil {
		return err
	}
	wrong, all, err := g.app.Store.SignInFailures(ctx, now.Add(-failuresSpan), failuresMost)
	if err != nil {
		return err
	}
	age := time.Duration(0)
	if waiting > 0 {
		age = max(age, now.Sub(oldest))
	}
	gauge(g.outbox, float64(waiting))
	gauge(g.oldest, age.Seconds())
	gauge(g.failures, float64(wrong)/float64(max(all, 1)))
	return nil
}

// version is what the program was built from.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "devel"
}
