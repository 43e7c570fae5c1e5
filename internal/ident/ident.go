// Package ident knows the shape and the normal form of what people type to say
// who they are, and of what they type or bring along beside it: codes, and the
// place to be sent back to. It looks nothing up.
package ident

import (
	"errors"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A Kind is a kind of identifier.
type Kind string

// The kinds of identifiers.
const (
	Email Kind = "email"
	Login Kind = "login"
	Phone Kind = "phone"
)

// Ident is an identifier that somebody typed: its shape is right, and nothing
// more is known about it.
type Ident struct {
	Kind Kind

	// Key is the normal form, by which it is found and unique. No mail goes to
	// it, but to Shown, as it was proved; of a phone number it is E.164, and
	// text messages go to it.
	Key string

	// Shown are the bytes that were typed, less the blanks around them. They
	// are shown, and mail goes to them once they are proved. Of a phone number
	// it is the international format.
	Shown string
}

// What is wrong with an identifier, to be told apart by [errors.Is].
var (
	ErrEmpty   = errors.New("nothing was typed")
	ErrShape   = errors.New("it has not the shape of an identifier")
	ErrTooLong = errors.New("it is too long")
)

// maxTyped is how many bytes of an identifier are looked at, blanks included.
const maxTyped = 1024

// Parse reads an email address or a login name: what has an "@" is an address.
// It reports ErrEmpty, ErrTooLong or ErrShape.
func Parse(typed string) (Ident, error) {
	if strings.Contains(typed, "@") {
		return ParseEmail(typed)
	}
	return ParseLogin(typed)
}

// Lengths of a login name.
const (
	minLogin = 3
	maxLogin = 32
)

// ParseLogin reads a login name: [a-z][a-z0-9._-]{2,31} once its ASCII letters
// are lower case. No other letter is lower-cased, so that none becomes one of
// these. Blanks around it are dropped. It reports ErrEmpty, ErrTooLong or
// ErrShape.
func ParseLogin(typed string) (Ident, error) {
	shown, err := trim(typed)
	if err != nil {
		return Ident{}, err
	}
	key := lowerASCII(shown)
	for i := range len(key) {
		letter := 'a' <= key[i] && key[i] <= 'z'
		later := '0' <= key[i] && key[i] <= '9' || strings.IndexByte("._-", key[i]) >= 0
		if !letter && (i == 0 || !later) {
			return Ident{}, ErrShape
		}
	}
	switch {
	case len(key) < minLogin:
		return Ident{}, ErrShape
	case len(key) > maxLogin:
		return Ident{}, ErrTooLong
	}
	return Ident{Kind: Login, Key: key, Shown: shown}, nil
}

// trim drops the blanks around an identifier, which come with pasting and with
// the keyboards of phones. Passwords never come here.
func trim(typed string) (string, error) {
	if len(typed) > maxTyped {
		return "", ErrTooLong
	}
	if !utf8.ValidString(typed) {
		return "", ErrShape
	}
	shown := strings.TrimSpace(typed)
	if shown == "" {
		return "", ErrEmpty
	}
	return shown, nil
}

// lowerASCII lower-cases A to Z and nothing else. The mapping of Unicode turns
// U+212A, the Kelvin sign, into k.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// mask stands for the hidden part, and for all of it where nothing may be seen.
const mask = "•••"

// Mask gives what a page may show of an identifier to whoever holds a mailed
// link, who may not be its owner: the first character, and the domain of an
// address (m•••@example.com), or the country code and the last three digits of
// a phone number (+351 ••• ••• 204). The number of dots says nothing of the
// length.
func Mask(i Ident) string {
	switch i.Kind {
	case Email:
		at := strings.LastIndexByte(i.Shown, '@')
		if at < 0 {
			return mask
		}
		return first(i.Shown[:at]) + mask + i.Shown[at:]
	case Login:
		return first(i.Shown) + mask
	case Phone:
		return maskPhone(i.Key)
	}
	return mask
}

// first gives the first character of s with the marks that stand on it.
func first(s string) string {
	if s == "" {
		return ""
	}
	return s[:norm.NFC.NextBoundaryInString(s, true)]
}
