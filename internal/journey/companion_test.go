package journey

import (
	"testing"
	"time"

	"sparekey/internal/sparekeytest/chromium"
)

// The companion app, on a phone: paired once, tried out, and then it approves what
// another screen shows (S5): by the camera, or typed. What it declines signs nobody
// in.
func TestApp(t *testing.T) {
	each(t, map[string]chromium.TabOptions{
		"phone-en-script": {Phone: true, Script: true},
		"phone-ar-script": {Phone: true, Script: true, Lang: "ar"},
	}, func(p *person) {
		p.axe = true
		p.pairs()
		p.practises()
		other := p.elsewhere(chromium.TabOptions{Script: true, Lang: p.o.Lang})
		p.declines(other)
		if p.o.Lang == "" {
			p.scansScreen(other)
			p.readsScreen(other)
		} else {
			p.cancels(other)
			p.typesScreen(other)
		}
		p.approvesPlain()
	})
}

// elsewhere is the same person in front of another browser.
func (p *person) elsewhere(o chromium.TabOptions) *person {
	other := *p
	o.Base = p.o.Base
	other.o, other.name, other.axe = o, p.name+"-elsewhere", true
	other.tab = chromium.Open(p.t).Tab(p.t, o)
	return &other
}

// pairs registers on the phone and pairs it.
func (p *person) pairs() {
	p.t.Helper()
	p.tab.Go("/app")
	p.says("app.pair.signin")
	p.sees("pair-first", "app.pair.h1")
	p.register()
	p.app.Sleep(time.Second)
	p.tab.Go("/app")
	p.says("app.pair.do")
	p.sees("pair", "app.pair.h1")
	p.tab.Press("[data-view=pair] .btn")
	p.sees("pair-name", "app.pair.h1")
	p.tab.Fill("[name=name]", "Mara’s phone")
	p.tab.Press("[data-pair] .btn")
	p.tab.WaitText("Mara’s phone")
	p.sees("home", "app.home.h1")
	p.says("app.paired")
}

// practises tries the app out.
func (p *person) practises() {
	p.t.Helper()
	p.tab.Click("[data-go=practice]")
	p.sees("ask", "app.ask.signin")
	p.tab.Click("#approve")
	p.says("app.practiced")
	p.sees("practised", "app.done.h1")
	p.back()
}

// back goes back to the first view of the app.
func (p *person) back() {
	p.t.Helper()
	p.tab.Click("section:not([hidden]) [data-go=home]")
	p.says("app.scan")
}

// types types the short code of another screen, which is new when it is read, and
// waits for the question.
func (p *person) types(other *person) {
	p.t.Helper()
	p.tab.Click("section:not([hidden]) [data-go=type]")
	p.tab.Fill("#seen", "KQTM")
	p.tab.Click("#typed .btn")
	p.says("app.code")
	other.tab.Reload()
	p.tab.Fill("#seen", other.short())
	p.tab.Click("#typed .btn")
	p.says("app.ask.warn")
}

// short is the code to be typed that a screen shows.
func (p *person) short() string {
	p.t.Helper()
	p.tab.Click(".screen [data-state=waiting] summary")
	return p.tab.Text(".screen [data-state=waiting] bdi")
}

// declines says no to a screen.
func (p *person) declines(other *person) {
	p.t.Helper()
	other.tab.Go("/signin")
	other.sees("signin", "in.h1")
	p.types(other)
	p.sees("ask-real", "app.ask.signin")
	other.says("scr.scanned")
	p.tab.Click("#decline")
	p.says("app.stopped")
	p.sees("declined", "app.stopped.h1")
	other.says("scr.declined")
	other.sees("was-declined", "in.h1")
	other.tab.Press("[data-again]")
	p.back()
}

// cancels thinks better of it at the screen: the phone is too late then.
func (p *person) cancels(other *person) {
	p.t.Helper()
	other.tab.Go("/signin/qr")
	p.types(other)
	other.says("scr.scanned")
	other.tab.Press("[data-cancel] button")
	other.at("scr.h1")
	p.tab.Click("#approve")
	p.says("app.old")
	p.back()
}

// typesScreen signs another screen in by its short code.
func (p *person) typesScreen(other *person) {
	p.t.Helper()
	other.tab.Go("/signin/qr")
	p.types(other)
	p.approves(other)
}

// scansScreen signs another screen in by the camera.
func (p *person) scansScreen(other *person) {
	p.t.Helper()
	other.tab.Go("/signin/qr")
	show := chromium.Open(p.t).Camera(p.t)
	p.tab.Permit("camera", true)
	show(other.tab.Picture("svg.qr"))
	p.tab.Click("[data-go=scan]")
	p.says("app.ask.warn")
	p.approves(other)
}

// readsScreen signs another screen in by the camera of the phone, without the app:
// it opens the address in the code. On a phone that is not paired it opens nothing.
func (p *person) readsScreen(other *person) {
	p.t.Helper()
	other.tab.Go("/signin/qr")
	at := other.readQR("svg.qr")
	stranger := p.elsewhere(chromium.TabOptions{Phone: true, Script: true})
	stranger.tab.Go(at)
	stranger.says("app.pair.first")
	stranger.sees("pair-before", "app.pair.h1")
	p.tab.Go(at)
	p.says("app.seen.do")
	p.sees("read", "app.seen.h1")
	p.tab.Click("section:not([hidden]) [data-go=seen]")
	p.says("app.ask.warn")
	p.approves(other)
}

// approves approves what a screen asks, which is signed in then.
func (p *person) approves(other *person) {
	p.t.Helper()
	p.tab.Click("#approve")
	p.says("app.done")
	other.tab.Wait("location.pathname === '/account'")
	other.says("in.app", "Name", mara)
	other.sees("signed-in", "acc.h1")
	other.tab.Press(".note button")
	p.back()
}

// approvesPlain signs a screen in that runs no script: it asks by its button.
func (p *person) approvesPlain() {
	p.t.Helper()
	other := p.elsewhere(chromium.TabOptions{Lang: p.o.Lang})
	other.tab.Go("/signin/qr")
	other.sees("plain", "scr.h1")
	p.tab.Click("[data-go=type]")
	p.tab.Fill("#seen", other.short())
	p.tab.Click("#typed .btn")
	p.says("app.wait")
	other.tab.Press(".screen form .btn")
	other.says("app.notyet")
	p.says("app.ask.warn")
	p.tab.Click("#approve")
	p.says("app.done")
	other.tab.Press(".screen form .btn")
	other.at("acc.h1")
}
