package lang

import (
	"fmt"
	"html/template"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	i18ntemplate "github.com/nicksnyder/go-i18n/v2/i18n/template"
)

// A Printer says messages in one language. It may be used by many goroutines.
type Printer struct {
	lang, dir string
	localizer *i18n.Localizer
	messages  map[string]message
	texts     map[string]text // by source, so that a plural form finds its parsed text
}

// A message is one entry of a catalogue, ready to be said.
type message struct {
	source string
	text   text
	plain  string        // said without values
	html   template.HTML // said without values
	plural bool
}

// Lang returns the tag of the language, as in "en".
func (p *Printer) Lang() string { return p.lang }

// Dir returns the direction of the language: "ltr" or "rtl".
func (p *Printer) Dir() string { return p.dir }

// T says a message as plain text. Values come as name, value, name, value; an
// int called "Count" picks the plural form. Marks for bold are dropped, of a
// link its words stay. An unknown id is said as it is; a test sees to it that
// there is none.
func (p *Printer) T(id string, args ...any) string {
	m, ok := p.messages[id]
	switch {
	case !ok:
		return id
	case len(args) == 0 && !m.plural:
		return m.plain
	}
	v := values(args)
	return p.form(id, m, v).plain(v)
}

// HTML says a message as HTML. The message and every value are escaped; then
// **words** become <b>words</b>, a value of type LTR is kept left to right, a
// Time becomes <time>, and [words](name) becomes a link to the value called
// name if that is a Link. Values are as for T.
func (p *Printer) HTML(id string, args ...any) template.HTML {
	m, ok := p.messages[id]
	switch {
	case !ok:
		return template.HTML(template.HTMLEscapeString(id))
	case len(args) == 0 && !m.plural:
		return m.html
	}
	v := values(args)
	return p.form(id, m, v).html(v)
}

// Head says only the first bold words of a message, as plain text: a page made
// of one message has them as its heading. Without bold words it is the whole.
func (p *Printer) Head(id string, args ...any) string {
	m, ok := p.messages[id]
	if !ok {
		return id
	}
	v := values(args)
	head, _ := p.form(id, m, v).split()
	return head.plain(v)
}

// Rest says as HTML what follows the words that Head says.
func (p *Printer) Rest(id string, args ...any) template.HTML {
	m, ok := p.messages[id]
	if !ok {
		return ""
	}
	v := values(args)
	_, rest := p.form(id, m, v).split()
	return rest.html(v)
}

// Has reports whether there is a message of that id.
func (p *Printer) Has(id string) bool {
	_, ok := p.messages[id]
	return ok
}

// Browser says in the language what stands in the database in English: a
// browser and a system from closed lists, as in "Firefox on Windows". A label
// of another shape is said as it is.
func (p *Printer) Browser(label string) string {
	browser, system, ok := strings.Cut(label, " on ")
	if !ok {
		return label
	}
	return p.T("browser.on", "Browser", browser, "System", system)
}

// form returns the text of a message, in the plural form its Count asks for.
func (p *Printer) form(id string, m message, v []value) text {
	if !m.plural {
		return m.text
	}
	n := count(v)
	if once, ok := p.messages[id+".once"]; ok && n == 1 {
		return once.text
	}
	source, err := p.localizer.Localize(&i18n.LocalizeConfig{
		MessageID:      id,
		PluralCount:    n,
		TemplateParser: i18ntemplate.IdentityParser{},
	})
	if err != nil {
		return m.text // a form is missing: the general one is better than none
	}
	return p.texts[source]
}

// A value is one of those said with a message.
type value struct {
	name string
	what any
}

// values pairs names with values. What does not pair up is left out, and the
// message then shows the name of the place that stayed empty.
func values(args []any) []value {
	v := make([]value, 0, len(args)/2)
	for i := 0; i+1 < len(args); i += 2 {
		if name, ok := args[i].(string); ok {
			v = append(v, value{name, args[i+1]})
		}
	}
	return v
}

// count returns the value called Count, or zero.
func count(v []value) int {
	for _, x := range v {
		if n, ok := x.what.(int); ok && x.name == "Count" {
			return n
		}
	}
	return 0
}

// find returns the value of that name, or nil.
func find(v []value, name string) any {
	for _, x := range v {
		if x.name == name {
			return x.what
		}
	}
	return nil
}

// LTR is a value that always runs left to right, like an address of mail.
type LTR string

// A Link is a value that a message's [words](name) lead to. Href is a path
// here or an address from the settings, never something a person typed.
type Link struct {
	Href   string
	NewTab bool
}

// A Time is a moment as a value: Text is what is read, At what a machine reads.
type Time struct {
	Text string
	At   string // RFC 3339
}

// say returns a value as plain text.
func say(what any) string {
	switch x := what.(type) {
	case string:
		return x
	case LTR:
		return string(x)
	case Time:
		return x.Text
	case Link:
		return x.Href
	default:
		return fmt.Sprint(x)
	}
}
