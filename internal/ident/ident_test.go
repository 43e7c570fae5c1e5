package ident

import (
	"errors"
	"strings"
	"testing"
	"unicode"
)

// What has an "@" is an address, all else a login name; blanks around either
// are dropped, and what was typed is kept to be shown.
func TestParse(t *testing.T) {
	for typed, want := range map[string]Ident{
		"mara@example.com":             {Email, "mara@example.com", "mara@example.com"},
		"  Mara@Example.COM\r\n":       {Email, "mara@example.com", "Mara@Example.COM"},
		"mara":                         {Login, "mara", "mara"},
		"\tMara_9 ":                    {Login, "mara_9", "Mara_9"},
		"\u00a0mara@example.com\u3000": {Email, "mara@example.com", "mara@example.com"},
	} {
		if got, err := Parse(typed); err != nil || got != want {
			t.Errorf("Parse(%q): got %+v, %v, want %+v", typed, got, err, want)
		}
	}
	for typed, want := range map[string]error{
		"": ErrEmpty, "  \t\n": ErrEmpty, "@": ErrShape, "mara@": ErrShape, "m": ErrShape,
		"m\xffra": ErrShape, "m\xffra@example.com": ErrShape,
		strings.Repeat("a", 33): ErrTooLong, strings.Repeat(" ", 2000): ErrTooLong,
	} {
		if _, err := Parse(typed); !errors.Is(err, want) {
			t.Errorf("Parse(%q): got %v, want %v", typed, err, want)
		}
	}
}

// A login name is a letter and 2 to 31 more of a-z, 0-9, dot, underscore and
// dash, once its ASCII letters are lower case. No other letter becomes one.
func TestParseLogin(t *testing.T) {
	for typed, key := range map[string]string{
		"abc": "abc", "ABC": "abc", "a.b": "a.b", "a_-": "a_-", "x12": "x12", "Zoe.Smith-3": "zoe.smith-3",
		strings.Repeat("a", 32): strings.Repeat("a", 32),
	} {
		if got, err := ParseLogin(typed); err != nil || got.Key != key || got.Kind != Login {
			t.Errorf("ParseLogin(%q): got %+v, %v, want the key %q", typed, got, err, key)
		}
	}
	for _, typed := range []string{
		"ab", "1ab", ".ab", "-ab", "_ab", "a b", "a@b", "abç", "mıke", "mi\u212ae", "ａｂｃ", "ab\x00c", "a/b", "a\nb",
		"abc\u200b", "\u202eabc", "abc'", "ab<c", "ab:c", "müller", "\u017fam",
	} {
		if got, err := ParseLogin(typed); !errors.Is(err, ErrShape) {
			t.Errorf("ParseLogin(%q): got %+v, %v, want ErrShape", typed, got, err)
		}
	}
}

// An address of the usual shapes is taken, shown as it was typed, and found by
// its lower-case form.
func TestParseEmail(t *testing.T) {
	for typed, key := range map[string]string{
		"mara@example.com":                       "mara@example.com",
		"Mara.Lind+shop@Mail.Example.co.uk":      "mara.lind+shop@mail.example.co.uk",
		"o'brien@example.ie":                     "o'brien@example.ie",
		"!#$%&'*+-/=?^_`{|}~@example.com":        "!#$%&'*+-/=?^_`{|}~@example.com",
		"1@2.example":                            "1@2.example",
		"a@b-c.example":                          "a@b-c.example",
		"ÅSA@example.se":                         "åsa@example.se",
		"A\u030aSA@example.se":                   "åsa@example.se", // a letter and its ring
		"\u212bsa@example.se":                    "åsa@example.se", // the Ångström sign is that letter
		"иван@пример.рф":                         "иван@xn--e1afmkfd.xn--p1ai",
		"info@BÜCHER.example":                    "info@xn--bcher-kva.example",
		"info@bu\u0308cher.example":              "info@xn--bcher-kva.example",
		"info@xn--bcher-kva.example":             "info@xn--bcher-kva.example",
		"info@faß.example":                       "info@xn--fa-hia.example",
		"用户@例え。jp":                               "用户@xn--r8jz45g.jp",
		"महक@उदाहरण.भारत":                        "महक@xn--p1b6ci4b4b3a.xn--h2brj9c",
		strings.Repeat("a", 64) + "@example.com": strings.Repeat("a", 64) + "@example.com",
	} {
		got, err := ParseEmail(typed)
		if err != nil || got.Key != key || got.Shown != typed || got.Kind != Email {
			t.Errorf("ParseEmail(%q): got %+v, %v, want the key %q", typed, got, err, key)
		}
	}
}

