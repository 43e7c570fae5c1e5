package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// root is the folder of the module, as seen from this one.
var root = filepath.Join("..", "..")

// The page that is there lists every attack, every requirement and every
// deliberate defect, and for each the tests that name it: no other, none left
// out, each of them there. How they went is the word of its last run.
func TestPageListsWhatIsThere(t *testing.T) {
	now, err := collect(root)
	if err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(filepath.Join(root, "docs", "evidence.md"))
	if err != nil {
		t.Fatal(err)
	}
	got, want := withoutResults(string(written)), withoutResults(now.text())
	for _, row := range want {
		if !slices.Contains(got, row) {
			t.Errorf("docs/evidence.md lacks %q: type make evidence", row)
		}
	}
	for _, row := range got {
		if !slices.Contains(want, row) {
			t.Errorf("docs/evidence.md has %q, which is no longer so: type make evidence", row)
		}
	}
}

// withoutResults are the rows of a page without what a run says: the last cell.
func withoutResults(page string) (rows []string) {
	for line := range strings.Lines(page) {
		if cells := cellsOf(strings.TrimSpace(line)); len(cells) > 1 {
			rows = append(rows, strings.Join(cells[:len(cells)-1], " | "))
		}
	}
	return rows
}

// Every id that a test names is one of an attack or a requirement that the
// documents list: a slip of the pen would be evidence of nothing.
func TestEveryIDIsKnown(t *testing.T) {
	p, err := collect(root)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, one := range p.threats {
		known[one.id] = true
	}
	for _, one := range p.requirements {
		if known[one.id] {
			t.Errorf("docs/asvs.md has %s twice", one.id)
		}
		known[one.id] = true
	}
	if len(p.threats) != 79 || len(known) != len(p.threats)+len(p.requirements) {
		t.Errorf("got %d attacks, %d requirements and %d ids, want 79 attacks and each id once", len(p.threats), len(p.requirements), len(known))
	}
	for _, one := range p.tests {
		for _, id := range one.ids {
			if !known[id] {
				t.Errorf("%s %s names %s, which neither docs/threats.md nor docs/asvs.md has", one.folder, one.name, id)
			}
		}
	}
}

// Ids are found in the name, in the comment on a test and in those within it;
// "to" and "and" are read as people write them; other numbers are none.
func TestIDs(t *testing.T) {
	for _, test := range []struct {
		name, said string
		want       []string
	}{
		{"TestA27A28Clients", "", []string{"A27", "A28"}},
		{"TestKnown", "told of it (A04, A52; PAGES 7.9)", []string{"A04", "A52"}},
		{"TestA13Five", "A13, ASVS 6.6.3: five", []string{"A13", "6.6.3"}},
		{"TestHeaders", "(A63, ASVS 3.4.1 to 3.4.3, 14.3.2)", []string{"A63", "3.4.1", "3.4.2", "3.4.3", "14.3.2"}},
		{"TestLines", "ASVS 6.2.10,\n6.2.9 and 6.2.2", []string{"6.2.2", "6.2.9", "6.2.10"}},
		{"TestOther", "HMAC-SHA256, RFC 9457, 10.4.5, A4, TestA99 and XA10", nil},
	} {
		if got := idsOf(test.name, test.said); !slices.Equal(got, test.want) {
			t.Errorf("%s %q: got %q, want %q", test.name, test.said, got, test.want)
		}
	}
}

// The tests of a folder are found with what their comments name, and nothing
// else that stands in a file.
func TestTestsAreFound(t *testing.T) {
	dir := t.TempDir()
	code := `package x

import "testing"

// A01: a function that is no test.
func helper() {}

// A test of A02.
func TestOne(t *testing.T) {
	_ = 0 // ASVS 6.1.1
}

// What lies between belongs to nobody: A03.

func TestTwo(t *testing.T) {}
func TestA04(t *testing.T) {}
func FuzzA05All(f *testing.F) {}
`
	if err := os.MkdirAll(filepath.Join(dir, "in", "testdata"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"in/x_test.go", "in/x.go", "in/testdata/y_test.go"} {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(code), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := readTests(dir)
	want := []test{{"in", "FuzzA05All", []string{"A05"}}, {"in", "TestA04", []string{"A04"}}, {"in", "TestOne", []string{"A02", "6.1.1"}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

// The page tells passed from failed, skipped and never run, counts rows without
// a test as open, says what they wait for, and the program ends with an error
// unless all passed.
func TestPageSaysHowItWent(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, []byte(`{"Action":"start","Package":"sparekey/in"}
{"Action":"fail","Package":"sparekey/in","Test":"TestBad/sqlite"}
{"Action":"fail","Package":"sparekey/in","Test":"TestBad"}
{"Action":"pass","Package":"sparekey","Test":"TestGood"}
{"Action":"skip","Package":"sparekey/in","Test":"TestLazy"}
{"Action":"fail","Package":"sparekey/in"}
`), 0o644); err != nil {
		t.Fatal(err)
	}
	results, err := readLog(log)
	if err != nil {
		t.Fatal(err)
	}
	p := page{
		threats:      []threat{{"One", "A01", "Break in", ""}, {"One", "A02", "Go round", ""}, {"Two", "A03", "Dig", "comes with spades"}, {"Two", "A04", "Wait", ""}},
		requirements: []requirement{{"V6", "6.1.1", ""}, {"V6", "6.1.2", ""}, {"V9", "9.1.1", "comes with tokens"}},
		tests: []test{
			{".", "TestGood", []string{"A01", "6.1.1"}},
			{"in", "TestBad", []string{"A01"}},
			{"in", "TestLazy", []string{"A02"}},
			{"in", "TestNew", []string{"A02"}},
		},
		defects: []defect{{"a", "Looks first."}, {"b", "Counts later."}, {"c", "Forgets."}},
		results: results, caught: map[string][]string{"a": {"in TestGood"}, "b": {}},
		at: time.Date(2026, 5, 3, 0, 0, 0, 0, time.UTC),
	}
	text := p.text()
	for _, want := range []string{
		"on 3 May 2026, by", "2 of 4 attacks have a test; 1 wait for what is not built yet, 1 are open.",
		"Of 3 requirements 1 have a test that names them; 1 wait, 1 are open.", "**3 of 4 tests did not pass.**",
		"| A01 | Break in | `. TestGood`<br>`in TestBad` | passed<br>**failed** |\n",
		"| A02 | Go round | `in TestLazy`<br>`in TestNew` | **skipped**<br>**not run** |\n",
		"### Two\n", "| A03 | Dig | | open: comes with spades |\n", "| A04 | Wait | | **open** |\n",
		"| 6.1.1 | `. TestGood` | passed |\n", "| V6 | 6.1.2 | **open** |\n", "| V9 | 9.1.1 | open: comes with tokens |\n",
		"| Looks first | `in TestGood` |\n", "| Counts later | **nothing** |\n", "| Forgets | **not run** |\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("got no %q in\n%s", want, text)
		}
	}
	if got, want := p.notPassed(), []string{"in TestBad", "in TestLazy", "in TestNew"}; !slices.Equal(got, want) {
		t.Errorf("got %q not passed, want %q", got, want)
	}
	if regexp.MustCompile(`\n\n\n`).MatchString(text) {
		t.Error("got two empty lines in a row, want one")
	}
}
