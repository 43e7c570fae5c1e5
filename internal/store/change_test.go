package store

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Whatever ends a session, or changes what is told of it, writes down that it
// changed: nodes answer from memory until they read of that.
func TestWhatChangesIsWrittenDown(t *testing.T) {
	changes := regexp.MustCompile(`UPDATE sessions SET (ended|token_hash)|DELETE FROM sessions WHERE account|` +
		`UPDATE accounts SET (disabled|password_epoch|ways_epoch|delete_at)|(INTO|UPDATE|DELETE FROM) identifiers`)
	// What others of the same transaction write down, or what nobody is told of yet.
	elsewhere := map[string]string{
		"Register":         "the account is new",
		"AddAccount":       "the account is new",
		"SetPassword":      "endSessions",
		"letIn":            "endSessions",
		"proveIdentifiers": "endSessions",
		"dropLogin":        "SetLogin, erase",
		"planDeletion":     "endAll",
		"callOff":          "SetPassword",
		"Pause":            "turnPause",
		"Unpause":          "turnPause",
		"restore":          "endSessions",
		"addIdentifier":    "waysChanged",
		"DropWay":          "waysChanged",
		"KeepWay":          "waysChanged",
		"Sweep":            "what was dropped long ago is told of no more",
	}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || strings.HasSuffix(name, "_test.go") {
				continue
			}
			statement, told := "", false
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.BasicLit:
					if text, err := strconv.Unquote(n.Value); err == nil && changes.MatchString(text) {
						statement = text
					}
				case *ast.SelectorExpr:
					told = told || n.Sel.Name == "changed"
				}
				return true
			})
			if statement != "" {
				found++
			}
			if statement != "" && !told && elsewhere[f.Name.Name] == "" {
				t.Errorf("%s runs %q and does not call changed", f.Name.Name, statement)
			}
		}
	}
	if found < 15 {
		t.Errorf("got %d functions that change something, want those there are", found)
	}
}
