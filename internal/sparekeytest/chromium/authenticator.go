package chromium

import (
	"context"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// An Authenticator is a device in the computer that keeps passkeys, for the
// pages of one tab. Browsers have passkeys at https:// and http://localhost
// alone, not at http://127.0.0.1.
type Authenticator struct {
	t  *Tab
	id webauthn.AuthenticatorID
}

// A Passkey is one that an Authenticator keeps.
type Passkey struct {
	ID     []byte
	Handle []byte // of the account
	Host   string // it is for
	Name   string // of the account, by which a person knows it
	Count  int    // of its uses
}

// Authenticator builds a device into the tab's computer. When touched is set, a
// person is there who shows a finger whenever a page asks for a passkey, and
// accepts each one that the browser offers in a field; else nobody is.
func (t *Tab) Authenticator(touched bool) *Authenticator {
	t.t.Helper()
	ctx, cancel := t.within(patience)
	defer cancel()
	if err := call(ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		t.t.Fatalf("add an authenticator: %v", err)
	}
	added, err := chromedp.Call(ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true,
			AutomaticPresenceSimulation: touched,
		},
	})
	if err != nil {
		t.t.Fatalf("add an authenticator: %v", err)
	}
	if _, err = chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watch}); err != nil {
		t.t.Fatalf("watch an authenticator: %v", err)
	}
	return &Authenticator{t, added.AuthenticatorID}
}

// watch writes on the pages that come what the browser was asked for last, and holds
// the questions of buttons back while the page is marked so.
const watch = `{
	const keys = navigator.credentials, get = keys?.get.bind(keys)
	const page = () => document.documentElement.dataset
	if (get) keys.get = async (o) => {
		page().asked = o.mediation ?? 'modal'
		while (!o.mediation && 'held' in page()) await new Promise(f => setTimeout(f, 10))
		return get(o)
	}
}`

// Answer clicks a button that asks for a passkey, and somebody is there for this
// question and from then on. Nobody may have been there for the offer before it.
func (a *Authenticator) Answer(selector string) {
	a.t.t.Helper()
	const marks = "document.documentElement.dataset"
	a.t.Eval(marks+".held = ''", nil)
	a.t.Click(selector)
	a.t.Wait(marks + ".asked === 'modal'") // by now the offer has been taken back
	a.Touch(true)
	a.t.Eval("delete "+marks+".held", nil)
}

// Touch says whether somebody is there from the next question on.
func (a *Authenticator) Touch(touched bool) {
	a.t.t.Helper()
	a.do("touch an authenticator", func(ctx context.Context) error {
		return call(ctx, webauthn.SetAutomaticPresenceSimulation,
			webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: a.id, Enabled: touched})
	})
}

// Know says whether the device knows the finger from then on.
func (a *Authenticator) Know(known bool) {
	a.t.t.Helper()
	a.do("show an authenticator a finger", func(ctx context.Context) error {
		return call(ctx, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: a.id, IsUserVerified: known})
	})
}

// Passkeys are those that the device keeps.
func (a *Authenticator) Passkeys() []Passkey {
	a.t.t.Helper()
	var list []Passkey
	a.do("list passkeys", func(ctx context.Context) error {
		got, err := chromedp.Call(ctx, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: a.id})
		for _, c := range got.Credentials {
			list = append(list, Passkey{
				ID: c.CredentialID, Handle: c.UserHandle, Host: c.RpID, Name: c.UserName, Count: int(c.SignCount),
			})
		}
		return err
	})
	return list
}

// Forget removes a passkey from the device.
func (a *Authenticator) Forget(id []byte) {
	a.t.t.Helper()
	a.do("forget a passkey", func(ctx context.Context) error {
		return call(ctx, webauthn.RemoveCredential, webauthn.RemoveCredentialParams{AuthenticatorID: a.id, CredentialID: id})
	})
}

func (a *Authenticator) do(what string, do func(context.Context) error) {
	a.t.t.Helper()
	ctx, cancel := a.t.within(patience)
	defer cancel()
	if err := do(ctx); err != nil {
		a.t.t.Fatalf("%s: %v", what, err)
	}
}
