package main

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A test is a test function that names an attack or a requirement: in its name
// or in a comment on it or in it.
type test struct {
	folder string // below the module's, with slashes
	name   string
	ids    []string // A13, 6.5.5, in this order
}

// readTests reads the tests of all packages below root.
func readTests(root string) (tests []test, err error) {
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (strings.HasPrefix(entry.Name(), ".") || slices.Contains(noCode, entry.Name())):
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		more, err := testsOf(path, filepath.ToSlash(folder))
		tests = append(tests, more...)
		return err
	})
	slices.SortFunc(tests, func(a, b test) int { return cmp.Or(cmp.Compare(a.folder, b.folder), cmp.Compare(a.name, b.name)) })
	return tests, err
}

// noCode are folders without packages of ours.
var noCode = []string{"node_modules", "testdata", "bin", "out"}

// testsOf reads the tests of one file.
func testsOf(path, folder string) (tests []test, err error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Recv != nil || f.Name.Name == "TestMain" || !isTest.MatchString(f.Name.Name) {
			continue
		}
		said := f.Doc.Text()
		for _, c := range file.Comments {
			if f.Pos() <= c.Pos() && c.End() <= f.End() {
				said += "\n" + c.Text()
			}
		}
		if ids := idsOf(f.Name.Name, said); len(ids) > 0 {
			tests = append(tests, test{folder, f.Name.Name, ids})
		}
	}
	return tests, nil
}

var (
	isTest   = regexp.MustCompile(`^(Test|Fuzz)[^a-z]`)
	inName   = regexp.MustCompile(`^(?:Test|Fuzz)((?:A\d\d)+)`)
	inText   = regexp.MustCompile(`\bA\d\d\b`)
	aboutReq = regexp.MustCompile(`\bASVS\s+((?:\d+\.\d+\.\d+(?:,\s+|\s+to\s+|\s+and\s+)?)+)`)
	oneReq   = regexp.MustCompile(`(\d+\.\d+\.)(\d+)(?:\s+to\s+\d+\.\d+\.(\d+))?`)
)

// idsOf finds the ids in a test's name and comments. "3.4.1 to 3.4.8" is eight.
func idsOf(name, said string) (ids []string) {
	if m := inName.FindStringSubmatch(name); m != nil {
		for s := m[1]; s != ""; s = s[3:] {
			ids = append(ids, s[:3])
		}
	}
	ids = append(ids, inText.FindAllString(said, -1)...)
	for _, m := range aboutReq.FindAllStringSubmatch(said, -1) {
		for _, r := range oneReq.FindAllStringSubmatch(m[1], -1) {
			from, _ := strconv.Atoi(r[2]) // they are digits
			to, err := strconv.Atoi(r[3])
			if err != nil {
				to = from
			}
			for n := from; n <= to; n++ {
				ids = append(ids, r[1]+strconv.Itoa(n))
			}
		}
	}
	slices.SortFunc(ids, compareIDs)
	return slices.Compact(ids)
}

// compareIDs sorts attacks before requirements, and those by their numbers.
func compareIDs(a, b string) int {
	if strings.HasPrefix(a, "A") || strings.HasPrefix(b, "A") {
		return cmp.Or(cmp.Compare(strings.Count(a, "."), strings.Count(b, ".")), cmp.Compare(a, b))
	}
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(x, y string) int {
		return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y))
	})
}
