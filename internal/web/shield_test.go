package web_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"sparekey"
	"sparekey/internal/sparekeytest"
	"sparekey/internal/store"
)

// shieldRoutes reads the paths of a method from the site map, so that a new
// route is tested by being there.
func shieldRoutes(t *testing.T, method string) []string {
	t.Helper()
	source, err := os.ReadFile("routes.go")
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, found := range regexp.MustCompile(`"`+method+` (/[^"]*)"`).FindAllStringSubmatch(string(source), -1) {
		paths = append(paths, strings.TrimSuffix(found[1], "{$}"))
	}
	if len(paths) < 8 {
		t.Fatalf("got %d routes of %s in routes.go, want all of them", len(paths), method)
	}
	return paths
}

// A shieldScene is a signed-in browser with everything there is to attack: a
// request for each route that would succeed if it came from our own pages.
type shieldScene struct {
	c    *sparekeytest.Client
	path func(route string) string
	form map[string][]string // fields by route
}

func shieldSet(app *sparekeytest.App, c *sparekeytest.Client) shieldScene {
	app.Register(mara, first)
	app.Sleep(sparekey.ProofLife)
	machineSignIn(app, mara, first) // the other device
	c.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
	proved := machineStart(c, "/recover", "login", mara)
	machineProve(app, c, proved, mara)
	asked := machineStart(c, "/recover", "login", mara)
	code := app.Code(mara)
	mails := app.Sink.Mails(mara)
	stop := strings.TrimPrefix(mails[len(mails)-1].StopURL(), sparekeytest.URL+"/stop/")
	_, form := c.Get("/flow/" + asked).Fields("/answer")
	challenge := form.Get("challenge")
	app.Sleep(time.Minute) // "Get code" is open again
	return shieldScene{
		c: c,
		path: func(route string) string {
			flow := asked
			if strings.HasSuffix(route, "/act") {
				flow = proved
			}
			return strings.NewReplacer("{id}", flow, "{token}", stop, "{name}", "sparekey.js").Replace(route)
		},
		form: map[string][]string{
			"/language":         {"lang", "ar", "to", "/flow/" + asked},
			"/register":         {"login", "new." + mara, "password", second},
			"/signin":           {"login", mara, "password", first},
			"/recover":          {"login", mara},
			"/flow/{id}/answer": {"challenge", challenge, "code", code},
			"/flow/{id}/again":  {"challenge", challenge},
			"/flow/{id}/ways":   {"way", "mail"},
			"/flow/{id}/act":    {"password", second, "password_again", second},
			"/stop/{token}":     {},
			"/account/password": {},
			"/account/devices":  {"others", "1"},
			"/signout":          {},
		},
	}
}

// A change of state that does not come from our own pages is refused, on every
// route, and nothing is changed: no sign-out, no new password, and nobody is
// signed in as somebody else (A62, ASVS 3.5.1, 3.5.3).
func TestA62OtherSitesChangeNothing(t *testing.T) {
	foreign := []http.Header{
		{"Origin": {"https://evil.example"}},
		{"Origin": {"null"}},
		{"Origin": {"https://lantern.test"}},
		{"Origin": {"http://" + sparekeytest.Host}},
		{"Origin": {sparekeytest.URL + ".evil.example"}},
		{"Sec-Fetch-Site": {"cross-site"}, "Origin": {sparekeytest.URL}},
		{"Sec-Fetch-Site": {"same-site"}},
		{"Sec-Fetch-Site": {"none"}},
		{}, // neither header, but a cookie
	}
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		rows, c := machineOpen(t, app), app.Client()
		scene := shieldSet(app, c)
		routes := shieldRoutes(t, "POST")
		before, cookies := rows.dump(), maps.Clone(c.Cookies)
		for _, route := range routes {
			fields, ok := scene.form[route]
			if !ok {
				t.Fatalf("got no request for the route %s, want one in shieldSet", route)
			}
			for n, header := range foreign {
				evil := c.Clone()
				evil.Addr = fmt.Sprintf("198.51.100.%d:4711", n)
				evil.Header = http.Header{"Sec-Fetch-Site": nil}
				maps.Copy(evil.Header, header)
				p := evil.Post(scene.path(route), fields...)
				if p.Status != 403 || !p.Holds("This form came from an old tab.") {
					t.Errorf("POST %s with %v: got %d %q, want 403 and the sentence", route, header, p.Status, p.Text())
				}
				if !maps.Equal(evil.Cookies, cookies) || p.Header.Get("Location") != "" {
					t.Errorf("POST %s with %v: got new cookies or a way on, want none", route, header)
				}
				if len(header) == 0 {
					continue
				}
				evil.Cookies = map[string]string{} // login CSRF: a browser that was never here
				if p := evil.Post(scene.path(route), fields...); p.Status != 403 || evil.Cookies["__Host-session"] != "" {
					t.Errorf("POST %s with %v and no cookie: got %d, want 403 and no session", route, header, p.Status)
				}
			}
		}
		if got := machineChanged(before, rows.dump()); got != nil {
			t.Errorf("got changes in %v, want none", got)
		}
		for _, route := range routes { // the same requests, from our own pages
			own := c.Clone()
			if route == "/flow/{id}/again" || route == "/language" {
				own.Header = http.Header{"Sec-Fetch-Site": nil, "Origin": {sparekeytest.URL}}
			}
			was := rows.dump()
			if p := own.Post(scene.path(route), scene.form[route]...); p.Status != 303 && p.Status != 200 {
				t.Errorf("POST %s from our own page: got %d, want it to be taken", route, p.Status)
			} else if route != "/flow/{id}/ways" && machineChanged(was, rows.dump()) == nil {
				t.Errorf("POST %s from our own page: got no change, want one: it would prove nothing", route)
			}
			if slices.Contains([]string{"/flow/{id}/answer", "/flow/{id}/act", "/account/devices", "/signin"}, route) {
				c.Cookies = own.Cookies
			}
		}
	})
}

