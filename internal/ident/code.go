package ident

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What is wrong with a typed code, beside [ErrEmpty]. Neither is a try.
var (
	ErrNoDigits  = errors.New("a code has digits")
	ErrCodeShape = errors.New("it is not a whole code")
)

// Lengths of codes in digits.
const (
	ShortCode = 8
	LongCode  = 20
)

// maxCodeTyped is how many bytes of a code field are looked at: room for the
// line that the code stands in, pasted with it.
const maxCodeTyped = 256

// ParseCode finds the code in what was typed or pasted into a code field: the
// only run of 8 or of 20 digits. Decimal digits of every script count and come
// out as 0 to 9; blanks, dashes, dots and invisible marks between digits are
// dropped, anything else ends a run. A run of another length is never cut to
// size, and two different codes are none.
//
// It reports [ErrEmpty], [ErrNoDigits] or [ErrCodeShape].
func ParseCode(typed string) (digits string, err error) {
	return parseRun(typed, ShortCode, LongCode)
}

// parseRun finds the only run of digits that has one of the lengths.
func parseRun(typed string, lengths ...int) (digits string, err error) {
	if len(typed) > maxCodeTyped || !utf8.ValidString(typed) {
		return "", ErrCodeShape
	}
	if strings.TrimSpace(typed) == "" {
		return "", ErrEmpty
	}
	runs := digitRuns(typed)
	if len(runs) == 0 {
		return "", ErrNoDigits
	}
	for _, run := range runs {
		if !slices.Contains(lengths, len(run)) {
			continue
		}
		// The same code twice, as in a text message with its last line for the
		// browser, is still one code.
		if digits != "" && run != digits {
			return "", ErrCodeShape
		}
		digits = run
	}
	if digits == "" {
		return "", ErrCodeShape
	}
	return digits, nil
}

// digitRuns gives the runs of digits in s, as ASCII.
func digitRuns(s string) (runs []string) {
	var run []byte
	for _, r := range s {
		if d, ok := digit(r); ok {
			run = append(run, d)
			continue
		}
		if len(run) > 0 && !betweenDigits(r) {
			runs = append(runs, string(run))
			run = nil
		}
	}
	if len(run) > 0 {
		runs = append(runs, string(run))
	}
	return runs
}

// digit gives a decimal digit of any script as ASCII.
func digit(r rune) (byte, bool) {
	if !unicode.Is(unicode.Nd, r) {
		return 0, false
	}
	// Unicode assigns decimal digits in rows of ten from 0 to 9 (section 4.6 of
	// the standard), and every range of the table begins with a zero.
	for _, row := range unicode.Nd.R16 {
		if rune(row.Lo) <= r && r <= rune(row.Hi) {
			return '0' + byte((r-rune(row.Lo))%10), true
		}
	}
	for _, row := range unicode.Nd.R32 {
		if rune(row.Lo) <= r && r <= rune(row.Hi) {
			return '0' + byte((r-rune(row.Lo))%10), true
		}
	}
	return 0, false
}

// betweenDigits tells whether r is dropped where it stands between digits.
func betweenDigits(r rune) bool {
	return unicode.IsSpace(r) || unicode.In(r, unicode.Z, unicode.Dash, unicode.Cf) ||
		strings.ContainsRune(".·․。．｡", r)
}
