package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/mileusna/useragent"

	"sparekey"
	"sparekey/internal/limit"
)

// ServeHTTP answers a request. Whatever happens below it, the answer is one
// that a person can read, and the log has one line of fixed fields: never a
// path, a name, a secret or an address (A31).
func (s *Server) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	began := time.Now()
	out := &answer{ResponseWriter: w}
	r := &request{Request: hr, w: out, id: s.Source.ID()[:8], nonce: s.Source.ID(), api: strings.HasPrefix(hr.URL.Path, "/api/")}
	out.request = r
	s.headers(r)
	s.hearProxy(hr)
	h, pattern := s.mux.Handler(hr)
	defer func() {
		if broken := recover(); broken != nil {
			s.Log.Error("handler broke", "request", r.id, "panic", fmt.Sprint(broken), "stack", string(debug.Stack()))
			if out.status == 0 {
				s.oops(r)
			}
		}
		verb, took := method(hr.Method), time.Since(began)
		s.Count(verb, pattern, out.status, took)
		s.Log.LogAttrs(hr.Context(), slog.LevelInfo, "request",
			slog.String("method", verb), slog.String("route", pattern), slog.Int("status", out.status),
			slog.Duration("took", took), slog.String("request", r.id))
	}()
	switch {
	case !s.ourHost(hr) && pattern != "GET /livez" && pattern != "GET /readyz":
		s.prepare(r)
		s.problem(r, http.StatusMisdirectedRequest, "g.host")
	case !clean("path", hr.URL.Path): // what is no text is in no database (A71)
		s.prepare(r)
		s.problem(r, http.StatusNotFound, "g.404")
	case pattern == "":
		s.unrouted(r, h)
	default:
		s.mux.ServeHTTP(out, hr)
	}
}

// A pageHandler is a handler behind what all pages pass.
type pageHandler func(r *request)

// ServeHTTP is called by the mux, with the answer that ServeHTTP began.
func (p pageHandler) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	r := w.(*answer).request
	r.Request = hr // with the values of its path
	p(r)
}

// unrouted answers for a path or a method that has no route, as the mux would,
// but with a page.
func (s *Server) unrouted(r *request, h http.Handler) {
	probe := &answer{ResponseWriter: discard{http.Header{}}}
	h.ServeHTTP(probe, r.Request)
	s.prepare(r)
	switch {
	case probe.status == http.StatusMethodNotAllowed:
		r.w.Header().Set("Allow", probe.Header().Get("Allow"))
		s.problem(r, http.StatusMethodNotAllowed, "g.method")
	case probe.status >= 300 && probe.status < 400: // a path to be cleaned
		http.Redirect(r.w, r.Request, probe.Header().Get("Location"), http.StatusPermanentRedirect)
	default:
		s.problem(r, http.StatusNotFound, "g.404")
	}
}

// page is what every page passes.
func (s *Server) page(h handler) http.Handler { return s.pass(readForm, h) }

// pass is what a page and its JSON twin pass: the browser is made out, what
// would change something is read and must come from ourselves.
func (s *Server) pass(read reader, h handler) http.Handler {
	return pageHandler(func(r *request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			if err := s.sameOrigin(r.Request); err != nil {
				s.prepare(r)
				s.problem(r, http.StatusForbidden, "g.csrf")
				return
			}
			var err error
			if r.form, err = read(r.w, r.Request); err != nil {
				s.prepare(r)
				s.fail(r, err)
				return
			}
		}
		s.prepare(r)
		if err := s.identify(r); err != nil {
			s.fail(r, err)
			return
		}
		if err := h(r); err != nil {
			s.fail(r, err)
		}
	})
}

// start is a page whose form begins something. Each client may begin so many
// in a minute, which protects the machine and bounds nothing else.
func (s *Server) start(h handler) http.Handler { return s.page(s.begins(h)) }

// begins is what start is for pages of other kinds.
func (s *Server) begins(h handler) handler {
	return func(r *request) error {
		ok, retry := s.Clients.Allow(s.Now(), limit.Prefix(r.visit.From))
		if !ok {
			return &sparekey.Error{Kind: sparekey.KindSlow, Code: "g.slow", After: retry}
		}
		return h(r)
	}
}

// signedIn is a page of an account: without a session it leads to the sign-in
// page, and back from there.
func (s *Server) signedIn(h handler) http.Handler {
	return s.page(func(r *request) error {
		if r.account == nil {
			to := "/account"
			if r.Method != http.MethodPost {
				to = r.URL.Path
			}
			return s.see(r, "/signin?return_to="+strings.ReplaceAll(to, "/", "%2F"))
		}
		return h(r)
	})
}

