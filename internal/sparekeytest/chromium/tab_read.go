package chromium

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"strings"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Text is what an element says, as it is shown, without the blanks around it.
func (t *Tab) Text(selector string) string {
	t.t.Helper()
	return strings.TrimSpace(t.read(selector, "e.innerText"))
}

// HTML is the whole page as the browser understood it.
func (t *Tab) HTML() string {
	t.t.Helper()
	return t.read("html", "e.outerHTML")
}

// Value is what a field holds.
func (t *Tab) Value(selector string) string {
	t.t.Helper()
	return t.read(selector, "e.value")
}

// Attribute is an attribute of an element, or empty if it has none.
func (t *Tab) Attribute(selector, name string) string {
	t.t.Helper()
	return t.read(selector, "e.getAttribute("+quote(name)+")")
}

// Picture is what a person sees of an element, at four pixels a point.
func (t *Tab) Picture(selector string) image.Image {
	t.t.Helper()
	box := t.read(selector, "(r => [r.x + scrollX, r.y + scrollY, r.width, r.height].join(' '))(e.getBoundingClientRect())")
	clip := page.Viewport{Scale: 4}
	if _, err := fmt.Sscan(box, &clip.X, &clip.Y, &clip.Width, &clip.Height); err != nil {
		t.t.Fatalf("picture of %s: %v", selector, err)
	}
	ctx, cancel := t.within(patience)
	defer cancel()
	shot, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Format: page.CaptureScreenshotFormatPng, CaptureBeyondViewport: new(true), Clip: &clip,
	})
	if err != nil {
		t.t.Fatalf("picture of %s: %v", selector, err)
	}
	picture, err := png.Decode(bytes.NewReader(shot.Data))
	if err != nil {
		t.t.Fatalf("picture of %s: %v", selector, err)
	}
	return picture
}

// Clipboard is what was copied last, in whichever tab of this browser.
func (t *Tab) Clipboard() string {
	t.t.Helper()
	ctx, cancel := t.within(patience)
	defer cancel()
	_, err := chromedp.CallBrowser(ctx, browser.SetPermission, browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: "clipboard-read"}, Setting: browser.PermissionSettingGranted,
		Origin: t.o.Base, BrowserContextID: chromedp.FromContext(t.ctx).BrowserContextID,
	})
	if err != nil {
		t.t.Fatalf("read the clipboard: %v", err)
	}
	var text string
	t.Eval("navigator.clipboard.readText()", &text)
	return text
}

// Title is the title of the page.
func (t *Tab) Title() string {
	t.t.Helper()
	var title string
	t.Eval("document.title", &title)
	return title
}

// URL is where the tab is.
func (t *Tab) URL() string {
	t.t.Helper()
	var at string
	t.Eval("location.href", &at)
	return at
}

// Path is the path and the query of URL.
func (t *Tab) Path() string {
	t.t.Helper()
	var at string
	t.Eval("location.pathname + location.search", &at)
	return at
}

// Count is the number of elements that a selector of CSS finds, seen or not.
// It waits for none.
func (t *Tab) Count(selector string) int {
	t.t.Helper()
	var n int
	t.Eval("document.querySelectorAll("+quote(selector)+").length", &n)
	return n
}

// Status is the HTTP status of the page.
func (t *Tab) Status() int {
	t.t.Helper()
	for _, r := range t.Requests() {
		if r.Type == "Document" {
			return r.Status
		}
	}
	t.t.Fatalf("the page came without a request\n%s", t.shows())
	return 0
}

// Eval gives the value of a JavaScript expression, in the tests' own world of
// the page: what the page's scripts have made of window is not seen, its
// elements are. into may be nil.
func (t *Tab) Eval(expression string, into any) {
	t.t.Helper()
	ctx, cancel := t.within(patience)
	defer cancel()
	if err := t.evaluate(ctx, expression, into); err != nil {
		t.t.Fatalf("evaluate %s: %v", expression, err)
	}
}

// WaitText waits until the page shows text.
func (t *Tab) WaitText(text string) {
	t.t.Helper()
	expression := "(document.body?.innerText ?? '').includes(" + quote(text) + ")"
	err := t.poll(func(ctx context.Context) (ok bool, err error) {
		err = t.evaluate(ctx, expression, &ok)
		return ok, err
	})
	if err != nil {
		t.t.Fatalf("wait for %q: %v\n%s", text, err, t.shows())
	}
}

