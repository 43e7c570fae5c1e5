package prove

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// A Target is a server to be measured, and the form that is sent to it.
type Target struct {
	Origin  *url.URL          // scheme and host
	Path    string            // where the form goes
	Field   string            // that says whom it is about
	With    map[string]string // fields that are the same each time
	Headers map[string]string // likewise
	JSON    bool              // the form is sent as JSON
}

// ConsentPath is where a server that is not on this machine says that it may be
// measured.
const ConsentPath = "/.well-known/sparekey-prove.txt"

// Consent is what must stand there.
func (t Target) Consent() string {
	return "sparekey may measure " + t.Origin.Scheme + "://" + t.Origin.Host
}

// MayBeMeasured reports why the server may not be measured; nil if it may: it is
// on this machine, or those who run it have said so in a file that it serves.
func (t Target) MayBeMeasured(ctx context.Context) error {
	host := t.Origin.Hostname()
	if ip, err := netip.ParseAddr(host); host == "localhost" || err == nil && ip.IsLoopback() {
		return nil
	}
	at := t.Origin.JoinPath(ConsentPath).String()
	ask := fmt.Sprintf("if it is yours, have it serve %s with the one line %q", at, t.Consent())
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return err
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("%s is not on this machine, and did not answer: %w; %s", host, err, ask)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1000))
	if err != nil || res.StatusCode != http.StatusOK || strings.TrimSpace(string(body)) != t.Consent() {
		return fmt.Errorf("%s is not on this machine, and does not say that it may be measured; %s", host, ask)
	}
	return nil
}

// Asker gives a function that sends the form about somebody, each time as a
// stranger who was never there. The first answer's status is what all must have.
func (t Target) Asker() func(login string) (Answer, error) {
	w := &Wire{Addr: t.Origin.Host}
	if t.Origin.Scheme == "https" {
		w.TLS = &tls.Config{ServerName: t.Origin.Hostname()}
	}
	if t.Origin.Port() == "" {
		w.Addr = net.JoinHostPort(t.Origin.Hostname(), map[string]string{"https": "443"}[t.Origin.Scheme])
		if t.Origin.Scheme == "http" {
			w.Addr = net.JoinHostPort(t.Origin.Hostname(), "80")
		}
	}
	status := 0
	return func(login string) (Answer, error) {
		request, err := t.request(login)
		if err != nil {
			return Answer{}, err
		}
		a, err := w.Send(request)
		if err != nil {
			return a, err
		}
		if status == 0 {
			status = a.Status
		}
		switch {
		case a.Status == http.StatusTooManyRequests || a.Status == http.StatusServiceUnavailable:
			return a, fmt.Errorf("the server answers %d: it refuses so many requests, and what it takes to refuse is not what is measured", a.Status)
		case a.Status != status:
			return a, fmt.Errorf("the server answers %d to one and %d to another: no time is needed to tell them apart, or the form is wrong", status, a.Status)
		}
		return a, nil
	}
}

// request writes the form as it travels.
func (t Target) request(login string) ([]byte, error) {
	body, kind := "", "application/x-www-form-urlencoded"
	if t.JSON {
		fields := map[string]string{t.Field: login}
		for name, value := range t.With {
			fields[name] = value
		}
		text, err := json.Marshal(fields)
		if err != nil {
			return nil, err
		}
		body, kind = string(text), "application/json"
	} else {
		fields := url.Values{t.Field: {login}}
		for name, value := range t.With {
			fields.Set(name, value)
		}
		body = fields.Encode()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nOrigin: %s://%s\r\nContent-Type: %s\r\nContent-Length: %d\r\n", t.Path, t.Origin.Host,
		t.Origin.Scheme, t.Origin.Host, kind, len(body))
	for name, value := range t.Headers {
		fmt.Fprintf(&b, "%s: %s\r\n", name, value)
	}
	b.WriteString("\r\n" + body)
	return []byte(b.String()), nil
}

// ParseOrigin reads what a server is called by: scheme and host, and nothing else.
func ParseOrigin(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return nil, errors.New("want https://host, or http://host:port, and no more")
	}
	return u, nil
}
