package outbox

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// aPush is one to a browser that takes pushes at an address.
func aPush(t *testing.T, endpoint string) Push {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := Push{ID: "p1", Body: `{"title":"Lantern Market"}`}
	p.To.Endpoint = endpoint
	p.To.Keys.P256dh = base64.RawURLEncoding.EncodeToString(key.PublicKey().Bytes())
	p.To.Keys.Auth = base64.RawURLEncoding.EncodeToString(make([]byte, 16))
	return p
}

func newTestPush(t *testing.T) *push {
	t.Helper()
	private, public, err := NewPushKeys()
	if err != nil {
		t.Fatal(err)
	}
	return NewPush(PushOptions{Public: public, Private: private, Contact: "mailto:hello@lantern.test"}).(*push)
}

// No connection is made to an address that is not public, whatever name a phone has
// given, and no redirect is followed to one (ASVS 1.3.6). What is said of it names
// no address: that is a secret of the phone.
func TestPushReachesNothingPrivate(t *testing.T) {
	calls := 0
	inside := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer inside.Close()
	p := newTestPush(t)
	for _, endpoint := range []string{
		inside.URL + "/push", "https://localhost/push", "https://127.0.0.1/push", "https://10.0.0.1/push", "https://169.254.169.254/latest", "https://[::1]/push",
		"https://[::ffff:127.0.0.1]/push", "https://[fd00::1]/push", "https://100.64.0.1/push", "https://0.0.0.0/push",
	} {
		err := p.SendPush(context.Background(), aPush(t, endpoint))
		var e *SendError
		if !errors.As(err, &e) || e.Temporary || e.Reason != "the push service is not reached" {
			t.Errorf("%s: got %v, want it refused for good", endpoint, err)
		}
	}
	if calls > 0 {
		t.Fatalf("got %d calls of a server inside, want none", calls)
	}

	p.Client.Transport = inside.Client().Transport
	err := p.SendPush(context.Background(), aPush(t, inside.URL+"/push"))
	var e *SendError
	if !errors.As(err, &e) || e.Temporary || !strings.HasSuffix(e.Reason, "307") || calls != 1 {
		t.Errorf("got %v after %d calls, want a redirect to be an answer like any other", err, calls)
	}
}

// An answer ends a subscription, is asked again, or is given up: as the service
// says (RFC 8030, 5 and 7.3).
func TestPushAnswers(t *testing.T) {
	status := 0
	service := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer service.Close()
	p := newTestPush(t)
	p.Client.Transport = service.Client().Transport
	for _, c := range []struct {
		status          int
		sent, gone, try bool
	}{
		{201, true, false, false},
		{404, false, true, false},
		{410, false, true, false},
		{429, false, false, true},
		{500, false, false, true},
		{503, false, false, true},
		{400, false, false, false},
		{403, false, false, false},
		{413, false, false, false},
	} {
		status = c.status
		err := p.SendPush(context.Background(), aPush(t, service.URL+"/push"))
		var e *SendError
		if sent, gone, try := err == nil, errors.Is(err, ErrUnsubscribed), errors.As(err, &e) && e.Temporary; sent != c.sent || gone != c.gone || try != c.try {
			t.Errorf("%d: got %v, want sent %v, gone %v, to be tried again %v", c.status, err, c.sent, c.gone, c.try)
		}
	}
}
