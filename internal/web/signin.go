package web

import (
	"errors"
	"net/http"
	"time"

	"sparekey"
	"sparekey/internal/flow"
	"sparekey/internal/page"
)

// showSignIn draws the sign-in form. Who is signed in goes on.
func (s *Server) showSignIn(r *request) error {
	if r.account != nil {
		return s.see(r, onward(s.returnTo(r)))
	}
	p := &page.SignIn{Base: s.base(r), Note: told(r, "in.out")}
	if token(r.Request, sessionCookie) != "" { // it had a session that has ended
		dropCookie(r.w, sessionCookie)
		p.Note = &page.Note{ID: "in.expired", Calm: true}
	}
	return s.show(r, http.StatusOK, p)
}

// postSignIn checks a login and a password. A form with a login and no
// password field draws the form with the login filled in: the way here from
// the end of a recovery, with nothing in an address.
func (s *Server) postSignIn(r *request) error {
	p := &page.SignIn{Base: s.base(r), Login: typed(r.form.text("login")), Shared: r.form.has("shared")}
	if !r.form.has("password") {
		return s.show(r, http.StatusOK, p)
	}
	for _, field := range []string{"login", "password"} {
		if r.form.text(field) == "" {
			p.Note = &page.Note{ID: "g.required", Field: field}
			return s.show(r, http.StatusUnprocessableEntity, p)
		}
	}
	in, err := s.Flows.SignIn(r.Context(), r.visit, flow.Login{
		Login: r.form.text("login"), Password: r.form.text("password"), Shared: p.Shared, ReturnTo: p.ReturnTo,
	})
	var e *sparekey.Error
	switch {
	case err == nil && in.Flow != "":
		give(r, in.Cookies)
		return s.see(r, "/flow/"+in.Flow)
	case err == nil:
		give(r, in.Cookies)
		return s.see(r, onward(p.ReturnTo))
	case errors.Is(err, sparekey.ErrSignIn):
		p.Failures = misses(r)
		return s.show(r, http.StatusUnprocessableEntity, p)
	case errors.Is(err, sparekey.ErrPaused) && errors.As(err, &e) && len(e.Args) == 2:
		since, _ := e.Args[1].(time.Time)
		return s.show(r, http.StatusForbidden, &page.Paused{Base: p.Base, Since: since})
	case errors.Is(err, sparekey.ErrLeaving) && errors.As(err, &e) && len(e.Args) == 2:
		at, _ := e.Args[1].(time.Time)
		return s.show(r, http.StatusForbidden, &page.Leaving{Base: p.Base, Login: p.Login, At: at})
	}
	return err
}

// postSignOut ends the session of this browser.
func (s *Server) postSignOut(r *request) error {
	if r.visit.Session != nil {
		next, err := s.Sessions.SignOut(r.Context(), r.visit.Session, r.visit.Browser, r.visit.Key, s.facts(r))
		if err != nil {
			return err
		}
		setCookie(r.w, browserCookie, next.Reveal(), sparekey.KnownLife)
	}
	dropCookie(r.w, sessionCookie)
	r.w.Header().Set("Clear-Site-Data", `"cache"`)
	return s.tell(r, "/signin", "in.out", 0)
}
