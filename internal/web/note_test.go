package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// An accepted form leads on, and the page that comes then says once what it did:
// reload and Back are safe, and of two clicks the second is answered as the
// first.
func TestAcceptedFormsLeadOn(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		c := app.Register(mara, first)
		other := app.Client()
		other.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		for _, step := range []struct{ page, action, says string }{
			{"/account/devices", "/devices", "Signed out."},
			{"/account/profile", "/profile", "Saved."},
			{"/account", "/signout", "You’re signed out."},
		} {
			to, form := c.Get(step.page).See(200).Fields(step.action)
			for click := range 2 {
				c.Do("POST", to, strings.NewReader(form.Encode())).See(303)
				if step.action == "/signout" && click == 0 {
					c.Get("/signin").Says(step.says)
				}
			}
			c.Get(c.At()).See(200).Says(step.says)
			if c.Get(c.At()).See(200).Holds(step.says) {
				t.Errorf("%s: got %q on a reload too, want it once", step.page, step.says)
			}
		}
		for _, forged := range []string{"in.out.-1", "in.out.x", "code.used.0", "in.out", "<script>.0", strings.Repeat("a", 5000)} {
			c.Cookies["__Host-note"] = forged
			if p := c.Get("/signin").See(200); p.Holds("You’re signed out.") || strings.Contains(p.Body, `role="alert"`) {
				t.Errorf("cookie %.20q: got a note, want none", forged)
			}
		}
	})
}

// Who has to wait finds the form as it was, with what they typed and the time,
// and "Try again" leads to the page where they were, not to the front door.
func TestWaitingLosesNothing(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		c := app.Client()
		for _, path := range []string{"/signin", "/recover", "/register"} {
			var p *sparekeytest.Page
			for range 200 {
				if p = c.Post(path, "login", mara, "password", first); p.Status == 429 {
					break
				}
			}
			p.See(429).Says("Let’s slow down.")
			if _, form := p.Fields(path); form.Get("login") != mara {
				t.Errorf("%s: got the form with %q, want it with %s", path, form.Get("login"), mara)
			}
			if p.Header.Get("Retry-After") == "" || strings.Contains(p.Body, first) {
				t.Errorf("%s: got Retry-After %q, want one, and no password in the page", path, p.Header.Get("Retry-After"))
			}
		}
		app.Sleep(time.Hour)
		c.Get("/recover").Submit("/recover", "login", mara).See(303)
		at := c.At()
		c.Header = map[string][]string{"Sec-Fetch-Site": {"cross-site"}}
		for _, action := range []string{"/answer", "/again", "/act"} {
			p := c.Post(at + action).See(403)
			if !strings.Contains(p.Body, `href="`+at+`"`) {
				t.Errorf("%s: got no way back to %s", action, at)
			}
		}
	})
}

// A flow that ends badly still knows where the person came from, and its page
// can be read in another language (PAGES 10.9, 10.12).
func TestEndedFlowsKnowTheWay(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		const to = "/account/devices?from=shop"
		for name, end := range map[string]func(c *sparekeytest.Client, at string) *sparekeytest.Page{
			"tries": func(c *sparekeytest.Client, at string) (p *sparekeytest.Page) {
				for n := range sparekey.MaxTries {
					p = c.Get(at).Submit("/answer", "code", fmt.Sprintf("%08d", n))
				}
				return p.See(410)
			},
			"time": func(c *sparekeytest.Client, at string) *sparekeytest.Page {
				app.Sleep(sparekey.FlowLife)
				return c.Get(at).See(410)
			},
		} {
			c := app.Client()
			c.Get("/recover?return_to="+url.QueryEscape(to)).Submit("/recover", "login", mara).See(303)
			at := c.At()
			p := end(c, at)
			if !strings.Contains(p.Body, "return_to="+url.QueryEscape(to)) {
				t.Errorf("%s: got a page that leads elsewhere, want %s kept", name, to)
			}
			if link := "/language?to=" + url.QueryEscape(at) + `"`; !strings.Contains(p.Body, link) {
				t.Errorf("%s: got no link %s, want one", name, link)
			}
		}
	})
}

// Whoever is signed in is told so before they make another account.
func TestRegisterWhileSignedIn(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		c := app.Register(mara, first)
		c.Get("/register").See(200).Says("You’re already signed in as " + mara).Submit("/signout").See(303)
		c.Get("/register").See(200).Submit("/register", "login", "paul@example.com", "password", first).See(303)
	})
}

// A session on a shared computer stays one when its password is changed: gone
// with the browser, which is not known afterwards.
func TestSharedStaysShared(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		app.Sleep(time.Hour)
		c := app.Client()
		c.Get("/signin").Submit("/signin", "login", mara, "password", first, "shared", "1").See(303)
		c.Get("/account/password").Submit("/account/password").See(303)
		at := c.At()
		c.Get(at).Submit("/answer", "code", app.Code(mara)).See(303)
		twin := c.Clone()
		to, form := c.Get(at).Fields("/act")
		form.Set("password", second)
		form.Set("password_again", second)
		for who, browser := range map[string]*sparekeytest.Client{"the first click": c, "the second": twin} {
			p := browser.Do("POST", to, strings.NewReader(form.Encode())).See(303)
			for _, line := range p.Header.Values("Set-Cookie") {
				lives := strings.Contains(line, "Max-Age=") && !strings.Contains(line, "Max-Age=0")
				if strings.HasPrefix(line, "__Host-session=") && lives || strings.HasPrefix(line, "__Host-known=") && lives {
					t.Errorf("%s: got the cookie %s, want none that outlives the browser", who, line)
				}
			}
		}
		if n := app.Rows().Text(`SELECT CAST(COUNT(*) AS TEXT) FROM browsers`); n != "0" {
			t.Errorf("got %s known browsers, want none", n)
		}
	})
}

// What strangers try in vain never pushes out of the activity what happened.
func TestFailuresPushNothingOut(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		c := app.Register(mara, first)
		for n := range 220 {
			stranger := app.Client()
			stranger.Addr = fmt.Sprintf("203.0.%d.%d:1", 100+n/200, n%200)
			stranger.Post("/signin", "login", mara, "password", "not it").See(422)
			app.Sleep(time.Minute)
		}
		c.Get("/account/activity").See(200).Says("The account was created.")
	})
}
