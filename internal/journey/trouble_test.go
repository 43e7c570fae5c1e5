package journey

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/config"
	"sparekey/internal/sparekeytest"
	"sparekey/internal/sparekeytest/chromium"
	"sparekey/internal/sparekeytest/guard"
)

// onPhone is somebody with a phone that is paired. Their Sparekey is behind a line.
func onPhone(t *testing.T, s sparekeytest.Options) (*person, *line) {
	t.Helper()
	t.Parallel()
	l := &line{t: t}
	s.Settings = func(c *config.Settings) { l.lay(c) }
	p := arrives(t, s, chromium.TabOptions{Phone: true, Script: true})
	p.axe = true
	p.pairs()
	return p, l
}

// What goes wrong on a phone is said with the next step, and nothing is lost: no
// permission for the camera, the code of another installation, no connection, for
// the app and for its page, a key that the browser has lost, a phone that was
// removed.
func TestAppInTrouble(t *testing.T) {
	p, l := onPhone(t, sparekeytest.Options{})
	show := chromium.Open(t).Camera(t)
	show(nil)
	p.tab.Permit("camera", true)
	p.tab.Click("[data-go=scan]")
	p.says("app.nocamera")

	other := arrives(t, sparekeytest.Options{}, chromium.TabOptions{Script: true})
	other.tab.Go("/signin/qr")
	show(other.tab.Picture("svg.qr"))
	p.tab.Permit("camera", false)
	p.tab.Go("/app")
	p.tab.Click("[data-go=scan]")
	p.says("app.denied")
	p.sees("denied", "app.scan")
	p.tab.Permit("camera", true)
	p.tab.Go("/app")
	p.tab.Click("[data-go=scan]")
	p.says("app.scan.foreign", "Site", "Lantern Market")
	p.sees("foreign", "app.scan")

	p.tab.Click("section:not([hidden]) [data-go=type]")
	p.tab.Fill("#seen", "KQTM-4R7W")
	l.cut()
	p.tab.Click("#typed .btn")
	p.says("app.unsent")
	p.sees("unsent", "app.problem.h1")
	p.tab.Click("#retry")
	p.says("app.unsent")
	l.mend()
	p.tab.Click("#retry")
	p.says("app.wait")
	l.cut()
	p.tab.Go("/app")
	p.problem("offline", "app.offline")
	l.mend()
	p.tab.Press("main .btn")
	p.tab.WaitText("Mara’s phone")

	p.loses()
	p.removed()
	errs := strings.Join(p.tab.ConsoleErrors(), "\n")
	if errs != "" {
		t.Errorf("got errors in the console: %s, want none", errs)
	}
}

// loses loses the key that the browser has kept, and pairs again.
func (p *person) loses() {
	p.t.Helper()
	p.tab.Go("/account")
	var gone bool
	p.tab.Eval(`new Promise(f => { const r = indexedDB.deleteDatabase('sparekey'); r.onsuccess = () => f(true); r.onerror = () => f(false) })`, &gone)
	if !gone {
		p.t.Fatal("the browser kept its store")
	}
	p.tab.Go("/app")
	p.says("app.pair.do")
	p.tab.Press("[data-view=pair] .btn")
	p.tab.Fill("[name=name]", "Mara’s next phone")
	p.tab.Press("[data-pair] .btn")
	p.tab.WaitText("Mara’s next phone")
}

// removed removes the phone in My account. The app says so, and is paired again.
func (p *person) removed() {
	p.t.Helper()
	p.tab.Go("/account/ways")
	p.tab.Press(p.row("mine.drop", p.say.T("mine.app")+" Mara’s next phone"))
	p.tab.Press("main form .btn")
	p.says("way.gone")
	p.tab.Go("/app")
	p.says("app.again")
	p.sees("lost", "app.pair.h1")
	p.tab.Click("section:not([hidden]) [data-go=pair]")
	p.tab.Press("[data-view=pair] .btn")
	p.tab.Press("[data-pair] .btn")
	p.says("app.paired")
}

