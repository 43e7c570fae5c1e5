package app_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

func TestMain(m *testing.M) { sparekeytest.Main(m) }

const (
	mara   = "mara.k7@gmail.com"
	milo   = "milo.k7@hotmail.co.uk"
	nobody = "nora.k7@icloud.com" // has no account
	first  = "seven quiet herons"
	second = "nine loud magpies"
)

// read asks the admin listener's handler.
func read(t *testing.T, app *sparekeytest.App, path string) (status int, body string) {
	t.Helper()
	w := httptest.NewRecorder()
	app.Admin().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://127.0.0.1:9090"+path, nil))
	return w.Code, w.Body.String()
}

// metrics gives the series of /metrics, by name and labels as they stand there.
func metrics(t *testing.T, app *sparekeytest.App) map[string]float64 {
	t.Helper()
	status, body := read(t, app, "/metrics")
	if status != 200 {
		t.Fatalf("GET /metrics: got %d, want 200\n%s", status, body)
	}
	series := map[string]float64{}
	for line := range strings.Lines(body) {
		end := strings.LastIndexByte(line, ' ')
		if line[0] == '#' || end < 0 {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(line[end:]), 64)
		if err != nil {
			t.Fatalf("GET /metrics: %q: %v", line, err)
		}
		series[line[:end]] = value
	}
	return series
}

// want fails the test where a series has another value.
func want(t *testing.T, app *sparekeytest.App, all map[string]float64) {
	t.Helper()
	have := metrics(t, app)
	for series, value := range all {
		if got, ok := have[series]; !ok || got != value {
			t.Errorf("%s: got %v (%v), want %v", series, got, ok, value)
		}
	}
}

// recovers asks for a recovery in a new browser.
func recovers(app *sparekeytest.App, login string) *sparekeytest.Client {
	c := app.Client()
	c.Get("/recover").Submit("/recover", "login", login).See(303)
	c.Get(c.At())
	return c
}

// refuses makes the mail server answer mails to an address with a code.
func refuses(app *sparekeytest.App, code int) {
	app.Sink.Fail(func(stage, _ string) error {
		if stage == sparekeytest.StageRcpt {
			return sparekeytest.Reply(code)
		}
		return nil
	})
}

// finishes recovers an account, with some wrong codes before the right one.
func finishes(app *sparekeytest.App, login, email, password string, wrong int) {
	c := recovers(app, login)
	at := c.At()
	app.Sleep(time.Second)
	code := app.Code(email)
	app.Sleep(19 * time.Second)
	for range wrong {
		c.Get(at).Submit("/answer", "code", "00000000").See(422)
	}
	c.Get(at).Submit("/answer", "code", code).See(303)
	app.Sleep(10 * time.Second)
	c.Get(at).Submit("/act", "password", password, "password_again", password).See(303)
	app.Deliver() // the notice
}

// A registration and a recovery with one wrong code count at each step, and
// once: the exact repeat of a form is no second start.
func TestFlowsAreCounted(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		finishes(app, mara, mara, second, 1)
		c := app.Client()
		c.Get("/recover").Submit("/recover", "login", nobody)
		twin := c.Get("/recover")
		twin.Submit("/recover", "login", milo).See(303)
		twin.Submit("/recover", "login", milo).See(303)
		app.Deliver()
		if err := app.Flows.CountOpen(t.Context()); err != nil {
			t.Fatal(err)
		}
		want(t, app, map[string]float64{
			`sparekey_flows_total{outcome="started",purpose="register",step="verify"}`: 1,
			`sparekey_flows_total{outcome="proved",purpose="register",step="verify"}`:  1,
			`sparekey_flows_total{outcome="done",purpose="register",step="verify"}`:    1,
			`sparekey_flows_total{outcome="started",purpose="recover",step="verify"}`:  3,
			`sparekey_flows_total{outcome="proved",purpose="recover",step="verify"}`:   1,
			`sparekey_flows_total{outcome="done",purpose="recover",step="act"}`:        1,
			`sparekey_flows_total{outcome="done",purpose="recover",step="verify"}`:     0,

			`sparekey_codes_total{outcome="right",purpose="register"}`: 1,
			`sparekey_codes_total{outcome="right",purpose="recover"}`:  1,
			`sparekey_codes_total{outcome="wrong",purpose="recover"}`:  1,
			`sparekey_codes_total{outcome="late",purpose="recover"}`:   0,
			`sparekey_open_flows`: 2,

			`sparekey_http_requests_total{method="POST",route="/register",status="3xx"}`:         1,
			`sparekey_http_requests_total{method="POST",route="/flow/{id}/answer",status="4xx"}`: 1,
			`sparekey_http_requests_total{method="POST",route="/flow/{id}/answer",status="3xx"}`: 2,
			`sparekey_http_request_seconds_count{method="POST",route="/flow/{id}/answer"}`:       3,
		})
	})
}

