// Package journey walks through Sparekey in a real browser, as people do.
package journey

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sparekey/internal/config"
	"sparekey/internal/demo"
	"sparekey/internal/lang"
	"sparekey/internal/sparekeytest"
	"sparekey/internal/sparekeytest/chromium"
)

func TestMain(m *testing.M) { sparekeytest.Main(m, chromium.Stop) }

const (
	mara   = "mara@example.com"
	first  = "seven quiet herons"
	second = "nine loud magpies"
	third  = "two shy kestrels"
)

// A person is somebody in front of a browser of one kind.
type person struct {
	t     *testing.T
	app   *sparekeytest.App
	phone *demo.Mailbox // takes the text messages
	tab   *chromium.Tab
	name  string // of the journey and the kind, for the pictures
	say   *lang.Printer
	o     chromium.TabOptions
	axe   bool // axe-core looks at the pages
	seen  int
}

// kinds covers all pairs of script, screen and language in four browsers.
func kinds() map[string]chromium.TabOptions {
	return map[string]chromium.TabOptions{
		"desktop-en-script": {Script: true},
		"phone-en-plain":    {Phone: true},
		"phone-ar-script":   {Phone: true, Script: true, Lang: "ar"},
		"desktop-ar-plain":  {Lang: "ar"},
	}
}

// tongues covers the same pairs with two more languages.
func tongues() map[string]chromium.TabOptions {
	return map[string]chromium.TabOptions{
		"desktop-en-script": {Script: true},
		"phone-es-plain":    {Phone: true, Lang: "es"},
		"phone-ar-script":   {Phone: true, Script: true, Lang: "ar"},
		"desktop-ru-plain":  {Lang: "ru"},
	}
}

// everyKind runs a journey in each of the four browsers.
func everyKind(t *testing.T, journey func(p *person)) { each(t, kinds(), journey) }

func each(t *testing.T, kinds map[string]chromium.TabOptions, journey func(p *person)) {
	picture := strings.ToLower(strings.TrimPrefix(t.Name(), "Test"))
	for name, o := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := arrives(t, sparekeytest.Options{}, o)
			p.name = picture + "-" + name
			journey(p)
			if errs := p.tab.ConsoleErrors(); len(errs) > 0 {
				t.Errorf("got errors in the console: %q, want none", errs)
			}
		})
	}
}

// arrives gives a Sparekey of one person, who is in front of it.
func arrives(t *testing.T, s sparekeytest.Options, o chromium.TabOptions) *person {
	catalogue, err := lang.Load()
	if err != nil {
		t.Fatal(err)
	}
	box, settings := gateway(t)
	change := s.Settings
	s.Settings = func(c *config.Settings) {
		settings(c)
		if change != nil {
			change(c)
		}
	}
	app, _ := sparekeytest.Serve(t, s)
	app.Typed(first, second)
	o.Base = app.Settings.PublicURL
	p := &person{t: t, app: app, phone: box, name: strings.ToLower(strings.TrimPrefix(t.Name(), "Test")), o: o, say: catalogue.Printer(o.Lang), axe: o.Phone != o.Script}
	p.tab = chromium.Open(t).Tab(t, o)
	return p
}

// gateway takes text messages by a webhook, over real HTTP. It gives the settings
// of a Sparekey that sends them there, at a place where browsers have passkeys.
func gateway(t *testing.T) (*demo.Mailbox, func(*config.Settings)) {
	const secret = "a secret of the gateway's"
	box := demo.NewMailbox("http://localhost", time.Now)
	server := httptest.NewServer(box.TextHandler(secret))
	t.Cleanup(server.Close)
	return box, func(s *config.Settings) {
		s.PublicURL = strings.Replace(s.PublicURL, "127.0.0.1", "localhost", 1)
		s.SMS, s.SMSSecret, s.SMSCountries = config.Secret(server.URL+"/texts"), config.Phrase(secret), "PT"
	}
}

