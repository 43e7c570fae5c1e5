package web

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"sparekey"
	"sparekey/internal/flow"
	"sparekey/internal/secret"
)

// The cookies. Their prefix ties them to this host and path and to HTTPS;
// no script can read them.
const (
	browserCookie = "__Host-browser" // the browser's secret, which flows are bound to
	sessionCookie = "__Host-session"
	knownCookie   = "__Host-known" // says that this browser signed in here before
	langCookie    = "__Host-lang"
	missesCookie  = "__Host-misses" // failed sign-ins in this browser, for the words only
	noteCookie    = "__Host-note"   // what the next page says has happened, for once
)

const (
	missesLife = time.Hour
	noteLife   = time.Minute
)

// setCookie gives the browser a cookie for life; 0 for as long as it is open.
func setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(life / time.Second),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func dropCookie(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// token reads a cookie that holds a secret. A broken one is none.
func token(r *http.Request, name string) secret.Token {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	t, ok := secret.ParseToken(c.Value)
	if !ok {
		return ""
	}
	return t
}

// prepare fills in what a page needs whatever becomes of the request.
func (s *Server) prepare(r *request) {
	lang := ""
	if c, err := r.Cookie(langCookie); err == nil {
		lang = c.Value
	}
	r.printer = s.Catalogue.Printer(s.Catalogue.Choose(lang, r.Header.Get("Accept-Language")))
	r.visit = flow.Visit{
		Browser: token(r.Request, browserCookie), Known: token(r.Request, knownCookie),
		From: s.client(r.Request), On: browserLabel(r.Request), Lang: r.printer.Lang(), Key: r.form.fingerprint(r.URL.Path),
	}
	if r.visit.Key == "" {
		r.visit.Key = s.Source.ID()
	}
	if r.visit.Browser == "" {
		r.cookieless = true
		r.visit.Browser = s.Source.Token()
		setCookie(r.w, browserCookie, r.visit.Browser.Reveal(), sparekey.KnownLife)
	}
}

// identify looks the session up, if the browser brings one.
func (s *Server) identify(r *request) error {
	return s.identifyBy(r, token(r.Request, sessionCookie))
}

func (s *Server) identifyBy(r *request, t secret.Token) error {
	if t == "" {
		return nil
	}
	in, a, err := s.Sessions.Of(r.Context(), t)
	if errors.Is(err, sparekey.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	r.visit.Session, r.account = in, a
	if c, err := r.Cookie(langCookie); (err != nil || c.Value == "") && a.Lang != "" {
		r.printer = s.Catalogue.Printer(s.Catalogue.Choose(a.Lang, r.Header.Get("Accept-Language")))
		r.visit.Lang = r.printer.Lang()
	}
	return nil
}

// give sets the cookies that a move has earned.
func give(r *request, c *flow.Cookies) {
	if c == nil {
		return
	}
	r.given = c
	setCookie(r.w, browserCookie, c.Browser.Reveal(), sparekey.KnownLife)
	if c.Session != "" {
		life := sparekey.SessionLife
		if c.Shared {
			life = 0 // gone with the browser
		}
		setCookie(r.w, sessionCookie, c.Session.Reveal(), life)
		dropCookie(r.w, missesCookie)
	}
	if c.Known != "" {
		setCookie(r.w, knownCookie, c.Known.Reveal(), sparekey.KnownLife)
	} else if c.Shared {
		dropCookie(r.w, knownCookie)
	}
}

// misses counts one more failed sign-in in this browser, whoever was typed.
func misses(r *request) int {
	n := 0
	if c, err := r.Cookie(missesCookie); err == nil {
		n, _ = strconv.Atoi(c.Value)
	}
	n = min(max(n, 0), 8) + 1
	setCookie(r.w, missesCookie, strconv.Itoa(n), missesLife)
	return n
}
