package web_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// inputSecret is typed as a password wherever one is typed here: it may be
// neither on a page nor in the log.
const inputSecret = "Zq9 unseen herons"

// inputPage fails the test unless p is a page that a person can read, in the
// language they asked for, without anything of the inside.
func inputPage(t *testing.T, name string, p *sparekeytest.Page, status int, lang string) {
	t.Helper()
	if p.Status != status {
		t.Errorf("%s: got %d, want %d\n%s", name, p.Status, status, p.Text())
	}
	doc := shieldDoc(t, p)
	h1 := 0
	for n := range doc.Descendants() {
		switch {
		case n.Type == html.ElementNode && n.Data == "h1":
			h1++
		case n.Type == html.ElementNode && n.Data == "html":
			if got, dir := n.Attr[0].Val, map[string]string{"en": "ltr", "ar": "rtl"}[lang]; got != lang || n.Attr[1].Val != dir {
				t.Errorf("%s: got a page in %v, want it in %s and %s", name, n.Attr, lang, dir)
			}
		}
	}
	if h1 != 1 {
		t.Errorf("%s: got %d headings, want one", name, h1)
	}
	inputInside(t, name, p)
}

// inputInside fails the test if an answer tells of the inside.
func inputInside(t *testing.T, name string, p *sparekeytest.Page) {
	t.Helper()
	for _, word := range []string{"SQLSTATE", "SELECT ", "syntax error", "sqlite:", "pgconn", "goroutine ", "panic:", ".go:", "no value", "ZgotmplZ", inputSecret} {
		if strings.Contains(p.Body, word) {
			t.Errorf("%s: got %q on the page, want nothing of the kind", name, word)
		}
	}
}

// inputLog fails the test unless the log keeps to its closed list of fields and
// tells of no failure and of nothing that was typed.
func inputLog(t *testing.T, log *bytes.Buffer, secrets ...string) {
	t.Helper()
	if log.Len() == 0 {
		t.Errorf("got no log, want a line for each request")
	}
	for line := range strings.Lines(log.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		if fields["level"] == "ERROR" {
			t.Errorf("got %s, want no failure", line)
		}
		for name := range fields {
			if !slices.Contains([]string{"time", "level", "msg", "method", "route", "status", "took", "request"}, name) {
				t.Errorf("got field %s in %s, want none outside of the list", name, line)
			}
		}
	}
	for _, secret := range append(secrets, inputSecret, "example.com", "203.0.113.") {
		if secret != "" && strings.Contains(log.String(), secret) {
			t.Errorf("got %q in the log, want it nowhere", secret)
		}
	}
	log.Reset()
}

// An inputCase is a form that cannot be taken.
type inputCase struct {
	name   string
	path   string // {asked} and {proved} are flows at those steps
	body   string // of the form; {challenge} is the open question
	header http.Header
	status int
	says   string // in English
	keeps  string // what was typed, in the field login or code
}

