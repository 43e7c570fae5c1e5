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
	if len(paths) < 3 {
		t.Fatalf("got %d routes of %s in routes.go, want all of them", len(paths), method)
	}
	return paths
}

// A shieldScene is a signed-in browser with everything there is to attack: a
// request for each route that would succeed if it came from our own pages.
type shieldScene struct {
	path  func(route string) string
	posts []shieldPost // each leaves the next ones possible
}

type shieldPost struct {
	route  string
	fields []string
}

func shieldSet(t *testing.T, app *sparekeytest.App, c *sparekeytest.Client) shieldScene {
	phone := pairs(app, app.Register(mara, first), mara)
	app.Deliver()
	app.Sleep(sparekey.YoungFor)
	c.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
	saved := machineStart(c, "/account/ways", "do", "add", "way", "saved")
	machineProve(app, c, saved, mara)
	c.Get("/flow/" + saved).Submit("/act").See(303)
	open := spendsHour(t, app, mara)
	machineSignIn(app, mara, first) // the other device
	proved := machineStart(c, "/recover", "login", mara)
	machineProve(app, c, proved, mara)
	exported := machineStart(c, "/account/data")
	c.Get("/flow/" + exported).Submit("/act").See(303)
	asked := machineStart(c, "/recover", "login", mara)
	code := app.Code(mara)
	mails := app.Sink.Mails(mara)
	stop := strings.TrimPrefix(mails[len(mails)-1].StopURL(), sparekeytest.URL+"/stop/")
	secure := secureLink(t, app, mara)
	scanned := machineStart(c, "/recover", "login", mara)
	app.Deliver()
	choose(c, "/flow/"+scanned, "app").See(303)
	_, form := c.Get("/flow/" + asked).Fields("/answer")
	challenge := form.Get("challenge")
	app.Sleep(time.Minute) // "Get code" is open again
	flowScreen, short := sparekeytest.ScreenOf(c.Get("/flow/" + scanned))
	signInScreen := &screened{Client: c}
	other := seen(t, signInScreen)
	var request sparekeytest.Request
	phone.Read(phone.Scan(short).See(201), &request)
	phone.Scan(other).See(201)
	return shieldScene{
		path: func(route string) string {
			flow := asked
			switch {
			case strings.HasSuffix(route, "/act"):
				flow = proved
			case strings.HasSuffix(route, "/data"):
				flow = exported
			case strings.HasPrefix(route, "/flow/{id}/saved"):
				flow = saved
			case strings.HasSuffix(route, "/screen"):
				flow = scanned
			case strings.HasPrefix(route, "/api/v1/app/requests"):
				flow = request.ID
			}
			switch {
			case strings.HasPrefix(route, "/secure"):
				return secure
			case strings.HasPrefix(route, "/open"):
				return open
			}
			name := "sparekey.js"
			if strings.HasPrefix(route, "/app/") {
				name = "manifest.webmanifest"
			}
			return strings.NewReplacer("{id}", flow, "{token}", stop, "{name}", name).Replace(route)
		},
		posts: []shieldPost{
			{"/language", []string{"lang", "ar", "to", "/flow/" + asked}},
			{"/signin/passkey", nil},
			{"/signin/screen", []string{"screen", signInScreen.nonce, "once", "1"}},
			{"/flow/{id}/screen", []string{"screen", flowScreen, "once", "1"}},
			{"/register", []string{"login", "new." + mara, "password", second}},
			{"/recover", []string{"login", mara}},
			{"/flow/{id}/again", []string{"challenge", challenge}},
			{"/flow/{id}/ways", []string{"way", "mail"}},
			{"/flow/{id}/saved", []string{"kept", "1"}},
			{"/account/ways", []string{"do", "two-on"}},
			{"/account/check", nil},
			{"/account/password", nil},
			{"/account/profile", []string{"name", "Mara", "lang", "ar"}},
			{"/account/data", []string{"what", "export"}},
			{"/secure/{token}", nil},
			{"/open/{token}", nil},
			{"/account/devices", []string{"others", "1"}},
			{"/signin", []string{"login", mara, "password", first}},
			{"/signout", nil},
			{"/flow/{id}/answer", []string{"challenge", challenge, "code", code}},
			{"/flow/{id}/act", []string{"password", second, "password_again", second}},
			{"/stop/{token}", nil},
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
		rows, c := app.Rows(), app.Client()
		scene := shieldSet(t, app, c)
		before, cookies := rows.Dump(), maps.Clone(c.Cookies)
		for _, route := range shieldRoutes(t, "POST") {
			if strings.HasPrefix(route, "/api/") {
				continue // see TestA62OtherSitesAreNoPrograms
			}
			if !slices.ContainsFunc(scene.posts, func(p shieldPost) bool { return p.route == route }) {
				t.Errorf("got no request for the route %s, want one in shieldSet", route)
			}
		}
		for _, post := range scene.posts {
			for n, header := range foreign {
				evil := c.Clone()
				evil.Addr = fmt.Sprintf("198.51.100.%d:4711", n)
				evil.Header = http.Header{"Sec-Fetch-Site": nil}
				maps.Copy(evil.Header, header)
				p := evil.Post(scene.path(post.route), post.fields...)
				if p.Status != 403 || !p.Holds("This form came from an old tab.") {
					t.Errorf("POST %s with %v: got %d %q, want 403 and the sentence", post.route, header, p.Status, p.Text())
				}
				if !maps.Equal(evil.Cookies, cookies) || p.Header.Get("Location") != "" {
					t.Errorf("POST %s with %v: got new cookies or a way on, want none", post.route, header)
				}
			}
			login := app.Client() // login CSRF: the browser was never here
			login.Header = http.Header{"Sec-Fetch-Site": {"cross-site"}}
			if p := login.Post(scene.path(post.route), post.fields...); p.Status != 403 || login.Cookies["__Host-session"] != "" {
				t.Errorf("POST %s without a cookie: got %d, want 403 and no session", post.route, p.Status)
			}
		}
		if got := sparekeytest.Changed(before, rows.Dump()); got != nil {
			t.Errorf("got changes in %v, want none", got)
		}
		for _, post := range scene.posts { // the same requests, from our own pages
			was := rows.Dump()
			p := c.Post(scene.path(post.route), post.fields...)
			if changed := sparekeytest.Changed(was, rows.Dump()); p.Status != 303 && p.Status != 200 || changed == nil && post.route != "/signin/passkey" {
				t.Errorf("POST %s from our own page: got %d and changes in %v, want it done: else it proves nothing", post.route, p.Status, changed)
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
		scene := shieldSet(t, app, c)
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
	machineProve(app, c, flow, mara)
	for _, path := range []string{"/", "/signin", "/account", "/account/password", "/account/devices", "/api/v1/session", "/flow/" + flow} {
		c.Get(path)
	}
	c.Post("/language", "lang", "ar", "to", "/account").See(303)
	c.Post("/language", "lang", "en", "to", "/account").See(303)
	c.Post("/account/devices", "session", "nobody's").See(404)
	c.Get("/account").Submit("/signout").See(303)
	c.Get("/signin").Submit("/signin", "login", mara, "password", "not it").See(422)
	c.Get("/signin").Submit("/signin", "login", mara, "password", first, "shared", "1").See(303)
	c.Get("/account").Submit("/signout").See(303)
	flow = machineStart(c, "/recover", "login", mara)
	app.Deliver()
	c.Get("/flow/"+flow+"/ways").Submit("/ways", "way", "saved").See(303)
	c.Get("/flow/" + flow).See(200)
	c.Get("/flow/"+flow+"/ways").Submit("/ways", "way", "mail").See(303)
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
	shieldProgram(app, c)
	c.Get("/assets/none").See(404)
	return c
}

// Every answer on the journey, whatever it is, forbids frames, sniffing,
// referrers and anything that is not ours, speaks to no other origin, and is
// kept by no cache but the script (A63, A65, A66, ASVS 3.4.1 to 3.4.8, 14.3.2).
// Every cookie is tied to this host, path and HTTPS, and hidden from scripts;
// no secret stands anywhere but in a cookie (ASVS 3.3.1 to 3.3.5).
func TestA63EveryAnswer(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		nonces, statuses, cookies, secrets := map[string]bool{}, map[int]bool{}, map[string]bool{}, map[string]bool{}
		var said strings.Builder
		shieldJourney(app, func(p *sparekeytest.Page) {
			statuses[p.Status] = true
			said.WriteString(p.Body + p.Header.Get("Location") + "\n")
			shieldHeaders(t, p, nonces)
			for _, line := range p.Header.Values("Set-Cookie") {
				k, err := http.ParseSetCookie(line)
				if err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				if cookies[k.Name] = true; len(k.Value) == 43 {
					secrets[k.Value] = true
				}
				if !strings.HasPrefix(k.Name, "__Host-") || !k.Secure || !k.HttpOnly || k.SameSite != http.SameSiteLaxMode ||
					k.Path != "/" || k.Domain != "" || len(line) > 4096 || len(k.Unparsed) > 0 {
					t.Errorf("got cookie %q, want __Host-, Secure, HttpOnly, SameSite=Lax, Path=/ and no Domain", line)
				}
			}
		})
		for _, status := range []int{200, 201, 204, 303, 400, 401, 403, 404, 405, 413, 415, 421, 422} {
			if !statuses[status] {
				t.Errorf("got no answer %d on the journey, want one of each kind", status)
			}
		}
		want := []string{"__Host-browser", "__Host-known", "__Host-lang", "__Host-misses", "__Host-note", "__Host-session"}
		if got := slices.Sorted(maps.Keys(cookies)); !slices.Equal(got, want) {
			t.Errorf("got cookies %v, want %v", got, want)
		}
		for value := range secrets {
			if strings.Contains(said.String(), value) {
				t.Errorf("got a cookie's secret in a page or an address, want it in cookies alone")
			}
		}
	})
}

// shieldHeaders checks the headers that every answer has.
func shieldHeaders(t *testing.T, p *sparekeytest.Page, nonces map[string]bool) {
	t.Helper()
	csp := p.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "connect-src 'self';", "form-action 'self' https://lantern.test;"} {
		if !strings.Contains(csp, part) {
			t.Errorf("%d: got policy %q, want %s in it", p.Status, csp, part)
		}
	}
	if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") || strings.Contains(csp, "http:") {
		t.Errorf("%d: got policy %q, want no hole in it", p.Status, csp)
	}
	nonce := regexp.MustCompile(`'nonce-([^']+)'`).FindString(csp)
	if nonce == "" || nonces[nonce] {
		t.Errorf("%d: got policy %q, want a nonce that is new", p.Status, csp)
	}
	nonces[nonce] = true
	cache := "no-store"
	if strings.HasPrefix(p.Header.Get("Content-Type"), "text/javascript") {
		cache = "public, max-age=31536000, immutable"
	}
	for name, want := range map[string]string{
		"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cache-Control": cache,
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		"Strict-Transport-Security": "max-age=31536000; includeSubDomains",
	} {
		if got := p.Header.Get(name); got != want {
			t.Errorf("%d: got %s %q, want %q", p.Status, name, got, want)
		}
	}
	shieldNoCORS(t, p)
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

// After a sign-out the pages are gone, from the browser's cache too (A66, ASVS
// 14.3.1).
func TestA66SignOutLeavesNothing(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		c := app.Register(mara, first)
		c.Get("/account").See(200).Says(mara)
		p := c.Get("/account").Submit("/signout").See(303)
		if got := p.Header.Get("Clear-Site-Data"); got != `"cache"` {
			t.Errorf("got Clear-Site-Data %q, want %q", got, `"cache"`)
		}
		if p.Holds(mara) {
			t.Errorf("got a page that names who was signed in, want it not to")
		}
		machineOut(t, c, "signed out")
		c.Post("/signout").See(303) // an old page's button
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
		id := app.Rows().Text(`SELECT id FROM accounts`)
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
