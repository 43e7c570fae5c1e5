package web_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"sparekey/internal/config"
	"sparekey/internal/sparekeytest"
)

// answered sends a code at a flow and gives the page.
func answered(c *sparekeytest.Client, at, code string) *sparekeytest.Page {
	return c.Get(at).Submit("/answer", "code", code)
}

// A13, ASVS 6.6.3: five answers are compared; the sixth fails even if it is
// right, and the page counts down. What cannot be a code costs nothing.
func TestA13FiveTries(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		c, _ := recovering(app, mara)
		at, code, before := c.At(), app.Code(mara), app.Flows.Compared()
		answered(c, at, "41830").See(422).Says("whole code")
		for _, left := range []string{"4 tries left", "3 tries left", "2 tries left", "last try"} {
			answered(c, at, "00000000").See(422).Says(left)
		}
		answered(c, at, "00000000").See(410).Says("We’ve stopped this request to protect the account.")
		c.Post(at+"/answer", "code", code, "challenge", "x").See(410)
		if got := app.Flows.Compared() - before; got != 5 {
			t.Errorf("got %d answers compared, want 5", got)
		}
	})
}

// A18, ASVS 6.5.5: a code dies ten minutes after its last hand-over, and only
// the right digits are told so.
func TestA18OldCode(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		c, _ := recovering(app, mara)
		at, code := c.At(), app.Code(mara)
		app.Sleep(10 * time.Minute)
		answered(c, at, "00000000").See(422).Says("That code isn’t right.")
		answered(c, at, code).See(422).Says("That code has expired.")
		c.Get(at).Submit("/again").See(303)
		if again := app.Code(mara); again != code {
			t.Fatalf("got code %s again, want the same %s", again, code)
		}
		answered(c, at, code).See(303)
		app.Sleep(11 * time.Minute)
		c.Get(at).Submit("/act", "password", second, "password_again", second).See(410) // the proof is old
	})
}

// A19, A20, ASVS 6.6.2: a code answers its own challenge and nothing else: not
// another flow of the same account, not a flow of another purpose.
func TestA19A20CodeOfAnother(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		in := app.Register(mara, first)
		app.Sleep(11 * time.Minute) // the proof of the registration is old now
		type open struct {
			c        *sparekeytest.Client
			at, code string
		}
		begin := func(c *sparekeytest.Client) open {
			c.Get(c.At())
			mails := len(app.Sink.Mails(""))
			app.Deliver()
			return open{c, c.At(), app.Sink.Mails("")[mails].Code()}
		}
		one, _ := recovering(app, mara)
		flows := []open{begin(one)}
		two, _ := recovering(app, mara)
		flows = append(flows, begin(two))
		in.Get("/account/password").Submit("/account/password").See(303)
		flows = append(flows, begin(in))
		reg := app.Client()
		reg.Get("/register").Submit("/register", "login", "new@example.com", "password", first).See(303)
		flows = append(flows, begin(reg))
		for i, f := range flows {
			for k, other := range flows {
				if i != k {
					answered(f.c, f.at, other.code).See(422).Says("That code isn’t right.")
				}
			}
		}
		for _, f := range flows {
			answered(f.c, f.at, f.code).See(303)
		}
	})
}

// A15: the fourth recovery of a day gets a long code, whatever address each
// comes from, its page is the same, and the long code works.
func TestA15LongCode(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		for i := range 5 {
			c := app.Client()
			c.Addr = fmt.Sprintf("198.51.100.%d:99", i)
			c.Get("/recover").Submit("/recover", "login", mara).See(303)
			code, want := app.Code(mara), 8
			if i >= 3 {
				want = 20
			}
			if len(code) != want {
				t.Errorf("recovery %d: got a code of %d digits, want %d", i+1, len(code), want)
			}
			if i == 4 {
				answered(c, c.At(), code).See(303)
				c.Get(c.At()).Says("Choose a new password")
			}
		}
		app.Sleep(24*time.Hour + 31*time.Minute)
		app.Sweep()
		recovering(app, mara)
		if code := app.Code(mara); len(code) != 8 {
			t.Errorf("a day later: got a code of %d digits, want 8: nothing was compared", len(code))
		}
	})
}

