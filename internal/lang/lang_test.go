package lang

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

func mustLoad(t testing.TB) *Catalogue {
	t.Helper()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// entries reads a language's messages as they are written: id, form, text. A
// message without forms has the one form "".
func entries(t *testing.T, tag string) map[string]map[string]string {
	t.Helper()
	names, err := fs.Glob(files, "*"+tag+".json")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]string{}
	for _, name := range names {
		body, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var raw map[string]any
		if err := json.Unmarshal(body, &raw); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for id, v := range raw {
			forms := map[string]string{}
			switch v := v.(type) {
			case string:
				forms[""] = v
			case map[string]any:
				for form, text := range v {
					forms[form] = fmt.Sprint(text)
				}
			}
			all[id] = forms
		}
	}
	return all
}

// needs returns the plural forms that numbers ask for in a language, and by how
// many of the numbers up to 200 and a million each is asked for. "other" is
// there always: it is the form of fractions, and of what has no form.
func needs(t *testing.T, tag string) map[string]int {
	t.Helper()
	b := i18n.NewBundle(language.English)
	err := b.AddMessages(language.Make(tag), &i18n.Message{
		ID: "form", Zero: "zero", One: "one", Two: "two", Few: "few", Many: "many", Other: "other",
	})
	if err != nil {
		t.Fatal(err)
	}
	need := map[string]int{"other": 0}
	for n := range 202 {
		if n == 201 {
			n = 1_000_000 // a form of its own in Spanish
		}
		form, err := i18n.NewLocalizer(b, tag).Localize(&i18n.LocalizeConfig{MessageID: "form", PluralCount: n})
		if err != nil {
			t.Fatal(err)
		}
		need[form]++
	}
	return need
}

// Every language says everything: the same messages, each with all the plural
// forms of its language and no others, none of them empty.
func TestCataloguesAreComplete(t *testing.T) {
	c := mustLoad(t)
	if got := len(c.Langs()); got < 2 {
		t.Fatalf("got %d languages, want 2 or more", got)
	}
	english := entries(t, Fallback)
	for _, l := range c.Langs() {
		own := entries(t, l.Tag)
		for id := range english {
			if own[id] == nil {
				t.Errorf("%s: %q is missing", l.Tag, id)
			}
		}
		need := needs(t, l.Tag)
		for id, forms := range own {
			if of, ok := strings.CutSuffix(id, ".once"); ok && need["one"] > 1 && own[of] != nil && own[of][""] == "" {
				if forms[""] == "" {
					t.Errorf("%s: %q has plural forms, but is for one number", l.Tag, id)
				}
				continue
			}
			if english[id] == nil {
				t.Errorf("%s: %q is in no other language", l.Tag, id)
			}
			if (forms[""] == "") == (english[id][""] == "") == false {
				t.Errorf("%s: %q has plural forms in one language and not in another", l.Tag, id)
			}
			for form, text := range forms {
				if strings.TrimSpace(text) == "" {
					t.Errorf("%s: %q %s is empty", l.Tag, id, form)
				}
				if _, ok := need[form]; form != "" && !ok {
					t.Errorf("%s: %q has the form %q, which no number asks for", l.Tag, id, form)
				}
			}
			for form := range need {
				if forms[""] == "" && forms[form] == "" {
					t.Errorf("%s: %q lacks the form %q", l.Tag, id, form)
				}
			}
		}
	}
}

