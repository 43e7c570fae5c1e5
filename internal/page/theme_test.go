package page

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// themed gives the styles with a look, squeezed as in a page.
func themed(t testing.TB, look Look) string {
	t.Helper()
	theme, err := NewTheme(look)
	if err != nil {
		t.Fatal(err)
	}
	css, err := theme.styles(plainStyles(t))
	if err != nil {
		t.Fatal(err)
	}
	return css
}

func plainStyles(t testing.TB) string {
	t.Helper()
	css, err := files.ReadFile("assets/style.css")
	if err != nil {
		t.Fatal(err)
	}
	return squeeze(string(css))
}

// Whatever accent an owner picks, all text can be read, in light and in dark:
// those that are hardest, a grid of all, and some at random.
func TestEveryAccentCanBeRead(t *testing.T) {
	accents := []string{"#ffffff", "#000000", "#ffff00", "#ff0000", "#00FFFF", "#FEFEFE", "#010101", "#767676"}
	for n := range 6 * 6 * 6 {
		accents = append(accents, colour{uint8(n / 36 * 51), uint8(n / 6 % 6 * 51), uint8(n % 6 * 51)}.String())
	}
	dice := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		accents = append(accents, colour{uint8(dice.Uint32()), uint8(dice.Uint32()), uint8(dice.Uint32())}.String())
	}
	for _, accent := range accents {
		css := themed(t, Look{Accent: accent})
		for _, fault := range faint(t, css) {
			t.Errorf("%s: %s", accent, fault)
		}
		if strings.Contains(css, "#0B5563") || strings.Contains(css, "#86D3DF") {
			t.Errorf("%s: got the accent of the styles still in them", accent)
		}
	}
}

// An accent that can be read stays as it is; another one becomes darker until
// it can, and no darker. On dark pages a light accent stays as it is.
func TestAnAccentChangesOnlyAsMuchAsItMust(t *testing.T) {
	for accent, want := range map[string]struct{ light, dark string }{
		"#12246b": {"#12246B", ""},
		"#C8102E": {"#C8102E", ""},
		"#000000": {"#000000", ""},
		"#FFFF00": {"#6F6F00", "#FFFF00"},
		"#FFFFFF": {"#6A6A6A", "#FFFFFF"},
		"#FFC800": {"#856700", "#FFC800"},
	} {
		theme, err := NewTheme(Look{Accent: accent})
		if err != nil {
			t.Fatal(err)
		}
		if theme.Light.Accent != want.light {
			t.Errorf("%s on light pages: got %s, want %s", accent, theme.Light.Accent, want.light)
		}
		if want.dark != "" && theme.Dark.Accent != want.dark {
			t.Errorf("%s on dark pages: got %s, want %s", accent, theme.Dark.Accent, want.dark)
		}
		if theme.Light.Deep == theme.Light.Accent || theme.Dark.Deep == theme.Dark.Accent {
			t.Errorf("%s: a button looks the same under the pointer: %+v %+v", accent, theme.Light, theme.Dark)
		}
	}
}

