package app_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// bars gives what the drawing of a span says it shows.
func bars(t *testing.T, app *sparekeytest.App, span string) string {
	t.Helper()
	_, body := read(t, app, "/funnel")
	found := regexp.MustCompile(`<title id="` + span + `-title">([^<]*)</title>`).FindStringSubmatch(body)
	if found == nil {
		t.Fatalf("GET /funnel: got no drawing of the %s, want one\n%s", span, body)
	}
	return found[1]
}

// goals gives what the table of the last day says, by goal: now and the verdict.
func goals(t *testing.T, app *sparekeytest.App) map[string]string {
	t.Helper()
	_, body := read(t, app, "/funnel")
	body, _, _ = strings.Cut(body, "</table>")
	list := map[string]string{}
	for _, row := range regexp.MustCompile(`<th scope="row">([^<]*)</th><td class="now">([^<]*)</td><td>[^<]*</td><td class="[a-z]+">([^<]*)`).FindAllStringSubmatch(body, -1) {
		list[row[1]] = row[2] + ", " + row[3]
	}
	return list
}

// walks makes four recoveries: one with a wrong code first, one without, one
// whose code is asked for again and never typed, and one of nobody.
func walks(app *sparekeytest.App) {
	finishes(app, mara, mara, second, 1)
	finishes(app, milo, milo, second, 0)
	c := recovers(app, mara)
	app.Deliver()
	app.Sleep(time.Minute)
	c.Get(c.At()).Submit("/again").See(303)
	app.Deliver()
	recovers(app, nobody)
	app.Deliver()
}

// The funnel shows how far recoveries came once they are swept, and how long
// it took them, for a day and for a week, and forgets them then.
func TestTheFunnelShowsHowFarRecoveriesCame(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		app.Register(milo, first)
		const none = "Asked for a code: 0; Code mailed: 0; Right code: 0; New password set: 0"
		walks(app)
		if got := bars(t, app, "day"); got != none {
			t.Errorf("before the sweep: got %q, want nothing", got)
		}
		if _, body := read(t, app, "/funnel"); !strings.Contains(body, " 4 are not counted yet.") {
			t.Errorf("before the sweep: got %s, want it to say that four are to come", body)
		}
		app.Sleep(sparekey.FlowLife + sparekey.FlowKept + time.Second)
		app.Sweep()
		const four = "Asked for a code: 4; Code mailed: 3; Right code: 2; New password set: 2"
		for _, span := range []string{"day", "week"} {
			if got := bars(t, app, span); got != four {
				t.Errorf("the %s: got %q, want %q", span, got, four)
			}
		}
		for goal, want := range map[string]string{
			"Mail handed over (p95)": "1 s, met", "Right code first time": "50 %, missed", "“Get code” pressed again": "25 %, missed",
			"Finished, of those mailed": "67 %, missed", "From start to end (median)": "(2[6-9]|3[0-4]) s, met",
			"From start to end (p90)": "(2[6-9]|3[0-4]) s, met",
		} {
			if got := goals(t, app)[goal]; !regexp.MustCompile("^" + want + "$").MatchString(got) {
				t.Errorf("%s: got %q, want %q", goal, got, want)
			}
		}
		app.Sleep(25 * time.Hour)
		if got := bars(t, app, "day"); got != none {
			t.Errorf("a day later: got %q for the day, want nothing", got)
		}
		if got := bars(t, app, "week"); got != four {
			t.Errorf("a day later: got %q for the week, want %q", got, four)
		}
		app.Sleep(sparekey.FunnelKept)
		app.Sweep()
		if got := app.Rows().Dump("funnel")["funnel"]; got != "" {
			t.Errorf("after nine days: got %q in the funnel, want nothing", got)
		}
	})
}

// However many nodes sweep at once, and however many flows have ended in the
// same moment, each is counted once and leaves nothing of itself.
func TestEachFlowIsInTheFunnelOnce(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		recovers(app, nobody)
		rows := app.Rows()
		for n := range 12 { // doublings
			rows.Exec(`CREATE TABLE more AS SELECT * FROM flows`)
			rows.Exec(`UPDATE more SET id = id || '-' || $1`, strconv.Itoa(n))
			rows.Exec(`INSERT INTO flows SELECT * FROM more`)
			rows.Exec(`DROP TABLE more`)
		}
		app.Sleep(sparekey.FlowLife + sparekey.FlowKept + time.Second)
		var nodes sync.WaitGroup
		for range 4 {
			nodes.Go(func() {
				if err := app.App.Sweep(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		nodes.Wait()
		if got := rows.Text(`SELECT CAST(COUNT(*) AS TEXT) FROM flows`); got != "0" {
			t.Errorf("after the sweep: got %s flows, want 0", got)
		}
		hour := strconv.FormatInt(sparekeytest.Start.Truncate(time.Hour).UnixMicro(), 10)
		if got, want := rows.Dump("funnel")["funnel"], hour+"|recover|asked|0|4096"; got != want {
			t.Errorf("the funnel: got %q, want %q", got, want)
		}
		want(t, app, map[string]float64{`sparekey_flows_total{outcome="expired",purpose="recover",step="verify"}`: 4096})
	})
}

// The page of the funnel stands alone: nothing in it runs and nothing is
// fetched for it.
func TestTheFunnelStandsAlone(t *testing.T) {
	app := sparekeytest.New(t, sparekeytest.Options{})
	_, body := read(t, app, "/funnel")
	for _, never := range []string{"<script", "http:", "https:", "url(", "src=", "href=", "style=", "onload"} {
		if strings.Contains(body, never) {
			t.Errorf("GET /funnel: got %q in it, want a page that stands alone", never)
		}
	}
	w := httptest.NewRecorder()
	app.Admin().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://127.0.0.1:9090/funnel", nil))
	_, style, _ := strings.Cut(body, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"
	if got := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(got, want) {
		t.Errorf("GET /funnel: got the policy %q, want one that lets its own style in: %q", got, want)
	}
	if n := strings.Count(body, "<svg"); n != 2 {
		t.Errorf("GET /funnel: got %d drawings, want 2", n)
	}
}

// The admin listener answers what it has and nothing else, and without its
// database says what it still knows.
func TestTheAdminListenerAnswersWhatItHas(t *testing.T) {
	app := sparekeytest.New(t, sparekeytest.Options{})
	for path, want := range map[string]int{
		"/metrics": 200, "/funnel": 200, "/debug/pprof/": 200, "/": 404, "/metrics/": 404, "/funnel/x": 404, "/debug": 404, "/signin": 404,
		"/account": 404, "/livez": 404, "/favicon.ico": 404,
	} {
		if got, _ := read(t, app, path); got != want {
			t.Errorf("GET %s: got %d, want %d", path, got, want)
		}
	}
	if err := app.Store.Close(); err != nil {
		t.Fatal(err)
	}
	have := metrics(t, app)
	if _, there := have[`sparekey_outbox_waiting`]; there || have[`sparekey_database_up`] != 0 {
		t.Errorf("without its database: got %v messages (%v), want none told", have[`sparekey_outbox_waiting`], there)
	}
	if got, _ := read(t, app, "/funnel"); got != 500 {
		t.Errorf("without its database: got %d for /funnel, want 500", got)
	}
}