// Every language names the same values and has the same markup. Only a form
// that stands for a single number may say that number in words.
func TestCataloguesAgree(t *testing.T) {
	places := regexp.MustCompile(`\{\{\.([A-Za-z]+)\}\}`)
	links := regexp.MustCompile(`\]\(([a-z]+)\)`)
	set := func(find *regexp.Regexp, s string) map[string]bool {
		got := map[string]bool{}
		for _, m := range find.FindAllStringSubmatch(s, -1) {
			got[m[1]] = true
		}
		return got
	}
	english := entries(t, Fallback)
	for _, l := range mustLoad(t).Langs() {
		asked := needs(t, l.Tag)
		for id, forms := range entries(t, l.Tag) {
			of, once := strings.CutSuffix(id, ".once")
			want := english[of]["other"] + english[of][""]
			for form, text := range forms {
				got, need := set(places, text), set(places, want)
				if once || asked[form] == 1 && form != "many" {
					delete(got, "Count")
					delete(need, "Count")
				}
				if !maps.Equal(got, need) {
					t.Errorf("%s: %q %s: got values %v, want %v", l.Tag, id, form, got, need)
				}
				if got, want := set(links, text), set(links, want); !maps.Equal(got, want) {
					t.Errorf("%s: %q %s: got links %v, want %v", l.Tag, id, form, got, want)
				}
				if got, want := strings.Count(text, "**"), strings.Count(want, "**"); got != want {
					t.Errorf("%s: %q %s: got %d bold marks, want %d", l.Tag, id, form, got, want)
				}
			}
		}
	}
}

// The words are plain and kind: short sentences, no blame, no jargon, no
// shouting.
func TestWordsAreKind(t *testing.T) {
	hard := regexp.MustCompile(`(?i)\b(invalid|illegal|token|credential|oops|flow|error occurred)\b|[!¡]|` +
		`inv[áa]lid|ilegal|credencial|flujo|недопустим|недействит|неверн|токен|уч[её]тные данные`)
	ends := regexp.MustCompile(`[.?؟:](\*\*)?\s|\n`)
	for _, l := range mustLoad(t).Langs() {
		for id, forms := range entries(t, l.Tag) {
			for _, text := range forms {
				if got := hard.FindString(text); got != "" {
					t.Errorf("%s: %q says %q", l.Tag, id, got)
				}
				for _, sentence := range ends.Split(text, -1) {
					if n := len(strings.Fields(sentence)); n > 20 {
						t.Errorf("%s: %q has a sentence of %d words: %s", l.Tag, id, n, sentence)
					}
				}
			}
		}
	}
}

// Arabic counts in six ways, Russian in three, Spanish in two below a million,
// English in two. Where "one" is also the form of 21, a single time can be said
// in other words.
func TestPlurals(t *testing.T) {
	c := mustLoad(t)
	for _, x := range []struct {
		tag, id string
		n       int
		want    string
	}{
		{"en", "time.minutes", 1, "in 1 minute"},
		{"en", "time.minutes", 0, "in 0 minutes"},
		{"en", "time.minutes", 5, "in 5 minutes"},
		{"ar", "time.minutes", 0, "بعد 0 دقيقة"},
		{"ar", "time.minutes", 1, "بعد دقيقة واحدة"},
		{"ar", "time.minutes", 2, "بعد دقيقتين"},
		{"ar", "time.minutes", 3, "بعد 3 دقائق"},
		{"ar", "time.minutes", 10, "بعد 10 دقائق"},
		{"ar", "time.minutes", 11, "بعد 11 دقيقة"},
		{"ar", "time.minutes", 100, "بعد 100 دقيقة"},
		{"ar", "time.minutes", 103, "بعد 103 دقائق"},
		{"es", "time.minutes", 1, "dentro de 1 minuto"},
		{"es", "time.minutes", 5, "dentro de 5 minutos"},
		{"es", "time.minutes", 1_000_000, "dentro de 1000000 de minutos"},
		{"ru", "time.minutes", 0, "через 0 минут"},
		{"ru", "time.minutes", 1, "через 1 минуту"},
		{"ru", "time.minutes", 2, "через 2 минуты"},
		{"ru", "time.minutes", 5, "через 5 минут"},
		{"ru", "time.minutes", 11, "через 11 минут"},
		{"ru", "time.minutes", 14, "через 14 минут"},
		{"ru", "time.minutes", 21, "через 21 минуту"},
		{"ru", "time.minutes", 23, "через 23 минуты"},
		{"ru", "time.minutes", 111, "через 111 минут"},
		{"ru", "mail.new.h1", 1, "Новый вход"},
		{"ru", "mail.new.h1", 21, "21 новый вход"},
		{"ru", "mail.new.h1", 22, "22 новых входа"},
	} {
		got := strings.ReplaceAll(c.Printer(x.tag).T(x.id, "Count", x.n), "\u00a0", " ")
		if got != x.want {
			t.Errorf("%s %s %d: got %q, want %q", x.tag, x.id, x.n, got, x.want)
		}
	}
}

