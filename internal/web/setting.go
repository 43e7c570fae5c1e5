package web

import (
	"net/http"
	"slices"
	"time"

	"sparekey"
	"sparekey/internal/account"
	"sparekey/internal/lang"
	"sparekey/internal/page"
)

// confirmed reports whether a flow of that purpose ends with a page that says
// what will happen, and one button.
func confirmed(p sparekey.Purpose) bool {
	switch p {
	case sparekey.ChooseLogin, sparekey.ExportData, sparekey.DeleteAccount,
		sparekey.AddWay, sparekey.DropWay, sparekey.KeepWay, sparekey.TwoProofs:
		return true
	}
	return false
}

func (s *Server) confirm(r *request, status int, f *sparekey.Flow, n *page.Note) error {
	p := &page.Confirm{
		Base: s.ownBase(r, f), Flow: f.ID, Purpose: f.Purpose, At: s.Now().Add(sparekey.EraseAfter), On: f.Target == "on", Note: n,
	}
	var err error
	switch f.Purpose {
	case sparekey.ChooseLogin:
		p.Login, err = s.Flows.Pending(f)
	case sparekey.DropWay, sparekey.KeepWay:
		var h sparekey.Held
		h, err = s.Flows.Target(r.Context(), f)
		p.Way = page.MyWay{Kind: h.Way, Value: h.Shown, Sleep: !h.Asleep.IsZero() && h.Dropped.IsZero()}
	}
	if err != nil {
		return err
	}
	return s.show(r, status, p)
}

// getProfile shows how the person is addressed and signs in.
func (s *Server) getProfile(r *request) error { return s.profile(r, http.StatusOK, told(r, "prof.ok")) }

func (s *Server) profile(r *request, status int, n *page.Note) error {
	v, err := s.Accounts.Of(r.Context(), r.account.ID)
	if err != nil {
		return err
	}
	p := &page.Profile{Base: s.accountBase(r, v.Email()), Name: v.Name, Lang: v.Lang, Login: v.Login(), Note: n}
	if n != nil && !n.Good {
		p.Typed = typed(r.form.text("login"))
		if r.form.has("name") {
			p.Name, p.Lang = typed(r.form.text("name")), r.form.text("lang")
		}
	}
	return s.show(r, status, p)
}

// postProfile takes one of the page's two forms: name and language, which are
// saved at once, or a login name, which is an identifier and wants a proof.
func (s *Server) postProfile(r *request) error {
	if r.form.has("login") {
		id, err := s.Flows.ChooseLogin(r.Context(), r.visit, r.account, r.form.text("login"))
		if e, ok := aboutField(err); ok {
			return s.profile(r, statusOf(e.Kind), note(e, s.Now()))
		}
		if err != nil {
			return err
		}
		return s.see(r, "/flow/"+id)
	}
	tag := r.form.text("lang")
	if tag != "" && !slices.ContainsFunc(s.Catalogue.Langs(), func(l lang.Language) bool { return l.Tag == tag }) {
		return &sparekey.Error{Kind: sparekey.KindShape, Code: "g.bad", Field: "lang"}
	}
	err := s.Accounts.SetProfile(r.Context(), r.account.ID, r.form.text("name"), tag)
	if e, ok := aboutField(err); ok {
		return s.profile(r, statusOf(e.Kind), note(e, s.Now()))
	}
	if err != nil {
		return err
	}
	return s.tell(r, "/account/profile", "prof.ok", 0)
}

// getActivity lists what happened to the account.
func (s *Server) getActivity(r *request) error {
	v, err := s.Accounts.Of(r.Context(), r.account.ID)
	if err != nil {
		return err
	}
	list, err := s.Accounts.Activity(r.Context(), r.account.ID)
	if err != nil {
		return err
	}
	p := &page.Activity{Base: s.accountBase(r, v.Email())}
	for _, a := range list {
		p.Rows = append(p.Rows, happened(a))
	}
	return s.show(r, http.StatusOK, p)
}

// happened is what happened as a page tells it.
func happened(a account.Activity) page.ActivityRow {
	row := page.ActivityRow{At: a.Facts.At, Kind: a.Kind, How: a.How, About: aboutWay(a.About), Failed: a.Failed, Browser: a.Facts.On, Address: a.Facts.From}
	if row.Browser == sparekey.ByOperator {
		row.Browser = ""
	}
	return row
}

// getData offers to let the account's data out, and to delete it.
func (s *Server) getData(r *request) error {
	v, err := s.Accounts.Of(r.Context(), r.account.ID)
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, &page.Data{Base: s.accountBase(r, v.Email()), At: s.Now().Add(sparekey.EraseAfter)})
}

// postData begins one of the two. Both want a proof.
func (s *Server) postData(r *request) error {
	begin := s.Flows.ExportData
	switch r.form.text("what") {
	case "export":
	case "delete":
		begin = s.Flows.DeleteAccount
	default:
		return errForm
	}
	id, err := begin(r.Context(), r.visit, r.account)
	if err != nil {
		return err
	}
	return s.see(r, "/flow/"+id)
}

// getFile gives the data of an account, to the browser and the session that
// proved whose it is, for as long as the last page of that flow is shown.
func (s *Server) getFile(r *request) error {
	f, _, err := s.Flows.Flow(r.Context(), r.visit, r.PathValue("id"))
	if err != nil {
		return s.unknown(r, err)
	}
	if f.Purpose != sparekey.ExportData || f.Step != sparekey.Done {
		return sparekey.ErrNotFound
	}
	if !s.Now().Before(f.Closed.Add(sparekey.FlowKept)) {
		return s.ended(r, f, sparekey.ErrExpired)
	}
	body, err := s.Accounts.Export(r.Context(), f.Account)
	if err != nil {
		return err
	}
	h := r.w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="my-data-`+s.Now().UTC().Format(time.DateOnly)+`.json"`)
	r.w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		r.w.Write(body) //nolint:errcheck // the client has gone
	}
	return nil
}