// A shieldTrace keeps what a database was told.
type shieldTrace struct {
	mu   sync.Mutex
	list []string
}

func (s *shieldTrace) add(st store.Statement) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, st.Text)
}

// take gives what was told since the last take.
func (s *shieldTrace) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.list
	s.list = nil
	return list
}

// GET and HEAD change nothing, on any route, signed in or not: nothing is even
// begun. The one exception is that a session's last use is written down once an
// hour (A30, ASVS 3.5.3; PAGES 10.6).
func TestGetAndHeadChangeNothing(t *testing.T) {
	trace := &shieldTrace{}
	sparekeytest.EachDBWith(t, sparekeytest.Options{Trace: trace.add}, func(t *testing.T, app *sparekeytest.App) {
		c := app.Client()
		scene := shieldSet(app, c)
		trace.take()
		for _, route := range shieldRoutes(t, "GET") {
			for _, who := range []*sparekeytest.Client{c, app.Client()} {
				for _, method := range []string{"GET", "HEAD"} {
					path := scene.path(route)
					if p := who.Do(method, path, nil); p.Status >= 400 && who == c && !strings.HasPrefix(path, "/assets/") {
						t.Errorf("%s %s: got %d, want the page", method, path, p.Status)
					}
					for _, text := range trace.take() {
						if !strings.HasPrefix(text, "SELECT ") {
							t.Errorf("%s %s: got statement %q, want none that writes", method, path, text)
						}
					}
				}
			}
		}
		app.Sleep(time.Hour)
		c.Get("/account").See(200)
		var wrote []string
		for _, text := range trace.take() {
			if !strings.HasPrefix(text, "SELECT ") {
				wrote = append(wrote, text)
			}
		}
		if len(wrote) != 3 || !strings.HasPrefix(wrote[1], "UPDATE sessions SET seen") {
			t.Errorf("after an hour: got statements %q, want that the session was used", wrote)
		}
	})
}

