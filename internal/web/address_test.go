package web_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"sparekey/internal/config"
	"sparekey/internal/sparekeytest"
)

// A request for another host is answered 421 on every route there is, but the
// two for machines. What proxies or attackers say of the host beside it counts
// for nothing: no page, redirect, cookie or mail is made of it, and every link
// in every mail leads to the public address (A10, ASVS 4.1.x).
func TestA10LinksAreMadeOfThePublicAddress(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		const evil = "evil.example"
		c := app.Client()
		for _, method := range []string{"GET", "POST"} {
			for _, route := range shieldRoutes(t, method) {
				path := strings.NewReplacer("{id}", "a", "{token}", "a", "{name}", "a").Replace(route)
				want := 421
				if path == "/livez" || path == "/readyz" {
					want = 200
				}
				for _, host := range []string{evil, sparekeytest.Host + ".", sparekeytest.Host + "@" + evil, evil + "#" + sparekeytest.Host, "localhost"} {
					c.Header = http.Header{"Host": {host}, "X-Forwarded-Host": {sparekeytest.Host}, "X-Original-Host": {sparekeytest.Host}}
					p := c.Do(method, path, strings.NewReader(""))
					if p.Status != want || strings.Contains(p.Body+fmt.Sprint(p.Header), evil) {
						t.Errorf("%s %s at %s: got %d, want %d and nothing of that host", method, path, host, p.Status, want)
					}
				}
			}
		}
		c.Header = http.Header{
			"X-Forwarded-Host": {evil}, "X-Forwarded-Server": {evil}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Port": {"81"},
			"X-Host": {evil}, "X-Original-Host": {evil}, "X-Http-Host-Override": {evil}, "Forwarded": {"host=" + evil + ";proto=http"},
			"Referer": {"https://" + evil + "/"},
		}
		c.Watch = func(p *sparekeytest.Page) {
			to := p.Header.Get("Location")
			if strings.Contains(p.Body+fmt.Sprint(p.Header), evil) || to != "" && (!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//")) {
				t.Errorf("got the forwarded host in an answer, or a way to %q, want neither", to)
			}
		}
		flow := machineStart(c, "/register", "login", mara, "password", first)
		machineProve(app, c, flow, mara)
		app.Sleep(time.Hour)
		machineRecover(app, c, mara, second)
		c.Get("/signin").Submit("/signin", "login", mara, "password", second)
		c.Post("/register", "login", mara, "password", first).See(303)
		machineSignIn(app, mara, second) // a browser that is not known: a notice
		if _, err := app.Accounts.Recover(context.Background(), enumAccount(t, app, mara)); err != nil {
			t.Fatal(err)
		}
		app.Deliver()
		links := map[string]bool{}
		mails := app.Sink.Mails("")
		for _, mail := range mails {
			if strings.Contains(string(mail.Raw), evil) {
				t.Errorf("got the forwarded host in the mail %q, want it nowhere", mail.Subject)
			}
			for _, link := range regexp.MustCompile(`https?://[^\s"'<>]+`).FindAllString(mail.Text+" "+mail.HTML, -1) {
				if !strings.HasPrefix(link, sparekeytest.URL+"/") {
					t.Errorf("got the link %s in the mail %q, want only such that begin with %s/", link, mail.Subject, sparekeytest.URL)
				}
				links[strings.Split(link, "/")[3]] = true
			}
		}
		if len(mails) != 6 || !links["stop"] || !links["recover"] {
			t.Errorf("got %d mails with links to %v, want 6, and both links among them", len(mails), links)
		}
	})
}

// A proxy that is not trusted is named to the operator once, and by no address;
// a trusted one never, and neither is a client without one.
func TestForgottenProxyIsSaidOnce(t *testing.T) {
	for _, test := range []struct {
		trusted string
		header  http.Header
		want    int
	}{
		{"", http.Header{"X-Forwarded-For": {"192.0.2.44"}}, 1},
		{"", http.Header{"Forwarded": {"for=192.0.2.44"}}, 1},
		{"10.0.0.0/8", http.Header{"X-Forwarded-For": {"192.0.2.44"}}, 1},
		{"203.0.113.0/24", http.Header{"X-Forwarded-For": {"192.0.2.44"}, "Forwarded": {"for=192.0.2.44"}}, 0},
		{"", http.Header{}, 0},
	} {
		var log bytes.Buffer
		app := sparekeytest.New(t, sparekeytest.Options{Log: &log, Settings: func(s *config.Settings) { s.TrustedProxies = test.trusted }})
		c := app.Client()
		c.Header = test.header
		for range 3 {
			c.Get("/signin").See(200)
			c.Get("/livez").See(200)
		}
		if got := strings.Count(log.String(), "SPAREKEY_TRUSTED_PROXIES"); got != test.want {
			t.Errorf("%v with trust in %q: got the warning %d times, want %d", test.header, test.trusted, got, test.want)
		}
		for _, address := range []string{"192.0.2.44", "203.0.113.7"} {
			if strings.Contains(log.String(), address) {
				t.Errorf("got the address %s in the log, want none", address)
			}
		}
	}
}

