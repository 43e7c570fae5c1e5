package outbox

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A SendError says why a mail or a text message was not handed over.
type SendError struct {
	// Temporary says that the same message may go through later: the server
	// said so, or could not be reached, or does not let us in. It is false
	// where trying again is of no use.
	Temporary bool

	// Reason is for the log. It holds no secret, no address of a person and
	// none of the server's own words, which may repeat either.
	Reason string
}

// Error gives the reason.
func (e *SendError) Error() string { return "send: " + e.Reason }

// SMTPOptions say how mail leaves.
type SMTPOptions struct {
	// URL is the mail server, smtp://user:password@host:port, or smtps:// for
	// TLS from the first byte (RFC 8314). Over smtp, STARTTLS (RFC 3207) is
	// required unless the host is this machine. Without a port it is 587, for
	// smtps 465.
	URL *url.URL

	// From is the sender. Without a name it is SiteName.
	From     *mail.Address
	SiteName string

	// Timeout bounds connecting, and again handing over one mail; 0 is 30 s.
	Timeout time.Duration

	// RootCAs are who may vouch for the mail server; nil is whom the machine
	// trusts. STARTTLS within this machine is verified only if they are given.
	RootCAs *x509.CertPool

	// Dial connects to the mail server; nil is a plain connection.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	// Now is the clock of the Date header; nil is time.Now.
	Now func() time.Time
}

const (
	smtpTimeout = 30 * time.Second
	// keepIdle is how long a connection waits for another mail. Mail servers
	// end idle ones after minutes, some after one.
	keepIdle = 30 * time.Second
	// staleTimeout is how long a kept connection may take to show that it is
	// still there, before another is made: a firewall may have dropped it
	// without a word.
	staleTimeout = 5 * time.Second
	// maxLinks is how many connections there are at a time. Most mail servers
	// let one client have ten or more.
	maxLinks = 8
)

// An SMTP hands mails to a mail server. It is safe for use by many goroutines.
type SMTP struct {
	host     string
	port     int
	implicit bool // TLS from the first byte
	user     *url.Userinfo
	from     *mail.Address
	domain   string // of the sender, in ASCII
	hello    string
	timeout  time.Duration
	tls      *tls.Config
	now      func() time.Time
	dialTCP  func(ctx context.Context, network, addr string) (net.Conn, error)

	slots chan struct{} // one for each connection in use

	mu     sync.Mutex
	idle   []*link
	closed bool
}

// NewSMTP builds an SMTP. It connects to nobody. An error names the setting,
// its value without the password, and the mend.
func NewSMTP(o SMTPOptions) (*SMTP, error) {
	s := &SMTP{
		timeout: o.Timeout, now: o.Now, dialTCP: o.Dial, hello: helloName(),
		slots: make(chan struct{}, maxLinks),
	}
	if s.dialTCP == nil {
		s.dialTCP = new(net.Dialer).DialContext
	}
	if s.timeout <= 0 {
		s.timeout = smtpTimeout
	}
	if s.now == nil {
		s.now = time.Now
	}
	if err := s.setServer(o.URL); err != nil {
		return nil, err
	}
	if err := s.setSender(o.From, o.SiteName); err != nil {
		return nil, err
	}
	s.tls = &tls.Config{ServerName: s.host, RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12}
	// Within this machine mail would leave in the clear too, so a certificate
	// that nobody vouches for, as local mail servers have, takes nothing away.
	// Everywhere else, and where the setting says smtps, it is verified.
	s.tls.InsecureSkipVerify = s.relaxed() && o.RootCAs == nil
	return s, nil
}

func (s *SMTP) setServer(u *url.URL) error {
	const example = "needs smtp://user:password@host:port, or smtps://"
	if u == nil {
		return errors.New("SPAREKEY_SMTP is not set: " + example)
	}
	wrong := func(mend string) error { return fmt.Errorf("SPAREKEY_SMTP %q: %s", u.Redacted(), mend) }
	s.host, s.user, s.implicit, s.port = u.Hostname(), u.User, u.Scheme == "smtps", 587
	if s.implicit {
		s.port = 465
	}
	if u.Scheme != "smtp" && u.Scheme != "smtps" || s.host == "" {
		return wrong(example)
	}
	if u.Port() != "" {
		port, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil || port == 0 {
			return wrong("needs a port from 1 to 65535, for example :587")
		}
		s.port = int(port)
	}
	return nil
}

func (s *SMTP) setSender(from *mail.Address, siteName string) error {
	const example = "needs one address, for example Example <hello@example.org>"
	if from == nil {
		return errors.New("SPAREKEY_MAIL_FROM is not set: " + example)
	}
	name := from.Name
	if name == "" {
		name = siteName
	}
	address, err := sendable(from.Address)
	if err != nil || hasControl(name) {
		return fmt.Errorf("SPAREKEY_MAIL_FROM %q: %s", from.String(), example)
	}
	s.from = &mail.Address{Name: name, Address: address}
	s.domain = address[strings.LastIndexByte(address, '@')+1:]
	return nil
}

// Domain is the sender's domain as the DNS knows it, in ASCII.
func (s *SMTP) Domain() string { return s.domain }

// helloName is what we call ourselves to the server: the machine's name.
func helloName() string {
	name, err := os.Hostname()
	if err != nil || name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return "localhost"
	}
	return name
}

// loopback tells whether host is this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// Send hands m to the mail server and returns once the server has taken
// charge of it. Anything else is a *SendError. Up to eight mails leave at a
// time, more wait. When ctx ends, the connection
// is cut at once; a server that had taken the mail by then and was about to
// say so will get it a second time if it is sent again.
func (s *SMTP) Send(ctx context.Context, m Mail) error {
	if err := check(m); err != nil {
		return &SendError{Reason: err.Error()}
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return &SendError{Temporary: true, Reason: "no connection to the mail server came free in time"}
	}
	if l := s.take(); l != nil {
		failed, gone := s.over(ctx, l, m)
		if failed == nil {
			return nil
		}
		if !gone || ctx.Err() != nil {
			return failed
		}
		// The server had ended the kept connection and has none of the mail.
	}
	l, failed := s.dial(ctx)
	if failed == nil {
		failed, _ = s.over(ctx, l, m)
	}
	if failed != nil {
		return failed
	}
	return nil
}

// Close ends the connections that wait for mails. Sends under way are not
// disturbed.
func (s *SMTP) Close() error {
	s.mu.Lock()
	s.closed = true
	all := s.idle
	s.idle = nil
	s.mu.Unlock()
	for _, l := range all {
		l.timer.Stop()
		l.quit()
	}
	return nil
}

// take gives the connection that was used last, or nil.
func (s *SMTP) take() *link {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) == 0 {
		return nil
	}
	l := s.idle[len(s.idle)-1]
	s.idle = s.idle[:len(s.idle)-1]
	l.timer.Stop()
	return l
}

// keep lets a connection wait for another mail.
func (s *SMTP) keep(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		go l.quit()
		return
	}
	l.patience = min(s.timeout, staleTimeout)
	l.timer = time.AfterFunc(keepIdle, func() { s.expire(l) })
	s.idle = append(s.idle, l)
}

// expire ends a connection unless it has been taken meanwhile.
func (s *SMTP) expire(l *link) {
	s.mu.Lock()
	for i, other := range s.idle {
		if other == l {
			s.idle = append(s.idle[:i:i], s.idle[i+1:]...)
			s.mu.Unlock()
			l.quit()
			return
		}
	}
	s.mu.Unlock()
}
