package flow

import (
	"context"
	"slices"

	"sparekey"
	"sparekey/internal/ident"
	"sparekey/internal/secret"
	"sparekey/internal/store"
)

// ways lists the ways that this server has, in the order they are offered.
func (s *Service) ways() []sparekey.WayKind {
	list := []sparekey.WayKind{sparekey.ByMail}
	if s.Passkeys != nil {
		list = append(list, sparekey.ByPasskey)
	}
	list = append(list, sparekey.BySaved)
	if s.Texts.On {
		list = append(list, sparekey.ByText)
	}
	return append(list, sparekey.ByTOTP, sparekey.ByApp)
}

// An Offer is what the page of ways shows.
type Offer struct {
	Rows []sparekey.OwnWay
	// Own says that the rows are the account's own. From a browser that is not
	// known they are the same for everybody, and nothing masked is shown (A05).
	Own bool
	// More says that something was proved already, and is not enough.
	More bool
}

// Ways lists the ways that a flow can go on with. What was proved in it is not
// offered again: two proofs are two different ways.
func (s *Service) Ways(ctx context.Context, f *sparekey.Flow) (Offer, error) {
	proofs, err := s.Store.Proofs(ctx, f, s.Now())
	if err != nil {
		return Offer{}, err
	}
	o := Offer{More: len(proofs) > 0}
	switch {
	case f.Session != "" || f.Purpose == sparekey.SignIn: // the person has shown whose account it is
		held, err := s.Store.Held(ctx, f.Account, s.Now())
		if err != nil {
			return Offer{}, err
		}
		o.Own = true
		for _, h := range held {
			if h.Awake() {
				o.Rows = append(o.Rows, sparekey.OwnWay{Way: h.Way, Place: h.Place, Masked: shownMasked(h)})
			}
		}
	case len(f.Own) > 0:
		o.Own, o.Rows = true, f.Own
	default:
		for _, w := range s.ways() {
			o.Rows = append(o.Rows, sparekey.OwnWay{Way: w})
		}
	}
	asked, built := f.Purpose.Asks(), s.ways()
	once := map[sparekey.WayKind]bool{}
	o.Rows = slices.DeleteFunc(o.Rows, func(w sparekey.OwnWay) bool {
		proved := slices.ContainsFunc(proofs, func(p sparekey.Proof) bool { return p.Way == w.Way })
		again := once[w.Way] && w.Masked == "" // several passkeys are one row
		once[w.Way] = true
		return proved || again || !slices.Contains(asked, w.Way) || !slices.Contains(built, w.Way)
	})
	return o, nil
}

// shownMasked is what tells an account's ways of one kind apart.
func shownMasked(h sparekey.Held) string {
	switch h.Way {
	case sparekey.ByMail:
		return mask(string(ident.Email), h.Shown)
	case sparekey.ByText:
		return mask(string(ident.Phone), h.Shown)
	}
	return ""
}

// Choose goes on with another way. The proofs of the flow stay, and nothing else
// does: the challenge that is open closes, and the way's own is opened, with its
// code if it had one. Choosing a way that the account lacks looks and costs the
// same (A05). place is the identifier that a code shall go to, where the
// account's own ways were offered; else it is empty.
func (s *Service) Choose(ctx context.Context, v Visit, id string, w sparekey.WayKind, place string) (*sparekey.Flow, error) {
	f, err := s.load(ctx, v, id)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	if err := f.MayChoose(now); err != nil {
		return f, err
	}
	offer, err := s.Ways(ctx, f)
	if err != nil {
		return f, err
	}
	offered := slices.ContainsFunc(offer.Rows, func(o sparekey.OwnWay) bool {
		return o.Way == w && (place == "" || o.Place == place && o.Masked != "")
	})
	if !offered {
		return f, &sparekey.Error{Kind: sparekey.KindShape, Code: "g.bad"}
	}
	first := w == sparekey.ByTOTP && !offer.More // only ever a second proof (A24)
	if first {
		w, place = sparekey.ByMail, ""
	}
	asking := s.asking(f, w, now)
	asking.Challenge.Identifier = place
	f, err = s.Store.Swap(ctx, store.Swap{
		Step:   store.Step{Flow: id, Browser: v.Browser.Hash(), Key: v.Key, Now: now},
		Asking: asking, Identifier: place,
	})
	if err != nil {
		return f, err
	}
	s.Wake()
	if first {
		return f, sparekey.ErrFirst
	}
	return f, nil
}

// SetLang writes the language that the flow's mails shall have.
func (s *Service) SetLang(ctx context.Context, v Visit, id, lang string) error {
	return s.Store.SetFlowLang(ctx, id, v.Browser.Hash(), lang)
}

// seal seals a code that is to be shown on a page of the flow.
func (s *Service) seal(use string, f *sparekey.Flow, code secret.Text) string {
	return s.Keys.Seal(use+" "+f.ID, []byte(code.Reveal()), s.Source)
}

// Fresh gives the saved code that was made in the flow, in groups, as long as it
// is to be shown; else it is empty.
func (s *Service) Fresh(f *sparekey.Flow) (secret.Text, error) {
	if f.Fresh == "" {
		return "", nil
	}
	code, err := s.Keys.Open("fresh "+f.ID, f.Fresh)
	return secret.Text(ident.GroupSaved(string(code))), err
}

// Kept forgets the saved code that a flow shows: the person has it.
func (s *Service) Kept(ctx context.Context, v Visit, id string) (*sparekey.Flow, error) {
	f, err := s.load(ctx, v, id)
	if err != nil {
		return nil, err
	}
	return f, s.Store.HideFresh(ctx, id, v.Browser.Hash())
}

// parseKind reads an identifier of one kind.
func parseKind(kind ident.Kind, text string) (ident.Ident, error) {
	if kind == ident.Phone {
		return ident.ParsePhone(text)
	}
	return ident.ParseEmail(text)
}

// wayOf is the way by a code to an identifier of a kind.
func wayOf(kind string) sparekey.WayKind {
	if kind == string(ident.Phone) {
		return sparekey.ByText
	}
	return sparekey.ByMail
}