// The language is the first we have among those wanted, from a cookie or from
// the browser's own list; what makes no sense is passed over.
func TestChoose(t *testing.T) {
	c := mustLoad(t)
	for _, x := range []struct {
		wanted []string
		want   string
	}{
		{nil, "en"},
		{[]string{""}, "en"},
		{[]string{"ar"}, "ar"},
		{[]string{"", "ar-EG,ar;q=0.9,en;q=0.8"}, "ar"},
		{[]string{"de-DE,de;q=0.9"}, "en"},
		{[]string{"de, ar;q=0.5, en;q=0.1"}, "ar"},
		{[]string{"en-GB", "ar"}, "en"},
		{[]string{"xx", "ar"}, "ar"},
		{[]string{"\x00;;;q=z", "ar"}, "ar"},
		{[]string{strings.Repeat("a-", 5000), "ar"}, "ar"},
		{[]string{"*"}, "en"},
		{[]string{"es-419,es;q=0.9"}, "es"},
		{[]string{"uk, ru;q=0.8, en;q=0.5"}, "ru"},
	} {
		if got := c.Choose(x.wanted...); got != x.want {
			t.Errorf("%.40q: got %q, want %q", x.wanted, got, x.want)
		}
	}
	if got := c.Printer("xx").Lang(); got != Fallback {
		t.Errorf("unknown tag: got %q, want %q", got, Fallback)
	}
}