// In a recovery the app counts beside the code from the mail (S8): the page asks for
// one proof more, and shows what the phone is to scan.
func TestAppRecovers(t *testing.T) {
	p, _ := onPhone(t, sparekeytest.Options{})
	p.grow()
	other := p.elsewhere(chromium.TabOptions{Script: true})
	code := other.recover(mara, mara)
	other.others()
	other.tab.Press("button[value=app]")
	other.sees("screen", "scr.approve.h1")
	p.types(other)
	p.sees("ask-password", "app.ask.password")
	p.says("app.ask.danger")
	p.tab.Click("#approve")
	p.says("app.done")
	other.says("ways.more")
	other.tab.Press("button[value=mail]")
	other.answer(code)
	other.at("new.h1")
	other.newPassword(second)
	other.at("done.h1")
}

// A phone is told what happened, by a push that its worker shows; the sentence is
// the one that Sparekey sent. Where the browser knows no service for pushes, as
// here, the app says so. The app can be installed.
func TestAppIsTold(t *testing.T) {
	service := sparekeytest.NewPushService(t)
	p, _ := onPhone(t, sparekeytest.Options{Pushes: service})
	if got := p.tab.InstallErrors(); len(got) > 0 {
		t.Errorf("got %q, want nothing to keep it from being installed", got)
	}
	p.tab.Go("/account")
	if got := p.tab.InstallErrors(); len(got) == 0 {
		t.Error("My account can be installed too, want the app alone: else it proves nothing")
	}
	p.tab.Go("/app")
	p.tab.WaitText("Mara’s phone")
	p.tab.Click("#tell-do")
	p.says("app.tell.no")

	// Another phone of hers, whose service takes what is sent.
	c := p.app.Client()
	c.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
	var at string
	code := p.mailed(mara, func() {
		at = c.Get("/app").See(200).Submit("/account/ways", "way", "app").See(303).Header.Get("Location")
	})
	c.Get(at).Submit("/answer", "code", code).See(303)
	phone := p.app.Phone(c)
	phone.Pair(c.Get(at).See(200), "").See(303)
	phone.Subscribe(service.At()).See(204)
	p.app.Sleep(sparekey.ProofLife)
	p.app.Client().Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
	if !guard.Within(30*time.Second, func() bool { return len(service.Got()) > 0 }) {
		t.Fatal("got no push within 30 s")
	}
	sent := service.Got()[0]
	var told struct{ Title, Body string }
	if err := json.Unmarshal([]byte(sent), &told); err != nil {
		t.Fatalf("got %q: %v", sent, err)
	}
	p.tab.Permit("notifications", true)
	// A browser that is asked for its notifications just while it shows one forgets
	// that one: it is asked a while later, and told again if need be.
	var shown string
	for range 10 {
		p.tab.Push(sent)
		time.Sleep(500 * time.Millisecond)
		p.tab.Eval(`navigator.serviceWorker.getRegistration('/app').then((worker) => worker.getNotifications()).then((all) =>
			all.map((n) => n.title + ': ' + n.body).join())`, &shown)
		if shown != "" {
			break
		}
	}
	if want := told.Title + ": " + told.Body; shown != want {
		t.Errorf("got the notification %q, want %q", shown, want)
	}
}

// A screen that nobody scans renews its code quietly, a few times; then it offers to
// show a new one, and says so. The codes before are good for nothing any more.
func TestScreenGrowsOld(t *testing.T) {
	t.Parallel()
	p := arrives(t, sparekeytest.Options{}, chromium.TabOptions{Script: true})
	p.axe = true
	p.tab.Hurry(20)
	p.tab.Go("/signin/qr")
	p.tab.Eval(`{
		const code = document.querySelector('svg.qr path')
		self.codes = [code.getAttribute('d')]
		new MutationObserver(() => self.codes.push(code.getAttribute('d'))).observe(code, { attributes: true })
	}`, nil)
	p.tab.WaitText(p.say.T("scr.new"))
	p.sees("old", "scr.h1")
	var codes []string
	p.tab.Eval("self.codes", &codes)
	if len(codes) != 1+sparekey.ScreenRenewals {
		t.Errorf("got %d codes, want %d", len(codes), 1+sparekey.ScreenRenewals)
	}
	p.tab.Press("[data-again]")
	codes = append(codes, p.tab.Attribute("svg.qr path", "d"))
	slices.Sort(codes)
	if n := len(slices.Compact(codes)); n != 2+sparekey.ScreenRenewals {
		t.Errorf("got %d different codes, want none that was shown before", n)
	}
}
