package chromium

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A Tab is a page in front of a person: tests press, type and read. What does
// not happen within thirty seconds fails the test, which says what the page
// shows instead. A tab belongs to the goroutine of its test.
//
// A selector is one of CSS, or "text=" and what a link, a button or a label
// says. It must find exactly one element that can be seen.
//
// Nothing here needs the scripts of the page, or hinders them: what has to run
// in the page runs in a world of its own, which shares nothing with the page
// but its elements, and to which the page's Content-Security-Policy does not
// apply.
type Tab struct {
	t    testing.TB
	b    *Browser
	o    TabOptions
	ctx  context.Context
	main cdp.FrameID // the page itself, without its frames

	mu       sync.Mutex
	changed  chan struct{} // closed, and made anew, by every event
	pages    int           // navigations that got an answer
	loading  bool
	loader   cdp.LoaderID // of the current page
	requests map[requestKey]*Request
	order    []requestKey
	errors   []string
	worker   string // the registration of the pages' service worker
}

// NewTab opens one more tab in the same profile: the cookies are shared.
func (t *Tab) NewTab() *Tab {
	t.t.Helper()
	return t.b.open(t.t, t.ctx, t.o)
}

// Go opens a path, or an absolute URL, and waits for the page.
func (t *Tab) Go(path string) {
	t.t.Helper()
	t.t.Logf("go to %s", path)
	t.expectPage("open "+path, func(ctx context.Context) error {
		answer, err := chromedp.Call(ctx, page.Navigate, page.NavigateParams{URL: t.absolute(path)})
		if err == nil && answer.ErrorText != "" {
			return errors.New(answer.ErrorText)
		}
		return err
	})
}

// absolute is the URL of a path here.
func (t *Tab) absolute(path string) string {
	if strings.HasPrefix(path, "/") {
		return strings.TrimSuffix(t.o.Base, "/") + path
	}
	return path
}

// Back goes back one page.
func (t *Tab) Back() {
	t.t.Helper()
	t.expectPage("go back", func(ctx context.Context) error {
		history, err := chromedp.Call(ctx, page.GetNavigationHistory, cdp.Empty{})
		if err != nil {
			return err
		}
		if history.CurrentIndex < 1 {
			return errors.New("this is the first page")
		}
		before := history.Entries[history.CurrentIndex-1].ID
		return call(ctx, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: before})
	})
}

// Reload loads the page again. What a form posted to get it is posted again.
func (t *Tab) Reload() {
	t.t.Helper()
	t.expectPage("reload", func(ctx context.Context) error {
		return call(ctx, page.Reload, page.ReloadParams{})
	})
}

// Fill types text into a field, in the place of what it holds.
func (t *Tab) Fill(selector, text string) {
	t.t.Helper()
	t.find(selector, "'focus'")
	ctx, cancel := t.within(patience)
	defer cancel()
	var err error
	if text == "" {
		_, err = chromedp.Run(ctx, chromedp.KeyEvent(kb.Delete))
	} else {
		err = call(ctx, input.InsertText, input.InsertTextParams{Text: text})
	}
	if err != nil {
		t.t.Fatalf("fill %s: %v\n%s", selector, err, t.shows())
	}
}

// Press clicks an element and waits for the page that this leads to.
func (t *Tab) Press(selector string) {
	t.t.Helper()
	t.t.Logf("press %s", selector)
	at := t.find(selector, "'point'")
	t.expectPage("press "+selector, func(ctx context.Context) error { return at.click(ctx, 1) })
}

// DoubleClick clicks an element twice and waits for the page that comes of it.
// The second click falls as soon as the first one's request has left: until
// then Chromium would make one of both. The server gets both requests unless
// it answers the first within a moment; the second click is then on the next
// page.
func (t *Tab) DoubleClick(selector string) {
	t.t.Helper()
	t.t.Logf("press %s twice", selector)
	at := t.find(selector, "'point'")
	t.expectPage("press "+selector+" twice", func(ctx context.Context) error {
		t.mu.Lock()
		before := len(t.order)
		t.mu.Unlock()
		if err := at.click(ctx, 1); err != nil {
			return err
		}
		if !t.await(ctx, func() bool { return len(t.order) > before }) {
			return errors.New("no request left")
		}
		return at.click(ctx, 2)
	})
}

