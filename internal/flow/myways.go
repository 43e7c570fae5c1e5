package flow

import (
	"context"
	"errors"
	"fmt"

	"sparekey"
	"sparekey/internal/ident"
	"sparekey/internal/secret"
	"sparekey/internal/store"
)

// AddWay begins to add a passkey, an authenticator app or a saved code to the
// session's account, and gives the flow's id.
func (s *Service) AddWay(ctx context.Context, v Visit, a *sparekey.Account, w sparekey.WayKind) (string, error) {
	what := about{purpose: sparekey.AddWay, target: string(w)}
	switch w {
	case sparekey.BySaved:
	case sparekey.ByPasskey:
		if s.Passkeys == nil {
			return "", sparekey.ErrNotFound
		}
		what.pending = string(s.Source.Token()) // what the new passkey has to sign
	case sparekey.ByApp:
		what.pending = string(s.Source.Token()) // likewise
	case sparekey.ByTOTP:
		held, err := s.Store.Held(ctx, a.ID, s.Now())
		if err != nil {
			return "", err
		}
		for _, h := range held {
			if h.Way == w && h.Dropped.IsZero() {
				return "", sparekey.ErrTooMany
			}
		}
		what.pending = s.totp.NewSeed(s.Source).Reveal()
	default:
		return "", sparekey.ErrNotFound
	}
	return s.setting(ctx, v, a, what)
}

// AddIdentifier begins to add an address or a phone number to the session's
// account. Whether somebody has it already is told by a message to it alone.
func (s *Service) AddIdentifier(ctx context.Context, v Visit, a *sparekey.Account, kind ident.Kind, typed string) (string, error) {
	who, err := parseKind(kind, typed)
	if err != nil {
		return "", identifierError(kind, err)
	}
	ids, err := s.Store.Identifiers(ctx, a.ID)
	if err != nil {
		return "", err
	}
	same := 0
	for _, i := range ids {
		if i.Kind == string(kind) {
			same++
			if i.Key == who.Key {
				return "", &sparekey.Error{Kind: sparekey.KindWrong, Code: "way.have", Field: string(kind)}
			}
		}
	}
	if same >= sparekey.MaxWays {
		return "", sparekey.ErrTooMany
	}
	held, err := s.Store.Held(ctx, a.ID, s.Now())
	if err != nil {
		return "", err
	}
	for _, h := range held { // one's own is kept from others for as long as it can be taken back
		if was, err := parseKind(kind, h.Shown); err == nil && h.Way == wayOf(string(kind)) && !h.Dropped.IsZero() && was.Key == who.Key {
			return "", &sparekey.Error{Kind: sparekey.KindWrong, Code: "way.removed", Field: string(kind)}
		}
	}
	return s.setting(ctx, v, a, about{purpose: sparekey.AddIdentifier, target: string(kind), pending: who.Shown})
}

// identifierError says in words for a person what is wrong with an address or a
// number that is to be added.
func identifierError(kind ident.Kind, err error) error {
	if kind == ident.Email {
		return named(shapeError(err, "reg.mail"), string(kind))
	}
	e := &sparekey.Error{Kind: sparekey.KindShape, Code: "phone.shape", Field: string(kind)}
	switch {
	case errors.Is(err, ident.ErrEmpty):
		e.Code = "g.required"
	case errors.Is(err, ident.ErrPhoneCountry):
		e.Code = "phone.country"
	case errors.Is(err, ident.ErrPhoneKind):
		e.Code = "phone.kind"
	case !errors.Is(err, ident.ErrShape) && !errors.Is(err, ident.ErrTooLong):
		return fmt.Errorf("read a phone number: %w", err)
	}
	return e
}

// named is an error for a person about a field of another name.
func named(err error, field string) error {
	var e *sparekey.Error
	if !errors.As(err, &e) {
		return err
	}
	about := *e
	about.Field = field
	return &about
}

// DropWay begins to drop a way or an identifier of the session's account. It
// reports sparekey.ErrLastWay if the account cannot do without it.
func (s *Service) DropWay(ctx context.Context, v Visit, a *sparekey.Account, id string) (string, error) {
	held, err := s.Store.Held(ctx, a.ID, s.Now())
	if err != nil {
		return "", err
	}
	demand, err := s.Store.Demand(ctx, &sparekey.Flow{Purpose: sparekey.DropWay}, a)
	if err != nil {
		return "", err
	}
	if _, err := store.Droppable(held, id, demand); err != nil {
		return "", err
	}
	return s.setting(ctx, v, a, about{purpose: sparekey.DropWay, target: id})
}

// KeepWay begins to wake a way that sleeps, or to take back one that was dropped.
func (s *Service) KeepWay(ctx context.Context, v Visit, a *sparekey.Account, id string) (string, error) {
	if _, err := s.heldWay(ctx, a.ID, id); err != nil {
		return "", err
	}
	return s.setting(ctx, v, a, about{purpose: sparekey.KeepWay, target: id})
}

// On and off are the targets of a flow that turns "Ask for two proofs".
const (
	on  = "on"
	off = "off"
)

