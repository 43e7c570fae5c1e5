package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/big"
	"strings"
)

// MAC gives HMAC-SHA256 (RFC 2104) over the parts, 32 bytes, under the key of
// one use and one id. It reports [ErrUnknownKey] if the ring has no such key.
func (r *Ring) MAC(u Use, keyID string, parts ...string) ([]byte, error) {
	k, err := r.key(keyID)
	if err != nil {
		return nil, fmt.Errorf("keyed hash: %w", err)
	}
	return k.mac(u, parts), nil
}

// NewestMAC is [Ring.MAC] under the newest key, whose id the caller keeps
// beside what it makes of the result: see [Ring.Newest].
func (r *Ring) NewestMAC(u Use, parts ...string) []byte {
	return r.newest.mac(u, parts)
}

// mac hashes the parts, each behind its length: "ab", "c" and "a", "bc" and
// "abc" are three different messages.
func (k *key) mac(u Use, parts []string) []byte {
	h := hmac.New(sha256.New, k.of(u))
	size := 0
	for _, p := range parts {
		size += 8 + len(p)
	}
	message := make([]byte, 0, size)
	for _, p := range parts {
		message = binary.BigEndian.AppendUint64(message, uint64(len(p)))
		message = append(message, p...)
	}
	h.Write(message)
	return h.Sum(nil)
}

// Check gives the value that the database keeps so that a start with another
// installation's key file is noticed: "id:mac" of the newest key over the
// installation's id. It opens nothing.
func (r *Ring) Check(installation string) string {
	return r.newest.check(installation)
}

// Fits tells whether check was made for installation by any key of the ring.
// A ring may have a newer key by now; once the start has succeeded, the caller
// keeps a new [Ring.Check], so that the old key can go one day.
func (r *Ring) Fits(installation, check string) bool {
	id, _, _ := strings.Cut(check, ":")
	k, err := r.key(id)
	return err == nil && Equal(k.check(installation), check)
}

func (k *key) check(installation string) string {
	return k.id + ":" + base64.RawURLEncoding.EncodeToString(k.mac(Checks, []string{installation}))
}

// Letters gives n letters of an alphabet of ASCII from a keyed hash, as [Digits]
// gives digits.
func Letters(mac []byte, alphabet string, n int) string {
	number, base, letter := new(big.Int).SetBytes(mac), big.NewInt(int64(len(alphabet))), new(big.Int)
	out := make([]byte, n)
	for i := range out {
		number.DivMod(number, base, letter)
		out[i] = alphabet[letter.Int64()]
	}
	return string(out)
}

// Digits gives n decimal digits of a keyed hash, with leading zeros: 8 for a
// short code, 20 for a long one.
//
// The hash is read as one number and divided by 10^n; the remainder is the
// code. Of the 2^b numbers, some codes get one more than others, so that no
// code is likelier than 10^-n by more than a factor of 1 + 10^n/2^b. All 256
// bits of the hash go in: for 20 digits the factor is below 1 + 2^-189, and for
// 8 it is smaller still.
func Digits(mac []byte, n int) string {
	number := new(big.Int).SetBytes(mac)
	space := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
	digits := number.Mod(number, space).String()
	return strings.Repeat("0", n-len(digits)) + digits
}