// Click clicks an element that leads to no other page: a box to tick, a
// button of a script.
func (t *Tab) Click(selector string) {
	t.t.Helper()
	at := t.find(selector, "'point'")
	ctx, cancel := t.within(patience)
	defer cancel()
	if err := at.click(ctx, 1); err != nil {
		t.t.Fatalf("click %s: %v\n%s", selector, err, t.shows())
	}
}

// Enter presses the Enter key in a field, or on a link or button, and waits for
// the page that this leads to.
func (t *Tab) Enter(selector string) {
	t.t.Helper()
	t.t.Logf("press Enter in %s", selector)
	t.find(selector, "'focus'")
	t.expectPage("press Enter in "+selector, func(ctx context.Context) error {
		_, err := chromedp.Run(ctx, chromedp.KeyEvent(kb.Enter))
		return err
	})
}

// Keys presses keys where the focus is: "\t" is the Tab key. It waits for
// nothing.
func (t *Tab) Keys(keys string) {
	t.t.Helper()
	ctx, cancel := t.within(patience)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.KeyEvent(keys)); err != nil {
		t.t.Fatalf("press keys %q: %v", keys, err)
	}
}

// A point is a place on the page, in CSS pixels.
type point struct{ X, Y float64 }

// click presses and lets go of the mouse's button; count is 2 for the second
// of two fast ones.
func (p point) click(ctx context.Context, count int64) error {
	event := input.DispatchMouseEventParams{
		Type: input.DispatchMouseEventTypeMousePressed, X: p.X, Y: p.Y,
		Button: input.MouseButtonLeft, ClickCount: count,
	}
	if _, err := chromedp.Call(ctx, input.DispatchMouseEvent, event); err != nil {
		return err
	}
	event.Type = input.DispatchMouseEventTypeMouseReleased
	_, err := chromedp.Call(ctx, input.DispatchMouseEvent, event)
	return err
}

// finder finds the one element that can be seen and makes it ready: "point"
// brings it into view and tells where to click, "focus" puts the focus in and
// marks its content, and a function reads it. A person cannot press what is
// disabled or covered, so neither can a test; what cannot be seen can be read
// where it is the only one.
const finder = `(selector, want) => {
	const named = selector.startsWith('text=') && selector.slice(5)
	const says = (e) => (e.innerText || e.value || '').replace(/\s+/g, ' ').trim()
	const all = named
		? [...document.querySelectorAll('a, button, label, summary, input[type=submit]')].filter((e) => says(e) === named)
		: [...document.querySelectorAll(selector)]
	const read = typeof want === 'function'
	const visible = all.filter((e) => e.checkVisibility({ visibilityProperty: true }))
	const seen = read && !visible.length ? all : visible
	if (seen.length !== 1) return { problem: 'it finds ' + seen.length + ' elements to be seen, ' + all.length + ' in all' }
	const e = seen[0]
	if (read) return { value: String(want(e) ?? '') }
	if (e.disabled) return { problem: 'it is disabled' }
	if (want === 'focus') {
		e.focus()
		if (document.activeElement !== e) return { problem: 'it takes no focus' }
		if (e.select) e.select()
		return {}
	}
	e.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' })
	const box = e.getClientRects()[0]
	if (!box || !box.width || !box.height) return { problem: 'it has no size' }
	const x = box.x + box.width / 2, y = box.y + box.height / 2
	const top = document.elementFromPoint(x, y)
	if (!top || !(e.contains(top) || top.contains(e) && top.tagName === 'LABEL'))
		return { problem: 'it is covered by ' + (top ? top.outerHTML.slice(0, 200) : 'the edge') }
	return { x, y }
}`

