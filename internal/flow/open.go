package flow

import (
	"context"

	"sparekey"
)

// Opening reports whether the link of a mail works that used up what strangers
// may have mailed to an address: sparekey.ErrNotFound if not, or not any more.
// It changes nothing (A29).
func (s *Service) Opening(ctx context.Context, token string) error {
	name, err := s.parseOpen(token)
	if err != nil {
		return err
	}
	_, _, err = s.Store.WayOn(ctx, name, s.MailCap, s.Now())
	return err
}

// Open begins a recovery in the browser that pressed the button of such a link:
// the link stands for the code of one more mail, which may not be sent. It
// proves the mailbox and no more, and is not used up by it: a finished recovery
// does that, so that a scanner which presses buttons takes nothing away.
func (s *Service) Open(ctx context.Context, v Visit, token string) (Outcome, error) {
	name, err := s.parseOpen(token)
	if err != nil {
		return Outcome{}, err
	}
	now := s.Now()
	a, to, err := s.Store.WayOn(ctx, name, s.MailCap, now)
	if err != nil {
		return Outcome{}, err
	}
	if err := s.admit(v); err != nil {
		return Outcome{}, err
	}
	f := s.newFlow(v, sparekey.Recover, now)
	if out, ok := s.repeats(ctx, v, f.ID); ok {
		return out, nil
	}
	f.Subject, f.Account, f.Epochs = a.ID, a.ID, a.Epochs
	f.TypedKind, f.TypedKey = sparekey.ByNotice, to.Key
	c := &sparekey.Challenge{ID: s.Source.ID(), Flow: f.ID, Way: sparekey.ByMail, Identifier: to.ID, Started: now, Minted: now}
	proof := sparekey.Proof{Flow: f.ID, Challenge: c.ID, Account: a.ID, Way: c.Way, Place: to.ID, At: now, Young: a.Young(to.Added, now)}
	f.Pass([]sparekey.Proof{proof}, sparekey.Demand{Two: a.TwoProofs})
	began, err := s.Store.Open(ctx, f, c, s.turn(v, now))
	if err != nil {
		return Outcome{}, err
	}
	if !began { // the same form: at once, and then it has the same cookies, or long ago
		return s.second(ctx, v, f.ID, Outcome{Flow: f}, nil)
	}
	s.Counts.Flow(f.Purpose, sparekey.Verify, sparekey.FlowStarted)
	s.Counts.Flow(f.Purpose, sparekey.Verify, sparekey.FlowProved)
	return Outcome{f, s.cookies(v, f)}, nil
}

// parseOpen gives what the token of such a link names. In the profile "high"
// there are none.
func (s *Service) parseOpen(token string) (string, error) {
	if s.High {
		return "", sparekey.ErrNotFound
	}
	return s.parseLink("open", token)
}
