package doctor

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"sparekey/internal/config"
)

// listen looks whether the ports are free, or held by Sparekey itself.
func (d *doctor) listen(ctx context.Context) (n notes) {
	runs := false
	if err := free(d.Settings.Listen); err == nil {
		n.add(Well, "listen", "%s is free", d.Settings.Listen)
	} else if runs = d.runs(ctx); runs {
		n.add(Well, "listen", "Sparekey runs at %s", d.Settings.Listen)
	} else {
		n.add(Fatal, "listen", "SPAREKEY_LISTEN %q: %v, and what is there does not answer like Sparekey: end it, or choose another port",
			d.Settings.Listen, err)
	}
	if at := d.Settings.Admin(); at != "" && !runs {
		if err := free(at); err != nil {
			n.add(Fatal, "listen", "SPAREKEY_ADMIN_LISTEN %q: %v: choose another port, or off", at, err)
		}
	}
	return n
}

// free tries to listen.
func free(at string) error {
	l, err := net.Listen("tcp", at)
	if err != nil {
		return err
	}
	return l.Close()
}

// runs reports whether Sparekey answers where it is to listen.
func (d *doctor) runs(ctx context.Context) bool {
	host, port, _ := net.SplitHostPort(d.Settings.Listen)
	if a, err := netip.ParseAddr(host); host == "" || err == nil && a.IsUnspecified() {
		host = "localhost"
	}
	res, err := get(ctx, &http.Transport{DisableKeepAlives: true}, "http://"+net.JoinHostPort(host, port)+"/livez")
	return err == nil && ours(res)
}

// A response is as much of an answer as the checks look at.
type response struct {
	*http.Response
	text string // its beginning
}

// get asks for a page, and follows nothing.
func get(ctx context.Context, by *http.Transport, url string) (*response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	client := http.Client{
		Transport:     by,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, errors.Unwrap(err) // without the address, which the caller knows
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1024))
	if err != nil {
		return nil, err
	}
	return &response{res, string(text)}, nil
}

// ours reports whether that is how Sparekey answers /livez: other programs say
// ok too, but not under the same policy.
func ours(res *response) bool {
	return res.StatusCode == http.StatusOK && strings.TrimSpace(res.text) == "ok" &&
		strings.HasPrefix(res.Header.Get("Content-Security-Policy"), "default-src 'none'")
}

// proxies looks whether the proxy that the settings imply is believed. Sparekey
// itself speaks no TLS, so what people reach by https comes through one.
func (d *doctor) proxies(context.Context) (n notes) {
	host, _, _ := net.SplitHostPort(d.Settings.Listen)
	trusted, here := d.Settings.Proxies(), config.Loopback(host)
	switch {
	case d.Settings.Origin().Scheme != "https":
		if len(trusted) > 0 {
			n.add(Doubtful, "proxies", "SPAREKEY_TRUSTED_PROXIES is set, but SPAREKEY_PUBLIC_URL leads here without a proxy: leave one of them out")
		}
	case len(trusted) == 0 && here:
		n.add(Doubtful, "proxies", "SPAREKEY_TRUSTED_PROXIES is not set: all clients look like the proxy and share its limits;"+
			" with the proxy on this machine set it to 127.0.0.1,::1, and have the proxy send X-Forwarded-For")
	case len(trusted) == 0:
		n.add(Doubtful, "proxies", "SPAREKEY_TRUSTED_PROXIES is not set: all clients look like the proxy and share its limits;"+
			" set it to the address from which the proxy connects, and have the proxy send X-Forwarded-For")
	case here && !hasLoopback(trusted):
		n.add(Doubtful, "proxies", "SPAREKEY_TRUSTED_PROXIES %q: with SPAREKEY_LISTEN %q the proxy connects from this machine;"+
			" add 127.0.0.1,::1", d.Settings.TrustedProxies, d.Settings.Listen)
	default:
		n.add(Well, "proxies", "the word of %s about clients is believed", d.Settings.TrustedProxies)
	}
	return n
}

// hasLoopback reports whether an address of this machine is among the networks.
func hasLoopback(networks []netip.Prefix) bool {
	for _, p := range networks {
		if p.Addr().IsLoopback() || p.Contains(netip.AddrFrom4([4]byte{127, 0, 0, 1})) || p.Contains(netip.IPv6Loopback()) {
			return true
		}
	}
	return false
}
