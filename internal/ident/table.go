package ident

import (
	"bufio"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// data is a folder and not the file in it, so that the program compiles before
// the table is made.
//
//go:embed data
var data embed.FS

// tableFile is where tools/phones puts the table of phone numbers.
const tableFile = "data/phones.txt.gz"

// maxTable is the size of the table in bytes; the real one has 0.2 million.
const maxTable = 16 << 20

// table gives the plans that were built into the program. They are read when
// the first phone number comes along: most installations send no texts.
var table = sync.OnceValues(func() (plans, error) { return readTable(data) })

// Countries gives the countries that have phone numbers, as ISO 3166 names
// them, in order. The error says what to type if the program was built without
// the table of phone numbers; a server that sends text messages must not start
// then.
func Countries() ([]string, error) {
	plans, err := table()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range plans {
		for _, r := range p.regions {
			if r.name != nowhere {
				names = append(names, r.name)
			}
		}
	}
	slices.Sort(names)
	return names, nil
}

// readTable reads the table in a folder.
func readTable(folder fs.FS) (plans, error) {
	f, err := folder.Open(tableFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("this program was built without the table of phone numbers: build it with make build")
	}
	if err != nil {
		return nil, fmt.Errorf("open the table of phone numbers: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("read the table of phone numbers: %w", err)
	}
	t := tableReader{plans: plans{}, patterns: map[string]*pattern{}}
	lines := bufio.NewScanner(io.LimitReader(z, maxTable))
	for lines.Scan() {
		if err := t.line(strings.Split(lines.Text(), "\t")); err != nil {
			return nil, fmt.Errorf("read the table of phone numbers: %w: %q", err, lines.Text())
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the table of phone numbers: %w", err)
	}
	if !t.plans.whole() {
		return nil, errors.New("the table of phone numbers is not whole: build again with make build")
	}
	return t.plans, nil
}

// whole tells whether every plan has a region, and every region its numbers.
func (p plans) whole() bool {
	for _, one := range p {
		if len(one.regions) == 0 || slices.ContainsFunc(one.regions, func(r region) bool { return r.all.whole == nil }) {
			return false
		}
	}
	return len(p) > 0
}

// A tableReader reads the lines of the table: fields with tabs between them, the
// first of which says what the others are. Patterns are anchored, and empty
// where there is none; lengths are like 7,9,10.
//
//	code     code, local lengths, trunk, rule
//	format   pattern, start, shown                     of the code before
//	region   name, start                               of the code before
//	all      lengths, pattern of all numbers           of the region before
//	taken    lengths, pattern of a kind                likewise
//	refused  lengths, pattern of a kind                likewise
type tableReader struct {
	plans    plans
	patterns map[string]*pattern // those of several regions are one
	plan     *plan               // the one that is being read
}

// columns are how many fields come behind the first.
var columns = map[string]int{"code": 4, "format": 3, "region": 2, "all": 2, "taken": 2, "refused": 2}

var errTable = errors.New("it is not as this program expects it")

func (t *tableReader) line(fields []string) error {
	name, fields := fields[0], fields[1:]
	wanted, known := columns[name]
	if !known || len(fields) != wanted || name != "code" && t.plan == nil {
		return errTable
	}
	switch name {
	case "code":
		local, err := parseLengths(fields[1])
		t.plan = &plan{code: fields[0], local: local, trunk: t.pattern(fields[2]), rule: fields[3]}
		t.plans[fields[0]] = t.plan
		return err
	case "format":
		if fields[0] == "" {
			return errTable
		}
		t.plan.formats = append(t.plan.formats, format{t.pattern(fields[0]), t.pattern(fields[1]), fields[2]})
		return nil
	case "region":
		t.plan.regions = append(t.plan.regions, region{name: fields[0], start: t.pattern(fields[1])})
		return nil
	}
	all, err := parseLengths(fields[0])
	if err != nil || len(t.plan.regions) == 0 || fields[1] == "" {
		return errTable
	}
	k := kind{lengths: all, whole: t.pattern(fields[1]), taken: name == "taken"}
	if r := &t.plan.regions[len(t.plan.regions)-1]; name == "all" {
		r.all = k
	} else {
		r.kinds = append(r.kinds, k)
	}
	return nil
}

func (t *tableReader) pattern(text string) *pattern {
	if text == "" {
		return nil
	}
	if t.patterns[text] == nil {
		t.patterns[text] = &pattern{text: text}
	}
	return t.patterns[text]
}

func parseLengths(text string) (all lengths, err error) {
	if text == "" {
		return 0, nil
	}
	for one := range strings.SplitSeq(text, ",") {
		n, err := strconv.ParseUint(one, 10, 5)
		if err != nil {
			return 0, errTable
		}
		all |= 1 << n
	}
	return all, nil
}
