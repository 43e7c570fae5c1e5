package journey

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"sparekey"
)

// link gives the newest link of a kind in the mails to mara.
func (p *person) link(kind string) string {
	p.t.Helper()
	for range 200 {
		mails := p.app.Sink.Mails(mara)
		for i := len(mails) - 1; i >= 0; i-- {
			if found := regexp.MustCompile(`/` + kind + `/\S+`).FindString(mails[i].Text); found != "" {
				return found
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	p.t.Fatalf("got no mail with a link to /%s, want one", kind)
	return ""
}

// newest gives the newest code that came after the nth mail to mara.
func (p *person) newest(n int) string {
	p.t.Helper()
	for ; ; n++ {
		if code := p.app.Sink.Wait(p.t, mara, n+1).Code(); code != "" {
			return code
		}
	}
}

// My account from the first page to the last: profile, login name, ways,
// activity, the file with all data, and leaving, which a code undoes; in four
// languages.
func TestHouse(t *testing.T) {
	each(t, tongues(), func(p *person) {
		tab := p.tab
		tab.Go("/register")
		tab.Fill("[name=login]", mara)
		tab.Fill("[name=password]", first)
		tab.Press(".main")
		tab.Fill("[name=code]", p.code(1))
		tab.Press(".main")

		tab.Press(`nav a[href="/account/profile"]`)
		p.sees("profile", "acc.profile")
		tab.Fill("[name=name]", "Mara")
		tab.Press(`form:has([name=name]) .btn`)
		p.sees("profile-saved", "acc.profile")
		tab.Fill("[name=login]", "9lives")
		tab.Press(`form:has([name=login]) .btn`)
		p.sees("login-shape", "acc.profile")
		tab.Fill("[name=login]", "heron")
		tab.Press(`form:has([name=login]) .btn`)
		p.sees("login-sure", "sure.login.h1")
		tab.Press("main form .btn")
		p.sees("login-done", "done.login.h1")
		tab.Press("main a.btn")
		tab.WaitText("heron")

		tab.Press(`nav a[href="/account/ways"]`)
		p.sees("ways", "acc.ways")
		tab.Press(`nav a[href="/account/activity"]`)
		p.sees("activity", "acc.activity")
		tab.Press(`nav a[href="/account/data"]`)
		p.sees("data", "acc.data")

		p.app.Sleep(sparekey.ProofLife)
		before := len(p.app.Sink.Mails(mara))
		tab.Press(`form:has([value=export]) .btn`)
		p.sees("is-it-you", "code.you.h1")
		tab.Fill("[name=code]", p.newest(before))
		tab.Press("form.gate .main")
		p.sees("export-sure", "sure.data.h1")
		tab.Press("main form .btn")
		p.sees("export-done", "done.data.h1")
		if href := tab.Attribute("main a[download]", "href"); !strings.HasSuffix(href, "/data") {
			p.t.Errorf("got the file at %q, want its link", href)
		}

		tab.Go("/account/data")
		tab.Press(`form:has([value=delete]) .btn`)
		at := p.app.Now().Add(sparekey.EraseAfter)
		day := p.say.DayMonth(at, time.UTC)
		p.sees("delete-sure", "sure.delete.h1")
		tab.Press("main form .btn")
		p.sees("delete-done", "done.delete.h1", "Day", day)
		tab.Press("main a.btn")
		tab.Fill("[name=login]", "heron")
		tab.Fill("[name=password]", first)
		tab.Press(`form:has([name=password]) .btn`)
		if got, want := tab.Text("h1"), p.say.Head("in.leaving"); got != want {
			p.t.Fatalf("got heading %q for who left, want %q", got, want)
		}
		tab.Screenshot(p.name + "/leaving")
		before = len(p.app.Sink.Mails(mara))
		tab.Press("main form .btn")
		p.sees("kept-code", "code.h1")
		tab.Fill("[name=code]", p.newest(before))
		tab.Press("form.gate .main")
		p.newPassword(second)
		p.sees("kept", "done.h1")

		tab.Go(p.link("secure"))
		p.sees("secure", "secure.h1")
		before = len(p.app.Sink.Mails(mara))
		tab.Press("main form .btn")
		p.sees("secure-code", "code.h1")
		tab.Fill("[name=code]", p.newest(before))
		tab.Press("form.gate .main")
		p.newPassword(third)
		p.sees("secured", "done.h1")
	})
}
