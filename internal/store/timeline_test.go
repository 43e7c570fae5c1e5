package store_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"sparekey/internal/sparekeytest"
)

// ready waits until the app has found a database that it can use.
func ready(t *testing.T, app *sparekeytest.App) {
	t.Helper()
	for range 600 {
		if app.Client().Get("/readyz").Status == http.StatusOK {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("got no database within half a minute, want the standby that took over")
}

// F6 (THREATS 4), A33: a standby takes over that does not know of the last
// moments, because it was not a synchronous one. A code that was used and is
// unused there opens nothing, and no other that was under way does; sessions go
// on, and a recovery that begins now gets through.
func TestF6NothingUsedComesBack(t *testing.T) {
	t.Parallel()
	pair := sparekeytest.DurablePair(t)
	app := sparekeytest.New(t, sparekeytest.Options{Database: pair.URL})
	const mara, first, second, third = "mara@example.com", "seven quiet herons", "eight quiet herons", "nine quiet herons"
	in := app.Register(mara, first)
	begin := func() (c *sparekeytest.Client, asked *sparekeytest.Page, code string) {
		c = app.Client()
		c.Get("/recover").Submit("/recover", "login", mara).See(303)
		return c, c.Get(c.At()), app.Code(mara)
	}
	used, usedPage, usedCode := begin()
	open, openPage, openCode := begin()

	pair.Detach()
	at, before := used.At(), used.Clone()
	beforePage := before.Get(at)
	usedPage.Submit("/answer", "code", usedCode).See(303)
	used.Get(at).Submit("/act", "password", second, "password_again", second).See(303)
	pair.Kill()
	pair.Promote()
	ready(t, app)

	for _, old := range []struct {
		what, code string
		browser    *sparekeytest.Client
		page       *sparekeytest.Page
	}{
		{"a code that was used, from its own browser", usedCode, used, usedPage},
		{"a code that was used, from the browser as it was", usedCode, before, beforePage},
		{"a code that was not used", openCode, open, openPage},
	} {
		flow := old.browser.At()
		if got := old.page.Submit("/answer", "code", old.code).Status; got == 303 || strings.Contains(old.browser.Get(flow).Body, "password_again") {
			t.Errorf("%s: got %d, want it to open nothing", old.what, got)
		}
	}
	in.Get("/account").See(200)
	c, page, code := begin()
	page.Submit("/answer", "code", code).See(303)
	c.Get(c.At()).Submit("/act", "password", third, "password_again", third).See(303)
}

// F7 (THREATS 4): the server that was the primary comes back as if nothing had
// happened, and stands first in the URL. Nothing is written to it, neither by who
// was there when the other took over nor by who starts now.
func TestF7OldPrimaryIsLeftAlone(t *testing.T) {
	t.Parallel()
	pair := sparekeytest.DurablePair(t)
	app := sparekeytest.New(t, sparekeytest.Options{Database: pair.URL})
	app.Register("mara@example.com", "seven quiet herons")
	pair.Kill()
	pair.Promote()
	pair.Return()
	old := sparekeytest.OpenRows(t, pair.OtherURL()).Dump()
	ready(t, app)
	for _, node := range []*sparekeytest.App{app, app.Node()} {
		app.Client().On(node).Get("/signin").Submit("/signin", "login", "mara@example.com", "password", "seven quiet herons").See(303)
		node.Sweep()
	}
	if got := sparekeytest.Changed(old, sparekeytest.OpenRows(t, pair.OtherURL()).Dump()); got != nil {
		t.Errorf("on the old primary: got changes in %v, want none", got)
	}
	if got := sparekeytest.OpenRows(t, pair.PrimaryURL()).Text(`SELECT CAST(COUNT(*) AS TEXT) FROM sessions`); got != "3" {
		t.Errorf("on the new primary: got %s sessions, want 3", got)
	}
}
