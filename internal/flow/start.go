package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sparekey"
	"sparekey/internal/ident"
	"sparekey/internal/password"
	"sparekey/internal/store"
)

// Recover begins a recovery for whoever was typed, and gives the flow's id. It
// looks nobody up: what it writes is the same for everybody, and the worker
// finds out the rest (A01, A02).
func (s *Service) Recover(ctx context.Context, v Visit, login, returnTo string) (string, error) {
	who, err := ident.Parse(login)
	if err != nil {
		return "", shapeError(err, "rec.shape")
	}
	return s.start(ctx, v, sparekey.Recover, who, "", returnTo)
}

// Register begins a registration. The password is hashed before anybody knows
// whether the address is free, and kept sealed until it is proved.
func (s *Service) Register(ctx context.Context, v Visit, email, pw, returnTo string) (string, error) {
	who, err := ident.ParseEmail(email)
	if err != nil {
		return "", shapeError(err, "reg.mail")
	}
	if err := s.refuse(pw, password.About{Email: who.Shown}); err != nil {
		return "", err
	}
	stored, err := s.Hasher.Hash(ctx, password.Stranger, v.prefix(), pw)
	if err != nil {
		return "", busy(err)
	}
	return s.start(ctx, v, sparekey.Register, who, stored, returnTo)
}

// start writes a flow with its first challenge and the message that carries
// its code. The id follows from the form, so that a second click on it finds
// the first one's flow.
func (s *Service) start(ctx context.Context, v Visit, p sparekey.Purpose, who ident.Ident, pending, returnTo string) (string, error) {
	if err := s.admit(v); err != nil {
		return "", err
	}
	now := s.Now()
	f := s.newFlow(v, p, now)
	f.TypedKind, f.TypedKey, f.Typed, f.ReturnTo = string(who.Kind), who.Key, who.Shown, returnTo
	f.KnownHash = v.knownHash()
	if pending != "" {
		f.Pending = s.Keys.Seal("flow "+f.ID, []byte(pending), s.Source)
	}
	return f.ID, s.write(ctx, f, now)
}

// write stores a flow that waits for a mailed code, and wakes the worker.
func (s *Service) write(ctx context.Context, f *sparekey.Flow, now time.Time) error {
	return s.writeAsking(ctx, f, s.asking(f, sparekey.ByMail, now), now)
}

func (s *Service) writeAsking(ctx context.Context, f *sparekey.Flow, a store.Asking, now time.Time) error {
	if err := f.Ask(now); err != nil {
		return err
	}
	if err := s.begin(ctx, store.Start{Flow: f, Challenge: a.Challenge, Message: a.Message}); err != nil {
		return err
	}
	s.Wake()
	return nil
}

// asking is a new challenge of f for a way, with the message that carries its
// code if the way sends one.
func (s *Service) asking(f *sparekey.Flow, w sparekey.WayKind, now time.Time) store.Asking {
	a := store.Asking{Challenge: &sparekey.Challenge{ID: s.Source.ID(), Flow: f.ID, Way: w, Open: true, Started: now}}
	switch {
	case sends(w):
		a.Message = s.codeMessage(f, a.Challenge, now)
	case w == sparekey.ByPasskey: // that of an app is the screen's, which is renewed
		a.Challenge.Nonce, a.Challenge.KeyID, a.Challenge.Minted = s.Source.ID(), s.Keys.Newest(), now
	default: // nothing has to be resolved: the code is the person's own
		a.Challenge.Minted = now
	}
	return a
}

// sends reports whether a way sends a code.
func sends(w sparekey.WayKind) bool {
	return w == sparekey.ByMail || w == sparekey.ByText || w == sparekey.ByNew
}

// begin stores a flow, and counts it unless it was there already.
func (s *Service) begin(ctx context.Context, st store.Start) error {
	began, err := s.Store.StartFlow(ctx, st)
	if began {
		s.Counts.Flow(st.Flow.Purpose, st.Flow.Step, sparekey.FlowStarted)
	}
	return err
}

// flowID names the flow that a form begins: its exact repeat begins none.
func (s *Service) flowID(v Visit, p sparekey.Purpose) string {
	return s.Keys.DeriveID("flow "+string(p), v.Browser, v.Key)
}

func (s *Service) newFlow(v Visit, p sparekey.Purpose, now time.Time) *sparekey.Flow {
	return &sparekey.Flow{
		ID: s.flowID(v, p), Purpose: p, Step: sparekey.Verify,
		Browser: v.Browser.Hash(), LastKey: v.Key, Charge: s.Source.ID(),
		Lang: v.Lang, From: v.From.String(), On: v.On,
		Started: now, Expires: now.Add(sparekey.FlowLife),
	}
}

