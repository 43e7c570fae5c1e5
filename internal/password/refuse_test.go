package password

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"
)

var mara = About{Login: "mara.lind", Email: "Mara.Lind+shop@example.com", Site: "Lantern Market", Host: "id.lantern.example"}

// refused gives the code of a refusal, or "".
func refused(t *testing.T, pw string, about About) string {
	t.Helper()
	err := Refuse(pw, about)
	if err == nil {
		return ""
	}
	r, ok := errors.AsType[*Refusal](err)
	if !ok {
		t.Fatalf("Refuse: got %v, want a *Refusal", err)
	}
	if got, want := err.Error(), "password refused: "+r.Code; got != want { // and so no password
		t.Errorf("the refusal says %q, want %q", got, want)
	}
	return r.Code
}

// ranked gives the list as it was made, the most common first.
func ranked(t *testing.T) []string {
	t.Helper()
	f, err := data.Open(listFile)
	if err != nil {
		t.Fatalf("the list of common passwords is not here, run make build: %v", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// A59 (ASVS 6.2.4, 6.2.12): the 3,000 most common passwords are refused, and so
// is every other one on the list, in whatever case; most as short.
func TestA59CommonPasswordsAreRefused(t *testing.T) {
	list := ranked(t)
	if len(list) < 40_000 {
		t.Fatalf("the list has %d entries, want the whole one", len(list))
	}
	counts := map[string]int{}
	for i, pw := range list {
		code := refused(t, pw, About{})
		counts[code]++
		want := "pw.common or pw.simple"
		ok := code == CodeCommon || code == CodeSimple
		if utf8.RuneCountInString(pw) < shortest {
			want, ok = CodeShort, code == CodeShort
		}
		if !ok {
			t.Errorf("number %d of the list, %q: got %q, want %s", i+1, pw, code, want)
		}
		if i < 3000 && refused(t, strings.ToUpper(pw), About{}) == "" {
			t.Errorf("number %d of the list in capitals, %q, was taken", i+1, strings.ToUpper(pw))
		}
	}
	if counts[CodeCommon] < 10_000 {
		t.Errorf("got %v, want at least 10,000 refused as common", counts)
	}
}

// ASVS 6.2.1, 6.2.9: code points are counted, after NFC, and both ends are kept
// exactly; a refusal says how many there are.
func TestLengthIsCountedInCharacters(t *testing.T) {
	const random = "kWq7Vz0tXnLb2RmYc9Hd"
	for _, c := range []struct {
		pw   string
		min  int
		code string
		have int
	}{
		{"", 0, CodeShort, 0},
		{"kWq7Vz0", 0, CodeShort, 7},
		{"kWq7Vz0t", 0, "", 8},
		{"kWq7Vz0t", 3, "", 8},
		{"kWq7Vz0", 3, CodeShort, 7},
		{"kWq7Vz0tXnLb2R", 15, CodeShort, 14},
		{"kWq7Vz0tXnLb2Rm", 15, "", 15},
		{"äöüßéñç", 0, CodeShort, 7},
		{"äöüßéñçø", 0, "", 8},
		{"a\u0308o\u0308u\u0308e\u0301n\u0303c\u0327", 0, CodeShort, 6}, // twelve as typed
		{"😀🐴🔋📎🎲🌵🚲", 0, CodeShort, 7},
		{"😀🐴🔋📎🎲🌵🚲🧊", 0, "", 8},
		{"  kWq7  ", 0, "", 8},
		{"kWq7Vz0\x00", 0, "", 8},
		{"kWq7\tVz\n", 0, "", 8},
		{strings.Repeat(random, 12) + random[:16], 0, "", 256},
		{strings.Repeat(random, 12) + random[:17], 0, CodeLong, 257},
		{strings.Repeat("ü", 32<<10), 0, CodeLong, 32 << 10},
	} {
		about := About{Min: c.min}
		if got := refused(t, c.pw, about); got != c.code {
			t.Errorf("%.40q of %d, at least %d: got %q, want %q", c.pw, c.have, c.min, got, c.code)
			continue
		}
		if c.code == "" {
			continue
		}
		r, _ := errors.AsType[*Refusal](Refuse(c.pw, about))
		if r.Have != c.have || r.Max != 256 || r.Min != max(8, c.min) {
			t.Errorf("%.40q: got %+v, want %d of %d to 256", c.pw, *r, c.have, max(8, c.min))
		}
	}
	for _, pw := range []string{"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8", "kWq7Vz0tXn\xc3", "\xff"} {
		if got := refused(t, pw, About{}); got != CodeShape {
			t.Errorf("%q: got %q, want %q", pw, got, CodeShape)
		}
	}
}

// ASVS 6.2.5: there is no rule about which characters; long random and made-up
// passwords of any kind are taken.
func TestGoodPasswordsAreTaken(t *testing.T) {
	for _, pw := range []string{
		"correct horse battery staple", "four unrelated words", "kwqvztxnlb", "KWQVZTXNLB", "3141592653589793238",
		"!?&%$§/)=#+*~", "пароль от старой лодки", "たぬきが橋を渡る夜", "😀🐴🔋📎🎲🌵🚲🧊", "       x7Kq   ", "Tr0ub4dor&3",
		"my 1234 tiny goats", "blue-abcd-otter-77", "aardvark bookkeeper", "the lantern hums at dusk", "marble staircase",
		"correct horse battery correct horse battery ", strings.Repeat("long sentence, ", 4),
	} {
		if got := refused(t, pw, mara); got != "" {
			t.Errorf("%q: got %q, want it taken", pw, got)
		}
	}
}

// Repeats and runs are refused, alone and put together, along the alphabet and
// the keyboard, forwards and backwards.
func TestRepeatsAndRunsAreRefused(t *testing.T) {
	for _, pw := range []string{
		"aaaaaaaa", "        ", "zzzzzzzzzzzzzzzz", "abcdefgh", "ABCDEFGH", "hgfedcba", "12345678", "87654321", "1234567890",
		"0987654321", "qwertyui", "QwErTyUi", "iuytrewq", "asdfghjkl", "lkjhgfdsa", "йцукенгш", "фывапрол", "бвгдежзи",
		"abcabcabc", "abcabcab", "xyxyxyxy", "xkqxkqxkq", "abababababababab", "1212121212", "aaaabbbb", "aabbccdd", "abcd1234",
		"1234abcd", "qwer1234", "11112222", "aaaaaaab", "abcdefg1", "привприв", "😀😀😀😀😀😀😀😀", "kWq7VzkWq7Vz", "0000000a",
	} {
		if got := refused(t, pw, About{}); got != CodeSimple {
			t.Errorf("%q: got %q, want %q", pw, got, CodeSimple)
		}
	}
	for _, pw := range []string{"abcdefgh12345678", "abcdefghijklmno", "kWq7Vz0tXnkWq7Vz0tXn"} {
		if got := refused(t, pw, About{Min: 15}); got != CodeSimple {
			t.Errorf("%q, at least 15: got %q, want %q", pw, got, CodeSimple)
		}
	}
	for _, pw := range []string{"passwordpassword", "PasswordPassword", "iloveyouiloveyou"} {
		if got := refused(t, pw, About{}); got != CodeCommon {
			t.Errorf("%q, a common one twice: got %q, want %q", pw, got, CodeCommon)
		}
	}
}

// ASVS 6.2.11: what is mostly the login, the address or the site's name is
// refused, however it is spelled; what only touches on them is not.
func TestNamesAreRefused(t *testing.T) {
	for _, pw := range []string{
		"mara.lind", "Mara Lind", "maralind1", "MARALIND!", "m4r4-l1nd", "lindmara", "mara1985", "1985mara",
		"mara.lind+shop", "lanternmarket", "Lantern Market", "L4nt3rn-M@rk3t", "lantern7x", "lantern!!", "my-lantern", "Market2026",
		"lantern_", "anternmarke", "mara.lind+shop@example.com", "example.com", "id.lantern.example", "märälind", "MARA_LIND_1", "ｌａｎｔｅｒｎ１",
	} {
		if got := refused(t, pw, mara); got != CodeSelf {
			t.Errorf("%q: got %q, want %q", pw, got, CodeSelf)
		}
	}
	for _, pw := range []string{
		"mara keeps nine goats", "a lantern in the fog", "example.com-x7", "shopping for kites", "l-i-n-k-7-q-v", "qx!mara!zz7",
	} {
		if got := refused(t, pw, mara); got != "" {
			t.Errorf("%q: got %q, want it taken", pw, got)
		}
	}
	// Names of fewer than four characters, and no names, are in nobody's way.
	for _, about := range []About{{}, {Login: "abe", Email: "me@example.com", Site: "Go"}, {Email: "@"}, {Site: "—"}} {
		if got := refused(t, "abe and me g", about); got != "" {
			t.Errorf("%+v: got %q, want it taken", about, got)
		}
	}
}

// The first thing that is wrong is the one that is said: length before content.
func TestRefusalsHaveAnOrder(t *testing.T) {
	about := About{Login: "password", Min: 8}
	for pw, want := range map[string]string{
		"\xff":                   CodeShape,
		"aaaaaaa":                CodeShort,
		"qwerty":                 CodeShort,
		strings.Repeat("a", 257): CodeLong,
		strings.Repeat("a", 256): CodeSimple,
		"12345678":               CodeSimple,
		"password":               CodeCommon,
		"p@ssw0rd!x":             CodeSelf,
	} {
		if got := refused(t, pw, about); got != want {
			t.Errorf("%.20q: got %q, want %q", pw, got, want)
		}
	}
}

// Without the list nothing passes for uncommon: reading it says what to type.
func TestMissingListIsAnError(t *testing.T) {
	if l, err := readList(fstest.MapFS{}); l != nil || err == nil || !strings.Contains(err.Error(), "make build") {
		t.Errorf("no list: got %v, %v, want an error that says make build", l, err)
	}
	var empty bytes.Buffer
	z := gzip.NewWriter(&empty)
	io.WriteString(z, "short\n\n")
	z.Close()
	for name, file := range map[string][]byte{"empty": empty.Bytes(), "no gzip": []byte("password1\n"), "cut off": empty.Bytes()[:15]} {
		if l, err := readList(fstest.MapFS{listFile: {Data: file}}); l != nil || err == nil {
			t.Errorf("%s: got %v, %v, want an error", name, l, err)
		}
	}
}

// The list is read once, and compares without regard to case.
func TestListIsReadOnce(t *testing.T) {
	a, err := Common()
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := Common(); a != b {
		t.Errorf("Common gave another list the second time")
	}
	if !a.Has("password1") || !a.Has("PassWord1") || a.Has("four unrelated words") {
		t.Errorf("Has: want password1 in any case, and no unrelated words")
	}
}

func FuzzRefuse(f *testing.F) {
	f.Add("correct horse battery staple", "mara", "mara@example.com", "Lantern Market")
	f.Add("aaaaaaaa", "", "", "")
	f.Add("\xff\x00", "\xff", "@@", "\u0301")
	f.Fuzz(func(t *testing.T, pw, login, email, site string) {
		err := Refuse(pw, About{Login: login, Email: email, Site: site})
		if err == nil {
			if n := utf8.RuneCountInString(pw); !utf8.ValidString(pw) || n < shortest {
				t.Errorf("%q was taken", pw)
			}
			return
		}
		r, ok := errors.AsType[*Refusal](err)
		if !ok || r.Code == "" {
			t.Errorf("%q: got %v, want a *Refusal", pw, err)
		}
	})
}

func BenchmarkReadList(b *testing.B) {
	for b.Loop() {
		if _, err := readList(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRefuse(b *testing.B) {
	pw := strings.Repeat("correct horse battery staple ", 8)
	for b.Loop() {
		Refuse(pw, mara)
	}
}