// sees looks at the page as everybody must be able to: the right heading,
// nothing wider than the screen, one request and at most one script, at most
// 20 KB (30 for who is signed in), and a picture. In two of the four browsers, a phone without script and
// a desktop with it, axe-core finds nothing wrong; on that phone not in the dark
// either, whose colours all share.
func (p *person) sees(picture, heading string, args ...any) {
	p.t.Helper()
	want := p.say.T(heading, args...)
	if got := p.tab.Text("h1"); got != want {
		p.t.Fatalf("got heading %q, want %q at %s", got, want, p.tab.Path())
	}
	p.seen++
	if p.axe {
		p.breaks(picture, p.tab.Axe())
	}
	p.tab.Screenshot(fmt.Sprintf("%s/%02d-%s-light", p.name, p.seen, picture))
	if p.o.Phone {
		p.tab.Dark(true)
		if p.axe {
			p.breaks(picture+" in the dark", p.tab.Axe("color-contrast"))
		}
		p.tab.Screenshot(fmt.Sprintf("%s/%02d-%s-dark", p.name, p.seen, picture))
		p.tab.Dark(false)
	}
	var wide float64
	p.tab.Eval("document.documentElement.scrollWidth - innerWidth", &wide)
	if wide > 0 {
		p.t.Errorf("%s: got %v pixels beyond the screen, want none", picture, wide)
	}
	p.light(picture)
}

func (p *person) breaks(picture string, rules []chromium.Violation) {
	p.t.Helper()
	for _, v := range rules {
		p.t.Errorf("%s: %s", picture, v)
	}
}

// light weighs the page. The script of a sign-in page fetches the question that
// it puts to the browser: it may have been open for long before that. A screen
// that is to be scanned waits on a stream, and the companion app asks for what it
// shows.
func (p *person) light(picture string) {
	p.t.Helper()
	most, pages, scripts, questions := 20_000, 0, 0, 0
	app := p.tab.Count("#app") == 1
	if p.tab.Cookie("__Host-session") != "" || app {
		most = 30_000
	}
	for _, r := range p.tab.Requests() {
		switch {
		case app && r.URL == p.o.Base+p.tab.Attribute("#app", "data-scanner"): // once the camera is wanted
		case strings.HasSuffix(r.URL, ".js"):
			scripts++
		case strings.HasSuffix(r.URL, "/favicon.ico"):
		case r.URL == p.o.Base+"/signin/passkey" && r.Type == "Fetch" && p.o.Script && p.tab.Path() == "/signin":
			questions++
		case r.Type == "Fetch" && strings.HasSuffix(r.URL, "/screen"):
		case app && (r.URL == p.o.Base+"/app/icon.svg" || strings.HasPrefix(r.URL, p.o.Base+"/api/v1/app/")):
		default:
			pages++
			if r.Decoded > most {
				p.t.Errorf("%s: got %d bytes from %s, want at most %d", picture, r.Decoded, r.URL, most)
			}
		}
	}
	if pages != 1 || scripts > 1 || questions > 1 {
		p.t.Errorf("%s: got %d requests, %d scripts and %d questions, want 1 and at most 1 of the others", picture, pages, scripts, questions)
	}
}

// code reads the newest code in the mailbox, the nth mail to mara.
func (p *person) code(n int) string {
	p.t.Helper()
	return p.app.Sink.Wait(p.t, mara, n).Code()
}

// newPassword fills in the last page and sends it.
func (p *person) newPassword(pw string) {
	p.tab.Fill("[name=password]", pw)
	p.tab.Fill("[name=password_again]", pw)
	p.tab.Press("form.gate .main")
}

