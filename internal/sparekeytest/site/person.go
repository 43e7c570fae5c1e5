package site

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Agent is what a person's browser says of itself.
const Agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"

// A Person walks through the pages with a browser, and stops at what is not as
// it should be.
type Person struct {
	Addr    string // of the server
	Cookies map[string]string
	Page    string // the last one
	At      string // its path
	Status  int

	from   string
	client *http.Transport
}

// Person gives a new browser, at an address of its own.
func (p *Server) Person() *Person {
	return &Person{Addr: p.Addr, Cookies: map[string]string{}, from: From(), client: &http.Transport{DisableKeepAlives: true, ResponseHeaderTimeout: time.Minute}}
}

// From is a client's address out of many, for the word of a proxy.
func From() string {
	return fmt.Sprintf("%d.%d.%d.%d", 11+rand.IntN(100), rand.IntN(256), rand.IntN(256), rand.IntN(256))
}

// Jar gives the cookies as a request has them.
func (p *Person) Jar() string {
	var all []string
	for name, value := range p.Cookies {
		all = append(all, name+"="+value)
	}
	return strings.Join(all, "; ")
}

// A StatusError says that an answer was not the page that was wanted. The server
// did what that status says, and no more.
type StatusError struct {
	Method, Path string
	Status       int
	Page         string
}

// Error names the request and the status.
func (e *StatusError) Error() string {
	return fmt.Sprintf("%s %s: got status %d, want a page: %.300s", e.Method, e.Path, e.Status, e.Page)
}

// Answered reports whether an error is an answer of the server, and not the lack
// of one: then nobody knows what it did.
func Answered(err error) bool {
	var status *StatusError
	return err == nil || errors.As(err, &status)
}

// Get asks for a page.
func (p *Person) Get(path string) error { return p.do("GET", path, nil) }

var hidden = regexp.MustCompile(`name="(key|challenge)" value="([^"]*)"`)

// Submit fills in the form of the last page and sends it, and goes where that
// leads.
func (p *Person) Submit(path string, fields ...string) error {
	form := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(p.Page, -1) {
		form.Set(m[1], m[2])
	}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return p.do("POST", path, form)
}

func (p *Person) do(method, path string, form url.Values) error {
	if err := p.once(method, path, formKind, form.Encode()); err != nil {
		return err
	}
	for range 5 {
		if p.Status != http.StatusSeeOther {
			break
		}
		if err := p.once("GET", p.At, "", ""); err != nil {
			return err
		}
	}
	if p.Status != http.StatusOK {
		return &StatusError{method, path, p.Status, p.Page}
	}
	return nil
}

// Post sends a form and stays where it leads to without going there: what the
// server has answered by then is all that counts.
func (p *Person) Post(path string, fields ...string) error {
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	for _, m := range hidden.FindAllStringSubmatch(p.Page, -1) {
		if !form.Has(m[1]) {
			form.Set(m[1], m[2])
		}
	}
	if err := p.once("POST", path, formKind, form.Encode()); err != nil {
		return err
	}
	if p.Status != http.StatusSeeOther && p.Status != http.StatusOK {
		return &StatusError{"POST", path, p.Status, p.Page}
	}
	return nil
}

// Ask sends members, name and value in turn, as a program does: in JSON. Page is the
// answer.
func (p *Person) Ask(path string, members ...any) error {
	said := map[string]any{}
	for i := 0; i < len(members); i += 2 {
		said[members[i].(string)] = members[i+1]
	}
	body, err := json.Marshal(said)
	if err != nil {
		return err
	}
	if err := p.once("POST", path, "application/json", string(body)); err != nil {
		return err
	}
	if p.Status >= http.StatusBadRequest {
		return &StatusError{"POST", path, p.Status, p.Page}
	}
	return nil
}

// Watch posts a form that is answered with a stream of events, and gives what they
// say. It ends with end, or when the server ends it.
func (p *Person) Watch(path string, fields ...string) (events <-chan string, end func(), err error) {
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	req, err := p.request("POST", path, formKind, form.Encode())
	if err != nil {
		return nil, nil, err
	}
	ctx, end := context.WithCancel(context.Background())
	res, err := p.client.RoundTrip(req.WithContext(ctx))
	if err != nil {
		end()
		return nil, nil, err
	}
	said := make(chan string, 16)
	go func() {
		defer close(said)
		defer res.Body.Close()
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if event, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				said <- event
			}
		}
	}()
	return said, end, nil
}

const formKind = "application/x-www-form-urlencoded"

func (p *Person) request(method, path, kind, body string) (*http.Request, error) {
	req, err := http.NewRequest(method, "http://"+p.Addr+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Host = Host
	req.Header.Set("User-Agent", Agent)
	req.Header.Set("X-Forwarded-For", p.from)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if method == "POST" {
		req.Header.Set("Content-Type", kind)
	}
	if len(p.Cookies) > 0 {
		req.Header.Set("Cookie", p.Jar())
	}
	return req, nil
}

// once sends one request. At is where a redirect leads, else the page's own path.
func (p *Person) once(method, path, kind, body string) error {
	req, err := p.request(method, path, kind, body)
	if err != nil {
		return err
	}
	res, err := p.client.RoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	for _, c := range res.Cookies() {
		if p.Cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(p.Cookies, c.Name)
		}
	}
	p.Page, p.At, p.Status = string(page), path, res.StatusCode
	if res.StatusCode == http.StatusSeeOther {
		p.At = res.Header.Get("Location")
	}
	return nil
}
