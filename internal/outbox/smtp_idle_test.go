package outbox_test

import (
	"context"
	"io"
	"log"
	"net"
	"net/mail"
	"net/url"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"

	"sparekey/internal/outbox"
)

// A pipeServer is a mail server without a network, for tests of time. It takes
// every mail.
type pipeServer struct {
	server *smtp.Server
	conns  chan net.Conn
	done   chan struct{}
	served chan error

	dials, open, mails atomic.Int32
}

func newPipeServer() *pipeServer {
	p := &pipeServer{conns: make(chan net.Conn), done: make(chan struct{}), served: make(chan error, 1)}
	p.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return pipeSession{p}, nil }))
	p.server.ErrorLog = log.New(io.Discard, "", 0)
	go func() { p.served <- p.server.Serve(p) }()
	return p
}

// dial connects to the server.
func (p *pipeServer) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p.dials.Add(1)
	p.open.Add(1)
	p.conns <- theirs
	return &pipeConn{Conn: ours, server: p}, nil
}

// sender builds a sender that connects by dial.
func (p *pipeServer) sender(t *testing.T, dial func(context.Context, string, string) (net.Conn, error)) *outbox.SMTP {
	t.Helper()
	s, err := outbox.NewSMTP(outbox.SMTPOptions{
		URL: &url.URL{Scheme: "smtp", Host: "localhost:25"}, From: &mail.Address{Address: "hello@lantern.test"}, Dial: dial,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// stop ends the server; its goroutines end with it.
func (p *pipeServer) stop(t *testing.T) {
	t.Helper()
	p.server.Close()
	if err := <-p.served; err != nil {
		t.Error(err)
	}
}

// Accept, Close and Addr make it a listener.
func (p *pipeServer) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipeServer) Close() error { close(p.done); return nil }

func (p *pipeServer) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// A pipeConn is the sender's end.
type pipeConn struct {
	net.Conn
	server *pipeServer
	closed atomic.Bool
}

func (c *pipeConn) Close() error {
	if !c.closed.Swap(true) {
		c.server.open.Add(-1)
	}
	return c.Conn.Close()
}

// A pipeSession takes every mail.
type pipeSession struct{ server *pipeServer }

func (s pipeSession) Reset()                               {}
func (s pipeSession) Logout() error                        { return nil }
func (s pipeSession) Mail(string, *smtp.MailOptions) error { return nil }
func (s pipeSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (s pipeSession) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	s.server.mails.Add(1)
	return err
}

// A connection waits 30 s for another mail, no longer: then it is ended, and
// the next mail makes a new one.
func TestIdleConnectionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipeServer()
		defer p.stop(t)
		s := p.sender(t, p.dial)
		send(t, s, letter("m1"))
		time.Sleep(29 * time.Second) // of the bubble's clock
		send(t, s, letter("m2"))
		if n := p.dials.Load(); n != 1 {
			t.Errorf("after 29 s: got %d connections, want 1", n)
		}
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if n := p.open.Load(); n != 0 {
			t.Errorf("after 31 s: got %d open connections, want 0", n)
		}
		send(t, s, letter("m3"))
		if dials, mails := p.dials.Load(), p.mails.Load(); dials != 2 || mails != 3 {
			t.Errorf("got %d connections and %d mails, want 2 and 3", dials, mails)
		}
		s.Close()
	})
}

// A kept connection that went away without a word costs 5 s, and the mail gets
// through.
func TestSilentConnectionIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipeServer()
		defer p.stop(t)
		silent, other := net.Pipe()
		defer other.Close()
		s := p.sender(t, func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := p.dial(ctx, network, addr)
			if p.dials.Load() > 1 {
				return conn, err
			}
			return &mutedConn{Conn: conn, after: silent, mails: &p.mails}, err
		})
		defer s.Close()
		send(t, s, letter("m1"))
		start := time.Now()
		send(t, s, letter("m2"))
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("got the mail through after %v, want 5 s", took)
		}
		if dials, mails := p.dials.Load(), p.mails.Load(); dials != 2 || mails != 2 {
			t.Errorf("got %d connections and %d mails, want 2 and 2", dials, mails)
		}
	})
}

// A mutedConn says nothing and hears nothing once a mail went through it.
type mutedConn struct {
	net.Conn
	after net.Conn
	mails *atomic.Int32
}

func (c *mutedConn) Write(p []byte) (int, error) {
	if c.mails.Load() > 0 {
		return c.after.Write(p)
	}
	return c.Conn.Write(p)
}

func (c *mutedConn) SetDeadline(t time.Time) error {
	c.after.SetDeadline(t)
	return c.Conn.SetDeadline(t)
}

// Close ends what waits for another mail, and what still comes back.
func TestCloseEndsKeptConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipeServer()
		defer p.stop(t)
		s := p.sender(t, p.dial)
		send(t, s, letter("m1"))
		if n := p.open.Load(); n != 1 {
			t.Errorf("before: got %d open connections, want 1", n)
		}
		s.Close()
		if n := p.open.Load(); n != 0 {
			t.Errorf("after: got %d open connections, want 0", n)
		}
		send(t, s, letter("m2"))
		synctest.Wait()
		if n := p.open.Load(); n != 0 {
			t.Errorf("after another mail: got %d open connections, want 0", n)
		}
	})
}
