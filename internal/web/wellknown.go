package web

import (
	"net/http"
	"time"
)

// changePassword is where password managers send a person who wants to change
// the password (W3C, A Well-Known URL for Changing Passwords). Without a
// session the page leads to the sign-in and back.
func (s *Server) changePassword(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Location", "/account/password")
	w.WriteHeader(http.StatusFound)
}

// passkeyEndpoints says where a person adds and manages passkeys, for password
// managers (W3C, A Well-Known URL for Relying Party Passkey Endpoints).
func (s *Server) passkeyEndpoints(w http.ResponseWriter, _ *http.Request) {
	if !s.Passkeys {
		plain(w, http.StatusNotFound, "Nothing here.\n")
		return
	}
	at := s.PublicURL.String() + "/account/ways"
	writeJSON(w, http.StatusOK, "application/json", map[string]string{"enroll": at, "manage": at}) //nolint:errcheck // plain text cannot fail
}

// securityLife is how long security.txt may be believed.
const securityLife = 30 * 24 * time.Hour

// securityTxt says whom to tell of a hole (RFC 9116). Without a contact in the
// settings there is none.
func (s *Server) securityTxt(w http.ResponseWriter, _ *http.Request) {
	if s.Contact == "" {
		plain(w, http.StatusNotFound, "Nothing here.\n")
		return
	}
	plain(w, http.StatusOK, "Contact: "+s.Contact+"\n"+
		"Expires: "+s.Now().UTC().Add(securityLife).Truncate(24*time.Hour).Format(time.RFC3339)+"\n"+
		"Canonical: "+s.PublicURL.String()+"/.well-known/security.txt\n")
}
