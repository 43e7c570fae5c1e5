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
	p, err := s.signInPage(r)
	if err != nil {
		return err
	}
	p.Note = told(r, "in.out")
	if token(r.Request, sessionCookie) != "" { // it had a session that has ended
		dropCookie(r.w, sessionCookie)
		p.Note = &page.Note{ID: "in.expired", Calm: true}
	}
	return s.show(r, http.StatusOK, p)
}

// signInPage is the sign-in form, with what was typed and ticked in it.
func (s *Server) signInPage(r *request) (*page.SignIn, error) {
	screen, err := s.screen(r, "", "")
	return &page.SignIn{
		Base: s.base(r), Passkeys: s.Passkeys, Screen: screen, Login: typed(r.form.text("login")), Shared: r.form.has("shared"),
	}, err
}

// postSignIn checks a login and a password. A form with a login and no
// password field draws the form with the login filled in: the way here from
// the end of a recovery, with nothing in an address.
func (s *Server) postSignIn(r *request) error {
	if r.form.text("screen") != "" || r.api && r.form.has("screen") {
		return s.signInByApp(r)
	}
	p, err := s.signInPage(r)
	if err != nil {
		return err
	}
	if r.form.text("passkey") != "" {
		in, err := s.Flows.SignInByPasskey(r.Context(), r.visit, flow.PasskeyLogin{
			Challenge: r.form.text("challenge"), Passkey: r.form.text("passkey"), Shared: p.Shared, ReturnTo: p.ReturnTo,
		})
		return s.signedInBy(r, p, in, err)
	}
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
	return s.signedInBy(r, p, in, err)
}

// signedInBy answers for a sign-in: it leads on, or draws the form with what went
// wrong.
func (s *Server) signedInBy(r *request, p *page.SignIn, in flow.SignedIn, err error) error {
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
	if e, ok := aboutField(err); ok {
		p.Note = note(e, s.Now())
		return s.show(r, statusOf(e.Kind), p)
	}
	return err
}

// postPasskey gives the question that a sign-in page puts to the browser. It
// writes nothing, and is the same whoever asks (A08).
func (s *Server) postPasskey(r *request) error {
	options, challenge, err := s.Flows.SignInQuestion(r.visit)
	if err != nil {
		return err
	}
	return writeJSON(r.w, http.StatusOK, "application/json", questionView{challenge, options})
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
