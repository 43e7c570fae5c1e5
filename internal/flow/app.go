package flow

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"

	"sparekey"
	"sparekey/internal/ident"
	"sparekey/internal/limit"
	"sparekey/internal/secret"
	"sparekey/internal/store"
	"sparekey/internal/way"
)

// The app's half of an approval; the screen's is in screen.go.

// pairedApp reads the key that a phone has made for a flow, and shows that it has
// it.
func (s *Service) pairedApp(f *sparekey.Flow, in Form) (store.Stored, error) {
	question, err := s.Pending(f)
	if err != nil {
		return store.Stored{}, err
	}
	name, err := wayName(in.Name)
	if err != nil {
		return store.Stored{}, err
	}
	if name == "" {
		name = f.On
	}
	key, err := way.ParseAppKey(in.App)
	if err != nil || !s.app.Signed(key, in.Signature, "pair", f.ID, question) {
		return store.Stored{}, &sparekey.Error{Kind: sparekey.KindWrong, Code: "app.shape", Field: "app"}
	}
	w := store.Stored{ID: s.Source.ID(), Account: f.Account, Kind: sparekey.ByApp, Name: name, Lookup: key.Lookup()}
	w.Data = s.app.Seal(w, key, s.Source)
	return w, nil
}

// paired gives the app that a phone says it is, if what it has signed is signed by
// it. device is the hash of its key.
func (s *Service) paired(ctx context.Context, device, signature string, words ...string) (store.PairedApp, error) {
	was, err := s.Store.PairedApp(ctx, device, s.Now())
	if err != nil {
		return store.PairedApp{}, err
	}
	return was, s.signs(was, signature, words...)
}

// signs reports why what was signed does not count as an app's: it is not paired, or
// not any more, signed something else, or sleeps.
func (s *Service) signs(was store.PairedApp, signature string, words ...string) error {
	if was.ID == "" {
		return sparekey.ErrNoApp
	}
	key, err := s.app.Open(was.Stored)
	if errors.Is(err, secret.ErrBox) || errors.Is(err, secret.ErrUnknownKey) { // for the operator; the phone is to be paired again
		s.Log.Error("the key of an app cannot be read", "err", err)
		return sparekey.ErrNoApp
	}
	switch {
	case err != nil:
		return err
	case !s.app.Signed(key, signature, words...):
		return sparekey.ErrAppSign
	case !was.Asleep.IsZero(): // said to the phone itself only
		return sparekey.ErrAppSleeps
	}
	return nil
}

// A Scan is what a phone has seen.
type Scan struct {
	Device    string // the hash of its key
	Seen      string // the id out of a QR code, or what was typed
	Signature string // under "scan", the device and what was seen
}

// Scan writes that a paired app has seen the code of a screen, and gives the id of
// the approval. Whether a screen shows that code nobody knows yet but the screen.
func (s *Service) Scan(ctx context.Context, v Visit, in Scan) (string, error) {
	seen, err := ident.ParseSeen(in.Seen)
	if err != nil {
		code := "app.code"
		if errors.Is(err, ident.ErrEmpty) {
			code = "g.required"
		}
		return "", &sparekey.Error{Kind: sparekey.KindShape, Code: code, Field: "seen"}
	}
	was, err := s.paired(ctx, in.Device, in.Signature, "scan", in.Device, in.Seen)
	if err != nil {
		return "", err
	}
	now := s.Now()
	id, err := s.Store.Scan(ctx, sparekey.Approval{
		ID: s.Source.ID(), Seen: seen, Credential: was.ID, Account: was.Account,
		Scanned: now, ScanFrom: v.From.String(), Expires: now.Add(sparekey.ApproveLife),
	})
	if err != nil {
		return "", err
	}
	s.Seen(seen)
	return id, nil
}

// Approval gives what an app is asked. Its id is known to that app alone.
func (s *Service) Approval(ctx context.Context, id string) (*sparekey.Approval, error) {
	a, err := s.Store.Approval(ctx, id)
	if err != nil {
		return nil, err
	}
	was, err := s.Store.PairedAppOf(ctx, a.Credential, s.Now())
	if err != nil {
		return nil, err
	}
	return a, s.answerable(a, was)
}

// answerable reports why an approval of an app cannot be answered, nor wait to be.
func (s *Service) answerable(a *sparekey.Approval, was store.PairedApp) error {
	switch {
	case was.ID == "" || a.State == sparekey.AppForeign && !was.Dropped.IsZero():
		return sparekey.ErrNoApp
	case a.State == sparekey.AppForeign:
		return sparekey.ErrAppForeign
	case a.State == sparekey.AppEnded:
		return sparekey.ErrAppOld
	case a.State != sparekey.AppScanned && a.State != sparekey.AppAsked:
		return nil // it was answered
	case !a.Open(s.Now()):
		return sparekey.ErrAppOld
	}
	return nil
}

// Near reports whether an app and a screen are in the same network, as far as
// their addresses tell.
func Near(a *sparekey.Approval) bool {
	return limit.Same(a.ScanFrom, a.From)
}

