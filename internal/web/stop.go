package web

import (
	"errors"
	"net/http"

	"sparekey"
	"sparekey/internal/ident"
	"sparekey/internal/page"
)

// getStop shows what the link in a mail would stop. Scanners may look at it as
// often as they like: only the button stops anything (A29).
func (s *Server) getStop(r *request) error {
	p := &page.Stop{Base: s.base(r), State: "none"}
	v, err := s.Flows.Stopping(r.Context(), r.PathValue("token"))
	switch {
	case errors.Is(err, sparekey.ErrNotFound): // never was, or was long ago
		return s.show(r, http.StatusNotFound, p)
	case err != nil:
		return err
	case v.Flow.Stopped:
		p.State = "stopped"
	case v.Flow.Open(s.Now()) != nil:
		p.State = "over"
	default:
		p.State, p.At, p.Browser = "ask", v.Flow.Started, v.Flow.On
		shown := v.Shown
		if shown == "" {
			shown = v.Flow.Typed
		}
		p.Masked = ident.Mask(ident.Ident{Kind: ident.Email, Shown: shown})
	}
	return s.show(r, http.StatusOK, p)
}

// postStop stops the request.
func (s *Server) postStop(r *request) error {
	if _, err := s.Flows.Stop(r.Context(), r.visit, r.PathValue("token")); err != nil && !errors.Is(err, sparekey.ErrNotFound) {
		return err
	}
	return s.see(r, r.URL.Path)
}
