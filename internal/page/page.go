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
	"strings"
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
	sets       map[string]*set // of templates, by language
	scriptPath string
	script     []byte
}

// New reads what all pages share. Each page is parsed, in each language, when it
// is drawn for the first time. An error means that the program was built with a
// broken file, or that the theme cannot be used.
func New(o Options) (*Pages, error) {
	if o.SiteURL == "" {
		o.SiteURL = "/"
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	p := &Pages{opts: o, sets: map[string]*set{}}
	css, err := files.ReadFile("assets/style.css")
	if err != nil {
		return nil, fmt.Errorf("read styles: %w", err)
	}
	styles, err := o.Theme.styles(squeeze(string(css)))
	if err != nil {
		return nil, err
	}
	mine, err := files.ReadFile("assets/account.css")
	if err != nil {
		return nil, fmt.Errorf("read styles of My account: %w", err)
	}
	script, err := files.ReadFile("assets/sparekey.js")
	if err != nil {
		return nil, fmt.Errorf("read script: %w", err)
	}
	p.script = lean(string(script))
	sum := sha256.Sum256(p.script)
	p.scriptPath = "/assets/" + hex.EncodeToString(sum[:8]) + ".js"
	for _, l := range o.Catalogue.Langs() {
		p.sets[l.Tag] = &set{words: o.Catalogue.Printer(l.Tag), css: styles, mine: squeeze(string(mine)), pages: map[string]*template.Template{}}
	}
	return p, nil
}

// squeeze takes comments, line ends and indentation out of the styles, which
// stay readable where they are written.
func squeeze(css string) string {
	var out strings.Builder
	for rest := css; rest != ""; {
		text, comment, _ := strings.Cut(rest, "/*")
		for line := range strings.Lines(text) {
			out.WriteString(strings.TrimSpace(line))
		}
		_, rest, _ = strings.Cut(comment, "*/")
	}
	return out.String()
}

// lean takes the lines of comments and the indentation out of the script.
func lean(script string) []byte {
	var out bytes.Buffer
	for line := range strings.Lines(script) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			out.WriteString(line + "\n")
		}
	}
	return out.Bytes()
}

// Render draws a page. It fills in what is the same on all of them.
func (p *Pages) Render(d Page) ([]byte, error) {
	b := p.adopt(d)
	t, err := p.sets[b.Printer.Lang()].page(d.file())
	if err != nil {
		return nil, err
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
