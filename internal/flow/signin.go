package flow

import (
	"context"
	"errors"
	"strconv"

	"sparekey"
	"sparekey/internal/ident"
	"sparekey/internal/password"
	"sparekey/internal/store"
)

// A SignedIn is what a sign-in leads to: a session, or a flow in which a second
// proof is asked for.
type SignedIn struct {
	Cookies *Cookies
	Flow    string // empty where the session is open
}

// A Login is what the sign-in form says.
type Login struct {
	Login, Password string
	Shared          bool // on a shared computer
	ReturnTo        string
}

// SignIn checks a login and a password and opens a session, or asks for a second
// proof where the account asks for two. Whoever is typed, it looks up one row,
// spends one try, hashes once and says the same (A03).
func (s *Service) SignIn(ctx context.Context, v Visit, in Login) (SignedIn, error) {
	// Strangers who would be told to come again are told before anything is looked
	// up or written for them, whoever they ask for. Who says to be known is looked up.
	if v.Known == "" {
		if err := s.Hasher.Room(password.Stranger, v.prefix()); err != nil {
			return SignedIn{}, busy(err)
		}
	}
	now := s.Now()
	kind, key := loginKey(in.Login)
	view, err := s.Store.SignInView(ctx, kind, key, v.knownHash(), now)
	if err != nil {
		return SignedIn{}, err
	}
	subject := view.Account
	if nobody := s.nobody(kind, key); subject == "" {
		subject = nobody
	}
	// The same form is the same try for as long as the password is the same: it
	// asks about another one after that.
	try := store.PasswordTry{
		ID:      s.Keys.DeriveID("password "+subject+" "+strconv.FormatInt(view.Epochs.Password, 10), v.Browser, v.Key),
		Subject: subject, Nobody: view.Account == "", Known: view.Known, Now: now, Facts: v.facts(now),
	}
	allowed, err := s.Store.SpendPassword(ctx, try) // spend first, look later
	if err != nil {
		return SignedIn{}, err
	}
	lane := password.Stranger
	if view.Known != "" {
		lane = password.Known
	}
	right, rehash, err := s.Hasher.Check(ctx, password.Question{
		Lane: lane, From: v.prefix(), Password: in.Password, Stored: view.Password, Blind: !allowed,
	})
	switch {
	case errors.Is(err, password.ErrStored): // for the operator; the page is that of a wrong password
		s.Log.Error("a stored password cannot be read", "err", err)
		s.Counts.SignIn(sparekey.TypedWrong)
		return SignedIn{}, sparekey.ErrSignIn
	case err != nil:
		return SignedIn{}, busy(err)
	case !right:
		s.Counts.SignIn(sparekey.TypedWrong)
		return SignedIn{}, sparekey.ErrSignIn
	}
	if err := s.held(view); err != nil { // said to the right password only
		return SignedIn{}, err
	}
	rehashed := ""
	if rehash {
		if rehashed, err = s.Hasher.Hash(ctx, password.Known, v.prefix(), in.Password); err != nil {
			return SignedIn{}, busy(err)
		}
	}
	if view.Two {
		half := store.HalfSignIn{Try: try.ID, Rehashed: rehashed, Proof: sparekey.Proof{Challenge: try.ID, Way: sparekey.ByPassword, Place: view.Account}}
		return s.half(ctx, v, view, in, half)
	}
	open, cookies := s.opening(v, []sparekey.WayKind{sparekey.ByPassword}, in.Shared, now)
	err = s.Store.SignIn(ctx, store.SignIn{
		View: view, Open: open, Turn: s.turn(v, now), Event: s.event(sparekey.SignedIn, v, now), Try: try.ID, Rehashed: rehashed,
	})
	if err != nil {
		return SignedIn{}, err
	}
	s.Counts.SignIn(sparekey.TypedRight)
	s.Wake()
	return SignedIn{Cookies: cookies}, nil
}

// held says what keeps the owner of an account from signing in, whatever the
// proof.
func (s *Service) held(view store.SignInView) error {
	e := *sparekey.ErrPaused
	switch {
	case !view.Disabled.IsZero():
		e.Args = []any{"Since", view.Disabled}
	case !view.DeleteAt.IsZero():
		e = *sparekey.ErrLeaving
		e.Args = []any{"At", view.DeleteAt}
	default:
		return nil
	}
	s.Counts.SignIn(sparekey.TypedPaused)
	return &e
}

// loginKey is what sign-in looks up. What cannot be anybody's login is looked
// up all the same, and found nowhere.
func loginKey(login string) (kind, key string) {
	who, err := ident.Parse(login)
	if err != nil {
		return string(ident.Login), "\x01" + login
	}
	return string(who.Kind), who.Key
}

// nobody is the subject of the tries for a login that no account has.
func (s *Service) nobody(kind, key string) string {
	return s.Keys.DeriveID("nobody "+kind, "", key)
}