// shieldJourney goes everywhere a person can go, and through everything that
// can go wrong on the way, and shows each answer to see.
func shieldJourney(app *sparekeytest.App, see func(*sparekeytest.Page)) *sparekeytest.Client {
	c := app.Client()
	c.Watch = see
	for _, path := range []string{"/", "/register", "/signin", "/recover", "/language", "/account", "/livez", "/readyz", "/api/v1/session", "/nothing", "/stop/x", "/flow/x"} {
		c.Get(path)
	}
	flow := machineStart(c, "/register", "login", mara, "password", first, "return_to", "/account/devices")
	c.Get("/flow/"+flow+"/ways").Submit("/ways", "way", "mail").See(303)
	machineProve(app, c, flow, mara)
	for _, path := range []string{"/", "/signin", "/account", "/account/password", "/account/devices", "/api/v1/session", "/flow/" + flow} {
		c.Get(path)
	}
	c.Post("/language", "lang", "ar", "to", "/account").See(303)
	c.Post("/language", "lang", "en", "to", "/account").See(303)
	c.Post("/account/devices", "session", "nobody's").See(404)
	c.Get("/account").Submit("/signout").See(200)
	c.Get("/signin").Submit("/signin", "login", mara, "password", "not it").See(422)
	c.Get("/signin").Submit("/signin", "login", mara, "password", first, "shared", "1").See(303)
	c.Get("/account").Submit("/signout").See(200)
	flow = machineStart(c, "/recover", "login", mara)
	app.Deliver()
	mails := app.Sink.Mails(mara)
	c.Get(strings.TrimPrefix(mails[len(mails)-1].StopURL(), sparekeytest.URL)).See(200)
	c.Get("/flow/"+flow).Submit("/answer", "code", "none").See(422)
	c.Get("/flow/"+flow).Submit("/answer", "code", "00000000").See(422)
	machineProve(app, c, flow, mara)
	c.Get("/flow/"+flow).Submit("/act", "password", first, "password_again", first).See(422).Says("That’s your current password.")
	c.Get("/flow/"+flow).Submit("/act", "password", second, "password_again", second).See(303)
	c.Get("/flow/" + flow).See(200).Submit("/signin").See(200)
	c.Get("/signin").Submit("/signin", "login", mara, "password", second).See(303)
	app.Sleep(sparekey.ProofLife)
	flow = machineStart(c, "/account/password")
	machineProve(app, c, flow, mara)
	c.Get("/flow/"+flow).Submit("/act", "password", third, "password_again", third).See(303)
	c.Get("/flow/" + flow).See(200)
	c.Do("DELETE", "/signin", nil).See(405)
	c.Do("POST", "/signin", strings.NewReader("a=%zz")).See(400)
	c.Do("POST", "/signin", strings.NewReader(strings.Repeat("a", sparekey.MaxBody+1))).See(413)
	for _, header := range []http.Header{{"Host": {"evil.example"}}, {"Sec-Fetch-Site": {"cross-site"}}, {"Content-Type": {"text/plain"}}} {
		c.Header = header
		c.Post("/signin", "login", mara)
	}
	c.Header = http.Header{}
	script := regexp.MustCompile(`/assets/[^"]+`).FindString(c.Get("/signin").Body + c.Get("/account").Body)
	c.Get(script).See(200)
	c.Get("/assets/none").See(404)
	return c
}

// Every answer, whatever it is, forbids frames, sniffing, referrers and
// anything that is not ours; none speaks to other origins; every page of
// somebody's own is kept by no cache (A63, A65, A66, ASVS 3.4.1 to 3.4.8,
// 14.3.2).
func TestA63HeadersOfEveryAnswer(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		answers, nonces, statuses := 0, map[string]bool{}, map[int]bool{}
		shieldJourney(app, func(p *sparekeytest.Page) {
			answers++
			statuses[p.Status] = true
			csp := p.Header.Get("Content-Security-Policy")
			for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self' https://lantern.test;"} {
				if !strings.Contains(csp, part) {
					t.Errorf("%d: got policy %q, want %s in it", p.Status, csp, part)
				}
			}
			if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") || strings.Contains(csp, "http:") {
				t.Errorf("%d: got policy %q, want no hole in it", p.Status, csp)
			}
			nonce := regexp.MustCompile(`'nonce-([^']+)'`).FindStringSubmatch(csp)
			if nonce == nil || nonces[nonce[1]] {
				t.Errorf("%d: got policy %q, want a nonce that is new", p.Status, csp)
			} else {
				nonces[nonce[1]] = true
			}
			cache := "no-store"
			if strings.HasPrefix(p.Header.Get("Content-Type"), "text/javascript") {
				cache = "public, max-age=31536000, immutable"
			}
			for name, want := range map[string]string{
				"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": cache,
				"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
				"Strict-Transport-Security": "max-age=31536000; includeSubDomains",
			} {
				if got := p.Header.Get(name); got != want {
					t.Errorf("%d: got %s %q, want %q", p.Status, name, got, want)
				}
			}
			shieldNoCORS(t, p)
		})
		for _, status := range []int{200, 303, 400, 401, 403, 404, 405, 413, 415, 421, 422} {
			if !statuses[status] {
				t.Errorf("got no answer %d among %d, want one of each kind", status, answers)
			}
		}
	})
}

func shieldNoCORS(t *testing.T, p *sparekeytest.Page) {
	t.Helper()
	for name := range p.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("%d: got header %s: %q, want none of its kind (A65)", p.Status, name, p.Header[name])
		}
	}
}

