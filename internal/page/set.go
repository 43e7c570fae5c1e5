package page

import (
	"fmt"
	"html/template"
	"path"
	"regexp"
	"strings"
	"sync"

	"sparekey/internal/lang"
)

// A set is the templates of one language, as far as they have been used.
type set struct {
	words *lang.Printer
	css   string            // of all pages
	some  map[string]string // of some pages, beside it, by name

	mu     sync.RWMutex
	shared *template.Template // the parts of all pages
	pages  map[string]*template.Template
}

// page gives the template of a page. It is parsed the first time, on top of a
// copy of the shared parts.
func (s *set) page(name string) (*template.Template, error) {
	s.mu.RLock()
	t := s.pages[name]
	s.mu.RUnlock()
	if t != nil {
		return t, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.pages[name]; t != nil {
		return t, nil
	}
	t, err := s.parse(name)
	if err != nil {
		return nil, fmt.Errorf("parse page %s: %w", name, err)
	}
	s.pages[name] = t
	return t, nil
}

func (s *set) parse(name string) (*template.Template, error) {
	if s.shared == nil {
		shared, err := s.parts()
		if err != nil {
			return nil, err
		}
		s.shared = shared
	}
	t, err := s.shared.Clone()
	if err != nil {
		return nil, err
	}
	source, err := s.source("pages", name+".html")
	if err != nil {
		return nil, err
	}
	if _, err := t.New(name).Parse(source); err != nil {
		return nil, err
	}
	return t.Lookup("frame"), nil
}

func (s *set) parts() (*template.Template, error) {
	css := `{{define "css"}}` + s.css + `{{end}}`
	for name, part := range s.some {
		css += `{{define "css-` + name + `"}}` + part + `{{end}}`
	}
	shared, err := template.New("").Parse(css)
	if err != nil {
		return nil, err
	}
	entries, err := files.ReadDir("parts")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		source, err := s.source("parts", e.Name())
		if err != nil {
			return nil, err
		}
		if _, err := shared.New(strings.TrimSuffix(e.Name(), ".html")).Parse(source); err != nil {
			return nil, err
		}
	}
	return shared, nil
}

// fixed is a message that takes no values.
var fixed = regexp.MustCompile(`\{\{\$?\.T "([^"]+)"\}\}`)

// source reads a template and writes into it, once and for all, the messages
// that take no values: a page is then mostly plain bytes.
func (s *set) source(folder, name string) (string, error) {
	body, err := files.ReadFile(path.Join(folder, name))
	if err != nil {
		return "", err
	}
	var missing error
	text := fixed.ReplaceAllStringFunc(string(body), func(at string) string {
		id := fixed.FindStringSubmatch(at)[1]
		if !s.words.Has(id) {
			missing = fmt.Errorf("read %s: no message %q in %s", name, id, s.words.Lang())
		}
		return template.HTMLEscapeString(s.words.T(id))
	})
	return text, missing
}
