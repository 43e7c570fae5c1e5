package web_test

import (
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"sparekey/internal/sparekeytest"
	"sparekey/internal/store"
)

// No statement behind a page or a message reads a whole table: what a person
// waits for does not grow with what strangers do, nor with who else is here.
func TestNothingReadsAWholeTable(t *testing.T) {
	var mu sync.Mutex
	said := map[string]bool{}
	app := sparekeytest.New(t, sparekeytest.Options{Trace: func(s store.Statement) {
		mu.Lock()
		defer mu.Unlock()
		said[s.Text] = true
	}})
	c := app.Register(mara, first)
	app.Client().Post("/signin", "login", mara, "password", "not it").See(422)
	for range 3 { // new browsers, so that notices are merged
		app.Client().Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		app.Deliver()
	}
	app.Sleep(2 * time.Hour)
	app.Deliver()
	c.Get("/api/v1/session").See(200)
	for _, path := range []string{"", "/profile", "/ways", "/password", "/devices", "/activity", "/data"} {
		c.Get("/account" + path).See(200)
	}
	c.Get("/account/profile").Submit("/profile", "name", "Mara", "lang", "").See(303)
	c.Get("/account/profile").Submit("/profile", "login", "heron").See(303)
	confirms(app, c, mara)
	c.Get("/account/data").Submit("/data", "what", "export").See(303)
	at := c.At()
	confirms(app, c, mara)
	c.Get(at + "/data").See(200)
	c.Get("/account/devices").Submit("/devices").See(303)
	c.Post("/account/devices", "others", "1").See(303)
	app.Sleep(2 * time.Hour)
	c, page := recovering(app, mara)
	code := app.Code(mara)
	page.Submit("/answer", "code", "00000000").See(422)
	app.Sleep(2 * time.Minute)
	c.Get(c.At()).Submit("/again").See(303)
	c.Get(c.At() + "/ways").See(200)
	c.Get(c.At()).Submit("/answer", "code", code).See(303)
	c.Get(c.At()).Submit("/act", "password", second, "password_again", second).See(303)
	link := secureLink(t, app, mara)
	app.Client().Get(link).See(200).Submit(link).See(303)
	app.Deliver()
	c.Get("/signin").Submit("/signin", "login", mara, "password", second).See(303)
	c.Get("/account").Submit("/signout").See(303)

	app.Sweep()

	whole := regexp.MustCompile(`^SCAN (\w+)$`)
	small := map[string]bool{"meta": true, "o": true, "y": true} // the last two are made of one row
	db := app.Rows()
	for statement := range said {
		if verb := strings.Fields(statement)[0]; verb != "SELECT" && verb != "UPDATE" && verb != "DELETE" {
			continue
		}
		for _, step := range db.Plan(statement) {
			if m := whole.FindStringSubmatch(step); m != nil && !small[m[1]] {
				t.Errorf("got %q of a table that grows, want an index used:\n%s", step, statement)
			}
		}
	}
	if len(said) < 50 {
		t.Errorf("got %d statements, want those of all pages", len(said))
	}
}
