package flow

import (
	"context"
	"errors"

	"sparekey"
	"sparekey/internal/ident"
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
	Screen    string // the nonce of the screen that was approved
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
	if open.Way == sparekey.ByApp { // the answer was given elsewhere: there is nothing to guess
		a, err := s.approvedScreen(ctx, v, id, in.Screen)
		if err != nil {
			return s.second(ctx, v, id, Outcome{Flow: f}, err)
		}
		answer = secret.Text(a.ID)
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
	case sparekey.ByApp:
		a, err := s.Store.Approval(ctx, answer.Reveal())
		if err != nil || a.Challenge != c.ID || a.Account != f.Account || a.Browser != f.Browser || f.Ghost || f.Stopped {
			return found{}, err
		}
		use, err := s.useOf(ctx, f, a)
		return found{use.Was.ID, &use}, err
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
	case sparekey.ByApp:
		e.Code, e.Field = "app.wrong", "screen"
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
	case sparekey.ByApp:
		return secret.Text(in.Screen), nil
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
