package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

const settingsHead = `# Settings

Made of internal/config/settings.go by ` + "`make docs`" + `; do not edit it here.

A setting is given as a flag, in the environment, or in a file of ` + "`NAME=value`" + `
lines that ` + "`--config`" + ` or ` + "`SPAREKEY_CONFIG`" + ` names; the first of the three wins.
An empty value is the default. Secrets belong in the environment or in a file:
other people of the machine can read the flags of a program that runs.
` + "`sparekey config`" + ` shows every setting, its value and where it came from.
`

// A field is a setting as the struct describes it.
type field struct {
	name string // of the field
	tag  reflect.StructTag
	doc  string
}

// env is the setting's name in the environment.
func (f field) env() string {
	return "SPAREKEY_" + strings.ToUpper(strings.ReplaceAll(f.tag.Get("name"), "-", "_"))
}

// settingsPage makes docs/settings.md of the struct Settings in the file.
func settingsPage(file string) (string, error) {
	fields, err := settings(file)
	if err != nil {
		return "", err
	}
	var page strings.Builder
	page.WriteString(settingsHead)
	for _, f := range fields {
		fmt.Fprintf(&page, "\n## %s\n\n`--%s %s`", f.env(), f.tag.Get("name"), f.tag.Get("placeholder"))
		if fallback := f.tag.Get("default"); fallback != "" {
			fmt.Fprintf(&page, ", default `%s`", fallback)
		}
		fmt.Fprintf(&page, "\n\n%s\n", inEnvNames(f.doc, fields))
	}
	return page.String(), nil
}

// settings reads the fields of the struct Settings.
func settings(file string) ([]field, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var fields []field
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != "Settings" {
			return true
		}
		body, ok := spec.Type.(*ast.StructType)
		if !ok {
			return false
		}
		for _, f := range body.Fields.List {
			if f.Tag == nil || !f.Names[0].IsExported() {
				continue
			}
			var tag string
			if tag, err = strconv.Unquote(f.Tag.Value); err != nil {
				return false
			}
			one := field{name: f.Names[0].Name, tag: reflect.StructTag(tag), doc: f.Doc.Text()}
			if one.doc == "" { // the comment above it speaks of several
				one.doc = one.tag.Get("help")
			}
			fields = append(fields, one)
		}
		return false
	})
	if err == nil && len(fields) == 0 {
		err = errors.New("there is no struct Settings with fields")
	}
	return fields, err
}

// inEnvNames says in a comment the names that an operator knows in the place
// of those of the fields.
func inEnvNames(doc string, fields []field) string {
	for _, f := range fields {
		// A name of the struct is a whole word: Database, and not in "the
		// database" nor in DatabaseFile.
		doc = regexp.MustCompile(`(^|[^\w"])`+f.name+`\b`).ReplaceAllString(doc, "${1}`"+f.env()+"`")
	}
	return strings.TrimSpace(doc)
}
