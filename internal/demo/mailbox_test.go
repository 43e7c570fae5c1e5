package demo

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

const site = "http://localhost:8080"

// at is the time of every mail.
var at = time.Date(2026, 5, 3, 13, 31, 0, 0, time.UTC)

// open starts a mailbox and gives the address of its mail server.
func open(t *testing.T) (*Mailbox, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := NewMailbox(site, func() time.Time { return at })
	ended := make(chan error, 1)
	go func() { ended <- m.ServeSMTP(l) }()
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if err := <-ended; err != nil {
			t.Errorf("the mail server ended with %v, want nil", err)
		}
	})
	return m, l.Addr().String()
}

// send sends a mail with two parts.
func send(t *testing.T, addr, to, subject, text, page string) {
	t.Helper()
	body := "From: Lantern Market <hello@sparekey.example>\r\nTo: <" + to + ">\r\nSubject: " + subject +
		"\r\nOTP-Token: 41830275\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=cut\r\n\r\n" +
		"--cut\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\n" + text +
		"\r\n--cut\r\nContent-Type: text/html; charset=UTF-8\r\n\r\n" + page + "\r\n--cut--\r\n"
	if err := smtp.SendMail(addr, nil, "hello@sparekey.example", []string{to}, []byte(body)); err != nil {
		t.Fatal(err)
	}
}

// get asks the mailbox for a page.
func get(t *testing.T, m *Mailbox, target string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Host = "localhost:8081"
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, r)
	return w
}

// A mail that comes by SMTP is in the list, newest first, and has a page with
// all that a person looks for.
func TestMailArrives(t *testing.T) {
	m, addr := open(t)
	send(t, addr, "mara@example.com", "=?utf-8?q?Your_=C3=9Cber_code?=", "Hello Mara,\r\n    4183 0275\r\n", "<html><head></head><p>41830275</p>")
	send(t, addr, "abe@example.com", "another", "Hello Abe,", "<p>x</p>")
	one := m.Mails("mara@example.com")
	if len(one) != 1 {
		t.Fatalf("got %d mails to mara, want 1", len(one))
	}
	want := Mail{
		ID: "1", From: "hello@sparekey.example", To: "mara@example.com", Subject: "Your Über code",
		Text: "Hello Mara,\n    4183 0275\n", HTML: "<html><head></head><p>41830275</p>", Code: "41830275", At: at,
	}
	if one[0] != want {
		t.Errorf("got %+v, want %+v", one[0], want)
	}
	list := get(t, m, "/").Body.String()
	if a, b := strings.Index(list, "another"), strings.Index(list, "Your Über code"); a < 0 || b < a {
		t.Errorf("the newest mail is not first, or one is missing:\n%s", list)
	}
	if own := get(t, m, "/?to=mara%40example.com").Body.String(); strings.Contains(own, "another") || !strings.Contains(own, "Your Über code") {
		t.Errorf("the list of one address shows others', or not its own:\n%s", own)
	}
	page := get(t, m, "/mail/1").Body.String()
	for _, part := range []string{"Your Über code", "mara@example.com", "hello@sparekey.example", "4183 0275", `src="/mail/1/html"`} {
		if !strings.Contains(page, part) {
			t.Errorf("the page of the mail lacks %q:\n%s", part, page)
		}
	}
	if got, want := get(t, m, "/mail/1/html").Body.String(), `<html><head><base target="_blank"></head><p>41830275</p>`; got != want {
		t.Errorf("got %q in the frame, want %q", got, want)
	}
	if w := get(t, m, "/mail/9"); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "gone") {
		t.Errorf("got %d for a mail that is not there, want 404 and a page", w.Code)
	}
}

