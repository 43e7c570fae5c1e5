package app

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	vm "github.com/VictoriaMetrics/metrics"

	"sparekey"
	"sparekey/internal/outbox"
)

// metrics count what happens, for the operator's Prometheus. Every label has
// its values from a closed list: nothing that a stranger typed, no address and
// no secret can come out here. Series are there before anything happens, so
// that the first time counts as an increase too.
//
// What is counted while a request is answered is counted of everybody and
// nobody at the same place. Only the worker's counters tell the two apart.
type metrics struct {
	series *vm.Set
	help   map[string]kind // by name
	gauges *gauges

	flows    family
	codes    family
	signIns  family
	mails    family
	handover family
	requests family
	answered family
}

// A kind says what a metric is, and to the operator what to make of it.
type kind struct{ is, help string }

// A family is the series of one metric.
type family struct {
	series  *vm.Set
	name    string
	labels  []string
	buckets []float64 // of times
}

// counter gives the counter with these values of the labels.
func (f family) counter(values ...string) *vm.Counter {
	return f.series.GetOrCreateCounter(seriesName(f.name, f.labels, values))
}

// times gives the histogram of seconds, likewise.
func (f family) times(values ...string) *vm.PrometheusHistogram {
	return f.series.GetOrCreatePrometheusHistogramExt(seriesName(f.name, f.labels, values), f.buckets)
}

// seriesName is a metric with its labels in the order of the alphabet, as the
// text format has them.
func seriesName(name string, labels, values []string) string {
	if len(labels) == 0 {
		return name
	}
	pairs := make([]string, len(labels))
	for i, label := range labels {
		pairs[i] = label + "=" + strconv.Quote(values[i])
	}
	slices.Sort(pairs)
	return name + "{" + strings.Join(pairs, ",") + "}"
}

// newMetrics builds the counters in a set of their own.
func newMetrics() *metrics {
	m := &metrics{series: vm.NewSet(), help: map[string]kind{}}
	m.flows = m.counters("sparekey_flows_total",
		"Flows by purpose, the step they were at, and what came of it. Started, proved and done count at once; exhausted, expired and"+
			" stopped when the flow is swept, up to 40 minutes after it began. If exhausted or stopped rise, somebody asks for codes of"+
			" other people's accounts: look at sparekey_codes_total, and at the proxy's log for where it comes from. If expired rises, look"+
			" whether mails arrive: sparekey_mails_total and /funnel.", "purpose", "step", "outcome")
	m.codes = m.counters("sparekey_codes_total",
		"Codes that were typed and compared. Wrong ones are bounded for each account whoever types them; if they rise without the right"+
			" ones, codes are being guessed. If late ones rise, mails arrive too late: see sparekey_mail_handover_seconds.", "purpose", "outcome")
	m.signIns = m.counters("sparekey_sign_ins_total",
		"Passwords that were typed at sign-in. Paused is the right password of an account that is paused or waits for its deletion. If wrong"+
			" ones rise and right ones do not, passwords are being guessed: tries are bounded for each account, and no page changes. Let the"+
			" proxy slow down where they come from.", "outcome")
	m.mails = m.counters("sparekey_mails_total",
		"What came of each attempt to send a message, by whose mailbox it is for. Nobody is a message that goes nowhere: no account has the"+
			" address, or its mail caps are spent. If given-up rises, look for \"message given up\" in the log and ask the mail server why; if"+
			" only one provider's rises, it refuses your sender: check SPF, DKIM and DMARC. If nobody rises, addresses are being tried.",
		"kind", "state", "provider")
	m.handover = m.times("sparekey_mail_handover_seconds",
		"From when a message was written to when the mail server took it, without those that wait to be merged. 95 of 100 codes should take"+
			" less than 1 s. If it rises, look whether the mail server is slow or sparekey_outbox_waiting grows.",
		[]float64{.1, .25, .5, 1, 2.5, 5, 15, 60, 300, 1800}, "kind", "provider")
	m.requests = m.counters("sparekey_http_requests_total",
		"Requests by route, method and class of status. A request that has no route has the route none. If 5xx rises, look for the request"+
			" in the log; if 4xx rises, see which route: 429 and 403 are somebody's program.", "route", "method", "status")
	m.answered = m.times("sparekey_http_request_seconds",
		"How long requests took. Those with a password wait for their turn to be hashed: if they alone rise, see"+
			" sparekey_password_hashes_waiting; if all do, the database or the machine is busy.",
		[]float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15}, "route", "method")
	m.begin()
	return m
}

