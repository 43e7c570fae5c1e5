package demo

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

//go:embed mailbox
var files embed.FS

const (
	// pagePolicy lets a page of the mailbox load its style and show mails,
	// and nothing else.
	pagePolicy = "default-src 'none'; style-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	// mailPolicy shuts a mail in: it has its own styles and no more, runs
	// nothing and loads nothing. Its links open a window of their own.
	mailPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; " +
		"sandbox allow-popups allow-popups-to-escape-sandbox"
)

// Handler serves the mailbox: / lists the mails and text messages, newest first,
// those to one address or number with ?to=, and /mail/{id} shows a mail. It answers to names of this
// machine only, so that no page elsewhere can read the codes through a name of
// its own (DNS rebinding).
func (m *Mailbox) Handler() http.Handler {
	pages := template.Must(template.ParseFS(files, "mailbox/*.html")) // part of the program
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		to := r.URL.Query().Get("to")
		mails, texts := m.Mails(to), m.Texts(to)
		slices.Reverse(mails)
		slices.Reverse(texts)
		render(w, pages, "list.html", listPage{To: to, Mails: mails, Texts: texts, Site: m.publicURL})
	})
	mux.HandleFunc("GET /mail/{id}", func(w http.ResponseWriter, r *http.Request) {
		one, ok := m.mail(r.PathValue("id"))
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			render(w, pages, "gone.html", nil)
			return
		}
		render(w, pages, "mail.html", mailPage{Mail: one, Lines: m.link(one.Text)})
	})
	mux.HandleFunc("GET /mail/{id}/html", m.serveHTML)
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, _ *http.Request) {
		style, err := fs.ReadFile(files, "mailbox/style.css")
		if err != nil {
			http.Error(w, "no style", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		w.Write(style)
	})
	return guard(mux)
}

// guard sets what holds for every answer, and refuses other hosts' names.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", pagePolicy)
		if !thisMachine(r.Host) {
			http.Error(w, "The mailbox is at localhost.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func thisMachine(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// serveHTML gives a mail's HTML part as it is, for the frame in its page. Only
// the links' target is added: the site refuses to be shown in a frame.
func (m *Mailbox) serveHTML(w http.ResponseWriter, r *http.Request) {
	one, ok := m.mail(r.PathValue("id"))
	if !ok || one.HTML == "" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Security-Policy", mailPolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, strings.Replace(one.HTML, "<head>", `<head><base target="_blank">`, 1))
}

type listPage struct {
	To    string
	Mails []Mail
	Texts []Text
	Site  string
}

type mailPage struct {
	Mail
	Lines []piece
}

// A piece is a stretch of a mail's text: a link or not.
type piece struct {
	Text string
	Link bool
}

// link finds the addresses of our own site in a text. What else looks like an
// address stays text.
func (m *Mailbox) link(text string) []piece {
	var list []piece
	at := 0
	for _, found := range regexp.MustCompile(regexp.QuoteMeta(m.publicURL)+`/[A-Za-z0-9._~/-]*[A-Za-z0-9_~/-]`).FindAllStringIndex(text, -1) {
		list = append(list, piece{Text: text[at:found[0]]}, piece{Text: text[found[0]:found[1]], Link: true})
		at = found[1]
	}
	return append(list, piece{Text: text[at:]})
}

// render draws a page whole before any of it leaves.
func render(w http.ResponseWriter, pages *template.Template, name string, data any) {
	var page bytes.Buffer
	if err := pages.ExecuteTemplate(&page, name, data); err != nil {
		http.Error(w, "The page could not be drawn.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(page.Bytes())
}