// What is no plain address is refused: names, quotes, comments, literals,
// blanks, controls, what cannot be seen, and what is too long.
func TestParseEmailRefuses(t *testing.T) {
	long63 := strings.Repeat("a", 63)
	for _, c := range []struct {
		typed string
		want  error
	}{
		{"Mara <mara@example.com>", ErrShape},
		{"<mara@example.com>", ErrShape},
		{`"ma ra"@example.com`, ErrShape},
		{`"mara"@example.com`, ErrShape},
		{"mara(me)@example.com", ErrShape},
		{"mara@example.com (me)", ErrShape},
		{"mara@[203.0.113.7]", ErrShape},
		{"mara@[IPv6:::1]", ErrShape},
		{"mara@203.0.113.7", ErrShape},
		{"mara@localhost", ErrShape},
		{"mara@example.com.", ErrShape},
		{"mara@.example.com", ErrShape},
		{"mara@example..com", ErrShape},
		{"mara@-a.example", ErrShape},
		{"mara@a_b.example", ErrShape},
		{"mara@exa mple.com", ErrShape},
		{"ma ra@example.com", ErrShape},
		{"mara@@example.com", ErrShape},
		{"mara@evil.example@example.com", ErrShape},
		{"a,b@example.com", ErrShape},
		{"a;b@example.com", ErrShape},
		{"a:b@example.com", ErrShape},
		{`a\b@example.com`, ErrShape},
		{".mara@example.com", ErrShape},
		{"mara.@example.com", ErrShape},
		{"ma..ra@example.com", ErrShape},
		{"@example.com", ErrShape},
		{"mara@example.com\x00", ErrShape},
		{"mara\x00@example.com", ErrShape},
		{"mara\x7f@example.com", ErrShape},
		{"mara@example.com\r\nBcc: all@example.com", ErrShape},
		{"mara\r\n@example.com", ErrShape},
		{"mara\u0085x@example.com", ErrShape},
		{"mara\u2028x@example.com", ErrShape},
		{"ma\u00a0ra@example.com", ErrShape},
		{"ma\u200bra@example.com", ErrShape},
		{"ma\u200dra@example.com", ErrShape},
		{"ma\u00adra@example.com", ErrShape},
		{"ma\u202era@example.com", ErrShape},
		{"ma\u2066ra@example.com", ErrShape},
		{"ma\ufeffra@example.com", ErrShape},
		{"ma\ufe0fra@example.com", ErrShape},
		{"ma\u034fra@example.com", ErrShape},
		{"ma\u3164ra@example.com", ErrShape},
		{"ma\ue000ra@example.com", ErrShape},
		{"ma\u0378ra@example.com", ErrShape},
		{"ma\ufffera@example.com", ErrShape},
		{"\u0301mara@example.com", ErrShape},
		{"mara@exam\u00adple.com", ErrShape},
		{"mara@exam\u200dple.com", ErrShape},
		{"mara@exam\u202eple.com", ErrShape},
		{"mara@\u24d4xample.com", ErrShape},
		{"mara@xn--zz.example", ErrShape},
		{"mara\xc3@example.com", ErrShape},
		{"mara\uff20example.com", ErrShape},
		{"mara@example.com,ann@example.com", ErrShape},
		{"mara@examℵple.com", ErrShape},
		{"mara@straẞe.example", ErrShape},
		{strings.Repeat("a", 65) + "@example.com", ErrTooLong},
		{"mara@" + strings.Repeat("a", 64) + ".example", ErrTooLong},
		{"mara@" + long63 + "." + long63 + "." + long63 + "." + long63 + ".example", ErrTooLong},
		{"mara@" + strings.Repeat("ü.", 60) + "example", ErrTooLong}, // as ASCII it is longer
		{strings.Repeat(" ", 1024) + "mara@example.com", ErrTooLong},
	} {
		if got, err := ParseEmail(c.typed); !errors.Is(err, c.want) {
			t.Errorf("ParseEmail(%q): got %+v, %v, want %v", c.typed, got, err, c.want)
		}
	}
}

