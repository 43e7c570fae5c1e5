package outbox_test

import (
	"context"
	"net"
	"net/url"
	"strings"
	"testing"

	"sparekey/internal/outbox"
	"sparekey/internal/sparekeytest"
)

// elsewhere makes a sender take a sink for a server of that name.
func elsewhere(sink *sparekeytest.Sink, host string) func(*outbox.SMTPOptions) {
	return func(o *outbox.SMTPOptions) {
		o.URL.Host = net.JoinHostPort(host, o.URL.Port())
		o.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, sink.Addr())
		}
	}
}

// Mail leaves this machine inside verified TLS or not at all; within it, TLS
// is used where it is offered.
func TestTLSIsRequired(t *testing.T) {
	const far = "mail.example.com" // the sink's certificate is good for it
	plain, starttls, tlsOnly := sparekeytest.SinkOptions{}, sparekeytest.SinkOptions{TLS: true}, sparekeytest.SinkOptions{TLSOnly: true}
	for _, c := range []struct {
		name    string
		host    string
		options sparekeytest.SinkOptions
		trust   bool
		sent    bool
		reason  string
	}{
		{"far, STARTTLS", far, starttls, true, true, ""},
		{"far, no STARTTLS", far, plain, true, false, "STARTTLS"},
		{"far, unknown CA", far, starttls, false, false, "not trusted"},
		{"far, another name", "mail.example.org", starttls, true, false, "not trusted"},
		{"far, smtps", far, tlsOnly, true, true, ""},
		{"far, smtps, unknown CA", far, tlsOnly, false, false, "not trusted"},
		{"near, no STARTTLS", "127.0.0.1", plain, false, true, ""},
		{"near by name, no STARTTLS", "localhost", plain, false, true, ""},
		{"near, STARTTLS", "127.0.0.1", starttls, true, true, ""},
		{"near, STARTTLS by a stranger", "127.0.0.1", starttls, false, true, ""},
		{"near, smtps by a stranger", "127.0.0.1", tlsOnly, false, false, "not trusted"},
		{"near, another name", "127.0.0.2", starttls, true, false, "not trusted"},
		{"not quite near", "127.0.0.1.example.com", plain, false, false, "STARTTLS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sink := sparekeytest.NewSinkWith(t, c.options)
			s := newSender(t, sink, func(o *outbox.SMTPOptions) {
				elsewhere(sink, c.host)(o)
				if c.trust {
					o.RootCAs = sink.CA()
				}
			})
			if c.sent {
				send(t, s, letter("m1"))
				send(t, s, letter("m2"))
				offered := c.options.TLS || c.options.TLSOnly
				if got := sink.Wait(t, reader, 2).TLS; got != offered || sink.Conns() != 1 {
					t.Errorf("got TLS %v on %d connections, want %v on 1", got, sink.Conns(), offered)
				}
				return
			}
			failed := refused(t, t.Context(), s, letter("m1"))
			if !failed.Temporary || !strings.Contains(failed.Reason, c.reason) {
				t.Errorf("got %+v, want a temporary failure with %q", failed, c.reason)
			}
			wantMails(t, sink, 0)
		})
	}
}

// A name of this machine that leads to another opens no way in the clear.
func TestLocalhostMustBeThisMachine(t *testing.T) {
	sink := sparekeytest.NewSink(t)
	s := newSender(t, sink, func(o *outbox.SMTPOptions) {
		elsewhere(sink, "localhost")(o)
		near := o.Dial
		o.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := near(ctx, network, addr)
			return farConn{conn}, err
		}
	})
	failed := refused(t, t.Context(), s, letter("m1"))
	if !failed.Temporary || !strings.Contains(failed.Reason, "not on this machine") {
		t.Errorf("got %+v, want a temporary failure that says why", failed)
	}
	wantMails(t, sink, 0)
}

// A farConn looks like a connection to another machine.
type farConn struct{ net.Conn }

func (farConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 25} }

// The right name and password are let in. Wrong ones are a temporary failure,
// for the operator can mend them, and the reason says where but not what.
func TestSignIn(t *testing.T) {
	for _, options := range []sparekeytest.SinkOptions{
		{User: "site", Password: "hunter2@:/"},
		{User: "site", Password: "hunter2@:/", TLS: true},
		{User: "site", Password: "hunter2@:/", TLSOnly: true},
	} {
		sink := sparekeytest.NewSinkWith(t, options)
		trust := func(o *outbox.SMTPOptions) { o.RootCAs = sink.CA() }
		send(t, newSender(t, sink, trust), letter("m1"))
		s := newSender(t, sink, func(o *outbox.SMTPOptions) {
			trust(o)
			o.URL.User = url.UserPassword("site", "letmein3")
		})
		failed := refused(t, t.Context(), s, letter("m2"))
		if !failed.Temporary || !strings.Contains(failed.Reason, "535") || !strings.Contains(failed.Reason, "SPAREKEY_SMTP") {
			t.Errorf("got %+v, want a temporary failure with 535 and the setting", failed)
		}
		if strings.Contains(failed.Error(), "letmein3") || strings.Contains(failed.Error(), "bGV0bWVpbjM") {
			t.Errorf("got %q, want no password", failed.Error())
		}
		wantMails(t, sink, 1)
	}

	sink := sparekeytest.NewSink(t)
	s := newSender(t, sink, func(o *outbox.SMTPOptions) { o.URL.User = url.UserPassword("site", "hunter2") })
	if failed := refused(t, t.Context(), s, letter("m1")); !failed.Temporary || !strings.Contains(failed.Reason, "sign in") {
		t.Errorf("got %+v, want a temporary failure: no way to sign in", failed)
	}
}

// The password does not leave before TLS: a server elsewhere that offers no
// STARTTLS never hears it.
func TestPasswordNeedsTLS(t *testing.T) {
	sink := sparekeytest.NewSinkWith(t, sparekeytest.SinkOptions{User: "site", Password: "hunter2"})
	asked := false
	sink.Fail(func(stage, _ string) error {
		asked = asked || stage == sparekeytest.StageAuth
		return nil
	})
	s := newSender(t, sink, elsewhere(sink, "mail.example.com"))
	failed := refused(t, t.Context(), s, letter("m1"))
	if asked || !failed.Temporary {
		t.Errorf("got %+v, password sent %v, want a temporary failure and none sent", failed, asked)
	}
}
