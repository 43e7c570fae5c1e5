package flow

import (
	"context"
	"errors"
	"strconv"

	"sparekey"
	"sparekey/internal/ident"
	"sparekey/internal/password"
	"sparekey/internal/secret"
	"sparekey/internal/store"
)

// An Outcome is where a flow stands after a move, and the cookies that the
// move gives the browser, if any.
type Outcome struct {
	Flow    *sparekey.Flow
	Cookies *Cookies
}

// Answer checks a person's answer to the open challenge. A right answer moves
// the flow on, a wrong one costs a try; what cannot be a code costs nothing.
func (s *Service) Answer(ctx context.Context, v Visit, id, challenge, typed string) (Outcome, error) {
	if out, ok := s.repeats(ctx, v, id); ok {
		return out, nil
	}
	f, err := s.load(ctx, v, id)
	if err != nil {
		return s.second(ctx, v, id, Outcome{}, err)
	}
	digits, err := ident.ParseCode(typed)
	if err != nil {
		return Outcome{Flow: f}, codeError(err)
	}
	now := s.Now()
	f, c, err := s.Store.SpendTry(ctx, store.Step{ // spend first, look later (A16)
		Flow: id, Challenge: challenge, Browser: v.Browser.Hash(), Key: v.Key, Now: now,
	})
	if err != nil {
		return Outcome{Flow: f}, err
	}
	if c == nil {
		return s.second(ctx, v, id, Outcome{Flow: f}, unspent(f.Try(now)))
	}
	right, err := s.check(f, c, secret.Text(digits))
	switch {
	case err != nil:
		return Outcome{Flow: f}, err
	case !right:
		return Outcome{Flow: f}, s.wrong(f)
	case c.Late(now): // said only to the right code typed too late
		s.Counts.Code(f.Purpose, sparekey.TypedLate)
		return Outcome{Flow: f}, sparekey.ErrOldCode
	}
	next, err := s.pass(ctx, v, f, c)
	switch {
	case errors.Is(err, sparekey.ErrWrongCode):
		return Outcome{Flow: f}, s.wrong(f)
	case errors.Is(err, sparekey.ErrUsed):
		return s.second(ctx, v, id, Outcome{Flow: f}, err)
	case err != nil:
		return Outcome{Flow: f}, err
	}
	s.Counts.Code(f.Purpose, sparekey.TypedRight)
	s.Counts.Flow(f.Purpose, sparekey.Verify, sparekey.FlowProved)
	if next.Step == sparekey.Done {
		s.Counts.Flow(f.Purpose, sparekey.Verify, sparekey.FlowDone)
	}
	return Outcome{next, s.cookies(v, next)}, nil
}

// second answers the second of two clicks that came at once. The first may
// have moved the flow at any moment since, and the browser may never have seen
// its cookies: then the second is answered as the first one was, and else with
// out and err.
func (s *Service) second(ctx context.Context, v Visit, id string, out Outcome, err error) (Outcome, error) {
	if first, ok := s.repeats(ctx, v, id); ok {
		return first, nil
	}
	return out, err
}

// check compares one answer with one code. Every comparison of a code in the
// program happens here, and is counted.
func (s *Service) check(f *sparekey.Flow, c *sparekey.Challenge, answer secret.Text) (bool, error) {
	s.compared.Add(1)
	return s.mail.Check(f, c, answer)
}

// pass writes the proof. A registration has nothing left to ask, so its act
// is done with it.
func (s *Service) pass(ctx context.Context, v Visit, f *sparekey.Flow, c *sparekey.Challenge) (*sparekey.Flow, error) {
	turn := s.turn(v, s.Now())
	if f.Purpose != sparekey.Register {
		return s.Store.Prove(ctx, c, turn)
	}
	stored, err := s.Keys.Open("flow "+f.ID, f.Pending)
	if err != nil {
		return nil, err
	}
	open, _ := s.opening(v, []sparekey.WayKind{c.Way}, false, turn.Now)
	return s.Store.Register(ctx, store.Registering{
		Challenge: c, Account: s.Source.ID(), Identifier: s.Source.ID(), Credential: s.Source.ID(),
		Kind: f.TypedKind, Key: f.TypedKey, Shown: f.Typed, Password: string(stored), Lang: f.Lang,
		Open: open, Turn: turn, Event: s.event(sparekey.AccountCreated, v, turn.Now),
	})
}

// cookies are what the browser gets for where the flow stands: a new secret
// for a right answer, a session too for a registration.
func (s *Service) cookies(v Visit, f *sparekey.Flow) *Cookies {
	_, c := s.opening(v, nil, f.Shared, s.Now())
	switch {
	case f.Step != sparekey.Done, f.Purpose == sparekey.DeleteAccount:
		return &Cookies{Browser: c.Browser}
	case f.Purpose == sparekey.Recover && !f.Same: // opens no session (A48)
		c.Session = ""
	}
	return c
}