// Nothing in a mail becomes markup of the mailbox, and its HTML is shut in: it
// runs nothing, loads nothing, and cannot be shown by another site.
func TestMailIsShutIn(t *testing.T) {
	m, addr := open(t)
	evil := `<script>alert(1)</script><img src=https://evil.example/x>`
	send(t, addr, "mara@example.com", evil, evil, evil)
	for _, target := range []string{"/", "/mail/1", "/?to=%3Cscript%3E", "/mail/%3Cscript%3E"} {
		w := get(t, m, target)
		for _, tag := range tags(t, w.Body.String()) {
			if tag.Data == "script" || tag.Data == "img" || attr(tag, "style") != "" || attr(tag, "onload") != "" {
				t.Errorf("%s has <%s>", target, tag.Data)
			}
			if sandbox := attr(tag, "sandbox"); tag.Data == "iframe" && (sandbox == "" || strings.Contains(sandbox, "allow-s")) {
				t.Errorf("%s has a frame with the sandbox %q", target, sandbox)
			}
		}
		if got := w.Header().Get("Content-Security-Policy"); got != pagePolicy || !strings.Contains(got, "default-src 'none'") {
			t.Errorf("%s: got the policy %q", target, got)
		}
	}
	w := get(t, m, "/mail/1/html")
	for _, part := range []string{"default-src 'none'", "sandbox ", "frame-ancestors 'self'"} {
		if got := w.Header().Get("Content-Security-Policy"); !strings.Contains(got, part) || strings.Contains(got, "allow-scripts") {
			t.Errorf("in the frame: got the policy %q, want %q in it", got, part)
		}
	}
	for _, name := range []string{"Cache-Control", "Referrer-Policy", "X-Content-Type-Options"} {
		if w.Header().Get(name) == "" {
			t.Errorf("in the frame: no %s", name)
		}
	}
}

// In the text of a mail only our own addresses are links: what else looks like
// one stays text.
func TestLinks(t *testing.T) {
	m := NewMailbox(site, time.Now)
	for text, want := range map[string]string{
		"Stop: http://localhost:8080/stop/q7F-_x. Or not": "http://localhost:8080/stop/q7F-_x",
		"(http://localhost:8080/recover)":                 "http://localhost:8080/recover",
		"http://localhost:8080.evil.example/stop/x":       "",
		"http://localhost:80801/stop/x":                   "",
		"http://localhost:8080@evil.example/":             "",
		"https://evil.example/http":                       "",
		"javascript:alert(1)":                             "",
	} {
		var got, whole string
		for _, p := range m.link(text) {
			whole += p.Text
			if p.Link {
				got += p.Text
			}
		}
		if got != want || whole != text {
			t.Errorf("%q: got the link %q in %q, want %q", text, got, whole, want)
		}
	}
}

// A page of another site cannot read the codes by giving this machine a name
// of its own (DNS rebinding), and nothing but reading is answered.
func TestOnlyThisMachineReads(t *testing.T) {
	m := NewMailbox(site, time.Now)
	for host, want := range map[string]int{
		"localhost": 200, "localhost:8081": 200, "127.0.0.1:8081": 200, "[::1]:8081": 200,
		"evil.example": 421, "localhost.evil.example:8081": 421, "127.0.0.1.evil.example": 421, "10.0.0.1": 421, "": 421,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("host %q: got %d, want %d", host, w.Code, want)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.Host = "localhost"
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: got %d, want 405", w.Code)
	}
}

// Every page says that this is a demo, has one heading, works without a script
// and asks for nothing but its own style and mail.
func TestPages(t *testing.T) {
	m, addr := open(t)
	empty := get(t, m, "/").Body.String()
	send(t, addr, "mara@example.com", "=?utf-8?b?2LHZhdiy2YM=?=", "text", "<p>x</p>")
	for name, page := range map[string]string{
		"empty": empty, "list": get(t, m, "/").Body.String(), "mail": get(t, m, "/mail/1").Body.String(),
		"own": get(t, m, "/?to=mara%40example.com").Body.String(), "gone": get(t, m, "/mail/9").Body.String(),
	} {
		count := map[string]int{}
		for _, tag := range tags(t, page) {
			count[tag.Data]++
			for _, key := range []string{"src", "href"} {
				if to := attr(tag, key); to != "" && !strings.HasPrefix(to, "/") && to != site {
					t.Errorf("%s: <%s> leads to %s", name, tag.Data, to)
				}
			}
		}
		if count["h1"] != 1 || count["script"] != 0 || count["title"] != 1 {
			t.Errorf("%s: got %d headings, %d titles, %d scripts", name, count["h1"], count["title"], count["script"])
		}
		if !strings.Contains(page, "This is a demo.</b> No mail leaves this machine.") {
			t.Errorf("%s does not say that it is a demo", name)
		}
	}
	// An Arabic subject runs its own way.
	if page := get(t, m, "/mail/1").Body.String(); !strings.Contains(page, `<h1 dir="auto">رمزك</h1>`) {
		t.Errorf("the subject has no direction of its own:\n%s", page)
	}
	style := get(t, m, "/style.css")
	if got := style.Header().Get("Content-Type"); got != "text/css; charset=utf-8" {
		t.Errorf("style: got %q", got)
	}
	if found := regexp.MustCompile(`url\(|@import|\b(left|right):`).FindString(style.Body.String()); found != "" {
		t.Errorf("the style has %q: it loads nothing, and runs either way", found)
	}
}

