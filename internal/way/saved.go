package way

import (
	"context"
	"encoding/base64"
	"fmt"

	"sparekey"
	"sparekey/internal/ident"
	"sparekey/internal/secret"
	"sparekey/internal/store"
)

// Saved is the way by a saved code: 125 bits that the person keeps. The database
// has a keyed hash of it and nothing else, by which it is found; there is no
// budget to spend on it (A23).
type Saved struct {
	Keys  *secret.Ring
	Store *store.DB
}

// New makes a saved code.
func (s *Saved) New(src *secret.Source) secret.Text {
	b := src.Bytes(ident.SavedLength)
	for i := range b {
		b[i] = ident.SavedLetters[b[i]%byte(len(ident.SavedLetters))] // 32 letters: no bias
	}
	return secret.Text(b)
}

// Lookup is by which a new code is found from now on.
func (s *Saved) Lookup(code secret.Text) string {
	return s.lookup(s.Keys.Newest(), s.Keys.NewestMAC(secret.Saved, code.Reveal()))
}

func (s *Saved) lookup(key string, mac []byte) string {
	return key + "." + base64.RawURLEncoding.EncodeToString(mac)
}

// Find gives the saved code that an answer to a flow is, whoever it belongs to; the
// zero value if it is none. It does the same whomever the flow is about.
func (s *Saved) Find(ctx context.Context, f *sparekey.Flow, answer secret.Text) (store.Stored, error) {
	for _, key := range s.Keys.IDs() {
		mac, err := s.Keys.MAC(secret.Saved, key, answer.Reveal())
		if err != nil {
			return store.Stored{}, fmt.Errorf("hash saved code: %w", err)
		}
		found, err := s.Store.Presented(ctx, f, sparekey.BySaved, s.lookup(key, mac))
		if err != nil || found.ID != "" {
			return found, err
		}
	}
	return store.Stored{}, nil
}
