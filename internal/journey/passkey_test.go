package journey

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"sparekey/internal/sparekeytest/chromium"
)

const wren = "wren@example.com"

// A passkey is made with a name, signs its owner in by the button and by the
// browser's own offer, is a proof in a recovery and the second one at a sign-in,
// is removed and taken back. It opens no other account.
func TestPasskey(t *testing.T) {
	each(t, map[string]chromium.TabOptions{
		"desktop-en-script": {Script: true},
		"phone-ar-script":   {Phone: true, Script: true, Lang: "ar"},
	}, func(p *person) {
		p.axe = true
		device := p.tab.Authenticator(true)
		p.register()
		p.addPasskey(device)
		p.byPasskey(device)
		p.grow()
		p.removePasskey(device)
		p.recoverByPasskey(device)
		p.passkeyOfAnother()
		p.passkeySecond(device)
	})
}

func (p *person) addPasskey(device *chromium.Authenticator) {
	tab := p.tab
	tab.Press(`nav a[href="/account/ways"]`)
	tab.Press("button[value=passkey]")
	p.sees("add", "passkey.add.h1")
	device.Know(false)
	tab.Click("[data-needs=passkey] .btn")
	p.says("passkey.cancelled")
	p.sees("add-cancelled", "passkey.add.h1")
	device.Know(true)
	tab.Fill("[name=name]", "My phone")
	tab.Press("[data-needs=passkey] .btn")
	tab.WaitText("My phone")
	p.sees("added", "acc.ways")
	p.says("way.add")
	if keys := device.Passkeys(); len(keys) != 1 || keys[0].Name != mara || keys[0].Host != "localhost" {
		p.t.Errorf("got passkeys %+v, want one of %s", keys, mara)
	}
}

// byPasskey signs in by the button, and then by the offer of the browser.
func (p *person) byPasskey(device *chromium.Authenticator) {
	device.Touch(false) // nobody accepts the offer
	p.signOut()
	p.sees("sign-in", "in.h1")
	p.twice(device)
	p.pressPasskey(device)
	p.at("acc.h1")

	device.Touch(true)
	p.tab.Press(`form[action="/signout"] button`)
	p.tab.Wait("location.pathname === '/account'")
	p.at("acc.h1")
}

// pressPasskey signs in with the button, and not by the browser's offer.
func (p *person) pressPasskey(device *chromium.Authenticator) {
	p.t.Helper()
	device.Touch(false)
	p.tab.Go("/signin")
	device.Answer("[data-passkey=signin] .btn")
	p.tab.Wait("location.pathname !== '/signin'")
}

// twice sends the form of a sign-in by passkey from elsewhere, two times: both
// get the same answer.
func (p *person) twice(device *chromium.Authenticator) {
	p.t.Helper()
	p.tab.Eval(`document.querySelector('[data-passkey=signin]').addEventListener('submit', (e) => {
		if (e.defaultPrevented) return
		e.preventDefault()
		document.body.dataset.left = new URLSearchParams(new FormData(e.target))
	})`, nil)
	device.Answer("[data-passkey=signin] .btn")
	p.tab.Wait("document.body.dataset.left")
	form, cookies := p.tab.Attribute("body", "data-left"), p.tab.Cookies()
	post := func() string {
		r, err := http.NewRequest(http.MethodPost, p.o.Base+"/signin", strings.NewReader(form))
		if err != nil {
			p.t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		for _, c := range cookies {
			r.AddCookie(c)
		}
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			p.t.Fatal(err)
		}
		defer answer.Body.Close()
		return fmt.Sprint(answer.StatusCode, answer.Header.Get("Location"), answer.Header.Values("Set-Cookie"))
	}
	first, second := post(), post()
	if first != second || !strings.HasPrefix(first, "303/account") {
		p.t.Errorf("got answer %q, then %q to its repeat, want the same: 303 to /account", first, second)
	}
}

// recoverByPasskey gets back in with the passkey, in a browser that nobody knows.
func (p *person) recoverByPasskey(device *chromium.Authenticator) {
	device.Touch(false) // nobody accepts the offer of the browser at the sign-in
	p.signOut()
	p.tab.ClearCookies()
	p.recover(mara, mara)
	device.Touch(true)
	p.others()
	p.sees("unknown", "ways.h1")
	p.tab.Press("button[value=passkey]")
	p.sees("ask", "passkey.h1")
	p.tab.Press("[data-needs=passkey] .btn")
	p.newPassword(second)
	p.at("done.h1")
}

// passkeyOfAnother tries to get into somebody else's account.
func (p *person) passkeyOfAnother() {
	p.app.Register(wren, third)
	p.recover(wren, wren)
	p.others()
	p.tab.Press("button[value=passkey]")
	p.tab.Press("[data-needs=passkey] .btn")
	p.sees("of-another", "passkey.h1")
	p.says("passkey.wrong", "Count", 4)
}

// passkeySecond turns "Ask for two proofs" on, and gives the passkey after the
// password; after the passkey, it gives the code from the mail.
func (p *person) passkeySecond(device *chromium.Authenticator) {
	tab := p.tab
	device.Touch(false)
	p.signIn(second)
	tab.Go("/account/ways")
	p.change(`form:has([value=two-on]) .btn`)
	tab.Press("main form .btn")
	p.keep()
	p.signOut()
	p.signIn(second)
	p.at("in.second.h1")
	device.Touch(true)
	tab.Press("button[value=passkey]")
	p.sees("second", "passkey.h1")
	tab.Press("[data-needs=passkey] .btn")
	p.at("acc.h1")

	device.Touch(false)
	p.signOut()
	p.pressPasskey(device)
	p.sees("one-more", "in.second.h1")
	code := p.mailed(mara, func() { tab.Press(`button[value^="mail"]`) })
	p.answer(code)
	p.at("acc.h1")
}

// removePasskey removes the passkey, takes it back, and signs in with it again:
// the device has not forgotten it meanwhile.
func (p *person) removePasskey(device *chromium.Authenticator) {
	tab, name := p.tab, p.say.T("mine.passkey")+" My phone"
	tab.Go("/account/ways")
	p.change(p.row("mine.drop", name))
	p.sees("drop", "sure.drop.h1")
	tab.Press("main form .btn")
	p.says("way.gone")
	tab.Press(p.row("mine.back", name))
	tab.Press("main form .btn")
	p.says("way.kept")
	device.Touch(false)
	p.signOut()
	p.pressPasskey(device)
	p.at("acc.h1")
}

// Where a browser runs no script, no page shows a button for passkeys, My account
// says why, and the rest works.
func TestPasskeyWithoutScript(t *testing.T) {
	each(t, map[string]chromium.TabOptions{"phone-en-plain": {Phone: true}}, func(p *person) {
		tab := p.tab
		p.register()
		tab.Go("/account/ways")
		p.says("passkey.none")
		p.addSaved()
		p.signOut()
		code := p.recover(mara, mara)
		p.others()
		p.at("ways.h1")
		if tab.Count("[data-needs=passkey]:not([hidden])") > 0 {
			p.t.Error("got a way by passkey without a script, want none")
		}
		tab.Press("button[value^=mail]")
		p.answer(code)
		p.newPassword(second)
		p.at("done.h1")
		p.signIn(second)
		p.at("acc.h1")
	})
}