// inputCases are forms that people, programs and attackers send by mistake or
// on purpose.
func inputCases() []inputCase {
	long := strings.Repeat("a", 400) + "@example.com"
	list := []inputCase{
		{name: "nothing typed", path: "/register", body: "login=&password=", status: 422, says: "Fill in this field."},
		{name: "no fields", path: "/register", body: "", status: 422, says: "Fill in this field."},
		{name: "no address", path: "/register", body: "password=" + url.QueryEscape(inputSecret), status: 422, says: "Fill in this field."},
		{name: "blanks", path: "/register", body: "login=+++&password=abcdefgh", status: 422, says: "Fill in this field."},
		{name: "no password", path: "/register", body: "login=" + mara, status: 422, says: "Fill in this field.", keeps: mara},
		{name: "long address", path: "/register", body: "login=" + long + "&password=x", status: 422, says: "Check the email address."},
		{name: "no login", path: "/signin", body: "login=&password=" + url.QueryEscape(inputSecret), status: 422, says: "Fill in this field."},
		{name: "no password", path: "/signin", body: "login=" + mara + "&password=", status: 422, says: "Fill in this field.", keeps: mara},
		{name: "nothing typed", path: "/recover", body: "login=", status: 422, says: "Fill in this field."},
		{name: "no fields", path: "/recover", body: "", status: 422, says: "Fill in this field."},
		{name: "long login", path: "/recover", body: "login=" + long, status: 422, says: "That doesn’t look complete."},
		{name: "giant login", path: "/recover", body: "login=" + strings.Repeat("a", 30000), status: 422, says: "That doesn’t look complete."},
		{name: "no code", path: "/flow/{asked}/answer", body: "challenge={challenge}&code=", status: 422, says: "Type the digits from the message."},
		{name: "no fields", path: "/flow/{asked}/answer", body: "", status: 422, says: "Type the digits from the message."},
		{name: "letters", path: "/flow/{asked}/answer", body: "challenge={challenge}&code=letters", status: 422, says: "The code has only digits.", keeps: "letters"},
		{name: "a part", path: "/flow/{asked}/answer", body: "challenge={challenge}&code=41830", status: 422, says: "That doesn’t look like the whole code.", keeps: "41830"},
		{name: "two codes", path: "/flow/{asked}/answer", body: "challenge={challenge}&code=12345678+or+87654321", status: 422, says: "That doesn’t look like the whole code."},
		{name: "no challenge", path: "/flow/{asked}/answer", body: "code=12345678", status: 303},
		{name: "another's challenge", path: "/flow/{asked}/answer", body: "challenge=none&code=12345678", status: 303},
		{name: "no challenge", path: "/flow/{asked}/again", body: "", status: 200, says: "Not quite yet."},
		{name: "no way", path: "/flow/{asked}/ways", body: "", status: 422, says: "We couldn’t read that form."},
		{name: "a way that is none", path: "/flow/{asked}/ways", body: "way=password", status: 422, says: "We couldn’t read that form."},
		{name: "nothing typed", path: "/flow/{proved}/act", body: "password=&password_again=", status: 422, says: "Fill in both fields."},
		{name: "no fields", path: "/flow/{proved}/act", body: "", status: 422, says: "Fill in both fields."},
		{name: "once", path: "/flow/{proved}/act", body: "password=" + url.QueryEscape(inputSecret), status: 422, says: "Fill in both fields."},
		{name: "two passwords", path: "/flow/{proved}/act", body: "password=" + url.QueryEscape(inputSecret) + "&password_again=other+words+here", status: 422, says: "The two passwords differ."},
		{name: "not chosen", path: "/language", body: "to=/signin", status: 400, says: "We couldn’t read that form."},
		{name: "not a language", path: "/language", body: "lang=xx&to=/signin", status: 400, says: "We couldn’t read that form."},
		{name: "no such device", path: "/account/devices", body: "session=none", status: 404, says: "That device was signed out already."},
		{name: "no device", path: "/account/devices", body: "", status: 404, says: "That device was signed out already."},
		{name: "a flow that never was", path: "/flow/none/answer", body: "challenge={challenge}&code=12345678", status: 404, says: "Nothing here."},
		{name: "a token that is none", path: "/stop/none", body: "", status: 303},
		{name: "a flow for a token", path: "/stop/{asked}", body: "", status: 303},
	}
	for _, shape := range []string{"mara", "mara@", "@example.com", "mara@example", "a b@example.com", "mara@@example.com", "mara@exa mple.com", "<mara@example.com>"} {
		list = append(list, inputCase{
			name: "shape " + shape, path: "/register", body: "login=" + url.QueryEscape(shape) + "&password=" + url.QueryEscape(inputSecret),
			status: 422, says: "Check the email address.", keeps: shape,
		})
	}
	for _, path := range []string{"/register", "/signin", "/recover", "/flow/{asked}/answer", "/flow/{proved}/act", "/language", "/signout", "/account/devices"} {
		secret := "login=" + mara + "&code=12345678&lang=ar&password=" + url.QueryEscape(inputSecret)
		for name, body := range map[string]string{
			"twice": secret + "&login=other%40example.com", "a password twice": secret + "&password=b", "a list": secret + "&login%5B%5D=a",
			"a map": secret + "&login[name]=a", "an escape": secret + "&a=%zz", "a semicolon": secret + ";a=b", "bytes": secret + "&a=%ff%fe",
			"a surrogate": secret + "&a=%ED%A0%80", "NUL": secret + "&code_=1%00", "a control": secret + "&a=%1b[2J",
			"a field of bytes": secret + "&%ff=a", "many fields": secret + strings.Repeat("&f", 1) + inputFields(20),
		} {
			list = append(list, inputCase{name: name, path: path, body: body, status: 400, says: "We couldn’t read that form."})
		}
		for _, kind := range []string{"application/json", "multipart/form-data; boundary=x", "text/plain", "", "application/x-www-form-urlencoded; charset=utf-16", "%%%"} {
			list = append(list, inputCase{
				name: "type " + kind, path: path, body: secret, header: http.Header{"Content-Type": {kind}}, status: 415, says: "We couldn’t read that form.",
			})
		}
		for name, body := range map[string]string{"33 KiB": secret + strings.Repeat("a", 33<<10), "1 MB": secret + strings.Repeat("a", 1<<20)} {
			list = append(list, inputCase{name: name, path: path, body: body, status: 413, says: "That was too much at once."})
		}
	}
	return list
}