// A11: an address that only looks like another, or that some rule of upper and
// lower case turns into it, never has its key.
func TestA11LookalikesAreOtherAddresses(t *testing.T) {
	mike := mustKey(t, "mike@example.com")
	if got := mustKey(t, "mıke@example.com"); got == mike { // U+0131
		t.Errorf("the dotless i has the key of mike")
	}
	for name, typed := range map[string]string{
		"Kelvin sign":            "mi\u212ae@example.com",
		"dotted capital I":       "m\u0130ke@example.com",
		"capital I and its dot":  "mI\u0307ke@example.com",
		"long s":                 "\u017fam@example.com",
		"full-width letters":     "ｍｉｋｅ@example.com",
		"ligature fi":            "ﬁona@example.com",
		"circled letter":         "ⓜike@example.com",
		"mathematical letter":    "𝐦ike@example.com",
		"superscript digit":      "mike²@example.com",
		"full-width at sign":     "mike＠evil.example@example.com",
		"Kelvin sign, in domain": "mike@\u212aelvin.example",
		"long s, in domain":      "mike@\u017fhop.example",
		"Greek question mark":    "mike\u037e@example.com",
	} {
		if got, err := ParseEmail(typed); !errors.Is(err, ErrShape) {
			t.Errorf("%s: got %+v, %v, want ErrShape", name, got, err)
		}
	}
	// Cyrillic letters that look Latin are letters of their own.
	if got := mustKey(t, "mіke@example.com"); got == mike { // U+0456
		t.Errorf("a Cyrillic i has the key of mike")
	}
}

// A12: dots, "+" parts and sub-domains are kept, so that nobody is merged with
// anybody; the case of letters is not.
func TestA12NobodyIsMerged(t *testing.T) {
	seen := map[string]string{}
	for _, typed := range []string{
		"ab@gmail.com", "a.b@gmail.com", "ab+x@gmail.com", "ab+@gmail.com", "a.b+x@gmail.com", "ab@googlemail.com",
		"a-b@gmail.com", "a_b@gmail.com", "ab@mail.gmail.com", "äb@gmail.com", "ab1@gmail.com",
	} {
		key := mustKey(t, typed)
		if other, ok := seen[key]; ok {
			t.Errorf("%s and %s have one key", typed, other)
		}
		seen[key] = typed
	}
	if a, b := mustKey(t, "Ab@GMAIL.com"), mustKey(t, "aB@gmail.com"); a != b {
		t.Errorf("case keeps one address apart: %s and %s", a, b)
	}
}

// A11: no character outside ASCII, in whatever place of an address, makes the
// key of an address in ASCII, and every key is its own key.
func TestA11EveryCharacterKeepsItself(t *testing.T) {
	taken := 0
	for r := rune(0x80); r <= 0xffff; r++ {
		switch {
		case r == '。' || r == '｡':
			continue // a dot between labels, as Chinese and Japanese keyboards type it
		case unicode.In(r, unicode.Han, unicode.Hangul) && r%64 != 0:
			continue // tens of thousands that are all alike
		}
		for _, typed := range []string{"mi" + string(r) + "e@example.com", "mike@exam" + string(r) + "ple.com"} {
			i, err := ParseEmail(typed)
			if err != nil {
				continue
			}
			taken++
			again, err := ParseEmail(i.Key)
			if err != nil || again.Key != i.Key {
				t.Errorf("%U in %q: the key %q has the key %q, %v", r, typed, i.Key, again.Key, err)
			}
			if !strings.Contains(i.Key, "xn--") && strings.Trim(i.Key, "abcdefghijklmnopqrstuvwxyz@.") == "" {
				t.Errorf("%U in %q: got the key %q", r, typed, i.Key)
			}
		}
	}
	if taken < 15_000 {
		t.Errorf("%d addresses were taken, want those with every letter", taken)
	}
}

