// Package flow runs the machine: a person's way through a purpose, from "who
// are you" to "done". It is the only writer of credentials and identifiers.
//
// Read start.go first, then resolve.go (the worker's half of a start),
// answer.go, ways.go, act.go and signin.go. No step knows the next one: each move leaves
// the flow's row where it stands, and the page is chosen by that row.
package flow

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"sparekey"
	"sparekey/internal/limit"
	"sparekey/internal/password"
	"sparekey/internal/secret"
	"sparekey/internal/store"
	"sparekey/internal/way"
)

// Options are what a Service is built from. All must be set but what is said to
// be optional.
type Options struct {
	Store    *store.DB
	Keys     *secret.Ring
	Source   *secret.Source
	Hasher   *password.Hasher
	SiteName string
	Host     string // of the pages
	Origin   string // likewise
	Min      int    // characters of a new password
	High     bool   // the profile is "high"
	MailCap  sparekey.Windows
	Texts    Texts         // optional
	Push     Push          // optional
	Passkeys *way.Passkeys // optional: nil where browsers make none: the host is an address
	Now      func() time.Time
	Log      *slog.Logger
	// Wake tells the outbox that a message was written.
	Wake   func()
	Counts Counts
}

// Texts are what the installation does with text messages. Without On no page
// offers any.
type Texts struct {
	On      bool
	Reaches func(number string) bool
	Prefix  func(number string) string
}

// Push is what the installation tells phones.
type Push struct {
	Key     string                     // by which push services know it; empty where phones are not told
	Allowed func(endpoint string) bool // whether a browser takes pushes there
}

// Counts are told what happens, for the operator's metrics. They are told of
// everybody and nobody at the same places, and of nobody in particular.
type Counts struct {
	Flow   func(sparekey.Purpose, sparekey.Step, sparekey.Outcome)
	Code   func(sparekey.Purpose, sparekey.Outcome)
	SignIn func(sparekey.Outcome)
}

// A Service runs flows. It is safe for use by many goroutines.
type Service struct {
	Options
	mail  way.Mail
	saved way.Saved
	totp  way.TOTP
	app   way.App

	waiting  watchers     // screens that wait to be approved
	compared atomic.Int64 // answers compared with a code
	open     atomic.Int64 // open flows of strangers, as last counted, and begun since
}

// New builds a Service.
func New(o Options) *Service {
	return &Service{
		Options: o,
		mail:    way.Mail{Keys: o.Keys},
		saved:   way.Saved{Keys: o.Keys, Store: o.Store},
		totp:    way.TOTP{Keys: o.Keys},
		app:     way.App{Keys: o.Keys, Origin: o.Origin},
	}
}

// Compared is how many answers were compared with a code since the start. The
// bounds on guessing are counted by it.
func (s *Service) Compared() int64 { return s.compared.Load() }

// OpenFlows is how many open flows of strangers there are, as last counted, and
// begun since.
func (s *Service) OpenFlows() int64 { return s.open.Load() }

// A Visit is who stands at the door: a browser, what it brings, and the form.
type Visit struct {
	Browser secret.Token      // its secret; every browser has one
	Known   secret.Token      // the known-browser cookie; empty if there is none
	Session *sparekey.Session // the session; nil if there is none
	From    netip.Addr        // the client's address
	On      string            // the browser and system, from a closed list
	Lang    string            // the language of the page
	Key     string            // the fingerprint of the form that was sent
}

func (v Visit) facts(now time.Time) sparekey.Facts {
	return sparekey.Facts{At: now, From: v.From.String(), On: v.On}
}

func (v Visit) knownHash() string {
	if v.Known == "" {
		return ""
	}
	return v.Known.Hash()
}

func (v Visit) session() string {
	if v.Session == nil {
		return ""
	}
	return v.Session.ID
}

// Cookies are what a browser is given when it has proved something. They are
// derived from its old secret and the form, so that the form's exact repeat
// sets the same ones. Empty ones stay as they are.
type Cookies struct {
	Browser secret.Token
	Session secret.Token
	Known   secret.Token
	Shared  bool // the session's cookie goes with the browser
}

// next derives the browser's next secret.
func (s *Service) next(v Visit) secret.Token { return s.Keys.Derive("browser", v.Browser, v.Key) }