// asked is what an app signs of the question that it has shown: all of it.
func asked(a *sparekey.Approval) []string {
	network := "another"
	if Near(a) {
		network = "same"
	}
	return []string{a.ID, a.Flow, string(a.Purpose), a.On, a.From, network, strconv.FormatInt(a.Asked.Unix(), 10)}
}

// AppAnswer writes what the person has decided. Only the key of the app that has
// scanned can say so, and only about exactly what it was asked (A67).
func (s *Service) AppAnswer(ctx context.Context, v Visit, id string, yes bool, signature string) error {
	a, err := s.Store.Approval(ctx, id)
	if err != nil {
		return err
	}
	verdict, to := "decline", sparekey.AppDeclined
	if yes {
		verdict, to = "approve", sparekey.AppApproved
	}
	was, err := s.Store.PairedAppOf(ctx, a.Credential, s.Now())
	if err != nil {
		return err
	}
	err = s.answerable(a, was)
	if late := errors.Is(err, sparekey.ErrAppOld) && a.State == sparekey.AppAsked && !yes; err != nil && !late { // "no" is never too late
		return err
	}
	if err := s.signs(was, signature, append([]string{verdict}, asked(a)...)...); err != nil {
		return err
	}
	if a.State == sparekey.AppScanned { // nothing was shown yet
		return sparekey.ErrAppSign
	}
	if a.State != sparekey.AppAsked && (a.State != sparekey.AppApproved || yes) {
		return answeredBefore(a.State, to)
	}
	now := s.Now()
	err = s.Store.AnswerApproval(ctx, *a, to, now.Add(sparekey.ApproveLife), s.event(sparekey.AppRefused, v, now))
	if errors.Is(err, sparekey.ErrAppOld) { // of two clicks that came at once
		if a, err := s.Store.Approval(ctx, id); err == nil && a.State != sparekey.AppAsked {
			return answeredBefore(a.State, to)
		}
	}
	if err != nil {
		return err
	}
	s.Seen(a.Seen)
	return nil
}

// answeredBefore answers the second of two answers: as the first if it says the
// same.
func answeredBefore(state, to sparekey.ApprovalState) error {
	if state == to || state == sparekey.AppUsed && to == sparekey.AppApproved {
		return nil
	}
	return sparekey.ErrAppEnded
}

// AppQuestion is what a phone signs to be told about its account, and the text by
// which that is known again.
func (s *Service) AppQuestion(v Visit) (question, sign string, err error) {
	question = s.newQuestion()
	q, err := s.questionOf(v, "app home", question)
	return question, base64.RawURLEncoding.EncodeToString(q), err
}

// AppHome gives the paired app of a phone that has signed the question.
func (s *Service) AppHome(ctx context.Context, v Visit, device, question, signature string) (store.Stored, error) {
	q, err := s.questionOf(v, "app home", question)
	switch {
	case err != nil:
		return store.Stored{}, err
	case q == nil:
		return store.Stored{}, sparekey.ErrAppSign
	}
	app, err := s.paired(ctx, device, signature, "home", device, base64.RawURLEncoding.EncodeToString(q))
	switch {
	case err != nil:
		return store.Stored{}, err
	case !app.Dropped.IsZero():
		return store.Stored{}, sparekey.ErrNoApp
	}
	return app.Stored, s.Store.SeeApp(ctx, app.ID, s.Now())
}

// maxSubscription bounds what a browser says of where it takes pushes.
const maxSubscription = 4 << 10

// Subscribe has a paired phone told what happens, at the place that its browser
// has named, in the JSON of PushSubscription.
func (s *Service) Subscribe(ctx context.Context, v Visit, device, question, signature, at string) error {
	var to struct {
		Endpoint string
		Keys     struct{ Auth, P256dh string }
	}
	err := json.Unmarshal([]byte(at), &to)
	if s.Push.Key == "" || err != nil || len(at) > maxSubscription || !pushKeys(to.Keys.Auth, to.Keys.P256dh) || !s.Push.Allowed(to.Endpoint) {
		return &sparekey.Error{Kind: sparekey.KindWrong, Code: "app.push.no", Field: "push"}
	}
	app, err := s.AppHome(ctx, v, device, question, signature)
	if err != nil {
		return err
	}
	return s.Store.Subscribe(ctx, app, s.Keys.Seal("push "+app.ID, []byte(at), s.Source), s.Now())
}

// pushKeys reports whether a browser's keys for pushes can be used (RFC 8291).
func pushKeys(auth, public string) bool {
	text, err := base64.RawURLEncoding.DecodeString(auth)
	_, wrong := way.ParseAppKey(public) // a point on the same curve
	return err == nil && wrong == nil && len(text) == 16
}

// Unsubscribe has a paired phone told no more.
func (s *Service) Unsubscribe(ctx context.Context, v Visit, device, question, signature string) error {
	app, err := s.AppHome(ctx, v, device, question, signature)
	if err != nil {
		return err
	}
	return s.Store.Unsubscribe(ctx, app.ID, "")
}

// Told reports whether a paired phone is told what happens.
func (s *Service) Told(ctx context.Context, app string) (bool, error) {
	return s.Store.Subscribed(ctx, app)
}