func (m *metrics) counters(name, help string, labels ...string) family {
	m.help[name] = kind{"counter", help}
	return family{series: m.series, name: name, labels: labels}
}

func (m *metrics) times(name, help string, buckets []float64, labels ...string) family {
	m.help[name] = kind{"histogram", help}
	return family{series: m.series, name: name, labels: labels, buckets: buckets}
}

// begin makes the series that are certain to come, at 0.
func (m *metrics) begin() {
	outcomes := map[sparekey.Step][]sparekey.Outcome{
		sparekey.Verify: {
			sparekey.FlowStarted, sparekey.FlowProved, sparekey.FlowDone,
			sparekey.FlowExhausted, sparekey.FlowExpired, sparekey.FlowStopped,
		},
		sparekey.Act: {sparekey.FlowStarted, sparekey.FlowDone, sparekey.FlowExpired, sparekey.FlowStopped},
	}
	for _, p := range sparekey.Purposes() {
		for step, list := range outcomes {
			for _, o := range list {
				m.flows.counter(string(p), string(step), string(o))
			}
		}
		for _, o := range []sparekey.Outcome{sparekey.TypedRight, sparekey.TypedWrong, sparekey.TypedLate} {
			m.codes.counter(string(p), string(o))
		}
	}
	for _, o := range []sparekey.Outcome{sparekey.TypedRight, sparekey.TypedWrong, sparekey.TypedPaused} {
		m.signIns.counter(string(o))
	}
	code := string(sparekey.CodeMessage)
	m.mails.counter(code, string(outbox.Nobody), string(outbox.NoProvider))
	for _, p := range outbox.Providers() {
		if p == outbox.NoProvider {
			continue
		}
		m.handover.times(code, string(p))
		for _, s := range []outbox.State{outbox.Handed, outbox.Retried, outbox.GivenUp} {
			m.mails.counter(code, string(s), string(p))
		}
	}
}

func (m *metrics) flow(p sparekey.Purpose, s sparekey.Step, o sparekey.Outcome) {
	m.flows.counter(string(p), string(s), string(o)).Inc()
}

func (m *metrics) code(p sparekey.Purpose, o sparekey.Outcome) {
	m.codes.counter(string(p), string(o)).Inc()
}

func (m *metrics) signIn(o sparekey.Outcome) { m.signIns.counter(string(o)).Inc() }

func (m *metrics) mail(f outbox.Fate) {
	m.mails.counter(string(f.Kind), string(f.State), string(f.Provider)).Inc()
	if f.Took >= 0 {
		m.handover.times(string(f.Kind), string(f.Provider)).Update(f.Took.Seconds())
	}
}

// request counts an answer. A pattern is a method and a path of the site map,
// or empty.
func (m *metrics) request(method, pattern string, status int, took time.Duration) {
	route := "none"
	if pattern != "" {
		route = pattern[strings.IndexByte(pattern, ' ')+1:]
	}
	class := "2xx" // also of an answer that was begun by nobody: net/http says 200
	switch {
	case status >= 500:
		class = "5xx"
	case status >= 400:
		class = "4xx"
	case status >= 300:
		class = "3xx"
	}
	m.requests.counter(route, method, class).Inc()
	m.answered.times(route, method).Update(took.Seconds())
}

// handler serves the metrics. What cannot be read is left out, and said in the
// log. Each reading looks into the database, so that only a few are let in.
func (m *metrics) handler() http.Handler {
	turns := make(chan struct{}, 4)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case turns <- struct{}{}:
			defer func() { <-turns }()
		default:
			http.Error(w, "busy with other readings", http.StatusServiceUnavailable)
			return
		}
		var all bytes.Buffer
		m.series.WritePrometheus(&all)
		m.gauges.write(r.Context(), &all)
		vm.WriteProcessMetrics(&all)
		vm.WriteFDMetrics(&all)
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		m.describe(w, all.String())
	})
}

// describe writes series, and before the first of each metric what it is.
func (m *metrics) describe(w io.Writer, series string) {
	escape := strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	last := ""
	for line := range strings.Lines(series) {
		name := line[:strings.IndexAny(line, "{ ")]
		for _, part := range []string{"_bucket", "_sum", "_count"} {
			if base, ok := strings.CutSuffix(name, part); ok && m.help[base].is == "histogram" {
				name = base
			}
		}
		if k, ok := m.help[name]; ok && name != last {
			fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", name, escape.Replace(k.help), name, k.is)
		}
		last = name
		io.WriteString(w, line) //nolint:errcheck // the reader has gone
	}
}
