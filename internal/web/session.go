package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"sparekey"
)

// A sessionView is what an application may know of the session that a cookie
// opens.
type sessionView struct {
	Account     string           `json:"account"`
	Identifiers []identifierView `json:"identifiers"`
	SignedIn    signedInView     `json:"signed_in"`
	Expires     time.Time        `json:"expires"`
}

type identifierView struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

type signedInView struct {
	At  time.Time          `json:"at"`
	How []sparekey.WayKind `json:"how"`
}

// problemView is a problem of RFC 9457.
type problemView struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
}

// api is a route that programs call: its answers are JSON, errors too.
func (s *Server) api(h handler) http.Handler {
	return pageHandler(func(r *request) {
		s.prepareAPI(r)
		if err := h(r); err != nil {
			s.failAPI(r, err)
		}
	})
}

// prepareAPI does without the cookies that a page would give.
func (s *Server) prepareAPI(r *request) {
	r.printer = s.Catalogue.Printer("")
	r.visit.From = s.client(r.Request)
}

// getSession tells who is signed in.
func (s *Server) getSession(r *request) error {
	a, err := s.Sessions.Check(r.Context(), token(r.Request, sessionCookie))
	if errors.Is(err, sparekey.ErrNotFound) {
		r.w.Header().Set("WWW-Authenticate", `Cookie realm="session"`)
		return &statusError{http.StatusUnauthorized, "not-signed-in"}
	}
	if err != nil {
		return err
	}
	in := a.Session
	out := sessionView{Account: in.Account, SignedIn: signedInView{At: in.Created, How: in.How}, Expires: in.Expires}
	for _, i := range a.Identifiers {
		out.Identifiers = append(out.Identifiers, identifierView{i.Kind, i.Shown})
	}
	return writeJSON(r.w, http.StatusOK, "application/json", out)
}

func (s *Server) failAPI(r *request, err error) {
	p := problemView{Type: "about:blank", Status: http.StatusInternalServerError, Code: "internal"}
	var status *statusError
	switch {
	case errors.As(err, &status):
		p.Status, p.Code = status.status, status.code
	case errors.Is(err, sparekey.ErrDown):
		p.Status, p.Code = http.StatusServiceUnavailable, "unavailable"
		r.w.Header().Set("Retry-After", strconv.Itoa(int(sparekey.ErrDown.After.Seconds())))
		s.Log.Error("request failed", "request", r.id, "err", err)
	default:
		s.Log.Error("request failed", "request", r.id, "err", err)
	}
	p.Title = http.StatusText(p.Status)
	if err := writeJSON(r.w, p.Status, "application/problem+json", p); err != nil {
		s.Log.Error("answer broke", "request", r.id, "err", err)
	}
}

func writeJSON(w http.ResponseWriter, status int, kind string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	w.Write(append(body, '\n')) //nolint:errcheck // the client has gone
	return nil
}
