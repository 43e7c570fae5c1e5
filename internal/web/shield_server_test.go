package web_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/html"

	"sparekey/internal/sparekeytest"
)

// shieldDoc parses a page and fails the test if anything in it could run or
// lead elsewhere.
func shieldDoc(t *testing.T, p *sparekeytest.Page) *html.Node {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		t.Fatal(err)
	}
	csp := p.Header.Get("Content-Security-Policy")
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if slices.Contains([]string{"iframe", "object", "embed", "img", "base", "math", "template", "xss"}, n.Data) {
			t.Errorf("got element <%s>, want none", n.Data)
		}
		for _, a := range n.Attr {
			ours := strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "//") || strings.HasPrefix(a.Val, "#") ||
				a.Val == "https://lantern.test" || a.Val == sparekeytest.URL
			switch {
			case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "srcdoc", strings.ContainsAny(a.Key, "<'`\""):
				t.Errorf("got attribute %s=%q on <%s>, want none", a.Key, a.Val, n.Data)
			case slices.Contains([]string{"href", "src", "action", "formaction"}, a.Key) && !ours:
				t.Errorf("got %s=%q on <%s>, want a path of ours", a.Key, a.Val, n.Data)
			case a.Key == "nonce" && !strings.Contains(csp, "'nonce-"+a.Val+"'"):
				t.Errorf("got nonce %q, want the policy's", a.Val)
			}
		}
	}
	return doc
}

// shieldScripts are what people try to make a page run.
var shieldScripts = []string{
	`"><script>alert(1)</script>`, `'><xss onmouseover=alert(1)>`, `</title><script src=//evil.example/x.js></script>`,
	`<img src=x onerror=alert(1)>`, `javascript:alert(1)`, `" autofocus onfocus="alert(1)`, `{{.Key}}<% 1 %>${alert(1)}`,
	"\u2028<svg/onload=alert(1)>", `--><!--<base href=//evil.example/>`, `&lt;script&gt;alert(1)&#60;/script&#62;`, `＜script＞alert(1)`,
}

// Nothing that is typed or brought along becomes more than text, on the page
// that echoes it or on one that keeps it (A64, ASVS 1.2.1, 3.2.2).
func TestA64TextStaysText(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		for n, evil := range shieldScripts {
			c := app.Client()
			c.Addr = fmt.Sprintf("198.51.100.%d:4711", n)
			c.Agent = "Mozilla/5.0 " + evil + " Firefox/140.0"
			c.Header = http.Header{"Accept-Language": {evil}, "Referer": {evil}, "X-Forwarded-For": {evil}, "X-Forwarded-Host": {evil}}
			c.Cookies["__Host-lang"] = "<xss>"
			for _, path := range []string{"/signin", "/recover", "/register"} {
				p := c.Post(path, "login", evil, "password", "short", "return_to", evil, "lang", evil)
				if p.Status >= 500 {
					t.Errorf("POST %s with %q: got %d, want less than 500", path, evil, p.Status)
				}
				echoed := shieldValue(shieldDoc(t, p), "login")
				if want := strings.Join(strings.Fields(evil), " "); echoed != want {
					t.Errorf("POST %s: got the field echo %q, want %q, as text", path, echoed, want)
				}
				shieldDoc(t, c.Get(path+"?return_to="+strings.NewReplacer("<", "%3C", " ", "%20", `"`, "%22", "\u2028", "%E2%80%A8", "{", "%7B", "%", "%25").Replace(evil)))
			}
			shieldDoc(t, c.Post("/language", "lang", evil, "to", evil))
		}

		// What may stand in an address is kept, and comes back on every page
		// and in the mails; so does the browser's name.
		const evil = "'onfocus=alert`1`//&lt{{$x}}@example.com"
		c := app.Client()
		c.Agent = `Mozilla/5.0 (Windows NT 10.0) <script>alert(1)</script> Firefox/140.0`
		see := func(p *sparekeytest.Page) *sparekeytest.Page {
			t.Helper()
			shieldDoc(t, p)
			return p
		}
		flow := machineStart(c, "/register", "login", evil, "password", first)
		see(c.Get("/flow/" + flow)).Says(evil)
		machineProve(app, c, flow, evil)
		see(c.Get("/account")).Says(evil)
		see(c.Get("/account/devices")).Says("Firefox on Windows")
		see(c.Get("/account/password")).Says(evil)
		flow = machineStart(c, "/recover", "login", evil)
		page := see(c.Get("/flow/" + flow)).Says(evil)
		see(c.Get("/flow/" + flow + "/ways"))
		see(page.Submit("/answer", "code", `"><script>alert(1)</script>`).See(422))
		app.Deliver()
		mails := app.Sink.Mails(evil)
		last := mails[len(mails)-1]
		see(c.Get(strings.TrimPrefix(last.StopURL(), sparekeytest.URL))).Says("'•••@example.com").Says("Firefox on Windows")
		if strings.Contains(last.HTML, "<script") || strings.Contains(last.HTML, "'onfocus") && !strings.Contains(last.HTML, "&#39;onfocus") {
			t.Errorf("got the mail %s, want the address as text", last.HTML)
		}
		machineProve(app, c, flow, evil)
		see(c.Get("/flow/"+flow)).Submit("/act", "password", second, "password_again", second).See(303)
		see(c.Get("/flow/" + flow))
		see(c.Get("/flow/" + flow).Submit("/signin"))
	})
}

