package web

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sparekey"
	"sparekey/internal/page"
)

// An answer remembers the status that was written, and the request it is for.
type answer struct {
	http.ResponseWriter
	request *request
	status  int
}

// WriteHeader writes the status, once.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write writes the body, and with it the status if none was written.
func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController through.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// discard is an answer that nobody reads.
type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// A statusError is an answer about the request itself.
type statusError struct {
	status int
	code   string
}

// Error gives the code.
func (e *statusError) Error() string { return e.code }

// statusOf is the one table from kinds of errors to statuses.
func statusOf(k sparekey.Kind) int {
	switch k {
	case sparekey.KindShape, sparekey.KindWrong:
		return http.StatusUnprocessableEntity
	case sparekey.KindEarly:
		return http.StatusOK
	case sparekey.KindGone:
		return http.StatusGone
	case sparekey.KindConflict:
		return http.StatusConflict
	case sparekey.KindNotFound:
		return http.StatusNotFound
	case sparekey.KindRefused:
		return http.StatusForbidden
	case sparekey.KindSlow:
		return http.StatusTooManyRequests
	case sparekey.KindBusy:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// show draws a page, or tells a program what it says.
func (s *Server) show(r *request, status int, p page.Page) error {
	if r.api {
		return s.showJSON(r, status, p)
	}
	body, err := s.Pages.Render(p)
	if err != nil {
		return err
	}
	h := r.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	r.w.WriteHeader(status)
	if r.Method != http.MethodHead {
		r.w.Write(body) //nolint:errcheck // the client has gone
	}
	return nil
}

// see leads on with a 303: Back and reload are safe after it. A program is
// answered with what is there, see follow.
func (s *Server) see(r *request, to string) error {
	if r.api {
		r.led = to
		return nil
	}
	r.w.Header().Set("Location", to)
	r.w.WriteHeader(http.StatusSeeOther)
	return nil
}

// fail turns an error into a page. It is the only place that does.
func (s *Server) fail(r *request, err error) {
	var status *statusError
	var e *sparekey.Error
	switch {
	case errors.As(err, &status):
		s.problem(r, status.status, status.code)
	case errors.As(err, &e):
		if errors.Is(err, sparekey.ErrDown) {
			s.Log.Error("request failed", "request", r.id, "err", err)
		}
		s.failure(r, e)
	default:
		s.Log.Error("request failed", "request", r.id, "err", err)
		s.oops(r)
	}
}

// failure draws the page of an error that has no page of its own.
func (s *Server) failure(r *request, e *sparekey.Error) {
	if e.After > 0 {
		r.w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.After.Seconds()))))
	}
	if p := s.door(r, e); p != nil {
		if err := s.show(r, statusOf(e.Kind), p); err == nil {
			return
		}
	}
	p := &page.Problem{Base: s.base(r), Status: statusOf(e.Kind), ID: e.Code, Args: e.Args, Field: e.Field}
	if e.After > 0 {
		p.Retry = e.After
		p.RetryAt = p.Now.Add(e.After)
	}
	s.draw(r, p)
}

// door draws the form that somebody has sent who is to wait, with what was typed
// and the wait above it; nil for what is no form of a start.
func (s *Server) door(r *request, e *sparekey.Error) page.Page {
	if r.api || r.Method != http.MethodPost || e.After == 0 || e.Kind != sparekey.KindSlow && e.Kind != sparekey.KindBusy {
		return nil
	}
	b, login := s.base(r), typed(r.form.text("login"))
	n := &page.Note{ID: e.Code, Args: []any{"At", page.Clock(b.Now.Add(e.After)), "In", e.After}}
	switch r.URL.Path {
	case "/signin":
		p, err := s.signInPage(r)
		if err != nil {
			return nil
		}
		p.Note = n
		return p
	case "/register":
		return &page.Register{Base: b, Login: login, Min: s.Min, Note: n}
	case "/recover":
		return &page.Recover{Base: b, Login: login, Note: n}
	}
	return nil
}

// problem draws a page that says what is wrong and what to do next.
func (s *Server) problem(r *request, status int, code string) {
	p := &page.Problem{Base: s.base(r), Status: status, ID: code}
	if code == "g.cookie" { // the page it is about cannot be seen
		p.Again = "/"
	}
	s.draw(r, p)
}

// oops says that something broke here, with a number to tell us.
func (s *Server) oops(r *request) {
	if r.printer == nil {
		s.prepare(r)
	}
	s.draw(r, &page.Problem{
		Base: s.base(r), Status: http.StatusInternalServerError, ID: "g.oops", Number: number(r.id),
	})
}

func (s *Server) draw(r *request, p *page.Problem) {
	if err := s.show(r, p.Status, p); err != nil {
		s.Log.Error("page broke", "request", r.id, "err", err)
		plain(r.w, http.StatusInternalServerError, "Something broke on our side. Try again.\n")
	}
}

// number is a request's id as people read it out: K7QW-4QDA.
func number(id string) string {
	id = strings.ToUpper(id)
	return id[:4] + "-" + id[4:]
}

// note puts an error above the form it is about.
func note(e *sparekey.Error, now time.Time) *page.Note {
	n := &page.Note{ID: e.Code, Args: e.Args, Field: e.Field}
	switch e.Code {
	case "code.wrong", "saved.wrong", "totp.wrong", "passkey.wrong", "app.wrong":
		if len(e.Args) == 2 && e.Args[1] == 1 {
			n.ID, n.Args = strings.TrimSuffix(e.Code, "wrong")+"last", nil
		}
	case "way.first", "app.notyet":
		n.Calm = true
	case "code.early":
		n.Args = []any{"In", e.After, "At", page.ClockSeconds(now.Add(e.After))}
		n.Calm = true
	}
	return n
}
