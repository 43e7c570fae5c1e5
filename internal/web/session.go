package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"sparekey"
	"sparekey/internal/secret"
)

// A sessionView is what an application may know of the session that a cookie
// opens.
type sessionView struct {
	Account     string           `json:"account" doc:"The account's id, which never changes."`
	Identifiers []identifierView `json:"identifiers" doc:"What the account has shown to be its own."`
	SignedIn    signedInView     `json:"signed_in"`
	Expires     time.Time        `json:"expires"`
}

type identifierView struct {
	Kind  string `json:"kind" doc:"email, login or phone."`
	Value string `json:"value"`
}

type signedInView struct {
	At  time.Time          `json:"at"`
	How []sparekey.WayKind `json:"how" doc:"The ways that were proved."`
}

// light is a route that programs call with each of their own requests: it does
// without the cookies that a page would give, and mostly without the database.
func (s *Server) light(h handler) http.Handler {
	return pageHandler(func(r *request) {
		r.printer = s.Catalogue.Printer("")
		r.visit.From = s.client(r.Request)
		if err := h(r); err != nil {
			s.failLight(r, err)
		}
	})
}

// getSession tells who is signed in.
func (s *Server) getSession(r *request) error {
	return s.showSession(r, token(r.Request, sessionCookie))
}

func (s *Server) showSession(r *request, t secret.Token) error {
	a, err := s.Sessions.Check(r.Context(), t)
	if errors.Is(err, sparekey.ErrNotFound) {
		return s.showNobody(r)
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

// showNobody says that nobody is signed in.
func (s *Server) showNobody(r *request) error {
	r.w.Header().Set("WWW-Authenticate", `Cookie realm="session"`)
	return writeProblem(r, problemView{Status: http.StatusUnauthorized, Code: "not-signed-in"})
}

func (s *Server) failLight(r *request, err error) {
	s.Log.Error("request failed", "request", r.id, "err", err)
	p := problemView{Status: http.StatusInternalServerError, Code: "internal"}
	if errors.Is(err, sparekey.ErrDown) {
		p.Status, p.Code = http.StatusServiceUnavailable, "unavailable"
		r.w.Header().Set("Retry-After", strconv.Itoa(int(sparekey.ErrDown.After.Seconds())))
	}
	if err := writeProblem(r, p); err != nil {
		s.Log.Error("answer broke", "request", r.id, "err", err)
	}
}

// writeProblem answers with a problem of RFC 9457.
func writeProblem(r *request, p problemView) error {
	p.Type, p.Title = "about:blank", http.StatusText(p.Status)
	return writeJSON(r.w, p.Status, "application/problem+json", p)
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
