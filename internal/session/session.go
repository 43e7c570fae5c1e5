// Package session reads and ends sessions. They are opened where something
// was proved, in package flow.
package session

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"sparekey"
	"sparekey/internal/secret"
	"sparekey/internal/store"
)

// touchEvery is how exactly the last use of a session is known. It keeps the
// check of a session from writing each time.
const touchEvery = time.Hour

// A Service knows the sessions of an installation.
type Service struct {
	Store  *store.DB
	Source *secret.Source
	Keys   *secret.Ring
	Now    func() time.Time
	Log    *slog.Logger

	kept answers
}

// Of gives the live session that a token opens, and its account. It reports
// sparekey.ErrNotFound for any other token, however it ended.
func (s *Service) Of(ctx context.Context, token secret.Token) (*sparekey.Session, *sparekey.Account, error) {
	if token == "" {
		return nil, nil, sparekey.ErrNotFound
	}
	now := s.Now()
	in, a, err := s.Store.Session(ctx, token.Hash(), now)
	if err != nil {
		return nil, nil, err
	}
	if now.Sub(in.Seen) >= touchEvery {
		if err := s.Store.TouchSession(ctx, in.ID, now); err != nil {
			s.Log.Error("session not touched", "err", err) // it is good all the same
		}
	}
	return in, a, nil
}

// List gives the live sessions of an account, the last used first.
func (s *Service) List(ctx context.Context, account string) ([]sparekey.Session, error) {
	return s.Store.SessionsOf(ctx, account, s.Now())
}

// SignOut ends the session of this browser and gives the browser its next
// secret. A session that has ended before is signed out of as well; the
// browser then keeps the secret it has.
func (s *Service) SignOut(ctx context.Context, in *sparekey.Session, browser secret.Token, key string, f sparekey.Facts) (secret.Token, error) {
	next := s.Keys.Derive("browser", browser, key)
	turn := store.Turn{Browser: browser.Hash(), Next: next.Hash(), Key: key, Now: f.At}
	ended, err := s.Store.EndSession(ctx, in.Account, in.ID, s.ended(in, f), turn)
	if err != nil || !ended {
		return browser, err
	}
	return next, nil
}

// End ends another session of the same account, by its id. One that has ended
// already is ended as well: of two clicks the second is answered as the first. A
// session of another account is not found (A70).
func (s *Service) End(ctx context.Context, in *sparekey.Session, id string, f sparekey.Facts) error {
	if id == in.ID {
		return errors.New("the session of this browser is ended by signing out")
	}
	ended, err := s.Store.EndSession(ctx, in.Account, id, s.ended(in, f), store.Turn{Now: f.At})
	if err != nil || ended {
		return err
	}
	return s.Store.HadSession(ctx, in.Account, id)
}

// EndOthers ends every other session of the account and gives their number.
func (s *Service) EndOthers(ctx context.Context, in *sparekey.Session, f sparekey.Facts) (int, error) {
	return s.Store.EndOtherSessions(ctx, in.Account, in.ID, s.ended(in, f))
}

func (s *Service) ended(in *sparekey.Session, f sparekey.Facts) sparekey.Event {
	return sparekey.Event{ID: s.Source.ID(), Account: in.Account, Kind: sparekey.SessionEnded, Facts: f}
}
