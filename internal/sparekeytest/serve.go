package sparekeytest

import (
	"context"
	"net"
	"testing"
	"time"

	"sparekey/internal/config"
)

// Serve starts a Sparekey on a port of its own, for a real browser: its clock
// runs, its mails leave by themselves, and it ends with the test. It gives the
// origin that it serves.
func Serve(t testing.TB, o Options) (a *App, origin string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	origin = "http://" + l.Addr().String()
	change := o.Settings
	o.Settings = func(s *config.Settings) {
		s.PublicURL, s.SiteURL = origin, ""
		if change != nil {
			change(s)
		}
	}
	a = New(t, o)
	a.began = time.Now()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.App.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return a, origin
}
