package bound

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// atOnce has many strangers besiege the account at the same time, for real:
// the clock runs, the worker resolves by itself, and their answers overtake
// each other.
func atOnce(t *testing.T, rows *table, database string) {
	app, _ := sparekeytest.Serve(t, sparekeytest.Options{Database: database})
	c := app.Client()
	c.Get("/register").Submit("/register", "login", mara, "password", first).See(303)
	c.Get(c.At()).Submit("/answer", "code", app.Sink.Wait(t, mara, 1).Code()).See(303)

	ctx, stop := context.WithTimeout(t.Context(), *real)
	defer stop()
	var all sync.WaitGroup
	for n := range 16 {
		all.Go(func() {
			for round := 0; ctx.Err() == nil; round++ {
				besiegeOnce(app, fmt.Sprintf("198.%d.%d.%d:99", 18+n, round>>8&255, round&255))
			}
		})
	}
	all.Wait()
	// Flows that began within the last forty minutes are all still there.
	compared := func(length string) string {
		return app.Rows().Text(`SELECT CAST(COALESCE(SUM(f.tries), 0) AS TEXT) FROM flows f JOIN challenges c ON c.flow = f.id
			WHERE f.purpose = 'recover' AND c.length ` + length)
	}
	short, long, passwords := compared("= 8"), compared("= 20"), app.Hasher.Stats().Compared
	if want := fmt.Sprint(sparekey.CodeLedger()[0].Max); short != want {
		t.Errorf("got %s comparisons with short codes, want %s", short, want)
	}
	if want := uint64(sparekey.PasswordBudget()[0].Max); passwords != want {
		t.Errorf("got %d comparisons with the password, want %d", passwords, want)
	}
	name := fmt.Sprintf("at once, %v on the real clock, %s", *real, databaseOf(app))
	rows.add("| %s | short codes | %s | %s | | | 15 |", name, short, short)
	rows.add("| %s | passwords | %d | %d | | | 15 |", name, passwords, passwords)
	rows.add("| %s | long codes | %s | | | | any |", name, long)
}

// besiegeOnce begins a recovery and answers it until it is over, and tries a
// password. It looks at no answer: the others are under way.
func besiegeOnce(app *sparekeytest.App, from string) {
	c := app.Client()
	c.Addr = from
	c.Get("/recover").Submit("/recover", "login", mara)
	time.Sleep(20 * time.Millisecond) // the code is minted meanwhile
	for range sparekey.MaxTries {
		page := c.Get(c.At())
		if _, form := page.Fields("/answer"); form == nil {
			break
		}
		page.Submit("/answer", "code", "00000000")
	}
	other := app.Client()
	other.Addr = from
	other.Get("/signin").Submit("/signin", "login", mara, "password", "not it at all")
}
