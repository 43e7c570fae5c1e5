package ident

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// A code is found as it is typed, pasted or read out by a keyboard of any
// script, with what stands around it.
func TestParseCode(t *testing.T) {
	const short, long = "41830275", "41830275913366420871"
	for typed, want := range map[string]string{
		"41830275":               short,
		"4183 0275":              short,
		"4183-0275":              short,
		" 41830275\n":            short,
		"٤١٨٣٠٢٧٥":               short,
		"۴۱۸۳ ۰۲۷۵":              short,
		"४१८३०२७५":               short,
		"４１８３０２７５":               short,
		"𝟜𝟙𝟠𝟛𝟘𝟚𝟟𝟝":               short,
		"Your code: 41830275":    short,
		"Code:41830275.":         short,
		"4183.0275":              short,
		"4 1 8 3 0 2 7 5":        short,
		"4183\u00a00275":         short,
		"4183\u20130275":         short, // en dash
		"4183 \u2014 0275":       short, // em dash in blanks
		"4183\u20110275":         short, // hyphen that does not break
		"4183\u22120275":         short, // minus
		"4183－0275":              short, // full-width dash
		"4183\u20090275":         short, // thin space
		"\u200e41830275\u200f":   short, // marks of direction
		"4183\u200b0275":         short,
		"4183\n0275":             short,
		"4183\t0275":             short,
		"#41830275":              short,
		"«41830275»":             short,
		"41830275 works 10 min.": short,
		"41830275 is your Lantern Market code. Works 10 min.\n\n@lanternmarket.example #41830275": short,
		long:                             long,
		"4183 0275 9133 6642 0871":       long,
		"4183-0275-9133-6642-0871":       long,
		"4183 0275\n9133 6642 0871":      long,
		"Code: 4183.0275.9133.6642.0871": long,
		"٤١٨٣ ٠٢٧٥ ٩١٣٣ ٦٦٤٢ ٠٨٧١":       long,
	} {
		if got, err := ParseCode(typed); err != nil || got != want {
			t.Errorf("ParseCode(%q): got %q, %v, want %q", typed, got, err, want)
		}
	}
}

// What is no whole code is refused with the reason, and never cut to size.
func TestParseCodeRefuses(t *testing.T) {
	for typed, want := range map[string]error{
		"":                                    ErrEmpty,
		" \t\r\n\u00a0":                       ErrEmpty,
		"code":                                ErrNoDigits,
		"---":                                 ErrNoDigits,
		"four one eight":                      ErrNoDigits,
		"²³":                                  ErrNoDigits,
		"41830":                               ErrCodeShape,
		"4183027":                             ErrCodeShape,
		"418302750":                           ErrCodeShape,
		"41830275 9":                          ErrCodeShape,
		"4183027591336642087":                 ErrCodeShape,
		"418302759133664208711":               ErrCodeShape,
		"4183a0275":                           ErrCodeShape,
		"4183/0275":                           ErrCodeShape,
		"4183,0275":                           ErrCodeShape,
		"4183:0275":                           ErrCodeShape,
		"41830275 or 11830275":                ErrCodeShape,
		"41830275 x 41830275913366420871":     ErrCodeShape,
		"4183\xff0275":                        ErrCodeShape,
		strings.Repeat("x", 250) + "41830275": ErrCodeShape,
		strings.Repeat("x", 257):              ErrCodeShape,
	} {
		if got, err := ParseCode(typed); !errors.Is(err, want) || got != "" {
			t.Errorf("ParseCode(%q): got %q, %v, want %v", typed, got, err, want)
		}
	}
}

// Every decimal digit of Unicode has its value: those that decompose to an
// ASCII digit that one, and all others follow in rows of ten.
func TestDigitsOfEveryScript(t *testing.T) {
	counts := map[byte]int{}
	for r := range unicode.MaxRune + 1 {
		d, ok := digit(r)
		if ok != unicode.Is(unicode.Nd, r) {
			t.Fatalf("digit(%U): got %v", r, ok)
		}
		if !ok {
			continue
		}
		counts[d]++
		if plain := norm.NFKC.String(string(r)); len(plain) == 1 && plain[0] != d {
			t.Errorf("digit(%U): got %c, want %s", r, d, plain)
		}
		if before, ok := digit(r - 1); d != '0' && (!ok || before != d-1) {
			t.Errorf("%U is %c, but the one before it is no %c", r, d, d-1)
		}
	}
	for d := byte('0'); d <= '9'; d++ {
		if counts[d] != counts['0'] || counts[d] < 60 {
			t.Errorf("there are %d of the digit %c, want as many as of 0: %d", counts[d], d, counts['0'])
		}
	}
}

func FuzzParseCode(f *testing.F) {
	for _, seed := range []string{"4183 0275", "٤١٨٣٠٢٧٥", "Your code: 41830275", "4183-0275-9133-6642-0871", "41830275 11830275", "\xff", "𝟜"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		got, err := ParseCode(typed)
		if err != nil {
			if got != "" || !errors.Is(err, ErrEmpty) && !errors.Is(err, ErrNoDigits) && !errors.Is(err, ErrCodeShape) {
				t.Errorf("ParseCode(%q): got %q, %v", typed, got, err)
			}
			return
		}
		if len(got) != ShortCode && len(got) != LongCode || strings.Trim(got, "0123456789") != "" {
			t.Errorf("ParseCode(%q): got %q, want 8 or 20 ASCII digits", typed, got)
		}
		if again, err := ParseCode(got); err != nil || again != got {
			t.Errorf("ParseCode(%q) is %q, but of that: got %q, %v", typed, got, again, err)
		}
	})
}
