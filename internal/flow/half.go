package flow

import (
	"context"

	"sparekey"
	"sparekey/internal/ident"
	"sparekey/internal/store"
)

// half begins the flow of a sign-in with its first proof. If that is enough, the
// session is opened; else a second one is asked for: an authenticator app at
// once if the account has one, and else what the person chooses.
func (s *Service) half(ctx context.Context, v Visit, view store.SignInView, in Login, h store.HalfSignIn) (SignedIn, error) {
	now := s.Now()
	f := s.newFlow(v, sparekey.SignIn, now)
	f.Subject, f.Account, f.Epochs, f.Known = view.Account, view.Account, view.Epochs, view.Known != ""
	f.Shared, f.ReturnTo = in.Shared, in.ReturnTo
	if who, err := ident.Parse(in.Login); err == nil {
		f.TypedKind, f.TypedKey, f.Typed = string(who.Kind), who.Key, who.Shown
	}
	app, err := s.Store.StoredTOTP(ctx, f)
	if err != nil {
		return SignedIn{}, err
	}
	if app.ID != "" {
		h.Challenge = s.asking(f, sparekey.ByTOTP, now).Challenge
	}
	next := s.turn(v, now)
	f.Browser, f.OldBrowser, f.OldUntil = next.Next, next.Browser, now.Add(sparekey.RepeatLife)
	h.View, h.Flow, h.Turn = view, f, next
	h.Proof.Account, h.Proof.At = view.Account, now
	h.Event = s.event(sparekey.HalfSignedIn, v, now)
	h.Event.ID = store.HalfEvent(f.ID)
	open, cookies := s.opening(v, nil, in.Shared, now)
	h.Acting = store.Acting{Flow: f.ID, Key: v.Key, Turn: next, Open: open, Event: s.event(sparekey.SignedIn, v, now)}
	done, err := s.Store.HalfSignIn(ctx, h)
	if err != nil {
		return SignedIn{}, err
	}
	s.Counts.Flow(f.Purpose, sparekey.Verify, sparekey.FlowStarted)
	s.Wake()
	if !done {
		return SignedIn{Cookies: &Cookies{Browser: s.next(v)}, Flow: f.ID}, nil
	}
	s.Counts.SignIn(sparekey.TypedRight)
	s.Counts.Flow(f.Purpose, sparekey.Verify, sparekey.FlowDone)
	return SignedIn{Cookies: cookies}, nil
}
