package journey

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"sparekey/internal/config"
)

// A line lies between browsers and a Sparekey, and can be cut.
type line struct {
	t  *testing.T
	to string // where the Sparekey is
	at string // where browsers go

	mu    sync.Mutex
	in    net.Listener
	calls map[net.Conn]bool
}

// lay has a Sparekey be reached by the line.
func (l *line) lay(s *config.Settings) {
	u, err := url.Parse(s.PublicURL)
	if err != nil {
		l.t.Fatal(err)
	}
	l.to, l.at = "127.0.0.1:"+u.Port(), "127.0.0.1:0"
	l.mend()
	_, port, _ := net.SplitHostPort(l.at)
	u.Host = u.Hostname() + ":" + port
	s.PublicURL = u.String()
	l.t.Cleanup(l.cut)
}

// cut ends all calls, and takes no more.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.in.Close()
	for c := range l.calls {
		c.Close()
	}
}

// mend takes calls again.
func (l *line) mend() {
	l.t.Helper()
	in, err := net.Listen("tcp", l.at)
	if err != nil {
		l.t.Fatal(err)
	}
	l.mu.Lock()
	l.in, l.at, l.calls = in, in.Addr().String(), map[net.Conn]bool{}
	l.mu.Unlock()
	go func() {
		for {
			c, err := in.Accept()
			if err != nil {
				return
			}
			go l.call(c)
		}
	}()
}

func (l *line) call(c net.Conn) {
	defer c.Close()
	there, err := net.Dial("tcp", l.to)
	if err != nil {
		return
	}
	defer there.Close()
	l.mu.Lock()
	l.calls[c] = true
	l.mu.Unlock()
	go func() {
		io.Copy(there, c) //nolint:errcheck // either side may hang up
		there.Close()
	}()
	io.Copy(c, there) //nolint:errcheck // as above
	l.mu.Lock()
	delete(l.calls, c)
	l.mu.Unlock()
}
