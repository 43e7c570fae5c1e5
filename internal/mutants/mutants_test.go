package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the folder of the module, as seen from this one.
var root = filepath.Join("..", "..")

// Every defect can be put into the code as it stands, and every name in its
// pattern is one of a test in the packages that it lists: neither went stale
// when the code was changed.
func TestPatchesFitTheCode(t *testing.T) {
	list, err := readMutants(patches(root))
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatal("got no patches, want some")
	}
	for _, m := range list {
		if err := m.apply(t.Context(), root, "--check"); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
		found := map[string]bool{}
		for _, folder := range m.packages {
			names := testsIn(t, filepath.Join(root, folder))
			any := false
			for part := range strings.SplitSeq(m.run, "|") {
				if slices.ContainsFunc(names, regexp.MustCompile(part).MatchString) {
					found[part], any = true, true
				}
			}
			if !any {
				t.Errorf("%s: got no test in %s, want one of %s", m.name, folder, m.run)
			}
		}
		for part := range strings.SplitSeq(m.run, "|") {
			if !found[part] {
				t.Errorf("%s: got no test called %s, want one in %v", m.name, part, m.packages)
			}
		}
	}
}

var testName = regexp.MustCompile(`(?m)^func (Test\w+)\(`)

// testsIn are the names of the tests in a folder.
func testsIn(t *testing.T, folder string) (names []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range testName.FindAllStringSubmatch(string(text), -1) {
			names = append(names, found[1])
		}
	}
	return names
}

// A patch says in two lines what it breaks and which tests are run, and is
// refused without them.
func TestParse(t *testing.T) {
	m, err := parse("late", "Forgets the time.\ntests: . ./internal/web -run 'TestA|TestB'\n\ndiff")
	if err != nil || !slices.Equal(m.packages, []string{".", "./internal/web"}) || m.run != "TestA|TestB" {
		t.Errorf("got %q, %q, %v, want two packages and two tests", m.packages, m.run, err)
	}
	for _, text := range []string{
		"",
		"diff --git a/x b/x\n",
		"no sentence\ntests: . -run 'TestA'\n",
		"One | cell too many.\ntests: . -run 'TestA'\n",
		"Forgets the time.\n",
		"Forgets the time.\ntests: -run 'TestA'\n",
		"Forgets the time.\ntests: .\n",
		"Forgets the time.\ntests: ./... -run 'TestA'\n",
		"Forgets the time.\ntests: . -run ''\n",
		"Forgets the time.\ntests: . -run TestA\n",
	} {
		if _, err := parse("late", text); err == nil {
			t.Errorf("got %q taken, want it refused", text)
		}
	}
}

// What catches a defect is a test that failed. A package that does not compile,
// or ends by itself, or has none of the tests, catches nothing: that is an
// error, with what was said.
func TestReadFailed(t *testing.T) {
	const failed = `{"Action":"run","Package":"sparekey/in","Test":"TestB"}
{"Action":"fail","Package":"sparekey/in","Test":"TestB/sqlite"}
{"Action":"fail","Package":"sparekey/in","Test":"TestB"}
{"Action":"fail","Package":"sparekey/in"}
`
	for _, test := range []struct {
		log, want string // want of the error, if it begins with "error "
	}{
		{`{"Action":"run","Package":"sparekey","Test":"TestA"}
{"Action":"pass","Package":"sparekey","Test":"TestA"}
{"Action":"pass","Package":"sparekey"}
`, ""},
		{failed, "in TestB"},
		{`{"Action":"run","Package":"sparekey","Test":"TestA"}
{"Action":"fail","Package":"sparekey","Test":"TestA"}
{"Action":"fail","Package":"sparekey"}
` + failed, ". TestA, in TestB"},
		{failed + `{"Action":"build-output","Output":"undefined: x"}
{"Action":"build-fail"}
{"Action":"fail","Package":"sparekey/other","FailedBuild":"sparekey/other.test"}
`, "error other does not compile\nundefined: x"},
		{failed + `{"Action":"run","Package":"sparekey/other","Test":"TestC"}
{"Action":"output","Package":"sparekey/other","Output":"panic: test timed out"}
{"Action":"fail","Package":"sparekey/other"}
`, "error other ended without a test that failed\npanic: test timed out"},
		{failed + `{"Action":"pass","Package":"sparekey/other"}
`, "error other has none of the tests\n"},
		{failed + `{"Action":"skip","Package":"sparekey/other"}
`, "error other has none of the tests\n"},
		{failed + "not JSON", "error read the log of go test: "},
	} {
		by, err := readFailed(strings.NewReader(test.log))
		want, wrong := strings.CutPrefix(test.want, "error ")
		switch {
		case wrong && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("got %v, want %q", err, want)
		case !wrong && (err != nil || strings.Join(by, ", ") != want):
			t.Errorf("got %q, %v, want %q", by, err, want)
		}
	}
}

