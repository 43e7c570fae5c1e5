package outbox

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"sparekey/internal/ident"
	"sparekey/internal/lang"
	"sparekey/internal/secret"
)

// lettersOf writes for a site of that name and address.
func lettersOf(t testing.TB, site, publicURL string) *Letters {
	t.Helper()
	c, err := lang.Load()
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewLetters(LettersOptions{Catalogue: c, SiteName: site, PublicURL: publicURL, Zone: time.FixedZone("WEST", 3600)})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// textsOf writes every text message, by what it is about.
func textsOf(t testing.TB, l *Letters, tag string, code secret.Text) map[string]string {
	t.Helper()
	m := TextLetter{Lang: tag, Code: code, At: asked().At}
	all := map[string]string{}
	for what, write := range map[string]func() (string, error){
		"code":    func() (string, error) { return l.TextCode(m) },
		"changed": func() (string, error) { return l.TextNotice(TextPasswordChanged, m) },
		"ways":    func() (string, error) { return l.TextNotice(TextWaysChanged, m) },
	} {
		text, err := write()
		if err != nil {
			t.Fatalf("%s %s: %v", tag, what, err)
		}
		all[what] = text
	}
	return all
}

// The text messages are these, letter by letter.
func TestTextsAreAsWritten(t *testing.T) {
	want := map[string]map[string]string{
		"en": {
			"code":    "41830275 is your Lantern Market code. Works 10 min. We never ask for it by phone.\n\n@id.lanternmarket.example #41830275",
			"changed": `Lantern Market: your password was changed at 14:31. Not you? Go to id.lanternmarket.example and choose "Forgot password?".`,
			"ways":    `Lantern Market: your ways to verify were changed at 14:31. Not you? Go to id.lanternmarket.example and choose "Forgot password?".`,
		},
		"es": {
			"code": "41830275 es tu clave de un solo uso de Lantern Market. Vale 10 min. Nunca la pedimos por teléfono." +
				"\n\n@id.lanternmarket.example #41830275",
			"changed": `Lantern Market: tu contraseña ha cambiado (14:31). ¿No ha sido cosa tuya? ` +
				`Ve a id.lanternmarket.example y elige "¿Olvidaste la contraseña?".`,
			"ways": `Lantern Market: han cambiado tus formas de entrar (14:31). ¿No ha sido cosa tuya? ` +
				`Ve a id.lanternmarket.example y elige "¿Olvidaste la contraseña?".`,
		},
		"ar": {
			"code": "41830275 هو رمزك في Lantern Market. صالح 10 دقائق. لا نطلبه في مكالمة.\n\n@id.lanternmarket.example #41830275",
			"changed": "تغيّرت كلمة مرورك في Lantern Market الساعة 14:31. لست أنت؟ " +
				"اذهب إلى id.lanternmarket.example واختر «نسيت كلمة المرور؟».",
			"ways": "تغيّرت طرق التحقق لحسابك في Lantern Market الساعة 14:31. لست أنت؟ " +
				"اذهب إلى id.lanternmarket.example واختر «نسيت كلمة المرور؟».",
		},
		"ru": {
			"code":    "41830275 – ваш код Lantern Market на 10 мин. Никому его не называйте.\n\n@id.lanternmarket.example #41830275",
			"changed": "Lantern Market: пароль изменён в 14:31. Это не вы? На id.lanternmarket.example нажмите «Забыли пароль?».",
			"ways":    "Lantern Market: способы подтверждения изменены в 14:31. Это не вы? На id.lanternmarket.example нажмите «Забыли пароль?».",
		},
	}
	l := lettersOf(t, "Lantern Market", letterURL)
	for _, tag := range tags(t) {
		for what, got := range textsOf(t, l, tag, shortCode) {
			if got != want[tag][what] {
				t.Errorf("%s %s: got\n%s\nwant\n%s", tag, what, got, want[tag][what])
			}
		}
	}
}

// A text message is short, whatever the site is called: one part in the
// alphabet of GSM 7 bit where the language can be written in it, and two parts
// elsewhere. The code comes first, and what it is stands in the first part.
func TestTextsAreShort(t *testing.T) {
	latin := map[string]bool{"en": true, "es": true}
	word := map[string]string{"en": "code", "ar": "رمز", "es": "clave", "ru": "код"}
	longest := "The Lantern Market of the Old Harbour and All Islands Around It."
	for _, site := range []string{
		"X", "Lantern Market", longest, strings.Repeat("M", 64), "Рынок фонарей у старой гавани и всех островов", "سوق الفوانيس",
		"Lantern’s Market", strings.Repeat("🏮", 64), strings.Repeat("e\u0301", 32), "A|B {C} [D] ~E~ " + strings.Repeat("€", 48),
	} {
		for _, address := range []string{letterURL, "https://id.example", "https://accounts.lanternmarket.example:8443"} {
			l := lettersOf(t, site, address)
			for _, tag := range tags(t) {
				for _, code := range []secret.Text{shortCode, longCode} {
					for what, text := range textsOf(t, l, tag, code) {
						name := fmt.Sprintf("%s %s of %q at %s: %q", tag, what, site, address, text)
						if n := gsmLength(text); latin[tag] && (n < 0 || n > 160) {
							t.Errorf("%s: got %d characters of GSM 7 bit, want at most 160 and no others", name, n)
						}
						if n := len(utf16.Encode([]rune(text))); !latin[tag] && n > 134 {
							t.Errorf("%s: got %d characters of UTF-16, want at most two parts of 67", name, n)
						}
						if !utf8.ValidString(text) || strings.Contains(text, "{{") || strings.Contains(text, "text.") {
							t.Errorf("%s: it is not well said", name)
						}
						if what != "code" {
							continue
						}
						head, _, found := strings.Cut(text, word[tag])
						if !found || !strings.HasPrefix(text, code.Reveal()) || !latin[tag] && wideLength(head+word[tag]) > 67 {
							t.Errorf("%s: the code does not come first, or what it is is not in the first part", name)
						}
					}
				}
			}
		}
	}
}

// A site's name is said whole if there is room, and else ends at a word or at
// least at a character, with dots.
func TestLongNamesAreCutWell(t *testing.T) {
	for _, c := range []struct {
		name  string
		most  int
		count func(string) int
		want  string
	}{
		{"Lantern Market", 14, gsmLength, "Lantern Market"},
		{"Lantern Market", 13, gsmLength, "Lantern..."},
		{"Lantern Market", 10, gsmLength, "Lantern..."},
		{"Lantern Market", 9, gsmLength, "Lanter..."},
		{"Lantern, Market", 13, gsmLength, "Lantern..."},
		{"A Lanternmarketplace", 15, gsmLength, "A Lanternmar..."},
		{"€€€€€€€€", 12, gsmLength, "€€€€..."},
		{"Рынок фонарей", 12, wideLength, "Рынок..."},
		{"e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301", 6, wideLength, "e\u0301..."},
		{"e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301", 7, wideLength, "e\u0301e\u0301..."},
		{"🏮🏮🏮🏮🏮", 8, wideLength, "🏮🏮..."},
	} {
		if got := shorten(c.name, c.most, c.count); got != c.want || c.count(got) > c.most {
			t.Errorf("%q to %d: got %q, want %q", c.name, c.most, got, c.want)
		}
	}
}

// The last line is as browsers read it: the host without a port, and the code.
// The code field takes the whole message, pasted.
func TestTextsAreBoundToTheHost(t *testing.T) {
	for address, host := range map[string]string{
		letterURL: "id.lanternmarket.example", "https://id.example:8443": "id.example", "http://localhost:8080": "localhost",
		"https://xn--e1afmkfd.xn--p1ai": "xn--e1afmkfd.xn--p1ai", "https://" + strings.Repeat("long.", 40) + "example": strings.Repeat("long.", 40) + "example",
	} {
		l := lettersOf(t, "Lantern Market", address)
		for _, tag := range tags(t) {
			for _, code := range []secret.Text{shortCode, longCode} {
				text := textsOf(t, l, tag, code)["code"]
				lines := strings.Split(text, "\n")
				if want := "@" + host + " #" + code.Reveal(); len(lines) != 3 || lines[1] != "" || lines[2] != want {
					t.Errorf("%s: got %q, want an empty line and %q", tag, text, want)
				}
				if n := strings.Count(text, code.Reveal()); n != 2 {
					t.Errorf("%s: got the code %d times in %q, want it twice", tag, n, text)
				}
				if len(host) < 64 {
					if got, err := ident.ParseCode(text); err != nil || got != code.Reveal() {
						t.Errorf("%s: pasted whole: got %q, %v, want the code", tag, got, err)
					}
				}
			}
		}
	}
}

// A notice says when and where to go, and has no link and no code. What cannot
// be written is an error that holds no secret.
func TestTextNotices(t *testing.T) {
	l := lettersOf(t, "Lantern Market", "https://id.example:8443")
	for _, tag := range tags(t) {
		for what, text := range textsOf(t, l, tag, shortCode) {
			if what == "code" {
				continue
			}
			if !strings.Contains(text, "14:31") || !strings.Contains(text, "id.example:8443") || strings.Contains(text, "//") || strings.Contains(text, "4183") {
				t.Errorf("%s %s: got %q, want the time and the host, and no link", tag, what, text)
			}
		}
	}
	if text, err := l.TextNotice("text.code", TextLetter{Lang: "en", Code: shortCode}); err == nil {
		t.Errorf("a code as a notice: got %q, want an error", text)
	}
	for _, code := range []secret.Text{"", "4183-0275", "hunter2"} {
		text, err := l.TextCode(TextLetter{Lang: "en", Code: code})
		if err == nil || code != "" && strings.Contains(err.Error(), code.Reveal()) {
			t.Errorf("got %q, %v, want an error without the code", text, err)
		}
	}
	if text, err := l.TextCode(TextLetter{Lang: "xx", Code: shortCode}); err != nil || !strings.Contains(text, "is your") {
		t.Errorf("an unknown language: got %q, %v, want English", text, err)
	}
}
