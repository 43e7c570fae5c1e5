package doctor

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"sparekey/internal/outbox"
)

// soon is how long before its end a certificate should have been renewed.
const soon = 14 * 24 * time.Hour

// smtp is the sender that the server would have, or nil where the settings
// name none.
func (d *doctor) smtp(dial func(ctx context.Context, network, addr string) (net.Conn, error)) (*outbox.SMTP, error) {
	if d.Settings.MailServer() == nil || d.Settings.Sender() == nil {
		return nil, nil
	}
	return outbox.NewSMTP(outbox.SMTPOptions{
		URL: d.Settings.MailServer(), From: d.Settings.Sender(), SiteName: d.Settings.SiteName,
		Timeout: d.Patience, RootCAs: d.RootCAs, Dial: dial, Now: d.Now,
	})
}

// mail looks whether the mail server lets us in.
func (d *doctor) mail(ctx context.Context) (n notes) {
	var failed error // of the connection itself, whatever came later
	s, err := d.smtp(func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := d.Dial(ctx, network, addr)
		failed = err
		return conn, err
	})
	if err != nil {
		n.add(Fatal, "mail", "%v", err)
	}
	if s == nil {
		return n
	}
	w, err := s.Try(ctx)
	var dns *net.DNSError
	switch {
	case err == nil:
		sayWelcome(&n, w, d.Now())
	case errors.As(failed, &dns) && dns.IsNotFound, errors.Is(failed, syscall.ECONNREFUSED):
		n.add(Broken, "mail", "%v: does SPAREKEY_SMTP name the right host and port?", cause(err))
	case failed != nil, gone(ctx, err):
		n.add(Doubtful, "mail", "%v: is there a network, and does a firewall let this port through? (Many block 25; try 587 or 465.)", cause(err))
	default:
		n.add(Broken, "mail", "%v", cause(err))
	}
	return n
}

// cause is the reason of a SendError: no mail was to be sent.
func cause(err error) string {
	var failed *outbox.SendError
	if errors.As(err, &failed) {
		return failed.Reason
	}
	return err.Error()
}

func sayWelcome(n *notes, w outbox.Welcome, now time.Time) {
	how := "takes us without a name"
	if w.SignedIn {
		how = "lets us in by name and password"
	}
	if w.TLS == "" {
		n.add(Well, "mail", "%s %s, in the clear, which stays on this machine", w.At, how)
		return
	}
	n.add(Well, "mail", "%s %s, over %s", w.At, how, w.TLS)
	if w.Until.Sub(now) < soon {
		n.add(Doubtful, "mail", "the certificate of %s ends on %s: see that it is renewed", w.At, day(w.Until))
	}
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