// A21, A26: strangers' passwords beyond the fifteenth in a day are not
// compared, and nobody is told. The owner's known browser signs in unchanged;
// in a new one the button on the page leads in, and nothing is changed.
func TestA21SilentBudget(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner := app.Register(mara, first)
		owner.Get("/account").Submit("/signout")
		for i := range 15 {
			c := app.Client()
			c.Addr = fmt.Sprintf("198.51.100.%d:99", i)
			c.Get("/signin").Submit("/signin", "login", mara, "password", "not it at all").See(422)
		}
		c := app.Client()
		p := c.Get("/signin").Submit("/signin", "login", mara, "password", first).See(422).Says("Email me a code")
		owner.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		p.Submit("/recover").See(303)
		at := c.At()
		answered(c, at, app.Code(mara)).See(303)
		p = c.Get(at).Submit("/act", "password", first, "password_again", first).See(422).Says("That’s your current password.")
		p.Submit("/act", "same", "1").See(303)
		c.Get("/account").See(200).Says(mara)
		owner.Get("/account").See(200) // nothing was changed, nobody signed out
		c.Get("/account").Submit("/signout")
		c.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303) // a known browser by now
	})
}

// A known browser has ten passwords a day of its own; then it is unknown.
func TestKnownBrowserBudget(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		c := app.Register(mara, first)
		c.Get("/account").Submit("/signout")
		for range 25 {
			c.Get("/signin").Submit("/signin", "login", mara, "password", "not it at all").See(422)
		}
		c.Get("/signin").Submit("/signin", "login", mara, "password", first).See(422)
		app.Sleep(24*time.Hour + time.Minute)
		c.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
	})
}

// A27, A28: addresses that a client claims for itself do not count, those of a
// trusted proxy do; an IPv6 /64 is one client.
func TestA27A28Clients(t *testing.T) {
	flood := func(app *sparekeytest.App, dress func(c *sparekeytest.Client, i int)) (refused int) {
		for i := range 100 {
			c := app.Client()
			dress(c, i)
			if p := c.Post("/recover", "login", mara); p.Status == 429 {
				refused++
				if p.Header.Get("Retry-After") == "" {
					t.Error("got a 429 without Retry-After")
				}
			}
		}
		return refused
	}
	app := sparekeytest.New(t, sparekeytest.Options{})
	if got := flood(app, func(c *sparekeytest.Client, i int) {
		c.Header.Set("X-Forwarded-For", fmt.Sprintf("192.0.2.%d", i))
	}); got != 40 {
		t.Errorf("100 starts with addresses of their own saying: got %d refused, want 40 beyond the burst of 60", got)
	}
	app = sparekeytest.New(t, sparekeytest.Options{})
	if got := flood(app, func(c *sparekeytest.Client, i int) {
		c.Addr = fmt.Sprintf("[2001:db8:0:1::%x]:99", i)
	}); got != 40 {
		t.Errorf("100 starts from one /64: got %d refused, want 40", got)
	}
	app = sparekeytest.New(t, sparekeytest.Options{Settings: func(s *config.Settings) { s.TrustedProxies = "203.0.113.0/24" }})
	if got := flood(app, func(c *sparekeytest.Client, i int) {
		c.Header.Set("X-Forwarded-For", fmt.Sprintf("10.9.8.7, 192.0.2.%d", i))
	}); got != 0 {
		t.Errorf("100 starts of 100 clients behind a proxy: got %d refused, want 0", got)
	}
}