// Nothing set, or what the styles have anyway, changes not a byte.
func TestTheOwnLookIsUntouched(t *testing.T) {
	want := plainStyles(t)
	var none *Theme
	css, err := none.styles(want)
	if err != nil || css != want {
		t.Errorf("no theme: the styles differ (%v)", err)
	}
	for _, look := range []Look{{}, {Radius: "10", Heading: "serif"}, {Accent: "#0b5563"}} {
		if themed(t, look) != want {
			t.Errorf("%+v: the styles differ", look)
		}
	}
	_, c := newPages(t)
	p, err := New(Options{Catalogue: c, SiteName: "Lantern Market", Theme: &Theme{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, doc := draw(t, p, &SignIn{}); !strings.Contains(shape(doc), "<svg aria-hidden viewBox><path d fill><path d fill>") {
		t.Errorf("got another mark than ours: %s", shape(doc))
	}
}

// The grounds that accents are measured on are those of the styles.
func TestTheGroundsAreThoseOfTheStyles(t *testing.T) {
	css := plainStyles(t)
	light, dark := lightGrounds(), darkGrounds()
	for _, want := range []string{
		fmt.Sprintf("--bg:%s;--card:#FFF;", light[1]), fmt.Sprintf("--bg:%s;--card:%s;", dark[1], dark[0]),
	} {
		if strings.Count(css, want) != 1 {
			t.Errorf("the styles have %d times %s, want once", strings.Count(css, want), want)
		}
	}
}

// The corners and the font of headings are what the owner says, and a list of
// fonts ends with one that every machine has.
func TestCornersAndHeadings(t *testing.T) {
	serif := declaration(plainStyles(t), "--sk-font-head")
	for look, want := range map[Look]string{
		{Radius: "0"}:                   "--sk-radius:0px;",
		{Radius: "16"}:                  "--sk-radius:16px;",
		{Heading: "sans"}:               "--sk-font-head:var(--sk-font);",
		{Heading: "mono"}:               "--sk-font-head:var(--mono);",
		{Heading: "Lora"}:               `--sk-font-head:"Lora",` + serif + ";",
		{Heading: "Open Sans, Inter"}:   `--sk-font-head:"Open Sans","Inter",` + serif + ";",
		{Heading: "Open Sans,sans"}:     `--sk-font-head:"Open Sans",var(--sk-font);`,
		{Heading: "Source Code 4,mono"}: `--sk-font-head:"Source Code 4",var(--mono);`,
	} {
		css := themed(t, look)
		if strings.Count(css, want) != 1 {
			t.Errorf("%+v: got no %s in the styles", look, want)
		}
		// Arabic and others keep headings without serifs.
		if !strings.HasSuffix(css, "--sk-font-head:var(--sk-font)}") {
			t.Errorf("%+v: headings of other scripts changed too", look)
		}
	}
}

// Nothing an owner writes can end the style or begin another one.
func TestBadLooksAreRefused(t *testing.T) {
	for _, look := range []Look{
		{Accent: "red"},
		{Accent: "#FFF"},
		{Accent: "#12345G"},
		{Accent: "#+12345"},
		{Accent: "#1_2345"},
		{Accent: "0B5563"},
		{Accent: "#0B5563;"},
		{Accent: "#0B5563}"},
		{Accent: "#0B556é"},
		{Radius: "17"},
		{Radius: "-1"},
		{Radius: "1.5"},
		{Radius: "10px"},
		{Radius: "1e1"},
		{Radius: "0;color:red"},
		{Heading: `"Lora"`},
		{Heading: "Lora;"},
		{Heading: "Lora}"},
		{Heading: "Lora</style>"},
		{Heading: "Lora\nInter"},
		{Heading: `Lo\72 a`},
		{Heading: "url(x)"},
		{Heading: "var(--x)"},
		{Heading: "Lora,"},
		{Heading: ","},
		{Heading: " "},
		{Heading: "Lora  Inter"},
		{Heading: "{{.Nonce}}"},
		{Heading: "/*"},
	} {
		if _, err := NewTheme(look); err == nil {
			t.Errorf("%+v: got no error", look)
		}
	}
}

// A page with a look has the same elements as one without, but for the mark,
// which stands where ours was, and the policy has nothing to refuse.
func TestALookChangesNoElements(t *testing.T) {
	mark, err := NewMark(`<svg viewBox="0 0 56 28"><path d="M0 0h56v28z"/></svg>`)
	if err != nil {
		t.Fatal(err)
	}
	theme, err := NewTheme(Look{Mark: mark, Accent: "#C8102E", Radius: "0", Heading: "Lora"})
	if err != nil {
		t.Fatal(err)
	}
	plain, c := newPages(t)
	with := plain.opts
	with.Theme = theme
	p, err := New(with)
	if err != nil {
		t.Fatal(err)
	}
	plainSamples := Samples(c.Printer("en"))
	for i, s := range Samples(c.Printer("en")) {
		body, doc := draw(t, p, s.Page)
		_, before := draw(t, plain, plainSamples[i].Page)
		got, want := shape(doc), strings.Replace(shape(before), "<path d fill><path d fill>", "<path d>", 1)
		if got != want {
			t.Errorf("%s: got %s, want %s", s.Name, got, want)
		}
		if !bytes.Contains(body, []byte("--sk-accent:#C8102E;")) {
			t.Errorf("%s: the accent is missing", s.Name)
		}
		brand := find(doc, func(n *html.Node) bool { return value(n, "class") == "brand" })
		if len(brand) != 1 || words(brand[0]) != "Lantern Market" || !slices.Contains(brand[0].FirstChild.Attr, html.Attribute{Key: "viewBox", Val: "0 0 56 28"}) {
			t.Errorf("%s: the mark does not stand before the name", s.Name)
		}
		if most, _ := heaviest(s); len(body) > most {
			t.Errorf("%s: got %d bytes, want at most %d", s.Name, len(body), most)
		}
	}
}