// Wait waits until a JavaScript expression, in the tests' own world, is true.
func (t *Tab) Wait(expression string) {
	t.t.Helper()
	err := t.poll(func(ctx context.Context) (ok bool, err error) {
		err = t.evaluate(ctx, "Boolean("+expression+")", &ok)
		return ok, err
	})
	if err != nil {
		t.t.Fatalf("wait for %s: %v\n%s", expression, err, t.shows())
	}
}

// read waits until the selector finds one element e and gives a string of it.
func (t *Tab) read(selector, expression string) string {
	t.t.Helper()
	return t.find(selector, "(e) => "+expression).Value
}

// shows is what the tab shows, for the message of a failure.
func (t *Tab) shows() string {
	ctx, cancel := t.within(2 * time.Second)
	defer cancel()
	var got struct{ URL, Title, Text string }
	err := t.evaluate(ctx, `({ url: location.href, title: document.title, text: document.body?.innerText ?? '' })`, &got)
	if err != nil {
		return fmt.Sprintf("the page cannot be read: %v", err)
	}
	return fmt.Sprintf("the page %s (%s) shows:\n%s", got.URL, got.Title, got.Text)
}

// Cookies are the cookies that the tab's profile keeps for Base.
func (t *Tab) Cookies() []*http.Cookie {
	t.t.Helper()
	ctx, cancel := t.within(patience)
	defer cancel()
	got, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{t.o.Base + "/"}})
	if err != nil {
		t.t.Fatalf("read cookies: %v", err)
	}
	var cookies []*http.Cookie
	for _, c := range got.Cookies {
		cookie := &http.Cookie{
			Name: c.Name, Value: c.Value, Path: c.Path, Domain: c.Domain,
			Secure: c.Secure, HttpOnly: c.HTTPOnly, SameSite: sameSite(c.SameSite),
		}
		if !c.Session {
			cookie.Expires = time.Unix(int64(c.Expires), 0).UTC()
		}
		cookies = append(cookies, cookie)
	}
	return cookies
}

// Cookie is the value of a cookie, or empty if there is none of this name.
func (t *Tab) Cookie(name string) string {
	t.t.Helper()
	for _, c := range t.Cookies() {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// SetCookie puts a cookie into the tab's profile, for Base.
func (t *Tab) SetCookie(c *http.Cookie) {
	t.t.Helper()
	ctx, cancel := t.within(patience)
	defer cancel()
	params := network.SetCookieParams{
		Name: c.Name, Value: c.Value, URL: t.o.Base + "/", Path: c.Path,
		Secure: new(c.Secure), HTTPOnly: new(c.HttpOnly),
	}
	switch c.SameSite {
	case http.SameSiteLaxMode:
		params.SameSite = network.CookieSameSiteLax
	case http.SameSiteStrictMode:
		params.SameSite = network.CookieSameSiteStrict
	case http.SameSiteNoneMode:
		params.SameSite = network.CookieSameSiteNone
	}
	if !c.Expires.IsZero() {
		params.Expires = cdp.TimeSinceEpoch(c.Expires.Unix())
	}
	if err := call(ctx, network.SetCookie, params); err != nil {
		t.t.Fatalf("set cookie %s: %v", c.Name, err)
	}
}

// ClearCookies empties the profile of its cookies.
func (t *Tab) ClearCookies() {
	t.t.Helper()
	ctx, cancel := t.within(patience)
	defer cancel()
	if _, err := chromedp.Call(ctx, network.ClearBrowserCookies, cdp.Empty{}); err != nil {
		t.t.Fatalf("clear cookies: %v", err)
	}
}

func sameSite(s network.CookieSameSite) http.SameSite {
	switch s {
	case network.CookieSameSiteLax:
		return http.SameSiteLaxMode
	case network.CookieSameSiteStrict:
		return http.SameSiteStrictMode
	case network.CookieSameSiteNone:
		return http.SameSiteNoneMode
	}
	return http.SameSiteDefaultMode
}
