// Package way checks answers: one way to verify per file. A way knows nothing
// of flows and their steps; it is asked whether an answer to a challenge is
// right, and says so.
package way

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"sparekey"
	"sparekey/internal/secret"
)

// Mail is the way by a code that is mailed, or texted. The code is not stored
// anywhere: it is derived from the challenge's row by a key that the database
// does not have, so that a stolen database opens nothing (A34), and a message
// sent again carries the same digits.
type Mail struct {
	Keys *secret.Ring
}

// Code gives the digits of a minted challenge. They are bound to the
// challenge, its flow, its purpose, its way and the address, so that a code
// answers nothing else (A19, A20).
func (m *Mail) Code(f *sparekey.Flow, c *sparekey.Challenge) (secret.Text, error) {
	mac, err := m.Keys.MAC(secret.Codes, c.KeyID,
		c.ID, c.Flow, string(f.Purpose), string(c.Way), c.Identifier, c.Binding, c.Nonce)
	if err != nil {
		return "", fmt.Errorf("derive code: %w", err)
	}
	return secret.Text(secret.Digits(mac, c.Length)), nil
}

// Check reports whether answer is the code of c. Before the code was minted
// every answer is wrong, and so it is in a flow about nobody, after the same
// work.
func (m *Mail) Check(f *sparekey.Flow, c *sparekey.Challenge, answer secret.Text) (bool, error) {
	if c.Minted.IsZero() {
		return false, nil
	}
	code, err := m.Code(f, c)
	if err != nil {
		return false, err
	}
	right := secret.Equal(code.Reveal(), answer.Reveal())
	sent := c.Way == sparekey.ByMail || c.Way == sparekey.ByText || c.Way == sparekey.ByNew
	return right && !f.Ghost && !f.Stopped && sent && c.Flow == f.ID, nil
}

// Binding ties a code to an identifier and its normal form.
func Binding(identifier, key string) string {
	sum := sha256.Sum256([]byte(identifier + "\x00" + key))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