// shieldValue gives the value of the field that a person sees.
func shieldValue(doc *html.Node, name string) string {
	for n := range doc.Descendants() {
		if n.Data != "input" {
			continue
		}
		at := map[string]string{}
		for _, a := range n.Attr {
			at[a.Key] = a.Val
		}
		if at["name"] == name && at["type"] != "hidden" {
			return at["value"]
		}
	}
	return ""
}

// Nothing that tells of the inside can be reached, and the two routes for
// machines say one word (A74, ASVS 13.4.1 to 13.4.6).
func TestA74NothingInsideShows(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		c := app.Client()
		for _, path := range []string{
			"/metrics", "/debug/pprof/", "/debug/pprof/cmdline", "/debug/vars", "/debug", "/healthz", "/health", "/status", "/statusz", "/version",
			"/livez/verbose", "/readyz/db", "/config", "/env", "/.env", "/.git/config", "/.git/HEAD", "/.well-known/", "/actuator", "/swagger.json",
			"/api", "/api/v1", "/api/v1/", "/api/v1/accounts", "/admin", "/admin/", "/console", "/assets", "/assets/", "/assets/style.css",
			"/assets/..%2fpage.go", "/assets/%2e%2e/page.go", "/static/", "/pages/code.html", "/sparekey.db", "/mailbox", "/demo", "/accounts", "/users",
		} {
			if got := c.Get(path).Status; got != 404 {
				t.Errorf("GET %s: got %d, want 404", path, got)
			}
		}
		for _, path := range []string{"/livez", "/readyz", "/livez?verbose=1"} {
			for _, host := range []string{sparekeytest.Host, "10.0.0.7:8080"} {
				c.Header = http.Header{"Host": {host}}
				p := c.Get(path).See(200)
				if p.Body != "ok\n" || p.Header.Get("Server") != "" || len(p.Header.Values("Set-Cookie")) != 0 {
					t.Errorf("GET %s at %s: got %q with %v, want ok and no more", path, host, p.Body, p.Header)
				}
			}
		}
		if err := app.Store.Close(); err != nil {
			t.Fatal(err)
		}
		if p := c.Get("/readyz").See(503); p.Body != "not ready\n" {
			t.Errorf("without its database: got %q, want that it is not ready and no more", p.Body)
		}
		if p := c.Get("/livez").See(200); p.Body != "ok\n" {
			t.Errorf("without its database: got %q, want ok: it lives", p.Body)
		}
	})
}

// A method that a path has not is answered 405 with those it has, by a page,
// and changes nothing; TRACE echoes nothing (ASVS 4.1.4, 13.4.4).
func TestOtherMethodsAreRefused(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		rows, c := app.Rows(), app.Client()
		scene := shieldSet(t, app, c)
		gets, posts, deletes := shieldRoutes(t, "GET"), shieldRoutes(t, "POST"), shieldRoutes(t, "DELETE")
		before := rows.Dump()
		for _, route := range slices.Concat(gets, posts, deletes) {
			allow := []string{}
			if slices.Contains(deletes, route) {
				allow = append(allow, "DELETE")
			}
			if slices.Contains(gets, route) {
				allow = append(allow, "GET", "HEAD")
			}
			if slices.Contains(posts, route) {
				allow = append(allow, "POST")
			}
			for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} {
				if slices.Contains(allow, method) {
					continue
				}
				c.Header = http.Header{"X-Echo": {"echo-me"}}
				p := c.Do(method, scene.path(route), strings.NewReader("login=a&password=b"))
				if got := p.Header.Get("Allow"); p.Status != 405 || got != strings.Join(allow, ", ") {
					t.Errorf("%s %s: got %d and Allow %q, want 405 and %q", method, route, p.Status, got, strings.Join(allow, ", "))
				}
				if !p.Holds("This page can’t be used that way.") || strings.Contains(p.Body, "echo-me") {
					t.Errorf("%s %s: got %q, want the page that says so", method, route, p.Text())
				}
			}
		}
		if got := sparekeytest.Changed(before, rows.Dump()); got != nil {
			t.Errorf("got changes in %v, want none", got)
		}
	})
}

// shieldServe serves app on l until the test is over.
func shieldServe(t *testing.T, app *sparekeytest.App, l net.Listener) {
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- app.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Errorf("serve: got %v, want nil", err)
		}
	})
}

