package page

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"sparekey"
	"sparekey/internal/lang"
)

// newPages makes the pages of a made-up site.
func newPages(t testing.TB) (*Pages, *lang.Catalogue) {
	t.Helper()
	c, err := lang.Load()
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(Options{
		Catalogue: c, SiteName: "Lantern Market", Host: "lanternmarket.example",
		MailFrom: "hello@lanternmarket.example", PublicURL: "https://lanternmarket.example/",
		Zone: time.FixedZone("WEST", 3600), Demo: true, MailboxURL: "/mailbox",
		HelpURL: "/help", PrivacyURL: "/privacy",
	})
	if err != nil {
		t.Fatal(err)
	}
	return p, c
}

// draw draws a page and takes it apart.
func draw(t testing.TB, p *Pages, d Page) ([]byte, *html.Node) {
	t.Helper()
	body, err := p.Render(d)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return body, doc
}

// eachSample draws every page in every state and language.
func eachSample(t *testing.T, check func(t *testing.T, s Sample, body []byte, doc *html.Node)) {
	p, c := newPages(t)
	for _, l := range c.Langs() {
		for _, s := range Samples(c.Printer(l.Tag)) {
			t.Run(l.Tag+"/"+s.Name, func(t *testing.T) {
				body, doc := draw(t, p, s.Page)
				check(t, s, body, doc)
			})
		}
	}
}

// find returns the elements that match, in document order.
func find(n *html.Node, match func(*html.Node) bool) (found []*html.Node) {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && match(d) {
			found = append(found, d)
		}
	}
	return found
}

func named(tag string) func(*html.Node) bool {
	return func(n *html.Node) bool { return n.Data == tag }
}

// attr returns an attribute and whether it is there.
func attr(n *html.Node, key string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val, true
		}
	}
	return "", false
}

func value(n *html.Node, key string) string { v, _ := attr(n, key); return v }