func inputFields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "&field%d=a", i)
	}
	return b.String()
}

// A form that cannot be taken is answered by a clear page, in the person's
// language and with what was typed, but never a password, still in it; it
// changes nothing and leaves nothing in the log.
func TestBadInputChangesNothing(t *testing.T) {
	log := &bytes.Buffer{}
	sparekeytest.EachDBWith(t, sparekeytest.Options{Log: log}, func(t *testing.T, app *sparekeytest.App) {
		log.Reset() // what a start says is for the operator
		rows, c := app.Rows(), app.Register(mara, first)
		proved := machineStart(c, "/recover", "login", mara)
		machineProve(app, c, proved, mara)
		asked := machineStart(c, "/recover", "login", mara)
		code := app.Code(mara)
		_, form := c.Get("/flow/" + asked).Fields("/answer")
		fill := strings.NewReplacer("{asked}", asked, "{proved}", proved, "{challenge}", form.Get("challenge"))
		before := rows.Dump()
		for n, in := range inputCases() {
			name, lang := in.path+", "+in.name, "en"
			who := c.Clone()
			who.Addr = fmt.Sprintf("203.0.113.%d:4711", n%250)
			if n%8 == 7 { // every eighth in the other language
				who.Header, lang = http.Header{"Accept-Language": {"ar"}}, "ar"
				who.Cookies["__Host-lang"] = "ar"
			}
			for k, v := range in.header {
				who.Header = http.Header{k: v}
				who.Cookies["__Host-lang"] = lang
			}
			p := who.Do("POST", fill.Replace(in.path), strings.NewReader(fill.Replace(in.body)))
			if in.status == 303 {
				if p.Status != 303 {
					t.Errorf("%s: got %d, want 303", name, p.Status)
				}
				continue
			}
			inputPage(t, name, p, in.status, lang)
			if lang == "en" && !p.Holds(in.says) {
				t.Errorf("%s: got %q, want it to say %q", name, p.Text(), in.says)
			}
			field := "login"
			if strings.HasSuffix(in.path, "/answer") {
				field = "code"
			}
			if got := shieldValue(shieldDoc(t, p), field); in.keeps != "" && got != in.keeps {
				t.Errorf("%s: got %q in the field, want %q", name, got, in.keeps)
			}
		}
		if got := sparekeytest.Changed(before, rows.Dump()); got != nil {
			t.Errorf("got changes in %v, want none", got)
		}
		inputLog(t, log, first, code, asked, proved, c.Cookies["__Host-session"])
	})
}

