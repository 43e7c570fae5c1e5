package outbox

import (
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"sparekey/internal/lang"
	"sparekey/internal/secret"
)

var update = flag.Bool("update", false, "write the golden mails of testdata anew")

const (
	letterURL    = "https://id.lanternmarket.example"
	letterStop   = letterURL + "/stop/q7FxN2b0V5kWcY8LrT3mHs9ZpAeJdGuK1oXiQvB6wRE"
	letterOpen   = letterURL + "/open/q7FxN2b0V5kWcY8LrT3mHs9ZpA~5~3~1.k1.eJdGuK1oXiQvB6wRE"
	letterSecure = letterURL + "/secure/7RE2~m1.k7f2a9.Ln5rT3mHs9ZpAeJdGuK1oX"
	shortCode    = secret.Text("41830275")
	longCode     = secret.Text("41830275961840377265")
)

func newLetters(t testing.TB) *Letters {
	t.Helper()
	c, err := lang.Load()
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewLetters(LettersOptions{
		Catalogue: c, SiteName: "Lantern Market", PublicURL: letterURL, Zone: time.FixedZone("WEST", 3600),
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// asked is a request as most people make it.
func asked() Facts {
	return Facts{At: time.Date(2026, 5, 3, 13, 31, 0, 0, time.UTC), Address: "203.0.113.7", Browser: "Firefox on Windows"}
}

// from is the nth of several events, from an address of the sixth version.
func from(n int) Facts {
	f := asked()
	f.At = f.At.Add(time.Duration(n) * 7 * time.Minute)
	f.Address, f.Browser = fmt.Sprintf("2001:db8:77:9a00::%x", n+1), "Safari on iPhone"
	return f
}

// samples writes every letter in one language, by name.
func samples(t testing.TB, tag string) map[string]Mail {
	t.Helper()
	l := newLetters(t)
	letter := func(purpose string, code secret.Text) Letter {
		return Letter{
			Lang: tag, To: "mara@example.com", Name: "Mara", Purpose: purpose, Code: code,
			StopURL: letterStop, Facts: asked(),
		}
	}
	last := func(l Letter) Letter {
		l.OpenURL, l.OpenUntil = letterOpen, asked().At.Add(38*time.Minute)
		return l
	}
	notice := func(facts ...Facts) Notice {
		return Notice{
			Lang: tag, To: "mara@example.com", Name: "Mara", Facts: facts, SecureURL: letterSecure,
			Erased: asked().At.Add(14 * 24 * time.Hour),
		}
	}
	about := func(ways ...string) Notice {
		n := notice(asked())
		n.About, n.Alone = ways, asked().At.Add(7*24*time.Hour)
		return n
	}
	added := func(l Letter) Letter {
		l.New = true
		return l
	}
	once, thrice, signIn, signIns, bare := notice(asked()), notice(asked(), from(1), from(2)),
		notice(asked()), notice(asked(), from(1)), notice(Facts{At: asked().At})
	once.How, once.SignedOut = []string{"mail"}, 3
	thrice.How, thrice.SignedOut = []string{"mail", "totp", "mail", "saved", "who-knows"}, 1
	signIn.How, signIns.How = []string{"password", "app"}, []string{"password"}
	bare.Name = ""
	paused := once
	paused.SecureURL = ""
	happened := func(key string, n Notice) func() (Mail, error) {
		return func() (Mail, error) { return l.Happened(key, n) }
	}
	all := map[string]Mail{}
	for name, write := range map[string]func() (Mail, error){
		"recover":       func() (Mail, error) { return l.Code(letter("recover", shortCode)) },
		"recover-long":  func() (Mail, error) { return l.Code(letter("recover", longCode)) },
		"change":        func() (Mail, error) { return l.Code(letter("change-password", shortCode)) },
		"register":      func() (Mail, error) { return l.Code(letter("register", shortCode)) },
		"you-login":     func() (Mail, error) { return l.Code(letter("choose-login", shortCode)) },
		"you-ways":      func() (Mail, error) { return l.Code(letter("add-way", shortCode)) },
		"test":          func() (Mail, error) { return l.Code(letter("rehearse", shortCode)) },
		"second":        func() (Mail, error) { return l.Code(letter("sign-in", shortCode)) },
		"confirm":       func() (Mail, error) { return l.Code(added(letter("add-identifier", shortCode))) },
		"added":         happened("mail.added", about("totp ")),
		"added-phone":   happened("mail.added", about("text +351 ••• ••• 204")),
		"added-more":    happened("mail.added", about("mail m•••@example.org", "saved ", "saved ")),
		"dropped":       happened("mail.dropped", about("totp ")),
		"kept":          happened("mail.kept", about("saved ")),
		"two-on":        func() (Mail, error) { return l.TwoProofs(once, true) },
		"two-off":       func() (Mail, error) { return l.TwoProofs(once, false) },
		"saved":         happened("mail.saved", once),
		"half":          happened("mail.half", once),
		"drop-second":   happened("mail.second.drop", once),
		"you-data":      func() (Mail, error) { return l.Code(letter("export-data", shortCode)) },
		"you-delete":    func() (Mail, error) { return l.Code(letter("delete-account", shortCode)) },
		"login":         happened("mail.login", thrice),
		"leave":         happened("mail.leave", once),
		"stay":          happened("mail.stay", once),
		"out":           happened("mail.out", once),
		"paused":        happened("mail.paused", paused),
		"unpaused":      happened("mail.unpaused", paused),
		"recover-last":  func() (Mail, error) { return l.Code(last(letter("recover", longCode))) },
		"exists":        func() (Mail, error) { return l.Exists(letter("register", "")) },
		"exists-last":   func() (Mail, error) { return l.Exists(last(letter("register", ""))) },
		"asked":         func() (Mail, error) { return l.Recover(Letter{Lang: tag, To: "mara@example.com"}) },
		"changed":       func() (Mail, error) { return l.PasswordChanged(once) },
		"changed-again": func() (Mail, error) { return l.PasswordChanged(thrice) },
		"new":           func() (Mail, error) { return l.NewSignIn(signIn) },
		"new-again":     func() (Mail, error) { return l.NewSignIn(signIns) },
		"new-bare":      func() (Mail, error) { return l.NewSignIn(bare) },
	} {
		mail, err := write()
		if err != nil {
			t.Fatalf("%s %s: %v", tag, name, err)
		}
		all[name] = mail
	}
	return all
}

// tags lists the languages there are letters in.
func tags(t testing.TB) []string {
	t.Helper()
	var all []string
	for _, l := range newLetters(t).catalogue.Langs() {
		all = append(all, l.Tag)
	}
	return all
}

// each runs a test for every letter in every language.
func each(t *testing.T, test func(t *testing.T, name string, m Mail)) {
	for _, tag := range tags(t) {
		for name, m := range samples(t, tag) {
			t.Run(name+"."+tag, func(t *testing.T) { test(t, name, m) })
		}
	}
}

// The mails are those of testdata, letter by letter: who changes a word sees it
// in every mail it stands in.
func TestLettersAreAsWritten(t *testing.T) {
	each(t, func(t *testing.T, name string, m Mail) {
		for part, got := range map[string]string{
			".txt": "To: " + m.To + "\nSubject: " + m.Subject + "\n\n" + m.Text, ".html": m.HTML,
		} {
			file := filepath.Join("testdata", name+"."+m.Lang+part)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				continue
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s: got\n%s\nwant\n%s\n(go test -run AsWritten -update writes them anew)", file, got, want)
			}
		}
	})
}

// sight is what a reader of the HTML finds.
type sight struct {
	words []string // the runs of text that are seen, in their order
	pre   string   // the preview line
	links []string
}

// look reads a mail's HTML. It fails the test for whatever would fetch
// something, run something or take something in.
func look(t *testing.T, m Mail) sight {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(m.HTML))
	if err != nil {
		t.Fatal(err)
	}
	var s sight
	for n := range doc.Descendants() {
		if n.Type == html.TextNode && strings.TrimSpace(n.Data) != "" {
			switch parent := n.Parent; {
			case parent.Data == "style" && strings.Contains(n.Data, "url("), strings.Contains(n.Data, "@import"):
				t.Errorf("the style fetches something: %s", n.Data)
			case parent.Data == "style", parent.Data == "title":
			case parent.Data == "div":
				s.pre = strings.TrimSpace(n.Data)
			default:
				s.words = append(s.words, strings.TrimSpace(n.Data))
			}
		}
		if n.Type != html.ElementNode {
			continue
		}
		if strings.Contains(" img picture svg script iframe object embed link form input button video audio base ", " "+n.Data+" ") {
			t.Errorf("got a <%s>, want words only", n.Data)
		}
		for _, a := range n.Attr {
			switch {
			case n.Data == "a" && a.Key == "href":
				s.links = append(s.links, a.Val)
			case a.Key == "src" || a.Key == "background" || a.Key == "srcset" || a.Key == "href" || strings.HasPrefix(a.Key, "on"),
				strings.Contains(a.Val, "url("), strings.Contains(a.Val, "http-equiv"):
				t.Errorf("<%s %s=%q> fetches or runs something", n.Data, a.Key, a.Val)
			}
		}
	}
	return s
}

// A mail's HTML is small and complete in itself: nothing in it is fetched, its
// language and direction are said, and a key of the catalogue never shows.
func TestLettersFetchNothing(t *testing.T) {
	each(t, func(t *testing.T, name string, m Mail) {
		s := look(t, m)
		if n := len(m.HTML); n >= 8<<10 {
			t.Errorf("got %d bytes of HTML, want less than 8 KB", n)
		}
		dir := "ltr"
		if m.Lang == "ar" {
			dir = "rtl"
		}
		if want := fmt.Sprintf(`<html lang="%s" dir="%s">`, m.Lang, dir); !strings.Contains(m.HTML, want) {
			t.Errorf("got no %s", want)
		}
		for what, text := range map[string]string{"html": m.HTML, "text": m.Text, "subject": m.Subject} {
			if bad := regexp.MustCompile(`mail\.[a-z]+\.|ZgotmplZ|\{\{|<no value>|\*\*`).FindString(text); bad != "" {
				t.Errorf("the %s says %q", what, bad)
			}
		}
		if s.pre == "" {
			t.Error("got no preview line")
		}
		if !strings.Contains(m.HTML, `<meta name="color-scheme" content="light dark">`) {
			t.Error("got no colours for the dark")
		}
	})
}

// Both parts say the same: every run of words of the HTML stands in the text.
func TestLettersSayTheSameTwice(t *testing.T) {
	marks := strings.NewReplacer(isolateLTR, "", isolateAuto, "", isolateEnd, "", "\n", " ")
	squeeze := func(s string) string { return strings.Join(strings.Fields(marks.Replace(s)), " ") }
	each(t, func(t *testing.T, name string, m Mail) {
		text := squeeze(m.Text)
		s := look(t, m)
		for _, words := range s.words[2:] { // the first two are the site and the heading
			if words == m.Code.Reveal() || strings.Contains(text, squeeze(words)) {
				continue
			}
			if !strings.Contains(m.HTML, ">"+words+"</a>") {
				t.Errorf("the text lacks %q:\n%s", words, m.Text)
			}
		}
		for _, link := range s.links {
			if !strings.Contains(text, link) {
				t.Errorf("the text lacks the link %s:\n%s", link, m.Text)
			}
		}
		for line := range strings.Lines(m.Text) {
			if n := len([]rune(strings.TrimSpace(line))); n > textWidth && strings.Contains(strings.TrimSpace(line), " ") {
				t.Errorf("got a line of %d characters, want at most %d: %s", n, textWidth, line)
			}
		}
	})
}

// The only links are the one that stops a request, the one that takes an
// account back and that of the recovery page: nothing in a mail signs in, and
// each opens a page with a button.
func TestLettersLinkOnlyToButtons(t *testing.T) {
	want := map[string]string{
		"asked": letterURL + "/recover", "recover-last": letterStop + " " + letterOpen, "exists-last": letterOpen,
	}
	for _, name := range []string{"recover", "recover-long", "change", "you-login", "you-ways", "you-data", "you-delete", "test", "second"} {
		want[name] = letterStop
	}
	for _, name := range []string{
		"changed", "changed-again", "new", "new-again", "new-bare", "login", "leave", "stay", "out", "added", "added-phone", "added-more",
		"dropped", "kept", "two-on", "two-off", "saved", "half", "drop-second",
	} {
		want[name] = letterSecure
	}
	each(t, func(t *testing.T, name string, m Mail) {
		if got := strings.Join(look(t, m).links, " "); got != want[name] {
			t.Errorf("the HTML: got links %q, want %q", got, want[name])
		}
		got := strings.Join(regexp.MustCompile(`https?://[^\s\x{2069}]+`).FindAllString(m.Text, -1), " ")
		if got != want[name] {
			t.Errorf("the text: got links %q, want %q", got, want[name])
		}
	})
}

// A40: a locked phone shows subject and preview line, so the code is in neither.
func TestA40CodeIsNotOnALockedPhone(t *testing.T) {
	for _, tag := range tags(t) {
		for _, code := range []secret.Text{shortCode, longCode} {
			for _, purpose := range []string{"recover", "change-password", "register"} {
				m, err := newLetters(t).Code(Letter{Lang: tag, To: "mara@example.com", Purpose: purpose, Code: code, Facts: asked()})
				if err != nil {
					t.Fatal(err)
				}
				s := look(t, m)
				head, _, _ := strings.Cut(m.HTML, "<main")
				if digits := code.Reveal(); strings.Contains(m.Subject+s.pre+head, digits[:4]) {
					t.Errorf("%s %s: the code is in the subject, the title or the preview line", tag, purpose)
				}
			}
		}
	}
}

// A code is one run of digits in the HTML, right after words that call it a
// code, and in the text a line of its own in groups of four.
func TestCodeIsEasyToTake(t *testing.T) {
	grouped := map[secret.Text]string{shortCode: "4183 0275", longCode: "4183 0275 9618 4037 7265"}
	word := map[string]string{"en": "code", "ar": "رمز", "es": "código", "ru": "код"}
	each(t, func(t *testing.T, name string, m Mail) {
		if m.Code == "" {
			if code := regexp.MustCompile(`\b[0-9]{4} ?[0-9]{4}\b`).FindString(m.Text + strings.Join(look(t, m).words, "\n")); code != "" {
				t.Errorf("got the code %s, want none", code)
			}
			return
		}
		var found bool
		words := look(t, m).words
		for i, run := range words {
			if run == m.Code.Reveal() {
				found = true
				if word[m.Lang] == "" || !strings.Contains(words[i-1], word[m.Lang]) {
					t.Errorf("before the code: got %q, want the word %q", words[i-1], word[m.Lang])
				}
			}
		}
		if !found {
			t.Errorf("got no run of words that is the code: %q", words)
		}
		line := "\n    " + grouped[m.Code] + "\n"
		if m.Lang == "ar" { // without the marks the groups would change places
			line = "\n    \u2066" + grouped[m.Code] + "\u2069\n"
		}
		if !strings.Contains(m.Text, line) {
			t.Errorf("the text: got no line %q:\n%s", line, m.Text)
		}
	})
}

// What is not known is not said: no empty line, no row without a value, no
// mention of a link that is not there.
func TestUnknownIsLeftOut(t *testing.T) {
	l := newLetters(t)
	for _, x := range []struct {
		facts Facts
		want  []string
	}{
		{asked(), []string{"When:", "From:", "On:"}},
		{Facts{At: asked().At}, []string{"When:"}},
		{Facts{Address: "203.0.113.7"}, []string{"From:"}},
		{Facts{Browser: "Firefox on Windows"}, []string{"On:"}},
		{Facts{}, nil},
	} {
		m, err := l.Code(Letter{Lang: "en", To: "mara@example.com", Purpose: "recover", Code: shortCode, Facts: x.facts})
		if err != nil {
			t.Fatal(err)
		}
		got := regexp.MustCompile(`(?m)^(When|From|On):`).FindAllString(m.Text, -1)
		if strings.Join(got, " ") != strings.Join(x.want, " ") {
			t.Errorf("%+v: got rows %q, want %q", x.facts, got, x.want)
		}
		if strings.Contains(m.Text, "\n\n\n") || strings.Contains(m.Text, "stop this request") || strings.Contains(m.HTML, "<table></table>") {
			t.Errorf("%+v: something empty is said:\n%s", x.facts, m.Text)
		}
		if n := strings.Count(m.HTML, `<td class="q"`); n != len(x.want) {
			t.Errorf("%+v: the HTML has %d rows, want %d", x.facts, n, len(x.want))
		}
	}
	for what, write := range map[string]func(Notice) (Mail, error){"changed": l.PasswordChanged, "new": l.NewSignIn} {
		if m, err := write(Notice{To: "mara@example.com"}); err != nil || strings.Contains(m.Subject+m.Text, "0") {
			t.Errorf("%s without facts: got %v\n%s", what, err, m.Text)
		}
	}
}

// A notice that was merged says how often it happened and lists each time; of
// very many it lists the first and counts the rest, and stays small.
func TestMergedNoticesListEachTime(t *testing.T) {
	l := newLetters(t)
	for _, n := range []int{1, 2, 3, 10, 11, 12, 14, 21, 25, 120} {
		for _, tag := range tags(t) {
			notice := Notice{Lang: tag, To: "mara@example.com", How: []string{"password"}, SignedOut: n}
			for i := range n {
				notice.Facts = append(notice.Facts, from(i))
			}
			for what, write := range map[string]func(Notice) (Mail, error){"changed": l.PasswordChanged, "new": l.NewSignIn} {
				m, err := write(notice)
				if err != nil {
					t.Fatal(err)
				}
				listed := strings.Count(m.Text, "2001:db8:77:9a00::")
				if want := min(n, maxListed); listed != want {
					t.Errorf("%s %s of %d: got %d listed, want %d", tag, what, n, listed, want)
				}
				if n > 3 && !strings.Contains(m.Text, fmt.Sprint(n)) {
					t.Errorf("%s %s of %d: the number is not said:\n%s", tag, what, n, m.Text)
				}
				if more := n - maxListed; more > 2 && !strings.Contains(m.Text, fmt.Sprint(more)) {
					t.Errorf("%s %s of %d: the %d left out are not counted:\n%s", tag, what, n, more, m.Text)
				}
				if size := len(m.HTML); size >= 8<<10 {
					t.Errorf("%s %s of %d: got %d bytes of HTML, want less than 8 KB", tag, what, n, size)
				}
			}
		}
	}
}

// The guard line names the host where codes are typed, and nobody else's.
func TestGuardNamesOurHost(t *testing.T) {
	u, err := url.Parse(letterURL)
	if err != nil {
		t.Fatal(err)
	}
	each(t, func(t *testing.T, name string, m Mail) {
		if m.Code == "" {
			return
		}
		if want := "<b><bdi dir=\"ltr\">" + u.Host + "</bdi></b>"; !strings.Contains(m.HTML, want) {
			t.Errorf("got no %s", want)
		}
	})
}

// Links have the accent of the installation, on white and on dark ground; what
// is no colour stays out of the styles.
func TestLinksHaveTheAccent(t *testing.T) {
	c, err := lang.Load()
	if err != nil {
		t.Fatal(err)
	}
	for accent, want := range map[string]string{
		"#7A1F3D": "a{color:#7A1F3D;display:inline-block", "red}body{": "a{color:ZgotmplZ;display:inline-block",
	} {
		l, err := NewLetters(LettersOptions{
			Catalogue: c, SiteName: "Lantern Market", PublicURL: letterURL, Accent: accent, DarkAccent: "#FFABBD",
		})
		if err != nil {
			t.Fatal(err)
		}
		m, err := l.Recover(Letter{Lang: "en", To: "mara@example.com"})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{want, "a{color:#FFABBD}}</style>"} {
			if strings.Count(m.HTML, want) != 1 {
				t.Errorf("accent %q: got no %s in %s", accent, want, m.HTML)
			}
		}
	}
}
