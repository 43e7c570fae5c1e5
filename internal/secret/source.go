package secret

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"sync"
)

// tokenBytes is the size of a token's random part: 256 bits.
const tokenBytes = 32

// idLength is the length of an id in characters of 5 bits each: 130 bits, so
// that an id is not guessed although it is no secret.
const idLength = 26

// idAlphabet is the base32 alphabet of RFC 4648 in lower case. Its 32
// characters divide the 256 values of a byte, so that none is more likely.
const idAlphabet = "abcdefghijklmnopqrstuvwxyz234567"

// A Source gives randomness. It is safe for concurrent use. Nothing else in
// the program draws ids, tokens or nonces, so that a test which seeds the
// source can foresee them all.
type Source struct {
	mu sync.Mutex
	r  io.Reader
}

// NewSource makes a source that reads r, or crypto/rand if r is nil. Only
// tests give a reader of their own.
func NewSource(r io.Reader) *Source {
	if r == nil {
		r = rand.Reader
	}
	return &Source{r: r}
}

// Bytes gives n random bytes. A reader that fails ends the program, as
// crypto/rand itself does: a server without randomness must not go on.
func (s *Source) Bytes(n int) []byte {
	b := make([]byte, n)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := io.ReadFull(s.r, b); err != nil {
		panic(fmt.Errorf("secret: read randomness: %w", err))
	}
	return b
}

// ID gives a new id for a row: 26 characters of lower-case base32, 130 bits.
// An id is public; it is not a secret.
func (s *Source) ID() string {
	b := s.Bytes(idLength)
	for i := range b {
		b[i] = idAlphabet[b[i]%32]
	}
	return string(b)
}

// Token gives a new bearer secret of 256 bits.
func (s *Source) Token() Token {
	return Token(base64.RawURLEncoding.EncodeToString(s.Bytes(tokenBytes)))
}