// Defects are tried in copies: what catches each is told and written down, one
// that nothing catches is written down too and is an error, and so is one that
// does not compile or does not apply. The code itself stays as it is.
func TestTry(t *testing.T) {
	dir := tinyRepository(t)
	var said strings.Builder
	to := filepath.Join(dir, "caught.json")
	err := try(t.Context(), dir, "", to, &said)
	for _, want := range []string{"missed: nothing caught it", "nothing: . does not compile", "undefined: x", "stale: the patch does not apply"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	for _, want := range []string{"nothing broken: the tests pass", "1/4 caught: caught by . TestTwo (", "2/4 missed: NOTHING caught it (", "3/4 nothing: not tried\n"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("got no %q said in\n%s", want, said.String())
		}
	}
	written, err := os.ReadFile(to)
	if got, want := strings.Join(strings.Fields(string(written)), ""), `{"caught":[".TestTwo"],"missed":[]}`; err != nil || got != want {
		t.Errorf("got %s written, %v, want %s", got, err, want)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "tiny.go")); err != nil || string(text) != tiny {
		t.Errorf("got the code %q, %v, want it as it was", text, err)
	}
	if err := try(t.Context(), dir, "^caught$", "", &said); err != nil {
		t.Errorf("got %v for a defect that is caught, want none", err)
	}
	if err := try(t.Context(), dir, "other", "", &said); err == nil {
		t.Error("got no error for a name that no defect has, want one")
	}
}

// tiny is the code that TestTry breaks.
const tiny = `package tiny

func two() int { return 2 }

func three() int { return 3 }
`

// tinyRepository makes a repository of tiny, with a test of half of it and a
// defect for each thing that can become of one.
func tinyRepository(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	files := map[string]string{
		"go.mod":       "module tiny\n\ngo 1.25\n",
		"tiny.go":      tiny,
		"tiny_test.go": "package tiny\n\nimport \"testing\"\n\nfunc TestTwo(t *testing.T) {\n\tif two() != 2 {\n\t\tt.Error(\"not two\")\n\t}\n}\n",
	}
	for _, name := range fetched {
		files[name] = ""
	}
	for name, change := range map[string][2]string{
		"caught":  {"return 2", "return 4"},
		"missed":  {"return 3", "return 4"},
		"nothing": {"return 2", "return x"},
		"stale":   {"return 5", "return 4"},
	} {
		files[filepath.Join("internal", "mutants", "testdata", name+".patch")] = tinyPatch(change[0], change[1])
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}} {
		cmd, err := git(t.Context(), dir, args...)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	return dir
}

// tinyPatch changes was to is in a line of tiny. Where no line has it the patch
// is for code that tiny is not any more.
func tinyPatch(was, is string) string {
	code := tiny
	if !strings.Contains(code, was) {
		code = strings.Replace(code, "return 2", was, 1)
	}
	text := "Counts wrong.\ntests: . -run 'TestTwo'\n\n" +
		"diff --git a/tiny.go b/tiny.go\n--- a/tiny.go\n+++ b/tiny.go\n@@ -1,5 +1,5 @@\n"
	for line := range strings.Lines(code) {
		if strings.Contains(line, was) {
			text += "-" + line + "+" + strings.Replace(line, was, is, 1)
		} else {
			text += " " + line
		}
	}
	return text
}
