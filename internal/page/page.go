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
	"errors"
	"fmt"
	"html/template"
	"io/fs"
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
	sets       map[string]*set    // of templates, by language
	scripts    map[string][]byte  // by the paths that they are served at
	scriptPath string             // of all pages
	screenPath string             // of those that a phone scans, instead
	appPath    string             // of the app, instead
	scanner    string             // reads QR codes for the app
	appFiles   map[string]appFile // beside its page, by name
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
	p := &Pages{opts: o, sets: map[string]*set{}, scripts: map[string][]byte{}}
	css, err := files.ReadFile("assets/style.css")
	if err != nil {
		return nil, fmt.Errorf("read styles: %w", err)
	}
	styles, err := o.Theme.styles(squeeze(string(css)))
	if err != nil {
		return nil, err
	}
	parts := map[string]string{}
	for _, name := range []string{"account", "app", "code", "ways"} {
		css, err := files.ReadFile("assets/" + name + ".css")
		if err != nil {
			return nil, fmt.Errorf("read styles of %s: %w", name, err)
		}
		parts[name] = squeeze(string(css))
	}
	if p.scriptPath, err = p.addScript("assets/sparekey.js"); err != nil {
		return nil, err
	}
	if p.screenPath, err = p.addScript("assets/sparekey.js", "assets/screen.js"); err != nil {
		return nil, err
	}
	if p.appPath, err = p.addScript("assets/app.js"); err != nil {
		return nil, err
	}
	// Made of a package of npm: a program can be built without it.
	if p.scanner, err = p.addScript("assets/made/scanner.js"); errors.Is(err, fs.ErrNotExist) {
		p.scanner = ""
	} else if err != nil {
		return nil, err
	}
	if p.appFiles, err = p.newAppFiles(); err != nil {
		return nil, err
	}
	for _, l := range o.Catalogue.Langs() {
		p.sets[l.Tag] = &set{words: o.Catalogue.Printer(l.Tag), css: styles, some: parts, pages: map[string]*template.Template{}}
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

// addScript makes a script of files, and gives the path that it is served at. The
// path changes with the script, so that it may be cached for ever.
func (p *Pages) addScript(from ...string) (path string, err error) {
	var body []byte
	for _, file := range from {
		source, err := files.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("read script: %w", err)
		}
		body = append(body, lean(string(source))...)
	}
	sum := sha256.Sum256(body)
	path = "/assets/" + hex.EncodeToString(sum[:8]) + ".js"
	p.scripts[path] = body
	return path, nil
}

// Script gives the script that is served at a path; nil if there is none.
func (p *Pages) Script(path string) []byte { return p.scripts[path] }

// Scripts gives all of them by their paths. They are not to be changed.
func (p *Pages) Scripts() map[string][]byte { return p.scripts }
