package sparekeytest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"sparekey/internal/outbox"
)

// A PushService is that of a browser: over real HTTPS, and it reads what a browser
// would.
type PushService struct {
	*httptest.Server
	t    testing.TB
	key  *ecdh.PrivateKey
	auth []byte

	mu     sync.Mutex
	status int
	got    []string
	seen   []*http.Request
}

// NewPushService starts one.
func NewPushService(t testing.TB) *PushService {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := &PushService{t: t, key: key, auth: make([]byte, 16), status: 201}
	rand.Read(s.auth) //nolint:errcheck // it never fails
	s.Server = httptest.NewTLSServer(s)
	t.Cleanup(s.Close)
	return s
}

// ServeHTTP takes a push.
func (s *PushService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, r)
	if s.status == 201 {
		s.got = append(s.got, s.read(body))
	}
	w.WriteHeader(s.status)
}

// read decrypts a push as a browser does (RFC 8188, RFC 8291).
func (s *PushService) read(body []byte) string {
	salt, rest := body[:16], body[16:]
	size, n := binary.BigEndian.Uint32(rest), int(rest[4])
	theirs, sealed := rest[5:5+n], rest[5+n:]
	public, err := ecdh.P256().NewPublicKey(theirs)
	if err != nil || int(size) < len(sealed) {
		s.t.Errorf("got a push of %d bytes in records of %d, want one record: %v", len(sealed), size, err)
		return ""
	}
	secret, err := s.key.ECDH(public)
	if err != nil {
		s.t.Error(err)
		return ""
	}
	expand := func(secret, salt []byte, info string, n int) []byte {
		out, err := hkdf.Key(sha256.New, secret, salt, info, n)
		if err != nil {
			s.t.Error(err)
		}
		return out
	}
	ikm := expand(secret, s.auth, "WebPush: info\x00"+string(s.key.PublicKey().Bytes())+string(theirs), 32)
	block, err := aes.NewCipher(expand(ikm, salt, "Content-Encoding: aes128gcm\x00", 16))
	if err != nil {
		s.t.Error(err)
		return ""
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		s.t.Error(err)
		return ""
	}
	plain, err := gcm.Open(nil, expand(ikm, salt, "Content-Encoding: nonce\x00", 12), sealed, nil)
	if err != nil {
		s.t.Errorf("got a push that its browser cannot read: %v", err)
		return ""
	}
	return strings.TrimRight(strings.TrimRight(string(plain), "\x00"), "\x02")
}

// At is where the browser takes pushes, as it says.
func (s *PushService) At() json.RawMessage {
	text, err := json.Marshal(map[string]any{
		"endpoint": s.URL + "/push/one", "expirationTime": nil,
		"keys": map[string]string{
			"p256dh": base64.RawURLEncoding.EncodeToString(s.key.PublicKey().Bytes()),
			"auth":   base64.RawURLEncoding.EncodeToString(s.auth),
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

// Answers has the service answer so from now on. It reads what it answers with 201.
func (s *PushService) Answers(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

// Got is what browsers were told.
func (s *PushService) Got() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// Seen are the requests that came, whatever was answered.
func (s *PushService) Seen() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

// sender sends to this service, with the keys of a Sparekey.
func (s *PushService) sender(public, private string) outbox.PushSender {
	return outbox.NewPush(outbox.PushOptions{Public: public, Private: private, Contact: "https://example.com", Client: s.Client()})
}

// Subscribe has a phone told, or told no more where no place is given.
func (p *Phone) Subscribe(at json.RawMessage) *Page {
	p.t.Helper()
	question, signature := p.Question()
	members := []any{"device", p.Device, "question", question, "signature", signature}
	if at != nil {
		members = append(members, "push", at)
	}
	return p.Ask("/api/v1/app/push", members...)
}
