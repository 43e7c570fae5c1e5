package way

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"sparekey/internal/ident"
	"sparekey/internal/secret"
	"sparekey/internal/store"
)

// App is the way by the companion app: a phone that holds a key which its browser
// gives to nobody, and that signs what its owner approves.
type App struct {
	Keys   *secret.Ring
	Origin string // of the pages
}

// ErrAppKey is a key that no app of ours makes.
var ErrAppKey = errors.New("not a key of the app")

// An AppKey is the public key of a paired phone: a point on P-256, uncompressed
// (SEC 1, 2.3.3).
type AppKey []byte

// ParseAppKey reads the key of an app, in base64url.
func ParseAppKey(text string) (AppKey, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, ErrAppKey
	}
	if _, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw); err != nil {
		return nil, ErrAppKey
	}
	return raw, nil
}

// Lookup is how a phone names itself: the hash of its key.
func (k AppKey) Lookup() string {
	sum := sha256.Sum256(k)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Seal is the key as the credential of that id keeps it: who can write into the
// database alone cannot put another in its place (ASVS 6.7.1).
func (w *App) Seal(s store.Stored, key AppKey, src *secret.Source) string {
	return w.Keys.Seal("app "+s.Account+" "+s.ID, key, src)
}

// Open gives the key that a credential keeps.
func (w *App) Open(s store.Stored) (AppKey, error) {
	key, err := w.Keys.Open("app "+s.Account+" "+s.ID, s.Data)
	if err != nil {
		return nil, fmt.Errorf("open the key of an app: %w", err)
	}
	return key, nil
}

// Renew is a stored key sealed with the newest key of the installation, so that an
// older one may go one day.
func (w *App) Renew(s store.Stored, src *secret.Source) (string, error) {
	if strings.HasPrefix(s.Data, w.Keys.Newest()+".") {
		return s.Data, nil
	}
	key, err := w.Open(s)
	if err != nil {
		return "", err
	}
	return w.Seal(s, key, src), nil
}

// Signed reports whether a signature is that of a key under these words. They
// begin with what they are for, and with where: what was signed for one thing, or
// for another site, is good for nothing else. A signature is ECDSA with SHA-256 in
// the form of WebCrypto, r and s of 32 bytes each, in base64url.
func (w *App) Signed(key AppKey, signature string, words ...string) bool {
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), key)
	raw, notText := base64.RawURLEncoding.Strict().DecodeString(signature)
	if err != nil || notText != nil || len(raw) != 64 {
		return false
	}
	sum := sha256.Sum256([]byte(strings.Join(append([]string{"sparekey app 1", w.Origin}, words...), "\n")))
	return ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:]))
}

// A Screen is what a page shows to be scanned. Nothing of it is written down: only
// the browser that shows it can bring the nonce and the secret that its codes are
// derived from.
type Screen struct {
	Nonce string
	ID    string    // in the QR code: 128 bits and two
	Short string    // to be typed instead
	Born  time.Time // to the second
}

// NewScreen makes a screen for a browser, by the hash of its secret, and for the
// challenge that it shows; a sign-in has none.
func (w *App) NewScreen(browser, challenge string, src *secret.Source, now time.Time) (Screen, error) {
	key := w.Keys.Newest()
	body := binary.BigEndian.AppendUint64(src.Bytes(nonceBytes-8), uint64(now.Unix()))
	tag, err := w.tag(key, browser, challenge, body)
	if err != nil {
		return Screen{}, err
	}
	s, _, err := w.Screen(browser, challenge, key+"."+base64.RawURLEncoding.EncodeToString(append(body, tag...)))
	return s, err
}

const (
	nonceBytes = 24 // random ones, and the time
	tagBytes   = 16
)

// tag ties a nonce to the browser and the challenge that it was made for: none can
// be made elsewhere, to try out which codes have been typed.
func (w *App) tag(key, browser, challenge string, body []byte) ([]byte, error) {
	mac, err := w.Keys.MAC(secret.Codes, key, "screen, nonce", browser, challenge, string(body))
	if err != nil {
		return nil, err
	}
	return mac[:tagBytes], nil
}

// Screen gives the screen of a nonce. It is not ok if it was not made for this
// browser and this challenge.
func (w *App) Screen(browser, challenge, nonce string) (s Screen, ok bool, err error) {
	key, text, _ := strings.Cut(nonce, ".")
	body, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(body) != nonceBytes+tagBytes || !w.Keys.Has(key) {
		return Screen{}, false, nil //nolint:nilerr // whatever it is, it is no nonce
	}
	tag, err := w.tag(key, browser, challenge, body[:nonceBytes])
	if err != nil || !secret.Equal(string(tag), string(body[nonceBytes:])) {
		return Screen{}, false, err
	}
	id, err := w.Keys.MAC(secret.Codes, key, "screen", browser, challenge, nonce)
	if err != nil {
		return Screen{}, false, err
	}
	short, err := w.Keys.MAC(secret.Codes, key, "screen, short", browser, challenge, nonce)
	if err != nil {
		return Screen{}, false, err
	}
	return Screen{
		Nonce: nonce, ID: secret.IDOf(id), Short: secret.Letters(short, ident.ShortLetters, ident.ShortLength),
		Born: time.Unix(int64(binary.BigEndian.Uint64(body[16:nonceBytes])), 0).UTC(),
	}, true, nil
}