// Flows that come to nothing are counted by how they ended, once, when they
// are swept.
func TestFlowsThatEndAreCounted(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		c := recovers(app, mara) // all tries are spent
		for range sparekey.MaxTries {
			c.Get(c.At()).Submit("/answer", "code", "00000000")
		}
		app.Deliver()
		recovers(app, mara) // stopped by the link of its mail
		app.Deliver()
		mails := app.Sink.Mails(mara)
		stop := strings.TrimPrefix(mails[len(mails)-1].StopURL(), sparekeytest.URL)
		app.Client().Get(stop).Submit(stop).See(303)
		c = recovers(app, mara) // left before the new password
		c.Get(c.At()).Submit("/answer", "code", app.Code(mara)).See(303)
		recovers(app, nobody) // left
		app.Sleep(sparekey.FlowLife + sparekey.FlowKept + time.Second)
		for range 2 {
			app.Sweep()
			want(t, app, map[string]float64{
				`sparekey_flows_total{outcome="exhausted",purpose="recover",step="verify"}`: 1,
				`sparekey_flows_total{outcome="stopped",purpose="recover",step="verify"}`:   1,
				`sparekey_flows_total{outcome="expired",purpose="recover",step="act"}`:      1,
				`sparekey_flows_total{outcome="expired",purpose="recover",step="verify"}`:   1,
				`sparekey_flows_total{outcome="expired",purpose="register",step="verify"}`:  0,
				`sparekey_codes_total{outcome="wrong",purpose="recover"}`:                   5,
			})
		}
	})
}

// Each attempt to send a mail counts by what came of it and whose mailbox it
// was for, and what takes long is seen to.
func TestMailsAreCounted(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		app.Register(milo, first)
		refuses(app, 451)
		recovers(app, mara)
		app.Deliver()
		app.Sleep(20 * time.Second)
		want(t, app, map[string]float64{
			`sparekey_mails_total{kind="code",provider="gmail",state="retried"}`: 1,
			`sparekey_outbox_waiting`:        1,
			`sparekey_outbox_oldest_seconds`: 20,
		})
		app.Sink.Fail(nil)
		app.Deliver()
		refuses(app, 550)
		recovers(app, milo)
		app.Deliver()
		app.Sink.Fail(nil)
		recovers(app, nobody)
		app.Deliver()
		want(t, app, map[string]float64{
			`sparekey_mails_total{kind="code",provider="gmail",state="sent"}`:             2,
			`sparekey_mails_total{kind="code",provider="gmail",state="retried"}`:          1,
			`sparekey_mails_total{kind="code",provider="outlook",state="sent"}`:           1,
			`sparekey_mails_total{kind="code",provider="outlook",state="given-up"}`:       1,
			`sparekey_mails_total{kind="code",provider="icloud",state="sent"}`:            0,
			`sparekey_mails_total{kind="code",provider="none",state="nobody"}`:            1,
			`sparekey_mail_handover_seconds_count{kind="code",provider="gmail"}`:          2,
			`sparekey_mail_handover_seconds_bucket{kind="code",provider="gmail",le="1"}`:  1,
			`sparekey_mail_handover_seconds_bucket{kind="code",provider="gmail",le="60"}`: 2,
			`sparekey_mail_handover_seconds_sum{kind="code",provider="gmail"}`:            20,
			`sparekey_outbox_waiting`:        0,
			`sparekey_outbox_oldest_seconds`: 0,
		})
	})
}

// Sign-ins count alike for an account and for nobody, and the share of those
// that fail is one number over all of them (A22).
func TestSignInsAreCounted(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		app.Register(milo, first)
		signIn := func(login, password string, status int) {
			app.Client().Get("/signin").Submit("/signin", "login", login, "password", password).See(status)
		}
		hashes := app.Hasher.Stats().Hashes
		signIn(mara, first, 303)
		signIn(mara, second, 422)
		signIn(nobody, second, 422)
		app.Rows().Exec(`UPDATE accounts SET disabled = 1 WHERE id = (SELECT account FROM identifiers WHERE shown = $1)`, milo)
		signIn(milo, first, 403)
		want(t, app, map[string]float64{
			`sparekey_sign_ins_total{outcome="right"}`:  1,
			`sparekey_sign_ins_total{outcome="wrong"}`:  2,
			`sparekey_sign_ins_total{outcome="paused"}`: 1,
			`sparekey_sign_in_failure_ratio`:            0.75,
			`sparekey_password_hashes_total`:            float64(hashes + 4),
			`sparekey_password_hashes_running`:          0,
		})
		app.Sleep(11 * time.Minute)
		want(t, app, map[string]float64{`sparekey_sign_in_failure_ratio`: 0})
	})
}

