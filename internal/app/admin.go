package app

import (
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"
)

// Admin gives what is for the operator alone: metrics, the funnel, profiles.
func (a *App) Admin() http.Handler {
	m := http.NewServeMux()
	m.Handle("GET /metrics", a.metrics.handler())
	m.HandleFunc("GET /funnel", a.showFunnel)
	m.HandleFunc("/debug/pprof/", pprof.Index)
	m.HandleFunc("/debug/pprof/profile", pprof.Profile)
	m.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	m.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return m
}

// serveAdmin serves Admin on a listener of its own: none of it is ever
// reachable where the pages are (A74). It does nothing if the admin listener is
// off. The listener closes with the App.
func (a *App) serveAdmin() error {
	at := a.Settings.Admin()
	if at == "" {
		return nil
	}
	l, err := net.Listen("tcp", at)
	if err != nil {
		return fmt.Errorf("SPAREKEY_ADMIN_LISTEN %q: %w", at, err)
	}
	server := &http.Server{Handler: a.Admin(), ReadHeaderTimeout: 5 * time.Second}
	a.closes = append(a.closes, server.Close)
	go server.Serve(l) //nolint:errcheck // it ends with the App
	return nil
}
