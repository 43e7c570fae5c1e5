package sparekeytest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// The stages of a mail at which a [Sink] can misbehave.
const (
	StageAuth = "AUTH" // there is no address yet
	StageMail = "MAIL" // there is no address yet
	StageRcpt = "RCPT"
	StageData = "DATA" // the answer to the command; over TLS it is never asked
	StageEnd  = "END"  // the answer to the whole mail
)

// What Fail may return beside a Reply: the connection is dropped around the
// last answer.
var (
	// CutBefore250 takes the mail and resets the connection without a word.
	//lint:ignore ST1012 it is said of the server: it cuts
	CutBefore250 = errors.New("drop the connection before the answer")
	// CutAfter250 takes the mail, says so, and drops the connection.
	//lint:ignore ST1012 likewise
	CutAfter250 = errors.New("drop the connection after the answer")
)

// Reply is what Fail returns to answer with a code, as in Reply(451).
func Reply(code int) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 3, 0}, Message: "Scripted answer"}
}

// SinkOptions say what a Sink offers.
type SinkOptions struct {
	TLS      bool   // STARTTLS, with a certificate of the Sink's own CA
	TLSOnly  bool   // TLS from the first byte, likewise
	NoUTF8   bool   // no SMTPUTF8
	User     string // asked for if not empty
	Password string
}

// A Sink is a mail server that keeps what it gets, and misbehaves on demand.
type Sink struct {
	options SinkOptions
	addr    string
	ca      *x509.CertPool
	smtp    *smtp.Server
	done    chan struct{}

	mu      sync.Mutex
	letters []Letter
	conns   int
	fail    func(stage, to string) error
	delay   time.Duration
	arrived chan struct{} // closed and replaced whenever a letter arrives
}

// NewSink starts a mail server on 127.0.0.1 that takes everything. It ends
// with the test.
func NewSink(t testing.TB) *Sink { return NewSinkWith(t, SinkOptions{}) }

// NewSinkWith starts a mail server that offers what o says. Its certificate is
// for localhost, 127.0.0.1 and mail.example.com.
func NewSinkWith(t testing.TB, o SinkOptions) *Sink {
	t.Helper()
	s := &Sink{options: o, done: make(chan struct{}), arrived: make(chan struct{})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("start sink: %v", err)
	}
	s.addr = l.Addr().String()
	s.smtp = smtp.NewServer(smtp.BackendFunc(s.greet))
	s.smtp.Domain = "sink.example.com"
	s.smtp.EnableSMTPUTF8 = !o.NoUTF8
	s.smtp.AllowInsecureAuth = true
	s.smtp.ErrorLog = log.New(io.Discard, "", 0) // connections that break are what it is for
	config, ca, err := certificate()
	if err != nil {
		t.Fatalf("start sink: %v", err)
	}
	s.ca = ca
	if o.TLS {
		s.smtp.TLSConfig = config
	}
	l = &counted{l, s}
	if o.TLSOnly {
		l = tls.NewListener(l, config)
	}
	served := make(chan struct{})
	go func() {
		s.smtp.Serve(l) // ends with an error when it is closed
		close(served)
	}()
	t.Cleanup(func() {
		close(s.done)
		s.smtp.Close()
		l.Close() // Serve may not have begun yet, and the server not know of it
		<-served
	})
	return s
}

// URL gives the value of SPAREKEY_SMTP that leads here.
func (s *Sink) URL() string {
	u := url.URL{Scheme: "smtp", Host: s.addr}
	if s.options.TLSOnly {
		u.Scheme = "smtps"
	}
	if s.options.User != "" {
		u.User = url.UserPassword(s.options.User, s.options.Password)
	}
	return u.String()
}

// Addr gives host and port.
func (s *Sink) Addr() string { return s.addr }

// CA gives who vouches for the sink's certificate.
func (s *Sink) CA() *x509.CertPool { return s.ca }

// Conns gives how many connections there have been.
func (s *Sink) Conns() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns
}

// Fail sets who decides, at each stage of each mail, what goes wrong: nil
// (nothing), a Reply, CutBefore250 or CutAfter250 (both at StageEnd). What is
// refused is not kept; what was cut off is. A 421 also ends the connection, and
// so does a refusal at StageData. A nil f ends all failing.
func (s *Sink) Fail(f func(stage, to string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = f
}

// Delay makes the server wait before it answers at each stage.
func (s *Sink) Delay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = d
}

// Reset forgets the letters, the count of connections and what Fail and Delay
// set.
func (s *Sink) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.letters, s.conns, s.fail, s.delay = nil, 0, nil, 0
}

