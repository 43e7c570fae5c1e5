// Package secret makes and keeps what must not be known: random tokens, the
// installation's keys, and what is derived from them. Read ring.go first.
//
// A secret has a type of its own, [Token] or [Text], that shows itself as
// "[secret]" wherever it is printed, logged or marshalled. Its content leaves
// by Reveal alone, so that a search for that word finds every place where one
// goes out. One thing to know: encoding/json writes the keys of a map as they
// are, so no secret may be one.
package secret

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
)

// redacted stands wherever a secret would have been shown.
const redacted = "[secret]"

// A Token is a bearer secret of 256 random bits, written as 43 characters of
// base64url (RFC 4648, section 5, without padding). Who shows it is let in, so
// only its [Token.Hash] is stored.
type Token string

// ParseToken reads a token that came from outside. It takes the one canonical
// form and nothing else: 43 characters of base64url that encode 32 bytes.
func ParseToken(s string) (Token, bool) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	// The decoder skips line breaks and ignores trailing bits: only what
	// encodes to the same text again is the canonical form.
	if err != nil || len(b) != tokenBytes || base64.RawURLEncoding.EncodeToString(b) != s {
		return "", false
	}
	return Token(s), true
}

// Reveal gives the token itself, for a cookie or a link.
func (t Token) Reveal() string { return string(t) }

// Hash gives what the database keeps of the token: SHA-256 in base64url, 43
// characters. A token has 256 random bits, so nothing slower is needed.
func (t Token) Hash() string {
	sum := sha256.Sum256([]byte(t))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// String gives "[secret]".
func (t Token) String() string { return redacted }

// GoString gives "[secret]".
func (t Token) GoString() string { return redacted }

// Format prints "[secret]" for every verb, %x and %q among them.
func (t Token) Format(s fmt.State, _ rune) { io.WriteString(s, redacted) }

// LogValue gives "[secret]".
func (t Token) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText gives "[secret]".
func (t Token) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON gives "[secret]" as a JSON string.
func (t Token) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// A Text is any other secret: a typed password, a code, a seed.
type Text string

// Reveal gives the text itself.
func (t Text) Reveal() string { return string(t) }

// String gives "[secret]".
func (t Text) String() string { return redacted }

// GoString gives "[secret]".
func (t Text) GoString() string { return redacted }

// Format prints "[secret]" for every verb, %x and %q among them.
func (t Text) Format(s fmt.State, _ rune) { io.WriteString(s, redacted) }

// LogValue gives "[secret]".
func (t Text) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText gives "[secret]".
func (t Text) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON gives "[secret]" as a JSON string.
func (t Text) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// Equal tells whether a and b are the same, in a time that depends on their
// lengths alone. Every comparison of a secret goes through it.
func Equal(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}
