package app

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"time"

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
type gauges struct{ app *App }

// look adds what is looked up in a. It is called once.
func (m *metrics) look(a *App) {
	m.gauges = &gauges{a}
	for _, g := range []struct{ name, is, help string }{
		{
			"sparekey_build_info", "gauge",
			"Always 1; its labels say what is running. If it differs between nodes for long, an upgrade has stopped half-way.",
		},
		{
			"sparekey_database_up", "gauge",
			"1 if the database answered this scrape in time, else 0, and then what is read there is missing. If it is 0, nobody gets in.",
		},
		{
			"sparekey_password_slots", "gauge",
			"How many passwords can be hashed at once. It changes with the machine only.",
		},
		{
			"sparekey_password_hashes_running", "gauge",
			"Passwords that are being hashed. If it stays at sparekey_password_slots, the processor is the bound: give the machine more cores.",
		},
		{
			"sparekey_password_hashes_waiting", "gauge",
			"Passwords that wait to be hashed, by lane. If strangers wait and the others do not, somebody floods the sign-in page: that lane alone" +
				" suffers. If the others wait too, give the machine more cores.",
		},
		{
			"sparekey_password_refused_total", "counter",
			"Passwords that were not hashed because the lane was full: they got 503 and were asked to come again. If strangers are refused, see" +
				" sparekey_password_hashes_waiting; any other lane must stay at 0.",
		},
		{
			"sparekey_password_hashes_total", "counter",
			"Argon2id computations. Two for one password are a stored hash that is cheaper than today's.",
		},
		{
			"sparekey_open_flows", "gauge",
			"Open flows of strangers. Beyond 200,000 strangers get 503, people who are signed in do not. If it rises far above the usual, somebody" +
				" starts flows by program: let the proxy slow it down.",
		},
		{
			"sparekey_outbox_waiting", "gauge",
			"Messages that are to be sent now or tried again, of all nodes together. If it grows, the mail server does not take them: see" +
				" sparekey_mails_total.",
		},
		{
			"sparekey_outbox_oldest_seconds", "gauge",
			"Age of the oldest message in sparekey_outbox_waiting. If it passes 60, the mail server is not taking mails, or no node is running its" +
				" outbox: look for \"message not sent\" in the log.",
		},
		{
			"sparekey_sign_in_failure_ratio", "gauge",
			"Share of the sign-ins that failed, over all accounts and nodes, of the last 10 minutes or the newest 10,000 sign-ins. If it rises well" +
				" above the usual, one password is being tried on many accounts. No page changes: let the proxy slow it down.",
		},
	} {
		m.help[g.name] = kind{g.is, g.help}
	}
}

// write writes what there is now.
func (g *gauges) write(ctx context.Context, w io.Writer) {
	value := func(name string, v float64) { fmt.Fprintf(w, "%s %v\n", name, v) }
	value(seriesName("sparekey_build_info", []string{"version", "go"}, []string{version(), runtime.Version()}), 1)
	s := g.app.Hasher.Stats()
	value("sparekey_password_slots", float64(s.Slots))
	value("sparekey_password_hashes_running", float64(s.Running))
	value("sparekey_password_hashes_total", float64(s.Hashes))
	lanes := []struct {
		lane password.Lane
		name string
	}{{password.Proved, "proved"}, {password.Known, "known"}, {password.Stranger, "stranger"}}
	for _, l := range lanes {
		value(seriesName("sparekey_password_hashes_waiting", []string{"lane"}, []string{l.name}), float64(s.Waiting[l.lane]))
	}
	for _, l := range lanes {
		value(seriesName("sparekey_password_refused_total", []string{"lane"}, []string{l.name}), float64(s.Refused[l.lane]))
	}
	value("sparekey_open_flows", float64(g.app.Flows.OpenFlows()))
	if err := g.database(ctx, value); err != nil {
		g.app.log.Warn("the database was not asked for its metrics", "err", err)
		value("sparekey_database_up", 0)
		return
	}
	value("sparekey_database_up", 1)
}

// database writes what the database knows.
func (g *gauges) database(ctx context.Context, value func(name string, v float64)) error {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
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
	value("sparekey_outbox_waiting", float64(waiting))
	value("sparekey_outbox_oldest_seconds", age.Seconds())
	value("sparekey_sign_in_failure_ratio", float64(wrong)/float64(max(all, 1)))
	return nil
}

// version is what the program was built from.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "devel"
}