// ourHost reports whether the request is for the configured host. Nothing is
// ever built from another (A10).
func (s *Server) ourHost(r *http.Request) bool {
	return strings.EqualFold(strings.TrimSuffix(r.Host, defaultPort(s.PublicURL.Scheme)),
		strings.TrimSuffix(s.PublicURL.Host, defaultPort(s.PublicURL.Scheme)))
}

func defaultPort(scheme string) string {
	if scheme == "https" {
		return ":443"
	}
	return ":80"
}

// sameOrigin refuses a change of state that does not come from our own pages
// (A62). Sec-Fetch-Site decides where a browser sends it, and else the Origin.
// Who sends neither is no browser of today, and is let through only with
// nothing to lose: no cookie.
func (s *Server) sameOrigin(r *http.Request) error {
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	switch {
	case site != "" && site != "same-origin":
		return errors.New("the form came from another site")
	case site == "" && origin == "" && len(r.Cookies()) > 0:
		return errors.New("the form says nothing of where it came from")
	case site == "" && origin != "" && !strings.EqualFold(origin, s.PublicURL.Scheme+"://"+s.PublicURL.Host):
		return errors.New("the form came from another origin")
	}
	return s.origin.Check(r)
}

// headers are on every answer.
func (s *Server) headers(r *request) {
	forms := "'self'"
	if s.SiteURL != "" { // Chromium applies form-action to the redirect after a POST
		forms += " " + s.SiteURL
	}
	h := r.w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'nonce-"+r.nonce+"'; script-src 'nonce-"+r.nonce+
		"'; connect-src 'self'; form-action "+forms+"; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Referrer-Policy", "same-origin") // with no-referrer an older browser hides the origin of our own forms
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	if s.PublicURL.Scheme == "https" {
		h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
}

// client is the address that a request comes from: the peer's, or what a
// trusted proxy says of it, read from the right (A27).
func (s *Server) client(r *http.Request) netip.Addr {
	addr, ok := peer(r)
	if !ok {
		return addr
	}
	var hops []string
	for _, line := range r.Header.Values("X-Forwarded-For") {
		hops = append(hops, strings.Split(line, ",")...)
	}
	for i := len(hops) - 1; i >= 0 && s.trusts(addr); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = hop.Unmap().WithZone("")
	}
	return addr
}

// peer is the address that a request came from itself.
func peer(r *http.Request) (netip.Addr, bool) {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.IPv4Unspecified(), false
	}
	return at.Addr().Unmap().WithZone(""), true
}

// hearProxy tells the operator, once, that somebody who is not trusted says for
// whom a request is. It may be anybody; it may be a proxy that was forgotten,
// and then all clients look like one.
func (s *Server) hearProxy(r *http.Request) {
	if r.Header["X-Forwarded-For"] == nil && r.Header["Forwarded"] == nil {
		return
	}
	if at, ok := peer(r); ok && s.trusts(at) {
		return
	}
	s.unheard.Do(func() {
		s.Log.Warn("a request came with X-Forwarded-For or Forwarded from where no trusted proxy is: " +
			"if that is your proxy, name it in SPAREKEY_TRUSTED_PROXIES; this is said once")
	})
}

func (s *Server) trusts(a netip.Addr) bool {
	for _, p := range s.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// browserLabel says in words from a closed list which browser and system a
// request comes from. It never repeats what the request says of itself.
func browserLabel(r *http.Request) string {
	ua := useragent.Parse(r.UserAgent())
	name := known(ua.Name, map[string]string{
		useragent.Chrome: "Chrome", useragent.HeadlessChrome: "Chrome", useragent.Firefox: "Firefox",
		useragent.Safari: "Safari", useragent.MobileSafari: "Safari", useragent.Edge: "Edge",
		useragent.Opera: "Opera", useragent.Vivaldi: "Vivaldi", useragent.SamsungBrowser: "Samsung Internet",
	})
	system := known(ua.OS, map[string]string{
		useragent.Windows: "Windows", useragent.MacOS: "macOS", useragent.Linux: "Linux",
		useragent.Android: "Android", useragent.IOS: "iOS", useragent.ChromeOS: "ChromeOS", useragent.CrOS: "ChromeOS",
	})
	switch {
	case name == "":
		return system
	case system == "":
		return name
	}
	return name + " on " + system
}

func known(name string, list map[string]string) string { return list[name] }

// method keeps a stranger's words out of the log.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return m
	}
	return "other"
}
