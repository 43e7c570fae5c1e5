// Command gallery draws every page in every state and language, with made-up
// data, into a folder: for those who work on the pages, and for translators.
//
//	go run ./internal/page/gallery out/pages
//	go run ./internal/page/gallery -accent '#7A1F3D' -radius 4 -heading-font sans -mark mark.svg out/pages
package main

import (
	"flag"
	"fmt"
	"html/template"
	"log"
	"os"
	"path"
	"path/filepath"
	"strings"

	"sparekey/internal/lang"
	"sparekey/internal/page"
)

func main() {
	log.SetFlags(0)
	look := page.Look{}
	flag.StringVar(&look.Accent, "accent", "", "the colour of links and buttons, #RRGGBB")
	flag.StringVar(&look.Radius, "radius", "", "how round corners are, 0 to 16")
	flag.StringVar(&look.Heading, "heading-font", "", "serif, sans, mono or names of fonts")
	mark := flag.String("mark", "", "a file with the drawing for the head")
	flag.Parse()
	if flag.NArg() != 1 {
		log.Fatal("usage: gallery [-accent #RRGGBB] [-radius PX] [-heading-font LIST] [-mark FILE] FOLDER")
	}
	n, err := draw(flag.Arg(0), look, *mark)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d pages in %s\n", n, filepath.Join(flag.Arg(0), "index.html"))
}

// draw makes the folder anew and gives the number of pages in it.
func draw(folder string, look page.Look, mark string) (int, error) {
	theme, err := design(look, mark)
	if err != nil {
		return 0, err
	}
	catalogue, err := lang.Load()
	if err != nil {
		return 0, err
	}
	pages, err := page.New(page.Options{
		Catalogue: catalogue, SiteName: "Lantern Market", Host: "lantern.example", MailFrom: "hello@lantern.example",
		Theme: theme,
	})
	if err != nil {
		return 0, err
	}
	var list index
	for _, l := range catalogue.Langs() {
		dir := filepath.Join(folder, l.Tag)
		if err := os.RemoveAll(dir); err != nil {
			return 0, err
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return 0, err
		}
		row := language{Language: l}
		for _, s := range page.Samples(catalogue.Printer(l.Tag)) {
			drawn, err := pages.Render(s.Page)
			if err != nil {
				return 0, fmt.Errorf("draw %s in %s: %w", s.Name, l.Tag, err)
			}
			// Scripts are asked for by a path from the root of the host; in the
			// gallery they lie beside the folders of the languages.
			text := strings.ReplaceAll(string(drawn), `="/assets/`, `="../`)
			if err := os.WriteFile(filepath.Join(dir, s.Name+".html"), []byte(text), 0o644); err != nil {
				return 0, err
			}
			row.Pages = append(row.Pages, s.Name)
			list.Count++
		}
		list.Languages = append(list.Languages, row)
	}
	for at, script := range pages.Scripts() {
		if err := os.WriteFile(filepath.Join(folder, path.Base(at)), script, 0o644); err != nil {
			return 0, err
		}
	}
	f, err := os.Create(filepath.Join(folder, "index.html"))
	if err != nil {
		return 0, err
	}
	if err := indexPage.Execute(f, list); err != nil {
		f.Close()
		return 0, fmt.Errorf("draw the index: %w", err)
	}
	return list.Count, f.Close()
}

// design works a look out, with the mark of a file.
func design(look page.Look, mark string) (*page.Theme, error) {
	if mark != "" {
		drawing, err := os.ReadFile(mark)
		if err != nil {
			return nil, err
		}
		if look.Mark, err = page.NewMark(string(drawing)); err != nil {
			return nil, fmt.Errorf("%s %w", mark, err)
		}
	}
	return page.NewTheme(look)
}

// An index is what the first page of the gallery lists.
type index struct {
	Count     int
	Languages []language
}

type language struct {
	lang.Language
	Pages []string
}

var indexPage = template.Must(template.New("index").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sparekey: every page</title>
<style>
	body { font: 1rem/1.6 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color-scheme: light dark }
	ul { columns: 14rem; padding: 0; list-style: none }
</style>
<h1>{{.Count}} pages</h1>
{{range .Languages}}{{$tag := .Tag}}
<h2 lang="{{.Tag}}" dir="{{.Dir}}">{{.Autonym}}</h2>
<ul>{{range .Pages}}
	<li><a href="{{$tag}}/{{.}}.html">{{.}}</a></li>{{end}}
</ul>
{{end}}</html>
`))
