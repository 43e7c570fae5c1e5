package web

import (
	"errors"
	"net/http"

	"sparekey"
	"sparekey/internal/page"
)

// getOpen shows what the link leads to that a mail carries when no further one
// may be sent. Only the button begins anything (A29).
func (s *Server) getOpen(r *request) error {
	return s.open(r, s.Flows.Opening(r.Context(), r.PathValue("token")))
}

func (s *Server) open(r *request, err error) error {
	p := &page.Open{Base: s.base(r)}
	if errors.Is(err, sparekey.ErrNotFound) {
		p.Gone = true
		return s.show(r, http.StatusNotFound, p)
	}
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, p)
}

// postOpen begins a recovery in this browser, with the mailbox proved.
func (s *Server) postOpen(r *request) error {
	out, err := s.Flows.Open(r.Context(), r.visit, r.PathValue("token"))
	if errors.Is(err, sparekey.ErrNotFound) {
		return s.open(r, err)
	}
	if err != nil {
		return err
	}
	give(r, out.Cookies)
	return s.see(r, "/flow/"+out.Flow.ID)
}
