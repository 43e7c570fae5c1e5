package web_test

import (
	"context"
	"net/netip"
	"reflect"
	"sync"
	"testing"
	"time"

	"sparekey/internal/password"
	"sparekey/internal/sparekeytest"
)

// A58: while more strangers sign in than there are turns, the next is told when
// to come again, and nothing was looked up or written for it.
func TestA58ExcessCostsNothing(t *testing.T) {
	slow := password.Params{Memory: 64 << 10, Passes: 3, Lanes: 1}
	sparekeytest.EachDBWith(t, sparekeytest.Options{Slots: 1, Params: slow}, func(t *testing.T, app *sparekeytest.App) {
		ctx, leave := context.WithCancel(context.Background())
		var line sync.WaitGroup
		defer line.Wait()
		defer leave()
		const more = 70 // than there are places
		for n := range byte(more) {
			at := netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, 100, n}), 32)
			line.Go(func() {
				for ctx.Err() == nil {
					app.Hasher.Hash(ctx, password.Stranger, at, first) //nolint:errcheck // it stands in line, no more
					time.Sleep(time.Millisecond)
				}
			})
		}
		for app.Hasher.Stats().Waiting[password.Stranger] < 64 {
			time.Sleep(time.Millisecond)
		}
		for range 50 { // now and then a place is free
			before := app.Rows().Dump()
			p := app.Client().Post("/signin", "login", mara, "password", first)
			if p.Status != 503 {
				continue
			}
			if p.Header.Get("Retry-After") == "" {
				t.Error("got no Retry-After, want one")
			}
			if !reflect.DeepEqual(app.Rows().Dump(), before) {
				t.Error("got other rows after the refusal, want nothing written")
			}
			return
		}
		t.Error("got no answer 503, want one while the line is full")
	})
}
