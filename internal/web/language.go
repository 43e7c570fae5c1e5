package web

import (
	"net/http"
	"slices"
	"strings"

	"sparekey"
	"sparekey/internal/ident"
	"sparekey/internal/lang"
	"sparekey/internal/page"
)

// showLanguage lists the languages, each in its own words.
func (s *Server) showLanguage(r *request) error {
	to := ""
	if all := r.URL.Query()["to"]; len(all) == 1 {
		to = ident.ReturnTo(all[0], "")
	}
	return s.show(r, http.StatusOK, &page.Language{Base: s.base(r), To: to, Langs: s.Catalogue.Langs()})
}

// postLanguage remembers the language in this browser, and for the mails of
// the flow that it was changed in.
func (s *Server) postLanguage(r *request) error {
	chosen, to := r.form.text("lang"), ident.ReturnTo(r.form.text("to"), "")
	if !slices.ContainsFunc(s.Catalogue.Langs(), func(l lang.Language) bool { return l.Tag == chosen }) {
		return errForm
	}
	setCookie(r.w, langCookie, chosen, sparekey.KnownLife)
	if id, ok := strings.CutPrefix(to, "/flow/"); ok {
		id, _, _ = strings.Cut(id, "/")
		if err := s.Flows.SetLang(r.Context(), r.visit, id, chosen); err != nil {
			return err
		}
	}
	if to == "" {
		to = "/"
	}
	return s.see(r, to)
}