// wrong says that the code was not right, and how many tries are left.
func (s *Service) wrong(f *sparekey.Flow) error {
	s.Counts.Code(f.Purpose, sparekey.TypedWrong)
	left := sparekey.MaxTries - f.Tries
	if left <= 0 {
		return sparekey.ErrTries
	}
	e := *sparekey.ErrWrongCode
	e.Args = []any{"Count", left}
	return &e
}

// unspent says why no try could be spent. A challenge that is no longer open
// is refused without a comparison.
func unspent(err error) error {
	if err == nil {
		return sparekey.ErrOutOfStep
	}
	return err
}

// codeError says in words for a person what is wrong with a code's shape.
func codeError(err error) error {
	e := &sparekey.Error{Kind: sparekey.KindShape, Code: "code.len", Field: "code"}
	switch {
	case errors.Is(err, ident.ErrEmpty):
		e.Code = "code.empty"
	case errors.Is(err, ident.ErrNoDigits):
		e.Code = "code.letters"
	}
	return e
}

// Again asks for the message with the code once more: the same code, as often
// and as soon as the flow's own times say, whoever it is about (A07).
func (s *Service) Again(ctx context.Context, v Visit, id, challenge string) (*sparekey.Flow, error) {
	f, err := s.load(ctx, v, id)
	if err != nil {
		return nil, err
	}
	if f.LastKey == v.Key && f.Sends > 1 {
		return f, nil // a second click
	}
	c, err := s.Store.OpenChallenge(ctx, id)
	if err != nil && !errors.Is(err, sparekey.ErrNotFound) {
		return f, err
	}
	now := s.Now()
	was := *f
	if err := f.Ask(now); err != nil {
		return &was, err
	}
	if c == nil || c.ID != challenge {
		return &was, sparekey.ErrOutOfStep
	}
	asked, err := s.Store.Ask(ctx, &was, f, v.Key, s.codeMessage(f, c, now))
	if err != nil {
		return &was, err
	}
	if !asked { // another click was faster
		return s.load(ctx, v, id)
	}
	s.Wake()
	return f, nil
}

// SignIn checks a login and a password and opens a session. Whoever is typed,
// it looks up one row, spends one try, hashes once and says the same (A03).
func (s *Service) SignIn(ctx context.Context, v Visit, login, pw string, shared bool) (*Cookies, error) {
	// Strangers who would be told to come again are told before anything is looked
	// up or written for them, whoever they ask for. Who says to be known is looked up.
	if v.Known == "" {
		if err := s.Hasher.Room(password.Stranger, v.prefix()); err != nil {
			return nil, busy(err)
		}
	}
	now := s.Now()
	kind, key := loginKey(login)
	view, err := s.Store.SignInView(ctx, kind, key, v.knownHash(), now)
	if err != nil {
		return nil, err
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
		return nil, err
	}
	lane := password.Stranger
	if view.Known != "" {
		lane = password.Known
	}
	right, rehash, err := s.Hasher.Check(ctx, password.Question{
		Lane: lane, From: v.prefix(), Password: pw, Stored: view.Password, Blind: !allowed,
	})
	switch {
	case errors.Is(err, password.ErrStored): // for the operator; the page is that of a wrong password
		s.Log.Error("a stored password cannot be read", "err", err)
		s.Counts.SignIn(sparekey.TypedWrong)
		return nil, sparekey.ErrSignIn
	case err != nil:
		return nil, busy(err)
	case !right:
		s.Counts.SignIn(sparekey.TypedWrong)
		return nil, sparekey.ErrSignIn
	case !view.Disabled.IsZero(): // said to the right password only
		s.Counts.SignIn(sparekey.TypedPaused)
		e := *sparekey.ErrPaused
		e.Args = []any{"Since", view.Disabled}
		return nil, &e
	case !view.DeleteAt.IsZero(): // likewise
		s.Counts.SignIn(sparekey.TypedPaused)
		e := *sparekey.ErrLeaving
		e.Args = []any{"At", view.DeleteAt}
		return nil, &e
	}
	open, cookies := s.opening(v, []sparekey.WayKind{sparekey.ByPassword}, shared, now)
	in := store.SignIn{View: view, Open: open, Turn: s.turn(v, now), Event: s.event(sparekey.SignedIn, v, now), Try: try.ID}
	return cookies, s.signIn(ctx, v, in, pw, rehash)
}

func (s *Service) signIn(ctx context.Context, v Visit, in store.SignIn, pw string, rehash bool) error {
	if rehash {
		stored, err := s.Hasher.Hash(ctx, password.Known, v.prefix(), pw)
		if err != nil {
			return busy(err)
		}
		in.Rehashed = stored
	}
	if err := s.Store.SignIn(ctx, in); err != nil {
		return err
	}
	s.Counts.SignIn(sparekey.TypedRight)
	s.Wake()
	return nil
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
