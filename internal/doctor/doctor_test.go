package doctor_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sparekey/internal/config"
	"sparekey/internal/doctor"
	"sparekey/internal/sparekeytest"
)

func TestMain(m *testing.M) { sparekeytest.Main(m) }

var background = context.Background()

// nowhere are the settings of an installation that is not there yet: nothing
// in them needs a network.
func nowhere(t *testing.T) *config.Settings {
	t.Helper()
	dir := t.TempDir()
	return &config.Settings{
		Listen: "127.0.0.1:0", PublicURL: "http://127.0.0.1:1", Database: config.Secret("sqlite:" + filepath.Join(dir, "s.db")),
		SMTP: "smtp://127.0.0.1:1", MailFrom: "hello@lantern.test",
	}
}

// text is the report as it is printed.
func text(t *testing.T, r doctor.Report) string {
	t.Helper()
	var out bytes.Buffer
	if err := r.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// finds fails unless a line says each of wants, in the form "word about: text":
// the text is a part of what stands there.
func finds(t *testing.T, r doctor.Report, wants ...string) {
	t.Helper()
	for _, want := range wants {
		head, part, _ := strings.Cut(want, ": ")
		found := false
		for line := range strings.Lines(text(t, r)) {
			words := strings.Fields(line)
			found = found || len(words) > 2 && words[0]+" "+words[1] == head && strings.Contains(line, part)
		}
		if !found {
			t.Errorf("got no line %q, want one among\n%s", want, text(t, r))
		}
	}
}

// front serves a handler by TLS, as a proxy does, under a certificate for
// example.com.
func front(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that break off are what it is for
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// leads connects to other addresses than it is asked for, by the port.
func leads(to map[string]string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if _, port, err := net.SplitHostPort(addr); err == nil && to[port] != "" {
			addr = to[port]
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
}

// In an installation where all is well the doctor says so, with what it saw. It
// changes no row and sends no mail, and no password stands in what it says.
func TestDoctorFindsAllWell(t *testing.T) {
	sparekeytest.EachDBWith(t, sparekeytest.Options{Settings: func(s *config.Settings) {
		s.PublicURL, s.TrustedProxies, s.Listen = "https://example.com", "127.0.0.1", "127.0.0.1:0"
		s.MailFrom = "Lantern <hello@lantern.shop>"
	}}, func(t *testing.T, app *sparekeytest.App) {
		sink := sparekeytest.NewSinkWith(t, sparekeytest.SinkOptions{TLS: true, User: "mailer", Password: "open-sesame"})
		proxy := front(t, app.Web)
		vouches := sink.CA().Clone()
		vouches.AddCert(proxy.Certificate())
		s := *app.Settings
		_, port, _ := net.SplitHostPort(sink.Addr())
		s.SMTP = config.Secret("smtp://mailer:open-sesame@mail.example.com:" + port)
		before := app.Rows().Dump()
		r := doctor.Look(background, doctor.Options{
			Settings: &s, RootCAs: vouches, Dial: leads(map[string]string{port: sink.Addr(), "443": proxy.Listener.Addr().String()}), Resolver: dns(t, map[string][]string{
				"A example.com":                         {"192.0.2.1"},
				"TXT lantern.shop":                      {"v=spf1 include:mail.example.com -all", "something=else"},
				"TXT _dmarc.lantern.shop":               {"v=DMARC1; p=reject"},
				"TXT selector1._domainkey.lantern.shop": {"v=DKIM1; k=rsa; p=MIIB"},
				"MX lantern.shop":                       {"mx.lantern.shop"},
			}),
		})
		finds(t, r,
			"ok settings: ", "ok listen: is free", "ok proxies: 127.0.0.1", "ok keys: belongs to this database",
			"ok database: schema ", "ok mail: lets us in by name and password, over TLS 1.3",
			"ok sender: SPF", "ok sender: p=reject", "ok sender: selector1._domainkey", "ok sender: MX mx.lantern.shop",
			"ok public: https://example.com answers", "ok public: is good until 2084", "ok clock: ")
		for _, f := range r {
			// The certificates of sinks are made for a day, the servers of
			// tests for speed, and the disk is the machine's.
			ours := f.About == "mail" && strings.Contains(f.Text, "ends on") || strings.Contains(f.Text, "power cut") || f.About == "disk"
			if f.Level > doctor.Hint && !ours {
				t.Errorf("got %v about %s: %s, want nothing amiss", f.Level, f.About, f.Text)
			}
		}
		if s.SQLite() == "" {
			finds(t, r, "ok database: PostgreSQL 1", "warning database: fsync is off", "warning database: synchronous_commit is off", "ok clock: the database's")
		} else {
			finds(t, r, "ok database: SQLite 3.", "ok database: whole (quick_check)")
		}
		if changed := sparekeytest.Changed(before, app.Rows().Dump()); changed != nil || len(sink.Mails("")) != 0 {
			t.Errorf("got changes in %v and %d mails, want none", changed, len(sink.Mails("")))
		}
		if out := text(t, r); strings.Contains(out, "sesame") || !r.Serves() {
			t.Errorf("got %s\nwant no password, and that Sparekey serves", out)
		}
	})
}

// Settings that cannot be used end the look: all that is wrong with them is
// said. Without a mail server the rest is looked at all the same.
func TestDoctorSettings(t *testing.T) {
	s := nowhere(t)
	s.TimeZone, s.SiteURL, s.MailFrom = "Nowhere", "ftp://x", ""
	r := doctor.Look(background, doctor.Options{Settings: s})
	finds(t, r, "broken settings: SPAREKEY_TIME_ZONE", "broken settings: SPAREKEY_SITE_URL", "broken settings: SPAREKEY_MAIL_FROM is not set")
	if len(r) != 3 || r.Serves() {
		t.Errorf("got %s\nwant these three, and that Sparekey cannot serve", text(t, r))
	}
	s = nowhere(t)
	s.SMTP, s.AdminListen = "", "192.0.2.1:1"
	r = doctor.Look(background, doctor.Options{Settings: s})
	finds(t, r, "broken settings: SPAREKEY_SMTP is not set", "warning settings: SPAREKEY_ADMIN_LISTEN", "ok keys: none yet")
	if r.Serves() {
		t.Error("got an installation without a mail server that serves, want none")
	}
}

// A port that another program holds is broken; one that Sparekey itself holds
// is well, and so is what it holds besides.
func TestDoctorListen(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }))
	defer other.Close()
	s := nowhere(t)
	s.Listen = other.Listener.Addr().String()
	r := doctor.Look(background, doctor.Options{Settings: s})
	finds(t, r, "broken listen: address already in use")
	if r.Serves() {
		t.Error("got a Sparekey that serves on a port that is taken, want none")
	}

	s = nowhere(t)
	s.AdminListen = other.Listener.Addr().String()
	r = doctor.Look(background, doctor.Options{Settings: s})
	finds(t, r, "ok listen: is free", "broken listen: SPAREKEY_ADMIN_LISTEN")

	app, origin := sparekeytest.Serve(t, sparekeytest.Options{})
	mine := *app.Settings
	mine.Listen = strings.TrimPrefix(origin, "http://")
	mine.AdminListen = other.Listener.Addr().String() // it might be ours
	r = doctor.Look(background, doctor.Options{Settings: &mine})
	finds(t, r, "ok listen: Sparekey runs at", "ok public: answers")
	if !r.Serves() {
		t.Errorf("got %s\nwant that Sparekey serves", text(t, r))
	}
}

