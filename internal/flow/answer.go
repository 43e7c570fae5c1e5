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

// An Answer is what a person gave to a challenge.
type Answer struct {
	Challenge string
	Code      string // what was typed
	Passkey   string // what the browser made of a passkey, in JSON
}

// Answer checks a person's answer to the open challenge. A right answer moves
// the flow on, a wrong one costs a try; what cannot be an answer costs nothing.
// What kind of answer it is says the challenge's row, not the form (A42).
func (s *Service) Answer(ctx context.Context, v Visit, id string, in Answer) (Outcome, error) {
	if out, ok := s.repeats(ctx, v, id); ok {
		return out, nil
	}
	f, err := s.load(ctx, v, id)
	if err != nil {
		return s.second(ctx, v, id, Outcome{}, err)
	}
	now := s.Now()
	open, err := s.Store.OpenChallenge(ctx, id)
	if errors.Is(err, sparekey.ErrNotFound) {
		return s.second(ctx, v, id, Outcome{Flow: f}, unspent(f.MayChoose(now)))
	}
	if err != nil {
		return Outcome{Flow: f}, err
	}
	answer, err := parseAnswer(open.Way, in)
	if err != nil {
		return Outcome{Flow: f}, err
	}
	if open.ID != in.Challenge {
		return s.second(ctx, v, id, Outcome{Flow: f}, unspent(f.MayChoose(now)))
	}
	try, err := s.Store.SpendTry(ctx, store.Step{ // spend first, look later (A16)
		Flow: id, Challenge: in.Challenge, Browser: v.Browser.Hash(), Key: v.Key, Now: now,
	})
	if err != nil {
		return Outcome{Flow: f}, err
	}
	f, c := try.Flow, try.Challenge
	if c == nil {
		return s.second(ctx, v, id, Outcome{Flow: f}, unspent(f.MayChoose(now)))
	}
	found, err := s.check(ctx, try, answer)
	switch {
	case err != nil:
		return Outcome{Flow: f}, err
	case found.place == "":
		return s.wrong(ctx, v, f, c.Way)
	case c.Late(now): // said only to the right code typed too late
		s.Counts.Code(f.Purpose, sparekey.TypedLate)
		return Outcome{Flow: f}, sparekey.ErrOldCode
	}
	next, err := s.pass(ctx, v, f, c, found)
	switch {
	case errors.Is(err, sparekey.ErrWrongCode):
		return s.wrong(ctx, v, f, c.Way)
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
	s.Wake()
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

// found is what an answer was right for: the identifier or the credential that
// proves it. It is empty for a wrong answer.
type found struct {
	place string
	use   *store.Use
}

// check looks at one answer. Every comparison of a code in the program happens
// here, and is counted. Whatever else the answer may open, it counts only for
// the flow's own account.
func (s *Service) check(ctx context.Context, try store.Try, answer secret.Text) (found, error) {
	f, c := try.Flow, try.Challenge
	if try.Blind {
		return found{}, nil
	}
	s.compared.Add(1)
	switch c.Way {
	case sparekey.ByMail, sparekey.ByText, sparekey.ByNew:
		right, err := s.mail.Check(f, c, answer)
		if err != nil || !right {
			return found{}, err
		}
		return found{place: c.Identifier}, nil
	case sparekey.BySaved:
		was, err := s.saved.Find(ctx, f, answer)
		if err != nil || was.ID == "" || was.Account != f.Account || f.Ghost || f.Stopped {
			return found{}, err
		}
		return found{was.ID, &store.Use{Was: was, Is: was}}, nil
	case sparekey.ByTOTP:
		was, err := s.Store.StoredTOTP(ctx, f)
		if err != nil {
			return found{}, err
		}
		step, right, err := s.totp.Check(was, answer, try.At)
		if errors.Is(err, secret.ErrBox) || errors.Is(err, secret.ErrUnknownKey) { // for the operator; the page is that of a wrong code
			s.Log.Error("the key of an authenticator app cannot be read", "err", err)
			return found{}, nil
		}
		if err != nil || !right || f.Ghost || f.Stopped {
			return found{}, err
		}
		use := store.Use{Was: was, Is: was}
		use.Is.Step = step
		if use.Is.Data, err = s.totp.Renew(was, s.Source); err != nil {
			return found{}, err
		}
		return found{was.ID, &use}, nil
	case sparekey.ByPasskey:
		q, err := s.question(f, c)
		if err != nil {
			return found{}, err
		}
		use, right, err := s.checkPasskey(ctx, f, q, answer)
		if err != nil || !right || use.Was.Account != f.Account || f.Ghost || f.Stopped {
			return found{}, err
		}
		return found{use.Was.ID, &use}, nil
	}
	return found{}, nil
}

// pass writes the proof, and does what follows where nothing is left to ask.
func (s *Service) pass(ctx context.Context, v Visit, f *sparekey.Flow, c *sparekey.Challenge, by found) (*sparekey.Flow, error) {
	turn := s.turn(v, s.Now())
	if f.Purpose == sparekey.Register {
		return s.register(ctx, v, f, c, turn)
	}
	p := store.Proving{Challenge: c, Place: by.place, Use: by.use, Turn: turn}
	if c.Way == sparekey.BySaved { // used once: another takes its place
		code := s.saved.New(s.Source)
		p.Use.Is.Lookup = s.saved.Lookup(code)
		p.Fresh = s.seal("fresh", f, code)
		p.Used = s.event(sparekey.SavedUsed, v, turn.Now)
	}
	p.Acting, _ = s.acting(v, f)
	switch f.Purpose {
	case sparekey.SignIn:
		p.Acting.Event = s.event(sparekey.SignedIn, v, turn.Now)
	case sparekey.Rehearse:
		p.Acting.Event = s.event(sparekey.Rehearsed, v, turn.Now)
	case sparekey.AddIdentifier:
		p.Next = s.asking(f, sparekey.ByNew, turn.Now)
		p.Acting.Event = s.event(sparekey.WayAdded, v, turn.Now)
		var err error
		if p.Add, err = s.adding(f); err != nil {
			return nil, err
		}
		p.Acting.Event.About = string(wayOf(p.Add.Kind)) + " " + mask(p.Add.Kind, p.Add.Shown)
	}
	return s.Store.Prove(ctx, p)
}

func (s *Service) register(ctx context.Context, v Visit, f *sparekey.Flow, c *sparekey.Challenge, turn store.Turn) (*sparekey.Flow, error) {
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
// for a right answer, and in the end what was opened.
func (s *Service) cookies(v Visit, f *sparekey.Flow) *Cookies {
	_, c := s.opening(v, nil, f.Shared, s.Now())
	if f.Step == sparekey.Done {
		switch f.Purpose {
		case sparekey.Register, sparekey.SignIn, sparekey.ChangePassword:
			return c
		case sparekey.Recover:
			if !f.Same { // opens no session (A48)
				c.Session = ""
			}
			return c
		}
	}
	return &Cookies{Browser: c.Browser}
}

// wrong says that the answer was not right, and how many tries are left. What is
// good for once is wrong for the second of two clicks that came at once: it is
// answered as the first one was.
func (s *Service) wrong(ctx context.Context, v Visit, f *sparekey.Flow, w sparekey.WayKind) (Outcome, error) {
	if first, ok := s.repeats(ctx, v, f.ID); ok {
		return first, nil
	}
	out := Outcome{Flow: f}
	s.Counts.Code(f.Purpose, sparekey.TypedWrong)
	left := sparekey.MaxTries - f.Tries
	if left <= 0 {
		return out, sparekey.ErrTries
	}
	e := *sparekey.ErrWrongCode
	switch w {
	case sparekey.BySaved, sparekey.ByTOTP:
		e.Code = string(w) + ".wrong"
	case sparekey.ByPasskey:
		e.Code, e.Field = "passkey.wrong", "passkey"
	}
	e.Args = []any{"Count", left}
	return out, &e
}

// unspent says why no try could be spent. A challenge that is no longer open
// is refused without a comparison.
func unspent(err error) error {
	if err == nil {
		return sparekey.ErrOutOfStep
	}
	return err
}

// parseAnswer gives the answer to a challenge of a way as it is compared, or
// says in words for a person why it cannot be one.
func parseAnswer(w sparekey.WayKind, in Answer) (secret.Text, error) {
	parse, code := ident.ParseCode, "code.len"
	switch w {
	case sparekey.ByPasskey:
		return secret.Text(in.Passkey), passkeyError(in.Passkey)
	case sparekey.BySaved:
		parse, code = ident.ParseSaved, "saved.shape"
	case sparekey.ByTOTP:
		parse, code = ident.ParseTOTP, "totp.len"
	}
	answer, err := parse(in.Code)
	e := &sparekey.Error{Kind: sparekey.KindShape, Code: code, Field: "code"}
	switch {
	case err == nil:
		return secret.Text(answer), nil
	case errors.Is(err, ident.ErrEmpty) && w == sparekey.BySaved:
		e.Code = "g.required"
	case errors.Is(err, ident.ErrEmpty):
		e.Code = "code.empty"
	case errors.Is(err, ident.ErrNoDigits):
		e.Code = "code.letters"
	}
	return "", e
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
	if err := f.MayChoose(now); err == nil && (c == nil || !sends(c.Way)) {
		return &was, sparekey.ErrOutOfStep // no message belongs to it
	}
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
