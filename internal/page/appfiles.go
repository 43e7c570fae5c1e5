package page

import (
	"encoding/json"
	"fmt"
)

// The files of the companion app beside its page.

const (
	ourAccent = "#0B5563" // as in style.css
	ourGround = "#EEF2F2"
	// ourMark is the drawing of parts/frame.html, on a ground of its own.
	ourMark = `<svg viewBox="0 0 28 28"><path fill="#FFF" d="M14 1.5 25.500 7v9.200c0 5.200-4.600 8.700-11.500 10.600C7.100 24.900 2.500 21.400 2.500 16.200V7z"/>` +
		`<path fill="%s" d="M14 8.200a3.600 3.600 0 0 1 1.700 6.800l1.100 5.400h-5.600l1.100-5.400A3.600 3.600 0 0 1 14 8.200z"/></svg>`
)

// accent is the colour of links and buttons.
func (o *Options) accent() string {
	if o.Theme != nil && o.Theme.Light != nil {
		return o.Theme.Light.Accent
	}
	return ourAccent
}

// Accent is the colour of links and buttons on the light ground.
func (b *Base) Accent() string { return b.pages.opts.accent() }

// icon is the mark on a square. A phone cuts it to a form of its own, of which the
// middle four fifths are always to be seen: the mark fills half.
func (o *Options) icon() []byte {
	mark := fmt.Sprintf(ourMark, o.accent())
	ground, ink := o.accent(), "#FFF"
	if o.Theme != nil && o.Theme.mark != "" { // it may have colours of its own, for a light ground
		mark, ground, ink = string(o.Theme.mark), "#FFF", o.accent()
	}
	return []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512" color="` + ink + `"><rect width="512" height="512" fill="` + ground +
		`"/><svg x="128" y="128" width="256" height="256">` + mark + `</svg></svg>`)
}

type manifestIcon struct {
	Src     string `json:"src"`
	Sizes   string `json:"sizes"`
	Type    string `json:"type"`
	Purpose string `json:"purpose"`
}

// manifest describes the app to the phone that puts it on its screen (W3C, Web
// Application Manifest).
func (p *Pages) manifest() ([]byte, error) {
	words := p.opts.Catalogue.Printer("")
	return json.Marshal(struct {
		Name       string         `json:"name"`
		Short      string         `json:"short_name"`
		ID         string         `json:"id"`
		Start      string         `json:"start_url"`
		Scope      string         `json:"scope"`
		Display    string         `json:"display"`
		Theme      string         `json:"theme_color"`
		Background string         `json:"background_color"`
		Icons      []manifestIcon `json:"icons"`
	}{
		words.T("app.h1", "Site", p.opts.SiteName), p.opts.SiteName, "/app", "/app", "/app", "standalone", p.opts.accent(), ourGround,
		[]manifestIcon{{"/app/icon.svg", "any", "image/svg+xml", "any"}, {"/app/icon.svg", "any", "image/svg+xml", "maskable"}},
	})
}

// An appFile is a file of the companion app.
type appFile struct {
	kind string
	body []byte
}

// newAppFiles makes the files of the companion app.
func (p *Pages) newAppFiles() (map[string]appFile, error) {
	manifest, err := p.manifest()
	if err != nil {
		return nil, fmt.Errorf("describe the app: %w", err)
	}
	worker, err := files.ReadFile("assets/worker.js")
	if err != nil {
		return nil, fmt.Errorf("read the worker of the app: %w", err)
	}
	return map[string]appFile{
		"manifest.webmanifest": {"application/manifest+json", manifest},
		"icon.svg":             {"image/svg+xml", p.opts.icon()},
		"worker.js":            {"text/javascript; charset=utf-8", lean(string(worker))},
	}, nil
}

// AppFile gives a file of the companion app and its type; no type if there is none
// of that name.
func (p *Pages) AppFile(name string) (kind string, body []byte) {
	f := p.appFiles[name]
	return f.kind, f.body
}
