// Package lang says things in people's languages: it holds the catalogues,
// chooses a language, picks plurals and writes dates. Read Catalogue first.
//
// A catalogue is one or more files named <anything.>TAG.json in the message
// format of go-i18n. Within a message, {{.Name}} is a place for a value,
// **words** are bold, and [words](name) is a link whose address is the value
// called name. There is no other markup.
//
// Where the plural form "one" is also that of 21 and 31, as in Russian, a
// message may have a twin, ID.once, which is said when Count is just 1.
package lang

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed *.json
var files embed.FS

// Fallback is the tag of the language of those whose own we do not have.
const Fallback = "en"

// A Language is one that has a catalogue.
type Language struct {
	Tag     string // BCP 47, as in "en"
	Autonym string // its name for itself, as in "English"
	Dir     string // "ltr" or "rtl"
}

// A Catalogue holds every message in every language. It never changes once
// loaded and may be used by many goroutines.
type Catalogue struct {
	langs    []Language
	printers map[string]*Printer
}

// Load gives the catalogues that are part of the program. They are read once. An
// error means that the program was built with a broken catalogue and names the
// file.
func Load() (*Catalogue, error) { return loaded() }

var loaded = sync.OnceValues(func() (*Catalogue, error) { return load(files) })

// load reads the catalogues of a folder.
func load(fsys fs.FS) (*Catalogue, error) {
	names, err := fs.Glob(fsys, "*.json")
	if err != nil {
		return nil, fmt.Errorf("list catalogues: %w", err)
	}
	bundle := i18n.NewBundle(language.English)
	parser := newParser()
	c := &Catalogue{printers: map[string]*Printer{}}
	for _, name := range names {
		body, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("read catalogue %s: %w", name, err)
		}
		file, err := i18n.ParseMessageFileBytes(body, path.Base(name), map[string]i18n.UnmarshalFunc{"json": json.Unmarshal})
		if err != nil {
			return nil, fmt.Errorf("parse catalogue %s: %w", name, err)
		}
		if err := c.add(bundle, parser, file); err != nil {
			return nil, fmt.Errorf("catalogue %s: %w", name, err)
		}
	}
	if c.printers[Fallback] == nil {
		return nil, fmt.Errorf("catalogues: none for %q", Fallback)
	}
	c.list()
	return c, nil
}

// add puts the messages of one file into its language's printer.
func (c *Catalogue) add(bundle *i18n.Bundle, parser parser, file *i18n.MessageFile) error {
	tag := file.Tag.String()
	p := c.printers[tag]
	if p == nil {
		p = &Printer{
			lang:      tag,
			localizer: i18n.NewLocalizer(bundle, tag),
			messages:  map[string]message{},
			texts:     map[string]text{},
		}
		c.printers[tag] = p
	}
	for _, m := range file.Messages {
		if _, ok := p.messages[m.ID]; ok {
			return fmt.Errorf("message %q is there twice", m.ID)
		}
		forms := []string{m.Zero, m.One, m.Two, m.Few, m.Many, m.Other}
		for _, source := range forms {
			t, err := parser.parse(source)
			if err != nil {
				return fmt.Errorf("message %q: %w", m.ID, err)
			}
			p.texts[source] = t
		}
		other := p.texts[m.Other]
		p.messages[m.ID] = message{
			source: m.Other,
			text:   other,
			plain:  other.plain(nil),
			html:   other.html(nil),
			plural: m.Zero+m.One+m.Two+m.Few+m.Many != "",
		}
		if p.messages[m.ID].plural { // the bundle is asked for nothing else
			if err := bundle.AddMessages(file.Tag, m); err != nil {
				return fmt.Errorf("message %q: %w", m.ID, err)
			}
		}
	}
	return nil
}

// list fills in what each language calls itself and which way it runs. The
// fallback comes first, the others by tag.
func (c *Catalogue) list() {
	for tag, p := range c.printers {
		p.dir = p.T("lang.dir")
		c.langs = append(c.langs, Language{Tag: tag, Autonym: p.T("lang.name"), Dir: p.dir})
	}
	slices.SortFunc(c.langs, func(a, b Language) int {
		if (a.Tag == Fallback) != (b.Tag == Fallback) {
			if a.Tag == Fallback {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Tag, b.Tag)
	})
}

// Langs lists the languages, the fallback first.
func (c *Catalogue) Langs() []Language { return slices.Clone(c.langs) }

// Printer returns the printer of a language by its tag, and that of the
// fallback for a tag we do not have.
func (c *Catalogue) Printer(tag string) *Printer {
	if p := c.printers[tag]; p != nil {
		return p
	}
	return c.printers[Fallback]
}

// Choose returns the tag of the first language we have among those wanted, in
// their order: tags, empty strings, or the value of an Accept-Language header
// (RFC 9110, section 12.5.4). With none of them it returns the fallback.
func (c *Catalogue) Choose(wanted ...string) string {
	for _, w := range wanted {
		if c.printers[w] != nil {
			return w
		}
		// What is not understood is passed over: it comes from strangers.
		tags, _, err := language.ParseAcceptLanguage(w)
		if err != nil {
			continue
		}
		for _, tag := range tags {
			base, _ := tag.Base()
			if c.printers[base.String()] != nil {
				return base.String()
			}
		}
	}
	return Fallback
}
