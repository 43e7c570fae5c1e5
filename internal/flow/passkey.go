package flow

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"sparekey"
	"sparekey/internal/ident"
	"sparekey/internal/secret"
	"sparekey/internal/store"
	"sparekey/internal/way"
)

// question is what a passkey has to sign for a challenge: derived from its row,
// as a code is, so that a stolen database answers nothing.
func (s *Service) question(f *sparekey.Flow, c *sparekey.Challenge) ([]byte, error) {
	return s.Keys.MAC(secret.Codes, c.KeyID, "passkey", c.ID, f.ID, string(f.Purpose), c.Nonce)
}

// Question is the question that the page of a passkey challenge puts to the
// browser, in JSON. It is the same whomever the flow is about (A08).
func (s *Service) Question(f *sparekey.Flow, c *sparekey.Challenge) ([]byte, error) {
	q, err := s.question(f, c)
	if err != nil {
		return nil, err
	}
	return s.Passkeys.Asking(q)
}

// checkPasskey gives the passkey that an answer to a flow is of, whoever it belongs
// to, if the answer is right: it is found by what the browser presented, and by
// nothing that anybody typed.
func (s *Service) checkPasskey(ctx context.Context, f *sparekey.Flow, question []byte, answer secret.Text) (store.Use, bool, error) {
	a, err := way.ParseAssertion([]byte(answer.Reveal()))
	if err != nil {
		return store.Use{}, false, nil //nolint:nilerr // its shape was looked at before
	}
	was, err := s.Store.Presented(ctx, f, sparekey.ByPasskey, a.Lookup())
	if err != nil || was.ID == "" {
		return store.Use{}, false, err
	}
	key, ok, err := s.openPasskey(was)
	if err != nil || !ok {
		return store.Use{}, false, err
	}
	next, right, err := s.Passkeys.Check(question, a, key, []byte(was.Account))
	if err != nil || !right {
		return store.Use{}, false, err
	}
	is := was
	is.Data, err = s.sealPasskey(was, next)
	return store.Use{Was: was, Is: is}, err == nil, err
}

// sealPasskey is a passkey as the database keeps it: who can write there alone
// cannot put another in its place (ASVS 6.7.1).
func (s *Service) sealPasskey(w store.Stored, key way.Key) (string, error) {
	text, err := key.Text()
	if err != nil {
		return "", err
	}
	return s.Keys.Seal("passkey "+w.Account+" "+w.ID, []byte(text), s.Source), nil
}

// openPasskey gives the passkey that is kept. What does not open is for the
// operator; the page is that of a wrong passkey.
func (s *Service) openPasskey(w store.Stored) (key way.Key, ok bool, err error) {
	text, err := s.Keys.Open("passkey "+w.Account+" "+w.ID, w.Data)
	if errors.Is(err, secret.ErrBox) || errors.Is(err, secret.ErrUnknownKey) {
		s.Log.Error("a passkey cannot be read", "err", err)
		return key, false, nil
	}
	if err != nil {
		return key, false, err
	}
	key, err = way.ParseKey(string(text))
	return key, err == nil, err
}

// passkeyError says in words for a person why something is no answer by a passkey.
func passkeyError(answer string) error {
	if _, err := way.ParseAssertion([]byte(answer)); err != nil {
		return &sparekey.Error{Kind: sparekey.KindShape, Code: "passkey.shape", Field: "passkey"}
	}
	return nil
}

// Making is the question by which a browser makes the passkey that a flow adds,
// in JSON.
func (s *Service) Making(ctx context.Context, f *sparekey.Flow) ([]byte, error) {
	q, u, err := s.maker(ctx, f)
	if err != nil {
		return nil, err
	}
	have, _, err := s.passkeyIDs(ctx, f.Account, s.Now())
	if err != nil {
		return nil, err
	}
	return s.Passkeys.Making(q, u, have)
}

