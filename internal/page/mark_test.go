package page

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// A drawing is written anew: what programs keep for themselves is left out,
// styles become attributes, and ids are never those of a page.
func TestMarksKeepTheirShapes(t *testing.T) {
	for svg, want := range map[string]string{
		"":                           "",
		`<svg viewBox="0 0 28 28"/>`: `<svg viewBox="0 0 28 28" aria-hidden="true"></svg>`,
		`<?xml version="1.0" encoding="UTF-8"?><!-- x --><svg xmlns="http://www.w3.org/2000/svg" viewBox="0,0,56.0,28" fill="none"><path d="M0 0
			h5z"/></svg>` + "\n": `<svg viewBox="0 0 56 28" aria-hidden="true" fill="none"><path d="M0 0 h5z"></path></svg>`,
		`<s:svg xmlns:s="http://www.w3.org/2000/svg" width="40px" height="20"><s:g class="a" data-x="1"><s:title>no</s:title>text</s:g></s:svg>`:                          `<svg viewBox="0 0 40 20" aria-hidden="true"><g></g></svg>`,
		`<svg viewBox="0 0 1 1" xmlns:k="https://k.example" k:version="1"><k:view><path/></k:view><metadata><x/></metadata><rect id="login" width="1" height="1"/></svg>`: `<svg viewBox="0 0 1 1" aria-hidden="true"><rect width="1" height="1"></rect></svg>`,
		`<svg viewBox="0 0 1 1"><linearGradient id="login"><stop offset="50%" style="stop-color:#abc; -k-x: 'y';"/></linearGradient><circle r="1" fill="red" style="fill:url( '#login' )"/></svg>`: `<svg viewBox="0 0 1 1" aria-hidden="true"><linearGradient id="mark-login"><stop offset="50%" stop-color="#abc"></stop></linearGradient>` +
			`<circle r="1" fill="url(#mark-login)"></circle></svg>`,
		`<svg viewBox="0 0 1 1" style="width:99px;fill:var(--card)" x="9" y="9"/>`: `<svg viewBox="0 0 1 1" aria-hidden="true" fill="var(--card)"></svg>`,
	} {
		got, err := NewMark(svg)
		if err != nil || string(got.svg) != want {
			t.Errorf("%s:\ngot  %s (%v)\nwant %s", svg, got.svg, err, want)
		}
	}
}

