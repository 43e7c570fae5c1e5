package way

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// The bits by which a device says what it has seen and what it is.
const (
	present  = 1 << 0 // somebody touched it
	verified = 1 << 2 // and showed a finger, a face or a PIN
	eligible = 1 << 3
	backed   = 1 << 4
	attested = 1 << 6
)

// A device is an authenticator, and the browser before it, in software. What
// they say stands in its fields, for tests to bend.
type device struct {
	t      testing.TB
	signs  *ecdsa.PrivateKey
	id     []byte
	handle []byte
	aaguid []byte
	flags  byte
	count  uint32

	origin    string // of the page that asks
	cross     bool   // it stands in a page of another site
	host      string // that the passkey is for
	kind      string // what the browser was asked for, in the place of the truth
	challenge []byte // likewise
	format    string // of what the device proves of itself
	statement map[string]any
}

func newDevice(t testing.TB) *device {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &device{
		t: t, signs: key, id: random(32), aaguid: make([]byte, 16), flags: present | verified,
		origin: "https://accounts.lantern.test", host: "accounts.lantern.test",
		format: "none", statement: map[string]any{},
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) //nolint:errcheck // it never fails
	return b
}

// create answers a question for a new passkey as navigator.credentials.create
// does.
func (d *device) create(question []byte) []byte {
	d.t.Helper()
	var o struct {
		Challenge string
		User      struct{ ID string }
	}
	d.read(question, &o)
	d.handle = d.decode(o.User.ID)
	return d.attestation(d.client("webauthn.create", o.Challenge), d.object())
}

// object is what the device says of a new passkey.
func (d *device) object() []byte {
	d.t.Helper()
	point, err := d.signs.PublicKey.Bytes()
	d.must(err)
	public := d.cbor(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	data := d.data(d.flags | attested)
	data = append(data, d.aaguid...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(d.id)))
	data = append(append(data, d.id...), public...)
	return d.cbor(map[string]any{"fmt": d.format, "attStmt": d.statement, "authData": data})
}

func (d *device) attestation(client, object []byte) []byte {
	d.t.Helper()
	return d.answer(map[string]any{
		"clientDataJSON":     d.encode(client),
		"attestationObject":  d.encode(object),
		"transports":         []string{"internal", "hybrid", "pigeon", "internal"},
		"publicKeyAlgorithm": -7,
	})
}

// get answers a question for a passkey as navigator.credentials.get does.
func (d *device) get(question []byte) []byte {
	d.t.Helper()
	var o struct{ Challenge string }
	d.read(question, &o)
	data, client := d.data(d.flags), d.client("webauthn.get", o.Challenge)
	return d.assertion(data, client, d.sign(data, client))
}

func (d *device) sign(data, client []byte) []byte {
	d.t.Helper()
	hash := sha256.Sum256(client)
	sum := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, d.signs, sum[:])
	d.must(err)
	return signature
}

func (d *device) assertion(data, client, signature []byte) []byte {
	d.t.Helper()
	return d.answer(map[string]any{
		"clientDataJSON":    d.encode(client),
		"authenticatorData": d.encode(data),
		"signature":         d.encode(signature),
		"userHandle":        d.encode(d.handle),
	})
}

// answer is what toJSON makes of it, with members that browsers and password
// managers add.
func (d *device) answer(response map[string]any) []byte {
	d.t.Helper()
	text, err := json.Marshal(map[string]any{
		"id": d.encode(d.id), "rawId": d.encode(d.id), "type": "public-key", "response": response,
		"authenticatorAttachment": "platform", "madeBy": map[string]any{"name": "a keychain"},
		"clientExtensionResults": map[string]any{"credProps": map[string]any{"rk": true}, "feather": []int{1}},
	})
	d.must(err)
	return text
}

// client is what the browser says of the question.
func (d *device) client(kind, challenge string) []byte {
	d.t.Helper()
	if d.kind != "" {
		kind = d.kind
	}
	if d.challenge != nil {
		challenge = d.encode(d.challenge)
	}
	text, err := json.Marshal(map[string]any{
		"type": kind, "challenge": challenge, "origin": d.origin, "crossOrigin": d.cross,
		"other_keys_can_be_added_here": "do not compare clientDataJSON against a template",
	})
	d.must(err)
	return text
}

// data is what the device says of itself.
func (d *device) data(flags byte) []byte {
	hash := sha256.Sum256([]byte(d.host))
	return binary.BigEndian.AppendUint32(append(hash[:], flags), d.count)
}

func (d *device) cbor(v any) []byte {
	d.t.Helper()
	b, err := cbor.Marshal(v)
	d.must(err)
	return b
}

func (d *device) read(text []byte, into any) {
	d.t.Helper()
	d.must(json.Unmarshal(text, into))
}

func (d *device) encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (d *device) decode(text string) []byte {
	d.t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(text)
	d.must(err)
	return b
}

func (d *device) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}
