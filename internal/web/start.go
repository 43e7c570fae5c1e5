package web

import (
	"errors"
	"net/http"

	"sparekey"
	"sparekey/internal/page"
)

// showRegister draws the registration form.
func (s *Server) showRegister(r *request) error {
	if r.account != nil { // an account made now would end this session without a word
		v, err := s.Accounts.Of(r.Context(), r.account.ID)
		if err != nil {
			return err
		}
		return s.show(r, http.StatusOK, &page.Already{Base: s.base(r), Name: v.Email()})
	}
	return s.show(r, http.StatusOK, &page.Register{Base: s.base(r), Min: s.Min})
}

// postRegister begins a registration, or draws the form with the address
// filled in, to be changed.
func (s *Server) postRegister(r *request) error {
	p := &page.Register{Base: s.base(r), Min: s.Min, Login: typed(r.form.text("login"))}
	if r.form.has("show") {
		return s.show(r, http.StatusOK, p)
	}
	id, err := s.Flows.Register(r.Context(), r.visit, r.form.text("login"), r.form.text("password"), p.ReturnTo)
	if e, ok := aboutField(err); ok {
		p.Note = note(e, p.Now)
		return s.show(r, statusOf(e.Kind), p)
	}
	if err != nil {
		return err
	}
	return s.see(r, "/flow/"+id)
}

// showRecover draws the first page of a recovery.
func (s *Server) showRecover(r *request) error {
	return s.show(r, http.StatusOK, &page.Recover{Base: s.base(r)})
}

// postRecover begins a recovery, or draws its first page with the login filled
// in, to be changed.
func (s *Server) postRecover(r *request) error {
	p := &page.Recover{Base: s.base(r), Login: typed(r.form.text("login"))}
	if r.form.has("show") {
		return s.show(r, http.StatusOK, p)
	}
	id, err := s.Flows.Recover(r.Context(), r.visit, r.form.text("login"), p.ReturnTo)
	if e, ok := aboutField(err); ok {
		p.Note = note(e, p.Now)
		return s.show(r, statusOf(e.Kind), p)
	}
	if err != nil {
		return err
	}
	return s.see(r, "/flow/"+id)
}

// aboutField gives an error that belongs above the form it came from.
func aboutField(err error) (*sparekey.Error, bool) {
	var e *sparekey.Error
	ok := errors.As(err, &e) && e.Field != ""
	return e, ok
}
