package page

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"sparekey"
)

// forms returns the forms of a page that post to a path.
func forms(doc *html.Node, action string) []*html.Node {
	return find(doc, func(n *html.Node) bool { return n.Data == "form" && value(n, "action") == action })
}

// field returns the value of a form's field, and whether it has one.
func field(f *html.Node, name string) (string, bool) {
	for _, in := range find(f, named("input")) {
		if value(in, "name") == name {
			return value(in, "value"), true
		}
	}
	return "", false
}

// After a failed sign-in one press leads to the code page, the login carried
// along; from the third failure on that is the main button (S3).
func TestSignInOffersTheCode(t *testing.T) {
	p, c := newPages(t)
	for failures, wantMain := range map[int]string{1: "Sign in", 2: "Sign in", 3: "Email me a code", 7: "Email me a code"} {
		d := &SignIn{Base: Base{Printer: c.Printer("en")}, Login: sampleMail, Failures: failures}
		_, doc := draw(t, p, d)
		var carried bool
		for _, f := range forms(doc, "/recover") {
			login, _ := field(f, "login")
			_, show := field(f, "show")
			carried = carried || login == sampleMail && !show
		}
		if !carried {
			t.Errorf("%d failures: no button leads to the code with the login", failures)
		}
		for _, b := range find(doc, named("button")) {
			class := " " + value(b, "class") + " "
			main := strings.Contains(class, " btn ") && !strings.Contains(class, " quiet ")
			if main && words(b) != wantMain {
				t.Errorf("%d failures: main button %q, want %q", failures, words(b), wantMain)
			}
		}
	}
	_, doc := draw(t, p, &SignIn{Base: Base{Printer: c.Printer("en")}})
	if n := len(forms(doc, "/recover")); n != 0 {
		t.Errorf("no failure: got %d forms to /recover, want 0", n)
	}
}

