package ident

import (
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// Lengths of an address in bytes (RFC 5321, sections 4.5.3.1.1 and 4.5.3.1.3)
// and of a domain's label and name (RFC 1035, section 2.3.4).
const (
	maxEmail  = 254
	maxLocal  = 64
	maxLabel  = 63
	maxDomain = 253
)

// localPunctuation is what may stand in a local part beside letters and digits:
// the atext of RFC 5322, section 3.2.3, and the dot between two atoms. It has
// no blank, quote, bracket, comma, colon or backslash, so an address goes into
// a header or an SMTP command as it is.
const localPunctuation = "!#$%&'*+-/=?^_`{|}~."

// ParseEmail reads an address local@domain. Blanks around it are dropped. It
// takes no display name, quoted local part, comment or address literal, and
// wants a dot in the domain. Letters of every script may stand in it (RFC
// 6531). It reports ErrEmpty, ErrTooLong or ErrShape.
//
// The Key is the local part in NFC and lower case, and the domain as IDNA
// makes it (RFC 5891, ASCII, lower case). It joins what differs in the case of
// the same letter only. Dots and "+" parts are kept: their meaning is the mail
// server's own affair, and folding them would merge two people.
func ParseEmail(typed string) (Ident, error) {
	shown, err := trim(typed)
	if err != nil {
		return Ident{}, err
	}
	if len(shown) > maxEmail {
		return Ident{}, ErrTooLong
	}
	local, domain, found := strings.Cut(shown, "@")
	if !found || strings.Contains(domain, "@") {
		return Ident{}, ErrShape
	}
	local, err = localKey(local)
	if err != nil {
		return Ident{}, err
	}
	domain, err = domainKey(domain)
	if err != nil {
		return Ident{}, err
	}
	key := local + "@" + domain
	if len(key) > maxEmail {
		return Ident{}, ErrTooLong // the domain grows in its ASCII form
	}
	return Ident{Kind: Email, Key: key, Shown: shown}, nil
}

// localKey gives the normal form of a local part.
func localKey(local string) (string, error) {
	if len(local) > maxLocal {
		return "", ErrTooLong
	}
	// An empty atom: nothing at all, a dot at either end, two dots in a row.
	if strings.Contains("."+local+".", "..") {
		return "", ErrShape
	}
	composed := norm.NFC.String(local)
	// Both forms: composing turns the Kelvin sign into a plain K, and makes the
	// dotted capital I out of two harmless characters.
	for _, form := range []string{local, composed} {
		for i, r := range form {
			if !inLocal(r) || i == 0 && unicode.Is(unicode.M, r) {
				return "", ErrShape
			}
		}
	}
	return norm.NFC.String(strings.ToLower(composed)), nil
}

// inLocal tells whether r may stand in a local part.
func inLocal(r rune) bool {
	if r <= unicode.MaxASCII {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' ||
			strings.ContainsRune(localPunctuation, r)
	}
	return visible(r) && !becomesASCII(r)
}

// visible tells whether r is assigned and seen. Controls, bidirectional
// overrides, joiners, blanks, fillers, private and unassigned code points are
// not: they make two addresses look the same, or one look like another.
func visible(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S) &&
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// becomesASCII tells whether some normal form of r, which is not ASCII, has an
// ASCII character in it: the Kelvin sign lower-cases to k, the dotted capital I
// to i, the long s and the full-width letters decompose to plain ones. A mail
// server that applies such a form would hand one person's mail to another
// (CVE-2019-19844), so these are refused. The dotless i, U+0131, has no such
// form: it is a letter of its own and makes another address.
func becomesASCII(r rune) bool {
	return strings.ContainsFunc(norm.NFKC.String(string(r))+string(unicode.ToLower(r)), func(r rune) bool {
		return r <= unicode.MaxASCII
	})
}

// domainKey gives the normal form of a domain.
func domainKey(domain string) (string, error) {
	for _, r := range domain {
		// IDNA maps and drops characters too. What it would turn into ASCII, or
		// drop without a trace, is not what a person types for a domain. The
		// capital sharp s is "ss" in older tables and "ß" in newer ones: two
		// domains, and nobody can tell which one a mail server would take.
		if r > unicode.MaxASCII && (!visible(r) || becomesASCII(r) || r == 'ẞ') {
			return "", ErrShape
		}
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil {
		return "", ErrShape
	}
	ascii = lowerASCII(ascii)
	// Some of what IDNA maps to is not allowed as it is, by the rules for the
	// direction of writing: only what it takes again as it gave it is a domain.
	if again, err := idna.Lookup.ToASCII(ascii); err != nil || again != ascii {
		return "", ErrShape
	}
	if len(ascii) > maxDomain {
		return "", ErrTooLong
	}
	labels := strings.Split(ascii, ".")
	for _, label := range labels {
		if label == "" {
			return "", ErrShape
		}
		if len(label) > maxLabel {
			return "", ErrTooLong
		}
	}
	// A single label is a host of the local network, and an end in digits is
	// an IPv4 address without its brackets (RFC 3696, section 2).
	top := labels[len(labels)-1]
	if len(labels) < 2 || strings.Trim(top, "0123456789") == "" {
		return "", ErrShape
	}
	return ascii, nil
}