// words returns the text of an element.
func words(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// Every page has one heading, and its title says it: an error first, the step
// and the site last.
func TestHeadingAndTitle(t *testing.T) {
	eachSample(t, func(t *testing.T, s Sample, _ []byte, doc *html.Node) {
		h1 := find(doc, named("h1"))
		if len(h1) != 1 {
			t.Fatalf("got %d h1, want 1", len(h1))
		}
		title := words(find(doc, named("title"))[0])
		if want := words(h1[0]); want == "" || !strings.Contains(title, want) {
			t.Errorf("got title %q, want it to hold the heading %q", title, want)
		}
		if want := " – Lantern Market"; !strings.HasSuffix(title, want) {
			t.Errorf("got title %q, want it to end in %q", title, want)
		}
		root := find(doc, named("html"))[0]
		if p := s.Page.base().Printer; value(root, "lang") != p.Lang() || value(root, "dir") != p.Dir() {
			t.Errorf("got lang %q dir %q, want %q %q", value(root, "lang"), value(root, "dir"), p.Lang(), p.Dir())
		}
	})
}

// No two pages have the same title, and a page that says what went wrong has
// another than one that does not.
func TestTitlesDiffer(t *testing.T) {
	p, c := newPages(t)
	for _, l := range c.Langs() {
		seen := map[string]string{}
		for _, s := range Samples(c.Printer(l.Tag)) {
			_, doc := draw(t, p, s.Page)
			title := words(find(doc, named("title"))[0])
			state := fmt.Sprintf("%s, failed %t", s.Page.file(), s.Page.base().Failed())
			if was, ok := seen[title]; ok && was != state {
				t.Errorf("%s: title %q is that of %s and of %s", l.Tag, title, was, state)
			}
			seen[title] = state
		}
	}
	d := &Code{Base: Base{Printer: c.Printer("en")}, Purpose: sparekey.Recover, Note: &Note{ID: "code.last", Field: "code"}}
	_, doc := draw(t, p, d)
	if got, want := words(find(doc, named("title"))[0]), "Error: Enter your code – step 2 of 3 – Lantern Market"; got != want {
		t.Errorf("got title %q, want %q", got, want)
	}
}

// Every field has a label, every id is there once, and what an attribute
// points to exists.
func TestLabelsAndIDs(t *testing.T) {
	eachSample(t, func(t *testing.T, _ Sample, _ []byte, doc *html.Node) {
		ids := map[string]bool{}
		for _, n := range find(doc, func(n *html.Node) bool { return value(n, "id") != "" }) {
			if ids[value(n, "id")] {
				t.Errorf("id %q is there twice", value(n, "id"))
			}
			ids[value(n, "id")] = true
		}
		for _, n := range find(doc, func(*html.Node) bool { return true }) {
			for _, key := range []string{"for", "form", "aria-describedby", "aria-labelledby", "aria-controls"} {
				for _, id := range strings.Fields(value(n, key)) {
					if !ids[id] {
						t.Errorf("<%s %s=%q> points to nothing", n.Data, key, id)
					}
				}
			}
		}
		labelled := map[string]bool{}
		for _, l := range find(doc, named("label")) {
			labelled[value(l, "for")] = true
		}
		for _, in := range find(doc, named("input")) {
			_, aria := attr(in, "aria-label")
			wrapped := in.Parent != nil && in.Parent.Data == "label"
			if value(in, "type") != "hidden" && !labelled[value(in, "id")] && !aria && !wrapped {
				t.Errorf("input %q has no label", value(in, "name"))
			}
		}
		for _, b := range find(doc, named("button")) {
			if words(b) == "" {
				t.Errorf("a button without words in form %q", value(b.Parent, "action"))
			}
		}
	})
}

// Every form posts, to a path of ours, with the key that makes its repeat
// harmless. Nothing a person typed about who they are stands in an address.
func TestForms(t *testing.T) {
	eachSample(t, func(t *testing.T, s Sample, _ []byte, doc *html.Node) {
		for _, f := range find(doc, named("form")) {
			if _, app := s.Page.(*App); app && value(f, "id") == "typed" { // its script's own: nothing is sent
				continue
			}
			if value(f, "method") != "post" {
				t.Errorf("form %q: got method %q, want post", value(f, "action"), value(f, "method"))
			}
			action := value(f, "action")
			if !strings.HasPrefix(action, "/") || strings.HasPrefix(action, "//") || strings.Contains(action, "?") {
				t.Errorf("form posts to %q, want a path here", action)
			}
			fields := map[string]string{}
			for _, in := range find(f, named("input")) {
				fields[value(in, "name")] = value(in, "value")
			}
			if fields["key"] != "5F2K7QH4M9" {
				t.Errorf("form %q: got key %q, want the page's", action, fields["key"])
			}
			if want := s.Page.base().ReturnTo; want != "" && fields["return_to"] != want {
				t.Errorf("form %q: got return_to %q, want %q", action, fields["return_to"], want)
			}
		}
		for _, a := range find(doc, named("a")) {
			href, err := url.QueryUnescape(value(a, "href"))
			if err != nil || href == "" || strings.Contains(href, "mara") {
				t.Errorf("link to %q (%v)", href, err)
			}
		}
	})
}

// A strict content policy has nothing to refuse: no inline script, handler or
// style attribute, no request to anyone else. Nothing is switched off, nothing
// jumps by itself.
func TestPolicy(t *testing.T) {
	eachSample(t, func(t *testing.T, s Sample, body []byte, doc *html.Node) {
		_, app := s.Page.(*App)
		for _, n := range find(doc, func(*html.Node) bool { return true }) {
			for _, a := range n.Attr {
				if a.Key == "style" || a.Key == "disabled" || a.Key == "http-equiv" || strings.HasPrefix(a.Key, "on") {
					t.Errorf("<%s> has %s=%q", n.Data, a.Key, a.Val)
				}
				if strings.Contains(a.Val, "//") && a.Val != "https://lanternmarket.example/" && a.Key != "data-origin" {
					t.Errorf("<%s %s=%q> leads elsewhere", n.Data, a.Key, a.Val)
				}
			}
			switch n.Data {
			case "script":
				if value(n, "src") == "" || n.FirstChild != nil || value(n, "nonce") == "" {
					t.Error("a script that is not a file of ours with a nonce")
				}
			case "style":
				if value(n, "nonce") == "" || strings.Contains(words(n), "url(") || strings.Contains(words(n), "@import") {
					t.Error("a style without a nonce, or that asks for more")
				}
			case "link":
				if href := value(n, "href"); !app || !strings.HasPrefix(href, "/app/") {
					t.Errorf("<link> to %q, want none but those of the app", href)
				}
			case "video": // of the camera; it has no source
				if !app || value(n, "src") != "" || n.FirstChild != nil {
					t.Error("<video> asks for more")
				}
			case "img", "iframe", "object", "embed", "audio":
				t.Errorf("<%s> asks for more", n.Data)
			}
		}
		if bytes.Contains(body, []byte("ZgotmplZ")) {
			t.Error("a value stands where the template engine refuses it")
		}
	})
}

// No page shows the name of a message instead of its words, or a place that
// was left empty.
func TestWords(t *testing.T) {
	raw := regexp.MustCompile(`\b(acc|browser|code|date|demo|dev|do|done|end|f|foot|g|in|lang|new|paused|prof|pw|rec|reg|skip|step|stop|time|title|ways)\.[a-z][a-z0-9.]*\b`)
	empty := regexp.MustCompile(`\*\*|\{\{|\]\(|<nil>|%!|0001|\b(Site|Host|Mail|Login|Masked|Browser|System|Count|Seconds|Clock|Zone)\b[^ /]`)
	eachSample(t, func(t *testing.T, _ Sample, _ []byte, doc *html.Node) {
		body := find(doc, named("body"))[0]
		text := strings.ReplaceAll(words(body), "lanternmarket.example", "")
		text = strings.ReplaceAll(text, "example.com", "")
		if got := raw.FindString(text); got != "" {
			t.Errorf("shows the message id %q", got)
		}
		if got := empty.FindString(text); got != "" {
			t.Errorf("shows %q: a value is missing", got)
		}
	})
}

// A page with its styles weighs at most 20,000 bytes, and 7,000 on the way; one
// inside My account half as much again; the script at most 6,144.
func TestWeight(t *testing.T) {
	eachSample(t, func(t *testing.T, s Sample, body []byte, _ *html.Node) {
		most, mostPacked := heaviest(s)
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := w.Write(body); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if len(body) > most || packed.Len() > mostPacked {
			t.Errorf("got %d bytes, %d packed, want at most %d and %d", len(body), packed.Len(), most, mostPacked)
		}
	})
	p, _ := newPages(t)
	for path, script := range p.Scripts() {
		if !regexp.MustCompile(`^/assets/[0-9a-f]{16}\.js$`).MatchString(path) {
			t.Errorf("script: got path %q, want its sum in the name", path)
		}
		most := map[string]int{p.scriptPath: 6 << 10, p.screenPath: 11 << 10, p.appPath: 14 << 10, p.scanner: 40 << 10}[path]
		if len(script) == 0 || len(script) > most {
			t.Errorf("script %s: got %d bytes, want 1 to %d", path, len(script), most)
		}
	}
}

// heaviest is how many bytes a page may have, and how many on the way.
func heaviest(s Sample) (bytes, packed int) {
	if _, app := s.Page.(*App); app { // all of its views
		return 27_000, 9_000
	}
	if s.Page.base().SignedInAs != "" {
		return 30_000, 10_500
	}
	return 20_000, 7_000
}

// One thing has the focus: what went wrong, or the only field of a page, and
// never a field of the sign-in form.
func TestFocus(t *testing.T) {
	eachSample(t, func(t *testing.T, s Sample, _ []byte, doc *html.Node) {
		focus := find(doc, func(n *html.Node) bool { _, ok := attr(n, "autofocus"); return ok })
		if len(focus) > 1 {
			t.Fatalf("%d elements want the focus", len(focus))
		}
		id := ""
		if len(focus) == 1 {
			id = value(focus[0], "id")
		}
		if s.Page.base().Failed() && id != "note" {
			t.Errorf("after an error the focus is on %q, want the note", id)
		}
		if _, ok := s.Page.(*SignIn); ok && id != "" && id != "note" {
			t.Errorf("sign-in: the focus is on %q", id)
		}
	})
}

// A64, A39: whatever stands in a field, an address or a browser's name stays
// text on every page that shows it.
func TestA64EchoStaysText(t *testing.T) {
	payloads := []string{
		`"><script>alert(1)</script>`, `'><img src=x onerror=alert(1)>`, `<svg/onload=alert(1)>`,
		`</title><script>alert(1)</script>`, `</style><script>alert(1)</script>`, `javascript:alert(1)`,
		`" autofocus onfocus=alert(1) x="`, `{{.Nonce}}`, `**x** [y](again)`, "\u202e<b>x</b>", "&lt;script&gt;", "a\x00<i>b",
	}
	p, c := newPages(t)
	for _, l := range c.Langs() {
		for _, d := range echoes(c.Printer(l.Tag)) {
			_, clean := draw(t, p, d("plain"))
			want := shape(clean)
			for _, bad := range payloads {
				_, doc := draw(t, p, d(bad))
				if got := shape(doc); got != want {
					t.Errorf("%s %s: %q changed the page:\n got %s\nwant %s", l.Tag, d("").file(), bad, got, want)
				}
				for _, n := range find(doc, func(n *html.Node) bool { return n.Data == "a" || n.Data == "form" }) {
					if v := value(n, "href") + value(n, "action"); strings.HasPrefix(strings.TrimSpace(v), "javascript") {
						t.Errorf("%s: leads to %q", d("").file(), v)
					}
				}
			}
		}
	}
}

// echoes are pages with one text of a stranger's everywhere it can stand.
func echoes(p *lang.Printer) []func(string) Page {
	b := func(s string) Base {
		return Base{Printer: p, Nonce: "n", Key: s, Now: sampleNow(), Self: "/" + s, SignedInAs: s, ReturnTo: "/" + s}
	}
	now := sampleNow()
	return []func(string) Page{
		func(s string) Page { return &SignIn{Base: b(s), Login: s + "x", Failures: 1} },
		func(s string) Page { return &SignIn{Base: b(s), Login: s + "x", Failures: 3} },
		func(s string) Page {
			return &Register{Base: b(s), Login: s, Note: &Note{ID: "reg.mail", Field: "login"}}
		},
		func(s string) Page { return &Recover{Base: b(s), Login: s} },
		func(s string) Page {
			return &Code{Base: b(s), Flow: s, Challenge: s, Purpose: sparekey.Recover, Typed: s, TypedKind: "email", Code: s, NextAt: now, Ways: true}
		},
		func(s string) Page {
			return &Code{Base: b(s), Purpose: sparekey.Register, Typed: s, NextAt: now.Add(time.Minute)}
		},
		func(s string) Page { return &Ways{Base: b(s), Flow: s, Rows: []WayRow{{sparekey.ByMail, s, s}}} },
		func(s string) Page {
			return &NewPassword{Base: b(s), Flow: s, Purpose: sparekey.Recover, Username: s, Same: true}
		},
		func(s string) Page { return &Done{Base: b(s), Flow: s, Login: s + "x", Purpose: sparekey.Recover} },
		func(s string) Page {
			return &Ended{Base: b(s), Kind: "used", Flow: s + "x", Login: s + "x", Purpose: sparekey.Recover}
		},
		func(s string) Page { return &Stop{Base: b(s), State: "ask", Masked: s, Browser: s + "x", At: now} },
		func(s string) Page {
			return &Overview{Base: b(s), Name: s + "x", Email: s + "x", Login: s + "x", LastSignIn: now, LastBrowser: s + "x", LastAddress: s + "x"}
		},
		func(s string) Page { return &Password{Base: b(s), Email: s + "x"} },
		func(s string) Page {
			return &Devices{Base: b(s), Rows: []DeviceRow{{ID: s, Browser: s + "x", Address: s + "x", Last: now}}}
		},
		func(s string) Page { return &Language{Base: b(s), To: s} },
		func(s string) Page { return &Problem{Base: b(s), ID: "g.oops", Number: s + "x", Again: "/" + s} },
	}
}

// shape is a page's elements and the names of their attributes: what a stray
// text must not change.
func shape(doc *html.Node) string {
	var b strings.Builder
	for _, n := range find(doc, func(*html.Node) bool { return true }) {
		keys := make([]string, 0, len(n.Attr))
		for _, a := range n.Attr {
			keys = append(keys, a.Key)
		}
		slices.Sort(keys)
		fmt.Fprintf(&b, "<%s %s>", n.Data, strings.Join(keys, " "))
	}
	return b.String()
}

// BenchmarkRender tells what one page costs.
func BenchmarkRender(b *testing.B) {
	p, c := newPages(b)
	for b.Loop() {
		d := &Code{
			Base: Base{Printer: c.Printer("en"), Now: sampleNow()}, Purpose: sparekey.Recover,
			Typed: sampleMail, TypedKind: "email", NextAt: sampleNow().Add(time.Minute), Ways: true,
		}
		body, err := p.Render(d)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Discard.Write(body); err != nil {
			b.Fatal(err)
		}
	}
}
