package secret

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html/template"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
)

// seeded gives a source whose every draw can be foreseen.
func seeded(seed byte) *Source {
	return NewSource(rand.NewChaCha8([32]byte{seed}))
}

// shows prints v in every way a program might by mistake.
func shows(t *testing.T, v any) string {
	t.Helper()
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "% x", "%08b"} {
		fmt.Fprintf(&out, verb+"\n", v)
	}
	fmt.Fprintln(&out, v)
	fmt.Fprintln(&out, fmt.Errorf("wrapped: %v", v))
	slog.New(slog.NewTextHandler(&out, nil)).Info("it", "secret", v)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("it", "secret", v)
	if err := json.NewEncoder(&out).Encode(v); err != nil {
		t.Fatalf("marshal as JSON: %v", err)
	}
	if err := json.NewEncoder(&out).Encode(map[string]any{"v": v, "list": []any{v}}); err != nil {
		t.Fatalf("marshal as JSON in a map: %v", err)
	}
	if err := template.Must(template.New("").Parse("<p>{{.}}</p>")).Execute(&out, v); err != nil {
		t.Fatalf("execute a template: %v", err)
	}
	return out.String()
}

// A31: a secret that is printed, logged, marshalled or put on a page by mistake
// shows nothing of itself, alone or inside something else.
func TestA31SecretsRedactThemselves(t *testing.T) {
	const open = "kM9-hunter2-XyZ"
	type holder struct {
		Name  string
		Token Token
		Text  Text
	}
	values := map[string]any{
		"a token":           Token(open),
		"a text":            Text(open),
		"a struct":          holder{"ann", Token(open), Text(open)},
		"a pointer":         &holder{"ann", Token(open), Text(open)},
		"a slice":           []Token{Token(open)},
		"a map of texts":    map[string]Text{"k": Text(open)},
		"a slice of texts":  []Text{Text(open)},
		"an error about it": fmt.Errorf("bad %v", Text(open)),
	}
	hidden := []string{open, fmt.Sprintf("%x", open), fmt.Sprintf("%X", open), fmt.Sprintf("% x", open)}
	for name, v := range values {
		out := shows(t, v)
		for _, h := range hidden {
			if strings.Contains(out, h) {
				t.Fatalf("%s shows the secret:\n%s", name, out)
			}
		}
		if name != "an error about it" && !strings.Contains(out, redacted) {
			t.Errorf("%s: got no %q in:\n%s", name, redacted, out)
		}
	}
	asXML, err := xml.Marshal(holder{"ann", Token(open), Text(open)})
	if err != nil || strings.Contains(string(asXML), open) {
		t.Errorf("XML of a secret: got %s, %v, want it hidden", asXML, err)
	}
	for _, got := range []string{Token(open).GoString(), Text(open).GoString(), Token(open).String(), Text(open).String()} {
		if got != redacted {
			t.Errorf("got %q, want %q", got, redacted)
		}
	}
	if got := Token(open).Reveal() + Text(open).Reveal(); got != open+open {
		t.Errorf("Reveal: got %q, want the secrets", got)
	}
}

// A31: a ring that is printed by mistake shows no key, and neither does what
// holds it.
func TestA31RingRedactsItself(t *testing.T) {
	ring := testRing(t)
	hidden := []string{testKeyA, testKeyB, strings.TrimRight(testKeyA, "=")}
	for _, k := range ring.keys {
		for _, u := range uses {
			d := k.of(u)
			hidden = append(hidden, fmt.Sprint(d), fmt.Sprintf("%x", d), fmt.Sprintf("%#v", d))
		}
	}
	for name, v := range map[string]any{"a ring": ring, "its value": *ring, "its holder": struct{ Keys *Ring }{ring}} {
		out := shows(t, v)
		for _, h := range hidden {
			if strings.Contains(out, h) {
				t.Fatalf("%s shows a key:\n%s", name, out)
			}
		}
	}
}

// An id has 26 characters of lower-case base32, each equally likely.
func TestIDs(t *testing.T) {
	src := seeded(1)
	counts := map[rune]int{}
	seen := map[string]bool{}
	const n = 20_000
	for range n {
		id := src.ID()
		if len(id) != idLength || strings.Trim(id, idAlphabet) != "" {
			t.Fatalf("got id %q, want %d characters of %s", id, idLength, idAlphabet)
		}
		if seen[id] {
			t.Fatalf("the id %q came twice", id)
		}
		seen[id] = true
		for _, c := range id {
			counts[c]++
		}
	}
	// 31 degrees of freedom: beyond 70 once in 10,000 seeds; this one is fixed.
	if x := chiSquare(values(counts), 32); x > 70 {
		t.Errorf("the characters of ids are unevenly spread: chi-square %.1f, want at most 70", x)
	}
}

