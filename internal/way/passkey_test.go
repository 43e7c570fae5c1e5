package way

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
)

// mara makes and uses the passkeys here.
func mara() PasskeyUser {
	return PasskeyUser{Handle: []byte("handle of mara"), Name: "mara@example.com", Shown: "Mara"}
}

func newPasskeys(t testing.TB) *Passkeys {
	t.Helper()
	p, err := NewPasskeys(&url.URL{Scheme: "https", Host: "accounts.lantern.test"}, "Lantern Market")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// made is a passkey of mara's on a new device.
func made(t testing.TB, p *Passkeys) (*device, Key) {
	t.Helper()
	d, challenge := newDevice(t), random(32)
	question, err := p.Making(challenge, mara(), nil)
	if err != nil {
		t.Fatal(err)
	}
	k, err := p.Made(challenge, mara(), d.create(question))
	if err != nil {
		t.Fatal(err)
	}
	return d, k
}

// used asks for a passkey and checks what d answers.
func used(t testing.TB, p *Passkeys, d *device, k Key) (next Key, right bool) {
	t.Helper()
	challenge := random(32)
	question, err := p.Asking(challenge)
	if err != nil {
		t.Fatal(err)
	}
	return checked(t, p, challenge, d.get(question), k)
}

func checked(t testing.TB, p *Passkeys, challenge, answer []byte, k Key) (next Key, right bool) {
	t.Helper()
	a, err := ParseAssertion(answer)
	if err != nil {
		t.Fatalf("read %s: %v", answer, err)
	}
	next, right, err = p.Check(challenge, a, k, mara().Handle)
	if err != nil {
		t.Fatal(err)
	}
	return next, right
}

// The question before a proof names no passkey and no account: it is the same
// for everybody but for its challenge.
func TestA08NothingIsListedBeforeAProof(t *testing.T) {
	p := newPasskeys(t)
	got, err := p.Asking([]byte("sixteen bytes or"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"challenge":"c2l4dGVlbiBieXRlcyBvcg","timeout":300000,"rpId":"accounts.lantern.test","userVerification":"required"}`
	if string(got) != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// The question for a new passkey asks for one that the device finds by itself,
// that asks for its owner, and that is not there yet.
func TestANewPasskeyIsAskedFor(t *testing.T) {
	got, err := newPasskeys(t).Making([]byte("sixteen bytes or"), PasskeyUser{Handle: []byte("handle"), Name: "mara"}, [][]byte{[]byte("one"), []byte("two")})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
		"rp": {"name": "Lantern Market", "id": "accounts.lantern.test"},
		"user": {"name": "mara", "displayName": "mara", "id": "aGFuZGxl"},
		"challenge": "c2l4dGVlbiBieXRlcyBvcg",
		"pubKeyCredParams": [{"type": "public-key", "alg": -7}, {"type": "public-key", "alg": -8}, {"type": "public-key", "alg": -257}],
		"timeout": 300000,
		"excludeCredentials": [{"type": "public-key", "id": "b25l"}, {"type": "public-key", "id": "dHdv"}],
		"authenticatorSelection": {"requireResidentKey": true, "residentKey": "required", "userVerification": "required"},
		"attestation": "none"
	}`
	if squeezed := compact(t, want); string(got) != squeezed {
		t.Errorf("got %s\nwant %s", got, squeezed)
	}
}

func compact(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, []byte(text)); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// The list of passkeys that are still good is one even when it is empty, for
// then a device has to forget.
func TestDevicesAreToldWhatIsStillGood(t *testing.T) {
	p := newPasskeys(t)
	for _, test := range []struct {
		have [][]byte
		want string
	}{
		{[][]byte{[]byte("one"), []byte("two")}, `{"rpId":"accounts.lantern.test","userId":"aGFuZGxl","allAcceptedCredentialIds":["b25l","dHdv"]}`},
		{nil, `{"rpId":"accounts.lantern.test","userId":"aGFuZGxl","allAcceptedCredentialIds":[]}`},
	} {
		got, err := p.Accepted([]byte("handle"), test.have)
		if err != nil || string(got) != test.want {
			t.Errorf("got %s (%v), want %s", got, err, test.want)
		}
	}
}

// A question that could be answered by an old answer is not put, nor one for an
// account that no device could tell from others; and none is put where browsers
// have no passkeys.
func TestNoQuestionIsPutThatIsNone(t *testing.T) {
	p, user := newPasskeys(t), PasskeyUser{Name: "mara"}
	if q, err := p.Asking(random(15)); err == nil {
		t.Errorf("got %s for a short challenge, want an error", q)
	}
	if q, err := p.Asking(nil); err == nil {
		t.Errorf("got %s for no challenge, want an error", q)
	}
	if q, err := p.Making(nil, mara(), nil); err == nil {
		t.Errorf("got %s for no challenge, want an error", q)
	}
	for _, n := range []int{0, 65} {
		user.Handle = random(n)
		if q, err := p.Making(random(32), user, nil); err == nil {
			t.Errorf("got %s for a handle of %d bytes, want an error", q, n)
		}
	}
	d, k := made(t, p)
	d.challenge = []byte{}
	question, err := p.Asking(random(32))
	if err != nil {
		t.Fatal(err)
	}
	a, err := ParseAssertion(d.get(question))
	if err != nil {
		t.Fatal(err)
	}
	if _, right, err := p.Check(nil, a, k, mara().Handle); right || err == nil {
		t.Errorf("got %v, %v for an answer to no challenge, want an error", right, err)
	}
	for _, host := range []string{"127.0.0.1:8080", "[::1]:8080", "192.0.2.1"} {
		if _, err := NewPasskeys(&url.URL{Scheme: "https", Host: host}, "Lantern"); !errors.Is(err, ErrPasskeyHost) {
			t.Errorf("%s: got %v, want %v", host, err, ErrPasskeyHost)
		}
	}
}

// bends are what may be wrong with what a browser and a device say.
func bends() map[string]func(*device) {
	return map[string]func(*device){
		"another challenge":            func(d *device) { d.challenge = random(32) },
		"another origin":               func(d *device) { d.origin = "https://evil.example" },
		"another port":                 func(d *device) { d.origin = "https://accounts.lantern.test:8443" },
		"another scheme":               func(d *device) { d.origin = "http://accounts.lantern.test" },
		"a host above":                 func(d *device) { d.origin = "https://lantern.test" },
		"a host below":                 func(d *device) { d.origin = "https://evil.accounts.lantern.test" },
		"a page in another site's":     func(d *device) { d.cross = true },
		"a passkey of another host":    func(d *device) { d.host = "lantern.test" },
		"nobody's touch":               func(d *device) { d.flags &^= present },
		"no finger, face or PIN":       func(d *device) { d.flags &^= verified },
		"a copy of what has no copies": func(d *device) { d.flags |= backed },
		"another kind of question":     func(d *device) { d.kind = "payment.get" },
	}
}

// A passkey that is made is checked: what it says must be what was asked, where
// it was asked, by somebody who is there.
func TestOnlyWhatWasAskedForIsMade(t *testing.T) {
	p := newPasskeys(t)
	for what, bend := range bends() {
		d, challenge := newDevice(t), random(32)
		question, err := p.Making(challenge, mara(), nil)
		if err != nil {
			t.Fatal(err)
		}
		bend(d)
		if _, err := p.Made(challenge, mara(), d.create(question)); !errors.Is(err, ErrPasskeyWrong) {
			t.Errorf("%s: got %v, want %v", what, err, ErrPasskeyWrong)
		}
	}
	d, challenge := newDevice(t), random(32)
	question, err := p.Asking(challenge)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Made(challenge, mara(), d.get(question)); !errors.Is(err, ErrPasskeyShape) {
		t.Errorf("an answer to the other question: got %v, want %v", err, ErrPasskeyShape)
	}
}

// What a device proves of itself is not asked for and not read, so that nothing
// in it is to be feared.
func TestWhatADeviceProvesOfItselfIsNotRead(t *testing.T) {
	p := newPasskeys(t)
	for _, format := range []string{"packed", "tpm", "android-key", "android-safetynet", "fido-u2f", "apple", "pigeon"} {
		d, challenge := newDevice(t), random(32)
		d.format, d.statement = format, map[string]any{"alg": -7, "sig": random(8), "x5c": []any{random(8)}, "ver": 2, "response": "a"}
		question, err := p.Making(challenge, mara(), nil)
		if err != nil {
			t.Fatal(err)
		}
		k, err := p.Made(challenge, mara(), d.create(question))
		if err != nil {
			t.Errorf("%s: got %v, want a passkey", format, err)
			continue
		}
		if _, right := used(t, p, d, k); !right {
			t.Errorf("%s: got a wrong answer, want a right one", format)
		}
	}
}

// A passkey signs in whoever holds it: the right answer is right, and each that
// differs in one thing is not.
func TestOnlyTheRightAnswerIsRight(t *testing.T) {
	p := newPasskeys(t)
	other, _ := made(t, p)
	wrong := bends()
	wrong["a signature by another key"] = func(d *device) { d.signs = other.signs }
	wrong["the handle of another account"] = func(d *device) { d.handle = []byte("handle of abe") }
	wrong["the name of another passkey"] = func(d *device) { d.id = other.id }
	wrong["the answer for a new one"] = func(d *device) { d.kind = "webauthn.create" }
	for what, bend := range wrong {
		d, k := made(t, p)
		if next, right := used(t, p, d, k); !right || next.Lookup() != k.Lookup() {
			t.Fatalf("before %s: got right=%t, want a right answer", what, right)
		}
		bend(d)
		next, right := used(t, p, d, k)
		if right || text(t, next) != text(t, k) {
			t.Errorf("%s: got right=%t and %s, want a wrong answer and the key as it was", what, right, text(t, next))
		}
	}
}

// No bit of an answer can be another: all are signed.
func TestEveryBitOfAnAnswerCounts(t *testing.T) {
	p := newPasskeys(t)
	d, k := made(t, p)
	challenge := random(32)
	data, client := d.data(d.flags), d.client("webauthn.get", d.encode(challenge))
	signature := d.sign(data, client)
	if _, right := checked(t, p, challenge, d.assertion(data, client, signature), k); !right {
		t.Fatal("got a wrong answer, want a right one")
	}
	for name, part := range map[string][]byte{"the device's data": data, "the browser's": client, "the signature": signature} {
		for i := range len(part) * 8 {
			part[i/8] ^= 1 << (i % 8)
			a, err := ParseAssertion(d.assertion(data, client, signature))
			if err == nil {
				if _, right, err := p.Check(challenge, a, k, mara().Handle); right || err != nil {
					t.Errorf("bit %d of %s is another: got right=%t, %v, want a wrong answer", i, name, right, err)
				}
			}
			part[i/8] ^= 1 << (i % 8)
		}
	}
}

// A count that does not go on is that of a copied key. Keychains do not count,
// and are right all the same.
func TestACountThatGoesBackIsWrong(t *testing.T) {
	p := newPasskeys(t)
	for _, test := range []struct {
		counts []uint32 // the first when it was made
		want   []bool
	}{
		{[]uint32{0, 0, 0, 0}, []bool{true, true, true}},
		{[]uint32{0, 1, 2, 9, 8, 10}, []bool{true, true, true, false, true}},
		{[]uint32{7, 7, 8, 0, 8, 9}, []bool{false, true, false, false, true}},
		{[]uint32{1 << 31, 1<<32 - 1, 0}, []bool{true, false}},
	} {
		d, challenge := newDevice(t), random(32)
		d.count = test.counts[0]
		question, err := p.Making(challenge, mara(), nil)
		if err != nil {
			t.Fatal(err)
		}
		k, err := p.Made(challenge, mara(), d.create(question))
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range test.want {
			var right bool
			d.count = test.counts[i+1]
			if k, right = used(t, p, d, k); right != want {
				t.Errorf("counts %v: got right=%t for the %dth use, want %t", test.counts, right, i+1, want)
			}
		}
	}
}

// A keychain may begin to copy a passkey that was on one device, and it still
// opens; what was copied does not turn into what cannot be.
func TestAPasskeyMayBeginToBeCopied(t *testing.T) {
	p := newPasskeys(t)
	d, k := made(t, p)
	for _, step := range []struct {
		flags byte
		right bool
		text  string // in what is kept
	}{
		{0, true, `}`},
		{eligible, true, `"eligible":true}`},
		{eligible | backed, true, `"eligible":true,"backed":true`},
		{eligible, true, `"eligible":true`},
		{0, false, `"eligible":true`},
		{backed, false, `"eligible":true`},
	} {
		var right bool
		d.flags = present | verified | step.flags
		if k, right = used(t, p, d, k); right != step.right {
			t.Errorf("flags %b: got right=%t, want %t", step.flags, right, step.right)
		}
		if got := text(t, k); strings.Contains(got, "eligible") != strings.Contains(step.text, "eligible") ||
			strings.Contains(got, "backed") != strings.Contains(step.text, "backed") {
			t.Errorf("flags %b: got %s kept, want %s in it", step.flags, got, step.text)
		}
	}
}
