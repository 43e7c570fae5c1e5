package outbox

import (
	"crypto/rand"
	"errors"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"
	"golang.org/x/net/idna"
)

// maxAddress is the length of an address in bytes (RFC 5321, section
// 4.5.3.1.3).
const maxAddress = 254

var (
	errAddress = errors.New("the address is malformed")
	errSubject = errors.New("the subject is malformed")
	errID      = errors.New("the id, thread, code or language is malformed")
)

// check refuses what would not stay in its line: CR and LF would begin another
// header or another command (A38). Nothing of the mail is in the error.
func check(m Mail) error {
	if _, err := sendable(m.To); err != nil {
		return err
	}
	if hasControl(m.Subject) {
		return errSubject
	}
	for _, s := range []string{m.ID, m.Thread, m.Lang, m.Code.Reveal()} {
		if !plainID(s) {
			return errID
		}
	}
	return nil
}

// hasControl tells whether s would not stay one line of text.
func hasControl(s string) bool {
	return !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
	})
}

// plainID tells whether s has only letters, digits and "-", "_", ".".
func plainID(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune("-_.", r)
	})
}

// sendable gives an address as it is sent: its own bytes, but for a domain
// beyond ASCII, which becomes what IDNA makes of it (RFC 5890).
func sendable(address string) (string, error) {
	local, domain, found := strings.Cut(address, "@")
	if !found || local == "" || domain == "" || len(address) > maxAddress || hasControl(address) ||
		strings.ContainsAny(address, " \"(),:;<>[\\]") || strings.Contains(domain, "@") ||
		strings.Contains("."+local+".", "..") || strings.ContainsFunc(address, unicode.IsSpace) {
		return "", errAddress
	}
	if beyondASCII(domain) {
		ascii, err := idna.Lookup.ToASCII(domain)
		if err != nil || len(local)+1+len(ascii) > maxAddress {
			return "", errAddress
		}
		domain = ascii
	}
	return local + "@" + domain, nil
}

// beyondASCII tells whether s has anything but ASCII characters.
func beyondASCII(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}

// message makes the mail as it travels: the text part first, then the HTML.
// wide says that an address needs SMTPUTF8 (RFC 6531).
func (s *SMTP) message(m Mail) (msg *gomail.Msg, wide bool) {
	to, err := sendable(m.To)
	if err != nil {
		to = "" // check has refused it before
	}
	msg = gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithCharset(gomail.CharsetUTF8),
		gomail.WithEncoding(gomail.EncodingQP))
	msg.FromMailAddress(s.from)
	msg.ToMailAddress(&mail.Address{Address: to})
	msg.Subject(m.Subject)
	msg.SetDateWithValue(s.now())
	id := m.ID
	if id == "" {
		id = rand.Text()
	}
	msg.SetMessageIDWithValue(id + "@" + s.domain)
	if m.Thread != "" {
		// No mail has this id: it is the root that all of them name.
		root := "<" + m.Thread + ".thread@" + s.domain + ">"
		msg.SetGenHeader(gomail.HeaderReferences, root)
		msg.SetGenHeader(gomail.HeaderInReplyTo, root)
	}
	// Nobody's holiday notice shall answer (RFC 3834, section 5).
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "All")
	if m.Lang != "" {
		msg.SetGenHeader("Content-Language", m.Lang)
	}
	if m.Code != "" {
		msg.SetGenHeader("OTP-Token", m.Code.Reveal())
	}
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	return msg, beyondASCII(to + s.from.Address)
}
