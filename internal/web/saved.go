package web

import (
	"io"
	"net/http"

	"sparekey"
	"sparekey/internal/flow"
	"sparekey/internal/page"
)

// postSaved forgets the saved code that the flow shows, once the person has said
// that it is kept.
func (s *Server) postSaved(r *request) error {
	id := r.PathValue("id")
	if !r.form.has("kept") {
		f, _, err := s.Flows.Flow(r.Context(), r.visit, id)
		if err != nil {
			return s.unknown(r, err)
		}
		if f.Fresh == "" {
			return s.see(r, "/flow/"+id)
		}
		return s.done(r, f, &page.Note{ID: "fresh.tick", Field: "kept"})
	}
	f, err := s.Flows.Kept(r.Context(), r.visit, id)
	return s.moved(r, flow.Outcome{Flow: f}, err)
}

// getSaved gives the saved code as a file, as long as the page shows it.
func (s *Server) getSaved(r *request) error {
	f, _, err := s.Flows.Flow(r.Context(), r.visit, r.PathValue("id"))
	if err != nil {
		return s.unknown(r, err)
	}
	fresh, err := s.Flows.Fresh(f)
	if err != nil {
		return err
	}
	if fresh == "" {
		return sparekey.ErrNotFound
	}
	h := r.w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="saved-code.txt"`)
	r.w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		text := r.printer.T("fresh.text", "Site", s.SiteName, "Host", s.PublicURL.Host) + "\r\n\r\n" + fresh.Reveal() + "\r\n"
		io.WriteString(r.w, text) //nolint:errcheck // the client has gone
	}
	return nil
}