// shieldSend sends what may be no proper request and gives the status of the
// answer, and how many bytes went out before the answer came.
func shieldSend(t *testing.T, address, head string, body io.Reader) (status, sent int) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(conn, head, sparekeytest.Host)
	answered := make(chan int)
	go func() {
		defer close(answered)
		if res, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil {
			answered <- res.StatusCode
		}
	}()
	chunk := make([]byte, 4<<10)
	for body != nil {
		n, err := body.Read(chunk)
		if _, werr := conn.Write(chunk[:n]); err != nil || werr != nil {
			break
		}
		sent += n
		select {
		case status := <-answered:
			return status, sent
		default:
		}
	}
	return <-answered, sent
}

type shieldEndless struct{}

func (shieldEndless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'a'
	}
	return len(b), nil
}

// The server takes no more than it has to: long headers are answered 431, long
// bodies 413 before all of them came, nonsense 400 (A72, ASVS 4.2.4).
func TestA72GiantRequestsAreCut(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		shieldServe(t, app, l)
		// Of a gigabyte the kernel takes a few MB before the server's answer stops it.
		const kernel = 16 << 20
		const post = "POST /signin HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nSec-Fetch-Site: same-origin\r\n"
		for _, giant := range []struct {
			name, head string
			body       io.Reader
			want, most int
		}{
			{"one long header", "GET /signin HTTP/1.1\r\nHost: %s\r\nX-Long: " + strings.Repeat("a", 24<<10) + "\r\n\r\n", nil, 431, 0},
			{"many headers", "GET /signin HTTP/1.1\r\nHost: %s\r\n" + strings.Repeat("X-Many: a\r\n", 3<<10) + "\r\n", nil, 431, 0},
			{"a long cookie", "GET /signin HTTP/1.1\r\nHost: %s\r\nCookie: a=" + strings.Repeat("a", 24<<10) + "\r\n\r\n", nil, 431, 0},
			{"a long address", "GET /signin?" + strings.Repeat("a", 24<<10) + " HTTP/1.1\r\nHost: %s\r\n\r\n", nil, 431, 0},
			{"a giant body", post + "Content-Length: 1000000000\r\n\r\n", shieldEndless{}, 413, kernel},
			{"an endless body", post + "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n", shieldEndless{}, 413, kernel},
			{"two lengths", post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\na=b", nil, 400, 0},
			{"no host", "GET /signin HTTP/1.1\r\nX: %s\r\n\r\n", nil, 400, 0},
			{"nonsense", "\x16\x03\x01%s\r\n\r\n", nil, 400, 0},
			{"a proper request", "GET /signin HTTP/1.1\r\nHost: %s\r\n\r\n", nil, 200, 0},
		} {
			status, sent := shieldSend(t, l.Addr().String(), giant.head, giant.body)
			if status != giant.want || sent > giant.most {
				t.Errorf("%s: got %d after %d bytes, want %d after %d at most", giant.name, status, sent, giant.want, giant.most)
			}
		}
	})
}

// shieldPipe is a listener without a network, so that a fake clock moves it.
type shieldPipe struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p shieldPipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, errors.New("closed")
	}
}

func (p shieldPipe) Close() error   { close(p.done); return nil }
func (p shieldPipe) Addr() net.Addr { return &net.TCPAddr{} }

// Whoever sends slowly is cut off: headers within 5 s, the whole request within
// 15 s, and a connection that says nothing more after 75 s (A72).
func TestA72SlowClientsAreCut(t *testing.T) {
	sink := sparekeytest.NewSink(t) // outside: its network knows no fake clock
	synctest.Test(t, func(t *testing.T) {
		app := sparekeytest.New(t, sparekeytest.Options{Sink: sink})
		l := shieldPipe{make(chan net.Conn), make(chan struct{})}
		shieldServe(t, app, l)
		const post = "POST /signin HTTP/1.1\r\nHost: " + sparekeytest.Host +
			"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n"
		for _, slow := range []struct {
			name, first, then string
			want              time.Duration
		}{
			{"nothing at all", "", "", 5 * time.Second},
			{"a header, letter by letter", "GET /signin HTTP/1.1\r\nHost: " + sparekeytest.Host + "\r\n", "X", 5 * time.Second},
			{"a body, letter by letter", post, "a", 15 * time.Second},
			{"one request and no other", "GET /livez HTTP/1.1\r\nHost: " + sparekeytest.Host + "\r\n\r\n", "", 75 * time.Second},
		} {
			ours, theirs := net.Pipe()
			l.conns <- theirs
			began := time.Now()
			go func() {
				io.WriteString(ours, slow.first)
				for slow.then != "" {
					time.Sleep(time.Second)
					if _, err := io.WriteString(ours, slow.then); err != nil {
						return
					}
				}
			}()
			io.Copy(io.Discard, ours) // until the server hangs up
			if took := time.Since(began); took < slow.want || took > slow.want+time.Second {
				t.Errorf("%s: got cut off after %v, want after %v", slow.name, took, slow.want)
			}
			ours.Close()
		}
	})
}