// Whatever stands in a field, a path, a query, a header or a cookie, the answer
// is never a failure of ours and never shows anything of the database (A71).
func TestA71NothingBreaksIt(t *testing.T) {
	log := &bytes.Buffer{}
	sparekeytest.EachDBWith(t, sparekeytest.Options{Log: log}, func(t *testing.T, app *sparekeytest.App) {
		log.Reset()
		c := app.Register(mara, first)
		flow := machineStart(c, "/recover", "login", mara)
		app.Deliver()
		_, form := c.Get("/flow/" + flow).Fields("/answer")
		n := 0
		check := func(name string, who *sparekeytest.Client, do func() *sparekeytest.Page) {
			n++
			who.Addr = fmt.Sprintf("198.51.%d.%d:4711", n/250, n%250)
			p := do()
			if p.Status >= 500 {
				t.Errorf("%.80s: got %d, want less than 500", name, p.Status)
			}
			inputInside(t, fmt.Sprintf("%.80s", name), p)
		}
		for _, evil := range []string{
			`'; DROP TABLE accounts; --`, `" union select * from credentials --`, "\\' or $1 = '%00", "a\x00b@example.com", "\xff\xfe",
			"\xed\xa0\x80", "\u202e../../etc/passwd", "\r\nSet-Cookie: a=b", strings.Repeat("a", 100_000), strings.Repeat("é", 10_000),
		} {
			for path, fields := range map[string]string{
				"/signin":                   "login password shared return_to key",
				"/recover":                  "login return_to key",
				"/register":                 "login password key",
				"/flow/" + flow + "/answer": "challenge code key",
				"/flow/" + flow + "/again":  "challenge key",
				"/flow/" + flow + "/ways":   "way",
				"/flow/" + flow + "/act":    "password same",
				"/account/devices":          "session",
				"/language":                 "lang to",
			} {
				for _, field := range strings.Fields(fields) { // one at a time: no refusal hides another
					values := url.Values{
						"login": {mara}, "password": {"not it"}, "challenge": {form.Get("challenge")}, "code": {"none"}, "to": {"/signin"}, "lang": {"en"},
					}
					values.Set(field, evil)
					own := c.Clone()
					check(path+" "+field+" "+evil, own, func() *sparekeytest.Page {
						return own.Do("POST", path, strings.NewReader(values.Encode()))
					})
				}
			}
			segment := url.PathEscape(evil)
			for _, request := range []string{
				"GET /flow/X", "GET /flow/X/ways", "POST /flow/X/answer", "POST /flow/X/act", "GET /stop/X", "POST /stop/X",
				"GET /assets/X", "GET /X", "GET /signin?return_to=X", "GET /language?to=X",
			} {
				method, path, _ := strings.Cut(request, " ")
				own := c.Clone()
				check(request+" "+evil, own, func() *sparekeytest.Page {
					return own.Do(method, strings.ReplaceAll(path, "X", segment), strings.NewReader("code=12345678&challenge=a&password=a&password_again=a"))
				})
			}
			for _, name := range append([]string{"__Host-lang", "__Host-misses"}, machineCookie...) {
				own := c.Clone()
				delete(own.Cookies, name)
				own.Header = http.Header{"Cookie": {name + "=" + evil}}
				check("cookie "+name+" "+evil, own, func() *sparekeytest.Page { return own.Post("/signin", "login", mara, "password", "not it") })
			}
			for _, name := range []string{"Accept-Language", "User-Agent", "X-Forwarded-For", "Cookie", "Content-Type", "If-None-Match", "Range"} {
				own := c.Clone()
				own.Header = http.Header{name: {evil}}
				check("header "+name+" "+evil, own, func() *sparekeytest.Page { return own.Post("/recover", "login", mara) })
			}
		}
		c.Get("/account").See(200)
		inputLog(t, log, first)
	})
}

// Cookies that are broken, giant or there twice are none: the pages work, and
// nobody is signed in by them.
func TestBrokenCookiesAreNone(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		rows, good := app.Rows(), app.Register(mara, first)
		session := good.Cookies["__Host-session"]
		before := rows.Dump()
		for _, broken := range []string{"", "x", session[:42], session + "A", strings.ToUpper(session), session + "=", `"` + session + `"` + "x", strings.Repeat("A", 9000), "a b", "é"} {
			for _, name := range append([]string{"__Host-lang", "__Host-misses"}, machineCookie...) {
				c := app.Client()
				c.Header = http.Header{"Cookie": {name + "=" + broken}}
				inputPage(t, name+" "+broken, c.Get("/signin"), 200, "en")
				if got := c.Get("/account").Status; got != 303 {
					t.Errorf("%s=%.50q: got %d, want the way to sign in", name, broken, got)
				}
			}
		}
		for _, line := range []string{"__Host-session=x; __Host-session=" + session, "session=" + session, "__host-session=" + session, "__Secure-session=" + session} {
			c := app.Client()
			c.Header = http.Header{"Cookie": {line}}
			if got := c.Get("/account").Status; got != 303 {
				t.Errorf("%.40q: got %d, want the way to sign in", line, got)
			}
		}
		if got := sparekeytest.Changed(before, rows.Dump()); got != nil {
			t.Errorf("got changes in %v, want none", got)
		}
		good.Get("/account").See(200)
	})
}

