package secret

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// The keyed hash is HMAC-SHA256 under an HKDF-SHA256 key of the use, over the
// parts behind their lengths: another program can compute it from the file.
func TestMACIsWhatItSays(t *testing.T) {
	root, err := base64.StdEncoding.DecodeString(testKeyA)
	if err != nil {
		t.Fatal(err)
	}
	key, err := hkdf.Key(sha256.New, root, nil, "sparekey codes", 32)
	if err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha256.New, key)
	for _, part := range []string{"challenge", "", "mail"} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	got, err := testRing(t).MAC(Codes, "a", "challenge", "", "mail")
	if err != nil || !hmac.Equal(got, h.Sum(nil)) {
		t.Errorf("MAC: got %x, %v, want %x", got, err, h.Sum(nil))
	}
}

// A20, A34: no two different questions have the same keyed hash: not when parts
// are cut elsewhere, added or left out, nor for another use or another key.
func TestA20A34MACsAreNotConfused(t *testing.T) {
	ring := testRing(t)
	parts := [][]string{
		{},
		{""},
		{"", ""},
		{"abc"},
		{"a", "bc"},
		{"ab", "c"},
		{"abc", ""},
		{"", "abc"},
		{"a", "b", "c"},
		{"c", "b", "a"},
		{"a\x00bc"},
		{"a\x00", "bc"},
		{"a", "\x00bc"},
		{"\x00\x00\x00\x00\x00\x00\x00\x01a"},
		{"a", ""},
		{"\x00\x00\x00\x00\x00\x00\x00\x00"},
		{"signin", "mail"},
		{"signinmail", ""},
		{"signin", "mai", "l"},
	}
	seen := map[string]string{}
	for _, use := range uses {
		for _, id := range ring.IDs() {
			for _, p := range parts {
				mac, err := ring.MAC(use, id, p...)
				if err != nil || len(mac) != sha256.Size {
					t.Fatalf("MAC(%s, %s, %q): got %d bytes, %v", use, id, p, len(mac), err)
				}
				name := fmt.Sprintf("%s %s %q", use, id, p)
				if other, ok := seen[string(mac)]; ok {
					t.Errorf("%s and %s have the same keyed hash", name, other)
				}
				seen[string(mac)] = name
			}
		}
	}
	if want := len(uses) * 2 * len(parts); len(seen) != want {
		t.Errorf("got %d different hashes, want %d", len(seen), want)
	}
}

// A key that is gone is told from all other errors, and what has not the shape
// of an id is not repeated.
func TestUnknownKey(t *testing.T) {
	ring := testRing(t)
	_, err := ring.MAC(Codes, "gone", "x")
	if !errors.Is(err, ErrUnknownKey) || !strings.Contains(err.Error(), "gone") {
		t.Errorf("MAC: got %v, want ErrUnknownKey with the id", err)
	}
	_, err = ring.MAC(Codes, "My Secret", "x")
	if !errors.Is(err, ErrUnknownKey) || strings.Contains(err.Error(), "Secret") {
		t.Errorf("MAC with what is no id: got %v, want ErrUnknownKey without it", err)
	}
	if _, err := ring.Open("row", "gone.AAAA"); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("Open: got %v, want ErrUnknownKey", err)
	}
	newest, err := ring.MAC(Links, ring.Newest(), "x")
	if err != nil || string(newest) != string(ring.NewestMAC(Links, "x")) {
		t.Errorf("NewestMAC is not the MAC of the newest key: %v", err)
	}
}

// A use that has no key ends the program: hashing without a key would go on
// and show nothing.
func TestUseWithoutKeyStops(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Errorf("a keyed hash without a key was made")
		}
	}()
	testRing(t).NewestMAC(Use("cookies"), "x")
}

// The check value is kept through rotations and fits no other installation and
// no other key file, one with the same ids included.
func TestCheckTellsTheWrongKeyFile(t *testing.T) {
	ring := testRing(t)
	old := parse(t, "a 2026-01-01T00:00:00Z "+testKeyA)
	stranger := parse(t, "a 2026-01-01T00:00:00Z "+testKeyB)
	check := old.Check("inst")
	if !strings.HasPrefix(check, "a:") {
		t.Errorf("Check: got %q, want it to begin with the key's id", check)
	}
	for name, c := range map[string]struct {
		ring        *Ring
		inst, check string
		want        bool
	}{
		"the same file":          {ring: old, inst: "inst", check: check, want: true},
		"after a rotation":       {ring: ring, inst: "inst", check: check, want: true},
		"the newest key's own":   {ring: ring, inst: "inst", check: ring.Check("inst"), want: true},
		"before the rotation":    {ring: old, inst: "inst", check: ring.Check("inst")},
		"another installation":   {ring: old, inst: "other", check: check},
		"another file, same ids": {ring: stranger, inst: "inst", check: check},
		"nothing":                {ring: old, inst: "inst", check: ""},
		"the id alone":           {ring: old, inst: "inst", check: "a:"},
		"with something behind":  {ring: old, inst: "inst", check: check + "A"},
	} {
		if got := c.ring.Fits(c.inst, c.check); got != c.want {
			t.Errorf("%s: Fits: got %v, want %v", name, got, c.want)
		}
	}
}

