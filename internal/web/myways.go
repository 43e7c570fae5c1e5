package web

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"sparekey"
	"sparekey/internal/account"
	"sparekey/internal/ident"
	"sparekey/internal/page"
)

// getMyWays lists what the account's owner can verify with.
func (s *Server) getMyWays(r *request) error {
	return s.myWays(r, http.StatusOK, told(r, "way.add", "way.gone", "way.kept", "way.two"))
}

func (s *Server) myWays(r *request, status int, n *page.Note) error {
	v, err := s.Accounts.Of(r.Context(), r.account.ID)
	if err != nil {
		return err
	}
	held, err := s.Accounts.Held(r.Context(), r.account.ID)
	if err != nil {
		return err
	}
	good, err := s.Flows.Accepted(r.Context(), r.account.ID)
	if err != nil {
		return err
	}
	p := &page.MyWays{Passkeys: good, Base: s.accountBase(r, v.Email()), Two: v.TwoProofs, Drops: v.DropSecond, Texts: s.Texts, Note: n}
	for _, h := range held {
		if !h.Dropped.IsZero() && (!s.Now().Before(h.Dropped.Add(sparekey.TakeBack)) || replaced(held, h.Way)) {
			continue
		}
		p.Rows = append(p.Rows, myWay(h))
	}
	if n != nil {
		p.Typed = typed(r.form.text(n.Field))
	}
	return s.show(r, status, p)
}

// replaced reports whether something is in use in the place of what was dropped of
// a way that an account has one of: it cannot be taken back then.
func replaced(held []sparekey.Held, w sparekey.WayKind) bool {
	switch w {
	case sparekey.ByPassword, sparekey.BySaved, sparekey.ByTOTP:
		return slices.ContainsFunc(held, func(h sparekey.Held) bool { return h.Way == w && h.Dropped.IsZero() })
	}
	return false
}

// myWay is a way as the pages show it to its owner.
func myWay(h sparekey.Held) page.MyWay {
	w := page.MyWay{ID: h.Place, Kind: h.Way, Value: h.Shown, Since: h.Added, Sleep: !h.Asleep.IsZero()}
	if h.Young && sparekey.Recover.Enough([]sparekey.Proof{{Way: h.Way}}, sparekey.Demand{}) { // others never count alone
		w.Alone = h.Added.Add(sparekey.YoungFor)
	}
	if !h.Dropped.IsZero() {
		w.Until, w.Sleep = h.Dropped.Add(sparekey.TakeBack), false
	}
	return w
}

// easier is the way that an account lacks and that would help its owner most next
// time; empty if there is none.
func (s *Server) easier(r *request, account string) (sparekey.WayKind, error) {
	held, err := s.Accounts.Held(r.Context(), account)
	if err != nil {
		return "", err
	}
	lacks := func(w sparekey.WayKind) bool {
		return !slices.ContainsFunc(held, func(h sparekey.Held) bool { return h.Way == w && h.Awake() })
	}
	switch {
	case s.Passkeys && lacks(sparekey.ByPasskey):
		return sparekey.ByPasskey, nil
	case lacks(sparekey.BySaved):
		return sparekey.BySaved, nil
	}
	return "", nil
}

// aboutWay reads the way that an event is about.
func aboutWay(about string) page.MyWay {
	kind, value, _ := strings.Cut(about, " ")
	return page.MyWay{Kind: sparekey.WayKind(kind), Value: value}
}

// postMyWays begins a change of the ways. Each wants fresh proofs of this
// session, and a password is none (A50).
func (s *Server) postMyWays(r *request) error {
	ctx, v, a := r.Context(), r.visit, r.account
	var id string
	var err error
	switch do := r.form.text("do"); {
	case do == "add" && r.form.has("email"):
		id, err = s.Flows.AddIdentifier(ctx, v, a, ident.Email, r.form.text("email"))
	case do == "add" && r.form.has("phone") && s.Texts:
		id, err = s.Flows.AddIdentifier(ctx, v, a, ident.Phone, r.form.text("phone"))
	case do == "add":
		id, err = s.Flows.AddWay(ctx, v, a, sparekey.WayKind(r.form.text("way")))
	case do == "drop":
		id, err = s.Flows.DropWay(ctx, v, a, r.form.text("id"))
	case do == "keep":
		id, err = s.Flows.KeepWay(ctx, v, a, r.form.text("id"))
	case do == "two-on", do == "two-off":
		id, err = s.Flows.SetTwo(ctx, v, a, do == "two-on")
	default:
		return errForm
	}
	if errors.Is(err, sparekey.ErrChanged) {
		return s.myWays(r, http.StatusConflict, &page.Note{ID: "way.changed"})
	}
	if e, ok := aboutField(err); ok {
		return s.myWays(r, statusOf(e.Kind), note(e, s.Now()))
	}
	if err != nil {
		return err
	}
	return s.see(r, "/flow/"+id)
}

// enrol draws the page that adds an authenticator app, a passkey or a phone.
func (s *Server) enrol(r *request, status int, f *sparekey.Flow, n *page.Note) error {
	if f.Target == string(sparekey.ByPasskey) {
		q, err := s.Flows.Making(r.Context(), f)
		if err != nil {
			return err
		}
		return s.show(r, status, &page.NewPasskey{Base: s.ownBase(r, f), Flow: f.ID, Question: string(q), Note: n})
	}
	if f.Target == string(sparekey.ByApp) {
		sign, err := s.Flows.Pending(f)
		if err != nil {
			return err
		}
		return s.show(r, status, &page.Pair{Base: s.ownBase(r, f), Flow: f.ID, Sign: sign, Note: n})
	}
	e, err := s.Flows.Enrolment(f)
	if err != nil {
		return err
	}
	p := &page.Enrol{
		Base: s.ownBase(r, f), Flow: f.ID, Seed: e.Seed.Reveal(), Address: e.Address.Reveal(),
		Two: r.account != nil && r.account.TwoProofs, Note: n,
	}
	return s.show(r, status, p)
}

// getCheck shows what would be left after each loss.
func (s *Server) getCheck(r *request) error {
	v, err := s.Accounts.Of(r.Context(), r.account.ID)
	if err != nil {
		return err
	}
	p := &page.Check{Base: s.accountBase(r, v.Email())}
	if p.Losses, err = s.losses(r, v); err != nil {
		return err
	}
	return s.show(r, http.StatusOK, p)
}

// losses are what would be left of an account after each loss.
func (s *Server) losses(r *request, v *account.View) (rows []page.Loss, err error) {
	all, err := s.Accounts.Losses(r.Context(), &v.Account)
	for _, l := range all {
		row := page.Loss{ID: l.Of, Safe: l.Safe}
		for _, h := range l.Left {
			row.Left = append(row.Left, myWay(h))
		}
		rows = append(rows, row)
	}
	return rows, err
}

// postCheck begins a rehearsal.
func (s *Server) postCheck(r *request) error {
	id, err := s.Flows.Rehearse(r.Context(), r.visit, r.account)
	if err != nil {
		return err
	}
	return s.see(r, "/flow/"+id)
}