// A17: without a reader of its own a source reads crypto/rand, so that no two
// sources give the same.
func TestA17SourceIsRandom(t *testing.T) {
	a, b := NewSource(nil), NewSource(nil)
	if a.ID() == b.ID() || a.Token() == b.Token() || string(a.Bytes(16)) == string(b.Bytes(16)) {
		t.Errorf("two sources gave the same")
	}
}

// Two sources with one seed give the same, so that tests can foresee it, and
// many may draw from one at a time.
func TestSourceIsSeededAndShared(t *testing.T) {
	a, b := seeded(3), seeded(3)
	if x, y := a.Token(), b.Token(); x != y {
		t.Errorf("tokens of one seed: got two different ones")
	}
	draws := make(chan string)
	for range 8 {
		go func() {
			for range 50 {
				draws <- a.ID()
			}
		}()
	}
	seen := map[string]bool{}
	for range 8 * 50 {
		seen[<-draws] = true
	}
	if len(seen) != 8*50 {
		t.Errorf("drawn at the same time: got %d different ids, want %d", len(seen), 8*50)
	}
}

// A token is read back in its one form only; everything near it is refused.
func TestParseTokenIsStrict(t *testing.T) {
	good := seeded(4).Token().Reveal()
	if got, ok := ParseToken(good); !ok || got.Reveal() != good {
		t.Fatalf("ParseToken of a new token: got %v, want it back", ok)
	}
	bad := map[string]string{
		"nothing":             "",
		"one short":           good[:42],
		"one long":            good + "A",
		"padded":              good + "=",
		"standard alphabet":   "+/" + good[2:],
		"a line break inside": good[:20] + "\n" + good[20:],
		"a break in place":    good[:20] + "\n" + good[21:],
		"a blank before":      " " + good,
		"a NUL":               good[:42] + "\x00",
		"loose last bits":     strings.Repeat("A", 42) + "B", // 4 of its 6 bits count
	}
	for name, s := range bad {
		if _, ok := ParseToken(s); ok {
			t.Errorf("%s: the token was taken", name)
		}
	}
}

// The database keeps a hash from which the token does not follow, the same for
// the same token.
func TestTokenHash(t *testing.T) {
	// printf %s AAA… | openssl dgst -sha256 -binary | basenc --base64url
	const want = "DwBzhbb51LfusnSGBa_hqYSgo7-j8BTQnip4TOnlzRo"
	if got := Token(strings.Repeat("A", 43)).Hash(); got != want {
		t.Errorf("Hash: got %s, want %s", got, want)
	}
}

// Equal compares whole texts.
func TestEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"", "", true}, {"abc", "abc", true}, {"abc", "abd", false}, {"abc", "ab", false}, {"", "a", false}, {"a\x00", "a", false}} {
		if got := Equal(c.a, c.b); got != c.want {
			t.Errorf("Equal(%q, %q): got %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(seeded(5).Token().Reveal())
	f.Add("")
	f.Add(strings.Repeat("A", 43))
	f.Add(strings.Repeat("A", 42) + "B")
	f.Add(strings.Repeat("A", 21) + "\r\n" + strings.Repeat("A", 22))
	f.Fuzz(func(t *testing.T, s string) {
		token, ok := ParseToken(s)
		if !ok {
			if token != "" {
				t.Errorf("ParseToken(%q) gave a token and said no", s)
			}
			return
		}
		if token.Reveal() != s || len(s) != 43 || strings.ContainsAny(s, "\r\n =+/") {
			t.Errorf("ParseToken took %q", s)
		}
	})
}

func values(counts map[rune]int) []int {
	all := make([]int, 0, len(counts))
	for _, n := range counts {
		all = append(all, n)
	}
	return all
}

// chiSquare measures how far counts of bins stand from being even.
func chiSquare(counts []int, bins int) float64 {
	total := 0
	for _, n := range counts {
		total += n
	}
	want := float64(total) / float64(bins)
	sum := float64(bins-len(counts)) * want // those never seen
	for _, n := range counts {
		d := float64(n) - want
		sum += d * d / want
	}
	return sum
}