// SetTwo begins to turn "Ask for two proofs" on or off.
func (s *Service) SetTwo(ctx context.Context, v Visit, a *sparekey.Account, turn bool) (string, error) {
	target := off
	if turn {
		target = on
	}
	return s.setting(ctx, v, a, about{purpose: sparekey.TwoProofs, target: target})
}

// Rehearse begins a rehearsal of a recovery: it changes nothing, and its proofs
// count nowhere else.
func (s *Service) Rehearse(ctx context.Context, v Visit, a *sparekey.Account) (string, error) {
	return s.setting(ctx, v, a, about{purpose: sparekey.Rehearse})
}

// heldWay gives a way of an account, also one that was dropped lately.
func (s *Service) heldWay(ctx context.Context, account, id string) (sparekey.Held, error) {
	held, err := s.Store.Held(ctx, account, s.Now())
	if err != nil {
		return sparekey.Held{}, err
	}
	for _, h := range held {
		if h.Place == id {
			return h, nil
		}
	}
	return sparekey.Held{}, sparekey.ErrChanged
}

// Target gives the way that a flow drops or keeps, for its page.
func (s *Service) Target(ctx context.Context, f *sparekey.Flow) (sparekey.Held, error) {
	h, err := s.heldWay(ctx, f.Account, f.Target)
	if masked := shownMasked(h); masked != "" {
		h.Shown = masked
	}
	return h, err
}

// An Enrolment is what the page shows that adds an authenticator app.
type Enrolment struct {
	Seed    secret.Text // in base 32
	Address secret.Text // for the QR code
}

// Enrolment gives what the page of a flow shows that adds an authenticator app.
func (s *Service) Enrolment(f *sparekey.Flow) (Enrolment, error) {
	seed, err := s.Pending(f)
	if err != nil {
		return Enrolment{}, err
	}
	text := secret.Text(seed)
	return Enrolment{Seed: text, Address: s.totp.Address(text, s.SiteName, f.Typed)}, nil
}

func (s *Service) addWay(ctx context.Context, v Visit, f *sparekey.Flow, in Form) (Outcome, error) {
	a, _ := s.acting(v, f)
	a.Event = s.event(sparekey.WayAdded, v, a.Turn.Now)
	w, err := s.newWay(ctx, f, in)
	if err != nil {
		return Outcome{Flow: f}, err
	}
	done, err := s.Store.AddWay(ctx, a, w)
	return s.acted(ctx, v, f, done, nil, err)
}

// newWay makes the credential that a flow adds.
func (s *Service) newWay(ctx context.Context, f *sparekey.Flow, in Form) (w store.NewWay, err error) {
	w = s.newSaved(f)
	switch sparekey.WayKind(f.Target) {
	case sparekey.BySaved:
		w.Stored = w.Saved
		return w, nil
	case sparekey.ByPasskey:
		w.Stored, err = s.madePasskey(ctx, f, in)
		return w, err
	case sparekey.ByApp:
		w.Stored, err = s.pairedApp(f, in)
		return w, err
	}
	answer, err := parseAnswer(sparekey.ByTOTP, Answer{Code: in.Code})
	if err != nil {
		return store.NewWay{}, err
	}
	seed, err := s.Pending(f)
	if err != nil {
		return store.NewWay{}, err
	}
	// The seed is on the person's own page: there is nothing to guess.
	step, right, err := s.totp.CheckSeed(secret.Text(seed), answer, 0, s.Now())
	if err != nil {
		return store.NewWay{}, err
	}
	if !right {
		return store.NewWay{}, &sparekey.Error{Kind: sparekey.KindWrong, Code: "totp.clock", Field: "code"}
	}
	id := s.Source.ID()
	w.Stored = store.Stored{ID: id, Kind: sparekey.ByTOTP, Data: s.totp.Seal(id, secret.Text(seed), s.Source), Step: step}
	return w, nil
}

// newSaved makes a saved code, and what is kept of it.
func (s *Service) newSaved(f *sparekey.Flow) store.NewWay {
	code := s.saved.New(s.Source)
	return store.NewWay{
		Saved: store.Stored{ID: s.Source.ID(), Kind: sparekey.BySaved, Lookup: s.saved.Lookup(code)},
		Fresh: s.seal("fresh", f, code),
	}
}

func (s *Service) dropOrKeep(ctx context.Context, v Visit, f *sparekey.Flow) (Outcome, error) {
	a, _ := s.acting(v, f)
	act, kind := s.Store.DropWay, sparekey.WayDropped
	if f.Purpose == sparekey.KeepWay {
		act, kind = s.Store.KeepWay, sparekey.WayKept
	}
	a.Event = s.event(kind, v, a.Turn.Now)
	done, err := act(ctx, a, f.Target, mask)
	return s.acted(ctx, v, f, done, nil, err)
}

func (s *Service) setTwo(ctx context.Context, v Visit, f *sparekey.Flow) (Outcome, error) {
	a, _ := s.acting(v, f)
	a.Event = s.event("", v, a.Turn.Now)
	done, err := s.Store.SetTwo(ctx, a, f.Target == on, s.newSaved(f))
	return s.acted(ctx, v, f, done, nil, err)
}
