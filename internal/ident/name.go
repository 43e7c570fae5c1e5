package ident

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxName is how many characters the name of a person may have.
const maxName = 64

// Name gives the name of a person in its normal form (NFC), with single blanks
// and none around it; empty if there is none. It reports ErrTooLong, or
// ErrShape for what is no text of one line: control characters, marks that
// turn the direction of what follows, and bytes that are not UTF-8.
func Name(typed string) (string, error) {
	if !utf8.ValidString(typed) || strings.ContainsFunc(typed, func(r rune) bool {
		return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cs, r) || unicode.Is(unicode.Co, r) ||
			unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
	}) {
		return "", ErrShape
	}
	name := norm.NFC.String(strings.Join(strings.Fields(typed), " "))
	if utf8.RuneCountInString(name) > maxName {
		return "", ErrTooLong
	}
	return name, nil
}
