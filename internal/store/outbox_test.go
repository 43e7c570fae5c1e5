package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

var background = context.Background()

// waiting writes n messages by asking for n recoveries of nobody.
func waiting(t *testing.T, app *sparekeytest.App, n int) {
	t.Helper()
	for i := range n {
		c := app.Client()
		c.Addr = fmt.Sprintf("198.51.%d.%d:9", i/250, i%250)
		c.Post("/recover", "login", fmt.Sprintf("nobody%d@example.com", i)).See(303)
	}
}

// Workers of many nodes that claim at once get each message once.
func TestClaimOnce(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		waiting(t, app, 120)
		var mu sync.Mutex
		claimed := map[string]int{}
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for {
					list, err := app.Store.Claim(background, 10, app.Now(), app.Now().Add(time.Minute))
					if err != nil {
						t.Error(err)
					}
					if len(list) == 0 {
						return
					}
					mu.Lock()
					for _, m := range list {
						claimed[m.ID]++
					}
					mu.Unlock()
				}
			})
		}
		all.Wait()
		if len(claimed) != 120 {
			t.Errorf("got %d messages claimed, want 120", len(claimed))
		}
		for id, n := range claimed {
			if n != 1 {
				t.Errorf("message %s: got claimed %d times, want once", id, n)
			}
		}
	})
}

// A worker whose lease has ended is fenced off: the message is another's, and
// only that one's word on it counts.
func TestLeaseFences(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		waiting(t, app, 1)
		claim := func() sparekey.Message {
			t.Helper()
			list, err := app.Store.Claim(background, 1, app.Now(), app.Now().Add(time.Minute))
			if err != nil || len(list) != 1 {
				t.Fatalf("got %d messages, %v, want one", len(list), err)
			}
			return list[0]
		}
		slow := claim()
		if list, _ := app.Store.Claim(background, 1, app.Now(), app.Now().Add(time.Minute)); len(list) != 0 {
			t.Error("got a message that is leased, want none")
		}
		app.Sleep(time.Minute)
		fast := claim()
		if fast.ID != slow.ID || fast.Attempt != slow.Attempt+1 {
			t.Fatalf("got message %s attempt %d, want %s attempt %d", fast.ID, fast.Attempt, slow.ID, slow.Attempt+1)
		}
		if err := app.Store.Sent(background, slow, app.Now()); err == nil {
			t.Error("the slow worker marked the message, want it fenced off")
		}
		if err := app.Store.Retry(background, slow, app.Now()); err == nil {
			t.Error("the slow worker put the message back, want it fenced off")
		}
		if err := app.Store.Sent(background, fast, app.Now()); err != nil {
			t.Error(err)
		}
	})
}

// A write does not see that the request behind it went away: what was begun is
// kept or not begun, and never half done.
func TestWriteOutlivesRequest(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		ctx, cancel := context.WithCancel(background)
		cancel()
		a := &sparekey.Account{ID: "a", Created: app.Now()}
		ids := []sparekey.Identifier{{ID: "i", Kind: "email", Key: "ann@example.com", Shown: "ann@example.com", Added: app.Now()}}
		err := app.Store.AddAccount(ctx, a, ids, sparekey.Event{ID: "e", Account: "a", Kind: sparekey.AccountCreated})
		if err != nil {
			t.Fatalf("got %v for a request that went away, want it written", err)
		}
		if _, err := app.Store.AccountBy(background, "email", "ann@example.com"); err != nil {
			t.Errorf("got %v, want the account", err)
		}
	})
}

// The sweep removes a flow ten minutes after its end and keeps what the
// windows of the ledger need: what the flow really cost.
func TestSweep(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register("ann@example.com", "seven quiet herons")
		app.Sleep(48 * time.Hour)
		app.Sweep()
		lengths := func() (list []int) {
			for range 4 {
				c := app.Client()
				c.Get("/recover").Submit("/recover", "login", "ann@example.com").See(303)
				list = append(list, len(app.Code("ann@example.com")))
				c.Get(c.At()).Submit("/answer", "code", "00000000").See(422)
			}
			return list
		}
		if got := fmt.Sprint(lengths()); got != "[8 8 8 20]" {
			t.Fatalf("got codes of %s digits, want three short ones: each may cost five", got)
		}
		app.Sleep(90 * time.Minute) // the flows have ended, and the mailbox takes more mails
		app.Sweep()
		n, err := app.Store.OpenFlows(background, app.Now().Add(-time.Hour), 100)
		if err != nil || n != 0 {
			t.Errorf("got %d flows after the sweep, %v, want 0", n, err)
		}
		// Each of the three cost one comparison, so twelve are left for the day.
		if got := fmt.Sprint(lengths()); got != "[8 8 20 20]" {
			t.Errorf("got codes of %s digits after the sweep, want two short ones", got)
		}
	})
}