// Mails gives the letters to an address, or all if it is empty, in the order
// in which they arrived.
func (s *Sink) Mails(to string) []Letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.to(to)
}

// to is Mails for those who hold the lock.
func (s *Sink) to(to string) []Letter {
	var list []Letter
	for _, l := range s.letters {
		if to == "" || l.To == to {
			list = append(list, l)
		}
	}
	return list
}

// waitLimit is when Wait gives up.
const waitLimit = 30 * time.Second

// Wait waits until n letters to an address are there, or to any if it is
// empty, and gives the nth in the order of arrival, counted from 1. After 30 s
// it fails the test.
func (s *Sink) Wait(t testing.TB, to string, n int) Letter {
	t.Helper()
	limit := time.NewTimer(waitLimit)
	defer limit.Stop()
	for {
		s.mu.Lock()
		list, arrived := s.to(to), s.arrived
		s.mu.Unlock()
		if len(list) >= n {
			return list[n-1]
		}
		select {
		case <-arrived:
		case <-limit.C:
			t.Fatalf("waited %v for mail %d to %q: got %d", waitLimit, n, to, len(list))
		}
	}
}

func (s *Sink) add(l Letter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.letters = append(s.letters, l)
	close(s.arrived)
	s.arrived = make(chan struct{})
}

// ask waits as long as Delay says, then asks Fail.
func (s *Sink) ask(stage, to string) error {
	s.mu.Lock()
	fail, delay := s.fail, s.delay
	s.mu.Unlock()
	if delay > 0 {
		wait := time.NewTimer(delay)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-s.done:
		}
	}
	if fail == nil {
		return nil
	}
	return fail(stage, to)
}

// greet begins a conversation.
func (s *Sink) greet(c *smtp.Conn) (smtp.Session, error) {
	v := &visit{sink: s, conn: c}
	if w, clear := c.Conn().(*wire); clear {
		w.visit(v)
	}
	return v, nil
}

// A visit is a conversation with a mail client.
type visit struct {
	sink   *Sink
	conn   *smtp.Conn
	letter Letter
}

// ask asks what goes wrong at a stage.
func (v *visit) ask(stage, to string) error {
	err := v.sink.ask(stage, to)
	if reply := new(smtp.SMTPError); errors.As(err, &reply) && reply.Code == 421 {
		outermost(v.conn.Conn()).cutAfterWrite() // that is what 421 says (RFC 5321, section 3.8)
	}
	return err
}

// AuthMechanisms gives the ways to sign in.
func (v *visit) AuthMechanisms() []string {
	if v.sink.options.User == "" {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth signs in.
func (v *visit) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if err := v.ask(StageAuth, ""); err != nil {
			return err
		}
		if user != v.sink.options.User || password != v.sink.options.Password {
			return &smtp.SMTPError{
				Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8},
				Message: fmt.Sprintf("not %s with %s", user, password),
			} // some servers talk like that
		}
		return nil
	}), nil
}

// Mail begins a letter.
func (v *visit) Mail(from string, o *smtp.MailOptions) error {
	_, secured := v.conn.TLSConnectionState()
	v.letter = Letter{From: from, UTF8: o != nil && o.UTF8, TLS: secured, Hello: v.conn.Hostname()}
	return v.ask(StageMail, "")
}

// Rcpt takes its address.
func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := v.ask(StageRcpt, to); err != nil {
		return err
	}
	v.letter.To = to
	return nil
}

// Data takes the letter itself.
func (v *visit) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err // it broke off: there is no letter
	}
	failed := v.ask(StageEnd, v.letter.To)
	if failed != nil && !errors.Is(failed, CutBefore250) && !errors.Is(failed, CutAfter250) {
		return failed
	}
	l := v.letter
	l.Raw = raw
	l.read()
	v.sink.add(l) // before the client can know, so that a test finds it
	switch {
	case errors.Is(failed, CutBefore250):
		outermost(v.conn.Conn()).reset()
	case errors.Is(failed, CutAfter250):
		outermost(v.conn.Conn()).cutAfterWrite()
	}
	return nil
}

// Reset forgets the letter that was begun.
func (v *visit) Reset() { v.letter = Letter{} }

// Logout ends the conversation.
func (v *visit) Logout() error { return nil }

// refuseData answers the DATA command, which go-smtp itself always welcomes.
func (v *visit) refuseData() (answer string) {
	var reply *smtp.SMTPError
	if err := v.sink.ask(StageData, v.letter.To); err == nil || !errors.As(err, &reply) {
		return ""
	}
	return fmt.Sprintf("%d %d.3.0 %s\r\n", reply.Code, reply.Code/100, strings.TrimSpace(reply.Message))
}
