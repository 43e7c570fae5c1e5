package outbox

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"
)

// A Welcome is how the mail server let us in.
type Welcome struct {
	At       string    // its host and port
	SignedIn bool      // with the name and the password of the settings
	TLS      string    // the version, or empty where the connection is in the clear
	Until    time.Time // the end of its certificate; zero in the clear
}

// Try connects to the mail server as Send does, signs in where it would, and
// takes its leave. No mail is sent. An error is a *SendError.
func (s *SMTP) Try(ctx context.Context) (Welcome, error) {
	l, failed := s.dial(ctx)
	if failed != nil {
		return Welcome{}, failed
	}
	defer l.quit()
	w := Welcome{At: net.JoinHostPort(s.host, fmt.Sprint(s.port)), SignedIn: s.user != nil}
	if state, ok := l.smtp.TLSConnectionState(); ok {
		w.TLS, w.Until = tls.VersionName(state.Version), state.PeerCertificates[0].NotAfter
	}
	return w, nil
}
