package ident

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// A number is found in every usual way of writing it with its country, and
// shown in one.
func TestParsePhone(t *testing.T) {
	const pt, gb, us = "+351 912 345 678", "+44 7400 123456", "+1 201-555-0123"
	for typed, want := range map[string]string{
		"+351912345678":                         pt,
		"+351 912 345 678":                      pt,
		" +351 912-345-678\n":                   pt,
		"+351/912345678":                        pt,
		"+351.912.345.678":                      pt,
		"+ 351 912345678":                       pt,
		"00351912345678":                        pt,
		"00 351 912 345 678":                    pt,
		"(00351) 912 345 678":                   pt,
		"(+351) 912 345 678":                    pt,
		"＋３５１ ９１２ ３４５ ６７８":                      pt,
		"+٣٥١ ٩١٢ ٣٤٥ ٦٧٨":                      pt,
		"٠٠٣٥١٩١٢٣٤٥٦٧٨":                        pt,
		"+۳۵۱۹۱۲۳۴۵۶۷۸":                         pt,
		"+३५१ ९१२ ३४५ ६७८":                      pt,
		"\u202a+351\u00a0912 345 678\u202c":     pt, // as the contacts of a phone copy it
		"\u200e+351\u2011912\u2013345\u2212678": pt,
		"+351（912）345 678":                      pt,
		"+447400123456":                         gb,
		"(+44) 7400 123456":                     gb,
		"+44 (0)7400 123456":                    gb,
		"+44 (0) 7400-123456":                   gb,
		"+44 07400 123456":                      gb,
		"0044 7400 123456":                      gb,
		"0044 (0)7400 123456":                   gb,
		"+1 (201) 555-0123":                     us,
		"+1.201.555.0123":                       us,
		"001 201 555 0123":                      us,
	} {
		got, err := ParsePhone(typed)
		key := "+" + strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, want)
		if err != nil || got != (Ident{Kind: Phone, Key: key, Shown: want}) {
			t.Errorf("ParsePhone(%q): got %+v, %v, want %q and %q", typed, got, err, key, want)
		}
	}
}

// What is no number that text messages go to is refused with the reason.
func TestParsePhoneRefuses(t *testing.T) {
	for want, all := range map[error][]string{
		ErrEmpty:   {"", " \t\r\n\u00a0"},
		ErrTooLong: {strings.Repeat("1", 1025)},
		// As they are dialled at home: nobody knows where that is.
		ErrPhoneCountry: {
			"912345678", "912 345 678", "07400 123456", "(201) 555-0123", "201-555-0123", "0151 23456789", "8 (912) 345-67-89",
			"351912345678", "44 7400 123456", "011 351 912 345 678", "810 351 912345678", "110", "112", "72404", "0", "٩١٢٣٤٥٦٧٨",
		},
		ErrShape: {
			"+", "＋", "00", "+0", "()", "[+351]912345678", "-", "+351", "++351912345678", "+351+912345678", "351+912345678", "+00351912345678",
			"+351 912 345 67", "+351 912 345 6789", "+351 112", "+999 123456789", "+351 (0)912 345 678", "0011 61 412 345 678",
			"+1-201-FLOWERS", "1-800-FLOWERS", "+351 912 345 678 ext 5", "+351912345678x5", "+351912345678#5", "+351912345678,5",
			"+351912345678;ext=5", "tel:+351912345678", "+351 912 345 678 / +351 912 345 679", "call +351912345678", "mara@example.com",
			"*111#", "+351\x00912345678", "+351\xff912345678", "+" + strings.Repeat("1", 600), "+³⁵¹912345678",
		},
	} {
		for _, typed := range all {
			if got, err := ParsePhone(typed); !errors.Is(err, want) || got != (Ident{}) {
				t.Errorf("ParsePhone(%q): got %+v, %v, want %v", typed, got, err, want)
			}
		}
	}
}

// Numbers that cost more than a text message to reach, or get none, are
// refused, however they are written.
func TestNoTextToWhatCostsMoney(t *testing.T) {
	for _, typed := range []string{
		"+44 909 123 4567", "0044 (0)909 123 4567", "+1 900 234 5678", "+49 900 1234567", "+33 891 12 34 56", "+34 803 12 34 56",
		"+351 760 123 456", "+39 899 123456", "+61 1900 123 456", // premium
		"+44 845 123 4567", "+49 180 1234567", "+351 808 123 456", // shared
		"+44 800 123 4567", "+1 800 234 5678", "+351 800 123 456", "+800 1234 5678", // free, but not to text
		"+44 7012 345678",                                           // personal: forwarded at the caller's cost
		"+44 20 7946 0018", "+351 212 345 678", "+33 1 23 45 67 89", // at home on a wall
		"+44 300 123 4567",                                      // companies
		"+881 612 345 678", "+870 301 234 567", "+882 342 1234", // satellites, ships, networks of the world
		"+979 123 456 789", "+808 1234 5678", "+888 123 456 789 01", "+878 10 1234567890", // services of the world
	} {
		if got, err := ParsePhone(typed); !errors.Is(err, ErrPhoneKind) || got != (Ident{}) {
			t.Errorf("ParsePhone(%q): got %+v, %v, want ErrPhoneKind", typed, got, err)
		}
	}
}

