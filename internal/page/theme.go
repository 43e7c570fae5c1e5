package page

import (
	"errors"
	"fmt"
	"html/template"
	"regexp"
	"strconv"
	"strings"
)

// A Look is what the owner of an installation wants changed about the pages.
// What is empty stays as it is in assets/style.css.
type Look struct {
	Mark    Mark
	Accent  string // "#RRGGBB", of links and buttons
	Radius  string // of corners: "0" to "16", in px
	Heading string // names of font families with commas between them
}

// A Theme is a look worked out: what it changes in the styles of the pages. It
// never changes once made. A nil one changes nothing.
type Theme struct {
	// Light and Dark are the shades of the accent; nil when the look has none.
	Light, Dark *Shades

	mark     template.HTML
	radius   string
	families []string
}

// Shades are what is derived from an accent for one of the two grounds, each
// as "#RRGGBB".
type Shades struct {
	Accent string // links, buttons, the ring around what has the focus
	On     string // text on the accent and on Deep
	Deep   string // a button under the pointer
	Tint   string // the ground of notes and of what is chosen
}

// NewTheme works a look out. Whatever it holds, nothing in it can end a style
// or begin another one.
func NewTheme(o Look) (*Theme, error) {
	t := &Theme{mark: o.Mark.svg}
	if o.Accent != "" {
		accent, err := parseColour(o.Accent)
		if err != nil {
			return nil, err
		}
		t.Light, t.Dark = lightShades(accent), darkShades(accent)
	}
	if o.Radius != "" {
		n, err := strconv.ParseUint(o.Radius, 10, 8)
		if err != nil || n > 16 {
			return nil, fmt.Errorf("read radius %q: it is not a number from 0 to 16", o.Radius)
		}
		t.radius = strconv.FormatUint(n, 10) + "px"
	}
	if o.Heading != "" {
		plain := regexp.MustCompile(`^[A-Za-z0-9]+( [A-Za-z0-9]+)*$`)
		for name := range strings.SplitSeq(o.Heading, ",") {
			name = strings.TrimSpace(name)
			if !plain.MatchString(name) {
				return nil, fmt.Errorf("read font %q: a name is made of letters, digits and blanks", name)
			}
			t.families = append(t.families, name)
		}
	}
	return t, nil
}

// readable is the least contrast of text on its ground (WCAG 1.4.3).
const readable = 4.5

// reads reports whether c can be read on every one of the grounds.
func reads(c colour, grounds ...colour) bool {
	for _, ground := range grounds {
		if contrast(c, ground) < readable {
			return false
		}
	}
	return true
}

// lightGrounds and darkGrounds are --card and --bg of the styles.
func lightGrounds() []colour { return []colour{{0xFF, 0xFF, 0xFF}, {0xEE, 0xF2, 0xF2}} }
func darkGrounds() []colour  { return []colour{{0x15, 0x1F, 0x20}, {0x0D, 0x15, 0x16}} }

// lightShades are the shades on the light ground: the accent itself, made
// darker if it could not be read there. White text on it then can be read too.
func lightShades(accent colour) *Shades {
	at := accent.tone()
	tint := tone{.944, min(at.chroma, .013), at.hue}.colour()
	grounds := append(lightGrounds(), tint)
	for !reads(accent, grounds...) {
		at.light -= .005
		accent = at.colour()
	}
	deep := at
	if deep.light -= .075; at.light < .2 {
		deep.light = at.light + .2 // nothing is darker than black
	}
	return &Shades{Accent: accent.String(), On: "#FFFFFF", Deep: deep.colour().String(), Tint: tint.String()}
}

// darkShades are the shades on the dark ground, where a dark accent has a
// light twin: the darker the one, the lighter the other, and less so where it
// would turn a strong colour pale. A light accent is its own twin. The text on
// it is the darkest shade of the same hue.
func darkShades(accent colour) *Shades {
	at := accent.tone()
	if twin := .9 - .2*at.light - .4*max(0, at.chroma-.07); twin > at.light {
		at.light = twin
		accent = at.colour()
	}
	tint := tone{.293, min(at.chroma, .038), at.hue}.colour()
	on := tone{.25, min(at.chroma, .045), at.hue}.colour()
	grounds := append(darkGrounds(), tint, on)
	for !reads(accent, grounds...) {
		at.light += .005
		accent = at.colour()
	}
	deep := at
	if deep.light += .06; at.light > .9 {
		deep.light = at.light - .08 // nothing is lighter than white
	}
	return &Shades{Accent: accent.String(), On: on.String(), Deep: deep.colour().String(), Tint: tint.String()}
}

// styles puts the theme into the styles, in the place of the values that stand
// there: pages do not grow, and without a theme not a byte changes.
func (t *Theme) styles(css string) (string, error) {
	if t == nil {
		return css, nil
	}
	var errs []error
	put := func(name string, values ...string) {
		var err error
		css, err = redeclare(css, name, values...)
		errs = append(errs, err)
	}
	// The accent of the styles has shades chosen by hand.
	if t.Light != nil && !strings.Contains(css, "--sk-accent:"+t.Light.Accent+";") {
		put("--sk-accent", t.Light.Accent, t.Dark.Accent)
		put("--sk-on-accent", t.Light.On, t.Dark.On)
		put("--sk-accent-deep", t.Light.Deep, t.Dark.Deep)
		put("--tint", t.Light.Tint, t.Dark.Tint)
	}
	if t.radius != "" {
		put("--sk-radius", t.radius)
	}
	if len(t.families) > 0 {
		put("--sk-font-head", t.stack(css))
	}
	if t.mark != "" {
		const square = ".brand svg{inline-size:1.75rem;"
		if strings.Count(css, square) != 1 {
			errs = append(errs, fmt.Errorf("change styles: %s does not stand there once", square))
		}
		css = strings.Replace(css, square, ".brand svg{max-inline-size:9rem;", 1)
	}
	return css, errors.Join(errs...)
}

// stack is the value of --sk-font-head. The words serif, sans and mono stand
// for the stacks of the styles; a list with none of them ends with serif, for
// machines on which no family of the list is installed.
func (t *Theme) stack(css string) string {
	serif := declaration(css, "--sk-font-head")
	var list []string
	fallback := false
	for _, name := range t.families {
		generic := map[string]string{"serif": serif, "sans": "var(--sk-font)", "mono": "var(--mono)"}[name]
		if fallback = generic != ""; fallback {
			list = append(list, generic)
			break // nothing behind it would ever be asked for
		}
		list = append(list, `"`+name+`"`)
	}
	if !fallback {
		list = append(list, serif)
	}
	return strings.Join(list, ",")
}

// declaration is the value that a custom property has first in the styles.
func declaration(css, name string) string {
	_, rest, _ := strings.Cut(css, name+":")
	return rest[:max(strings.IndexAny(rest, ";}"), 0)]
}

// redeclare replaces the first declarations of a custom property: the first is
// the one for light pages, the second the one for dark pages.
func redeclare(css, name string, values ...string) (string, error) {
	var out strings.Builder
	for _, value := range values {
		before, rest, found := strings.Cut(css, name+":")
		end := strings.IndexAny(rest, ";}")
		if !found || end < 0 {
			return "", fmt.Errorf("change styles: %s is declared less than %d times", name, len(values))
		}
		out.WriteString(before + name + ":" + value)
		css = rest[end:]
	}
	return out.String() + css, nil
}
