package secret

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

// ErrBox is wrapped by [Ring.Open] when a box was changed, belongs to another
// row, or is no box at all.
var ErrBox = errors.New("the box does not open")

// Seal puts plain into a box that only the ring opens: XChaCha20-Poly1305
// under the newest key with a random nonce of 192 bits, as the text
// "id.base64url". The box opens only with the same bind, the id of the row it
// is kept in, so that boxes cannot be changed over between rows.
func (r *Ring) Seal(bind string, plain []byte, src *Source) string {
	aead, err := chacha20poly1305.NewX(r.newest.of(Sealing))
	if err != nil {
		panic(fmt.Errorf("secret: seal: %w", err)) // a derived key always has the right length
	}
	nonce := src.Bytes(chacha20poly1305.NonceSizeX)
	box := aead.Seal(nonce, nonce, plain, []byte(bind))
	return r.newest.id + "." + base64.RawURLEncoding.EncodeToString(box)
}

// Open takes what [Ring.Seal] put into box. It reports [ErrUnknownKey] if the
// key that sealed it is not on the ring, else [ErrBox] if it does not open.
func (r *Ring) Open(bind, box string) ([]byte, error) {
	id, text, _ := strings.Cut(box, ".")
	k, err := r.key(id)
	if err != nil {
		return nil, fmt.Errorf("open box: %w", err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) < chacha20poly1305.NonceSizeX {
		return nil, fmt.Errorf("open box: %w", ErrBox)
	}
	aead, err := chacha20poly1305.NewX(k.of(Sealing))
	if err != nil {
		return nil, fmt.Errorf("open box: %w", err)
	}
	nonce, sealed := raw[:chacha20poly1305.NonceSizeX], raw[chacha20poly1305.NonceSizeX:]
	plain, err := aead.Open(nil, nonce, sealed, []byte(bind))
	if err != nil {
		return nil, fmt.Errorf("open box: %w", ErrBox)
	}
	return plain, nil
}
