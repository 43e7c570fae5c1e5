package web

import (
	"errors"
	"net/http"

	"sparekey"
	"sparekey/internal/page"
)

// link draws the page behind a link in a mail whose button begins a recovery.
// Looking at it does nothing (A29).
func (s *Server) link(r *request, use string, err error) error {
	p := &page.Link{Base: s.base(r), Use: use}
	if errors.Is(err, sparekey.ErrNotFound) {
		p.Gone = true
		return s.show(r, http.StatusNotFound, p)
	}
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, p)
}

// getSecure shows what the link of a notice leads to.
func (s *Server) getSecure(r *request) error {
	return s.link(r, "secure", s.Flows.Securable(r.Context(), r.PathValue("token")))
}

// postSecure begins a recovery of the account that the notice was about.
func (s *Server) postSecure(r *request) error {
	id, err := s.Flows.TakeBack(r.Context(), r.visit, r.PathValue("token"))
	if err != nil {
		return s.link(r, "secure", err)
	}
	return s.see(r, "/flow/"+id)
}

// getOpen shows what the link leads to that a mail carries when no further one
// may be sent.
func (s *Server) getOpen(r *request) error {
	return s.link(r, "open", s.Flows.Opening(r.Context(), r.PathValue("token")))
}

// postOpen begins a recovery in this browser, with the mailbox proved.
func (s *Server) postOpen(r *request) error {
	out, err := s.Flows.Open(r.Context(), r.visit, r.PathValue("token"))
	if err != nil {
		return s.link(r, "open", err)
	}
	give(r, out.Cookies)
	return s.see(r, "/flow/"+out.Flow.ID)
}
