package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
	"time"
)

const limitsHead = `# Limits

Made of limits.go by ` + "`make docs`" + `; do not edit it here. None of them is a
setting. "In 24 h" is a window that slides, not a day of the calendar. How long
passwords are and what their hashes cost stands in internal/password, how often
one client may start something in internal/app/app.go.

| name | value | what it bounds |
| --- | --- | --- |
`

// A limit is a number with a name, or several that one comment speaks of.
type limit struct {
	names, values []string
	doc           string
}

// A source is a file of Go with the values of its constants.
type source struct {
	file *ast.File
	info *types.Info
}

// limitsPage makes docs/limits.md of the exported constants and the windows in
// the file, which may import package time and nothing else.
func limitsPage(path string) (string, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.ParseComments)
	if err != nil {
		return "", err
	}
	s := source{file, &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}}}
	check := types.Config{Importer: importer.ForCompiler(files, "source", nil)}
	if _, err := check.Check("limits", files, []*ast.File{file}, s.info); err != nil {
		return "", err
	}
	var page strings.Builder
	page.WriteString(limitsHead)
	for _, l := range s.limits() {
		fmt.Fprintf(&page, "| %s | %s | %s |\n", strings.Join(l.names, "<br>"), strings.Join(l.values, "<br>"), oneLine(l.doc))
	}
	return page.String(), nil
}

// limits lists the limits in the order of the file.
func (s source) limits() (list []limit) {
	for _, d := range s.file.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			if d.Tok == token.CONST {
				list = append(list, s.constants(d)...)
			}
		case *ast.FuncDecl:
			if value := s.table(d); value != "" {
				list = append(list, limit{[]string{d.Name.Name}, []string{value}, d.Doc.Text()})
			}
		}
	}
	return list
}

// constants lists the exported constants of a declaration. One without a
// comment belongs to the one before it.
func (s source) constants(d *ast.GenDecl) (list []limit) {
	for _, spec := range d.Specs {
		spec, ok := spec.(*ast.ValueSpec)
		if !ok || !spec.Names[0].IsExported() {
			continue
		}
		if spec.Doc != nil {
			list = append(list, limit{doc: spec.Doc.Text()})
		}
		for _, name := range spec.Names {
			c, ok := s.info.Defs[name].(*types.Const)
			if ok && len(list) > 0 {
				last := &list[len(list)-1]
				last.names = append(last.names, name.Name)
				last.values = append(last.values, shown(c.Val(), c.Type()))
			}
		}
	}
	return list
}

// table is the list that a function without a receiver is made around: the
// windows of a budget, or how long to wait. It is empty for other functions.
func (s source) table(d *ast.FuncDecl) (value string) {
	if d.Recv != nil || !d.Name.IsExported() {
		return ""
	}
	ast.Inspect(d.Body, func(n ast.Node) bool {
		list, ok := n.(*ast.CompositeLit)
		if !ok || value != "" {
			return value == ""
		}
		var parts []string
		for _, e := range list.Elts {
			if window, ok := e.(*ast.CompositeLit); ok {
				parts = append(parts, s.value(window.Elts[1])+" in "+s.value(window.Elts[0]))
				continue
			}
			parts = append(parts, s.value(e))
		}
		value = strings.Join(parts, ", ")
		return false
	})
	return value
}

// value is the value of a constant expression.
func (s source) value(e ast.Expr) string {
	tv := s.info.Types[e]
	if tv.Value == nil {
		return "?"
	}
	return shown(tv.Value, tv.Type)
}

// shown is a value as people write it.
func shown(v constant.Value, t types.Type) string {
	n, ok := constant.Int64Val(v)
	if !ok {
		return v.ExactString()
	}
	if t.String() == "time.Duration" {
		return span(time.Duration(n))
	}
	digits := v.ExactString()
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// span is a time in the largest unit that leaves no rest. A day is one from
// two of them on.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d%day == 0 && d > day:
		return fmt.Sprintf("%d days", d/day)
	case d%time.Hour == 0:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return d.String()
}