// What was sealed opens for its own row alone, after a rotation too, and shows
// nothing of what is in it.
func TestSealBindsToItsRow(t *testing.T) {
	src, old := seeded(10), parse(t, "a 2026-01-01T00:00:00Z "+testKeyA)
	ring := testRing(t)
	const plain = `{"to":"ann@example.com"}`
	box := old.Seal("row1", []byte(plain), src)
	if !strings.HasPrefix(box, "a.") || strings.Contains(box, "ann") {
		t.Errorf("Seal: got %q", box)
	}
	for _, r := range []*Ring{old, ring} {
		if got, err := r.Open("row1", box); err != nil || string(got) != plain {
			t.Errorf("Open: got %q, %v, want %q", got, err, plain)
		}
	}
	if got := ring.Seal("row1", nil, src); !strings.HasPrefix(got, "b.") {
		t.Errorf("Seal after a rotation: got %q, want the newest key's id before it", got)
	}
	if empty, err := ring.Open("row1", ring.Seal("row1", nil, src)); err != nil || len(empty) != 0 {
		t.Errorf("an empty box: got %q, %v", empty, err)
	}
	if old.Seal("row1", []byte(plain), src) == box {
		t.Errorf("the same content makes the same box twice")
	}
	for name, c := range map[string][2]string{
		"another row":      {"row2", box},
		"another key's id": {"row1", "b" + box[1:]},
		"cut off":          {"row1", box[:len(box)-4]},
		"one byte changed": {"row1", flip(box, len(box)-8)},
		"nonce changed":    {"row1", flip(box, 4)},
		"no text":          {"row1", "a."},
		"not base64":       {"row1", "a.%%%"},
	} {
		if got, err := ring.Open(c[0], c[1]); !errors.Is(err, ErrBox) || got != nil {
			t.Errorf("%s: Open: got %q, %v, want ErrBox", name, got, err)
		}
	}
	if _, err := ring.Open("row1", ""); err == nil {
		t.Errorf("no box at all was opened")
	}
}

// flip changes one character of a base64url text to another.
func flip(s string, at int) string {
	other := "A"
	if s[at] == 'A' {
		other = "B"
	}
	return s[:at] + other + s[at+1:]
}

// Digits are the remainder of the whole hash, with their leading zeros.
func TestDigits(t *testing.T) {
	zeros := make([]byte, 32)
	ones := []byte(strings.Repeat("\xff", 32))
	all, _ := new(big.Int).SetString(strings.Repeat("f", 64), 16)
	decimal := all.String()
	for _, c := range []struct {
		mac  []byte
		n    int
		want string
	}{
		{zeros, 8, "00000000"},
		{zeros, 20, "00000000000000000000"},
		{append(zeros[:31:31], 7), 8, "00000007"},
		{ones, 8, decimal[len(decimal)-8:]},
		{ones, 20, decimal[len(decimal)-20:]},
	} {
		if got := Digits(c.mac, c.n); got != c.want {
			t.Errorf("Digits(%x, %d): got %s, want %s", c.mac, c.n, got, c.want)
		}
	}
}

// A17: a million derived codes look random: every digit in every place,
// every pair of neighbours, from one code to the next too, and every half comes
// as often as another. The keys are fixed, so the sums are too.
func TestA17CodesAreUniform(t *testing.T) {
	const n, workers = 1_000_000, 2
	codes := make([]uint32, n)
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			ring := testRing(t)
			for i := w * n / workers; i < (w+1)*n/workers; i++ {
				mac := ring.NewestMAC(Codes, "challenge", strconv.Itoa(i))
				code, err := strconv.ParseUint(Digits(mac, 8), 10, 32)
				if err != nil {
					t.Errorf("code %d: %v", i, err)
					return
				}
				codes[i] = uint32(code)
			}
		})
	}
	wait.Wait()

	left, right := make([]int, 10_000), make([]int, 10_000) // the halves of a code
	middle, serial := make([]int, 100), make([]int, 100)    // digits 4 and 5; the last of a code and the first of the next
	before := codes[n-1]
	for _, c := range codes {
		left[c/10_000]++
		right[c%10_000]++
		middle[c/1000%100]++
		serial[before%10*10+c/10_000_000]++
		before = c
	}
	// The limits are passed by one in 10,000 keys.
	even(t, "digits 4 and 5", middle, 158)
	even(t, "the last digit and the first of the next code", serial, 158)
	for half, counts := range map[string][]int{"left": left, "right": right} {
		even(t, half+" half", counts, 10_530)
		for place, tens := 4, 1; place >= 1; place, tens = place-1, tens*10 {
			even(t, fmt.Sprintf("digit %d of the %s half", place, half), fold(counts, tens, 10), 33.8)
			if place > 1 {
				even(t, fmt.Sprintf("digits %d and %d of the %s half", place-1, place, half), fold(counts, tens, 100), 158)
			}
		}
	}
}

// fold adds up the counts of four digits by one or two of them: bins is 10 or
// 100, and tens says how far from the right they stand.
func fold(counts []int, tens, bins int) []int {
	sums := make([]int, bins)
	for number, n := range counts {
		sums[number/tens%bins] += n
	}
	return sums
}

func even(t *testing.T, what string, counts []int, most float64) {
	t.Helper()
	if x := chiSquare(counts, len(counts)); x > most {
		t.Errorf("%s: chi-square %.1f over %d bins, want at most %.1f", what, x, len(counts), most)
	}
}

func BenchmarkCode(b *testing.B) {
	ring := testRing(b)
	for b.Loop() {
		Digits(ring.NewestMAC(Codes, "challenge", "flow", "recover", "mail", "ann@example.com", "nonce"), 8)
	}
}