// A request for another host is answered 421, whatever it asks, and nothing in
// the answer is made of that host; unknown paths are a plain 404; a path that
// is not clean leads nowhere else (A10, A35).
func TestOtherHostsAndPaths(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		rows, c := app.Rows(), app.Client()
		scene := shieldSet(t, app, c)
		before := rows.Dump()
		for _, host := range []string{"evil.example", sparekeytest.Host + ".evil.example", sparekeytest.Host + ":8443", "sub." + sparekeytest.Host, "127.0.0.1", "[::1]:80", "_", "lantern.test"} {
			c.Header = http.Header{"Host": {host}, "X-Forwarded-Host": {sparekeytest.Host}}
			for _, path := range []string{"/", "/account", "/nothing"} {
				p := c.Get(path)
				inputPage(t, "host "+host, p, 421, "en")
				p.Says("This is another address of ours.")
				if host != "lantern.test" && host != "_" && (strings.Contains(p.Body, host) || strings.Contains(fmt.Sprint(p.Header), host)) {
					t.Errorf("host %s: got it in the answer, want it nowhere", host)
				}
			}
			for _, post := range scene.posts {
				if got := c.Post(scene.path(post.route), post.fields...).Status; got != 421 {
					t.Errorf("POST %s at %s: got %d, want 421", post.route, host, got)
				}
			}
		}
		c.Header = http.Header{"X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"http"}, "Forwarded": {"host=evil.example"}, "X-Original-URL": {"/account"}}
		if p := c.Get("/signin"); strings.Contains(p.Body+fmt.Sprint(p.Header), "evil.example") {
			t.Errorf("got the forwarded host in the answer, want it nowhere")
		}
		c.Header = http.Header{}
		for _, path := range []string{"/Signin", "/signin/", "/signin.php", "/account/none", "/flow/", "/flow/a/b/c", "/stop/", "/stop", "/register/x", "/index.html", "/wp-login.php", "/%61ccoun%74x"} {
			inputPage(t, path, c.Get(path), 404, "en")
		}
		c.Cookies["__Host-lang"] = "ar"
		inputPage(t, "in Arabic", c.Get("/nothing"), 404, "ar")
		for _, path := range []string{"//evil.example/", "//evil.example/%2e%2e", "/../account", "/./signin", "///evil.example", "/%5cevil.example", "/signin//"} {
			p := c.Get(path)
			to := p.Header.Get("Location")
			if p.Status >= 500 || strings.HasPrefix(to, "//") || strings.Contains(to, `\`) || strings.Contains(to, ":") {
				t.Errorf("GET %s: got %d to %q, want a path here or nothing", path, p.Status, to)
			}
		}
		if got := sparekeytest.Changed(before, rows.Dump()); got != nil {
			t.Errorf("got changes in %v, want none", got)
		}
	})
}

// A flow that has ended says so, with the way on and the login kept; one that
// is swept is the page of an unknown address.
func TestStaleFlows(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		c := app.Client()
		flow := machineStart(c, "/recover", "login", mara)
		page := c.Get("/flow/" + flow)
		app.Sleep(sparekey.FlowLife)
		for _, p := range []*sparekeytest.Page{
			c.Get("/flow/" + flow), c.Get("/flow/" + flow + "/ways"), page.Submit("/answer", "code", "12345678"),
			page.Submit("/again"), c.Post("/flow/"+flow+"/act", "password", second, "password_again", second),
		} {
			inputPage(t, "expired", p, 410, "en")
			p.Says("This page has been open too long.")
			if _, form := p.Fields("/recover"); form.Get("login") != mara {
				t.Errorf("got %v in the form to start again, want %s", form, mara)
			}
		}
		app.Sleep(sparekey.FlowKept + time.Second)
		app.Sweep()
		for _, p := range []*sparekeytest.Page{c.Get("/flow/" + flow), page.Submit("/answer", "code", "12345678"), page.Submit("/again")} {
			inputPage(t, "swept", p, 404, "en")
		}

		flow = machineRecover(app, c, mara, second)
		for _, end := range []string{"answer", "again", "act", "ways"} {
			p := c.Post("/flow/"+flow+"/"+end, "code", "12345678", "way", "mail", "password", third, "password_again", third)
			if p.Status != 409 && p.Status != 303 {
				t.Errorf("POST %s of a flow that is done: got %d, want 409 or the way to its last page", end, p.Status)
			}
		}
		c.Get("/flow/" + flow).See(200).Says("Your password is updated.")
		machineSignIn(app, mara, second)
	})
}