// The road, from the first page to the last: register, sign out, fail three
// times, recover, sign in, change the password, look at the devices (S1–S4,
// S6, S7, S9–S14).
func TestRoad(t *testing.T) {
	everyKind(t, func(p *person) {
		tab := p.tab
		tab.Go("/register")
		p.sees("register", "reg.h1")
		tab.Fill("[name=login]", mara)
		tab.Fill("[name=password]", first)
		tab.Press(".main")
		p.sees("confirm", "reg.code.h1")
		tab.Fill("[name=code]", p.code(1))
		tab.Press(".main")
		p.sees("account", "acc.h1")
		tab.Press(`form[action="/signout"] button`)
		p.sees("signed-out", "in.h1")

		for n := 1; n <= 3; n++ {
			tab.Fill("[name=login]", mara)
			tab.Fill("[name=password]", "not it at all")
			tab.Press(`form:has([name=password]) .btn`)
			if n != 2 {
				p.sees(fmt.Sprintf("wrong-%d", n), "in.h1")
			}
		}
		tab.Press(`form[action="/recover"]:has([name=login]):not(:has([name=show])) button`)
		p.sees("code", "code.h1")
		tab.WaitText(mara)
		tab.Fill("[name=code]", "00000000")
		tab.Press("form.gate .main")
		p.sees("code-wrong", "code.h1")
		code := p.code(2)
		tab.Fill("[name=code]", code[:4]+" "+code[4:])
		tab.Enter("[name=code]")
		p.sees("new-password", "new.h1")
		tab.Fill("[name=password]", "12345678")
		tab.Fill("[name=password_again]", "12345678")
		tab.Press("form.gate .main")
		p.sees("refused", "new.h1")
		p.newPassword(second)
		p.sees("done", "done.h1")
		tab.Reload()
		p.sees("done-again", "done.h1")
		tab.Press("main form .btn")
		if got := tab.Value("[name=login]"); got != mara {
			p.t.Errorf("got login %q on the sign-in page after a recovery, want %q", got, mara)
		}
		tab.Fill("[name=password]", second)
		tab.Press(`form:has([name=password]) .btn`)
		p.sees("overview", "acc.h1")

		tab.Press(`nav a[href="/account/password"]`)
		p.sees("change", "acc.password")
		tab.Press("main form .main, .card form .btn")
		p.sees("change-code", "code.h1")
		tab.Fill("[name=code]", p.codeOfChange())
		tab.Press("form.gate .main")
		p.sees("change-new", "new.h1")
		p.newPassword(third)
		p.sees("changed", "done.h1")
		tab.Press("main a.btn")
		tab.Press(`nav a[href="/account/devices"]`)
		p.sees("devices", "acc.devices")
	})
}

// codeOfChange reads the newest mail with a code: notices came in between.
func (p *person) codeOfChange() string {
	p.t.Helper()
	known := map[string]bool{}
	for n := 1; ; n++ {
		l := p.app.Sink.Wait(p.t, mara, n)
		code := l.Code()
		if code != "" && !known[code] {
			known[code] = true
			if len(known) == 3 { // of registration, recovery, change
				return code
			}
		}
	}
}

// "Get code" counts down without script, is said with the clock time, sends
// the same digits again, and both mails' digits work. Other ways and the help
// are there; a link in the mail stops the request.
func TestGetCodeAgain(t *testing.T) {
	everyKind(t, func(p *person) {
		tab := p.tab
		p.app.Register(mara, first)
		before := len(p.app.Sink.Mails(mara))
		tab.Go("/recover")
		p.sees("recover", "rec.h1")
		tab.Fill("[name=login]", "nobody at all")
		tab.Press("form.gate .main")
		p.sees("recover-shape", "rec.h1")
		tab.Fill("[name=login]", mara)
		tab.Press("form.gate .main")
		mail := p.app.Sink.Wait(p.t, mara, before+1)
		tab.Press(`form[action$="/again"] button`)
		p.sees("early", "code.h1")
		p.app.Sleep(61 * time.Second)
		tab.Go(strings.TrimSuffix(tab.Path(), "/again"))
		tab.Press(`form[action$="/again"] button`)
		p.sees("sent-again", "code.h1")
		again := p.app.Sink.Wait(p.t, mara, before+2)
		if mail.Code() != again.Code() {
			p.t.Errorf("got code %s again after %s, want the same", again.Code(), mail.Code())
		}
		tab.Click("summary")
		p.sees("help", "code.h1")
		tab.Press(`.rows > li > a[href$="/ways"]`)
		p.sees("ways", "ways.h1")
		tab.WaitText(p.say.T("ways.mail"))
		tab.Press(`.ways button[value=mail]`)
		p.sees("back-from-ways", "code.h1")
		at := tab.Path()
		tab.Go(again.StopURL())
		p.sees("stop", "stop.h1")
		tab.Press("main form button")
		if got, want := tab.Text("h1"), p.say.Head("stop.stopped"); got != want {
			p.t.Errorf("got heading %q after stopping, want %q", got, want)
		}
		tab.Screenshot(p.name + "/stopped")
		tab.Go(at)
		tab.Fill("[name=code]", again.Code())
		tab.Press("form.gate .main")
		p.sees("stopped-code", "code.h1")
	})
}