// A found is what finder gives.
type found struct {
	point
	Value   string
	Problem string
}

// find waits until the selector finds an element that can be used. want is
// one of finder's, in JavaScript.
func (t *Tab) find(selector, want string) found {
	t.t.Helper()
	expression := fmt.Sprintf("(%s)(%s, %s)", finder, quote(selector), want)
	var found found
	err := t.poll(func(ctx context.Context) (bool, error) {
		found.Problem = ""
		err := t.evaluate(ctx, expression, &found)
		return found.Problem == "", err
	})
	if err != nil {
		t.t.Fatalf("%s: %s (%v)\n%s", selector, found.Problem, err, t.shows())
	}
	return found
}

// poll asks until it is so. Errors are a page that is just being left; the
// last one is given if it stays so.
func (t *Tab) poll(so func(context.Context) (bool, error)) error {
	ctx, cancel := t.within(patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := so(ctx)
		if ok && err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(err, fmt.Errorf("not within %v", patience))
		}
	}
}

// within is a context of the tab for one thing to be done.
func (t *Tab) within(limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.ctx, limit)
}

// evaluate gives the value of a JavaScript expression in the tests' own world
// of the page. A promise is waited for.
func (t *Tab) evaluate(ctx context.Context, expression string, into any) error {
	world, err := chromedp.Call(ctx, page.CreateIsolatedWorld, page.CreateIsolatedWorldParams{
		FrameID: t.main, WorldName: "sparekeytest", // the same world until the page is left
	})
	if err != nil {
		return err
	}
	answer, err := chromedp.Call(ctx, runtime.Evaluate, runtime.EvaluateParams{
		Expression: expression, ContextID: world.ExecutionContextID,
		ReturnByValue: new(true), AwaitPromise: new(true),
	})
	if err != nil {
		return err
	}
	if details := answer.ExceptionDetails; details != nil {
		if details.Exception != nil {
			return errors.New(details.Exception.Description)
		}
		return errors.New(details.Text)
	}
	if into == nil || answer.Result.Value == nil {
		return nil
	}
	return json.Unmarshal(answer.Result.Value, into)
}

func quote(text string) string {
	b, _ := json.Marshal(text) // a string always can be
	return string(b)
}

// Screenshot keeps a picture of the whole page in out/screens/NAME.png.
func (t *Tab) Screenshot(name string) {
	t.t.Helper()
	if err := t.picture(name); err != nil {
		t.t.Fatalf("picture %s: %v", name, err)
	}
}

func (t *Tab) picture(name string) error {
	ctx, cancel := t.within(patience)
	defer cancel()
	size, err := chromedp.Call(ctx, page.GetLayoutMetrics, cdp.Empty{})
	if err != nil {
		return err
	}
	picture, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Format: page.CaptureScreenshotFormatPng, CaptureBeyondViewport: new(true), OptimizeForSpeed: new(true),
		Clip: &page.Viewport{Width: size.CSSContentSize.Width, Height: size.CSSContentSize.Height, Scale: 1},
	})
	if err != nil {
		return err
	}
	dir, err := outFolder("screens")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, strings.ReplaceAll(name, "/", "-")+".png"), picture.Data, 0o644)
}

// keepFailure keeps a picture of the page that a test failed on.
func (t *Tab) keepFailure() {
	if !t.t.Failed() {
		return
	}
	name := "failed-" + t.t.Name()
	if err := t.picture(name); err != nil {
		t.t.Logf("picture %s: %v", name, err)
		return
	}
	t.t.Logf("picture of the failure: out/screens/%s.png", strings.ReplaceAll(name, "/", "-"))
}

// scripts switches the scripts of pages on or off, from the next page on.
func (t *Tab) scripts(ctx context.Context, on bool) error {
	return call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
}