func mustKey(t *testing.T, typed string) string {
	t.Helper()
	i, err := ParseEmail(typed)
	if err != nil {
		t.Fatalf("ParseEmail(%q): %v", typed, err)
	}
	return i.Key
}

// A masked identifier shows its first character and an address its domain; the
// dots are always three.
func TestMask(t *testing.T) {
	for _, c := range []struct {
		kind  Kind
		shown string
		want  string
	}{
		{Email, "mara@example.com", "m•••@example.com"},
		{Email, "m@example.com", "m•••@example.com"},
		{Email, "Åsa.Lind@example.se", "Å•••@example.se"},
		{Email, "A\u030asa@example.se", "A\u030a•••@example.se"},
		{Email, "иван@пример.рф", "и•••@пример.рф"},
		{Login, "mara", "m•••"},
		{Phone, "+351912345204", "+351 ••• ••• 204"},
		{Phone, "+12015550123", "+1 ••• ••• 123"},
		{Phone, "+6834002", "+683 ••• ••• 002"},
		{Phone, "110", "•••"},
		{Phone, "+351", "•••"},
		{Phone, "", "•••"},
		{Kind(""), "mara", "•••"},
		{Email, "", "•••"},
		{Login, "", "•••"},
	} {
		if got := Mask(Ident{Kind: c.kind, Key: c.shown, Shown: c.shown}); got != c.want {
			t.Errorf("Mask of %s %q: got %q, want %q", c.kind, c.shown, got, c.want)
		}
	}
}

func FuzzParseEmail(f *testing.F) {
	for _, seed := range []string{
		"mara@example.com", "Mara+x@Example.COM", "иван@пример.рф", "A\u030asa@faß.example", "mi\u212ae@example.com",
		"I\u0307x@example.com", "ΣΑΣ@example.gr", "ẞ@example.de", "用户@例え。jp", "a@xn--e1afmkfd.xn--p1ai", "\u1e9b\u0323@a.b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		i, err := ParseEmail(typed)
		if err != nil {
			if !errors.Is(err, ErrShape) && !errors.Is(err, ErrTooLong) && !errors.Is(err, ErrEmpty) {
				t.Fatalf("ParseEmail(%q): got an error of no kind: %v", typed, err)
			}
			return
		}
		for _, again := range []string{i.Shown, i.Key, " " + i.Shown + "\n"} {
			if j, err := ParseEmail(again); err != nil || j.Key != i.Key {
				t.Errorf("ParseEmail(%q) has the key %q, but of %q: got %q, %v", typed, i.Key, again, j.Key, err)
			}
		}
		if len(i.Shown) > maxEmail || len(i.Key) > maxEmail || strings.Count(i.Key, "@") != 1 {
			t.Errorf("ParseEmail(%q): got %+v", typed, i)
		}
		if strings.ContainsAny(i.Shown, "\x00\r\n\t \"<>(),;:\\[]") {
			t.Errorf("ParseEmail(%q) is shown as %q, which has what ends a header or a command", typed, i.Shown)
		}
		if _, domain, _ := strings.Cut(i.Key, "@"); strings.ContainsFunc(domain, func(r rune) bool { return r > 127 || 'A' <= r && r <= 'Z' }) {
			t.Errorf("ParseEmail(%q): the domain of the key %q is not lower-case ASCII", typed, i.Key)
		}
	})
}
