package doctor

import (
	"context"
	"net"
)

// gateway looks whether somebody listens where text messages go. No text is sent.
func (d *doctor) gateway(ctx context.Context) (n notes) {
	u := d.Settings.TextGateway()
	if u == nil {
		return n
	}
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "http":
		port = "80"
	default:
		port = "443"
	}
	at := net.JoinHostPort(u.Hostname(), port)
	conn, err := d.Dial(ctx, "tcp", at)
	if err != nil {
		n.add(Doubtful, "texts", "%s is not reached: %v: does SPAREKEY_SMS name the right host, and does a firewall let this port through?", at, err)
		return n
	}
	conn.Close()
	n.add(Well, "texts", "somebody listens at %s; they go to numbers of %s", at, d.Settings.SMSCountries)
	return n
}
