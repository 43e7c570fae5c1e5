package account

import (
	"context"
	"slices"

	"sparekey"
)

// Held lists the ways of an account, those that were dropped lately too.
func (s *Service) Held(ctx context.Context, id string) ([]sparekey.Held, error) {
	return s.Store.Held(ctx, id, s.Now())
}

// A Loss is what is left of an account's ways when one thing is lost.
type Loss struct {
	Of   string // "password", "phone" or "email"
	Left []sparekey.Held
	Safe bool // they are enough to recover the account now
}

// Losses gives what is left after each loss that happens to people. A passkey is
// not lost with the phone: it is kept by a password manager or is a thing of its
// own; what stands on the phone alone is. A young way counts as it does in a
// recovery: beside an older one.
func (s *Service) Losses(ctx context.Context, a *sparekey.Account) ([]Loss, error) {
	held, err := s.Held(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	demand, err := s.Store.Demand(ctx, &sparekey.Flow{Purpose: sparekey.Recover}, a)
	if err != nil {
		return nil, err
	}
	lost := []struct {
		of   string
		ways []sparekey.WayKind
	}{
		{"password", nil},
		{"phone", []sparekey.WayKind{sparekey.ByText, sparekey.ByTOTP, sparekey.ByApp}},
		{"email", []sparekey.WayKind{sparekey.ByMail}},
	}
	var all []Loss
	for _, l := range lost {
		loss := Loss{Of: l.of}
		var proofs []sparekey.Proof
		for _, h := range held {
			if h.Awake() && h.Way != sparekey.ByPassword && !slices.Contains(l.ways, h.Way) {
				loss.Left = append(loss.Left, h)
				proofs = append(proofs, sparekey.Proof{Way: h.Way, Place: h.Place, Young: h.Young})
			}
		}
		loss.Safe = sparekey.Recover.Enough(proofs, demand)
		all = append(all, loss)
	}
	return all, nil
}