// Every label of every series has its value from a closed list, whatever is
// typed, asked for and sent; and neither page holds a name, an address, a code
// or a secret.
func TestNothingOfAnybodyIsInTheMetrics(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		c := app.Register(mara, first)
		finishes(app, mara, mara, second, 1)
		recovers(app, nobody)
		var private []string
		app.Deliver()
		for _, m := range app.Sink.Mails("") {
			private = append(private, m.Code())
		}
		for _, path := range []string{"/zz-path", "/flow/zz-flow", "/stop/zz-token", "/assets/zz-file", "//zz-path", "/register/../zz-path", "/account/"} {
			for _, method := range []string{"GET", "HEAD", "POST", "ZZ-METHOD", "CONNECT", "OPTIONS"} {
				c.Do(method, path, strings.NewReader("zz-field=zz-value"))
			}
		}
		c.Header.Set("Host", "zz-host.example")
		c.Get("/signin").See(421)
		for v := range c.Cookies {
			private = append(private, c.Cookies[v])
		}
		app.Sleep(time.Hour)
		app.Sweep()
		closed := closedLabels(t)
		for series := range metrics(t, app) {
			if strings.HasPrefix(series, "go_") || strings.HasPrefix(series, "process_") {
				continue // the runtime's and the kernel's: they know of nobody
			}
			for _, label := range regexp.MustCompile(`([a-z]+)="([^"]*)"`).FindAllStringSubmatch(series, -1) {
				if allowed := closed[label[1]]; allowed == nil || !allowed.MatchString(label[2]) {
					t.Errorf("%s: got %s=%q, want a value from its list", series, label[1], label[2])
				}
			}
		}
		private = append(private, "k7", "gmail.com", "hotmail", "zz-", "Lantern", "203.0.113", "Firefox")
		for _, path := range []string{"/metrics", "/funnel"} {
			_, body := read(t, app, path)
			for _, secret := range private {
				if secret != "" && strings.Contains(strings.ToLower(body), strings.ToLower(secret)) {
					t.Errorf("GET %s: got %q in it, want nothing of anybody", path, secret)
				}
			}
		}
	})
}

// closedLabels gives, for each label, what its values may be.
func closedLabels(t *testing.T) map[string]*regexp.Regexp {
	t.Helper()
	routes, err := os.ReadFile("../web/routes.go")
	if err != nil {
		t.Fatal(err)
	}
	paths := []string{"none"}
	for _, found := range regexp.MustCompile(`"[A-Z]+ (/[^"]*)"`).FindAllStringSubmatch(string(routes), -1) {
		paths = append(paths, regexp.QuoteMeta(found[1]))
	}
	lists := map[string]string{
		"purpose":  `sign-in|register|recover|change-password|choose-login|add-identifier|add-way|drop-way|keep-way|two-proofs|rehearse|export-data|delete-account`,
		"step":     `verify|act`,
		"outcome":  `started|proved|done|exhausted|expired|stopped|right|wrong|late|paused`,
		"kind":     `code|password-changed|new-sign-in|recover|login-chosen|deletion|deletion-undone|paused|unpaused|signed-out|way-added|way-dropped|way-kept|two-proofs|saved-used|half-sign-in|drop-second`,
		"state":    `sent|retried|given-up|nobody`,
		"provider": `gmail|outlook|yahoo|icloud|other|none`,
		"lane":     `proved|known|stranger`,
		"route":    strings.Join(paths, "|"),
		"method":   `GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE|other`,
		"status":   `[2-5]xx`,
		"le":       `[0-9.e+]+|\+Inf`,
		"version":  `.*`,
		"go":       `go.*`,
	}
	closed := map[string]*regexp.Regexp{}
	for label, list := range lists {
		closed[label] = regexp.MustCompile(`^(` + list + `)$`)
	}
	return closed
}

// Whatever address a mail goes to, its provider is one of the list, and a
// stranger's domain is never taken for a large one's.
func TestProvidersAreToldByTheirOwnDomains(t *testing.T) {
	app := sparekeytest.New(t, sparekeytest.Options{})
	for address, provider := range map[string]string{
		"a@gmail.com": "gmail", "b@GoogleMail.com": "gmail", "c@outlook.de": "outlook", "d@live.co.uk": "outlook", "e@yahoo.co.jp": "yahoo",
		"f@ymail.com": "yahoo", "g@me.com": "icloud", "h@yahoo.example": "other", "i@gmail.com.example": "other", "j@hotmail.evil.com": "other",
	} {
		series := `sparekey_mails_total{kind="code",provider="` + provider + `",state="sent"}`
		before := metrics(t, app)[series]
		app.Client().Get("/register").Submit("/register", "login", address, "password", first).See(303)
		app.Deliver()
		if got := metrics(t, app)[series] - before; got != 1 {
			t.Errorf("a mail to %s: got %v more of provider %s, want 1", address, got, provider)
		}
	}
}