// maker is for whom the passkey of a flow is made, and the question.
func (s *Service) maker(ctx context.Context, f *sparekey.Flow) (question []byte, u way.PasskeyUser, err error) {
	text, err := s.Pending(f)
	if err != nil {
		return nil, u, err
	}
	a, err := s.Store.Account(ctx, f.Account)
	if err != nil {
		return nil, u, err
	}
	// The id is random, and tells nobody else who it is.
	return []byte(text), way.PasskeyUser{Handle: []byte(f.Account), Name: f.Typed, Shown: a.Name}, nil
}

// passkeyIDs are the browsers' own names of an account's passkeys, with those
// that were dropped after a time, and whether these are all: one may be kept that
// cannot be read.
func (s *Service) passkeyIDs(ctx context.Context, account string, dropped time.Time) (ids [][]byte, all bool, err error) {
	list, err := s.Store.Passkeys(ctx, account, dropped)
	if err != nil {
		return nil, false, err
	}
	all = true
	for _, p := range list {
		key, ok, err := s.openPasskey(p)
		if err != nil {
			return nil, false, err
		}
		if all = all && ok; ok {
			ids = append(ids, key.ID())
		}
	}
	return ids, all, nil
}

// Accepted says which passkeys of an account are still good, in JSON, for the
// devices that keep them: those too that can still be taken back, which a device
// that had forgotten them could not give again. It is empty where there are no
// passkeys at all, and where one cannot be read.
func (s *Service) Accepted(ctx context.Context, account string) (string, error) {
	if s.Passkeys == nil {
		return "", nil
	}
	ids, all, err := s.passkeyIDs(ctx, account, s.Now().Add(-sparekey.TakeBack))
	if err != nil || !all {
		return "", err
	}
	accepted, err := s.Passkeys.Accepted([]byte(account), ids)
	return string(accepted), err
}

// madePasskey reads the passkey that the browser has made for a flow.
func (s *Service) madePasskey(ctx context.Context, f *sparekey.Flow, in Form) (store.Stored, error) {
	q, u, err := s.maker(ctx, f)
	if err != nil {
		return store.Stored{}, err
	}
	name, err := wayName(in.Name)
	if err != nil {
		return store.Stored{}, err
	}
	key, err := s.Passkeys.Made(q, u, []byte(in.Passkey))
	if errors.Is(err, way.ErrPasskeyShape) || errors.Is(err, way.ErrPasskeyWrong) {
		return store.Stored{}, &sparekey.Error{Kind: sparekey.KindWrong, Code: "passkey.shape", Field: "passkey"}
	}
	if err != nil {
		return store.Stored{}, err
	}
	if name == "" {
		name = key.Maker()
	}
	if name == "" {
		name = f.On
	}
	w := store.Stored{ID: s.Source.ID(), Account: f.Account, Kind: sparekey.ByPasskey, Name: name, Lookup: key.Lookup()}
	w.Data, err = s.sealPasskey(w, key)
	return w, err
}

// wayName reads what a person calls a way, or says what is wrong with it.
func wayName(typed string) (string, error) {
	name, err := ident.Name(typed)
	if err == nil {
		return name, nil
	}
	code := "prof.chars"
	if errors.Is(err, ident.ErrTooLong) {
		code = "prof.long"
	}
	return "", &sparekey.Error{Kind: sparekey.KindShape, Code: code, Field: "name", Args: []any{"Max", sparekey.MaxName}}
}

// questionLife is how long a question can be answered for which no row is written.
const questionLife = 10 * time.Minute

// SignInQuestion is the question that a sign-in page puts to the browser, and the
// text by which it is known again. No row is written for it: pages of sign-in
// are opened far more often than anybody signs in. It is bound to the browser,
// and a right answer to it counts once.
func (s *Service) SignInQuestion(v Visit) (options []byte, challenge string, err error) {
	if s.Passkeys == nil {
		return nil, "", sparekey.ErrNotFound
	}
	challenge = s.newQuestion()
	q, err := s.questionOf(v, "passkey sign-in", challenge)
	if err != nil {
		return nil, "", err
	}
	options, err = s.Passkeys.Asking(q)
	return options, challenge, err
}