// A29, A32: looking at the link in a mail stops nothing; its button stops the
// request, whose code then is as good as a wrong one; and it stays stopped.
func TestA29A32StopLink(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		before := len(app.Sink.Mails(mara))
		c, _ := recovering(app, mara)
		at := c.At()
		app.Deliver()
		mail := app.Sink.Wait(t, mara, before+1)
		link := strings.TrimPrefix(mail.StopURL(), sparekeytest.URL)
		scanner := app.Client()
		scanner.Header.Set("Purpose", "prefetch")
		for range 50 {
			scanner.Get(link).See(200).Says("Stop this request?")
			scanner.Do("HEAD", link, nil).See(200)
			scanner.Do("OPTIONS", link, nil).See(405)
		}
		if _, ok := scanner.Cookies["__Host-session"]; ok {
			t.Error("got a session from a link in a mail, want none")
		}
		answered(c, at, "00000000").See(422).Says("4 tries left")
		scanner.Get(link).Submit(link).See(303)
		scanner.Get(link).See(200).Says("Stopped.")
		answered(c, at, mail.Code()).See(422).Says("That code isn’t right.")
		scanner.Post(link).See(303)
		scanner.Get(link).See(200).Says("Stopped.")
		scanner.Get("/stop/" + strings.Repeat("x", 26) + ".k.y").See(404)
	})
}

// A33, A46: a new password ends what was begun before it: other recoveries at
// every stage, sessions, known browsers.
func TestA33PasswordEndsAll(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		in := app.Register(mara, first)
		known := in.Clone()
		delete(known.Cookies, "__Host-session")
		waits, _ := recovering(app, mara)
		waitsAt, waitsCode := waits.At(), app.Code(mara)
		proved, _ := recovering(app, mara)
		provedAt := proved.At()
		answered(proved, provedAt, app.Code(mara)).See(303)
		wins, _ := recovering(app, mara)
		winsAt := wins.At()
		answered(wins, winsAt, app.Code(mara)).See(303)
		wins.Get(winsAt).Submit("/act", "password", second, "password_again", second).See(303)

		in.Get("/account").See(303)
		answered(waits, waitsAt, waitsCode).See(422).Says("That code isn’t right.")
		proved.Get(provedAt).Submit("/act", "password", third, "password_again", third).See(410).Says("changed meanwhile")
		for range 15 {
			app.Client().Get("/signin").Submit("/signin", "login", mara, "password", "not it at all").See(422)
		}
		// The browser that was known is a stranger now, whose budget is spent.
		known.Get("/signin").Submit("/signin", "login", mara, "password", second).See(422)
		wins.Get("/signin").Submit("/signin", "login", mara, "password", second).See(303)
	})
}

// A36: whatever strangers ask for, an address gets five mails an hour and ten
// a day of theirs; a known browser's mails leave all the same.
func TestA36MailCaps(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner := app.Register(mara, first)
		flood := func(n int) int {
			before := len(app.Sink.Mails(mara))
			for i := range n {
				c := app.Client()
				c.Addr = fmt.Sprintf("198.51.100.%d:99", i)
				c.Get("/recover").Submit("/recover", "login", mara).See(303)
				app.Deliver()
				c.Get(c.At()).See(200).Says("a code is on its way")
				c.Get("/register").Submit("/register", "login", mara, "password", first).See(303)
				app.Deliver()
			}
			return len(app.Sink.Mails(mara)) - before
		}
		if got := flood(10); got != 5 {
			t.Errorf("first hour: got %d mails, want 5", got)
		}
		app.Sleep(time.Hour)
		if got := flood(10); got != 5 {
			t.Errorf("second hour: got %d mails, want 5", got)
		}
		app.Sleep(time.Hour)
		if got := flood(10); got != 0 {
			t.Errorf("third hour: got %d mails, want 0: ten a day", got)
		}
		before := len(app.Sink.Mails(mara))
		owner.Get("/recover").Submit("/recover", "login", mara).See(303)
		app.Deliver()
		if got := len(app.Sink.Mails(mara)) - before; got != 1 {
			t.Errorf("from the known browser: got %d mails, want 1", got)
		}
	})
}

// Notices are never dropped: the first leaves at once, those within the hour
// after it leave as one at its end.
func TestNoticesMerge(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		signIn := func() {
			app.Client().Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
			app.Deliver()
		}
		before := len(app.Sink.Mails(mara))
		for range 4 {
			signIn()
			app.Sleep(time.Minute)
		}
		if got := len(app.Sink.Mails(mara)) - before; got != 1 {
			t.Errorf("four new browsers: got %d notices, want 1 at once", got)
		}
		app.Sleep(time.Hour)
		app.Deliver()
		mails := app.Sink.Mails(mara)
		if got := len(mails) - before; got != 2 {
			t.Fatalf("an hour later: got %d notices, want 2", got)
		}
		if text := mails[len(mails)-1].Text; !strings.Contains(text, "3 times") {
			t.Errorf("got the merged notice %q, want it to tell of 3 sign-ins", text)
		}
	})
}

