package outbox

import (
	"strings"
	"testing"

	"sparekey/internal/lang"
)

// What cannot be written is an error that says why and holds no secret.
func TestLettersRefuse(t *testing.T) {
	l := newLetters(t)
	for _, m := range []Letter{
		{Purpose: "recover"},
		{Purpose: "recover", Code: "4183-0275"},
		{Purpose: "recover", Code: "hunter2"},
		{Purpose: "sell", Code: shortCode},
		{Code: shortCode},
	} {
		_, err := l.Code(m)
		if err == nil {
			t.Errorf("purpose %q: got no error", m.Purpose)
		} else if m.Code != "" && strings.Contains(err.Error(), m.Code.Reveal()) {
			t.Errorf("the error holds the code: %v", err)
		}
	}
	c, err := lang.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []LettersOptions{
		{SiteName: "x", PublicURL: letterURL},
		{Catalogue: c, PublicURL: letterURL},
		{Catalogue: c, SiteName: "x"},
		{Catalogue: c, SiteName: "x", PublicURL: "id.lanternmarket.example"},
		{Catalogue: c, SiteName: "x", PublicURL: "javascript:alert(1)"},
	} {
		if _, err := NewLetters(o); err == nil {
			t.Errorf("%q %q: got no error", o.SiteName, o.PublicURL)
		}
	}
}

// A39: the mail that confirms an address goes to people who may never have
// heard of us, so it prints nothing that a stranger typed.
func TestA39RegisterLetterPrintsNothingTyped(t *testing.T) {
	m, err := newLetters(t).Code(Letter{
		Lang: "en", To: "win-a-prize.example@example.com", Name: "Prize", Purpose: "register", Code: shortCode, Facts: asked(),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, typed := range []string{"win-a-prize", "Prize", "@"} {
		if strings.Contains(m.Subject+m.Text+strings.Join(look(t, m).words, " "), typed) {
			t.Errorf("got %q in the mail:\n%s", typed, m.Text)
		}
	}
}

// A39: a name that could be read as anything but a name is not printed; those
// that people have are.
func TestA39NamesAreOnlyNames(t *testing.T) {
	l := newLetters(t)
	greeting := func(name string) string {
		t.Helper()
		m, err := l.Exists(Letter{Lang: "en", To: "mara@example.com", Name: name, Facts: asked()})
		if err != nil {
			t.Fatal(err)
		}
		line, _, _ := strings.Cut(m.Text, "\n")
		return line
	}
	for _, bad := range []string{
		"", "   ", "https://evil.example", "evil.example", "Go to evil.example now", "evil。example", "evil．example",
		"evil-.xn--p1ai", "a@b", "<b>Mara</b>", "Mara>", `\\evil`, "//evil", "Mara\r\nBcc: x", "Mara\x00", "Mara\u202egnp",
		"Mara\u2028x", "Mara\u2066x", "Mara\u200bx", "Call +351 912 345 678", "12345678", "...", "Mara \xff", strings.Repeat("é", 65),
	} {
		if got := greeting(bad); got != "Hello," {
			t.Errorf("%q: got %q, want %q", bad, got, "Hello,")
		}
	}
	for _, good := range []string{
		"Mara", "Mara O’Neill", "J. R. Hartley", "Łucja Żak-Wójcik", "مارا", "می\u200cنا", "Tom & Ann", "St. John 3", "愛", strings.Repeat("é", 64),
	} {
		if got := greeting(good); strings.Join(strings.Fields(got), " ") != "Hello "+good+"," {
			t.Errorf("%q: got %q, want it greeted", good, got)
		}
	}
	m, err := l.Exists(Letter{Lang: "en", To: "a&b@example.com", Name: `Tom & "Ann"`, Facts: Facts{Browser: "<i>x</i>", Address: "<u>"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Hello Tom &amp; &#34;Ann&#34;,", "&lt;i&gt;x&lt;/i&gt;", "&lt;u&gt;", "a&amp;b@example.com"} {
		if !strings.Contains(m.HTML, want) {
			t.Errorf("the HTML lacks %q", want)
		}
	}
}

// A mail carries what the sender needs: the address, the language, and a code
// for the header only if there is one. An unknown language is English.
func TestMailCarriesItsHeaders(t *testing.T) {
	each(t, func(t *testing.T, name string, m Mail) {
		if m.To != "mara@example.com" {
			t.Errorf("got to %q, want the address", m.To)
		}
		if err := check(m); err != nil {
			t.Errorf("the sender refuses it: %v", err)
		}
	})
	m, err := newLetters(t).Recover(Letter{Lang: "xx", To: "mara@example.com"})
	if err != nil || m.Lang != "en" || m.Code != "" {
		t.Errorf("got language %q, code %v, error %v; want en, none, none", m.Lang, m.Code != "", err)
	}
}
