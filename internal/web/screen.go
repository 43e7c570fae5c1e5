package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"sparekey"
	"sparekey/internal/flow"
	"sparekey/internal/ident"
	"sparekey/internal/limit"
	"sparekey/internal/page"
)

// A screen is a page that shows a code for a phone to scan, and waits.

// showScreen draws the page of a sign-in by the app.
func (s *Server) showScreen(r *request) error {
	if r.account != nil {
		return s.see(r, onward(s.returnTo(r)))
	}
	return s.screenPage(r, http.StatusOK, nil)
}

// screenPage draws that page, with the code that it showed before if that still
// works: what was approved by it stays approved.
func (s *Server) screenPage(r *request, status int, n *page.Note) error {
	screen, err := s.screen(r, "", "")
	if err != nil {
		return err
	}
	p := &page.Scan{Base: s.base(r), Screen: screen, Shared: r.form.has("shared"), Note: n}
	p.Self = "/signin/qr"
	return s.show(r, status, p)
}

// screen is what a page shows to be scanned: for the challenge of a flow, or for a
// sign-in.
func (s *Server) screen(r *request, id, challenge string) (page.Screen, error) {
	w, ok, err := flow.Screen{}, false, error(nil)
	if nonce := r.form.text("screen"); nonce != "" {
		w, ok, err = s.Flows.ScreenAgain(r.Context(), r.visit, challenge, nonce)
	}
	if err == nil && !ok {
		w, err = s.Flows.Screen(r.visit, challenge)
	}
	p := page.Screen{
		Nonce: w.Nonce, Address: s.PublicURL.String() + "/q/" + w.ID, Until: page.Clock(w.Born.Add(sparekey.ScreenLife)),
		Watch: "/signin/screen", Page: s.withReturn(r, "/signin/qr"), Renew: "/api/v1/signin/screen",
	}
	if err == nil {
		p.Short = ident.GroupShort(w.Short)
	}
	if id != "" {
		p.Watch, p.Page, p.Renew = "/flow/"+id+"/screen", "/flow/"+id, apiFlow(id)+"/screen"
	}
	return p, err
}

// signInByApp goes on where a phone has approved it.
func (s *Server) signInByApp(r *request) error {
	in, err := s.Flows.SignInByApp(r.Context(), r.visit, flow.AppLogin{
		Screen: r.form.text("screen"), Shared: r.form.has("shared"), ReturnTo: s.returnTo(r),
	})
	var e *sparekey.Error
	switch {
	case err == nil && in.Flow == "": // whose account it is was decided elsewhere, so it is said
		give(r, in.Cookies)
		return s.tell(r, s.arrival(r), "in.app", 0)
	case err == nil:
		give(r, in.Cookies)
		return s.see(r, "/flow/"+in.Flow)
	case errors.Is(err, sparekey.ErrNotYet) && r.api: // there is no page to go back to
		s.problem(r, http.StatusConflict, sparekey.ErrNotYet.Code)
		return nil
	case errors.As(err, &e) && (e.Field == "screen" || e.Kind == sparekey.KindEarly):
		return s.screenPage(r, statusOf(e.Kind), note(e, s.Now()))
	}
	p, wrong := s.signInPage(r)
	if wrong != nil {
		return wrong
	}
	return s.signedInBy(r, p, in, err)
}

// arrival is the page that says who is signed in, and leads on from there.
func (s *Server) arrival(r *request) string {
	if to := s.returnTo(r); to != "" && to != "/account" {
		return s.withReturn(r, "/signin/done")
	}
	return "/account"
}

// showArrival says who is signed in, before it leads on to another page.
func (s *Server) showArrival(r *request) error {
	if r.account == nil {
		return s.see(r, "/signin")
	}
	v, err := s.Accounts.Of(r.Context(), r.account.ID)
	if err != nil {
		return err
	}
	told(r, "in.app") // this page says it
	return s.show(r, http.StatusOK, &page.Already{Base: s.base(r), Name: v.Email(), Just: true})
}

// withReturn is a path of ours with what the person goes on to in the end.
func (s *Server) withReturn(r *request, path string) string {
	if to := s.returnTo(r); to != "" {
		return path + "?return_to=" + url.QueryEscape(to)
	}
	return path
}

// postNewScreen gives what a page shows for an app to scan, that of a sign-in or of
// a flow. It writes nothing.
func (s *Server) postNewScreen(r *request) error {
	id, challenge := r.PathValue("id"), ""
	if id != "" {
		_, c, err := s.Flows.Flow(r.Context(), r.visit, id)
		if err != nil {
			return s.unknown(r, err)
		}
		if c == nil || c.Way != sparekey.ByApp {
			return sparekey.ErrNotFound
		}
		challenge = c.ID
	}
	screen, err := s.screen(r, id, challenge)
	if err != nil {
		return err
	}
	v, err := screenOf(screen)
	if err != nil {
		return err
	}
	return writeJSON(r.w, http.StatusOK, "application/json", v)
}

