package way

import (
	"bytes"
	"errors"
	"testing"
)

// What is no answer is told from a wrong one, however it is broken.
func TestWhatIsNoAnswerIsRefused(t *testing.T) {
	p := newPasskeys(t)
	d, _ := made(t, p)
	challenge := random(32)
	asking, err := p.Asking(challenge)
	if err != nil {
		t.Fatal(err)
	}
	making, err := p.Making(challenge, mara(), nil)
	if err != nil {
		t.Fatal(err)
	}
	got, created := d.get(asking), d.create(making)
	id := d.encode(d.id)
	bad := map[string][]byte{
		"nothing": nil, "null": []byte("null"), "a list": []byte("[]"), "an object": []byte("{}"), "a text": []byte(`"passkey"`),
		"a mountain": bytes.Repeat([]byte("["), maxPasskeyAnswer), "too much": append(bytes.Clone(got), bytes.Repeat([]byte(" "), maxPasskeyAnswer)...),
		"two answers":    append(bytes.Clone(got), got...),
		"two names":      replace(got, `"rawId":"`+id, `"rawId":"`+d.encode(random(32))),
		"no name":        replace(got, id, ""),
		"another type":   replace(got, "public-key", "password"),
		"no account":     replace(got, d.encode(d.handle), ""),
		"a long account": replace(got, d.encode(d.handle), d.encode(random(65))),
		"a number":       replace(got, `"`+d.encode(d.handle)+`"`, "17"),
		"no base64":      replace(got, d.encode(d.handle), "%%%"),
		"twins":          replace(got, `"type":`, `"type":"public-key","type":7,"type":`),
	}
	for n := range got {
		bad["the beginning "+string(got[:n])] = got[:n]
	}
	for what, answer := range bad {
		if a, err := ParseAssertion(answer); a != nil || !errors.Is(err, ErrPasskeyShape) {
			t.Errorf("%s: got %v, %v, want %v", what, a, err, ErrPasskeyShape)
		}
	}
	for n := range created {
		if _, err := p.Made(challenge, mara(), created[:n]); !errors.Is(err, ErrPasskeyShape) {
			t.Errorf("the beginning %s: got %v, want %v", created[:n], err, ErrPasskeyShape)
		}
	}
	if _, err := p.Made(challenge, mara(), append(created, bytes.Repeat([]byte(" "), maxPasskeyAnswer)...)); !errors.Is(err, ErrPasskeyShape) {
		t.Errorf("too much: got %v, want %v", err, ErrPasskeyShape)
	}
}

func replace(answer []byte, old, fresh string) []byte {
	return bytes.ReplaceAll(answer, []byte(old), []byte(fresh))
}

// Whatever comes as an answer is read or refused, and checked, without a panic.
func FuzzParseAssertion(f *testing.F) {
	p := newPasskeys(f)
	d, k := made(f, p)
	challenge := []byte("sixteen bytes or more of challenge")
	asking, err := p.Asking(challenge)
	if err != nil {
		f.Fatal(err)
	}
	making, err := p.Making(challenge, mara(), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(d.get(asking))
	f.Add(d.create(making))
	f.Add([]byte(`{"id":"","rawId":null,"type":"public-key","response":{"userHandle":[]}}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		if _, err := p.Made(challenge, mara(), answer); err != nil && !errors.Is(err, ErrPasskeyShape) && !errors.Is(err, ErrPasskeyWrong) {
			t.Errorf("got %v for a new passkey, want it refused as an answer", err)
		}
		a, err := ParseAssertion(answer)
		if err != nil {
			return
		}
		if len(a.Lookup()) != 43 || len(a.Handle()) == 0 || len(a.Handle()) > maxPasskeyHandle {
			t.Errorf("got %s for the account %x, want both of some length", a.Lookup(), a.Handle())
		}
		if _, _, err := p.Check(challenge, a, k, mara().Handle); err != nil {
			t.Errorf("got %v, want a wrong answer at most", err)
		}
	})
}

// What a device and a browser say within an answer is read or refused likewise.
func FuzzPasskeyParts(f *testing.F) {
	p := newPasskeys(f)
	d, k := made(f, p)
	challenge := []byte("sixteen bytes or more of challenge")
	for _, kind := range []string{"webauthn.get", "webauthn.create"} {
		client := d.client(kind, d.encode(challenge))
		f.Add(client, d.data(d.flags))
		f.Add(client, d.object())
	}
	f.Fuzz(func(t *testing.T, client, said []byte) {
		d := *d
		d.t = t
		if _, err := p.Made(challenge, mara(), d.attestation(client, said)); err != nil &&
			!errors.Is(err, ErrPasskeyShape) && !errors.Is(err, ErrPasskeyWrong) {
			t.Errorf("got %v for a new passkey, want it refused as an answer", err)
		}
		a, err := ParseAssertion(d.assertion(said, client, []byte("no signature")))
		if err != nil {
			return
		}
		if _, right, err := p.Check(challenge, a, k, mara().Handle); right || err != nil {
			t.Errorf("got right=%t, %v without a signature, want a wrong answer", right, err)
		}
	})
}
