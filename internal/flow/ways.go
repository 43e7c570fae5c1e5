package flow

import (
	"context"

	"sparekey"
)

// Ways lists the ways that a flow offers: what the server has, the same for
// everybody (A05).
func Ways() []sparekey.WayKind { return []sparekey.WayKind{sparekey.ByMail} }

// Choose opens the challenge of another way. The proofs of the flow stay, and
// nothing else does. The way that is open already stays open.
func (s *Service) Choose(ctx context.Context, v Visit, id string, kind sparekey.WayKind) (*sparekey.Flow, error) {
	f, err := s.load(ctx, v, id)
	if err != nil {
		return nil, err
	}
	for _, w := range Ways() {
		if w == kind {
			return f, f.Open(s.Now())
		}
	}
	return f, &sparekey.Error{Kind: sparekey.KindShape, Code: "g.bad"}
}

// SetLang writes the language that the flow's mails shall have.
func (s *Service) SetLang(ctx context.Context, v Visit, id, lang string) error {
	return s.Store.SetFlowLang(ctx, id, v.Browser.Hash(), lang)
}
