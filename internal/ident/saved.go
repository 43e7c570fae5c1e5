package ident

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// SavedLetters are the letters of a saved code: 32, so that each stands for 5
// bits, without those that look like others (Crockford's base 32).
const SavedLetters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// SavedLength is how many letters a saved code has.
const SavedLength = 25

// ParseSaved reads a saved code as people write it: in any case, in groups or in
// one, with blanks and dashes wherever they are, O for 0 and I or L for 1, and
// digits of every script. It gives the letters in one run. It reports
// [ErrEmpty] or [ErrCodeShape].
func ParseSaved(typed string) (string, error) {
	if len(typed) > maxCodeTyped || !utf8.ValidString(typed) {
		return "", ErrCodeShape
	}
	if strings.TrimSpace(typed) == "" {
		return "", ErrEmpty
	}
	var code strings.Builder
	for _, r := range typed {
		if d, ok := digit(r); ok {
			code.WriteByte(d)
			continue
		}
		if betweenDigits(r) {
			continue
		}
		if r >= 0xFF21 && r <= 0xFF5A { // full-width letters
			r -= 0xFEE0
		}
		switch r = unicode.ToUpper(r); r {
		case 'O':
			r = '0'
		case 'I', 'L':
			r = '1'
		}
		if r > unicode.MaxASCII || !strings.ContainsRune(SavedLetters, r) {
			return "", ErrCodeShape
		}
		code.WriteByte(byte(r))
	}
	if code.Len() != SavedLength {
		return "", ErrCodeShape
	}
	return code.String(), nil
}

// GroupSaved writes a saved code as it is shown: in groups of five.
func GroupSaved(code string) string {
	var groups []string
	for ; len(code) > 5; code = code[5:] {
		groups = append(groups, code[:5])
	}
	return strings.Join(append(groups, code), "-")
}

// TOTPLength is how many digits the code of an authenticator app has.
const TOTPLength = 6

// ParseTOTP finds the code of an authenticator app in what was typed: the only
// run of six digits, as [ParseCode] reads them. It reports [ErrEmpty],
// [ErrNoDigits] or [ErrCodeShape].
func ParseTOTP(typed string) (string, error) {
	return parseRun(typed, TOTPLength)
}
