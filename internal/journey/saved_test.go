package journey

import (
	"strings"
	"testing"
)

// A saved code is made in Ways to verify, copied, printed and kept as a file; it
// gets its owner back in once and is replaced, and is the second proof at a
// sign-in.
func TestSavedCode(t *testing.T) {
	each(t, both("en", "ar"), func(p *person) {
		tab := p.tab
		p.register()
		tab.Press(`nav a[href="/account/ways"]`)
		tab.Press("button[value=saved]")
		p.sees("sure", "sure.saved.h1")
		tab.Press("main form .btn")
		p.sees("fresh", "fresh.h1")
		p.takes()
		code := p.keep()
		p.sees("added", "acc.ways")
		p.says("way.add")

		p.grow()
		replaced := p.lost(code)
		p.signIn(second)
		tab.Go("/account/ways")
		p.change(`form:has([value=two-on]) .btn`)
		p.sees("two", "sure.two.on.h1")
		tab.Press("main form .btn")
		p.says("two.is.on")
		p.signOut()
		p.signIn(second)
		p.secondBySaved(replaced)
	})
}

// takes copies the saved code, prints it and asks for its file.
func (p *person) takes() {
	tab, code := p.tab, p.tab.Text("#saved")
	if text := p.file(tab.Attribute(".tools a", "href")); !strings.Contains(text, "\r\n"+code+"\r\n") {
		p.t.Errorf("got file %q, want the code %s in a line of it", text, code)
	}
	if !p.o.Script {
		if tab.Count(".tools > :not([hidden])") != 1 {
			p.t.Error("got buttons that do nothing without a script, want the file alone")
		}
		return
	}
	tab.Click("[data-copy]")
	p.says("do.copied")
	if got := tab.Clipboard(); got != code {
		p.t.Errorf("got %q copied, want %q", got, code)
	}
	tab.Eval("addEventListener('beforeprint', () => { document.body.dataset.printed = 'yes' })", nil)
	tab.Click("[data-print]")
	tab.Wait("document.body.dataset.printed === 'yes'")
}

// lost gets back in with a saved code, in a browser that nobody knows, and gives
// the code that replaces it.
func (p *person) lost(code string) string {
	tab := p.tab
	p.signOut()
	tab.ClearCookies()
	p.recover(mara, mara)
	p.others()
	p.sees("unknown", "ways.h1")
	p.says("ways.lead")
	tab.Press("button[value=saved]")
	p.sees("saved", "saved.h1")
	p.answer(code[:11])
	p.sees("saved-shape", "saved.h1")
	p.answer("7KQTM-4R7WX-01234-56789-ABCDE")
	p.sees("saved-wrong", "saved.h1")
	p.answer(" " + strings.ToLower(strings.ReplaceAll(code, "-", " ")))
	p.sees("replaced", "fresh.h1")
	fresh := p.keep()
	if fresh == code {
		p.t.Errorf("got saved code %s again, want another", code)
	}
	p.newPassword(second)
	p.sees("done", "done.h1")
	return fresh
}

// secondBySaved goes on with a saved code where a sign-in asks for one more.
func (p *person) secondBySaved(code string) {
	if p.tab.Text("h1") != p.say.T("in.second.h1") {
		p.others()
	}
	p.sees("second", "in.second.h1")
	p.tab.Press("button[value=saved]")
	p.at("saved.h1")
	p.answer(code)
	p.sees("second-fresh", "fresh.h1")
	p.keep()
	p.at("acc.h1")
}
