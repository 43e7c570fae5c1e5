package journey

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"sparekey/internal/config"
)

// A line lies between browsers and a Sparekey, and can be cut. Its port stays its
// own meanwhile, so that nobody else gets it: who calls is hung up on.
type line struct {
	t  *testing.T
	to string // where the Sparekey is

	mu    sync.Mutex
	down  bool
	calls map[net.Conn]bool
}

// lay has a Sparekey be reached by the line.
func (l *line) lay(s *config.Settings) {
	u, err := url.Parse(s.PublicURL)
	if err != nil {
		l.t.Fatal(err)
	}
	in, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l.t.Fatal(err)
	}
	l.to, l.calls = "127.0.0.1:"+u.Port(), map[net.Conn]bool{}
	go l.take(in)
	_, port, _ := net.SplitHostPort(in.Addr().String())
	u.Host = u.Hostname() + ":" + port
	s.PublicURL = u.String()
	l.t.Cleanup(func() {
		in.Close()
		l.cut()
	})
}

// cut ends all calls, and takes no more.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = true
	for c := range l.calls {
		c.Close()
	}
}

// mend takes calls again.
func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = false
}

func (l *line) take(in net.Listener) {
	for {
		c, err := in.Accept()
		if err != nil {
			return
		}
		l.mu.Lock()
		if l.down {
			c.Close()
		} else {
			l.calls[c] = true
			go l.call(c)
		}
		l.mu.Unlock()
	}
}

func (l *line) call(c net.Conn) {
	defer func() {
		c.Close()
		l.mu.Lock()
		delete(l.calls, c)
		l.mu.Unlock()
	}()
	there, err := net.Dial("tcp", l.to)
	if err != nil {
		return
	}
	defer there.Close()
	go func() {
		io.Copy(there, c) //nolint:errcheck // either side may hang up
		there.Close()
	}()
	io.Copy(c, there) //nolint:errcheck // as above
}
