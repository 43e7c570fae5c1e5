package outbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"sparekey/internal/outbox"
	"sparekey/internal/sparekeytest"
)

const reader = "anna@lantern.test"

// noon is the clock of these tests.
var noon = time.Date(2026, 5, 3, 12, 31, 0, 0, time.UTC)

// newSender builds a sender to a sink. change may be nil.
func newSender(t *testing.T, sink *sparekeytest.Sink, change func(*outbox.SMTPOptions)) *outbox.SMTP {
	t.Helper()
	u, err := url.Parse(sink.URL())
	if err != nil {
		t.Fatal(err)
	}
	o := outbox.SMTPOptions{
		URL: u, From: &mail.Address{Address: "hello@lantern.test"}, SiteName: "Lantern Market",
		Timeout: 20 * time.Second, Now: func() time.Time { return noon },
	}
	if change != nil {
		change(&o)
	}
	s, err := outbox.NewSMTP(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// letter is a mail to reader.
func letter(id string) outbox.Mail {
	return outbox.Mail{
		To: reader, Subject: "Your code", Text: "Your code:\n\n1234 5678\n", HTML: "<p>1234 5678</p>\n",
		Lang: "en", Code: "12345678", Thread: "flow1", ID: id,
	}
}

// send sends a mail that must get through.
func send(t *testing.T, s *outbox.SMTP, m outbox.Mail) {
	t.Helper()
	if err := s.Send(context.Background(), m); err != nil {
		t.Fatalf("got %v, want the mail sent", err)
	}
}

// refused sends a mail that must not get through.
func refused(t *testing.T, ctx context.Context, s *outbox.SMTP, m outbox.Mail) *outbox.SendError {
	t.Helper()
	err := s.Send(ctx, m)
	var failed *outbox.SendError
	if !errors.As(err, &failed) {
		t.Fatalf("got %v, want a *SendError", err)
	}
	return failed
}

// wantMails fails unless this many mails came in all.
func wantMails(t *testing.T, sink *sparekeytest.Sink, want int) {
	t.Helper()
	if got := len(sink.Mails("")); got != want {
		t.Errorf("got %d mails, want %d", got, want)
	}
}

// headers reads the headers of a mail as they travelled.
func headers(t *testing.T, l sparekeytest.Letter) mail.Header {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(l.Raw))
	if err != nil {
		t.Fatal(err)
	}
	return m.Header
}

// A mail says who sends it and when, in what language, to which conversation
// it belongs, that nobody shall answer, and what the code is; the text comes
// before the HTML, and nothing tells which program wrote it.
func TestMailIsWhole(t *testing.T) {
	sink := sparekeytest.NewSink(t)
	m := letter("m1")
	m.Subject, m.Lang = "Ваш код для Lantern Market: проверьте, что это вы, прежде чем вводить его", "ru"
	m.Text = "Здравствуйте, Анна!\n\n1234 5678\n\n.\n..two\n" + strings.Repeat("слово ", 200) + "\n"
	m.HTML = "<p lang=\"ru\">1234&nbsp;5678 = " + strings.Repeat("x", 2000) + "</p>\n"
	send(t, newSender(t, sink, nil), m)
	got := sink.Wait(t, reader, 1)

	for name, want := range map[string]string{
		"From": `"Lantern Market" <hello@lantern.test>`, "To": "<anna@lantern.test>",
		"Date": "Sun, 03 May 2026 12:31:00 +0000", "Message-Id": "<m1@lantern.test>",
		"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All",
		"Otp-Token": "12345678", "Content-Language": "ru", "Mime-Version": "1.0",
		"References": "<flow1.thread@lantern.test>", "In-Reply-To": "<flow1.thread@lantern.test>",
	} {
		if values := headers(t, got)[name]; len(values) != 1 || values[0] != want {
			t.Errorf("%s: got %q, want %q", name, values, want)
		}
	}
	for _, name := range []string{"User-Agent", "X-Mailer", "Bcc", "Cc", "List-Unsubscribe"} {
		if got.Header(name) != "" {
			t.Errorf("%s: got %q, want none", name, got.Header(name))
		}
	}
	if got.From != "hello@lantern.test" || got.Subject != m.Subject || got.Text != m.Text || got.HTML != m.HTML {
		t.Errorf("got %q, %q\n%q\n%q\nwant %q\n%q\n%q", got.From, got.Subject, got.Text, got.HTML, m.Subject, m.Text, m.HTML)
	}
	kind := got.Header("Content-Type")
	text, html := bytes.Index(got.Raw, []byte("text/plain; charset=UTF-8")), bytes.Index(got.Raw, []byte("text/html; charset=UTF-8"))
	if !strings.HasPrefix(kind, "multipart/alternative;") || text < 0 || html < text {
		t.Errorf("got %q, text at %d, HTML at %d, want the text first", kind, text, html)
	}
	if n := bytes.Count(got.Raw, []byte("Content-Transfer-Encoding: quoted-printable")); n != 2 {
		t.Errorf("got %d quoted-printable parts, want 2", n)
	}
	for line := range bytes.Lines(got.Raw) {
		if len(line) > 200 || bytes.ContainsFunc(line, func(r rune) bool { return r > '~' }) {
			t.Errorf("got the line %q, want short ones in ASCII", line)
		}
	}
}

// A mail without code, HTML, language or thread has none of their headers.
func TestMailLeavesOutWhatIsEmpty(t *testing.T) {
	sink := sparekeytest.NewSink(t)
	s := newSender(t, sink, func(o *outbox.SMTPOptions) { o.From.Name = "Accounts" })
	send(t, s, outbox.Mail{To: reader, Subject: "Hello", Text: "Hello\n"})
	got := sink.Wait(t, reader, 1)
	for _, name := range []string{"OTP-Token", "Content-Language", "References", "In-Reply-To"} {
		if got.Header(name) != "" {
			t.Errorf("%s: got %q, want none", name, got.Header(name))
		}
	}
	if want := `"Accounts" <hello@lantern.test>`; got.Header("From") != want {
		t.Errorf("From: got %q, want %q: its own name, not the site's", got.Header("From"), want)
	}
	if id := got.Header("Message-Id"); !regexp.MustCompile(`^<[A-Z0-9]{26}@lantern\.test>$`).MatchString(id) {
		t.Errorf("Message-ID: got %q, want a random one", id)
	}
	if kind := got.Header("Content-Type"); !strings.HasPrefix(kind, "text/plain;") || got.Text != "Hello\n" {
		t.Errorf("got %q %q, want one part", kind, got.Text)
	}
}

// A mail that is sent again has the same Message-ID, so that a duplicate can
// be told.
func TestResendKeepsItsMessageID(t *testing.T) {
	sink := sparekeytest.NewSink(t)
	s := newSender(t, sink, nil)
	send(t, s, letter("m1"))
	send(t, s, letter("m1"))
	send(t, s, letter("m2"))
	first, again := sink.Wait(t, reader, 1).Header("Message-Id"), sink.Wait(t, reader, 2).Header("Message-Id")
	if first != again {
		t.Errorf("got %q and %q, want the same", first, again)
	}
	if other := sink.Wait(t, reader, 3).Header("Message-Id"); other == first {
		t.Errorf("got %q for two mails, want two ids", other)
	}
}

// Whatever an address, a subject or an id holds, it begins no header and no
// command: such a mail is refused for good, before there is a connection.
func TestA38NothingBreaksOutOfItsLine(t *testing.T) {
	sink := sparekeytest.NewSink(t)
	s := newSender(t, sink, nil)
	for _, bad := range []string{"\r\nBcc: eve@evil.test", "\nBcc: eve@evil.test", "\rBcc: eve@evil.test", "\x00", "\x1b", "\u2028", "\u0085", "\xff"} {
		for field, change := range map[string]func(*outbox.Mail){
			"to":      func(m *outbox.Mail) { m.To += bad },
			"to, in":  func(m *outbox.Mail) { m.To = "anna" + bad + "@lantern.test" },
			"subject": func(m *outbox.Mail) { m.Subject += bad },
			"code":    func(m *outbox.Mail) { m.Code += "\r\nBcc: eve@evil.test" },
			"lang":    func(m *outbox.Mail) { m.Lang += bad },
			"thread":  func(m *outbox.Mail) { m.Thread += bad },
			"id":      func(m *outbox.Mail) { m.ID += bad },
		} {
			m := letter("m1")
			change(&m)
			if failed := refused(t, t.Context(), s, m); failed.Temporary || strings.Contains(failed.Reason, "eve") {
				t.Errorf("%s with %q: got %+v, want a refusal for good that repeats nothing", field, bad, failed)
			}
		}
	}
	for _, to := range []string{
		"", "anna", "@lantern.test", "anna@", "a@b@c", "anna@lantern.test, eve@evil.test", "<anna@lantern.test>",
		"Anna <anna@lantern.test>", `"anna bell"@lantern.test`, "a..b@lantern.test", ".a@lantern.test",
		"anna@lantern.test> SIZE=1", "anna@[127.0.0.1]", "anna@" + strings.Repeat("a", 250) + ".test", "anna@a\u00a0b",
		"anna@xn--\u00fc.test",
	} {
		m := letter("m1")
		m.To = to
		if failed := refused(t, t.Context(), s, m); failed.Temporary {
			t.Errorf("to %q: got %+v, want a refusal for good", to, failed)
		}
	}
	if n := sink.Conns(); n != 0 {
		t.Errorf("got %d connections, want none", n)
	}
}

// What looks like a header in a text stays text, and a mail has one block of
// headers, each once.
func TestA38OneHeaderBlock(t *testing.T) {
	sink := sparekeytest.NewSink(t)
	s := newSender(t, sink, func(o *outbox.SMTPOptions) { o.SiteName = `Lan"tern, <eve@evil.test> Grüße` })
	m := letter("m1")
	m.Subject = "=?utf-8?q?=0d=0aBcc:_eve@evil.test?= Subject: twice \u00fc" + strings.Repeat(" long", 60)
	m.Text = "\r\nBcc: eve@evil.test\r\n\r\n.\r\nMAIL FROM:<eve@evil.test>\r\n"
	send(t, s, m)
	got := sink.Wait(t, reader, 1)
	if got.Subject != m.Subject {
		t.Errorf("subject: got %q, want %q", got.Subject, m.Subject)
	}
	for name, values := range headers(t, got) {
		if name == "Bcc" || len(values) != 1 {
			t.Errorf("%s: got %q, want each header once and no Bcc", name, values)
		}
	}
	from, err := headers(t, got).AddressList("From")
	if err != nil || len(from) != 1 || from[0].Address != "hello@lantern.test" {
		t.Errorf("from: got %v, %v, want our address only", from, err)
	}
	if want := strings.ReplaceAll(m.Text, "\r\n", "\n"); got.Text != want {
		t.Errorf("text: got %q, want %q", got.Text, want)
	}
	wantMails(t, sink, 1)
}

// The envelope has the bytes that were proved; only a domain beyond ASCII is
// written as IDNA has it.
func TestA11EnvelopeIsTheProvedAddress(t *testing.T) {
	sink := sparekeytest.NewSink(t)
	s := newSender(t, sink, nil)
	for to, want := range map[string]string{
		"Anna.Bell+x@Lantern.TEST": "Anna.Bell+x@Lantern.TEST",
		"mıke@lantern.test":        "mıke@lantern.test",
		"Jörg@bücher.test":         "Jörg@xn--bcher-kva.test",
		"o'neil@bücher.test":       "o'neil@xn--bcher-kva.test",
		"a{b}|c`d@lantern.test":    "a{b}|c`d@lantern.test",
	} {
		m := letter("m1")
		m.To = to
		send(t, s, m)
		all := sink.Mails("")
		got := all[len(all)-1]
		if got.To != want {
			t.Errorf("to %q: got the envelope %q, want %q", to, got.To, want)
		}
		if list, err := headers(t, got).AddressList("To"); err != nil || len(list) != 1 || list[0].Address != want {
			t.Errorf("to %q: got the header %v, %v, want %q", to, list, err, want)
		}
	}
}

// SMTPUTF8 is asked for where an address needs it and nowhere else, and a
// server without it gets no such mail.
func TestSMTPUTF8WhereNeeded(t *testing.T) {
	sink := sparekeytest.NewSink(t)
	s := newSender(t, sink, nil)
	for to, want := range map[string]bool{reader: false, "anna@bücher.test": false, "jörg@lantern.test": true} {
		m := letter("m1")
		m.To, m.Subject = to, "Grüße"
		send(t, s, m)
		all := sink.Mails("")
		if got := all[len(all)-1].UTF8; got != want {
			t.Errorf("to %q: got SMTPUTF8 %v, want %v", to, got, want)
		}
	}

	old := sparekeytest.NewSinkWith(t, sparekeytest.SinkOptions{NoUTF8: true})
	s = newSender(t, old, nil)
	m := letter("m1")
	m.To = "jörg@lantern.test"
	if failed := refused(t, t.Context(), s, m); failed.Temporary || !strings.Contains(failed.Reason, "SMTPUTF8") {
		t.Errorf("got %+v, want a refusal for good", failed)
	}
	send(t, s, letter("m2"))
	wantMails(t, old, 1)
}

// A mail that gets into a log shows its id only.
func TestMailDoesNotPrintItsCode(t *testing.T) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if got := fmt.Sprintf(verb, letter("m1")); got != "mail m1" {
			t.Errorf("%s: got %q, want %q", verb, got, "mail m1")
		}
	}
}

