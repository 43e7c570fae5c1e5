package sparekeytest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// Client is a browser without a screen: it keeps cookies, fills in forms and
// follows nothing by itself. It speaks to the handler directly.
type Client struct {
	t       testing.TB
	app     *App
	base    string // the origin
	Cookies map[string]string
	Header  http.Header // added to every request
	Addr    string      // the client's address and port
	Agent   string
	Watch   func(*Page) // if set, sees every answer
	at      string      // where the last redirect led to
}

// Client gives a new browser.
func (a *App) Client() *Client {
	return &Client{
		t: a.t, app: a, base: a.Settings.Origin().String(), Cookies: map[string]string{}, Header: http.Header{}, Addr: "203.0.113.7:4711",
		Agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
	}
}

// For makes t the test that fails if something is amiss: the target of a fuzz
// test, which must not touch the test around it.
func (c *Client) For(t testing.TB) *Client {
	c.t = t
	return c
}

// Clone gives a browser with the same cookies: another tab whose request is on
// its way at the same time.
func (c *Client) Clone() *Client {
	twin := *c
	twin.Cookies = map[string]string{}
	for k, v := range c.Cookies {
		twin.Cookies[k] = v
	}
	return &twin
}

// On gives the same browser, whose requests now go to another node: cookies and
// place stay.
func (c *Client) On(node *App) *Client {
	twin := *c
	twin.app = node
	return &twin
}

// At is the path that the last redirect led to.
func (c *Client) At() string { return c.at }

// Page is an answer.
type Page struct {
	client *Client
	Status int
	Header http.Header
	Body   string
	path   string
	method string
}

// Get asks for a page.
func (c *Client) Get(path string) *Page {
	c.t.Helper()
	return c.Do(http.MethodGet, path, nil)
}

// Post sends fields, name and value in turn, as a browser sends a form of our
// own pages.
func (c *Client) Post(path string, fields ...string) *Page {
	c.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return c.Do(http.MethodPost, path, strings.NewReader(form.Encode()))
}

// Ask sends members, name and value in turn, as a program of our own host sends
// them: in JSON.
func (c *Client) Ask(path string, members ...any) *Page {
	c.t.Helper()
	body := map[string]any{}
	for i := 0; i+1 < len(members); i += 2 {
		body[members[i].(string)] = members[i+1]
	}
	text, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.Do(http.MethodPost, path, strings.NewReader(string(text)))
}

// Do sends a request and keeps the cookies of its answer.
func (c *Client) Do(method, path string, body io.Reader) *Page {
	c.t.Helper()
	c.app.minted.sent(body)
	r := httptest.NewRequest(method, c.base+path, body)
	r.RemoteAddr = c.Addr
	r.Header.Set("User-Agent", c.Agent)
	if method == http.MethodPost || method == http.MethodDelete {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if method == http.MethodPost && strings.HasPrefix(path, "/api/") {
		r.Header.Set("Content-Type", "application/json")
	}
	for k, v := range c.Header {
		r.Header[k] = v
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	for k, v := range c.Cookies {
		r.AddCookie(&http.Cookie{Name: k, Value: v})
	}
	w := httptest.NewRecorder()
	c.app.Web.ServeHTTP(w, r)
	res := w.Result()
	c.app.minted.got(res.Cookies())
	for _, k := range res.Cookies() {
		if k.MaxAge < 0 {
			delete(c.Cookies, k.Name)
		} else {
			c.Cookies[k.Name] = k.Value
		}
	}
	if to := res.Header.Get("Location"); to != "" {
		c.at = to
	}
	p := &Page{client: c, Status: res.StatusCode, Header: res.Header, Body: w.Body.String(), path: path, method: method}
	c.app.minted.showed(p.Body)
	if c.Watch != nil {
		c.Watch(p)
	}
	return p
}

// Asked is what the page answers: a method and a path.
func (p *Page) Asked() (method, path string) { return p.method, p.path }

// See fails the test if the answer has another status.
func (p *Page) See(status int) *Page {
	p.client.t.Helper()
	if p.Status != status {
		p.client.t.Fatalf("%s: got status %d, want %d\n%s", p.path, p.Status, status, p.Text())
	}
	return p
}

// Says fails the test if the page does not hold the text.
func (p *Page) Says(text string) *Page {
	p.client.t.Helper()
	if !p.Holds(text) {
		p.client.t.Fatalf("%s: got %q, want it to say %q", p.path, p.Text(), text)
	}
	return p
}

// Holds reports whether the page shows the text.
func (p *Page) Holds(text string) bool { return strings.Contains(p.Text(), text) }

// Text is what a person reads, with single blanks.
func (p *Page) Text() string {
	doc, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		return p.Body
	}
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode && (n.Data == "style" || n.Data == "script" || n.Data == "title") {
			return
		}
		if n.Type == html.TextNode {
			b.WriteString(n.Data + " ")
		}
		for k := n.FirstChild; k != nil; k = k.NextSibling {
			walk(k)
		}
	}
	walk(doc)
	words := strings.Join(strings.Fields(b.String()), " ")
	for _, mark := range []string{".", ",", "?", ":"} {
		words = strings.ReplaceAll(words, " "+mark, mark)
	}
	return words
}

// Fields gives the fields of the page's form whose action ends in action, as
// they stand in it. It is nil if there is no such form.
func (p *Page) Fields(action string) (to string, fields url.Values) {
	doc, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		return "", nil
	}
	var find func(*html.Node) *html.Node
	find = func(n *html.Node) *html.Node {
		if n.Type == html.ElementNode && n.Data == "form" && strings.HasSuffix(attr(n, "action"), action) {
			return n
		}
		for k := n.FirstChild; k != nil; k = k.NextSibling {
			if f := find(k); f != nil {
				return f
			}
		}
		return nil
	}
	form := find(doc)
	if form == nil {
		return "", nil
	}
	fields = url.Values{}
	var collect func(*html.Node)
	collect = func(n *html.Node) {
		if n.Type == html.ElementNode && n.Data == "input" && attr(n, "name") != "" && attr(n, "type") != "checkbox" {
			fields.Set(attr(n, "name"), attr(n, "value"))
		}
		for k := n.FirstChild; k != nil; k = k.NextSibling {
			collect(k)
		}
	}
	collect(form)
	return attr(form, "action"), fields
}

// Submit fills in the form whose action ends in action and sends it.
func (p *Page) Submit(action string, fields ...string) *Page {
	p.client.t.Helper()
	to, form := p.Fields(action)
	if form == nil {
		p.client.t.Fatalf("%s: got no form that leads to %s, want one\n%s", p.path, action, p.Text())
	}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return p.client.Do(http.MethodPost, to, strings.NewReader(form.Encode()))
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
