package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sparekey"
)

// A Spend is one thing that a budget pays for.
type Spend struct {
	ID      string // the same id is the same thing, and costs nothing again
	Subject string
	Kind    string
	Lane    string
	Windows sparekey.Windows
	Now     time.Time
	Facts   sparekey.Facts
	// Brief is set for what no budget will ever look at again: the subject is
	// nobody.
	Brief bool
	// Refused is set for what a budget further out has refused: the row is
	// written, and costs nothing.
	Refused bool
}

// The kinds of spends.
const (
	passwordSpend = "password"
	mailSpend     = "mail"
	textSpend     = "text"
	totpSpend     = "totp"
	scanSpend     = "scan"
)

// spent adds up, for each window, what the subject has spent in the lane.
func (t *tx) spent(s Spend) ([]int, error) {
	held := make([]int, len(s.Windows))
	for i, w := range s.Windows {
		err := t.row(`
			SELECT COUNT(*) FROM spends
			 WHERE subject = $1 AND kind = $2 AND lane = $3 AND at > $4 AND counted AND id <> $5`,
			[]any{s.Subject, s.Kind, s.Lane, micros(s.Now.Add(-w.Span)), s.ID}, &held[i])
		if err != nil {
			return nil, err
		}
	}
	return held, nil
}

// spend writes s and reports whether the budget had room for it. What the
// budget refuses is a row too, and written by the same statements.
func (t *tx) spend(s Spend) (bool, error) {
	counted, _, err := t.spendOnce(s)
	return counted, err
}

// spendOnce is spend for those who want to know when s was spent: a repeat costs
// nothing, and was spent when it came first.
func (t *tx) spendOnce(s Spend) (counted bool, at time.Time, err error) {
	held, err := t.spent(s)
	if err != nil {
		return false, at, err
	}
	counted = s.Windows.Fits(held, 1) && !s.Refused
	until := s.Now.Add(24 * time.Hour)
	if counted && !s.Brief {
		for _, w := range s.Windows {
			until = later(until, s.Now.Add(w.Span))
		}
	}
	// A repeat reads what was decided the first time.
	err = t.row(`
		INSERT INTO spends (id, subject, kind, lane, counted, at, until, asked_from, asked_on)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (id) DO UPDATE SET id = excluded.id
		RETURNING counted, at`,
		[]any{s.ID, s.Subject, s.Kind, s.Lane, counted, micros(s.Now), micros(until), s.Facts.From, s.Facts.On}, &counted, when{&at})
	return counted, at, err
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// A PasswordTry is a password that is about to be compared.
type PasswordTry struct {
	ID      string // the form's: its exact repeat costs nothing
	Subject string // the account, or what stands for nobody's
	Nobody  bool   // the subject is nobody
	Known   string // the known browser it comes from; empty for strangers
	Flow    string // the flow on whose last page it was typed; empty at sign-in
	Now     time.Time
	Facts   sparekey.Facts
}

// SpendPassword spends a try of the password and reports whether it may be
// compared. It writes one row whatever the answer, for an account and for
// nobody alike (A21). A known browser that has spent its own budget is
// unknown.
func (db *DB) SpendPassword(ctx context.Context, p PasswordTry) (allowed bool, err error) {
	s := Spend{
		ID: p.ID, Subject: p.Subject, Kind: passwordSpend, Lane: string(sparekey.StrangerLane),
		Windows: sparekey.PasswordBudget(), Now: p.Now, Facts: p.Facts,
		Brief: p.Nobody,
	}
	err = db.write(ctx, func(t *tx) error {
		s := s
		if err := t.hold(p.Subject); err != nil {
			return err
		}
		switch {
		case p.Flow != "":
			s.Lane, s.Windows = "flow:"+p.Flow, sparekey.ActPasswordBudget()
		case p.Known != "":
			own := s
			own.Lane, own.Windows = "browser:"+p.Known, sparekey.KnownPasswordBudget()
			held, err := t.spent(own)
			if err != nil {
				return err
			}
			if own.Windows.Fits(held, 1) {
				s = own
			}
		}
		allowed, err = t.spend(s)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("spend password try: %w", err)
	}
	return allowed, nil
}

// errNotOurs says that somebody else's transaction was faster.
var errNotOurs = errors.New("somebody was faster")