// Whether the proxy's word on clients counts can be told from the settings.
func TestDoctorProxies(t *testing.T) {
	for _, test := range []struct{ listen, public, trusted, want string }{
		{"127.0.0.1:0", "https://id.lantern.shop", "", "warning proxies: set it to 127.0.0.1,::1"},
		{"0.0.0.0:0", "https://id.lantern.shop", "", "warning proxies: from which the proxy connects"},
		{":0", "https://id.lantern.shop", "", "warning proxies: from which the proxy connects"},
		{"127.0.0.1:0", "https://id.lantern.shop", "10.0.0.7", "warning proxies: add 127.0.0.1,::1"},
		{"127.0.0.1:0", "https://id.lantern.shop", "127.0.0.0/8", "ok proxies: 127.0.0.0/8"},
		{":0", "https://id.lantern.shop", "10.0.0.7", "ok proxies: 10.0.0.7"},
		{"127.0.0.1:0", "http://localhost:1", "10.0.0.7", "warning proxies: without a proxy"},
	} {
		s := nowhere(t)
		s.Listen, s.PublicURL, s.TrustedProxies = test.listen, test.public, test.trusted
		finds(t, doctor.Look(background, doctor.Options{Settings: s, Resolver: dns(t, nil)}), test.want)
	}
	r := doctor.Look(background, doctor.Options{Settings: nowhere(t)})
	if strings.Contains(text(t, r), "proxies") {
		t.Errorf("got %s\nwant no word on proxies where there is none", text(t, r))
	}
}

