package ident

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// ShortLetters are the characters of the code that is typed where none can be
// scanned, without those that look like others.
const ShortLetters = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"

// ShortLength is how many of them there are.
const ShortLength = 8

// screenLength is the length of the id of a screen, as an id of ours has it.
const screenLength = 26

// ParseSeen reads what an app has seen of a screen: the id out of its QR code, or
// its short code as people type it, in any case and with blanks and dashes. It
// reports [ErrEmpty] or [ErrCodeShape].
func ParseSeen(text string) (string, error) {
	if len(text) > maxCodeTyped || !utf8.ValidString(text) {
		return "", ErrCodeShape
	}
	if strings.TrimSpace(text) == "" {
		return "", ErrEmpty
	}
	if len(text) == screenLength && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz234567") == "" {
		return text, nil
	}
	var code strings.Builder
	for _, r := range text {
		d, ok := digit(r)
		switch {
		case ok:
			r = rune(d)
		case betweenDigits(r):
			continue
		case r >= 0xFF21 && r <= 0xFF5A: // full-width letters
			r -= 0xFEE0
		}
		r = unicode.ToUpper(r)
		if r > unicode.MaxASCII || !strings.ContainsRune(ShortLetters, r) {
			return "", ErrCodeShape
		}
		code.WriteByte(byte(r))
	}
	if code.Len() != ShortLength {
		return "", ErrCodeShape
	}
	return code.String(), nil
}

// GroupShort writes a short code as it is shown: in two groups.
func GroupShort(code string) string { return code[:ShortLength/2] + "-" + code[ShortLength/2:] }
