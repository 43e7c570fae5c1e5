package config

import (
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
)

// hidden stands where a secret was.
const hidden = "xxxxx"

// A Secret is a setting that may hold a password: a URL. However it is
// printed, logged or marshalled, the password shows as xxxxx.
type Secret string

// Reveal gives the value itself.
func (s Secret) Reveal() string { return string(s) }

// String gives the value with its secrets hidden. What cannot be read as a
// URL, and may hold a password all the same, is hidden whole.
func (s Secret) String() string {
	raw := string(s)
	if strings.HasPrefix(raw, "sqlite:") || !strings.ContainsAny(raw, "@=?#") {
		return raw // without a userinfo and without parameters there is no place for a password
	}
	u, err := url.Parse(raw)
	// A password with an @, / or # in it that was not escaped ends up in some
	// other part of the URL. So there is one @ at most, the one behind the
	// userinfo.
	if err != nil || u.Host == "" && u.User == nil && u.RawQuery == "" || u.Fragment != "" ||
		strings.Count(raw, "@") > 1 || strings.Contains(raw, "@") != (u.User != nil) {
		return hidden
	}
	return u.Scheme + "://" + userinfo(u.User) + u.Host + u.EscapedPath() + query(u)
}

// userinfo is the name of the user and a hidden password. A name without a
// password, or the same as it, is a token that some providers give.
func userinfo(u *url.Userinfo) string {
	if u == nil {
		return ""
	}
	password, ok := u.Password()
	switch {
	case !ok:
		return hidden + "@"
	case password == u.Username():
		return hidden + ":" + hidden + "@"
	}
	return url.User(u.Username()).String() + ":" + hidden + "@"
}

// query is the query with the value of everything in it hidden that is called
// like a secret (password, sslpassword, api_key, token).
func query(u *url.URL) string {
	if u.RawQuery == "" {
		return ""
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "?" + hidden
	}
	for name := range values {
		for _, secret := range []string{"pass", "secret", "token", "key"} {
			if strings.Contains(strings.ToLower(name), secret) {
				values[name] = []string{hidden}
			}
		}
	}
	return "?" + values.Encode()
}

// GoString gives what String gives.
func (s Secret) GoString() string { return s.String() }

// Format prints what String gives for every verb, %x and %q among them.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// LogValue gives what String gives.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText gives what String gives.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// A Phrase is a setting that is a secret as a whole. However it is printed,
// logged or marshalled, it shows as xxxxx.
type Phrase string

// Reveal gives the value itself.
func (p Phrase) Reveal() string { return string(p) }

// String gives xxxxx, or nothing for an empty one.
func (p Phrase) String() string {
	if p == "" {
		return ""
	}
	return hidden
}

// GoString gives what String gives.
func (p Phrase) GoString() string { return p.String() }

// Format prints what String gives for every verb.
func (p Phrase) Format(f fmt.State, _ rune) { io.WriteString(f, p.String()) }

// LogValue gives what String gives.
func (p Phrase) LogValue() slog.Value { return slog.StringValue(p.String()) }

// MarshalText gives what String gives.
func (p Phrase) MarshalText() ([]byte, error) { return []byte(p.String()), nil }
