package outbox

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"slices"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// A link is a connection to the mail server that has been let in. One
// goroutine at a time has it.
type link struct {
	client *gomail.Client
	smtp   *smtp.Client
	conn   net.Conn
	timer  *time.Timer // runs while the link is idle

	// patience is how long the server may take to show that it is there.
	patience time.Duration
}

// cut ends a connection at once. No QUIT: after a DATA that broke off it would
// end the text first, and the server would take half a mail.
func (l *link) cut() { l.conn.Close() }

// quit ends an idle connection the way servers like it.
func (l *link) quit() {
	l.smtp.UpdateDeadline(time.Second)
	l.smtp.Quit() // whatever the answer, it is over
	l.cut()
}

// dial connects to the mail server and signs in.
func (s *SMTP) dial(ctx context.Context) (*link, *SendError) {
	l := &link{patience: s.timeout}
	stop := func() bool { return true }
	connect := func(dialing context.Context, network, addr string) (net.Conn, error) {
		conn, err := s.dialTCP(dialing, network, addr)
		if err != nil {
			return nil, err
		}
		l.conn = conn
		if at, ok := conn.RemoteAddr().(*net.TCPAddr); ok && s.relaxed() && !at.IP.IsLoopback() {
			return nil, errElsewhere // the name of this machine leads away from it
		}
		stop = context.AfterFunc(ctx, func() { conn.Close() })
		if !s.implicit {
			return conn, nil
		}
		secured := tls.Client(conn, s.tls.Clone())
		return secured, secured.HandshakeContext(dialing)
	}
	options := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(s.timeout), gomail.WithHELO(s.hello),
		gomail.WithTLSConfig(s.tls.Clone()), gomail.WithTLSPolicy(s.policy()),
		gomail.WithDialContextFunc(connect),
		gomail.WithoutRset(), // MAIL begins a new mail anyway, and a lost answer to RSET is no failure
	}
	if s.user != nil {
		password, _ := s.user.Password()
		options = append(options, gomail.WithSMTPAuthCustom(&signIn{
			user: s.user.Username(), password: password, local: s.relaxed(),
		}))
	}
	client, err := gomail.NewClient(s.host, options...)
	if err == nil {
		l.client = client
		l.smtp, err = client.DialToSMTPClientWithContext(ctx)
	}
	if !stop() {
		err = errors.Join(err, ctx.Err()) // it was cut meanwhile
	}
	if err != nil {
		if l.conn != nil {
			l.cut()
		}
		return nil, &SendError{Temporary: true, Reason: s.whyNot(ctx, err)}
	}
	return l, nil
}

// policy says what is asked of a connection before anything is said on it.
func (s *SMTP) policy() gomail.TLSPolicy {
	switch {
	case s.implicit:
		return gomail.NoTLS // it is inside TLS already
	case s.relaxed():
		return gomail.TLSOpportunistic
	default:
		return gomail.TLSMandatory
	}
}

// relaxed tells whether TLS may be left out: the connection does not leave this
// machine, and the setting does not say smtps.
func (s *SMTP) relaxed() bool { return !s.implicit && loopback(s.host) }

// whyNot gives the reason why there is no connection, in words of our own: an
// answer to AUTH may hold what was sent.
func (s *SMTP) whyNot(ctx context.Context, err error) string {
	var answer *textproto.Error
	var network *net.OpError
	var cert *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	switch at := net.JoinHostPort(s.host, fmt.Sprint(s.port)); {
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded):
		return "the mail server " + at + " took too long to connect"
	case errors.As(err, &cert), errors.As(err, &unknown), errors.As(err, &hostname):
		return "the certificate of the mail server " + at + " is not trusted: " + err.Error()
	case errors.As(err, &alert), errors.As(err, &record):
		return "TLS with the mail server " + at + " did not come about: " + err.Error()
	case errors.Is(err, errElsewhere):
		return "the mail server " + at + " is not on this machine: name it otherwise, so that TLS is required"
	case errors.Is(err, errNoSignIn):
		return "the mail server " + at + " offers no way to sign in that we know"
	case errors.As(err, &answer):
		return fmt.Sprintf("the mail server %s answered %d before it took mail%s", at, answer.Code, signInHint(answer.Code))
	case errors.As(err, &network):
		return "the mail server is not reached: " + network.Error()
	case s.policy() == gomail.TLSMandatory:
		return "the mail server " + at + " broke off, or offers no STARTTLS, which is required"
	default:
		return "the mail server " + at + " broke off"
	}
}