// In every country mobile numbers are taken, with the country, and those of
// the other kinds are not.
func TestPhonesOfEveryCountry(t *testing.T) {
	mobiles, others := 0, 0
	var shared []string
	for _, a := range answers(t) {
		region, kind, example := strings.Cut(a.example, " ")
		if !example || region == nowhere || kind == "voip" {
			continue
		}
		got, err := ParsePhone("+" + a.asked)
		if kind != "mobile" && kind != "fixed or mobile" {
			others++
			if !errors.Is(err, ErrPhoneKind) {
				t.Errorf("%s, %s: ParsePhone(+%s): got %+v, %v, want ErrPhoneKind", region, kind, a.asked, got, err)
			}
			continue
		}
		mobiles++
		if again, err := ParsePhone(got.Shown); err != nil || again != got {
			t.Errorf("%s, %s: ParsePhone(+%s): got %+v, %v, and when shown again %+v", region, kind, a.asked, got, err, again)
		}
		if owner := Region(got.Key); owner != region {
			shared = append(shared, region+" "+owner)
		}
	}
	if mobiles < 200 || others < 500 {
		t.Errorf("got %d mobile numbers and %d others, want those of all countries", mobiles, others)
	}
	slices.Sort(shared)
	if want := []string{"AX FI", "BL GP", "CC AU", "CX AU", "EH MA", "IM GB", "MF GP", "SJ NO", "VA IT"}; !slices.Equal(shared, want) {
		t.Errorf("got numbers that are another country's too in %q, want %q", shared, want)
	}
}

// Countries that share a code are told apart, and so is what is no number.
func TestRegion(t *testing.T) {
	for key, want := range map[string]string{
		"+351912345678": "PT", "+447400123456": "GB", "+447624123456": "IM", "+447781123456": "GG", "+447797712345": "JE",
		"+12015550123": "US", "+15062345678": "CA", "+18762101234": "JM", "+18092345678": "DO", "+79123456789": "RU", "+77710009998": "KZ",
		"+881612345678": "", "+999123456": "", "912345678": "", "": "", "mara": "",
	} {
		if got := Region(key); got != want {
			t.Errorf("Region(%q): got %q, want %q", key, got, want)
		}
	}
}

// Numbers that can be rented together have one prefix, others have not.
func TestPrefix(t *testing.T) {
	for key, want := range map[string]string{
		"+351912345678": "+35191234", "+351912349999": "+35191234", "+351912355678": "+35191235", "+6834002": "+683", "": "",
	} {
		if got := Prefix(key); got != want {
			t.Errorf("Prefix(%q): got %q, want %q", key, got, want)
		}
	}
}

func FuzzParsePhone(f *testing.F) {
	for _, seed := range []string{
		"+351 912 345 678", "00351912345678", "(+44) 7400 123456", "+44 (0)7400 123456", "＋３５１９１２３４５６７８", "+1 900 234 5678", "912345678",
		"+54 9 11 2345-6789", "+54 011 15 2345 6789", "+52 1 222 123 4567", "+39 312 345 6789", "+881612345678", "\u202a+351912345678\u202c", "+\xff",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		got, err := ParsePhone(typed)
		if err != nil {
			known := errors.Is(err, ErrEmpty) || errors.Is(err, ErrTooLong) || errors.Is(err, ErrShape) ||
				errors.Is(err, ErrPhoneCountry) || errors.Is(err, ErrPhoneKind)
			if got != (Ident{}) || !known {
				t.Errorf("ParsePhone(%q): got %+v, %v", typed, got, err)
			}
			return
		}
		if got.Kind != Phone || got.Key[0] != '+' || len(got.Key) > 16 || strings.Trim(got.Key[1:], "0123456789") != "" {
			t.Errorf("ParsePhone(%q): the key is %q, want it as E.164 has it", typed, got.Key)
		}
		for _, again := range []string{got.Key, got.Shown, "00" + got.Key[1:]} {
			if j, err := ParsePhone(again); err != nil || j != got {
				t.Errorf("ParsePhone(%q) is %+v, but of %q: got %+v, %v", typed, got, again, j, err)
			}
		}
		if Region(got.Key) == "" || Mask(got) == mask {
			t.Errorf("ParsePhone(%q): %q is of %q and masked as %q", typed, got.Key, Region(got.Key), Mask(got))
		}
	})
}
