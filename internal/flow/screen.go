package flow

import (
	"context"
	"errors"
	"time"

	"sparekey"
	"sparekey/internal/secret"
	"sparekey/internal/store"
	"sparekey/internal/way"
)

// The screen's half of an approval: a page that shows a code, which a phone scans,
// and that waits. Before a phone has scanned it, no row is written.

// A Screen is what a page shows to be scanned.
type Screen = way.Screen

// Screen makes what a page shows. challenge is that of the flow whose page it is;
// empty for a sign-in.
func (s *Service) Screen(v Visit, challenge string) (way.Screen, error) {
	return s.app.NewScreen(v.Browser.Hash(), challenge, s.Source, s.Now())
}

// ScreenAgain gives the screen that a page showed before, if its code may still be
// scanned, or has been.
func (s *Service) ScreenAgain(ctx context.Context, v Visit, challenge, nonce string) (way.Screen, bool, error) {
	screen, ok, err := s.app.Screen(v.Browser.Hash(), challenge, nonce)
	if err != nil || !ok {
		return way.Screen{}, false, err
	}
	state, _, err := s.look(ctx, screen)
	return screen, err == nil && !state.Over(), err
}

// clockSlack is how far the clocks of two nodes may be apart.
const clockSlack = 2 * time.Second

// look gives the state of a screen and the approval behind it, if there is one.
func (s *Service) look(ctx context.Context, screen way.Screen) (sparekey.ScreenState, *sparekey.Approval, error) {
	now, end := s.Now(), screen.Born.Add(sparekey.ScreenLife)
	a, err := s.Store.ApprovalSeen(ctx, screen.ID, screen.Short)
	if err != nil {
		return "", nil, err
	}
	// A nonce that says it is of a later time is none of ours, or of a clock that was set back.
	if a == nil || a.Scanned.Before(screen.Born.Add(-clockSlack)) || a.Scanned.After(end.Add(clockSlack)) || a.State == sparekey.AppForeign {
		if now.Before(screen.Born.Add(-clockSlack)) || !now.Before(end) {
			return sparekey.ScreenExpired, nil, nil
		}
		return sparekey.ScreenWaits, nil, nil
	}
	switch {
	case a.State == sparekey.AppDeclined:
		return sparekey.ScreenDeclined, a, nil
	case a.State == sparekey.AppUsed:
		return sparekey.ScreenApproved, a, nil
	case a.State == sparekey.AppEnded || !a.Open(now):
		return sparekey.ScreenExpired, a, nil
	case a.State == sparekey.AppApproved:
		return sparekey.ScreenApproved, a, nil
	}
	return sparekey.ScreenScanned, a, nil
}

// LookAtScreen gives the state of the screen that this browser shows, in the flow
// or on the page of a sign-in. When a phone has just scanned its code, the screen
// writes who it is, and only then the phone asks about it: nobody else can, and who
// photographed the code gets the state of no screen (A68).
func (s *Service) LookAtScreen(ctx context.Context, v Visit, flow, nonce string) (sparekey.ScreenState, way.Screen, error) {
	f, about, err := s.shows(ctx, v, flow)
	if err != nil {
		return "", way.Screen{}, err
	}
	screen, ok, err := s.app.Screen(about.Browser, about.Challenge, nonce)
	if err != nil {
		return "", screen, err
	}
	if !ok {
		return sparekey.ScreenExpired, screen, nil
	}
	state, a, err := s.look(ctx, screen)
	if err != nil || a == nil || a.State != sparekey.AppScanned || state != sparekey.ScreenScanned {
		return state, screen, err
	}
	if flow != "" && f.Subject == "" { // the worker has not found out yet whom it is about
		return state, screen, nil
	}
	opens, err := s.Store.OpensByApp(ctx, f, a.Credential)
	if err != nil {
		return "", screen, err
	}
	about.ID, about.Account, about.Seen, about.Asked = a.ID, a.Account, a.Seen, s.Now()
	about.Expires = about.Asked.Add(sparekey.ApproveLife)
	own := opens.ID != "" && (flow == "" || a.Account == f.Account && !f.Ghost && !f.Stopped)
	if err := s.Store.ClaimApproval(ctx, about, screen.ID, screen.Short, own); err != nil {
		return "", screen, err
	}
	state, _, err = s.look(ctx, screen)
	return state, screen, err
}

