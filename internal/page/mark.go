package page

import (
	"encoding/xml"
	"errors"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Mark is the owner's drawing for the head of every page. Only NewMark makes
// one, so what it holds has been looked at.
type Mark struct{ svg template.HTML }

// largestMark is in bytes. Every page carries the mark.
const largestMark = 16 << 10

// svgSpace is the XML namespace of SVG.
const svgSpace = "http://www.w3.org/2000/svg"

// What a drawing may be made of: words with a blank around each.
const (
	// shapes are the elements of a mark. None of them runs, asks for anything
	// elsewhere, or holds HTML.
	shapes = " g defs path rect circle ellipse line polyline polygon linearGradient radialGradient stop clipPath mask "

	// pointedAt are those of them that others name by their id.
	pointedAt = " linearGradient radialGradient clipPath mask "

	// silent are elements that draw nothing. They are left out.
	silent = " title desc metadata "

	// traits are the attributes of a mark. All others are left out, but for
	// those that would do more than draw: they are refused.
	traits = " d points x y width height cx cy r rx ry fx fy fr x1 y1 x2 y2 transform opacity color display visibility" +
		" fill fill-rule fill-opacity stroke stroke-width stroke-linecap stroke-linejoin stroke-miterlimit stroke-dasharray" +
		" stroke-dashoffset stroke-opacity paint-order vector-effect clip-path clip-rule clipPathUnits mask maskUnits" +
		" maskContentUnits offset stop-color stop-opacity gradientUnits gradientTransform spreadMethod "

	// measures are the attributes of <svg> that the styles of the page set.
	measures = " x y width height "
)

// NewMark reads an SVG drawing and writes it anew from elements and attributes
// that are known to be harmless. What it refuses it says in words that follow
// the name of the file. An empty drawing is no mark.
func NewMark(svg string) (Mark, error) {
	if svg == "" {
		return Mark{}, nil
	}
	if len(svg) > largestMark {
		return Mark{}, fmt.Errorf("has %d bytes, at most %d fit, because every page carries it; simplify the drawing", len(svg), largestMark)
	}
	m := marker{in: xml.NewDecoder(strings.NewReader(svg))}
	for {
		token, err := m.in.Token()
		switch {
		case errors.Is(err, io.EOF) && m.ended:
			return Mark{template.HTML(m.out.String())}, nil
		case errors.Is(err, io.EOF):
			return Mark{}, errors.New("holds no drawing; it needs to begin with <svg")
		case err != nil:
			return Mark{}, fmt.Errorf("cannot be read (%s); save it anew as plain SVG in UTF-8", strings.TrimPrefix(err.Error(), "xml: "))
		}
		if err := m.take(token); err != nil {
			line, _ := m.in.InputPos()
			return Mark{}, fmt.Errorf("line %d: %w", line, err)
		}
	}
}

// A marker writes a mark from the tokens of a drawing.
type marker struct {
	in    *xml.Decoder
	out   strings.Builder
	depth int
	ended bool // the drawing is complete
}

func (m *marker) take(token xml.Token) error {
	switch token := token.(type) {
	case xml.Directive:
		return errors.New("has a DOCTYPE or an entity, which a mark does without; remove it")
	case xml.ProcInst:
		if token.Target != "xml" {
			return fmt.Errorf("has <?%s, which a mark must not have; remove it", clip(token.Target))
		}
	case xml.StartElement:
		return m.start(token)
	case xml.EndElement:
		m.depth--
		m.ended = m.depth == 0
		m.out.WriteString("</" + token.Name.Local + ">")
	}
	return nil // comments, and text, which no shape shows
}

// start writes the beginning of an element, or leaves the element out.
func (m *marker) start(e xml.StartElement) error {
	name, ours := e.Name.Local, e.Name.Space == svgSpace || e.Name.Space == ""
	switch {
	case m.ended:
		return errors.New("has something behind </svg>; remove it")
	case m.depth == 0 && (!ours || name != "svg"):
		return errors.New("is not a drawing; it needs to begin with <svg")
	case m.depth > 0 && (!ours || in(silent, name)):
		return m.in.Skip() // what drawing programs keep for themselves
	case m.depth > 0 && !in(shapes, name):
		return fmt.Errorf("has <%s>, and a mark is made of shapes alone; remove it, or make paths of it", clip(name))
	}
	kept, err := m.attributes(e)
	if err != nil {
		return err
	}
	m.depth++
	m.out.WriteString("<" + name)
	for _, a := range kept {
		m.out.WriteString(" " + a.Name.Local + `="` + a.Value + `"`)
	}
	m.out.WriteString(">")
	return nil
}

// attributes gives what is kept of the attributes of an element.
func (m *marker) attributes(e xml.StartElement) ([]xml.Attr, error) {
	var kept []xml.Attr
	keep := func(name, value string) error {
		if m.depth == 0 && in(measures, name) {
			return nil
		}
		value, err := harmless(name, value)
		kept = slices.DeleteFunc(kept, func(a xml.Attr) bool { return a.Name.Local == name })
		kept = append(kept, xml.Attr{Name: xml.Name{Local: name}, Value: value})
		return err
	}
	if m.depth == 0 {
		box, err := viewBox(e)
		if err != nil {
			return nil, err
		}
		kept = []xml.Attr{{Name: xml.Name{Local: "viewBox"}, Value: box}, {Name: xml.Name{Local: "aria-hidden"}, Value: "true"}}
	}
	for _, a := range e.Attr {
		var err error
		switch name := a.Name.Local; {
		case strings.EqualFold(name, "href"), strings.EqualFold(name, "src"), strings.HasPrefix(strings.ToLower(name), "on"):
			err = fmt.Errorf("has %s=, which a mark must not have; remove it", clip(name))
		case a.Name.Space != "":
			// Of a drawing program: it says nothing about shapes.
		case name == "style":
			err = eachTrait(a.Value, keep)
		case name == "id" && in(pointedAt, e.Name.Local):
			if !regexp.MustCompile(`^[A-Za-z_][\w-]*$`).MatchString(a.Value) {
				return nil, fmt.Errorf("has id=%q; write it in letters, digits, dashes and underscores", clip(a.Value))
			}
			err = keep(name, "mark-"+a.Value) // never an id of the page
		case in(traits, name):
			err = keep(name, a.Value)
		}
		if err != nil {
			return nil, err
		}
	}
	return kept, nil
}

// eachTrait keeps what a style attribute says as attributes of their own,
// because the Content-Security-Policy has no room for the former.
func eachTrait(style string, keep func(name, value string) error) error {
	if _, elsewhere := pointers(style); elsewhere {
		return fmt.Errorf("has style=%q, and a mark asks for nothing elsewhere; remove it", clip(style))
	}
	for one := range strings.SplitSeq(style, ";") {
		name, value, _ := strings.Cut(one, ":")
		if name = strings.TrimSpace(name); !in(traits, name) {
			continue
		}
		if err := keep(name, value); err != nil {
			return err
		}
	}
	return nil
}

// harmless gives a value as it may stand in the page: with neither quotes nor
// escapes, and with no address but that of an element of the mark.
func harmless(name, value string) (string, error) {
	value, elsewhere := pointers(strings.Join(strings.Fields(value), " "))
	if elsewhere {
		return "", fmt.Errorf("has %s=%q, and a mark asks for nothing elsewhere; remove it", name, clip(value))
	}
	if !regexp.MustCompile(`^[\w .,%#()+-]*$`).MatchString(value) {
		return "", fmt.Errorf("has %s=%q, which a mark must not have; write it more plainly", name, clip(value))
	}
	return value, nil
}

// pointers gives a value with the ids that it points to, as in url(#a), as
// they are in the page, and whether it points elsewhere too.
func pointers(value string) (inside string, elsewhere bool) {
	local := regexp.MustCompile(`url\(\s*["']?#([A-Za-z_][\w-]*)["']?\s*\)`)
	rest := local.ReplaceAllString(value, "")
	return local.ReplaceAllString(value, "url(#mark-$1)"), strings.Contains(strings.ToLower(rest), "url")
}

// viewBox is the frame of the drawing: its own, or what width and height say.
func viewBox(e xml.StartElement) (string, error) {
	said := map[string]string{}
	for _, a := range e.Attr {
		if a.Name.Space == "" {
			said[a.Name.Local] = strings.TrimSpace(a.Value)
		}
	}
	box := strings.Fields(strings.ReplaceAll(said["viewBox"], ",", " "))
	if len(box) == 0 {
		box = []string{"0", "0", strings.TrimSuffix(said["width"], "px"), strings.TrimSuffix(said["height"], "px")}
	}
	for i, text := range box {
		n, err := strconv.ParseFloat(text, 64)
		if len(box) != 4 || err != nil || n < -1e6 || n > 1e6 || n != n || i > 1 && n <= 0 {
			return "", errors.New(`needs a frame, for example viewBox="0 0 28 28"`)
		}
		box[i] = strconv.FormatFloat(n, 'f', -1, 64)
	}
	return strings.Join(box, " "), nil
}

// in reports whether a list of words with blanks around each has the word.
func in(list, word string) bool {
	return word != "" && !strings.Contains(word, " ") && strings.Contains(list, " "+word+" ")
}

// clip is the beginning of what may be long, for a message of one line.
func clip(text string) string {
	if r := []rune(text); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return text
}
