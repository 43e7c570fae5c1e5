// Package account is what an operator and an account's owner can see and do
// beside the machine: it changes no credential.
package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sparekey"
	"sparekey/internal/ident"
	"sparekey/internal/secret"
	"sparekey/internal/store"
)

// A Service knows the accounts of an installation.
type Service struct {
	Store  *store.DB
	Source *secret.Source
	Now    func() time.Time
}

// A View is an account with what it owns.
type View struct {
	sparekey.Account
	Identifiers []sparekey.Identifier
	Sessions    int
}

// Email is the address that codes go to; empty if the account has none.
func (v *View) Email() string { return v.first(ident.Email) }

// Login is the login name; empty if the account has none.
func (v *View) Login() string { return v.first(ident.Login) }

func (v *View) first(kind ident.Kind) string {
	for _, i := range v.Identifiers {
		if i.Kind == string(kind) {
			return i.Shown
		}
	}
	return ""
}

// Of gives an account by its id.
func (s *Service) Of(ctx context.Context, id string) (*View, error) {
	a, err := s.Store.Account(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.view(ctx, a)
}

// Find gives the account with an email, a login name or an id. It reports
// sparekey.ErrNotFound.
func (s *Service) Find(ctx context.Context, who string) (*View, error) {
	if i, err := ident.Parse(who); err == nil {
		a, err := s.Store.AccountBy(ctx, string(i.Kind), i.Key)
		if err == nil {
			return s.view(ctx, a)
		}
		if !errors.Is(err, sparekey.ErrNotFound) {
			return nil, err
		}
	}
	return s.Of(ctx, who)
}

func (s *Service) view(ctx context.Context, a *sparekey.Account) (*View, error) {
	ids, err := s.Store.Identifiers(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	sessions, err := s.Store.SessionsOf(ctx, a.ID, s.Now())
	if err != nil {
		return nil, err
	}
	return &View{Account: *a, Identifiers: ids, Sessions: len(sessions)}, nil
}

// LastSignIn gives the newest sign-in of an account before a moment, such as
// the start of a session; nil if there is none.
func (s *Service) LastSignIn(ctx context.Context, id string, before time.Time) (*sparekey.Event, error) {
	return s.Store.LastEvent(ctx, id, sparekey.SignedIn, before)
}

// Add makes an account for somebody else: an address, perhaps a login name,
// and never a password (A73). Its only way in is a recovery by the address,
// which proves it.
func (s *Service) Add(ctx context.Context, email, login, lang string) (string, error) {
	mail, err := ident.ParseEmail(email)
	if err != nil {
		return "", fmt.Errorf("%q is not an email address: %w", email, err)
	}
	now := s.Now()
	a := &sparekey.Account{ID: s.Source.ID(), Lang: lang, Created: now}
	ids := []sparekey.Identifier{{ID: s.Source.ID(), Kind: string(mail.Kind), Key: mail.Key, Shown: mail.Shown, Added: now}}
	if login != "" {
		name, err := chosenLogin(login)
		if err != nil {
			return "", err
		}
		// A login name is not proved by anything: it is chosen.
		ids = append(ids, sparekey.Identifier{
			ID: s.Source.ID(), Kind: string(name.Kind), Key: name.Key, Shown: name.Shown, Added: now, Proved: now,
		})
	}
	err = s.Store.AddAccount(ctx, a, ids, s.event(sparekey.AccountCreated, a.ID, now))
	switch {
	case errors.Is(err, sparekey.ErrTaken):
		return "", errors.New("there is an account with that address or login name already")
	case errors.Is(err, sparekey.ErrLogin):
		return "", fmt.Errorf("the login name %q was given up less than a year ago, and others would take the new owner for the old one: choose another", login)
	}
	return a.ID, err
}

// chosenLogin reads a login name that an account may be given, as one that its
// owner chooses.
func chosenLogin(login string) (ident.Ident, error) {
	name, err := ident.ParseLogin(login)
	if err != nil {
		return name, fmt.Errorf("%q is not a login name (a letter, then 2 to 31 letters, digits, dots, dashes, underscores): %w", login, err)
	}
	if ident.Reserved(name.Key) {
		return name, fmt.Errorf("the login name %q is reserved, because people would take its owner for the site: choose another", login)
	}
	return name, nil
}

// Recover mails every address of the account that its owner should choose a
// new password, and where. It gives the number of addresses. No code and no
// password passes through the operator's hands.
func (s *Service) Recover(ctx context.Context, id string) (int, error) {
	e := s.event(sparekey.RecoverySent, id, s.Now())
	return s.Store.TellRecover(ctx, e)
}

func (s *Service) event(kind sparekey.EventKind, account string, now time.Time) sparekey.Event {
	return sparekey.Event{
		ID: s.Source.ID(), Account: account, Kind: kind,
		Facts: sparekey.Facts{At: now, On: sparekey.ByOperator},
	}
}

// SetProfile writes how a person wants to be called, and the language of their
// mails, which is empty for that of their browser. The name is what they typed,
// in one normal form and without the blanks around it.
func (s *Service) SetProfile(ctx context.Context, id, name, lang string) error {
	name, err := ident.Name(name)
	if err != nil {
		code := "prof.chars"
		if errors.Is(err, ident.ErrTooLong) {
			code = "prof.long"
		}
		return &sparekey.Error{Kind: sparekey.KindShape, Code: code, Field: "name", Args: []any{"Max", sparekey.MaxName}}
	}
	return s.Store.SetProfile(ctx, id, name, lang)
}
