package outbox

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"strings"
	"unicode"
	"unicode/utf8"

	"sparekey/internal/lang"
	"sparekey/internal/secret"
)

//go:embed templates
var templates embed.FS

const (
	// textWidth is how many characters a line of the text part has at most.
	textWidth = 72
	// maxName is how many characters of a name are believed to be one.
	maxName = 64
	// maxNameDigits is how many digits a name may have: fewer than a telephone
	// number or a code.
	maxNameDigits = 4

	// Marks that keep what is between them in a direction of its own, where
	// text runs from right to left (Unicode, UAX 9): left to right, and the
	// direction of the first letter.
	isolateLTR, isolateAuto, isolateEnd = "\u2066", "\u2068", "\u2069"

	// padding follows the preview line in the HTML, paddings times, so that
	// mail programs do not fill what is left of their line with the letter's
	// first words.
	padding  = "&zwnj;&nbsp;"
	paddings = 50
)

// A draft is a letter being written: its paragraphs, each as text and as HTML.
type draft struct {
	l       *Letters
	p       *lang.Printer
	subject string
	pre     string // the preview line
	title   string
	parts   []part
	foot    part
}

// A part is a paragraph, a code, or a block of facts.
type part struct {
	Text string
	HTML []template.HTML // its lines
	Code string          // digits, without spaces
	Rows []row
}

// A row is one line of a block of facts.
type row struct {
	Label, Text string
	LTR         bool // runs left to right in every language
}

// draft begins a letter: subject, preview line, heading and greeting.
func (l *Letters) draft(tag, key, name string, args ...any) *draft {
	p := l.catalogue.Printer(tag)
	d := &draft{l: l, p: p}
	args = d.values(args)
	d.subject = p.T(key+".subject", args...)
	d.title = p.T(key+".h1", args...)
	d.pre = p.T(key+".pre", args...)
	if name = printable(name); name != "" {
		d.say("mail.hello.name", "Name", name)
	} else {
		d.say("mail.hello")
	}
	return d
}

// values adds what every message may name.
func (d *draft) values(args []any) []any {
	return append(args,
		"Site", d.l.site, "Host", lang.LTR(d.l.host),
		"SignIn", d.p.T("in.do"), "Forgot", d.p.T("in.forgot"))
}

// paragraph says a message, as text and as HTML.
func (d *draft) paragraph(id string, args ...any) part {
	args = d.values(args)
	html := d.p.HTML(id, args...)
	for i, a := range args {
		if v, ok := a.(lang.LTR); ok {
			args[i] = d.isolate(isolateLTR, string(v))
		}
	}
	return part{Text: wrap(d.p.T(id, args...)), HTML: []template.HTML{html}}
}

// say adds a paragraph.
func (d *draft) say(id string, args ...any) {
	d.parts = append(d.parts, d.paragraph(id, args...))
}

// link adds to the last paragraph a link, which the text part shows in full.
func (d *draft) link(id, to string) {
	last := &d.parts[len(d.parts)-1]
	last.Text += "\n" + d.paragraph(id+".text", "URL", lang.LTR(to)).Text
	last.HTML = append(last.HTML, d.p.HTML(id, "link", lang.Link{Href: to}))
}

// code adds a code. In the text it is grouped for the eye. In the HTML it is
// one run of digits, so that a double tap selects all of it and phones find it.
func (d *draft) code(c secret.Text) {
	digits := c.Reveal()
	var groups []string
	for s := digits; s != ""; {
		n := min(4, len(s))
		groups, s = append(groups, s[:n]), s[n:]
	}
	d.parts = append(d.parts, part{
		// Without the mark the groups would change places in Arabic.
		Text: "    " + d.isolate(isolateLTR, strings.Join(groups, " ")),
		Code: digits,
	})
}

// facts adds a block for each of them, and says how many it left out.
func (d *draft) facts(all ...Facts) {
	listed := all[:min(len(all), maxListed)]
	for _, f := range listed {
		var rows []row
		if !f.At.IsZero() {
			rows = append(rows, row{Label: d.p.T("mail.when"), Text: d.p.DateTime(f.At, d.l.zone)})
		}
		if f.Address != "" {
			rows = append(rows, row{Label: d.p.T("mail.from"), Text: f.Address, LTR: true})
		}
		if f.Browser != "" {
			rows = append(rows, row{Label: d.p.T("mail.on"), Text: d.p.Browser(f.Browser)})
		}
		if len(rows) > 0 {
			d.parts = append(d.parts, part{Rows: rows})
		}
	}
	if more := len(all) - len(listed); more > 0 {
		d.say("mail.more", "Count", more)
	}
}

