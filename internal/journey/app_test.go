package journey

import (
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
)

// An authenticator app is added by the key on the page, which the QR code beside
// it holds too. From then on its codes are the second proof, at a sign-in and,
// after the code from the mail, in a recovery.
func TestAuthenticatorApp(t *testing.T) {
	each(t, both("ar", "en"), func(p *person) {
		tab := p.tab
		p.register()
		tab.Press(`nav a[href="/account/ways"]`)
		tab.Press("button[value=totp]")
		p.sees("enrol", "enrol.h1")
		seed := p.scans()
		p.answer("000000")
		p.sees("enrol-wrong", "enrol.h1")
		p.says("totp.clock")
		p.answer(p.shows(seed))
		p.sees("fresh", "fresh.h1")
		p.says("done.two")
		p.keep()
		p.sees("added", "acc.ways")
		p.says("two.is.on")

		p.grow()
		p.signOut()
		p.signIn(first)
		p.sees("second", "totp.h1")
		p.answer("000000")
		p.sees("second-wrong", "totp.h1")
		p.answer(p.shows(seed))
		p.at("acc.h1")
		p.signOut()
		p.app.Sleep(time.Minute)
		p.appAfterMail(seed)
	})
}

// scans reads the key that the page shows, and its QR code as a phone would, by
// day and by night.
func (p *person) scans() string {
	p.t.Helper()
	seed := strings.ReplaceAll(p.tab.Text("#seed"), " ", "")
	if got := p.tab.Count("[data-copy]:not([hidden])"); (got == 1) != p.o.Script {
		p.t.Errorf("got %d buttons to copy, want one with a script and none without", got)
	}
	for _, dark := range []bool{false, true} {
		p.tab.Dark(dark)
		address := p.readQR("svg.qr")
		key, err := otp.NewKeyFromURL(address)
		if err != nil {
			p.t.Fatalf("got the QR code of %q, want an otpauth address: %v", address, err)
		}
		if key.Secret() != seed || key.Issuer() != "Lantern Market" || key.AccountName() != mara || key.Type() != "totp" ||
			key.Period() != 30 || key.Digits() != otp.DigitsSix || key.Algorithm() != otp.AlgorithmSHA1 {
			p.t.Errorf("got the QR code of %q, want one of the key %s for %s", address, seed, mara)
		}
	}
	p.tab.Dark(false)
	return seed
}

// shows is what the app with a key shows now.
func (p *person) shows(seed string) string {
	p.t.Helper()
	return p.app.AppCode(seed, p.app.Now())
}

// appAfterMail recovers the account, and would begin with the app.
func (p *person) appAfterMail(seed string) {
	code := p.recover(mara, mara)
	p.others()
	p.tab.Press("button[value=totp]")
	p.sees("first-mail", "code.h1")
	p.says("way.first")
	p.answer(code)
	p.sees("one-more", "ways.h1")
	p.tab.Press("button[value=totp]")
	p.sees("then-app", "totp.h1")
	p.answer(p.shows(seed))
	p.newPassword(second)
	p.at("done.h1")
}