// enumAccount gives the id of an account.
func enumAccount(t *testing.T, app *sparekeytest.App, login string) string {
	t.Helper()
	v, err := app.Accounts.Find(context.Background(), login)
	if err != nil {
		t.Fatal(err)
	}
	return v.ID
}

// A mail goes to the bytes that were proved, never to those that were typed to
// find them. What only looks like the address, or becomes it in some mapping of
// letters, finds nobody (A11, CVE-2019-19844).
func TestA11MailGoesToTheStoredBytes(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		const mike = "Mike.Kelly@Example.com"
		app.Register(mike, first)
		app.Sleep(time.Hour)
		app.Sink.Reset()
		mails := 0
		for _, typed := range []string{"mike.kelly@example.com", "MIKE.KELLY@EXAMPLE.COM", mike, " mIKE.kELLY@eXAMPLE.cOM "} {
			for _, path := range []string{"/recover", "/register"} {
				machineStart(app.Client(), path, "login", typed, "password", second)
				app.Deliver()
				if mails++; len(app.Sink.Mails(mike)) != mails || len(app.Sink.Mails("")) != mails {
					t.Errorf("POST %s with %q: got %d mails to %s of %d, want %d of as many",
						path, typed, len(app.Sink.Mails(mike)), mike, len(app.Sink.Mails("")), mails)
				}
				app.Sleep(3 * time.Hour)
			}
		}
		app.Sink.Reset()
		for typed, status := range map[string]int{
			"m\u0131ke.kelly@example.com":  303, // the dotless i is a letter of its own
			"m\u0456ke.kelly@example.com":  303, // and so is the Cyrillic one
			"mi\u212ae.kelly@example.com":  422, // the Kelvin sign would become a k
			"M\u0130KE.kelly@example.com":  422, // the dotted capital I an i
			"\uff4dike.kelly@example.com":  422, // the wide m an m
			"mike.ke\u017fly@example.com":  422, // the long s an s
			"mike.kelly@exampl\u212f.com":  422, // the script e an e
			"mike.kelly\u200b@example.com": 422,
			"mike\u3002kelly@example.com":  303, // no dot in a local part
		} {
			c := app.Client()
			if got := c.Get("/recover").Submit("/recover", "login", typed).Status; got != status {
				t.Errorf("POST /recover with %+q: got %d, want %d", typed, got, status)
			}
			c.Get("/signin").Submit("/signin", "login", typed, "password", first).See(422)
		}
		app.Deliver()
		for _, mail := range app.Sink.Mails("") {
			t.Errorf("got a mail to %+q, want none to anybody", mail.To)
		}
	})
}

// Nothing in a local part is folded but the case of its letters: with a dot,
// without it and with a plus there are three people. The domain is compared as
// DNS does, in lower case and in its ASCII form (A12).
func TestA12NoTwoPeopleAreMerged(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		people := map[string]string{
			"a.b@gmail.com": first, "ab@gmail.com": second, "ab+x@gmail.com": third, "ab@xn--bcher-kva.example": "four pale swallows",
		}
		for email, password := range people {
			app.Register(email, password)
		}
		app.Sleep(time.Hour)
		ids := map[string]bool{}
		for email, password := range people {
			ids[enumAccount(t, app, email)] = true
			machineSignIn(app, email, password)
			machineSignIn(app, strings.ToUpper(email), password)
			for other, wrong := range people {
				if other != email {
					app.Client().Post("/signin", "login", email, "password", wrong).See(422)
				}
			}
		}
		if len(ids) != len(people) {
			t.Errorf("got %d accounts, want %d", len(ids), len(people))
		}
		machineSignIn(app, "Ab@B\u00dcCHER.example", people["ab@xn--bcher-kva.example"])
		app.Sleep(time.Hour)
		for email := range people {
			app.Deliver()
			app.Sink.Reset()
			machineStart(app.Client(), "/recover", "login", email)
			app.Deliver()
			if got, all := len(app.Sink.Mails(email)), len(app.Sink.Mails("")); got != 1 || all != 1 {
				t.Errorf("recovery of %s: got %d mails to it and %d in all, want 1 and 1", email, got, all)
			}
		}
		for _, nobody := range []string{"a..b@gmail.com", "a.b+x@gmail.com", "ab@googlemail.com", "ab@mail.gmail.com", "abx@gmail.com", "ab@bucher.example"} {
			app.Sink.Reset()
			app.Client().Get("/recover").Submit("/recover", "login", nobody)
			app.Deliver()
			if got := len(app.Sink.Mails("")); got != 0 {
				t.Errorf("recovery of %s: got %d mails, want none", nobody, got)
			}
		}
	})
}
