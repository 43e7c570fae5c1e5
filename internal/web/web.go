// Package web turns requests into moves of the machine, and where a flow
// stands into pages. routes.go is the site map; middleware.go is what every
// request passes on its way in, respond.go what every answer passes on its way
// out. Each noun has a file of its handlers.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sparekey"
	"sparekey/internal/account"
	"sparekey/internal/flow"
	"sparekey/internal/lang"
	"sparekey/internal/limit"
	"sparekey/internal/page"
	"sparekey/internal/secret"
	"sparekey/internal/session"
)

// Options are what a Server is built from. All but TrustedProxies, SiteURL and
// Contact must be set.
type Options struct {
	Flows     *flow.Service
	Sessions  *session.Service
	Accounts  *account.Service
	Pages     *page.Pages
	Catalogue *lang.Catalogue
	Source    *secret.Source
	Clients   *limit.Clients // the budget of starts per client
	PublicURL *url.URL       // where Sparekey is; requests for another host are refused
	SiteURL   string         // the one other origin that a person may be sent back to
	SiteName  string
	Texts     bool   // text messages can be sent
	Passkeys  bool   // browsers make passkeys for the host
	High      bool   // the profile is "high"
	Min       int    // characters of a new password
	Contact   string // a URL for reports of holes; empty for none
	// TrustedProxies are those whose word on the client's address is taken.
	TrustedProxies []netip.Prefix
	Ready          func(context.Context) error
	// Count is told of every answer what its line in the log says.
	Count func(method, pattern string, status int, took time.Duration)
	Now   func() time.Time
	Log   *slog.Logger
}

// A Server serves the pages and the API.
type Server struct {
	Options
	mux    *http.ServeMux
	origin *http.CrossOriginProtection
	leaves atomic.Bool // it is about to stop
	// leaving is closed then: streams end, and what waits on them asks elsewhere.
	leaving chan struct{}
	watches watches
	// unheard is for the one word to the operator about a proxy that is not
	// trusted. More would let strangers fill the log.
	unheard sync.Once
}

// New builds a Server.
func New(o Options) *Server {
	s := &Server{Options: o, origin: http.NewCrossOriginProtection(), leaving: make(chan struct{})}
	s.mux = s.routes()
	return s
}

// A request is a request for a page on its way through the handlers.
type request struct {
	*http.Request
	w       http.ResponseWriter
	form    form
	visit   flow.Visit
	account *sparekey.Account // of the session; nil without one
	printer *lang.Printer
	nonce   string
	id      string // names the request in the log and to the person
	// cookieless says that the browser brought no secret of its own.
	cookieless bool

	api   bool          // a program asks: every answer is JSON
	given *flow.Cookies // what a move has given the browser
	led   string        // where a browser would be led to, and with which note
	told  *page.Note
}

// A handler answers a request for a page. What it returns as an error becomes
// a page in one place, see fail.
type handler func(r *request) error

// base is what every page has.
func (s *Server) base(r *request) page.Base {
	return page.Base{
		Printer: r.printer, Nonce: r.nonce, Key: s.Source.ID(), Now: s.Now(),
		Self: pageOf(r.URL.Path), ReturnTo: s.returnTo(r),
	}
}

// pageOf is the page that a form sent to a path belongs to: mostly that path.
func pageOf(path string) string {
	parts := strings.Split(path, "/") // "", "flow", id, …
	switch {
	case path == "/signout":
		return "/account"
	case path == "/signin/screen":
		return "/signin/qr"
	case len(parts) == 4 && parts[1] == "flow" && (parts[3] == "answer" || parts[3] == "screen" || parts[3] == "again" || parts[3] == "act" || parts[3] == "saved"):
		return "/flow/" + parts[2]
	}
	return path
}

// facts are what the journal keeps of a request.
func (s *Server) facts(r *request) sparekey.Facts {
	return sparekey.Facts{At: s.Now(), From: r.visit.From.String(), On: r.visit.On}
}

// home leads to where somebody who typed the address wants to go.
func (s *Server) home(r *request) error {
	if r.account != nil {
		return s.see(r, "/account")
	}
	return s.see(r, "/signin")
}

func (s *Server) live(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") }

// Leave makes /readyz say that this server is about to stop, so that a balancer
// sends nobody here any more. Whoever comes is served.
func (s *Server) Leave() {
	if !s.leaves.Swap(true) {
		close(s.leaving)
	}
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if s.leaves.Load() {
		plain(w, http.StatusServiceUnavailable, "stopping\n")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if err := s.Ready(ctx); err != nil {
		s.Log.Warn("not ready", "err", err)
		plain(w, http.StatusServiceUnavailable, "not ready\n")
		return
	}
	plain(w, http.StatusOK, "ok\n")
}

// asset serves a script. Its name changes with its content.
func (s *Server) asset(w http.ResponseWriter, r *http.Request) {
	body := s.Pages.Script(r.URL.Path)
	if body == nil {
		plain(w, http.StatusNotFound, "Nothing here.\n")
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(body)))
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write([]byte(text)) //nolint:errcheck // the client has gone
}