// signInHint tells the operator where to look. A refused sign-in is temporary:
// the mails wait until it is mended.
func signInHint(code int) string {
	if refusesSignIn(code) {
		return ": check the name and the password in SPAREKEY_SMTP"
	}
	return ""
}

// refusesSignIn tells whether an answer is about who we are and not about the
// mail (RFC 4954, section 6).
func refusesSignIn(code int) bool { return slices.Contains([]int{530, 534, 535, 538}, code) }

var (
	errNoSignIn  = errors.New("no known way to sign in")
	errElsewhere = errors.New("loopback name of another machine")
)

// signIn signs in by the best way the server offers. The password leaves in a
// form that can be read only inside TLS or this machine.
type signIn struct {
	user, password string
	local          bool
	way            smtp.Auth
}

// Start chooses the way.
func (a *signIn) Start(server *smtp.ServerInfo) (string, []byte, error) {
	offers := func(way string) bool { return slices.Contains(server.Auth, way) }
	switch {
	case offers("SCRAM-SHA-256"):
		a.way = smtp.ScramSHA256Auth(a.user, a.password)
	case offers("PLAIN"):
		a.way = smtp.PlainAuth("", a.user, a.password, server.Name, a.local)
	case offers("LOGIN"):
		a.way = smtp.LoginAuth(a.user, a.password, server.Name, a.local)
	case offers("CRAM-MD5"):
		a.way = smtp.CRAMMD5Auth(a.user, a.password)
	default:
		return "", nil, errNoSignIn
	}
	return a.way.Start(server)
}

// Next goes on with the way that was chosen.
func (a *signIn) Next(fromServer []byte, more bool) ([]byte, error) {
	return a.way.Next(fromServer, more)
}

// over hands a mail over a connection, and keeps the connection if all went
// well. gone says that the server had ended the connection before it had any
// of the mail.
func (s *SMTP) over(ctx context.Context, l *link, m Mail) (failed *SendError, gone bool) {
	stop := context.AfterFunc(ctx, l.cut)
	msg, wide := s.message(m)
	if has, _ := l.smtp.Extension("SMTPUTF8"); wide && !has {
		stop()
		l.cut()
		return &SendError{Reason: "the mail server does not take addresses beyond ASCII (SMTPUTF8)"}, false
	}
	// Asked for where an address needs it and nowhere else: a server on the
	// way that does not know it would send the mail back (RFC 6531).
	l.smtp.SkipSMTPUTF8(!wide)
	// The NOOP that comes first has this long, what follows the whole time.
	err := l.smtp.UpdateDeadline(l.patience)
	if err == nil {
		err = l.client.SendWithSMTPClient(l.smtp, msg)
	}
	switch {
	case !stop() || err != nil:
		l.cut()
	default:
		s.keep(l)
	}
	// What the server has taken is sent, whatever came after.
	if err == nil || msg.IsDelivered() {
		return nil, false
	}
	return verdict(ctx, err)
}

// verdict says what a failed hand-over means.
func verdict(ctx context.Context, err error) (failed *SendError, gone bool) {
	var e *gomail.SendError
	if !errors.As(err, &e) {
		return &SendError{Temporary: true, Reason: "the connection to the mail server broke"}, true
	}
	stage, early := "the end of the mail", false
	switch e.Reason {
	case gomail.ErrConnCheck:
		stage, early = "NOOP", true
	case gomail.ErrSMTPMailFrom:
		stage, early = "MAIL", true
	case gomail.ErrSMTPRcptTo:
		stage, early = "RCPT", true
	case gomail.ErrSMTPData:
		stage, early = "DATA", true
	}
	code := e.ErrorCode()
	switch {
	case code == 0 && ctx.Err() != nil:
		return &SendError{Temporary: true, Reason: "the mail server took too long, at " + stage}, false
	case code == 0 && !early:
		return &SendError{Temporary: true, Reason: "the connection to the mail server broke at " + stage + "; it may have taken it"}, false
	case code == 0:
		return &SendError{Temporary: true, Reason: "the connection to the mail server broke at " + stage}, true
	}
	reason := fmt.Sprintf("the mail server answered %d to %s%s", code, stage, signInHint(code))
	if detail := e.EnhancedStatusCode(); detail != "" {
		reason = fmt.Sprintf("the mail server answered %d %s to %s%s", code, detail, stage, signInHint(code))
	}
	return &SendError{Temporary: code < 500 || refusesSignIn(code), Reason: reason}, early && code == 421
}