// shows gives what a screen of this browser is about, and its flow: an empty one on
// the page of a sign-in.
func (s *Service) shows(ctx context.Context, v Visit, flow string) (*sparekey.Flow, sparekey.Approval, error) {
	about := sparekey.Approval{Purpose: sparekey.SignIn, Browser: v.Browser.Hash(), From: v.From.String(), On: v.On}
	if flow == "" {
		return &sparekey.Flow{}, about, nil
	}
	f, c, err := s.Flow(ctx, v, flow)
	if err == nil {
		err = f.MayChoose(s.Now())
	}
	switch {
	case err != nil:
		return nil, about, err
	case c == nil || c.Way != sparekey.ByApp:
		return nil, about, sparekey.ErrOutOfStep
	}
	about.Flow, about.Challenge, about.Purpose = f.ID, c.ID, f.Purpose
	return f, about, nil
}

// CancelScreen ends what has come of the screen that this browser shows: what a phone
// still answers counts for nothing.
func (s *Service) CancelScreen(ctx context.Context, v Visit, flow, nonce string) error {
	_, about, err := s.shows(ctx, v, flow)
	if err != nil {
		return err
	}
	screen, ok, err := s.app.Screen(about.Browser, about.Challenge, nonce)
	if err != nil || !ok {
		return err
	}
	return s.Store.CancelApproval(ctx, screen.ID, screen.Short)
}

// approvedScreen gives the approval that a browser may go on with, for the screen
// of a nonce. It reports what became of it else.
func (s *Service) approvedScreen(ctx context.Context, v Visit, flow, nonce string) (*sparekey.Approval, error) {
	state, screen, err := s.LookAtScreen(ctx, v, flow, nonce)
	if err != nil {
		return nil, err
	}
	switch state {
	case sparekey.ScreenDeclined:
		return nil, sparekey.ErrDeclined
	case sparekey.ScreenExpired:
		return nil, sparekey.ErrScreenOld
	case sparekey.ScreenApproved:
	default:
		return nil, sparekey.ErrNotYet
	}
	_, a, err := s.look(ctx, screen)
	if err == nil && (a == nil || a.State != sparekey.AppApproved || a.Browser != v.Browser.Hash()) {
		err = sparekey.ErrScreenOld
	}
	return a, err
}

// useOf is the use of the app behind an approval; the zero value if it opens
// nothing any more.
func (s *Service) useOf(ctx context.Context, f *sparekey.Flow, a *sparekey.Approval) (store.Use, error) {
	was, err := s.Store.OpensByApp(ctx, f, a.Credential)
	if err != nil || was.ID == "" {
		return store.Use{}, err
	}
	use := store.Use{Was: was, Is: was, Approval: a.ID}
	use.Is.Data, err = s.app.Renew(was, s.Source)
	if errors.Is(err, secret.ErrBox) || errors.Is(err, secret.ErrUnknownKey) {
		s.Log.Error("the key of an app cannot be read", "err", err)
		return store.Use{}, nil
	}
	return use, err
}

// An AppLogin is what the sign-in form says of a screen.
type AppLogin struct {
	Screen   string // its nonce
	Shared   bool
	ReturnTo string
}

// SignInByApp opens a session for the account whose app has approved the screen of
// this browser, or asks for a second proof where the account asks for two. It
// reports sparekey.ErrNotYet while nobody has decided.
func (s *Service) SignInByApp(ctx context.Context, v Visit, in AppLogin) (SignedIn, error) {
	if first, ok := s.signedInBefore(ctx, v); ok {
		return first, nil
	}
	a, err := s.approvedScreen(ctx, v, "", in.Screen)
	if err == nil {
		return s.signInApproved(ctx, v, a, in)
	}
	if first, ok := s.signedInBefore(ctx, v); ok { // of two clicks that came at once
		return first, nil
	}
	return SignedIn{}, err
}

func (s *Service) signInApproved(ctx context.Context, v Visit, a *sparekey.Approval, in AppLogin) (SignedIn, error) {
	use, err := s.useOf(ctx, &sparekey.Flow{}, a)
	if err != nil {
		return SignedIn{}, err
	}
	view, err := s.Store.AccountView(ctx, a.Account, v.knownHash(), s.Now())
	if err != nil {
		return SignedIn{}, err
	}
	if use.Was.ID == "" || view.Account == "" {
		return SignedIn{}, sparekey.ErrScreenOld
	}
	if err := s.held(view); err != nil { // said to the owner of the app only
		return SignedIn{}, err
	}
	half := store.HalfSignIn{Use: &use, Proof: sparekey.Proof{Challenge: a.ID, Way: sparekey.ByApp, Place: use.Was.ID}}
	out, err := s.half(ctx, v, view, Login{Shared: in.Shared, ReturnTo: in.ReturnTo}, half)
	if errors.Is(err, sparekey.ErrUsed) || errors.Is(err, sparekey.ErrWrongCode) {
		return SignedIn{}, sparekey.ErrScreenOld // it was used, or the app was removed meanwhile
	}
	return out, err
}