// row adds a row to the last block of facts, or a block of its own.
func (d *draft) row(r row, apart bool) {
	last := &d.parts[len(d.parts)-1]
	if apart || last.Rows == nil {
		d.parts = append(d.parts, part{Rows: []row{r}})
		return
	}
	last.Rows = append(last.Rows, r)
}

// mail makes the mail. The stored address is printed, so that those who have
// several know which one it is; without one the footer does without.
func (d *draft) mail(to string) (Mail, error) {
	if to != "" {
		d.foot = d.paragraph("mail.foot", "Mail", lang.LTR(to))
	} else {
		d.foot = d.paragraph("mail.foot.new")
	}
	var html bytes.Buffer
	if err := d.l.html.ExecuteTemplate(&html, "letter.html", d.sheet()); err != nil {
		return Mail{}, fmt.Errorf("write letter: %w", err)
	}
	return Mail{To: to, Subject: d.subject, Text: d.text(), HTML: html.String(), Lang: d.p.Lang()}, nil
}

// A sheet is what the HTML is filled in with.
type sheet struct {
	Lang, Dir, Start   string
	RTL                bool
	Accent, DarkAccent string
	Site, Subject, Pre string
	Padding            template.HTML
	Title              string
	Parts              []part
	Foot               template.HTML
}

func (d *draft) sheet() sheet {
	s := sheet{
		Lang: d.p.Lang(), Dir: d.p.Dir(), Start: "left", RTL: d.rtl(), Accent: d.l.accent, DarkAccent: d.l.dark,
		Site: d.l.site, Subject: d.subject, Pre: d.pre,
		Padding: template.HTML(strings.Repeat(padding, paddings)),
		Title:   d.title, Parts: d.parts, Foot: d.foot.HTML[0],
	}
	if s.RTL {
		s.Start = "right"
	}
	return s
}

// text makes the text part.
func (d *draft) text() string {
	var b strings.Builder
	for _, p := range append(d.parts[:len(d.parts):len(d.parts)], d.foot) {
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		if p.Rows == nil {
			b.WriteString(p.Text + "\n")
		}
		width := 0
		for _, r := range p.Rows {
			width = max(width, utf8.RuneCountInString(r.Label))
		}
		for _, r := range p.Rows {
			gap := strings.Repeat(" ", width-utf8.RuneCountInString(r.Label)+2)
			mark := isolateAuto
			if r.LTR {
				mark = isolateLTR
			}
			b.WriteString(r.Label + ":" + gap + d.isolate(mark, r.Text) + "\n")
		}
	}
	return b.String()
}

func (d *draft) rtl() bool { return d.p.Dir() == "rtl" }

// isolate keeps s in a direction of its own within text that runs from right
// to left. What begins with a letter needs no marks: the letter sets the
// direction, and a mark at the end of an address of the web would become part
// of the link that a mail program makes of it.
func (d *draft) isolate(mark, s string) string {
	first, _ := utf8.DecodeRuneInString(s)
	if !d.rtl() || unicode.IsLetter(first) {
		return s
	}
	return mark + s + isolateEnd
}

// wrap breaks a paragraph into lines, between words only: an address of the
// web stays whole.
func wrap(s string) string {
	var b strings.Builder
	used := 0
	for i, word := range strings.Fields(s) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case used+1+n > textWidth:
			b.WriteByte('\n')
			used = 0
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += n
	}
	return b.String()
}

// printable gives the name if it can only be read as one. Our mails are
// trusted, so what could be an address of the web, a number to call, markup or
// a hidden mark is left out whole, not mended (A39).
func printable(name string) string {
	name = strings.TrimSpace(name)
	if !utf8.ValidString(name) || utf8.RuneCountInString(name) > maxName ||
		strings.ContainsAny(name, `/\@<>`) || !strings.ContainsFunc(name, unicode.IsLetter) {
		return ""
	}
	runes, digits := []rune(name), 0
	for i, r := range runes {
		if unicode.IsDigit(r) {
			digits++
		}
		switch {
		case r == '\u200c' || r == '\u200d': // joiners, which some names need
		case digits > maxNameDigits, !unicode.IsGraphic(r):
			return ""
		case isDot(r) && i > 0 && i+1 < len(runes) && partOfWord(runes[i-1]) && partOfWord(runes[i+1]):
			return "" // mail programs make links of "a.b"
		}
	}
	return name
}

// isDot tells whether r is a dot, or one of those that domain names take for
// one (RFC 3490, section 3.1).
func isDot(r rune) bool { return strings.ContainsRune(".\u3002\uff0e\uff61", r) }

func partOfWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || r == '-'
}