// "Forgot password?" keeps what was typed, but never in an address, and keeps
// where the person was going (S4).
func TestForgotKeepsTheLogin(t *testing.T) {
	p, c := newPages(t)
	d := &SignIn{Base: Base{Printer: c.Printer("en"), ReturnTo: "/shop?a=1&b=2"}, Login: sampleMail}
	_, doc := draw(t, p, d)
	f := forms(doc, "/recover")
	if len(f) != 1 {
		t.Fatalf("got %d forms to /recover, want 1", len(f))
	}
	for name, want := range map[string]string{"login": sampleMail, "show": "1", "return_to": "/shop?a=1&b=2"} {
		if got, _ := field(f[0], name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	d.Login = ""
	_, doc = draw(t, p, d)
	links := find(doc, func(n *html.Node) bool { return n.Data == "a" && words(n) == "Forgot password?" })
	if len(links) != 1 || value(links[0], "href") != "/recover?return_to=%2Fshop%3Fa%3D1%26b%3D2" {
		t.Errorf("got links %v, want one to /recover with return_to", links)
	}
}

// "Get code" counts down to the moment it works again, says the time of day to
// those who cannot see it count, and is gone when no more messages will leave.
func TestGetCode(t *testing.T) {
	p, c := newPages(t)
	now := sampleNow()
	code := func(next time.Time) (*html.Node, string) {
		d := &Code{Base: Base{Printer: c.Printer("en"), Now: now}, Flow: "F", Purpose: sparekey.Recover, NextAt: next, Ways: true}
		body, doc := draw(t, p, d)
		return doc, string(body)
	}
	doc, body := code(now.Add(46*time.Second + time.Millisecond))
	if !strings.Contains(body, ":root{--from:47s;--from-n:47}") || !strings.Contains(words(doc), "New code at 14:31:46") {
		t.Errorf("waiting: want 47 seconds and the time of day")
	}
	if n := len(forms(doc, "/flow/F/again")); n != 1 {
		t.Errorf("waiting: got %d buttons, want 1: it is never switched off", n)
	}
	doc, body = code(now)
	if strings.Contains(body, "--from:") && strings.Contains(body, ":root{--from") || len(forms(doc, "/flow/F/again")) != 1 {
		t.Errorf("ready: want the button and no countdown")
	}
	doc, _ = code(time.Time{})
	if len(forms(doc, "/flow/F/again")) != 0 || !strings.Contains(words(doc), "That’s all the messages for now.") {
		t.Errorf("no more: want the words and no button")
	}
}

// The field of the code takes what is pasted, and no page says how long a code
// is: the long one is asked for with the same words.
func TestCodeLengthIsNotTold(t *testing.T) {
	eachSample(t, func(t *testing.T, s Sample, _ []byte, doc *html.Node) {
		d, ok := s.Page.(*Code)
		if !ok {
			return
		}
		in := find(doc, func(n *html.Node) bool { return value(n, "id") == "code" })[0]
		for _, key := range []string{"maxlength", "minlength", "pattern", "size"} {
			if v, ok := attr(in, key); ok {
				t.Errorf("the field has %s=%q", key, v)
			}
		}
		for key, want := range map[string]string{"autocomplete": "one-time-code", "inputmode": "numeric", "dir": "ltr", "value": d.Code} {
			if got := value(in, key); got != want {
				t.Errorf("%s: got %q, want %q", key, got, want)
			}
		}
		text := words(find(doc, named("body"))[0])
		if got := regexp.MustCompile(`(?i)\b(6|8|20|six|eight|twenty)[- ](digit|number)`).FindString(text); got != "" {
			t.Errorf("the page says %q", got)
		}
	})
}

// What pages say in numbers is what the machine does.
func TestNumbersInWords(t *testing.T) {
	for what, ok := range map[string]bool{
		"a code works for 10 minutes":    sparekey.CodeLife == 10*time.Minute,
		"a shared computer: 12 hours":    sparekey.SharedLife == 12*time.Hour,
		"signed in for 30 days":          sparekey.SessionIdle == 30*24*time.Hour,
		"passwords of 8 characters":      fewest == 8,
		"the last page of three is done": steps(sparekey.Recover, 3) == 3,
	} {
		if !ok {
			t.Errorf("the texts say: %s; the machine differs", what)
		}
	}
}

// Registration has no steps of the key, and says so nowhere.
func TestRegisterHasNoSteps(t *testing.T) {
	p, c := newPages(t)
	_, doc := draw(t, p, &Code{Base: Base{Printer: c.Printer("en")}, Purpose: sparekey.Register, Typed: sampleMail})
	if got := words(find(doc, named("h1"))[0]); got != "Confirm your email" {
		t.Errorf("got heading %q", got)
	}
	if text := words(find(doc, named("html"))[0]); strings.Contains(text, "of 3") {
		t.Error("the page counts steps")
	}
}

// The same data gives the same bytes: an answer cannot tell by its looks what
// the data did not.
func TestA01SameDataSameBytes(t *testing.T) {
	p, c := newPages(t)
	first, second := Samples(c.Printer("en")), Samples(c.Printer("en"))
	for i := range first {
		a, _ := draw(t, p, first[i].Page)
		b, _ := draw(t, p, second[i].Page)
		if string(a) != string(b) {
			t.Errorf("%s: two drawings differ", first[i].Name)
		}
	}
}

// Every message the pages name exists, and every message of the pages'
// catalogue is named: no word is missing and none is left over.
func TestMessagesAreNamedAndUsed(t *testing.T) {
	body, err := os.ReadFile("../lang/en.json")
	if err != nil {
		t.Fatal(err)
	}
	var catalogue map[string]any
	if err := json.Unmarshal(body, &catalogue); err != nil {
		t.Fatal(err)
	}
	groups := map[string]bool{}
	for id := range catalogue {
		group, _, _ := strings.Cut(id, ".")
		groups[group] = true
	}
	used := map[string]bool{}
	quoted := regexp.MustCompile(`"([a-z][a-z0-9]*(?:\.[a-z0-9]+)*)"`)
	for _, pattern := range []string{"*.go", "pages/*.html", "parts/*.html", "../../error.go", "../flow/*.go", "../web/*.go"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			source, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range quoted.FindAllStringSubmatch(string(source), -1) {
				used[m[1]] = true
				group, rest, _ := strings.Cut(m[1], ".")
				if groups[group] && rest != "" && rest != "html" && !strings.HasPrefix(name, "..") && catalogue[m[1]] == nil {
					t.Errorf("%s names %q, which does not exist", name, m[1])
				}
			}
		}
	}
	elsewhere := regexp.MustCompile(`^(lang\.dir|browser\.on|month\.\d+|date\.\w+|time\.\w+|stop\.(stopped|over|none)|(secure|open)\.(h1|lead|do|gone)|g\.(oops|slow|maint)\.bare|g\.already|` +
		// Of one kind of way, of one purpose, of one loss.
		`(mine|ways)\.(mail|text|saved|totp|passkey|password|app)(\.hint)?|(saved|totp)\.(h1|lead|label)|(saved|totp|passkey|app)\.(wrong|last)|` +
		`sure\.(login|data|delete|saved|drop|wake|back|two\.on|two\.off)(\.h1|\.do)?|(acc\.check|chk)\.(ready|step|risk)|chk\.if\.(password|phone|email)|done\.easier\.(passkey|saved)(\.do)?)$`)
	for id := range catalogue {
		if !used[id] && !elsewhere.MatchString(id) {
			t.Errorf("message %q is used by no page", id)
		}
	}
}

// All text has a contrast of 4.5 or more on what it stands on, and borders of
// fields one of 3, in light and in dark (WCAG 1.4.3, 1.4.11).
func TestContrast(t *testing.T) {
	css, err := files.ReadFile("assets/style.css")
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range faint(t, string(css)) {
		t.Error(fault)
	}
}

// faint lists what cannot be read well in the colours of the styles.
func faint(t *testing.T, css string) (faults []string) {
	t.Helper()
	roots := regexp.MustCompile(`:root\{([^}]*)\}`).FindAllStringSubmatch(css, 2)
	if len(roots) != 2 {
		t.Fatalf("got %d sets of colours, want light and dark", len(roots))
	}
	for i, theme := range []string{"light", "dark"} {
		colour := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([a-z-]+):#([0-9A-F]{3,6})\b`).FindAllStringSubmatch(roots[i][1], -1) {
			colour[m[1]] = luminance(t, m[2])
		}
		check := func(text, ground string, want float64) {
			a, ok1 := colour[text]
			b, ok2 := colour[ground]
			if got := (max(a, b) + .05) / (min(a, b) + .05); !ok1 || !ok2 || got < want {
				faults = append(faults, fmt.Sprintf("%s: %s on %s: got %.2f, want %.1f", theme, text, ground, got, want))
			}
		}
		for _, text := range []string{"ink", "muted", "sk-accent"} {
			for _, ground := range []string{"card", "bg", "tint"} {
				check(text, ground, 4.5)
			}
		}
		check("sk-on-accent", "sk-accent", 4.5)
		check("sk-on-accent", "sk-accent-deep", 4.5)
		for _, kind := range []string{"err", "ok", "warn"} {
			check(kind, kind+"-tint", 4.5)
		}
		check("err", "card", 4.5)
		check("ink", "err-tint", 4.5)
		check("field", "card", 3)
	}
	return faults
}

// luminance is the relative luminance of a colour (WCAG 2.2).
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	part := func(v uint64) float64 {
		c := float64(v&255) / 255
		if c <= .04045 {
			return c / 12.92
		}
		return math.Pow((c+.055)/1.055, 2.4)
	}
	return .2126*part(n>>16) + .7152*part(n>>8) + .0722*part(n)
}

// Our scripts set texts as texts only, and run nothing that they read. What they
// fetch is data. (The reader of QR codes is a library's, and touches no page.)
func TestA64ScriptsSetTextOnly(t *testing.T) {
	p, _ := newPages(t)
	for path, script := range p.Scripts() {
		if path == p.scanner {
			continue
		}
		for _, bad := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "DOMParser", "eval(", "Function(", "document.write", "XMLHttpRequest", ".text(", ".blob(", "import("} {
			if strings.Contains(string(script), bad) {
				t.Errorf("script %s uses %s", path, bad)
			}
		}
		if got := strings.Count(string(script), "fetch("); got == 0 || strings.Count(string(script), "got.json()") < got-1 {
			t.Errorf("script %s fetches %d things, want some, and as JSON", path, got)
		}
	}
}
