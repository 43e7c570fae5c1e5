package ident

import (
	"errors"
	"fmt"
	"strings"
)

// What is wrong with a phone number, beside [ErrEmpty], [ErrTooLong] and
// [ErrShape].
var (
	// ErrPhoneCountry says that it begins with neither + nor 00 and a country:
	// where it is dialled from is not known.
	ErrPhoneCountry = errors.New("it has no country code")

	// ErrPhoneKind says that numbers of its kind get no text messages, or cost
	// money to reach.
	ErrPhoneKind = errors.New("numbers of its kind get no text messages")
)

// nowhere is the region of numbers that belong to no country: satellites,
// ships, and services of the whole world.
const nowhere = "001"

// ParsePhone reads a phone number in its international form: with + or 00, the
// country code and the number. Decimal digits of every script count; blanks,
// dashes, dots, slashes, brackets and the invisible marks that come with
// pasting are dropped. A trunk prefix between the two, as in +44 (0)20, is
// dropped where the country has one. Letters are none of a number's. It reports
// ErrEmpty, ErrTooLong, ErrShape, ErrPhoneCountry or ErrPhoneKind. Any other
// error means that the program was built without the table of phone numbers.
//
// The Key is the number as E.164 has it, and text messages go to it. Shown is
// its international format, whatever was typed.
func ParsePhone(typed string) (Ident, error) {
	typed, err := trim(typed)
	if err != nil {
		return Ident{}, err
	}
	digits, err := dialled(typed)
	if err != nil {
		return Ident{}, err
	}
	n, err := parseNumber(digits)
	if err != nil {
		return Ident{}, err
	}
	r := n.plan.region(n.digits)
	if r == nil {
		return Ident{}, ErrShape
	}
	// Whoever earns by what others send (A37) has numbers of the kinds that are
	// refused. Short codes do not come so far: they have no international form.
	k := r.kind(n.digits)
	switch {
	case k == nil:
		return Ident{}, ErrShape
	case !k.taken, r.name == nowhere:
		return Ident{}, ErrPhoneKind
	}
	return Ident{Kind: Phone, Key: "+" + n.plan.code + n.digits, Shown: n.plan.show(n.digits)}, nil
}

// dialled gives the digits from the country code on.
func dialled(typed string) (string, error) {
	var digits []byte
	plus := false
	for _, r := range typed {
		d, ok := digit(r)
		switch {
		case ok:
			digits = append(digits, d)
		case (r == '+' || r == '＋') && !plus && len(digits) == 0:
			plus = true
		case !betweenDigits(r) && !strings.ContainsRune("()/（）／", r):
			return "", ErrShape
		}
	}
	international, zeros := strings.CutPrefix(string(digits), "00")
	switch {
	case len(digits) == 0:
		return "", ErrShape
	case plus:
		return string(digits), nil
	case zeros:
		return international, nil
	}
	return "", ErrPhoneCountry
}

// A number is a phone number taken apart: its digits are those behind the
// country code. It has a possible length, and need not be valid.
type number struct {
	plan   *plan
	digits string
}

// Numbers of digits behind a country code. Germany has longer ones than E.164
// allows.
const (
	minNational = 2
	maxNational = 17
)

// parseNumber takes apart the digits from the country code on. It reports
// ErrShape, or that the program was built without the table.
func parseNumber(digits string) (number, error) {
	plans, err := table()
	if err != nil {
		return number{}, err
	}
	p, rest := plans.split(digits)
	if p == nil {
		return number{}, ErrShape
	}
	if rest = p.national(rest); len(rest) < minNational || len(rest) > maxNational {
		return number{}, ErrShape
	}
	return number{plan: p, digits: rest}, nil
}

// parseKey takes a Key apart.
func parseKey(key string) (number, error) {
	digits, plus := strings.CutPrefix(key, "+")
	if !plus || strings.Trim(digits, "0123456789") != "" {
		return number{}, ErrShape
	}
	return parseNumber(digits)
}

// Region gives the country of a phone number by its Key, as ISO 3166 names it
// (PT), or an empty string if it has none. Countries that share a code, as +1 or
// +44, are told apart where their numbers are: a number of Åland is of Finland.
func Region(key string) string {
	n, err := parseKey(key)
	if err != nil {
		return ""
	}
	r := n.plan.region(n.digits)
	if r == nil || r.name == nowhere {
		return ""
	}
	return r.name
}

// subscriber is how many digits at the end of a number its prefix leaves out:
// operators rent out numbers by the ten thousand.
const subscriber = 4

// Prefix gives what the caps on text messages go by, beside the number itself:
// the country code and the first digits of a Key. Whoever has rented a range of
// numbers has all that begin with it.
func Prefix(key string) string { return key[:max(0, len(key)-subscriber)] }

// maskPhone gives what a page may show of a phone number: its country code and
// the last three digits, as in "+351 ••• ••• 204".
func maskPhone(key string) string {
	n, err := parseKey(key)
	if err != nil || len(key) < 8 {
		return mask
	}
	return fmt.Sprintf("+%s %s %s %s", n.plan.code, mask, mask, key[len(key)-3:])
}
