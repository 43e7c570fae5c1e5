package ident

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// An answer is what the library whose numbers the table has says of one of them.
type answer struct {
	asked      string // from the country code on
	example    string // its region and kind, if it is an example of the library
	kind       string // none if it is no number; empty if it cannot be read
	key, shown string
	code       string
	region     string
}

// answers are those that tools/phones has got of the library.
func answers(t *testing.T) (all []answer) {
	t.Helper()
	file, err := os.ReadFile("testdata/answers.txt.gz")
	if err != nil {
		t.Fatalf("%v: type make test", err)
	}
	z, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 7 {
			t.Fatalf("the answers have the line %q", line)
		}
		all = append(all, answer{f[0], f[1], f[2], f[3], f[4], f[5], f[6]})
	}
	return all
}

// Of every number that was asked about we say what the library says: examples of
// all regions and kinds, numbers that its patterns fit, slips of the pen, digits
// at random.
func TestAnswersAreThoseOfTheLibrary(t *testing.T) {
	told := map[error]int{}
	all := answers(t)
	for _, a := range all {
		var want Ident
		var wantErr error
		switch a.kind {
		case "", "none":
			wantErr = ErrShape
		case "mobile", "fixed or mobile", "voip":
			want = Ident{Kind: Phone, Key: a.key, Shown: a.shown}
		default:
			wantErr = ErrPhoneKind
		}
		if a.region == nowhere {
			a.region = ""
			if wantErr == nil {
				want, wantErr = Ident{}, ErrPhoneKind
			}
		}
		told[wantErr]++
		if got, err := ParsePhone("+" + a.asked); got != want || !errors.Is(err, wantErr) {
			t.Errorf("ParsePhone(+%s): got %+v, %v, want %+v, %v", a.asked, got, err, want, wantErr)
		}
		// Of what is no number too, as long as it has a length.
		if got := Region("+" + a.asked); got != a.region {
			t.Errorf("Region(+%s): got %q, want %q", a.asked, got, a.region)
		}
		wantMask := mask
		if a.code != "" && len(a.key) >= 8 {
			wantMask = "+" + a.code + " ••• ••• " + a.key[len(a.key)-3:]
		}
		if got := Mask(Ident{Kind: Phone, Key: a.key}); got != wantMask {
			t.Errorf("Mask(%s): got %q, want %q", a.key, got, wantMask)
		}
	}
	if len(all) < 50_000 || told[nil] < 5000 || told[ErrPhoneKind] < 5000 || told[ErrShape] < 5000 {
		t.Errorf("got %d answers, %v, want many of each kind", len(all), told)
	}
}

// The program has the table, and without it says what to type.
func TestTableIsBuiltIn(t *testing.T) {
	all, err := Countries()
	if err != nil || len(all) < 240 {
		t.Errorf("got %d countries, %v, want all", len(all), err)
	}
	if p, err := readTable(fstest.MapFS{}); p != nil || err == nil || !strings.Contains(err.Error(), "make build") {
		t.Errorf("without the table: got %v, %v, want an error that says what to type", p, err)
	}
}

// Half a table, an empty one or another file is not taken for the table.
func TestOtherTablesAreRefused(t *testing.T) {
	const pt = "code\t351\t\t\t\nregion\tPT\t\nall\t9\t^9\n"
	if p, err := readTable(fstest.MapFS{tableFile: {Data: zipped(t, pt)}}); err != nil || p["351"] == nil {
		t.Errorf("a short one: got %v, %v, want Portugal", p, err)
	}
	for name, text := range map[string]string{
		"empty": "", "an empty line": pt + "\n", "another name": pt + "short\t9\t^9\n", "a field too few": pt + "taken\t9\n",
		"a field too many": pt + "taken\t9\t^9\t\n", "no code": "region\tPT\t\n", "no region": "code\t351\t\t\t\ntaken\t9\t^9\n",
		"no region for all": "code\t351\t\t\t\n", "no pattern": pt + "taken\t9\t\n", "no format": pt + "format\t\t\t$1\n", "no lengths": pt + "taken\tnine\t^9\n",
		"a length of its own": pt + "taken\t32\t^9\n", "a line without an end": pt + strings.Repeat("x", 1<<17),
	} {
		if p, err := readTable(fstest.MapFS{tableFile: {Data: zipped(t, text)}}); p != nil || err == nil {
			t.Errorf("%s: got %v, %v, want an error", name, p, err)
		}
	}
	whole := zipped(t, pt)
	for name, file := range map[string][]byte{"not compressed": []byte(pt), "cut off": whole[:len(whole)-9]} {
		if p, err := readTable(fstest.MapFS{tableFile: {Data: file}}); p != nil || err == nil {
			t.Errorf("%s: got %v, %v, want an error", name, p, err)
		}
	}
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
