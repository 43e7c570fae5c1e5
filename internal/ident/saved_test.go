package ident

import (
	"errors"
	"strings"
	"testing"
)

// A saved code is read however it was written down; what cannot be one is said
// to be none.
func TestParseSaved(t *testing.T) {
	const code = "7KQTM4R7WX0123456789ABCDE"
	for typed, want := range map[string]error{
		code:                            nil,
		"7KQTM-4R7WX-01234-56789-ABCDE": nil,
		"7kqtm 4r7wx 01234 56789 abcde": nil,
		" 7KQTM‑4R7WX‑01234‑56789‑ABCDE\n": nil,
		"7KQTM-4R7WX-OI234-56789-ABCDE":    nil,
		"7KQTM-4R7WX-ol234-56789-ABCDE":    nil,
		"٧KQTM-٤R٧WX-٠١٢٣٤-٥٦٧٨٩-ABCDE":    nil,
		"７ＫＱＴＭ４Ｒ７ＷＸ０１２３４５６７８９ＡＢＣＤＥ":        nil,
		"":                               ErrEmpty,
		" \t":                            ErrEmpty,
		"7KQTM-4R7WX-01234-56789-ABCD":   ErrCodeShape,
		"7KQTM-4R7WX-01234-56789-ABCDEF": ErrCodeShape,
		"7KQTM-4R7WX-01234-56789-ABCDU":  ErrCodeShape,
		"7KQTM-4R7WX-01234-56789-ABCDé":  ErrCodeShape,
		"41830275":                       ErrCodeShape,
		"\xff":                           ErrCodeShape,
		strings.Repeat("A", 300):         ErrCodeShape,
	} {
		got, err := ParseSaved(typed)
		if !errors.Is(err, want) || want == nil && got != code {
			t.Errorf("%q: got %q, %v, want %q, %v", typed, got, err, code, want)
		}
	}
	if got, want := GroupSaved(code), "7KQTM-4R7WX-01234-56789-ABCDE"; got != want {
		t.Errorf("shown: got %q, want %q", got, want)
	}
}

// The code of an authenticator app has six digits, in any script and grouping.
func TestParseTOTP(t *testing.T) {
	for typed, want := range map[string]error{
		"418302": nil, "418 302": nil, "٤١٨٣٠٢": nil, "Code: 418302": nil,
		"": ErrEmpty, "abc": ErrNoDigits, "41830": ErrCodeShape, "41830275": ErrCodeShape, "418302 111111x": ErrCodeShape,
	} {
		got, err := ParseTOTP(typed)
		if !errors.Is(err, want) || want == nil && got != "418302" {
			t.Errorf("%q: got %q, %v, want 418302, %v", typed, got, err, want)
		}
	}
}
