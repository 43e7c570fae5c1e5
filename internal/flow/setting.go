package flow

import (
	"context"
	"errors"

	"sparekey"
	"sparekey/internal/ident"
)

// ChooseLogin begins the choice of a login name for the session's account, and
// gives the flow's id. Whether a name is taken can be asked by whoever has an
// account, a few times a day: names are unique by nature (A09).
func (s *Service) ChooseLogin(ctx context.Context, v Visit, a *sparekey.Account, typed string) (string, error) {
	who, err := ident.ParseLogin(typed)
	if err != nil {
		return "", shapeError(err, "prof.shape")
	}
	if ident.Reserved(who.Key) {
		return "", sparekey.ErrLogin
	}
	free, err := s.Store.ProbeLogin(ctx, s.Keys.DeriveID("login probe", v.Browser, v.Key), a.ID, who.Key, s.Now())
	if err != nil {
		return "", err
	}
	if !free {
		return "", sparekey.ErrLogin
	}
	return s.setting(ctx, v, a, about{purpose: sparekey.ChooseLogin, pending: who.Shown})
}

// ExportData begins to let the data of the session's account out.
func (s *Service) ExportData(ctx context.Context, v Visit, a *sparekey.Account) (string, error) {
	return s.setting(ctx, v, a, about{purpose: sparekey.ExportData})
}

// DeleteAccount begins the deletion of the session's account.
func (s *Service) DeleteAccount(ctx context.Context, v Visit, a *sparekey.Account) (string, error) {
	return s.setting(ctx, v, a, about{purpose: sparekey.DeleteAccount})
}

// Pending is what a flow will write once it may: the login name that was
// typed. It is for the flow's own page.
func (s *Service) Pending(f *sparekey.Flow) (string, error) {
	if f.Pending == "" {
		return "", nil
	}
	text, err := s.Keys.Open("flow "+f.ID, f.Pending)
	return string(text), err
}

func (s *Service) setLogin(ctx context.Context, v Visit, f *sparekey.Flow) (Outcome, error) {
	typed, err := s.Pending(f)
	if err != nil {
		return Outcome{Flow: f}, err
	}
	who, err := ident.ParseLogin(typed)
	if err != nil {
		return Outcome{Flow: f}, err
	}
	a, _ := s.acting(v, f)
	a.Event = s.event(sparekey.LoginChosen, v, a.Turn.Now)
	done, err := s.Store.SetLogin(ctx, a, sparekey.Identifier{
		ID: s.Source.ID(), Kind: string(who.Kind), Key: who.Key, Shown: who.Shown,
	})
	return s.acted(ctx, v, f, done, nil, err)
}

func (s *Service) export(ctx context.Context, v Visit, f *sparekey.Flow) (Outcome, error) {
	a, _ := s.acting(v, f)
	a.Event = s.event(sparekey.DataExported, v, a.Turn.Now)
	done, err := s.Store.Export(ctx, a)
	return s.acted(ctx, v, f, done, nil, err)
}

func (s *Service) planDeletion(ctx context.Context, v Visit, f *sparekey.Flow) (Outcome, error) {
	a, _ := s.acting(v, f)
	a.Event = s.event(sparekey.DeletionPlanned, v, a.Turn.Now)
	done, err := s.Store.PlanDeletion(ctx, a, a.Turn.Now.Add(sparekey.EraseAfter))
	return s.acted(ctx, v, f, done, &Cookies{Browser: s.next(v)}, err)
}

// acted answers for an act: the second of two clicks as the first one.
func (s *Service) acted(ctx context.Context, v Visit, f, done *sparekey.Flow, c *Cookies, err error) (Outcome, error) {
	if errors.Is(err, sparekey.ErrUsed) {
		return s.second(ctx, v, f.ID, Outcome{Flow: f}, err)
	}
	if err != nil {
		return Outcome{Flow: f}, err
	}
	s.Counts.Flow(done.Purpose, sparekey.Act, sparekey.FlowDone)
	s.Wake()
	return Outcome{done, c}, nil
}
