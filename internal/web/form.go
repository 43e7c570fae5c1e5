package web

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"sparekey"
	"sparekey/internal/ident"
)

// A form is what a page sent: every field once, every value text.
type form url.Values

// A reader reads the body of a request.
type reader func(http.ResponseWriter, *http.Request) (form, error)

// maxFields is more than any page has.
const maxFields = 16

var (
	errForm  = &statusError{http.StatusBadRequest, "g.bad"}
	errType  = &statusError{http.StatusUnsupportedMediaType, "g.bad"}
	errLarge = &statusError{http.StatusRequestEntityTooLarge, "g.large"}
)

// readForm reads the body of a POST. It refuses what no page of ours sends:
// another content type, too many bytes, a field twice, a list, what is not
// UTF-8, and control characters but in passwords, where anything goes.
func readForm(w http.ResponseWriter, r *http.Request) (form, error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" || !utf8Charset(params) {
		return nil, errType
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, sparekey.MaxBody))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, errLarge
	}
	if err != nil {
		return nil, errForm
	}
	values, err := url.ParseQuery(string(body))
	if err != nil || len(values) > maxFields {
		return nil, errForm
	}
	for name, list := range values {
		if len(list) != 1 || strings.ContainsAny(name, "[]") || !utf8.ValidString(name) || !clean(name, list[0]) {
			return nil, errForm
		}
	}
	return form(values), nil
}

func utf8Charset(params map[string]string) bool {
	c, ok := params["charset"]
	return !ok || strings.EqualFold(c, "utf-8")
}

// clean reports whether a value is text that its field may hold.
func clean(name, value string) bool {
	if !utf8.ValidString(value) {
		return false
	}
	if strings.HasPrefix(name, "password") {
		return true
	}
	return !strings.ContainsFunc(value, func(c rune) bool {
		return c < ' ' && c != '\t' && c != '\r' && c != '\n' || c == 0x7f
	})
}

// has reports whether the form has the field, be it empty.
func (f form) has(name string) bool { return len(f[name]) == 1 }

// text gives a field; empty if it is not there.
func (f form) text(name string) string {
	if !f.has(name) {
		return ""
	}
	return f[name][0]
}

// fingerprint names the form by all it says and where it says it. The page put
// a key into it that is new each time, so that the same fingerprint is the
// same form sent twice. Without a key every form is a new one.
func (f form) fingerprint(path string) string {
	if f.text("key") == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(path + "\x00" + url.Values(f).Encode()))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// returnTo is where the person goes on to in the end: a path here or the site's
// own origin, from the form or the address; anything else is ignored (A35).
func (s *Server) returnTo(r *request) string {
	raw := r.form.text("return_to")
	if !r.form.has("return_to") && r.Method != http.MethodPost {
		if all := r.URL.Query()["return_to"]; len(all) == 1 {
			raw = all[0]
		}
	}
	return ident.ReturnTo(raw, s.SiteURL)
}

// onward is where to go when all is done.
func onward(to string) string {
	if to == "" {
		return "/account"
	}
	return to
}

// typed is a field as it is shown again: what a field cannot hold is not.
func typed(text string) string {
	if len(text) > sparekey.MaxLogin {
		return ""
	}
	return strings.Join(slices.DeleteFunc(strings.Fields(text), func(w string) bool { return w == "" }), " ")
}