// A language says what it is called and which way it runs; English is first.
func TestLangs(t *testing.T) {
	want := []Language{
		{"en", "English", "ltr"}, {"ar", "العربية", "rtl"}, {"es", "Español", "ltr"}, {"ru", "Русский", "ltr"},
	}
	if got := mustLoad(t).Langs(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// small is a little catalogue for the rules of markup.
func small(t *testing.T) *Printer {
	t.Helper()
	c, err := load(fstest.MapFS{"en.json": {Data: []byte(`{
		"lang.name": "English", "lang.dir": "ltr",
		"plain": "1 < 2 & 3",
		"bold": "**Hello {{.Name}}.** Go [on & on](on).",
		"mixed": {"one": "**{{.Count}} try** left", "other": "**{{.Count}} tries** left"}
	}`)}})
	if err != nil {
		t.Fatal(err)
	}
	return c.Printer("en")
}

// A message is text as text, and markup as HTML; its head and the rest can be
// said apart.
func TestMarkup(t *testing.T) {
	p := small(t)
	on := Link{Href: "/a?b=1&c=2", NewTab: true}
	at := Time{Text: "14:31", At: "2026-05-03T13:31:00Z"}
	for _, x := range []struct{ what, got, want string }{
		{"text", p.T("plain"), "1 < 2 & 3"},
		{"html", string(p.HTML("plain")), "1 &lt; 2 &amp; 3"},
		{"text", p.T("bold", "Name", "Mara", "on", on), "Hello Mara. Go on & on."},
		{
			"html", string(p.HTML("bold", "Name", "Mara", "on", on)),
			`<b>Hello Mara.</b> Go <a href="/a?b=1&amp;c=2" target="_blank" rel="noopener">on &amp; on</a>.`,
		},
		{"no link", string(p.HTML("bold", "Name", LTR("<m@x>"))), `<b>Hello <bdi dir="ltr">&lt;m@x&gt;</bdi>.</b> Go on &amp; on.`},
		{"time", string(p.HTML("bold", "Name", at)), `<b>Hello <time datetime="2026-05-03T13:31:00Z">14:31</time>.</b> Go on &amp; on.`},
		{"head", p.Head("bold", "Name", "Mara"), "Hello Mara."},
		{"rest", string(p.Rest("bold", "on", Link{Href: "/"})), `Go <a href="/">on &amp; on</a>.`},
		{"head of all", p.Head("plain"), "1 < 2 & 3"},
		{"rest of nothing", string(p.Rest("plain")), ""},
		{"one", string(p.HTML("mixed", "Count", 1)), "<b>1 try</b> left"},
		{"other", string(p.HTML("mixed", "Count", 3)), "<b>3 tries</b> left"},
		{"unknown", p.T("no.such"), "no.such"},
		{"unknown html", string(p.HTML("no<such")), "no&lt;such"},
		{"empty place", p.T("bold"), "Hello Name. Go on & on."},
		{"odd arguments", p.T("bold", 7, "x", "Name"), "Hello Name. Go on & on."},
	} {
		if x.got != x.want {
			t.Errorf("%s: got %q, want %q", x.what, x.got, x.want)
		}
	}
}

// A64: a value is never markup, whatever its type, and a link never leads to
// where a script would run.
func TestA64ValuesStayText(t *testing.T) {
	p := small(t)
	bad := `"><script>alert(1)</script>**x** [y](on) {{.Name}}`
	for _, v := range []any{bad, LTR(bad), Time{Text: bad, At: bad}, fmt.Errorf("%s", bad), []string{bad}} {
		got := string(p.HTML("bold", "Name", v))
		if strings.Contains(got, "<script") || strings.Contains(got, "<b>x</b>") || strings.Contains(got, "<a ") {
			t.Errorf("%T became markup: %s", v, got)
		}
	}
	for _, href := range []string{"javascript:alert(1)", " javascript:alert(1)", "data:text/html,x", "", "vbscript:x", bad} {
		got := string(p.HTML("bold", "on", Link{Href: href}))
		if !strings.Contains(got, `<a href="/">`) {
			t.Errorf("%q: got %s, want a link to /", href, got)
		}
	}
}

// Times are said in the zone and the language, the digits always Western.
func TestTimes(t *testing.T) {
	c := mustLoad(t)
	at := time.Date(2026, time.May, 3, 13, 31, 9, 0, time.UTC)
	west, bare := time.FixedZone("WEST", 3600), time.FixedZone("+03", 3*3600)
	en, ar, es, ru := c.Printer("en"), c.Printer("ar"), c.Printer("es"), c.Printer("ru")
	for _, x := range []struct{ got, want string }{
		{en.Clock(at, west), "14:31"},
		{en.ClockSeconds(at, west), "14:31:09"},
		{en.Date(at, west), "3 May 2026"},
		{en.DayMonth(at, west), "3 May"},
		{en.DateTime(at, west), "3 May 2026, 14:31 (WEST)"},
		{en.DateTime(at, bare), "3 May 2026, 16:31 (UTC+03)"},
		{en.DateTime(at, time.UTC), "3 May 2026, 13:31 (UTC)"},
		{ar.DateTime(at, west), "3 مايو 2026، 14:31 (WEST)"},
		{ar.DayMonth(at, west), "3 مايو"},
		{en.In(23 * time.Second), "in 23 seconds"},
		{en.In(500 * time.Millisecond), "in 1 second"},
		{en.In(-time.Hour), "in 1 second"},
		{en.In(3*time.Minute + time.Second), "in 4 minutes"},
		{en.In(2 * time.Hour), "in 2 hours"},
		{ar.In(23 * time.Second), "بعد 23 ثانية"},
		{es.DateTime(at, west), "3\u00a0de mayo de 2026, 14:31 (WEST)"},
		{es.DayMonth(at, west), "3\u00a0de mayo"},
		{es.In(23 * time.Second), "dentro de 23\u00a0segundos"},
		{ru.DateTime(at, west), "3\u00a0мая 2026, 14:31 (WEST)"},
		{ru.DayMonth(at, west), "3\u00a0мая"},
		{ru.In(23 * time.Second), "через 23\u00a0секунды"},
	} {
		if x.got != x.want {
			t.Errorf("got %q, want %q", x.got, x.want)
		}
	}
	for _, l := range c.Langs() {
		for m := time.January; m <= time.December; m++ {
			got := c.Printer(l.Tag).DayMonth(time.Date(2026, m, 1, 0, 0, 0, 0, time.UTC), time.UTC)
			if strings.Contains(got, "month.") {
				t.Errorf("%s, month %d: got %q", l.Tag, m, got)
			}
		}
	}
}

// A label of the database is said in the language, the names in it as they
// are; what is not of two names stays.
func TestBrowser(t *testing.T) {
	c := mustLoad(t)
	for _, x := range []struct{ tag, label, want string }{
		{"en", "Firefox on Windows", "Firefox on Windows"},
		{"ar", "Firefox on Windows", "Firefox على Windows"},
		{"es", "Samsung Internet on Android", "Samsung Internet en Android"},
		{"ru", "Safari on iOS", "Safari на iOS"},
		{"ru", "Windows", "Windows"},
		{"ru", "", ""},
	} {
		if got := c.Printer(x.tag).Browser(x.label); got != x.want {
			t.Errorf("%s %q: got %q, want %q", x.tag, x.label, got, x.want)
		}
	}
}

// A broken catalogue stops the program at its start, with the file's name.
func TestLoadNamesWhatIsBroken(t *testing.T) {
	for what, f := range map[string]fstest.MapFS{
		"not JSON":        {"en.json": {Data: []byte(`{`)}},
		"twice":           {"en.json": {Data: []byte(`{"a":"b"}`)}, "mail.en.json": {Data: []byte(`{"a":"c"}`)}},
		"bold, no end":    {"en.json": {Data: []byte(`{"a":"**b"}`)}},
		"a strange place": {"en.json": {Data: []byte(`{"a":"{{if .X}}"}`)}},
		"no English":      {"ar.json": {Data: []byte(`{"a":"b"}`)}},
	} {
		if _, err := load(f); err == nil {
			t.Errorf("%s: got no error", what)
		} else if !strings.Contains(err.Error(), "en") {
			t.Errorf("%s: got %q, want the file's name", what, err)
		}
	}
}

// FuzzParse: whatever stands in a message or a value, taking it apart ends,
// and no tag of a value's survives.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "**a**", "[a](b)", "{{.A}}", "**[a {{.B}}](c)**", "[[a](b)](c)", "{{", "**"} {
		f.Add(s, "<i>")
	}
	f.Fuzz(func(t *testing.T, source, name string) {
		m, err := newParser().parse(source)
		if err != nil {
			return
		}
		v := values([]any{"A", name, "b", Link{Href: name}})
		m.plain(v)
		rest := string(m.html(v))
		for _, ours := range []string{"<b>", "</b>", "</a>", "<a href="} {
			rest = strings.ReplaceAll(rest, ours, "")
		}
		if strings.Contains(rest, "<") {
			t.Errorf("%q with %q: %s", source, name, rest)
		}
	})
}

// Saying a fixed message costs nothing worth counting, one with a value little.
func BenchmarkT(b *testing.B) {
	p := mustLoad(b).Printer("en")
	b.Run("fixed", func(b *testing.B) {
		for b.Loop() {
			p.T("in.h1")
		}
	})
	b.Run("value", func(b *testing.B) {
		for b.Loop() {
			p.T("in.lead", "Site", "Lantern Market")
		}
	})
	b.Run("plural", func(b *testing.B) {
		for b.Loop() {
			p.HTML("code.wrong", "Count", 4)
		}
	})
}