// Wrong settings are named when the sender is built, without the password.
func TestNewSMTPNamesTheSetting(t *testing.T) {
	good := &mail.Address{Address: "hello@lantern.test"}
	for _, c := range []struct {
		url, want string
		from      *mail.Address
	}{
		{"", "SPAREKEY_SMTP", good},
		{"http://user:hunter2@mail.lantern.test", "SPAREKEY_SMTP", good},
		{"smtp://user:hunter2@", "SPAREKEY_SMTP", good},
		{"smtp://user:hunter2@mail.lantern.test:0", "SPAREKEY_SMTP", good},
		{"smtp://user:hunter2@mail.lantern.test:99999", "SPAREKEY_SMTP", good},
		{"smtp://user:hunter2@mail.lantern.test:587", "SPAREKEY_MAIL_FROM", nil},
		{"smtp://user:hunter2@mail.lantern.test:587", "SPAREKEY_MAIL_FROM", &mail.Address{Address: "hello"}},
		{"smtp://user:hunter2@mail.lantern.test:587", "SPAREKEY_MAIL_FROM", &mail.Address{Name: "A\r\nBcc: eve@evil.test", Address: "hello@lantern.test"}},
	} {
		o := outbox.SMTPOptions{From: c.from, SiteName: "Lantern Market"}
		if c.url != "" {
			var err error
			if o.URL, err = url.Parse(c.url); err != nil {
				t.Fatal(err)
			}
		}
		_, err := outbox.NewSMTP(o)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q from %v: got %v, want an error that names %s and no password", c.url, c.from, err, c.want)
		}
	}
}
