package outbox

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"sparekey/internal/secret"
)

// A TextLetter is what the text messages to one number are written from.
type TextLetter struct {
	Lang string      // BCP 47; an unknown one is English
	Code secret.Text // of TextCode alone
	At   time.Time   // when what a notice tells of happened
}

// A TextKind is what a notice tells of.
type TextKind string

// The kinds of notices. A text message has no room for more: the mail says
// what exactly happened.
const (
	TextPasswordChanged TextKind = "text.changed"
	TextWaysChanged     TextKind = "text.ways" // one was added or removed
)

const (
	// A text message of one part has 160 characters, as long as all of them are
	// in the alphabet of GSM 7 bit (3GPP TS 23.038). Otherwise it has 70 of
	// UTF-16, or several parts of 67: two are what we pay for.
	gsmText  = 160
	wideText = 2 * 67

	// shortestName is how much of the site's name is said at least, in
	// characters. A host that leaves less room makes a part more.
	shortestName = 8
)

// TextCode writes the text message with a code. Its last line is for the phone:
// it offers the code on the pages of that host and nowhere else (origin-bound
// one-time codes).
func (l *Letters) TextCode(m TextLetter) (string, error) {
	digits := m.Code.Reveal()
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return "", errors.New("write text: the code is not digits")
	}
	return l.text(m.Lang, "text.code", "\n\n@"+l.domain+" #"+digits, "Code", digits), nil
}

// TextNotice writes the text message that something happened. It has no link,
// but says where to go: what comes by text message is followed too easily.
func (l *Letters) TextNotice(kind TextKind, m TextLetter) (string, error) {
	if kind != TextPasswordChanged && kind != TextWaysChanged {
		return "", fmt.Errorf("write text: no text of the kind %q", string(kind))
	}
	p := l.catalogue.Printer(m.Lang)
	return l.text(m.Lang, string(kind), "", "Clock", p.Clock(m.At, l.zone), "Host", l.host, "Forgot", p.T("in.forgot")), nil
}

// text says a message and end, with as much of the site's name as there is room
// for.
func (l *Letters) text(tag, key, end string, args ...any) string {
	p := l.catalogue.Printer(tag)
	say := func(site string) string { return p.T(key, append(args[:len(args):len(args)], "Site", site)...) + end }
	rest, name, count, most := say(""), l.site, gsmLength, gsmText
	switch {
	case gsmLength(rest) < 0:
		count, most = wideLength, wideText
	case gsmLength(name) < 0: // one letter beyond the alphabet would make two parts of all of it
		name = l.domain
	}
	return say(shorten(name, max(most-count(rest), shortestName), count))
}

// shorten cuts a name so that it has no more than most characters, at the end
// of a word if that leaves half of it, and says so by dots.
func shorten(name string, most int, count func(string) int) string {
	if count(name) <= most {
		return name
	}
	const dots = "..." // the one character for them is not in the alphabet
	runes := []rune(name)
	n := len(runes)
	for n > 0 && (count(string(runes[:n])+dots) > most || unicode.IsMark(runes[n])) {
		n--
	}
	cut := string(runes[:n])
	if at := strings.LastIndexByte(cut, ' '); runes[n] != ' ' && at > len(cut)/2 {
		cut = cut[:at]
	}
	return strings.TrimRight(cut, " ,.-") + dots
}

// The alphabet of GSM 7 bit, and what takes two of its characters.
const (
	gsmAlphabet = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmTwice = "^{}\\[~]|€"
)

// gsmLength is the length of a text in the characters of GSM 7 bit; negative
// if it has others.
func gsmLength(s string) (n int) {
	for _, r := range s {
		switch {
		case strings.ContainsRune(gsmAlphabet, r):
			n++
		case strings.ContainsRune(gsmTwice, r):
			n += 2
		default:
			return -1
		}
	}
	return n
}

// wideLength is the length of a text in UTF-16.
func wideLength(s string) int { return len(utf16.Encode([]rune(s))) }
