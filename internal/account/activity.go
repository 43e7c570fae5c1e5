package account

import (
	"cmp"
	"context"
	"slices"
	"time"

	"sparekey"
)

// An Activity is one thing that happened to an account.
type Activity struct {
	sparekey.Event
	// Failed is how often a password was tried in a row and let nobody in. The
	// rest of such an entry tells of the last time.
	Failed int
}

// So many entries are shown: more would not be read. What failed has a number of
// its own, for anybody can make an entry of that kind: it must not push out what
// happened.
const (
	maxActivity = 500
	maxFailed   = 50
)

// together is how close tries from one place are told as one.
const together = time.Hour

// Activity lists what happened to an account, the newest first.
func (s *Service) Activity(ctx context.Context, id string) ([]Activity, error) {
	since := s.Now().Add(-sparekey.ActivityKept)
	events, err := s.Store.Events(ctx, id, since, maxActivity)
	if err != nil {
		return nil, err
	}
	tries, err := s.Store.FailedTries(ctx, id, since, maxActivity)
	if err != nil {
		return nil, err
	}
	list := failed(tries)
	list = list[:min(len(list), maxFailed)]
	for _, e := range events {
		list = append(list, Activity{Event: e})
	}
	slices.SortStableFunc(list, func(a, b Activity) int { return cmp.Compare(b.Facts.At.UnixMicro(), a.Facts.At.UnixMicro()) })
	return list, nil
}

// failed gathers tries, the newest first, that came from one place within an
// hour of one another.
func failed(tries []sparekey.Facts) (list []Activity) {
	for _, f := range tries {
		if n := len(list) - 1; n >= 0 && list[n].Facts.From == f.From && list[n].Facts.On == f.On &&
			list[n].Facts.At.Sub(f.At) < together {
			list[n].Failed++
			continue
		}
		list = append(list, Activity{Event: sparekey.Event{Facts: f}, Failed: 1})
	}
	return list
}
