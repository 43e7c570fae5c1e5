package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"sparekey/internal/config"
)

// public looks whether the public URL leads here, as people will find it.
func (d *doctor) public(ctx context.Context) (n notes) {
	u := d.Settings.Origin()
	host := u.Hostname()
	if _, err := netip.ParseAddr(host); err != nil && !config.Loopback(host) {
		_, err := d.Resolver.LookupNetIP(ctx, "ip", host+".")
		if none(err) {
			n.add(Doubtful, "public", "%s has no address in the DNS, as seen from here: add an A or AAAA record", host)
			return n
		}
		if err != nil {
			n.add(Doubtful, "public", "the address of %s could not be looked up: %v", host, err)
			return n
		}
	}
	by := &http.Transport{
		DialContext: d.Dial, DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{RootCAs: d.RootCAs, MinVersion: tls.VersionTLS12},
	}
	before := d.Now()
	res, err := get(ctx, by, u.String()+"/livez")
	if err != nil {
		sayUnanswered(&n, u.String(), err)
		return n
	}
	d.sayAnswer(ctx, &n, by, res)
	if res.TLS != nil {
		d.sayCertificate(&n, u.Host, res.TLS.PeerCertificates[0])
	}
	if !config.Loopback(host) { // it would be our own clock
		d.sayDate(&n, res, before, u.String())
	}
	return n
}

// sayUnanswered says why there was no answer.
func sayUnanswered(n *notes, url string, err error) {
	var invalid x509.CertificateInvalidError
	var hostname x509.HostnameError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.As(err, &invalid), errors.As(err, &hostname):
		n.add(Broken, "public", "browsers refuse the certificate of %s: %v: renew it, or name the right one in the proxy", url, err)
	case errors.As(err, &authority):
		n.add(Doubtful, "public", "the certificate of %s is of nobody whom this machine trusts, so browsers may not either: %v", url, err)
	default:
		n.add(Doubtful, "public", "%s does not answer from here: start the server, and see that proxy and firewall lead to it: %v", url, err)
	}
}

// sayAnswer says whether it was Sparekey that answered, and whether the proxy
// tells it the host that people typed.
func (d *doctor) sayAnswer(ctx context.Context, n *notes, by *http.Transport, res *response) {
	u := d.Settings.Origin().String()
	switch {
	case res.StatusCode == http.StatusOK && strings.TrimSpace(res.text) == "ok":
	case res.StatusCode >= 500:
		n.add(Doubtful, "public", "%s answers %d: start the server, and see that the proxy leads to %s", u, res.StatusCode, d.Settings.Listen)
		return
	case res.StatusCode >= 300 && res.StatusCode < 400:
		n.add(Doubtful, "public", "%s leads elsewhere (%d to %s): let the proxy hand everything on, or set SPAREKEY_PUBLIC_URL to where people arrive",
			u, res.StatusCode, res.Header.Get("Location"))
		return
	default:
		n.add(Doubtful, "public", "%s/livez answers %d and is not Sparekey's: see that the proxy leads to %s", u, res.StatusCode, d.Settings.Listen)
		return
	}
	// Asked without a cookie, this does nothing but say that nobody is signed in.
	page, err := get(ctx, by, u+"/api/v1/session")
	if err == nil && page.StatusCode == http.StatusMisdirectedRequest {
		n.add(Broken, "public", "%s answers, but every page is refused: the proxy hands on another Host than people type;"+
			" let it keep the Host (nginx: proxy_set_header Host $host)", u)
		return
	}
	n.add(Well, "public", "%s answers", u)
}

func (d *doctor) sayCertificate(n *notes, host string, c *x509.Certificate) {
	if c.NotAfter.Sub(d.Now()) < soon {
		n.add(Doubtful, "public", "the certificate of %s ends on %s: see that it is renewed", host, day(c.NotAfter))
		return
	}
	n.add(Well, "public", "the certificate of %s is good until %s", host, day(c.NotAfter))
}

// sayDate compares our clock with the Date of an answer, which is cut to the
// second and was written at some time since before.
func (d *doctor) sayDate(n *notes, res *response, before time.Time, url string) {
	date, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		return
	}
	after := d.Now()
	off := time.Duration(0)
	if earliest := before.Truncate(time.Second); date.Before(earliest) {
		off = date.Sub(earliest)
	} else if date.After(after) {
		off = date.Sub(after)
	}
	sayClock(n, off, "the one behind "+url)
}
