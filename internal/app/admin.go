package app

import (
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"
)

// serveAdmin serves what is for the operator alone, profiles, on a listener of
// its own: none of it is ever reachable where the pages are (A74). It does
// nothing if the admin listener is off. The listener closes with the App.
func (a *App) serveAdmin() error {
	at := a.Settings.Admin()
	if at == "" {
		return nil
	}
	l, err := net.Listen("tcp", at)
	if err != nil {
		return fmt.Errorf("SPAREKEY_ADMIN_LISTEN %q: %w", at, err)
	}
	m := http.NewServeMux()
	m.HandleFunc("/debug/pprof/", pprof.Index)
	m.HandleFunc("/debug/pprof/profile", pprof.Profile)
	m.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	m.HandleFunc("/debug/pprof/trace", pprof.Trace)
	server := &http.Server{Handler: m, ReadHeaderTimeout: 5 * time.Second}
	a.closes = append(a.closes, server.Close)
	go server.Serve(l) //nolint:errcheck // it ends with the App
	return nil
}
