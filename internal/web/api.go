package web

import (
	_ "embed"
	"net/http"
	"strings"
)

// Programs that draw pages of their own use the handlers of the pages. A body in
// JSON is read into the same form, a page is answered as what it says (api_show.go),
// and where a browser would be led on, what is there is the answer. So neither of
// the two can do or say more than the other.

// An Operation is what a program may ask. The routes are made of these, and so is
// openapi.json.
type Operation struct {
	Pattern string // method and path, as the mux takes them
	Says    string // what it does
	Takes   any    // a value of its body's type; nil for no body
	Gives   Gives
	Starts  bool // each client may do it so many times a minute
	Session bool // somebody must be signed in

	light   bool // see Server.light
	handler handler
}

// Gives are values of the types that an operation answers with, by status: nil
// for no body.
type Gives map[int]any

// Operations lists what programs may ask, for the document that says so.
func Operations() []Operation { return new(Server).operations() }

// Problem is a value of the type of every answer that refuses.
func Problem() any { return problemView{} }

//go:embed openapi.json
var openAPI []byte

// getOpenAPI gives the document.
func (s *Server) getOpenAPI(r *request) error {
	r.w.Header().Set("Content-Type", "application/json")
	r.w.Write(openAPI) //nolint:errcheck // the client has gone
	return nil
}

// serves makes the handler of an operation.
func (s *Server) serves(o Operation) http.Handler {
	h := o.handler
	if o.Starts {
		h = s.begins(h)
	}
	if o.light {
		return s.light(h)
	}
	if o.Session {
		h = s.mine(h)
	}
	read := noBody
	if o.Takes != nil {
		read = jsonReader(o.Takes)
	}
	return s.pass(read, func(r *request) error {
		if err := h(r); err != nil || r.led == "" {
			return err
		}
		return s.follow(r)
	})
}

// mine is for what only those who are signed in may ask.
func (s *Server) mine(h handler) handler {
	return func(r *request) error {
		if r.account == nil {
			return s.showNobody(r)
		}
		return h(r)
	}
}

// follow answers with what stands where a browser would be led to, read with the
// cookies that the browser has from now on.
func (s *Server) follow(r *request) error {
	session := token(r.Request, sessionCookie)
	if r.given != nil {
		r.visit.Browser = r.given.Browser
		if r.given.Session != "" {
			session = r.given.Session
		}
	}
	r.visit.Session, r.account = nil, nil // a move may have ended it
	if err := s.identifyBy(r, session); err != nil {
		return err
	}
	id, isFlow := strings.CutPrefix(r.led, "/flow/")
	switch {
	case isFlow:
		return s.followFlow(r, id)
	case r.led == "/account/devices":
		return s.devices(r, http.StatusOK, r.told)
	case r.led == "/account/profile":
		return s.profile(r, http.StatusOK, r.told)
	case r.led == "/signin": // signed out
		r.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return s.showSession(r, session)
}

func (s *Server) followFlow(r *request, id string) error {
	status := http.StatusOK
	if r.PathValue("id") == "" { // it was begun just now
		status = http.StatusCreated
		r.w.Header().Set("Location", apiFlow(id))
	}
	f, c, err := s.Flows.Flow(r.Context(), r.visit, id)
	if err != nil {
		return s.unknown(r, err)
	}
	return s.stand(r, f, c, status, nil)
}

// apiFlow is where programs find a flow.
func apiFlow(id string) string { return "/api/v1/flows/" + id }

// dropSession ends the session that the path names.
func (s *Server) dropSession(r *request) error {
	r.form = form{"session": {r.PathValue("id")}}
	return s.postDevices(r)
}

// dropOthers ends all sessions but this one.
func (s *Server) dropOthers(r *request) error {
	r.form = form{"others": {"1"}}
	return s.postDevices(r)
}

// exports begins to let the account's data out.
func (s *Server) exports(r *request) error {
	r.form["what"] = []string{"export"}
	return s.postData(r)
}

// deletes begins the deletion of the account.
func (s *Server) deletes(r *request) error {
	r.form["what"] = []string{"delete"}
	return s.postData(r)
}
