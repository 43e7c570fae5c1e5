package flow

import (
	"context"
	"errors"

	"sparekey"
	"sparekey/internal/ident"
	"sparekey/internal/password"
	"sparekey/internal/secret"
	"sparekey/internal/store"
)

// A Form is what the last page of a flow sends.
type Form struct {
	Password, Again string
	// SignIn asks to be signed in with the password the account has, which was
	// given on this page before.
	SignIn bool

	Code    string // of the authenticator app that is added
	Passkey string // what the browser made, in JSON
	Name    string // of the passkey or the phone that is added

	App       string // the public key of the phone that is paired, in base64url
	Signature string // by it
}

// Act does what the flow is for. Each purpose has its function here; a
// registration acts with its answer.
func (s *Service) Act(ctx context.Context, v Visit, id string, in Form) (Outcome, error) {
	if out, ok := s.repeats(ctx, v, id); ok && out.Flow.Step == sparekey.Done {
		return out, nil
	}
	f, err := s.load(ctx, v, id)
	if err != nil {
		return s.second(ctx, v, id, Outcome{}, err)
	}
	if err := f.Open(s.Now()); err != nil {
		return s.second(ctx, v, id, Outcome{Flow: f}, err)
	}
	if f.Step != sparekey.Act {
		return Outcome{Flow: f}, sparekey.ErrOutOfStep
	}
	// A flow that may not act any more compares and hashes nothing either.
	err = s.Store.MayAct(ctx, f.ID, s.Now())
	if errors.Is(err, sparekey.ErrUsed) {
		return s.second(ctx, v, f.ID, Outcome{Flow: f}, err)
	}
	if err != nil {
		return Outcome{Flow: f}, err
	}
	switch f.Purpose {
	case sparekey.Recover, sparekey.ChangePassword:
		return s.setPassword(ctx, v, f, in)
	case sparekey.ChooseLogin:
		return s.setLogin(ctx, v, f)
	case sparekey.AddWay:
		return s.addWay(ctx, v, f, in)
	case sparekey.DropWay, sparekey.KeepWay:
		return s.dropOrKeep(ctx, v, f)
	case sparekey.TwoProofs:
		return s.setTwo(ctx, v, f)
	case sparekey.ExportData:
		return s.export(ctx, v, f)
	case sparekey.DeleteAccount:
		return s.planDeletion(ctx, v, f)
	default:
		return Outcome{Flow: f}, sparekey.ErrOutOfStep
	}
}

// setPassword changes the password. Given the current one it changes nothing
// and says so: the person is proved.
func (s *Service) setPassword(ctx context.Context, v Visit, f *sparekey.Flow, in Form) (Outcome, error) {
	if in.SignIn {
		return s.signInSame(ctx, v, f)
	}
	if err := s.checkNew(ctx, f, in); err != nil {
		return Outcome{Flow: f}, err
	}
	stored, err := s.hashNew(ctx, v, f, in.Password)
	if err != nil {
		return Outcome{Flow: f}, err
	}
	a, _ := s.acting(v, f)
	a.Password = stored
	a.Event = s.event(sparekey.PasswordSet, v, a.Turn.Now)
	done, err := s.Store.SetPassword(ctx, a)
	if errors.Is(err, sparekey.ErrUsed) {
		return s.second(ctx, v, f.ID, Outcome{Flow: f}, err)
	}
	if err != nil {
		return Outcome{Flow: f}, err
	}
	s.Counts.Flow(done.Purpose, sparekey.Act, sparekey.FlowDone)
	s.Wake()
	return Outcome{done, s.cookies(v, done)}, nil
}

func (s *Service) acting(v Visit, f *sparekey.Flow) (store.Acting, *Cookies) {
	now := s.Now()
	open, cookies := s.opening(v, nil, f.Shared, now)
	return store.Acting{Flow: f.ID, Key: v.Key, Turn: s.turn(v, now), Open: open}, cookies
}

// checkNew says what is wrong with the two fields.
func (s *Service) checkNew(ctx context.Context, f *sparekey.Flow, in Form) error {
	switch {
	case in.Password == "" || in.Again == "":
		field := "password"
		if in.Password != "" {
			field = "password_again"
		}
		return &sparekey.Error{Kind: sparekey.KindShape, Code: "pw.two", Field: field}
	case !secret.Equal(in.Password, in.Again):
		return &sparekey.Error{Kind: sparekey.KindShape, Code: "pw.diff", Field: "password_again"}
	}
	about := password.About{}
	ids, err := s.Store.Identifiers(ctx, f.Account)
	if err != nil {
		return err
	}
	for _, i := range ids {
		switch ident.Kind(i.Kind) {
		case ident.Email:
			about.Email = i.Shown
		case ident.Login:
			about.Login = i.Shown
		}
	}
	return s.refuse(in.Password, about)
}

// hashNew gives what to store for a new password. It reports sparekey.ErrSame,
// and has written a proof of it, if that is the password the account has. One flow
// asks this a few times only, and what it asks is on disk before; then it is not
// asked, and the password is simply set.
func (s *Service) hashNew(ctx context.Context, v Visit, f *sparekey.Flow, pw string) (string, error) {
	stored, err := s.Store.PasswordOf(ctx, f.Account)
	if err != nil {
		return "", err
	}
	now := s.Now()
	try := s.Keys.DeriveID("password "+f.ID, v.Browser, v.Key)
	asked := stored != ""
	if asked {
		asked, err = s.Store.SpendPassword(ctx, store.PasswordTry{ // spend first, look later
			ID: try, Subject: f.Account, Flow: f.ID, Now: now, Facts: v.facts(now),
		})
		if err != nil {
			return "", err
		}
	}
	if !asked {
		hash, err := s.Hasher.Hash(ctx, password.Proved, v.prefix(), pw)
		if err != nil {
			return "", busy(err)
		}
		return hash, nil
	}
	same, hash, err := s.Hasher.Replace(ctx, password.Question{
		Lane: password.Proved, From: v.prefix(), Password: pw, Stored: stored,
	})
	switch {
	case errors.Is(err, password.ErrStored): // it is not what was typed, and is replaced
		s.Log.Error("a stored password cannot be read", "err", err)
	case err != nil:
		return "", busy(err)
	}
	if !same {
		return hash, nil
	}
	err = s.Store.AddPasswordProof(ctx, f, sparekey.Proof{
		Challenge: try, Way: sparekey.ByPassword, Place: f.Account, At: now,
	})
	if err != nil {
		return "", err
	}
	return "", sparekey.ErrSame
}

// signInSame opens the session that sign-in would have opened: the flow holds
// a proof of the password, written when it was given here.
func (s *Service) signInSame(ctx context.Context, v Visit, f *sparekey.Flow) (Outcome, error) {
	if f.Purpose != sparekey.Recover {
		return Outcome{Flow: f}, sparekey.ErrOutOfStep
	}
	a, cookies := s.acting(v, f)
	a.Event = s.event(sparekey.SignedIn, v, a.Turn.Now)
	done, err := s.Store.SignInByFlow(ctx, a)
	if errors.Is(err, sparekey.ErrUsed) {
		return s.second(ctx, v, f.ID, Outcome{Flow: f}, err)
	}
	if err != nil {
		return Outcome{Flow: f}, err
	}
	s.Counts.Flow(done.Purpose, sparekey.Act, sparekey.FlowDone)
	s.Wake()
	return Outcome{done, cookies}, nil
}
