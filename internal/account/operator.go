package account

import (
	"context"
	"errors"
	"time"

	"sparekey"
)

// The operator's commands. Each tells the account's owner by mail, at the
// addresses that are proved.

// ErrAlready says that an account is already as it was asked to be.
var ErrAlready = errors.New("it is so already")

// Disable pauses an account: everything that was begun ends, and nobody gets in
// until it is enabled. Like the others it gives the number of addresses that are
// told: one that is not proved gets no mail.
func (s *Service) Disable(ctx context.Context, id string) (told int, err error) {
	told, err = s.Store.Pause(ctx, s.event(sparekey.AccountPaused, id, s.Now()))
	return told, already(err)
}

// Enable lets a paused account go on.
func (s *Service) Enable(ctx context.Context, id string) (told int, err error) {
	told, err = s.Store.Unpause(ctx, s.event(sparekey.AccountUnpaused, id, s.Now()))
	return told, already(err)
}

func already(err error) error {
	if errors.Is(err, sparekey.ErrChanged) {
		return ErrAlready
	}
	return err
}

// SignOutAll ends every session of an account and gives their number.
func (s *Service) SignOutAll(ctx context.Context, id string) (ended, told int, err error) {
	return s.Store.SignOutAll(ctx, s.event(sparekey.SignedOutAll, id, s.Now()))
}

// Delete pauses an account at once and has it erased later; it gives the day.
// Until then a recovery by its owner calls that off.
func (s *Service) Delete(ctx context.Context, id string) (at time.Time, told int, err error) {
	now := s.Now()
	at = now.Add(sparekey.EraseAfter)
	told, err = s.Store.Leave(ctx, s.event(sparekey.DeletionPlanned, id, now), at)
	return at, told, already(err)
}

// List gives accounts by the time they were made, the newest first: at most
// max, made before a moment.
func (s *Service) List(ctx context.Context, before time.Time, max int) ([]View, error) {
	list, err := s.Store.Accounts(ctx, before, max)
	if err != nil {
		return nil, err
	}
	views := make([]View, 0, len(list))
	for _, a := range list {
		v, err := s.view(ctx, &a)
		if err != nil {
			return nil, err
		}
		views = append(views, *v)
	}
	return views, nil
}

// DropSecond has the account ask for one proof only, for an owner who has lost
// all but one: in 72 hours, unless the owner stops it. Every address is told at
// once. It gives when, and the number of addresses.
func (s *Service) DropSecond(ctx context.Context, id string) (at time.Time, told int, err error) {
	now := s.Now()
	at = now.Add(sparekey.DropAfter)
	told, err = s.Store.PlanDropSecond(ctx, s.event(sparekey.SecondDropping, id, now), at)
	return at, told, already(err)
}
