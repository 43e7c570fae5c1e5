package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// asks asks as a program, and gives the flow that the answer is.
func (w *equalWalk) asks(path string, status int, members ...any) (f programFlow) {
	w.t.Helper()
	p := w.step("POST "+path, func() *sparekeytest.Page { return w.c.Ask(path, members...) }).See(status)
	if status < 300 {
		if err := json.Unmarshal([]byte(p.Body), &f); err != nil {
			w.t.Fatal(err)
		}
	}
	return f
}

// walkProgram goes through everything in JSON, as one of the classes.
func (s *equalScene) walkProgram(t *testing.T, nth int, class equalClass) []equalStep {
	s.rewind(t)
	w := &equalWalk{equalScene: s, t: t, class: class, c: s.app.Client()}
	w.c.Addr = fmt.Sprintf("203.0.113.%d:4711", 100+nth)
	w.c.Watch = watchProgram(t, s.app)
	address := class.name + "@example.com"
	for _, w.typed = range []string{address, class.name} {
		for range 3 {
			w.asks("/api/v1/signin", 422, "login", w.typed, "password", "not it at all")
		}
		w.programRecovers()
		w.programChooses()
		w.c.Header = http.Header{"Accept-Language": {"ar"}}
	}
	w.typed = address
	w.app.Sleep(24 * time.Hour)
	f := w.asks("/api/v1/register", 201, "login", w.typed, "password", first)
	w.deliver()
	w.app.Sleep(time.Minute)
	w.asks("/api/v1/flows/"+f.ID+"/again", 200, "challenge", f.Challenge.ID)
	w.deliver()
	w.programGuesses(f)
	return w.steps
}

// programRecovers recovers, to the end of the tries.
func (w *equalWalk) programRecovers() {
	w.t.Helper()
	f := w.asks("/api/v1/recover", 201, "login", w.typed, "return_to", "/shop")
	at := "/api/v1/flows/" + f.ID
	w.asks(at+"/answer", 422, "challenge", f.Challenge.ID, "code", "11111111") // before the worker has found out anything
	w.deliver()
	w.asks(at+"/again", 200, "challenge", f.Challenge.ID) // too early
	if w.class.meanwhile != "" {
		w.rows.Exec(w.class.meanwhile, f.ID)
	}
	w.get(at+"/ways", 200)
	w.app.Sleep(sparekey.SendWait(1))
	w.asks(at+"/again", 200, "challenge", f.Challenge.ID)
	w.deliver()
	w.get(at, 200)
	w.asks(at+"/answer", 422, "challenge", f.Challenge.ID, "code", "1111")
	w.asks(at+"/act", 200, "password", first, "password_again", first)
	w.programGuesses(f)
}

// programGuesses uses up the tries of a flow, and asks for everything then.
func (w *equalWalk) programGuesses(f programFlow) {
	w.t.Helper()
	at, status := "/api/v1/flows/"+f.ID, 422
	for status == 422 {
		p := w.step("POST "+at+"/answer", func() *sparekeytest.Page {
			return w.c.Ask(at+"/answer", "challenge", f.Challenge.ID, "code", "22222222")
		})
		status = p.Status
	}
	w.programEnded(f)
}

// programEnded asks a flow that has ended for everything there is.
func (w *equalWalk) programEnded(f programFlow) {
	w.t.Helper()
	at := "/api/v1/flows/" + f.ID
	w.get(at, 410)
	w.get(at+"/ways", 410)
	w.get(at+"/data", 404)
	w.asks(at+"/answer", 410, "challenge", f.Challenge.ID, "code", "44444444")
	w.asks(at+"/again", 410, "challenge", f.Challenge.ID)
	w.asks(at+"/ways", 410, "way", "mail")
}

// programChooses goes through every way that is offered, answers by each what
// cannot be right, and stays to the end of the flow's time.
func (w *equalWalk) programChooses() {
	w.t.Helper()
	f := w.asks("/api/v1/recover", 201, "login", w.typed)
	at := "/api/v1/flows/" + f.ID
	w.deliver()
	for _, way := range []string{"saved", "passkey", "text", "totp", "app", "mail"} {
		f = w.asks(at+"/ways", 200, "way", way)
		w.deliver()
		switch f.Challenge.Way {
		case "saved":
			w.asks(at+"/answer", 422, "challenge", f.Challenge.ID, "code", "7KQTM-4R7WX-01234-56789-ABCDE")
		case "passkey":
			w.asks(at+"/answer", 422, "challenge", f.Challenge.ID, "passkey", json.RawMessage(nobodysPasskey))
		case "app":
			var shown struct{ Screen string }
			reads(w.t, w.step("POST "+at+"/screen", func() *sparekeytest.Page { return w.c.Ask(at + "/screen") }), &shown)
			w.asks(at+"/screen/state", 200, "screen", shown.Screen)
			w.asks(at+"/answer", 200, "challenge", f.Challenge.ID, "screen", shown.Screen) // not yet
			w.asks(at+"/answer", 422, "challenge", f.Challenge.ID, "screen", "of another")
		default:
			w.asks(at+"/answer", 422, "challenge", f.Challenge.ID, "code", "none")
		}
	}
	w.asks(at+"/ways", 422, "way", "letter")
	w.app.Sleep(sparekey.FlowLife)
	w.programEnded(f)
}

// Programs are told of nobody what they are told of everybody (A01, A04, A05,
// A06; ASVS 6.3.8): for nobody, and for accounts of every kind, by address and by
// login name, in two languages, a program gets the same answers to the byte but
// for what it said itself, behind the same statements, hashes and comparisons.
func TestA01ProgramsAreEqual(t *testing.T) { equalForAll(t, (*equalScene).walkProgram) }