// The public URL is looked at as people find it: its name, its certificate, who
// answers, and whether that one is told the host.
func TestDoctorPublic(t *testing.T) {
	app := sparekeytest.New(t, sparekeytest.Options{Settings: func(s *config.Settings) { s.PublicURL = "https://example.com" }})
	renamed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = "127.0.0.1:8080"
		app.Web.ServeHTTP(w, r)
	})
	says := func(status int, location string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(status)
		})
	}
	late := time.Date(2084, 1, 20, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name    string
		handler http.Handler
		host    string
		trust   bool
		now     time.Time
		wants   []string
	}{
		{"well", app.Web, "example.com", true, time.Time{}, []string{"ok public: answers", "ok public: good until 2084-01-29", "ok clock: agree"}},
		{"late", app.Web, "example.com", true, late, []string{"warning public: ends on 2084-01-29", "warning clock: ahead of"}},
		{"another host", renamed, "example.com", true, time.Time{}, []string{"broken public: another Host"}},
		{"another name", app.Web, "id.lantern.shop", true, time.Time{}, []string{"broken public: browsers refuse the certificate"}},
		{"strange", app.Web, "example.com", false, time.Time{}, []string{"warning public: nobody whom this machine trusts"}},
		{"no name", app.Web, "id.lantern.invalid", true, time.Time{}, []string{"warning public: no address in the DNS"}},
		{"down", says(502, ""), "example.com", true, time.Time{}, []string{"warning public: answers 502"}},
		{"elsewhere", says(301, "https://lantern.shop/"), "example.com", true, time.Time{}, []string{"warning public: 301 to https://lantern.shop/"}},
		{"another program", says(200, ""), "example.com", true, time.Time{}, []string{"warning public: is not Sparekey's"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			proxy, vouches := front(t, test.handler), x509.NewCertPool()
			if test.trust {
				vouches.AddCert(proxy.Certificate())
			}
			s := nowhere(t)
			s.PublicURL = "https://" + test.host
			o := doctor.Options{
				Settings: s, RootCAs: vouches, Dial: leads(map[string]string{"443": proxy.Listener.Addr().String()}),
				Resolver: dns(t, map[string][]string{"A example.com": {"192.0.2.1"}, "AAAA id.lantern.shop": {"2001:db8::1"}}),
			}
			if !test.now.IsZero() {
				o.Now = func() time.Time { return test.now }
			}
			r := doctor.Look(background, o)
			finds(t, r, test.wants...)
			if !r.Serves() {
				t.Errorf("got %s\nwant that Sparekey serves", text(t, r))
			}
		})
	}
	r := doctor.Look(background, doctor.Options{Settings: nowhere(t)})
	finds(t, r, "warning public: does not answer from here")
}