// Whatever could run, ask for something elsewhere, hold HTML or lie is refused
// with one line that says where it is and what to do.
func TestDangerousMarksAreRefused(t *testing.T) {
	in := func(inside string) string {
		return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1">` + "\n" + inside + "</svg>"
	}
	for svg, want := range map[string]string{
		in(`<script>alert(1)</script>`):                                   "line 2: has <script>, and a mark is made of shapes alone; remove it",
		in(`<SCRIPT>alert(1)</SCRIPT>`):                                   "line 2: has <SCRIPT>",
		in(`<style>path{fill:url(//x.example)}</style>`):                  "line 2: has <style>",
		in(`<foreignObject><body/></foreignObject>`):                      "line 2: has <foreignObject>",
		in(`<image href="x.png"/>`):                                       "line 2: has <image>",
		in(`<use href="#a"/>`):                                            "line 2: has <use>",
		in(`<a href="javascript:alert(1)"/>`):                             "line 2: has <a>",
		in(`<animate attributeName="href"/>`):                             "line 2: has <animate>",
		in(`<text>Lantern</text>`):                                        "or make paths of it",
		in(`<svg viewBox="0 0 9 9"/>`):                                    "line 2: has <svg>",
		in(`<p>x</p>`):                                                    "line 2: has <p>",
		in(`<path onclick="alert(1)"/>`):                                  "line 2: has onclick=, which a mark must not have; remove it",
		in(`<path OnLoad="alert(1)"/>`):                                   "has OnLoad=",
		in(`<path href="#a"/>`):                                           "has href=",
		in(`<path xmlns:l="http://www.w3.org/1999/xlink" l:href="//x"/>`): "has href=",
		in(`<path style="background:url(https://x.example/a)"/>`):         `has style="background:url(https://x.example/a)", and a mark asks for nothing elsewhere`,
		in(`<path style="fill:URL(x)"/>`):                                 `has style="fill:URL(x)"`,
		in(`<path fill="url(https://x.example/#a)"/>`):                    "asks for nothing elsewhere",
		in(`<path fill="url(#a) url(b)"/>`):                               "asks for nothing elsewhere",
		in(`<path fill="u&#114;l(x)"/>`):                                  "asks for nothing elsewhere",
		in(`<path fill="u\72l(//x)"/>`):                                   "write it more plainly",
		in(`<path d="M0 0&quot;&gt;&lt;script&gt;"/>`):                    "write it more plainly",
		in(`<path style="fill:red&quot;onload=x"/>`):                      "write it more plainly",
		in(`<mask id="a&quot; onload=&quot;x"/>`):                         "write it in letters",
		in(`<path fill="{{.Nonce}}"/>`):                                   "write it more plainly",
		in(`<path d="&x;"/>`):                                             "cannot be read (XML syntax error on line 2: invalid character entity &x;)",
		in(`<path`):                                                       "cannot be read",
		in(`</g>`):                                                        "cannot be read",
		in(`<!ENTITY x "y">`):                                             "line 2: has a DOCTYPE or an entity",
		"<!DOCTYPE svg [<!ENTITY x 'y'>]>" + in(""):                       "line 1: has a DOCTYPE or an entity, which a mark does without; remove it",
		`<?xml-stylesheet href="//x.example"?>` + in(""):                  "line 1: has <?xml-stylesheet",
		`<?xml version="1.0" encoding="UTF-16"?>` + in(""):                "save it anew as plain SVG in UTF-8",
		in("") + in(""):                                                   "has something behind </svg>",
		`<html><svg viewBox="0 0 1 1"/></html>`:                           "line 1: is not a drawing; it needs to begin with <svg",
		`<svg xmlns="https://x.example" viewBox="0 0 1 1"/>`:              "is not a drawing",
		"plain":                             "holds no drawing",
		"\x89PNG\r\n\x1a\n\x00":             "cannot be read",
		`<svg/>`:                            `needs a frame, for example viewBox="0 0 28 28"`,
		`<svg width="100%" height="100%"/>`: "needs a frame",
		`<svg viewBox="0 0 28"/>`:           "needs a frame",
		`<svg viewBox="0 0 28 0"/>`:         "needs a frame",
		`<svg viewBox="0 0 NaN 1"/>`:        "needs a frame",
		`<svg viewBox="0 0 1e99 1"/>`:       "needs a frame",
		in(strings.Repeat("<g>", 6<<10)):    "has 18497 bytes, at most 16384 fit, because every page carries it; simplify the drawing",
		in(`<path style="` + strings.Repeat("url(x)", 99) + "\n" + `x:y"/>`): "…",
	} {
		mark, err := NewMark(svg)
		if err == nil {
			t.Errorf("%.80s: got %s, want it refused", svg, mark.svg)
			continue
		}
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || mark.svg != "" {
			t.Errorf("%.80s:\ngot  %v\nwant %s", svg, err, want)
		}
	}
}

// FuzzMark draws whatever anybody may call a drawing. In a page it is one
// element with nothing but shapes in it, and what follows it stays where it is.
func FuzzMark(f *testing.F) {
	for _, svg := range []string{
		`<svg viewBox="0 0 1 1"><g fill="url(#a)"><path d="M0 0h1z" style="fill:red"/></g></svg>`,
		`<svg viewBox="0 0 1 1"><title><b></title><![CDATA[</svg><script>]]></svg>`,
		`<svg width="1" height="1"><clipPath id="main"><rect/></clipPath></svg>`,
	} {
		f.Add(svg)
	}
	f.Fuzz(func(t *testing.T, svg string) {
		mark, err := NewMark(svg)
		if err != nil || svg == "" {
			return
		}
		doc, err := html.Parse(strings.NewReader("<body><a>" + string(mark.svg) + "<span>after</span></a>"))
		if err != nil {
			t.Fatal(err)
		}
		drawing := find(doc, named("a"))[0].FirstChild
		after := drawing.NextSibling
		if drawing.Data != "svg" || drawing.Namespace != "svg" || after == nil || after.Data != "span" || words(after) != "after" {
			t.Fatalf("%q became %q, which is not one drawing", svg, mark.svg)
		}
		for n := range drawing.Descendants() {
			if n.Type != html.ElementNode || n.Namespace != "svg" || !in(shapes, n.Data) {
				t.Errorf("%q became %q, which has %q", svg, mark.svg, n.Data)
			}
			for _, a := range n.Attr {
				if a.Key != "id" && !in(traits, a.Key) || a.Key == "id" && !strings.HasPrefix(a.Val, "mark-") || strings.ContainsAny(a.Val, `:/\'"<>&`) {
					t.Errorf("%q became %q, which has %s=%q", svg, mark.svg, a.Key, a.Val)
				}
			}
		}
	})
}
