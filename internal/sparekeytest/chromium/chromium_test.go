package chromium

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sparekey/internal/sparekeytest/guard"
)

func TestMain(m *testing.M) {
	code := m.Run()
	Stop()
	os.Exit(code)
}

// A site is a small server with forms, as strict about its pages as Sparekey.
type site struct {
	*httptest.Server
	mu    sync.Mutex
	posts []string // the bodies, in the order they came
	slow  chan struct{}
	views atomic.Int64
}

const policy = "default-src 'none'; img-src data:; script-src 'self'; style-src 'nonce-abc'; form-action 'self'; base-uri 'none'"

func newSite(t *testing.T) *site {
	s := &site{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page(`<form method="post" action="/hello">
		<label for="name">Name</label><input id="name" name="name" value="old">
		<button>Continue</button></form>
		<p id="lang"></p><a href="/next">Next page</a> <a href="#end">End</a>
		<p hidden id="secret">kept</p><p id="end">The end.</p>
		<noscript><p id="bare">No scripts here.</p></noscript>`))
	mux.HandleFunc("POST /hello", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.posts = append(s.posts, string(body))
		s.mu.Unlock()
		http.SetCookie(w, &http.Cookie{
			Name: "__Host-flow", Value: "v1", Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		})
		if s.slow != nil {
			<-s.slow
		}
		http.Redirect(w, r, "/next", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /next", func(w http.ResponseWriter, r *http.Request) {
		cookie, _ := r.Cookie("__Host-flow")
		text := "none"
		if cookie != nil {
			text = cookie.Value
		}
		s.page(fmt.Sprintf(`<h2>Next</h2><p id="cookie">%s</p><p id="says">%s | %s</p>`,
			text, r.Header.Get("Accept-Language"), r.UserAgent()))(w, r)
	})
	mux.HandleFunc("GET /bad", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusUnprocessableEntity)
		s.page(`<p style="color:red">Styled.</p><img src="/picture.png"><input><script>alert(1)</script>`)(w, r)
	})
	mux.HandleFunc("GET /covered", s.page(`<button id="b" disabled>Wait</button>
		<div class="over"><a id="under" href="/next">Under</a><div class="lid">Lid</div></div>`))
	mux.HandleFunc("GET /script.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		io.WriteString(w, `document.documentElement.dataset.script = 'ran'
			addEventListener('click', (e) => { if (e.target.id === 'later') setTimeout(() => { document.querySelector('#b').disabled = false }, 50) })`)
	})
	mux.HandleFunc("GET /later", s.page(`<button id="later">Later</button>
		<form action="/next"><button id="b" disabled>Go</button></form>`))
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *site) posted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.posts)
}

func (s *site) page(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		s.views.Add(1)
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", policy)
		h.Set("Cache-Control", "no-store")
		fmt.Fprintf(w, `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Site</title>
			<link rel="icon" href="data:,">
			<style nonce="abc">body{background:rgb(255,255,255)}@media(prefers-color-scheme:dark){body{background:rgb(1,2,3);color:#fff}a{color:#9cf}}
			.over{position:relative}.lid{position:absolute;inset:0;background:#fff}</style>
			<script src="/script.js" defer></script><main><h1>Site</h1>%s</main></html>`, body)
	}
}

// Everything a person does works with the scripts of pages off and on.
func TestTabFillsInFormsWithScriptsOffAndOn(t *testing.T) {
	for _, script := range []bool{false, true} {
		t.Run(fmt.Sprintf("script=%t", script), func(t *testing.T) {
			s := newSite(t)
			tab := Open(t).Tab(t, TabOptions{Base: s.URL, Script: script})
			tab.Go("/")
			if got := tab.Attribute("html", "data-script"); got != map[bool]string{false: "", true: "ran"}[script] {
				t.Errorf("the script of the page: got %q", got)
			}
			if got := tab.Count("#bare"); got != map[bool]int{false: 1, true: 0}[script] {
				t.Errorf("what stands in noscript: got %d elements", got)
			}
			tab.Fill("#name", "Ann & Łucja")
			if got := tab.Value("#name"); got != "Ann & Łucja" {
				t.Errorf("field: got %q", got)
			}
			tab.Press("text=Continue")
			if got := tab.Path(); got != "/next" {
				t.Errorf("path: got %s, want /next", got)
			}
			tab.Back()
			tab.WaitText("The end.")
			tab.Fill("#name", "")
			tab.Enter("#name")
			if got, want := s.posted(), []string{"name=Ann+%26+%C5%81ucja", "name="}; !slices.Equal(got, want) {
				t.Errorf("posted: got %q, want %q", got, want)
			}
			if got := tab.Title() + " " + tab.Text("h2") + " " + tab.URL(); got != "Site Next "+s.URL+"/next" {
				t.Errorf("title, heading, address: got %s", got)
			}
			tab.Go("/")
			tab.Press("text=End")
			if got := tab.URL(); got != s.URL+"/#end" {
				t.Errorf("a link on the page: got %s", got)
			}
			if got := tab.Text("#secret"); got != "kept" {
				t.Errorf("a hidden text: got %q, want kept", got)
			}
			before := s.views.Load()
			tab.Reload()
			if got := s.views.Load(); got != before+1 || !strings.Contains(tab.HTML(), "The end.") {
				t.Errorf("reload: got %d views, want %d", got, before+1)
			}
			if got := tab.ConsoleErrors(); got != nil {
				t.Errorf("errors: %q", got)
			}
		})
	}
}

// A click waits until a script has made its button ready.
func TestTabWaitsForScripts(t *testing.T) {
	tab := Open(t).Tab(t, TabOptions{Base: newSite(t).URL, Script: true})
	tab.Go("/later")
	tab.Click("#later")
	tab.Press("#b")
	if got := tab.Path(); got != "/next" {
		t.Errorf("path: got %s, want /next", got)
	}
}

// Chromium keeps __Host- cookies, which are Secure, of http://127.0.0.1. Two
// tabs of one profile share them, other profiles do not.
func TestTabKeepsSecureCookiesOfThisMachine(t *testing.T) {
	s := newSite(t)
	if !strings.HasPrefix(s.URL, "http://127.0.0.1:") {
		t.Fatalf("the site is at %s", s.URL)
	}
	tab := Open(t).Tab(t, TabOptions{Base: s.URL})
	tab.Go("/")
	tab.Press("text=Continue")
	if got := tab.Text("#cookie"); got != "v1" {
		t.Errorf("the cookie sent: got %s, want v1", got)
	}
	cookies := tab.Cookies()
	if len(cookies) != 1 || cookies[0].Name != "__Host-flow" || !cookies[0].Secure || !cookies[0].HttpOnly ||
		cookies[0].SameSite != http.SameSiteLaxMode || cookies[0].Path != "/" || !cookies[0].Expires.IsZero() {
		t.Errorf("cookies: got %v", cookies)
	}
	twin, stranger := tab.NewTab(), Open(t).Tab(t, TabOptions{Base: s.URL})
	twin.Go("/next")
	stranger.Go("/next")
	if got := twin.Text("#cookie") + " " + stranger.Text("#cookie"); got != "v1 none" {
		t.Errorf("the cookies of a second tab and of a stranger: got %s, want v1 none", got)
	}
	stranger.SetCookie(&http.Cookie{
		Name: "__Host-flow", Value: "v2", Path: "/", Secure: true, HttpOnly: true,
		Expires: time.Now().Add(time.Hour),
	})
	stranger.Reload()
	if got := stranger.Text("#cookie") + stranger.Cookie("__Host-flow"); got != "v2v2" {
		t.Errorf("a cookie set: got %s, want v2v2", got)
	}
	stranger.ClearCookies()
	if got := stranger.Cookies(); got != nil {
		t.Errorf("cookies after they were cleared: %v", got)
	}
}

// A double click sends the form twice, as a person's would, and ends on the
// page that came of it.
func TestTabClicksTwice(t *testing.T) {
	s := newSite(t)
	s.slow = make(chan struct{})
	tab := Open(t).Tab(t, TabOptions{Base: s.URL})
	tab.Go("/")
	open := make(chan struct{})
	go func() {
		defer close(open)
		// The first answer waits until the second request is there.
		guard.Within(patience, func() bool { return len(s.posted()) == 2 })
		close(s.slow)
	}()
	tab.DoubleClick("text=Continue")
	<-open
	if got, want := s.posted(), []string{"name=old", "name=old"}; !slices.Equal(got, want) {
		t.Errorf("posted: got %q, want %q", got, want)
	}
	if got := tab.Text("h2"); got != "Next" {
		t.Errorf("heading: got %s, want Next", got)
	}
}

// The requests of a page are counted with their bytes, and those of the page
// before it are not.
func TestTabCountsRequests(t *testing.T) {
	for script, want := range map[bool][]string{false: {"Document"}, true: {"Document", "Script"}} {
		s := newSite(t)
		tab := Open(t).Tab(t, TabOptions{Base: s.URL, Script: script})
		tab.Go("/bad")
		tab.Go("/")
		tab.Press("text=Continue")
		var types []string
		for _, r := range tab.Requests() {
			types = append(types, r.Type)
			if r.Status != 200 || r.Failed != "" || r.Decoded < 100 || r.Encoded < r.Decoded {
				t.Errorf("got %+v, want status 200 and bytes", r)
			}
			if r.Type == "Document" && (r.Redirected != 1 || r.URL != s.URL+"/next" || r.Decoded < 500) {
				t.Errorf("got %+v, want the page after one redirection", r)
			}
		}
		if !slices.Equal(types, want) {
			t.Errorf("script=%t: got %v, want %v", script, types, want)
		}
	}
}

// What a page's policy refuses, and what is wrong with it for those who do
// not see, comes to light with scripts off and on.
func TestTabTellsWhatIsWrongWithAPage(t *testing.T) {
	for _, script := range []bool{false, true} {
		s := newSite(t)
		tab := Open(t).Tab(t, TabOptions{Base: s.URL, Script: script})
		tab.Go("/bad")
		if got := tab.Status(); got != http.StatusUnprocessableEntity {
			t.Errorf("script=%t: got status %d, want 422", script, got)
		}
		errors := strings.Join(tab.ConsoleErrors(), "\n")
		want := []string{"style", "picture.png"}
		if script {
			want = append(want, "inline script")
		}
		for _, what := range want {
			if !strings.Contains(errors, what) {
				t.Errorf("script=%t: got the errors\n%s\nwant one about %s", script, errors, what)
			}
		}
		var broken []string
		for _, v := range tab.Axe() {
			broken = append(broken, v.ID)
			if len(v.Nodes) == 0 || !strings.Contains(v.String(), v.Nodes[0].HTML) {
				t.Errorf("the rule %s does not name its element: %s", v.ID, v)
			}
		}
		for _, rule := range []string{"image-alt", "label"} {
			if !slices.Contains(broken, rule) {
				t.Errorf("script=%t: got the rules %v broken, want %s", script, broken, rule)
			}
		}
		tab.Go("/")
		if got := tab.Axe(); len(got) > 0 {
			t.Errorf("script=%t: a good page breaks %v", script, got)
		}
		if got := tab.Attribute("html", "data-script") == "ran"; got != script {
			t.Errorf("script=%t: the script of the page ran: %t", script, got)
		}
		tab.Reload()
		if got := tab.Attribute("html", "data-script") == "ran"; got != script {
			t.Errorf("script=%t, after axe and a reload: the script of the page ran: %t", script, got)
		}
	}
}

// A tab looks like the device and speaks the language of its options, and the
// picture shows the whole page.
func TestTabIsTheDeviceOfItsOptions(t *testing.T) {
	s := newSite(t)
	for _, test := range []struct {
		o             TabOptions
		width, pixels float64
		paper, agent  string
	}{
		{TabOptions{}, 1280, 1, "rgb(255, 255, 255)", "X11; Linux"},
		{TabOptions{Phone: true, Dark: true, Lang: "ar,en;q=0.5"}, 390, 2, "rgb(1, 2, 3)", "Android 10; K"},
	} {
		test.o.Base = s.URL
		tab := Open(t).Tab(t, test.o)
		tab.Go("/next")
		var got struct {
			Width, Pixels float64
			Paper         string
		}
		tab.Eval(`({width: innerWidth, pixels: devicePixelRatio, paper: getComputedStyle(document.body).backgroundColor})`, &got)
		if got.Width != test.width || got.Pixels != test.pixels || got.Paper != test.paper {
			t.Errorf("%+v: got %+v", test.o, got)
		}
		says, want := tab.Text("#says"), test.o.Lang
		if want == "" {
			want = "en"
		}
		language, agent, _ := strings.Cut(says, " | ")
		if !strings.HasPrefix(language, strings.Split(want, ",")[0]) || !strings.Contains(agent, test.agent) || strings.Contains(agent, "Headless") {
			t.Errorf("%+v: says %s", test.o, says)
		}
		tab.Screenshot("sparekeytest/" + t.Name())
		dir, err := outFolder("screens")
		if err != nil {
			t.Fatal(err)
		}
		picture := filepath.Join(dir, "sparekeytest-"+t.Name()+".png")
		if info, err := os.Stat(picture); err != nil || info.Size() < 1000 {
			t.Errorf("picture: %v, %v", info, err)
		}
		os.Remove(picture)
	}
}

// A test process that is killed leaves neither a browser nor a folder behind.
func TestChromiumEndsWithAKilledProcess(t *testing.T) {
	guard.Killed(t, func() string { return Open(t).folder })
}

// What a person cannot press, a test cannot press either; the failure says
// what is in the way.
func TestTabPressesOnlyWhatAPersonCan(t *testing.T) {
	tab := Open(t).Tab(t, TabOptions{Base: newSite(t).URL})
	tab.Go("/covered")
	for selector, want := range map[string]string{
		"#b":       "it is disabled",
		"#under":   "it is covered by <div class=",
		"#nowhere": "it finds 0 elements to be seen, 0 in all",
		"main *":   "elements to be seen",
	} {
		var found found
		expression := fmt.Sprintf("(%s)(%s, 'point')", finder, quote(selector))
		tab.Eval(expression, &found)
		if !strings.Contains(found.Problem, want) {
			t.Errorf("%s: got %q, want %q", selector, found.Problem, want)
		}
	}
	if got := tab.shows(); !strings.Contains(got, "/covered (Site) shows:\nSite\nWait") {
		t.Errorf("what the tab shows: got %s", got)
	}
}
