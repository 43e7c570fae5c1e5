package way

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

// What is kept is found by the answer, and holds nothing that a device makes up.
func TestAPasskeyIsFoundByItsAnswer(t *testing.T) {
	p := newPasskeys(t)
	d, k := made(t, p)
	question, err := p.Asking(random(32))
	if err != nil {
		t.Fatal(err)
	}
	a, err := ParseAssertion(d.get(question))
	if err != nil {
		t.Fatal(err)
	}
	if a.Lookup() != k.Lookup() || len(k.Lookup()) != 43 || !bytes.Equal(k.ID(), d.id) || !bytes.Equal(a.Handle(), mara().Handle) {
		t.Errorf("got %s, %x for %x, want %s, %x for %x", a.Lookup(), a.Handle(), k.ID(), k.Lookup(), mara().Handle, d.id)
	}
	if _, other := made(t, p); other.Lookup() == k.Lookup() {
		t.Errorf("got %s for two passkeys, want one for each", k.Lookup())
	}
	if got, want := text(t, k), `"transports":["internal","hybrid"]}`; !strings.HasSuffix(got, want) {
		t.Errorf("got %s, want %s at its end", got, want)
	}
	whole := text(t, k)
	for _, broken := range []string{"", "{}", "[]", `{"id":"","key":"pQ=="}`, `{"id":"b25l","key":"pQ=="}`, whole[:len(whole)-1]} {
		if _, err := ParseKey(broken); err == nil {
			t.Errorf("got a key for %s, want an error", broken)
		}
	}
}

// What made a passkey has one of a few names, or none.
func TestTheMakerIsOneThatIsKnown(t *testing.T) {
	p := newPasskeys(t)
	for aaguid, want := range map[string]string{
		"fbfc3007154e4ecc8c0b6e020557d7bd": "iCloud Keychain",
		"ea9b8d664d011d213ce4b6b48cb575d4": "Google Password Manager",
		"08987058cadc4b81b6e130de50dcbe96": "Windows Hello",
		"bada5566a7aa401fbd9645619a55120d": "1Password",
		"d548826e79b4db40a3d811116f7e8349": "Bitwarden",
		"3c696d673e6c74703e2f3c2f696d673e": "",
		"00000000000000000000000000000000": "",
	} {
		d, challenge := newDevice(t), random(32)
		d.aaguid = unhex(t, aaguid)
		question, err := p.Making(challenge, mara(), nil)
		if err != nil {
			t.Fatal(err)
		}
		k, err := p.Made(challenge, mara(), d.create(question))
		if err != nil {
			t.Fatal(err)
		}
		if got := k.Maker(); got != want {
			t.Errorf("%s: got %q, want %q", aaguid, got, want)
		}
		if read, err := ParseKey(text(t, k)); err != nil || read.Maker() != want {
			t.Errorf("%s, read again: got %q (%v), want %q", aaguid, read.Maker(), err, want)
		}
	}
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// text is a key as it is stored, read again.
func text(t testing.TB, k Key) string {
	t.Helper()
	text, err := k.Text()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := again.Text(); err != nil || back != text {
		t.Errorf("got %s (%v) when read and written, want %s", back, err, text)
	}
	return text
}