// Problem pages say what happened and lead on, in the person's language.
func TestProblems(t *testing.T) {
	everyKind(t, func(p *person) {
		tab := p.tab
		tab.Go("/nowhere")
		p.problem("nowhere", "g.404")
		tab.Go("/recover")
		tab.Fill("[name=login]", mara)
		tab.Press("form.gate .main")
		at := tab.Path()
		other := chromium.Open(p.t).Tab(p.t, p.o)
		other.Go("/signin")
		other.Go(at)
		if got, want := other.Text("h1"), p.say.Head("g.404"); got != want {
			p.t.Errorf("another browser at a flow: got %q, want %q", got, want)
		}
		for range 5 {
			tab.Fill("[name=code]", "00000000")
			tab.Press("form.gate .main")
		}
		p.problem("exhausted", "code.flowend")
		tab.Press("main form .btn")
		p.sees("after-exhausted", "code.h1")
		p.app.Sleep(31 * time.Minute)
		tab.Reload()
		p.problem("expired", "g.expired")
		tab.Press("main form .btn")
		if got := tab.Value("[name=login]"); got != mara {
			p.t.Errorf("got login %q after an expired flow, want %q", got, mara)
		}
		tab.Go("/language")
		p.sees("language", "lang.h1")
		tab.ClearCookies()
		tab.Go(at)
		p.problem("cookie", "g.cookie", "Host", lang.LTR(strings.TrimPrefix(p.o.Base, "http://")), "again", lang.Link{})
	})
}

// problem looks at a page whose heading is the first sentence of a message.
func (p *person) problem(picture, id string, args ...any) {
	p.t.Helper()
	if got, want := p.tab.Text("h1"), p.say.Head(id, args...); got != want {
		p.t.Fatalf("got heading %q, want %q at %s", got, want, p.tab.Path())
	}
	for _, v := range p.tab.Axe() {
		p.t.Errorf("%s: %s", picture, v)
	}
	p.tab.Screenshot(p.name + "/problem-" + picture)
}

// Back, reload and a second click are safe: nothing is sent twice, and after
// success Back leads to the success page and never to the form.
func TestBackReloadTwice(t *testing.T) {
	everyKind(t, func(p *person) {
		tab := p.tab
		p.app.Register(mara, first)
		before := len(p.app.Sink.Mails(mara))
		tab.Go("/recover")
		tab.Fill("[name=login]", mara)
		tab.DoubleClick("form.gate .main")
		p.sees("code", "code.h1")
		at := tab.Path()
		tab.Reload()
		if tab.Path() != at {
			p.t.Errorf("got %s after a reload, want %s", tab.Path(), at)
		}
		code := p.app.Sink.Wait(p.t, mara, before+1).Code()
		tab.Fill("[name=code]", code)
		tab.DoubleClick("form.gate .main")
		p.sees("new-password", "new.h1")
		tab.Fill("[name=password]", second)
		tab.Fill("[name=password_again]", second)
		tab.DoubleClick("form.gate .main")
		p.sees("done", "done.h1")
		tab.Back()
		if got, want := tab.Text("h1"), p.say.T("done.h1"); tab.Path() == at && got != want {
			p.t.Errorf("got heading %q after Back, want %q", got, want)
		}
		tab.Go(at)
		p.sees("done-later", "done.h1")
		p.app.Sink.Wait(p.t, mara, before+2) // the notice
		if n := len(p.app.Sink.Mails(mara)) - before; n != 2 {
			p.t.Errorf("got %d mails, want 2: one code and one notice", n)
		}
	})
}