func (s *Service) codeMessage(f *sparekey.Flow, c *sparekey.Challenge, now time.Time) *sparekey.Message {
	return &sparekey.Message{
		ID: s.Source.ID(), Kind: sparekey.CodeMessage, Flow: f.ID, Challenge: c.ID,
		RunAt: now, DropAfter: c.Started.Add(sparekey.FlowLife),
	}
}

// ChangePassword begins the change of a password from a session: the same
// steps as a recovery, about the session's own account.
func (s *Service) ChangePassword(ctx context.Context, v Visit, a *sparekey.Account) (string, error) {
	return s.setting(ctx, v, a, about{purpose: sparekey.ChangePassword})
}

// about is what a flow about a setting is for.
type about struct {
	purpose sparekey.Purpose
	target  string // see sparekey.Flow
	pending string // what the flow will write; it is kept sealed
}

// setting begins the change of a setting from a session. Fresh proofs of the
// session that would be enough for a recovery stand in for the code.
func (s *Service) setting(ctx context.Context, v Visit, a *sparekey.Account, what about) (string, error) {
	now := s.Now()
	email, err := s.firstEmail(ctx, a.ID)
	if err != nil {
		return "", err
	}
	f := s.newFlow(v, what.purpose, now)
	f.Account, f.Epochs, f.Session, f.Shared, f.Typed = a.ID, a.Epochs, v.Session.ID, v.Session.Shared, email
	f.Target = what.target
	if what.pending != "" {
		f.Pending = s.Keys.Seal("flow "+f.ID, []byte(what.pending), s.Source)
	}
	proofs, err := s.Store.Proofs(ctx, f, now)
	if err != nil {
		return "", err
	}
	demand, err := s.Store.Demand(ctx, f, a)
	if err != nil {
		return "", err
	}
	switch {
	case f.Pass(proofs, demand):
		f.Subject = a.ID
		return f.ID, s.begin(ctx, store.Start{Flow: f})
	case f.Purpose == sparekey.AddIdentifier && f.Purpose.Proved(proofs, demand):
		return f.ID, s.writeAsking(ctx, f, s.asking(f, sparekey.ByNew, now), now)
	case slices.ContainsFunc(proofs, func(p sparekey.Proof) bool { return p.Way == sparekey.ByMail }): // it is another that lacks
		f.Subject = a.ID
		return f.ID, s.begin(ctx, store.Start{Flow: f})
	}
	return f.ID, s.write(ctx, f, now)
}

// firstEmail is the address that the codes of an account go to.
func (s *Service) firstEmail(ctx context.Context, account string) (string, error) {
	ids, err := s.Store.Identifiers(ctx, account)
	if err != nil {
		return "", err
	}
	for _, i := range ids {
		if i.Kind == string(ident.Email) && !i.Proved.IsZero() && i.Asleep.IsZero() {
			return i.Shown, nil
		}
	}
	return "", fmt.Errorf("account %s has no proved address", account)
}

// refuse tells why a new password cannot be taken, in words for a person.
func (s *Service) refuse(pw string, about password.About) error {
	if pw == "" {
		return &sparekey.Error{Kind: sparekey.KindShape, Code: "g.required", Field: "password"}
	}
	about.Site, about.Host, about.Min = s.SiteName, s.Host, s.Min
	err := password.Refuse(pw, about)
	var no *password.Refusal
	if errors.As(err, &no) {
		e := &sparekey.Error{Kind: sparekey.KindShape, Code: no.Code, Field: "password"}
		switch no.Code {
		case "pw.short":
			e.Args = []any{"Min", s.Min, "Count", no.Have}
		case "pw.long":
			e.Args = []any{"Max", no.Max}
		}
		return e
	}
	return err
}

// shapeError says in words for a person what is wrong with an identifier.
func shapeError(err error, code string) error {
	if errors.Is(err, ident.ErrEmpty) {
		code = "g.required"
	}
	return &sparekey.Error{Kind: sparekey.KindShape, Code: code, Field: "login"}
}

// busy turns a refused hash into an answer for a person.
func busy(err error) error {
	var full *password.BusyError
	if errors.As(err, &full) {
		return &sparekey.Error{Kind: sparekey.KindBusy, Code: "g.busy", After: full.RetryAfter}
	}
	return fmt.Errorf("hash password: %w", err)
}
