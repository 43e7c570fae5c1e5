package ident

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nyaruka/phonenumbers"
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
// ErrEmpty, ErrTooLong, ErrShape, ErrPhoneCountry or ErrPhoneKind.
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
	number, err := phonenumbers.Parse("+"+digits, "")
	if err != nil || !phonenumbers.IsValidNumber(number) {
		return Ident{}, ErrShape
	}
	if !reachable(number) {
		return Ident{}, ErrPhoneKind
	}
	return Ident{
		Kind:  Phone,
		Key:   phonenumbers.Format(number, phonenumbers.E164),
		Shown: phonenumbers.Format(number, phonenumbers.INTERNATIONAL),
	}, nil
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

// reachable tells whether the number may get text messages at the price of one.
// Whoever earns by what others send (A37) has numbers of the kinds that are
// refused; a kind that is not known here is refused too. Short codes do not
// come so far: they have no international form.
func reachable(number *phonenumbers.PhoneNumber) bool {
	if phonenumbers.GetRegionCodeForNumber(number) == nowhere {
		return false
	}
	switch phonenumbers.GetNumberType(number) {
	case phonenumbers.MOBILE, phonenumbers.FIXED_LINE_OR_MOBILE, phonenumbers.VOIP:
		return true
	}
	return false
}

// Region gives the country of a phone number by its Key, as ISO 3166 names it
// (PT), or an empty string if it has none. Countries that share a code, as +1 or
// +44, are told apart where their numbers are: a number of Åland is of Finland.
func Region(key string) string {
	number, err := phonenumbers.Parse(key, "")
	if err != nil {
		return ""
	}
	region := phonenumbers.GetRegionCodeForNumber(number)
	if region == nowhere {
		return ""
	}
	return region
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
	number, err := phonenumbers.Parse(key, "")
	if err != nil || len(key) < 8 {
		return mask
	}
	return fmt.Sprintf("+%d %s %s %s", number.GetCountryCode(), mask, mask, key[len(key)-3:])
}