// A watches counts the screens that wait on streams of a node.
type watches struct {
	mu  sync.Mutex
	all int
	by  map[netip.Prefix]int
}

// begin reports whether one more may wait for a client; end gives its place back.
func (w *watches) begin(client netip.Prefix) (end func(), ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all >= sparekey.MaxWatchesHere || w.by[client] >= sparekey.MaxWatches {
		return nil, false
	}
	if w.by == nil {
		w.by = map[netip.Prefix]int{}
	}
	w.all++
	w.by[client]++
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.all--
		if w.by[client]--; w.by[client] == 0 {
			delete(w.by, client)
		}
	}, true
}

// postScreen tells how a screen stands: once, or on a stream of events until
// nothing more comes of it (HTML, 9.2). Asking is a POST because the screen writes
// itself into what a phone has scanned.
func (s *Server) postScreen(r *request) error {
	id, nonce := r.PathValue("id"), r.form.text("screen")
	if r.form.has("cancel") {
		return s.cancelScreen(r, id, nonce)
	}
	state, screen, err := s.Flows.LookAtScreen(r.Context(), r.visit, id, nonce)
	if overScreen(err) {
		state, err = sparekey.ScreenExpired, nil
	}
	if err != nil {
		return err
	}
	if r.form.has("once") || r.api || state.Over() || s.leaves.Load() {
		return writeJSON(r.w, http.StatusOK, "application/json", screenState{state})
	}
	end, ok := s.watches.begin(limit.Prefix(r.visit.From))
	if !ok {
		return &sparekey.Error{Kind: sparekey.KindBusy, Code: "g.busy", After: 3 * time.Second}
	}
	defer end()
	told, over := s.Flows.Watch(screen.ID, screen.Short)
	defer over()
	return s.stream(r, id, nonce, told)
}

// cancelScreen ends what has come of a screen, and shows a new one.
func (s *Server) cancelScreen(r *request, id, nonce string) error {
	if err := s.Flows.CancelScreen(r.Context(), r.visit, id, nonce); err != nil && !overScreen(err) {
		return err
	}
	switch {
	case r.api:
		return writeJSON(r.w, http.StatusOK, "application/json", screenState{sparekey.ScreenExpired})
	case id != "":
		return s.see(r, "/flow/"+id)
	}
	return s.see(r, s.withReturn(r, "/signin/qr"))
}

// overScreen reports whether a screen shows nothing any more because its flow has
// gone on or ended: the page is to be looked at again.
func overScreen(err error) bool {
	var e *sparekey.Error
	return errors.As(err, &e) && e.Kind != sparekey.KindNotFound && e.Kind != sparekey.KindBusy
}

const (
	// lookAgain is how long a stream trusts that it is told, and lookSoon how long
	// while a phone waits for it.
	lookAgain = 10 * time.Second
	lookSoon  = time.Second
	// streamSlack is for the last words of a stream.
	streamSlack = 10 * time.Second
)

// stream sends the state of a screen whenever it changes.
func (s *Server) stream(r *request, id, nonce string, told <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(r.Context(), sparekey.WatchLife)
	defer cancel()
	out := http.NewResponseController(r.w)
	out.SetWriteDeadline(time.Now().Add(sparekey.WatchLife + streamSlack)) //nolint:errcheck // a recorder in a test has none
	r.w.Header().Set("Content-Type", "text/event-stream")
	r.w.Header().Set("X-Accel-Buffering", "no") // for proxies that gather answers
	var last sparekey.ScreenState
	for {
		state, _, err := s.Flows.LookAtScreen(ctx, r.visit, id, nonce)
		switch {
		case overScreen(err):
			state = sparekey.ScreenExpired
		case err != nil: // the screen asks again
			s.Log.Warn("a screen that waits was not looked at", "request", r.id, "err", err)
			return nil
		}
		line := ": still here\n\n"
		if state != last {
			body, _ := json.Marshal(screenState{state}) //nolint:errchkjson // plain text
			line = "data: " + string(body) + "\n\n"
		}
		if _, err := r.w.Write([]byte(line)); err != nil || out.Flush() != nil || state.Over() {
			return nil //nolint:nilerr // the client has gone
		}
		last = state
		wait := lookAgain
		if state == sparekey.ScreenScanned {
			wait = lookSoon
		}
		select {
		case <-told:
		case <-time.After(wait):
		case <-s.leaving:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}
