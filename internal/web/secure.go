package web

import (
	"errors"
	"net/http"

	"sparekey"
	"sparekey/internal/page"
)

// getSecure shows what the link of a notice leads to. Only the button begins
// anything.
func (s *Server) getSecure(r *request) error {
	return s.secure(r, s.Flows.Securable(r.Context(), r.PathValue("token")))
}

func (s *Server) secure(r *request, err error) error {
	p := &page.Secure{Base: s.base(r)}
	if errors.Is(err, sparekey.ErrNotFound) {
		p.Gone = true
		return s.show(r, http.StatusNotFound, p)
	}
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, p)
}

// postSecure begins a recovery of the account that the notice was about.
func (s *Server) postSecure(r *request) error {
	id, err := s.Flows.TakeBack(r.Context(), r.visit, r.PathValue("token"))
	if errors.Is(err, sparekey.ErrNotFound) {
		return s.secure(r, err)
	}
	if err != nil {
		return err
	}
	return s.see(r, "/flow/"+id)
}