// newQuestion is the text by which a question is known again for which no row is
// written. It holds when it was put.
func (s *Service) newQuestion() string {
	body := binary.BigEndian.AppendUint64(s.Source.Bytes(16), uint64(s.Now().Unix()))
	return s.Keys.Newest() + "." + base64.RawURLEncoding.EncodeToString(body)
}

// questionOf is what has to be signed for such a question, by this browser and for
// one use. It is nil for a question that can be answered no more.
func (s *Service) questionOf(v Visit, use, question string) ([]byte, error) {
	key, text, _ := strings.Cut(question, ".")
	body, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(body) != 24 || !s.Keys.Has(key) {
		return nil, nil //nolint:nilerr // whatever it is, it is no question of ours
	}
	at := time.Unix(int64(binary.BigEndian.Uint64(body[16:])), 0)
	if at.After(s.Now()) || !s.Now().Before(at.Add(questionLife)) {
		return nil, nil
	}
	return s.Keys.MAC(secret.Codes, key, use, v.Browser.Hash(), question)
}

// A PasskeyLogin is what the sign-in form says of a passkey.
type PasskeyLogin struct {
	Challenge, Passkey string
	Shared             bool
	ReturnTo           string
}

// SignInByPasskey opens a session for whoever answers with a passkey, or asks for
// a second proof where the account asks for two. The account is that of the
// passkey: nobody types who they are.
func (s *Service) SignInByPasskey(ctx context.Context, v Visit, in PasskeyLogin) (SignedIn, error) {
	if s.Passkeys == nil {
		return SignedIn{}, sparekey.ErrNotFound
	}
	if first, ok := s.signedInBefore(ctx, v); ok {
		return first, nil
	}
	if err := passkeyError(in.Passkey); err != nil {
		return SignedIn{}, err
	}
	unknown := &sparekey.Error{Kind: sparekey.KindWrong, Code: "passkey.unknown", Field: "passkey"}
	q, err := s.questionOf(v, "passkey sign-in", in.Challenge)
	if err != nil {
		return SignedIn{}, err
	}
	if q == nil {
		return SignedIn{}, unknown
	}
	use, right, err := s.checkPasskey(ctx, &sparekey.Flow{}, q, secret.Text(in.Passkey))
	if err != nil {
		return SignedIn{}, err
	}
	if !right {
		if first, ok := s.signedInBefore(ctx, v); ok { // of two clicks that came at once
			return first, nil
		}
		s.Counts.SignIn(sparekey.TypedWrong)
		return SignedIn{}, unknown
	}
	now := s.Now()
	view, err := s.Store.AccountView(ctx, use.Was.Account, v.knownHash(), now)
	if err != nil {
		return SignedIn{}, err
	}
	if view.Account == "" {
		return SignedIn{}, unknown
	}
	if err := s.held(view); err != nil { // said to the owner of the passkey only
		return SignedIn{}, err
	}
	// One answer is one sign-in: what is written of it has an id of its own.
	once := s.Keys.DeriveID("passkey", v.Browser, in.Challenge)
	half := store.HalfSignIn{Use: &use, Proof: sparekey.Proof{Challenge: once, Way: sparekey.ByPasskey, Place: use.Was.ID}}
	out, err := s.half(ctx, v, view, Login{Shared: in.Shared, ReturnTo: in.ReturnTo}, half)
	if errors.Is(err, sparekey.ErrUsed) || errors.Is(err, sparekey.ErrWrongCode) {
		return SignedIn{}, unknown // it was answered before, or the passkey was used meanwhile
	}
	return out, err
}

// signedInBefore gives what the exact repeat of a form led to that signed in by a
// flow. The passkey of the first may be one that answers no question twice.
func (s *Service) signedInBefore(ctx context.Context, v Visit) (SignedIn, bool) {
	out, ok := s.repeats(ctx, v, s.flowID(v, sparekey.SignIn))
	switch {
	case !ok || out.Cookies == nil:
		return SignedIn{}, false
	case out.Flow.Step == sparekey.Done:
		return SignedIn{Cookies: out.Cookies}, true
	}
	return SignedIn{Cookies: out.Cookies, Flow: out.Flow.ID}, true
}