// No other origin is ever let in, whatever it calls itself and whichever way it
// asks (A65, ASVS 3.4.2).
func TestA65NoOtherOrigins(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		c := app.Register(mara, first)
		for _, origin := range []string{"https://evil.example", "null", "https://lantern.test", "https://sub." + sparekeytest.Host, sparekeytest.URL} {
			c.Header = http.Header{"Origin": {origin}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"x-any"}}
			for _, path := range []string{"/", "/signin", "/account", "/api/v1/session", "/livez", "/nothing"} {
				for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
					shieldNoCORS(t, c.Do(method, path, nil))
				}
			}
			shieldNoCORS(t, c.Post("/signin", "login", mara, "password", "not it"))
		}
	})
}

// Every cookie is tied to this host, path and HTTPS, hidden from scripts and
// sent to no other site's POST; none holds more than it may, and no secret
// stands anywhere but in a cookie (ASVS 3.3.1 to 3.3.5, A25).
func TestCookiesAreTied(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		lines, secrets := map[string]int{}, map[string]bool{}
		var texts []string
		shieldJourney(app, func(p *sparekeytest.Page) {
			texts = append(texts, p.Body, p.Header.Get("Location"))
			for _, line := range p.Header.Values("Set-Cookie") {
				k, err := http.ParseSetCookie(line)
				if err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				lines[k.Name]++
				if len(k.Value) == 43 {
					secrets[k.Value] = true
				}
				if !strings.HasPrefix(k.Name, "__Host-") || !k.Secure || !k.HttpOnly || k.SameSite != http.SameSiteLaxMode ||
					k.Path != "/" || k.Domain != "" || len(line) > 4096 || len(k.Unparsed) > 0 {
					t.Errorf("got cookie %q, want __Host-, Secure, HttpOnly, SameSite=Lax, Path=/ and no Domain", line)
				}
			}
		})
		for _, name := range []string{"__Host-browser", "__Host-session", "__Host-known", "__Host-lang", "__Host-misses"} {
			if lines[name] == 0 {
				t.Errorf("got no cookie %s on the journey, want it seen", name)
			}
		}
		if len(lines) != 5 {
			t.Errorf("got cookies %v, want five names", lines)
		}
		all := strings.Join(texts, "\n")
		for value := range secrets {
			if strings.Contains(all, value) {
				t.Errorf("got a cookie's secret in a page or an address, want it in cookies alone")
			}
		}
	})
}

// After a sign-out the pages are gone, from the browser's cache too (A66, ASVS
// 14.3.1).
func TestA66SignOutLeavesNothing(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		c := app.Register(mara, first)
		c.Get("/account").See(200).Says(mara)
		p := c.Get("/account").Submit("/signout").See(200).Says("You’re signed out.")
		if got := p.Header.Get("Clear-Site-Data"); got != `"cache"` {
			t.Errorf("got Clear-Site-Data %q, want %q", got, `"cache"`)
		}
		if p.Holds(mara) {
			t.Errorf("got a page that names who was signed in, want it not to")
		}
		machineOut(t, c, "signed out")
		c.Post("/signout").See(200).Says("You’re signed out.") // an old page's button
	})
}

// GET /api/v1/session tells a shop who is signed in, in the one shape that is
// promised, and a browser without a session gets a problem of RFC 9457 (A65).
func TestSessionAPI(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		c := app.Register(mara, first)
		p := c.Get("/api/v1/session").See(200)
		var got map[string]any
		if err := json.Unmarshal([]byte(p.Body), &got); err != nil || p.Header.Get("Content-Type") != "application/json" {
			t.Fatalf("got %s %q (%v), want JSON", p.Header.Get("Content-Type"), p.Body, err)
		}
		id := machineOpen(t, app).text(`SELECT id FROM accounts`)
		want := map[string]any{
			"account":     id,
			"identifiers": []any{map[string]any{"kind": "email", "value": mara}},
			"signed_in":   map[string]any{"at": "2026-05-03T12:31:00Z", "how": []any{"mail"}},
			"expires":     "2026-08-01T12:31:00Z",
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", got, want)
		}
		p = app.Client().Get("/api/v1/session").See(401)
		if got, want := p.Header.Get("Content-Type"), "application/problem+json"; got != want {
			t.Errorf("got type %q, want %q", got, want)
		}
		if got, want := p.Body, `{"type":"about:blank","title":"Unauthorized","status":401,"code":"not-signed-in"}`+"\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if p.Header.Get("WWW-Authenticate") == "" || len(p.Header.Values("Set-Cookie")) != 0 {
			t.Errorf("got %v, want a WWW-Authenticate and no cookie", p.Header)
		}
	})
}

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
			ours := strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "//") || strings.HasPrefix(a.Val, "https://lantern.test") ||
				strings.HasPrefix(a.Val, "#")
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
