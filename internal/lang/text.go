package lang

import (
	"fmt"
	"html/template"
	"regexp"
	"strings"
)

// A text is a message taken apart once, when it is loaded.
type text []piece

// A piece is words, a place for a value, or a mark.
type piece struct {
	kind pieceKind
	s    string // words as they are, or a name
}

type pieceKind int

const (
	words pieceKind = iota
	place
	boldOn
	boldOff
	linkOn // s is the name of the link's value
	linkOff
)

// marks finds what is not plain words: a place, a bold mark, either end of a link.
const marks = `\{\{\s*\.([A-Za-z]+)\s*\}\}|\*\*|\[([^\[\]]+)\]\(([a-z]+)\)`

// A parser takes messages apart. It is made once for all of them: compiling
// its expression takes longer than a hundred messages.
type parser struct{ marks *regexp.Regexp }

func newParser() parser { return parser{regexp.MustCompile(marks)} }

// parse takes a message apart.
func (p parser) parse(source string) (text, error) {
	if !strings.ContainsAny(source, "{*[") { // as most are: the start of a server waits for this
		return text{{words, source}}, nil
	}
	var t text
	bold := false
	for source != "" {
		at := p.marks.FindStringSubmatchIndex(source)
		if at == nil {
			t = append(t, piece{words, source})
			break
		}
		if at[0] > 0 {
			t = append(t, piece{words, source[:at[0]]})
		}
		switch {
		case at[2] >= 0:
			t = append(t, piece{place, source[at[2]:at[3]]})
		case at[4] >= 0:
			inner, err := p.parse(source[at[4]:at[5]])
			if err != nil {
				return nil, err
			}
			t = append(t, piece{linkOn, source[at[6]:at[7]]})
			t = append(append(t, inner...), piece{kind: linkOff})
		case bold:
			t, bold = append(t, piece{kind: boldOff}), false
		default:
			t, bold = append(t, piece{kind: boldOn}), true
		}
		source = source[at[1]:]
	}
	if bold {
		return nil, fmt.Errorf("bold words without an end")
	}
	for _, piece := range t {
		if piece.kind == words && strings.Contains(piece.s, "{{") {
			return nil, fmt.Errorf("a place that is not {{.Name}}")
		}
	}
	return t, nil
}

// plain says a text without marks.
func (t text) plain(v []value) string {
	if len(t) == 1 && t[0].kind == words {
		return t[0].s
	}
	var b strings.Builder
	for _, p := range t {
		switch p.kind {
		case words:
			b.WriteString(p.s)
		case place:
			if what := find(v, p.s); what != nil {
				b.WriteString(say(what))
			} else {
				b.WriteString(p.s)
			}
		}
	}
	return b.String()
}

// html says a text as HTML. All that was not written here is escaped at its
// own line: this is the only place where values meet markup.
func (t text) html(v []value) template.HTML {
	var b strings.Builder
	open := false // a link is open: its value was one
	for _, p := range t {
		switch p.kind {
		case words:
			b.WriteString(template.HTMLEscapeString(p.s))
		case place:
			writeValue(&b, p.s, find(v, p.s))
		case boldOn:
			b.WriteString("<b>")
		case boldOff:
			b.WriteString("</b>")
		case linkOn:
			var l Link
			if l, open = find(v, p.s).(Link); open {
				writeLink(&b, l)
			}
		case linkOff:
			if open {
				b.WriteString("</a>")
			}
		}
	}
	return template.HTML(b.String())
}

// writeValue writes a value, escaped.
func writeValue(b *strings.Builder, name string, what any) {
	switch x := what.(type) {
	case nil:
		b.WriteString(template.HTMLEscapeString(name))
	case LTR:
		b.WriteString(`<bdi dir="ltr">` + template.HTMLEscapeString(string(x)) + `</bdi>`)
	case Time:
		b.WriteString(`<time datetime="` + template.HTMLEscapeString(x.At) + `">` + template.HTMLEscapeString(x.Text) + `</time>`)
	default:
		b.WriteString(template.HTMLEscapeString(say(x)))
	}
}

// writeLink opens a link. Only paths here and web addresses are links: a
// javascript: address would run.
func writeLink(b *strings.Builder, l Link) {
	href := l.Href
	if !strings.HasPrefix(href, "/") && !strings.HasPrefix(href, "https://") && !strings.HasPrefix(href, "http://") {
		href = "/"
	}
	b.WriteString(`<a href="` + template.HTMLEscapeString(href) + `"`)
	if l.NewTab {
		b.WriteString(` target="_blank" rel="noopener"`)
	}
	b.WriteString(">")
}

// split cuts a text after its first bold words: those, and what follows.
func (t text) split() (head, rest text) {
	from := -1
	for i, p := range t {
		switch {
		case p.kind == boldOn && from < 0:
			from = i
		case p.kind == boldOff && from >= 0:
			rest = append(text(nil), t[i+1:]...)
			if len(rest) > 0 && rest[0].kind == words {
				rest[0].s = strings.TrimLeft(rest[0].s, " ")
			}
			return t[from+1 : i], rest
		}
	}
	return t, nil
}