// The box keeps the newest 500 mails.
func TestOldestMakesRoom(t *testing.T) {
	m := NewMailbox(site, time.Now)
	for n := range maxMails + 3 {
		m.add(Mail{Subject: fmt.Sprint(n + 1)})
	}
	list := m.Mails("")
	if len(list) != maxMails || list[0].Subject != "4" || list[0].ID != "4" || list[maxMails-1].Subject != "503" {
		t.Errorf("got %d mails from %s to %s, want 500 from 4 to 503", len(list), list[0].Subject, list[len(list)-1].Subject)
	}
	if _, ok := m.mail("3"); ok {
		t.Error("the third mail is there still")
	}
}

// Wait finds the mail that comes while it waits, and ends with its context.
func TestWait(t *testing.T) {
	m, addr := open(t)
	got := make(chan Mail, 1)
	go func() {
		one, err := m.Wait(t.Context(), "mara@example.com", 2)
		if err != nil {
			t.Errorf("wait: %v", err)
		}
		got <- one
	}()
	for _, to := range []string{"mara@example.com", "abe@example.com", "mara@example.com"} {
		send(t, addr, to, "to "+to, "x", "<p>x</p>")
	}
	if one := <-got; one.ID != "3" {
		t.Errorf("got mail %s, want the third", one.ID)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := m.Wait(ctx, "", 4); err == nil {
		t.Error("a wait that was ended found a mail")
	}
}

// A mailbox that is closed before it has begun to take mail takes none and
// ends.
func TestClosedAtOnce(t *testing.T) {
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		m := NewMailbox(site, time.Now)
		ended := make(chan error, 1)
		go func() { ended <- m.ServeSMTP(l) }()
		if err := m.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
		if err := <-ended; err != nil {
			t.Fatalf("got %v, want nil", err)
		}
		if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
			t.Fatal("somebody still listens")
		}
	}
}

// What is not a mail is refused and not kept; a mail without parts is.
func TestStrangeMails(t *testing.T) {
	m, addr := open(t)
	if err := smtp.SendMail(addr, nil, "a@example.com", []string{"b@example.com"}, []byte("no header\r\n")); err == nil {
		t.Error("a text without a header was taken")
	}
	plain := "Subject: plain\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n"
	if err := smtp.SendMail(addr, nil, "a@example.com", []string{"b@example.com", "c@example.com"}, []byte(plain)); err != nil {
		t.Fatal(err)
	}
	all := m.Mails("")
	if len(all) != 2 || all[0].Text != "hello" || all[0].HTML != "" || all[1].To != "c@example.com" {
		t.Errorf("got %+v, want the mail for each of its addresses", all)
	}
	if page := get(t, m, "/mail/1").Body.String(); strings.Contains(page, "iframe") {
		t.Errorf("a mail without HTML has a frame:\n%s", page)
	}
	if w := get(t, m, "/mail/1/html"); w.Code != http.StatusNotFound {
		t.Errorf("got %d for HTML that is not there, want 404", w.Code)
	}
}

// tags gives the elements of a page.
func tags(t *testing.T, page string) []*html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var list []*html.Node
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			list = append(list, n)
		}
	}
	return list
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}
