package journey

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest/chromium"
)

// both gives the two browsers in which axe-core looks at every page: a desktop
// with script and a phone without, each in a language.
func both(desktop, phone string) map[string]chromium.TabOptions {
	return map[string]chromium.TabOptions{
		"desktop-" + desktop + "-script": {Script: true, Lang: desktop},
		"phone-" + phone + "-plain":      {Phone: true, Lang: phone},
	}
}

// register makes an account by the pages.
func (p *person) register() {
	p.t.Helper()
	p.tab.Go("/register")
	p.tab.Fill("[name=login]", mara)
	p.tab.Fill("[name=password]", first)
	p.tab.Press(".main")
	p.answer(p.code(1))
	p.at("acc.h1")
}

// at says on which page the person must be.
func (p *person) at(heading string, args ...any) {
	p.t.Helper()
	if got, want := p.tab.Text("h1"), p.say.T(heading, args...); got != want {
		p.t.Fatalf("got heading %q, want %q at %s", got, want, p.tab.Path())
	}
}

// says waits until the page says a message.
func (p *person) says(id string, args ...any) {
	p.t.Helper()
	p.tab.WaitText(p.say.T(id, args...))
}

// answer types a code and sends it.
func (p *person) answer(code string) {
	p.t.Helper()
	p.tab.Fill("[name=code]", code)
	p.tab.Press("form.gate .main")
}

// mailed does something that mails a code, and gives the code.
func (p *person) mailed(to string, do func()) string {
	p.t.Helper()
	before := len(p.app.Sink.Mails(to))
	do()
	for n := before + 1; ; n++ {
		if code := p.app.Sink.Wait(p.t, to, n).Code(); code != "" {
			return code
		}
	}
}

// change begins a change in My account, where the page asks who it is.
func (p *person) change(selector string) {
	p.t.Helper()
	code := p.mailed(mara, func() { p.tab.Press(selector) })
	p.at("code.you.h1")
	p.answer(code)
}

// row finds a button of a row in the list of ways.
func (p *person) row(button, way string) string {
	return "text=" + p.say.T(button) + " " + way
}

// signOut ends the session.
func (p *person) signOut() {
	p.t.Helper()
	p.tab.Go("/account")
	p.tab.Press(`form[action="/signout"] button`)
	p.at("in.h1")
}

// signIn types who it is and the password.
func (p *person) signIn(pw string) {
	p.t.Helper()
	p.tab.Go("/signin")
	p.tab.Fill("[name=login]", mara)
	p.tab.Fill("[name=password]", pw)
	p.tab.Press(`form:has([name=password]) .btn`)
}

// recover begins a recovery, and gives the code that is mailed.
func (p *person) recover(login, to string) string {
	p.t.Helper()
	return p.mailed(to, func() {
		p.tab.Go("/recover")
		p.tab.Fill("[name=login]", login)
		p.tab.Press("form.gate .main")
		p.at("code.h1")
	})
}

// others goes to the other ways to verify.
func (p *person) others() {
	p.t.Helper()
	p.tab.Press(`.rows > li > a[href$="/ways"]`)
}

// grow lets a week pass, and with it the youth of every way.
func (p *person) grow() { p.app.Sleep(sparekey.YoungFor + time.Hour) }

// file asks for a file of ours as the browser would.
func (p *person) file(path string) string {
	p.t.Helper()
	r, err := http.NewRequest(http.MethodGet, p.o.Base+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, c := range p.tab.Cookies() {
		r.AddCookie(c)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if got := answer.Header.Get("Content-Disposition"); answer.StatusCode != http.StatusOK || !strings.HasPrefix(got, "attachment") {
		p.t.Errorf("got status %d and disposition %q for %s, want 200 and an attachment", answer.StatusCode, got, path)
	}
	return string(body)
}

// keep reads the saved code that the page shows and says that it is saved.
func (p *person) keep() string {
	p.t.Helper()
	code := p.tab.Text("#saved")
	if !regexp.MustCompile(`^([0-9A-Z]{5}-){4}[0-9A-Z]{5}$`).MatchString(code) {
		p.t.Fatalf("got saved code %q, want five groups of five", code)
	}
	p.tab.Click("[name=kept]")
	p.tab.Press(".fresh .btn")
	return code
}

// addSaved adds a saved code from the list of ways.
func (p *person) addSaved() string {
	p.t.Helper()
	p.tab.Go("/account/ways")
	p.tab.Press("button[value=saved]")
	p.tab.Press("main form .btn")
	return p.keep()
}

// What its owner has is theirs to see and to mend: what a recovery put to sleep is
// woken, what was removed is taken back, a young way wants an older one beside it,
// the check says what is left, and a rehearsal changes nothing.
func TestWays(t *testing.T) {
	each(t, both("ar", "ru"), func(p *person) {
		p.register()
		p.tab.Press(`.kv a[href="/account/check"]`)
		p.sees("check", "acc.check")
		p.says("chk.step")
		code := p.addSaved()
		p.sleeps()
		p.mends()
		p.oneMore(code)
		p.rehearses()
	})
}

// sleeps recovers the account by mail, from the browser that is known to it.
func (p *person) sleeps() {
	p.signOut()
	code := p.recover(mara, mara)
	p.others()
	p.sees("known", "ways.h1")
	p.says("ways.known")
	p.tab.Press(`.rows a`)
	p.answer(code)
	p.newPassword(second)
	p.at("done.h1")
	p.signIn(second)
	p.at("acc.h1")
}

// mends wakes what sleeps, removes it, and takes it back.
func (p *person) mends() {
	tab, saved := p.tab, p.say.T("mine.saved")
	tab.Go("/account/ways")
	p.sees("asleep", "acc.ways")
	p.says("mine.asleep")
	p.change(p.row("mine.wake", saved))
	p.sees("wake", "sure.wake.h1")
	tab.Press("main form .btn")
	p.says("way.kept")
	tab.Press(p.row("mine.drop", saved))
	p.sees("drop", "sure.drop.h1")
	tab.Press("main form .btn")
	p.sees("dropped", "acc.ways")
	p.says("way.gone")
	tab.Press(p.row("mine.back", saved))
	p.sees("take-back", "sure.back.h1")
	tab.Press("main form .btn")
	p.says("way.kept")
}

// oneMore recovers the account by a saved code that is young, and a mailed one.
func (p *person) oneMore(code string) {
	tab := p.tab
	p.signOut()
	mailed := p.recover(mara, mara)
	p.others()
	tab.Press("button[value=saved]")
	p.answer(code)
	p.at("fresh.h1")
	p.keep()
	p.sees("one-more", "ways.h1")
	p.says("ways.more")
	tab.Press(`button[value^="mail"]`)
	p.answer(mailed) // it is in the mailbox already
	p.newPassword(third)
	p.at("done.h1")
	p.signIn(third)
	p.at("acc.h1")
}

// rehearses tries a recovery out when all ways are old enough.
func (p *person) rehearses() {
	p.grow()
	p.tab.Go("/account/check")
	p.sees("check-ready", "acc.check")
	p.says("chk.ready")
	code := p.mailed(mara, func() { p.tab.Press("main form .btn") })
	p.sees("rehearsal", "code.you.h1")
	p.answer(code)
	p.sees("rehearsed", "done.rehearse.h1")
	p.tab.Press("main a.btn")
	p.sees("ready", "acc.h1")
	p.says("acc.check.ready")
}