// A35: where a person is sent back to is a path here or the site's own origin;
// it is kept to the end, and anything else is ignored.
func TestA35ReturnTo(t *testing.T) {
	app := sparekeytest.New(t, sparekeytest.Options{})
	app.Register(mara, first)
	for to, want := range map[string]string{
		"/account/devices":                "/account/devices",
		"https://lantern.test/cart?a=b":   "https://lantern.test/cart?a=b",
		"https://evil.test/":              "/account",
		"//evil.test":                     "/account",
		`/\evil.test`:                     "/account",
		"https://lantern.test.evil.test/": "/account",
		"javascript:alert(1)":             "/account",
		"/%2f/evil.test":                  "/account",
	} {
		c := app.Client()
		c.Post("/signin", "login", mara, "password", first, "return_to", to).See(303)
		if c.At() != want {
			t.Errorf("return_to %q: got sent to %q, want %q", to, c.At(), want)
		}
	}
	app.Sleep(time.Minute)
	c := app.Client()
	c.Get("/recover?return_to=%2Faccount%2Fdevices").Submit("/recover", "login", mara).See(303)
	at := c.At()
	answered(c, at, app.Code(mara)).See(303)
	c.Get(at).Submit("/act", "password", second, "password_again", second).See(303)
	c.Get(at).Submit("/signin").See(200).Submit("/signin", "password", second).See(303)
	if c.At() != "/account/devices" {
		t.Errorf("after a recovery: got sent to %q, want /account/devices", c.At())
	}
}

// A31, ASVS 16.2.5: after a whole run the log holds no code, cookie, password,
// address or link that was minted in it.
func TestA31Log(t *testing.T) {
	var log strings.Builder
	app := sparekeytest.New(t, sparekeytest.Options{Log: &log})
	c := app.Register(mara, first)
	secrets := []string{mara, "mara", first, second, c.Addr[:11]}
	c, _ = recovering(app, mara)
	code := app.Code(mara)
	secrets = append(secrets, code, strings.TrimPrefix(c.At(), "/flow/"))
	answered(c, c.At(), "00000000")
	answered(c, c.At(), code).See(303)
	c.Get(c.At()).Submit("/act", "password", second, "password_again", second).See(303)
	c.Get("/signin").Submit("/signin", "login", mara, "password", second).See(303)
	app.Sink.Fail(func(_, _ string) error { return sparekeytest.Reply(550) })
	recovering(app, mara)
	app.Deliver()
	for _, v := range c.Cookies {
		if len(v) > 8 {
			secrets = append(secrets, v)
		}
	}
	for _, m := range app.Sink.Mails(mara) {
		if u := m.StopURL(); u != "" {
			secrets = append(secrets, u[strings.LastIndex(u, "/")+1:])
		}
	}
	if !strings.Contains(log.String(), `"route":"POST /flow/{id}/answer"`) || !strings.Contains(log.String(), "given up") {
		t.Fatalf("got a log without the requests, want them: %s", log.String())
	}
	for _, s := range secrets {
		if strings.Contains(log.String(), s) {
			t.Errorf("got %q in the log, want none of it", s)
		}
	}
}

// A36, A11: a mail goes to the stored bytes, whatever case was typed.
func TestA11StoredBytes(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register("Mike@Example.com", first)
		before := len(app.Sink.Mails(""))
		recovering(app, "mIKE@example.COM")
		recovering(app, "m\u0131ke@example.com") // dotless i
		app.Deliver()
		mails := app.Sink.Mails("")[before:]
		if len(mails) != 1 || mails[0].To != "Mike@Example.com" {
			t.Errorf("got mails %v, want one to the stored bytes", mails)
		}
		if _, err := app.Accounts.Find(context.Background(), "mike@example.com"); err != nil {
			t.Errorf("find by another case: got %v, want the account", err)
		}
	})
}
