package web_test

import (
	"strings"
	"testing"

	"sparekey/internal/config"
	"sparekey/internal/sparekeytest"
)

// Password managers find the page where the password is changed, are not told
// that every path exists, and know the rules and the login of a new password.
func TestPasswordManagers(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		c := app.Client()
		c.Get("/.well-known/change-password").See(302)
		if c.At() != "/account/password" {
			t.Errorf("got the way to %q, want the page that changes the password", c.At())
		}
		// The path that tells whether a site answers 404 to what is not there.
		c.Get("/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200").See(404)
		if body := c.Get("/register").See(200).Body; !strings.Contains(body, `passwordrules="minlength: 8; maxlength: 256;"`) {
			t.Error("got no rules for generated passwords on the register page, want some")
		}
		app.Register(mara, first)
		c, _ = recovering(app, mara)
		answered(c, c.At(), app.Code(mara)).See(303)
		body := c.Get(c.At()).See(200).Body
		for _, want := range []string{`autocomplete="username" value="` + mara + `"`, `autocomplete="new-password"`, "passwordrules="} {
			if !strings.Contains(body, want) {
				t.Errorf("got no %s on the page of the new password, want it", want)
			}
		}
	})
}

// Whom to tell of a hole is told where RFC 9116 says, if the owner set it.
func TestSecurityTxt(t *testing.T) {
	sparekeytest.New(t, sparekeytest.Options{Settings: func(s *config.Settings) { s.SecurityContact = "" }}).
		Client().Get("/.well-known/security.txt").See(404)
	page := sparekeytest.New(t, sparekeytest.Options{}).Client().Get("/.well-known/security.txt").See(200)
	want := "Contact: mailto:security@lantern.test\nExpires: 2026-06-02T00:00:00Z\n" +
		"Canonical: https://id.lantern.test/.well-known/security.txt\n"
	if page.Body != want || !strings.HasPrefix(page.Header.Get("Content-Type"), "text/plain; charset=utf-8") {
		t.Errorf("got %q as %s, want %q as plain text", page.Body, page.Header.Get("Content-Type"), want)
	}
}
