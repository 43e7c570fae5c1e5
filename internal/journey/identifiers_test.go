package journey

import (
	"context"
	"regexp"
	"testing"
	"time"
)

const (
	other  = "mara@example.org"
	number = "+351912345204"
)

// A second address and a phone are added, each proved by a code to it. The
// address gets its owner back in when it is typed; a text message is the second
// proof, beside the password or the code from the mail.
func TestAddressAndPhone(t *testing.T) {
	each(t, both("es", "ar"), func(p *person) {
		p.register()
		p.addAddress()
		p.addPhone()
		p.grow()
		p.signOut()
		p.tab.ClearCookies()
		p.answer(p.recover(other, other))
		p.newPassword(second)
		p.at("done.h1")
		p.signIn(second)
		p.tab.Go("/account/ways")
		p.change(`form:has([value=two-on]) .btn`)
		p.tab.Press("main form .btn")
		p.sees("two", "fresh.h1")
		p.keep()
		p.says("two.is.on")
		p.secondByText()
	})
}

func (p *person) addAddress() {
	tab, add := p.tab, `form:has([name=email]) .btn`
	tab.Press(`nav a[href="/account/ways"]`)
	tab.Fill("[name=email]", mara)
	tab.Press(add)
	p.sees("have", "acc.ways")
	p.says("way.have")
	tab.Fill("[name=email]", other)
	code := p.mailed(other, func() { tab.Press(add) })
	p.sees("confirm-address", "code.new.h1")
	p.answer(code)
	p.says("way.add")
}

func (p *person) addPhone() {
	tab, add := p.tab, `form:has([name=phone]) .btn`
	tab.Fill("[name=phone]", "912 345 204")
	tab.Press(add)
	p.sees("no-country", "acc.ways")
	p.says("phone.country")
	tab.Fill("[name=phone]", "+351 912 345 204")
	code := p.texted(func() { tab.Press(add) })
	p.sees("confirm-phone", "code.new.h1")
	p.answer(code)
	p.sees("added", "acc.ways")
	p.says("way.add")
}

// secondByText signs in and recovers the account with a text message as the
// second proof.
func (p *person) secondByText() {
	tab, text := p.tab, `button[value^="text"]`
	p.signOut()
	p.signIn(second)
	p.sees("second", "in.second.h1")
	code := p.texted(func() { tab.Press(text) })
	p.sees("text", "code.h1")
	p.says("code.lead.text.own")
	p.answer(code)
	p.at("acc.h1")

	p.signOut()
	p.answer(p.recover(mara, mara))
	p.at("ways.h1")
	code = p.texted(func() { tab.Press(text) })
	p.sees("text-recover", "code.h1")
	if tab.Count(".note") > 0 {
		p.t.Errorf("got note %q for a code that was never sent before, want none", tab.Text(".note"))
	}
	p.answer(code)
	p.newPassword(third)
	p.at("done.h1")
}

// texted does something that texts a code to the phone, and gives the code.
func (p *person) texted(do func()) string {
	p.t.Helper()
	before := len(p.phone.Texts(number))
	do()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	text, err := p.phone.WaitText(ctx, number, before+1)
	if err != nil {
		p.t.Fatal(err)
	}
	return regexp.MustCompile(`^\d{8,20}`).FindString(text.Body)
}