// The mail server is asked as for a mail: what would keep it from going out is
// said, without the password.
func TestDoctorMail(t *testing.T) {
	plain, starttls, tlsOnly := sparekeytest.SinkOptions{}, sparekeytest.SinkOptions{TLS: true}, sparekeytest.SinkOptions{TLSOnly: true}
	user := sparekeytest.SinkOptions{TLS: true, User: "mailer", Password: "open-sesame"}
	for _, test := range []struct {
		name    string
		options sparekeytest.SinkOptions
		url     string // with the sink's port behind it
		want    string
	}{
		{"near", plain, "smtp://127.0.0.1", "ok mail: in the clear"},
		{"far", starttls, "smtp://mail.example.com", "ok mail: takes us without a name, over TLS"},
		{"far, smtps", tlsOnly, "smtps://mail.example.com", "ok mail: over TLS"},
		{"far, no STARTTLS", plain, "smtp://mail.example.com", "broken mail: STARTTLS"},
		{"another name", starttls, "smtp://mail.example.org", "broken mail: not trusted"},
		{"right password", user, "smtp://mailer:open-sesame@mail.example.com", "ok mail: lets us in"},
		{"wrong password", user, "smtp://mailer:letmein3@mail.example.com", "broken mail: check the name and the password"},
		{"no sign-in", starttls, "smtp://mailer:letmein3@mail.example.com", "broken mail: no way to sign in"},
		{"certificate ends", starttls, "smtp://mail.example.com", "warning mail: ends on"}, // the sink's are made for a day
	} {
		t.Run(test.name, func(t *testing.T) {
			sink := sparekeytest.NewSinkWith(t, test.options)
			_, port, _ := net.SplitHostPort(sink.Addr())
			s := nowhere(t)
			s.SMTP = config.Secret(test.url + ":" + port)
			r := doctor.Look(background, doctor.Options{Settings: s, RootCAs: sink.CA(), Dial: leads(map[string]string{port: sink.Addr()})})
			finds(t, r, test.want)
			if out := text(t, r); strings.Contains(out, "letmein3") || strings.Contains(out, "sesame") || !r.Serves() {
				t.Errorf("got %s\nwant no password, and that Sparekey serves", out)
			}
			if got := len(sink.Mails("")); got != 0 {
				t.Errorf("got %d mails, want none", got)
			}
		})
	}
	finds(t, doctor.Look(background, doctor.Options{Settings: nowhere(t)}), "broken mail: connection refused")
}

// A mail server that never says a word is doubtful, and the report does not
// wait for it.
func TestDoctorIsNotKeptWaiting(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := nowhere(t)
	s.PublicURL, s.MailFrom = "https://id.lantern.shop", "hello@lantern.shop"
	s.SMTP = config.Secret("smtp://" + l.Addr().String())
	silent := map[string][]string{"A id.lantern.shop": nil, "TXT lantern.shop": nil, "TXT _dmarc.lantern.shop": nil, "MX lantern.shop": nil, "TXT s1._domainkey.lantern.shop": nil}
	began := time.Now()
	r := doctor.Look(background, doctor.Options{Settings: s, Resolver: dns(t, silent), Patience: 2 * time.Second})
	if took := time.Since(began); took > 6*time.Second { // the machine may be busy
		t.Errorf("got a report after %v, want one after 2 s", took)
	}
	finds(t, r, "warning mail: took too long", "warning sender: SPF record of lantern.shop could not be looked up",
		"warning sender: DMARC record of lantern.shop could not be looked up", "warning sender: DKIM key of lantern.shop could not be looked up",
		"warning sender: MX record of lantern.shop could not be looked up", "warning public: address of id.lantern.shop could not be looked up")
	if !r.Serves() {
		t.Errorf("got %s\nwant that Sparekey serves", text(t, r))
	}
}

// What others say can break no line and steer no terminal.
func TestReportIsPlainText(t *testing.T) {
	r := doctor.Report{{doctor.Broken, "sender", "a\n\x1b[2Jb\u202ec\u0085d"}}
	if got, want := text(t, r), "broken   sender    a [2Jb c d\nSparekey can serve: 1 broken, 0 doubtful, 0 well.\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
