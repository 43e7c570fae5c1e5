package web

import (
	"errors"
	"net/http"

	"sparekey"
	"sparekey/internal/lang"
	"sparekey/internal/page"
)

// accountBase is the base of the pages of My account.
func (s *Server) accountBase(r *request, email string) page.Base {
	b := s.base(r)
	b.SignedInAs, b.ReturnTo = email, ""
	return b
}

// getOverview is the first page of My account.
func (s *Server) getOverview(r *request) error {
	v, err := s.Accounts.Of(r.Context(), r.account.ID)
	if err != nil {
		return err
	}
	p := &page.Overview{
		Base: s.accountBase(r, v.Email()), Name: v.Name, Email: v.Email(), Login: v.Login(), Since: v.Created,
	}
	if n := told(r, "in.app"); n != nil {
		n.Args, n.Action = []any{"Name", lang.LTR(v.Email())}, &page.NoteAction{Label: "in.app.out", Path: "/signout"}
		p.Note = n
	}
	if p.Losses, err = s.losses(r, v); err != nil {
		return err
	}
	last, err := s.Accounts.LastSignIn(r.Context(), r.account.ID, r.visit.Session.Created)
	if err != nil {
		return err
	}
	if last != nil {
		p.LastSignIn, p.LastBrowser, p.LastAddress = last.Facts.At, last.Facts.On, last.Facts.From
	}
	return s.show(r, http.StatusOK, p)
}

// getPassword explains how the password is changed.
func (s *Server) getPassword(r *request) error {
	v, err := s.Accounts.Of(r.Context(), r.account.ID)
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, &page.Password{Base: s.accountBase(r, v.Email()), Email: v.Email()})
}

// postPassword begins the change: the same pages and steps as a recovery (S14).
func (s *Server) postPassword(r *request) error {
	id, err := s.Flows.ChangePassword(r.Context(), r.visit, r.account)
	if err != nil {
		return err
	}
	return s.see(r, "/flow/"+id)
}

// getDevices lists the sessions of the account.
func (s *Server) getDevices(r *request) error {
	return s.devices(r, http.StatusOK, told(r, "dev.out", "dev.out.others", "dev.gone"))
}

func (s *Server) devices(r *request, status int, n *page.Note) error {
	v, err := s.Accounts.Of(r.Context(), r.account.ID)
	if err != nil {
		return err
	}
	list, err := s.Sessions.List(r.Context(), r.account.ID)
	if err != nil {
		return err
	}
	held, err := s.Accounts.Held(r.Context(), r.account.ID)
	if err != nil {
		return err
	}
	p := &page.Devices{Base: s.accountBase(r, v.Email()), Note: n}
	for _, h := range held {
		if h.Way == sparekey.ByApp && h.Dropped.IsZero() {
			p.Phones = append(p.Phones, page.PhoneRow{ID: h.Place, Name: h.Shown, Added: h.Added, Used: h.Used, Sleep: !h.Asleep.IsZero()})
		}
	}
	for _, in := range list {
		p.Rows = append(p.Rows, page.DeviceRow{
			ID: in.ID, Browser: in.On, Address: in.From, First: in.Created, Last: in.Seen,
			Current: in.ID == r.visit.Session.ID, Shared: in.Shared,
		})
	}
	return s.show(r, status, p)
}

// postDevices signs one other session out, or all others.
func (s *Server) postDevices(r *request) error {
	if r.form.has("others") {
		n, err := s.Sessions.EndOthers(r.Context(), r.visit.Session, s.facts(r))
		if err != nil {
			return err
		}
		if n == 0 { // they had ended by themselves, or by the first of two clicks
			return s.tell(r, "/account/devices", "dev.gone", 0)
		}
		return s.tell(r, "/account/devices", "dev.out.others", n)
	}
	id := r.form.text("session")
	if id == r.visit.Session.ID {
		return s.postSignOut(r)
	}
	err := s.Sessions.End(r.Context(), r.visit.Session, id, s.facts(r))
	if errors.Is(err, sparekey.ErrNotFound) {
		return s.devices(r, http.StatusNotFound, &page.Note{ID: "dev.gone", Calm: true})
	}
	if err != nil {
		return err
	}
	return s.tell(r, "/account/devices", "dev.out", 0)
}
