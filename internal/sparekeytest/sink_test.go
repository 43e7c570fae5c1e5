package sparekeytest

import (
	"crypto/tls"
	"errors"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"testing"
	"time"
)

// twoParts is a mail as Sparekey writes them, with a code and a link.
const twoParts = "From: Lantern Market <hello@lantern.test>\r\nTo: <mara@example.com>\r\n" +
	"Subject: =?utf-8?q?Dein_Schl=C3=BCssel?=\r\nX-Same: one\r\nX-Same: two\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/alternative; boundary=cut\r\n\r\n" +
	"--cut\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
	"Here it is=\r\n:\r\n\r\n    4183 0275\r\n\r\nStop: https://id.lantern.test/stop/q7F-_x.\r\n" +
	"--cut\r\nContent-Type: text/html; charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
	"<p lang=3D\"en\">41830275</p>\r\n--cut--\r\n"

// dialSink speaks SMTP with s, for at most 10 s.
func dialSink(t *testing.T, s *Sink) *smtp.Client {
	t.Helper()
	conn, err := net.DialTimeout("tcp", s.Addr(), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	c, err := smtp.NewClient(conn, "localhost")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// post sends a mail and gives the stage at which it was refused.
func post(c *smtp.Client, to, body string) (stage string, err error) {
	if err := c.Mail("hello@lantern.test"); err != nil {
		return StageMail, err
	}
	if err := c.Rcpt(to); err != nil {
		return StageRcpt, err
	}
	w, err := c.Data()
	if err != nil {
		return StageData, err
	}
	if _, err := w.Write([]byte(body)); err != nil {
		return StageEnd, err
	}
	return StageEnd, w.Close()
}

func mustPost(t *testing.T, c *smtp.Client, to, body string) {
	t.Helper()
	if stage, err := post(c, to, body); err != nil {
		t.Fatalf("%s: %v", stage, err)
	}
}

// A sink keeps what it gets as it came, and reads it.
func TestSinkKeepsLetters(t *testing.T) {
	s := NewSink(t)
	c := dialSink(t, s)
	mustPost(t, c, "Mara.O'Neil@Example.com", twoParts)
	mustPost(t, c, "abe@example.com", "Subject: second\r\n\r\nhello\r\n")
	all := s.Mails("")
	if len(all) != 2 || all[0].To != "Mara.O'Neil@Example.com" || all[1].Subject != "second" {
		t.Fatalf("got %v, want both letters in their order", all)
	}
	l := s.Mails("Mara.O'Neil@Example.com")[0]
	for _, x := range []struct{ what, got, want string }{
		{"raw", string(l.Raw), twoParts},
		{"from", l.From, "hello@lantern.test"},
		{"subject", l.Subject, "Dein Schlüssel"},
		{"text", l.Text, "Here it is:\n\n    4183 0275\n\nStop: https://id.lantern.test/stop/q7F-_x."},
		{"html", l.HTML, `<p lang="en">41830275</p>`},
		{"code", l.Code(), "41830275"},
		{"stop", l.StopURL(), "https://id.lantern.test/stop/q7F-_x"},
		{"header", l.Header("x-same"), "one\ntwo"},
	} {
		if x.got != x.want {
			t.Errorf("%s: got %q, want %q", x.what, x.got, x.want)
		}
	}
	if got := all[1].Code() + all[1].StopURL(); got != "" {
		t.Errorf("a letter without code and link: got %q", got)
	}
}

// The code is found between marks of direction, and the long one too.
func TestLetterCode(t *testing.T) {
	for text, want := range map[string]string{
		"x\n    \u200e4183 0275\u200e\ny":            "41830275",
		"\u20664183 0275\u2069":                      "41830275",
		"    1234 5678 9012 3456 7890":               "12345678901234567890",
		"    41830275":                               "",
		"3 May 2026, 14:31\nyour number 4183 0275 x": "",
	} {
		if got := (Letter{Text: text}).Code(); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// Every answer can be had at every stage, and what was refused is not kept.
func TestSinkRefuses(t *testing.T) {
	s := NewSink(t)
	for _, stage := range []string{StageMail, StageRcpt, StageData, StageEnd} {
		for _, code := range []int{421, 451, 550, 552} {
			s.Fail(func(at, to string) error {
				if at != stage {
					return nil
				}
				if want := at != StageMail; (to == "mara@example.com") != want {
					t.Errorf("%s: asked about %q", at, to)
				}
				return Reply(code)
			})
			c := dialSink(t, s)
			at, err := post(c, "mara@example.com", twoParts)
			var answer *textproto.Error
			if !errors.As(err, &answer) || answer.Code != code || at != stage {
				t.Errorf("%s %d: got %v at %s", stage, code, err, at)
			}
			if err := c.Reset(); (err != nil) != (code == 421 || stage == StageData) {
				t.Errorf("%s %d: connection afterwards: %v", stage, code, err)
			}
		}
	}
	if got := len(s.Mails("")); got != 0 {
		t.Errorf("got %d letters, want none of those refused", got)
	}
	s.Fail(nil)
	mustPost(t, dialSink(t, s), "mara@example.com", twoParts)
	s.Wait(t, "mara@example.com", 1)
}

// A connection can be dropped just before and just after the last answer; the
// letter is there in both cases, inside TLS too.
func TestSinkCuts(t *testing.T) {
	for _, secured := range []bool{false, true} {
		s := NewSinkWith(t, SinkOptions{TLS: true})
		for n, cut := range []error{CutBefore250, CutAfter250} {
			s.Fail(func(stage, _ string) error {
				if stage == StageEnd {
					return cut
				}
				return nil
			})
			c := dialSink(t, s)
			if secured {
				if err := c.StartTLS(&tls.Config{ServerName: "localhost", RootCAs: s.CA()}); err != nil {
					t.Fatal(err)
				}
			}
			_, err := post(c, "mara@example.com", twoParts)
			var answer *textproto.Error
			if (err == nil) != (cut == CutAfter250) || errors.As(err, &answer) {
				t.Errorf("%v: got %v", cut, err)
			}
			if c.Reset() == nil {
				t.Errorf("%v: the connection lives", cut)
			}
			if l := s.Wait(t, "mara@example.com", n+1); l.TLS != secured {
				t.Errorf("%v: got TLS %t, want %t", cut, l.TLS, secured)
			}
		}
	}
}

// A sink with a certificate is trusted by its own CA alone.
func TestSinkTLS(t *testing.T) {
	s := NewSinkWith(t, SinkOptions{TLS: true})
	if err := dialSink(t, s).StartTLS(&tls.Config{ServerName: "localhost"}); err == nil {
		t.Error("a stranger's certificate was taken")
	}
	if err := dialSink(t, s).StartTLS(&tls.Config{ServerName: "other.example.com", RootCAs: s.CA()}); err == nil {
		t.Error("a certificate of another name was taken")
	}
	first := NewSinkWith(t, SinkOptions{TLSOnly: true})
	conn, err := tls.Dial("tcp", first.Addr(), &tls.Config{ServerName: "mail.example.com", RootCAs: first.CA()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c, err := smtp.NewClient(conn, "mail.example.com")
	if err != nil {
		t.Fatal(err)
	}
	mustPost(t, c, "mara@example.com", twoParts)
	if !first.Mails("")[0].TLS || !strings.HasPrefix(first.URL(), "smtps://") {
		t.Errorf("got a letter outside TLS, or the URL %s", first.URL())
	}
	if ok, _ := dialSink(t, NewSink(t)).Extension("STARTTLS"); ok {
		t.Error("a sink without TLS offers STARTTLS")
	}
}

// A sink that has a user lets in nobody else, and can refuse even that one.
func TestSinkSignIn(t *testing.T) {
	s := NewSinkWith(t, SinkOptions{User: "mara", Password: "pass word"})
	if want := "smtp://mara:pass%20word@" + s.Addr(); s.URL() != want {
		t.Errorf("got %s, want %s", s.URL(), want)
	}
	if err := dialSink(t, s).Auth(smtp.PlainAuth("", "mara", "pass word", "localhost")); err != nil {
		t.Errorf("the right password: %v", err)
	}
	var answer *textproto.Error
	if err := dialSink(t, s).Auth(smtp.PlainAuth("", "mara", "other", "localhost")); !errors.As(err, &answer) || answer.Code != 535 {
		t.Errorf("a wrong password: got %v, want 535", err)
	}
	s.Fail(func(string, string) error { return Reply(454) })
	if err := dialSink(t, s).Auth(smtp.PlainAuth("", "mara", "pass word", "localhost")); !errors.As(err, &answer) || answer.Code != 454 {
		t.Errorf("got %v, want 454", err)
	}
}

// SMTPUTF8 is noted where it was asked for, and missing where it is not offered.
func TestSinkUTF8(t *testing.T) {
	s := NewSink(t)
	c := dialSink(t, s) // this client asks for it whenever it is offered
	mustPost(t, c, "mára@example.com", twoParts)
	if l := s.Mails("mára@example.com"); len(l) != 1 || !l[0].UTF8 {
		t.Errorf("got %v, want one letter with SMTPUTF8", l)
	}
	if ok, _ := dialSink(t, NewSinkWith(t, SinkOptions{NoUTF8: true})).Extension("SMTPUTF8"); ok {
		t.Error("SMTPUTF8 is offered")
	}
}

// A slow sink answers late, and ends with its test all the same.
func TestSinkDelay(t *testing.T) {
	t.Run("slow", func(t *testing.T) {
		s := NewSink(t)
		s.Delay(time.Hour)
		conn, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		c, err := smtp.NewClient(conn, "localhost")
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(50 * time.Millisecond))
		var late net.Error
		if stage, err := post(c, "mara@example.com", twoParts); !errors.As(err, &late) || !late.Timeout() {
			t.Errorf("got %v at %s, want no answer in time", err, stage)
		}
	})
}

// A sink that nobody writes to ends with its test, even before it has begun to
// listen.
func TestSinkEndsAtOnce(t *testing.T) {
	for range 200 {
		t.Run("nothing", func(t *testing.T) { NewSink(t) })
	}
}

// Wait finds a letter that arrives while it waits.
func TestSinkWait(t *testing.T) {
	s := NewSink(t)
	c := dialSink(t, s)
	sent := make(chan error, 1)
	go func() {
		for _, to := range []string{"abe@example.com", "mara@example.com", "mara@example.com"} {
			if _, err := post(c, to, "Subject: hello\r\n\r\n"); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	if l := s.Wait(t, "mara@example.com", 2); l.Subject != "hello" || len(s.Mails("mara@example.com")) != 2 {
		t.Errorf("got %q among %d", l.Subject, len(s.Mails("mara@example.com")))
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if got := s.Conns(); got != 1 {
		t.Errorf("got %d connections, want 1", got)
	}
}
