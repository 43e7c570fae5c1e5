// Package page draws what people see. Each page is a struct of data.go and a
// template of the same name in pages/; words come from the catalogue of
// package lang. Read data.go first.
//
// Everything works without JavaScript. A page is one request, plus one script
// that nothing needs.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"path"
	"regexp"
	"strings"
	"sync"
	"time"

	"sparekey/internal/lang"
)

//go:embed parts pages assets
var files embed.FS

// Options is what all pages of an installation have in common.
type Options struct {
	Catalogue  *lang.Catalogue
	SiteName   string         // as in "Lantern Market"
	Host       string         // shown at the foot, as in "lanternmarket.example"
	SiteURL    string         // the name leads there; empty means "/"
	PublicURL  string         // shown to who came by another address; may be empty
	MailFrom   string         // the address that messages come from
	Zone       *time.Location // of all times; nil means UTC
	Demo       bool           // every page says that this is a demo
	MailboxURL string         // of the demo's mailbox
	HelpURL    string         // linked at the foot; empty leaves it out
	PrivacyURL string         // linked at the foot; empty leaves it out
	Theme      *Theme         // the owner's look; nil changes nothing
}

// Pages draws pages. It never changes once made and may be used by many
// goroutines.
type Pages struct {
	opts       Options
	templates  map[string]func() (map[string]*template.Template, error) // by language, then page
	scriptPath string
	script     []byte
}

// New parses the templates in the language that everybody can be answered in.
// Each other language follows when it is asked for the first time. An error means
// that the program was built with a broken template and names it.
func New(o Options) (*Pages, error) {
	if o.SiteURL == "" {
		o.SiteURL = "/"
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	p := &Pages{opts: o, templates: map[string]func() (map[string]*template.Template, error){}}
	css, err := files.ReadFile("assets/style.css")
	if err != nil {
		return nil, fmt.Errorf("read styles: %w", err)
	}
	styles, err := o.Theme.styles(squeeze(string(css)))
	if err != nil {
		return nil, err
	}
	if p.script, err = files.ReadFile("assets/sparekey.js"); err != nil {
		return nil, fmt.Errorf("read script: %w", err)
	}
	sum := sha256.Sum256(p.script)
	p.scriptPath = "/assets/" + hex.EncodeToString(sum[:8]) + ".js"
	for _, l := range o.Catalogue.Langs() {
		p.templates[l.Tag] = sync.OnceValues(func() (map[string]*template.Template, error) {
			return p.parse(o.Catalogue.Printer(l.Tag), styles)
		})
	}
	_, err = p.templates[lang.Fallback]()
	return p, err
}

// parse makes the templates of one language. The shared parts are parsed once,
// and each page on top of a copy of them.
func (p *Pages) parse(words *lang.Printer, css string) (map[string]*template.Template, error) {
	shared, err := template.New("").Parse(`{{define "css"}}` + css + `{{end}}`)
	if err != nil {
		return nil, fmt.Errorf("parse styles: %w", err)
	}
	parts, err := sources("parts", words)
	if err != nil {
		return nil, err
	}
	for name, source := range parts {
		if _, err := shared.New(name).Parse(source); err != nil {
			return nil, fmt.Errorf("parse part %s: %w", name, err)
		}
	}
	pages, err := sources("pages", words)
	if err != nil {
		return nil, err
	}
	set := map[string]*template.Template{}
	for name, source := range pages {
		t, err := shared.Clone()
		if err != nil {
			return nil, fmt.Errorf("parse page %s: %w", name, err)
		}
		if _, err := t.New(name).Parse(source); err != nil {
			return nil, fmt.Errorf("parse page %s: %w", name, err)
		}
		set[name] = t.Lookup("frame")
	}
	return set, nil
}

// sources reads the templates of a folder and writes into them, once and for
// all, the messages that take no values: a page is then mostly plain bytes,
// and a message that does not exist stops the program at its start.
func sources(folder string, words *lang.Printer) (map[string]string, error) {
	entries, err := files.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", folder, err)
	}
	fixed := regexp.MustCompile(`\{\{\$?\.T "([^"]+)"\}\}`)
	found := map[string]string{}
	for _, e := range entries {
		body, err := files.ReadFile(path.Join(folder, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", e.Name(), err)
		}
		for _, m := range fixed.FindAllStringSubmatch(string(body), -1) {
			if !words.Has(m[1]) {
				return nil, fmt.Errorf("read %s: no message %q in %s", e.Name(), m[1], words.Lang())
			}
		}
		found[strings.TrimSuffix(e.Name(), ".html")] = fixed.ReplaceAllStringFunc(string(body), func(at string) string {
			return template.HTMLEscapeString(words.T(fixed.FindStringSubmatch(at)[1]))
		})
	}
	return found, nil
}

// squeeze takes comments, line ends and indentation out of the styles, which
// stay readable where they are written.
func squeeze(css string) string {
	css = regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(css, "")
	return regexp.MustCompile(`\s*\n\s*`).ReplaceAllString(css, "")
}

// Render draws a page. It fills in what is the same on all of them.
func (p *Pages) Render(d Page) ([]byte, error) {
	b := d.base()
	b.page, b.pages = d, p
	if b.Printer == nil {
		b.Printer = p.opts.Catalogue.Printer(lang.Fallback)
	}
	if b.Now.IsZero() {
		b.Now = time.Now()
	}
	set, err := p.templates[b.Printer.Lang()]()
	if err != nil {
		return nil, err
	}
	t := set[d.file()]
	if t == nil {
		return nil, fmt.Errorf("draw page %s: no template", d.file())
	}
	var out bytes.Buffer
	out.Grow(20 << 10)
	if err := t.Execute(&out, d); err != nil {
		return nil, fmt.Errorf("draw page %s: %w", d.file(), err)
	}
	return out.Bytes(), nil
}

// Script returns the one script and the path it is to be served at. The path
// changes with the script, so it may be cached for ever.
func (p *Pages) Script() (path string, body []byte) { return p.scriptPath, p.script }
