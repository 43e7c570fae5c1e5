package way

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"
)

// A Key is what is kept of a passkey. None of it is secret: the other half of
// the key never leaves the device.
type Key struct{ kept kept }

type kept struct {
	ID         []byte   `json:"id"`
	Public     []byte   `json:"key"` // in COSE
	Count      uint32   `json:"count,omitempty"`
	Eligible   bool     `json:"eligible,omitempty"` // a keychain may copy it to other devices
	Backed     bool     `json:"backed,omitempty"`   // and has
	Transports []string `json:"transports,omitempty"`
	AAGUID     []byte   `json:"aaguid,omitempty"` // what made it, if it says so
}

// keyOf keeps what is needed of a credential of the library's.
func keyOf(c *webauthn.Credential) Key {
	k := kept{
		ID: c.ID, Public: c.PublicKey, Count: c.Authenticator.SignCount,
		Eligible: c.Flags.BackupEligible, Backed: c.Flags.BackupState,
	}
	for _, t := range c.Transport {
		switch t { // what else it says is no word of the specification
		case protocol.USB, protocol.NFC, protocol.BLE, protocol.SmartCard, protocol.Hybrid, protocol.Internal:
			if !slices.Contains(k.Transports, string(t)) {
				k.Transports = append(k.Transports, string(t))
			}
		}
	}
	if !bytes.Equal(c.Authenticator.AAGUID, make([]byte, 16)) {
		k.AAGUID = c.Authenticator.AAGUID
	}
	return Key{k}
}

// credential is the key as the library wants it.
func (k Key) credential() webauthn.Credential {
	c := webauthn.Credential{
		ID: k.kept.ID, PublicKey: k.kept.Public,
		Flags:         webauthn.CredentialFlags{BackupEligible: k.kept.Eligible, BackupState: k.kept.Backed},
		Authenticator: webauthn.Authenticator{AAGUID: k.kept.AAGUID, SignCount: k.kept.Count},
	}
	for _, t := range k.kept.Transports {
		c.Transport = append(c.Transport, protocol.AuthenticatorTransport(t))
	}
	return c
}

// ID is the passkey's own name.
func (k Key) ID() []byte { return k.kept.ID }

// Lookup is how the passkey is found: a hash of its name, which may be long.
func (k Key) Lookup() string { return lookup(k.kept.ID) }

func lookup(id []byte) string {
	sum := sha256.Sum256(id)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Text is the key as it is stored.
func (k Key) Text() (string, error) {
	text, err := json.Marshal(k.kept)
	if err != nil {
		return "", fmt.Errorf("write passkey: %w", err)
	}
	return string(text), nil
}

// ParseKey reads what Text wrote.
func ParseKey(text string) (Key, error) {
	var k kept
	if err := json.Unmarshal([]byte(text), &k); err != nil {
		return Key{}, fmt.Errorf("read passkey: %w", err)
	}
	if len(k.ID) == 0 {
		return Key{}, fmt.Errorf("read passkey: it has no name")
	}
	if _, err := webauthncose.ParsePublicKey(k.Public); err != nil {
		return Key{}, fmt.Errorf("read passkey: %w", err)
	}
	return Key{k}, nil
}

// Maker is the name of what made the passkey, for people who have several, or
// empty. It is a word of this list and no other, whatever the device says.
func (k Key) Maker() string {
	a := k.kept.AAGUID
	if len(a) != 16 {
		return ""
	}
	switch fmt.Sprintf("%x-%x-%x-%x-%x", a[:4], a[4:6], a[6:8], a[8:10], a[10:]) {
	case "fbfc3007-154e-4ecc-8c0b-6e020557d7bd", "dd4ec289-e01d-41c9-bb89-70fa845d4bf2":
		return "iCloud Keychain"
	case "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4":
		return "Google Password Manager"
	case "08987058-cadc-4b81-b6e1-30de50dcbe96", "9ddd1817-af5a-4672-a2b9-3e3dd95000a9", "6028b017-b1d4-4c02-b4b3-afcdafc96bb2":
		return "Windows Hello"
	case "adce0002-35bc-c60a-648b-0b25f1f05503":
		return "Chrome"
	case "771b48fd-d3d4-4f74-9232-fc157ab0507a":
		return "Edge"
	case "b5397666-4885-aa6b-cebf-e52262a439a2":
		return "Chromium"
	case "53414d53-554e-4700-0000-000000000000":
		return "Samsung Pass"
	case "bada5566-a7aa-401f-bd96-45619a55120d":
		return "1Password"
	case "d548826e-79b4-db40-a3d8-11116f7e8349":
		return "Bitwarden"
	case "531126d6-e717-415c-9320-3d9aa6981239":
		return "Dashlane"
	case "f3809540-7f14-49c1-a8b3-8f813b225541":
		return "Enpass"
	case "fdb141b2-5d84-443e-8a35-4698c205a502":
		return "KeePassXC"
	case "0ea242b4-43c4-4a1b-8b17-dd6d0b6baec6":
		return "Keeper"
	case "b84e4048-15dc-4dd0-8640-f4f60813c8af":
		return "NordPass"
	case "50726f74-6f6e-5061-7373-50726f746f6e":
		return "Proton Pass"
	}
	return ""
}

// An Assertion is what navigator.credentials.get gave, read and not yet checked.
type Assertion struct {
	parsed *protocol.ParsedCredentialAssertionData
}

// ParseAssertion reads an answer to Asking in the form of its toJSON. What is
// too long or has another shape is refused with ErrPasskeyShape; members that
// nobody knows are not read.
func ParseAssertion(answer []byte) (*Assertion, error) {
	if len(answer) > maxPasskeyAnswer {
		return nil, ErrPasskeyShape
	}
	a, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return nil, ErrPasskeyShape
	}
	handle := len(a.Response.UserHandle) // a passkey that the device found itself has one
	if len(a.RawID) == 0 || a.ID != base64.RawURLEncoding.EncodeToString(a.RawID) || handle == 0 || handle > maxPasskeyHandle {
		return nil, ErrPasskeyShape
	}
	return &Assertion{a}, nil
}

// Lookup is how the passkey is found, as Key.Lookup has it.
func (a *Assertion) Lookup() string { return lookup(a.parsed.RawID) }

// Handle is the account that the answer is for, as it says itself.
func (a *Assertion) Handle() []byte { return a.parsed.Response.UserHandle }