// turn is the exchange of the browser's secret for its next one.
func (s *Service) turn(v Visit, now time.Time) store.Turn {
	return store.Turn{Browser: v.Browser.Hash(), Next: s.next(v).Hash(), Key: v.Key, Now: now}
}

// opening prepares a session and a known browser, and the cookies for them.
func (s *Service) opening(v Visit, how []sparekey.WayKind, shared bool, now time.Time) (store.Opening, *Cookies) {
	c := &Cookies{
		Browser: s.next(v),
		Session: s.Keys.Derive("session", v.Browser, v.Key),
		Known:   s.Keys.Derive("known", v.Browser, v.Key),
		Shared:  shared,
	}
	o := store.Opening{
		Session: s.Source.ID(), TokenHash: c.Session.Hash(),
		Known: s.Source.ID(), KnownHash: c.Known.Hash(), WasKnown: v.knownHash(),
		Replaces: v.session(), How: how, Facts: v.facts(now), Shared: shared,
	}
	if shared { // not known afterwards
		o.Known, o.KnownHash, c.Known = "", "", ""
	}
	return o, c
}

func (s *Service) event(kind sparekey.EventKind, v Visit, now time.Time) sparekey.Event {
	return sparekey.Event{ID: s.Source.ID(), Kind: kind, Facts: v.facts(now)}
}

// load gives the flow that the browser may see. Another browser's flow is
// unknown to it (ASVS 6.6.2); a flow begun in a session ends with it.
func (s *Service) load(ctx context.Context, v Visit, id string) (*sparekey.Flow, error) {
	f, err := s.Store.Flow(ctx, id)
	if err != nil {
		return nil, err
	}
	if f.Browser != v.Browser.Hash() {
		return nil, sparekey.ErrNotFound
	}
	// The last page of a deletion is shown to the browser that it signed out.
	left := f.Purpose == sparekey.DeleteAccount && f.Step == sparekey.Done
	if f.Session != "" && f.Session != v.session() && !left {
		return nil, sparekey.ErrExpired
	}
	return f, nil
}

// repeats answers the exact repeat of the form that last moved the flow on, as
// it was answered the first time, and moves nothing. The browser's old secret
// may send it for a minute, and is given the same cookies again; the new one
// has them.
func (s *Service) repeats(ctx context.Context, v Visit, id string) (Outcome, bool) {
	f, err := s.Store.Flow(ctx, id)
	if err != nil || f.LastKey != v.Key {
		return Outcome{}, false
	}
	switch v.Browser.Hash() {
	case f.Browser: // while it verifies, a wrong answer may have been the last form
		return Outcome{Flow: f}, f.Step != sparekey.Verify
	case f.OldBrowser:
		return Outcome{f, s.cookies(v, f)}, s.Now().Before(f.OldUntil)
	}
	return Outcome{}, false
}

// Flow gives the flow for its page, with its open challenge if it has one.
func (s *Service) Flow(ctx context.Context, v Visit, id string) (*sparekey.Flow, *sparekey.Challenge, error) {
	f, err := s.load(ctx, v, id)
	if err != nil {
		return nil, nil, err
	}
	if f.Step != sparekey.Verify {
		return f, nil, nil
	}
	c, err := s.Store.OpenChallenge(ctx, id)
	if errors.Is(err, sparekey.ErrNotFound) {
		return f, nil, nil
	}
	return f, c, err
}

// prefix is what a client's budgets go by: its IPv4 address or its IPv6 /64.
func (v Visit) prefix() netip.Prefix { return limit.Prefix(v.From) }

// CountOpen counts the open flows of strangers anew. It is called every few
// seconds; starts in between are added.
func (s *Service) CountOpen(ctx context.Context) error {
	n, err := s.Store.OpenFlows(ctx, s.Now(), sparekey.MaxOpenFlows+1)
	if err == nil {
		s.open.Store(int64(n))
	}
	return err
}

// admit refuses strangers while the installation holds as many open flows as
// it may, so that nobody can fill the disk with them.
func (s *Service) admit(v Visit) error {
	if v.Session == nil && s.open.Add(1) > sparekey.MaxOpenFlows {
		return sparekey.ErrFull
	}
	return nil
}
