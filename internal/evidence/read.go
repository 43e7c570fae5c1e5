package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A threat is a row of docs/threats.md, a requirement a number of docs/asvs.md.
type (
	threat struct {
		chapter, id, attack string
		waits               string // for what it comes with, if that is not built
	}
	requirement struct{ chapter, id, waits string }
)

// A defect is a deliberate one, of internal/mutants/testdata.
type defect struct{ name, what string }

// readThreats reads the rows of docs/threats.md.
func readThreats(path string) (list []threat, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	chapter := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "## "); ok {
			chapter = name
		}
		if cells := cellsOf(line); len(cells) == 3 && inText.MatchString(cells[0]) {
			list = append(list, threat{chapter, cells[0], cells[1], waitsFor(cells[2])})
		}
	}
	if len(list) == 0 {
		err = fmt.Errorf("%s has no row with an attack", path)
	}
	return list, err
}

// readRequirements reads the numbers of docs/asvs.md.
func readRequirements(path string) (list []requirement, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		cells := cellsOf(strings.TrimSpace(line))
		if len(cells) != 3 || !oneReq.MatchString(cells[1]) {
			continue
		}
		for _, id := range strings.Fields(cells[1]) {
			list = append(list, requirement{cells[0], id, waitsFor(cells[2])})
		}
	}
	if len(list) == 0 {
		err = fmt.Errorf("%s has no row with requirements", path)
	}
	return list, err
}

// cellsOf are the cells of a table's row.
func cellsOf(line string) (cells []string) {
	if !strings.HasPrefix(line, "| ") {
		return nil
	}
	for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
		cells = append(cells, strings.TrimSpace(cell))
	}
	return cells
}

// waitsFor is what is still to be built before a row concerns anything.
func waitsFor(cell string) string {
	what, waits := strings.CutPrefix(cell, "Comes with ")
	if !waits {
		return ""
	}
	return "comes with " + what
}

// readDefects reads the first line of each patch, which says what it breaks.
func readDefects(folder string) (list []defect, err error) {
	patches, err := filepath.Glob(filepath.Join(folder, "*.patch"))
	if err != nil {
		return nil, err
	}
	slices.Sort(patches)
	for _, patch := range patches {
		text, err := os.ReadFile(patch)
		if err != nil {
			return nil, err
		}
		what, _, _ := strings.Cut(string(text), "\n")
		list = append(list, defect{strings.TrimSuffix(filepath.Base(patch), ".patch"), what})
	}
	return list, nil
}

// A key names a test: its folder and its name.
type key struct{ folder, name string }

// readLog reads what go test -json wrote: how each test went, subtests left
// out. Without a log no test ran.
func readLog(path string) (map[key]string, error) {
	results := map[key]string{}
	if path == "" {
		return results, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	for decoder := json.NewDecoder(bufio.NewReader(file)); ; {
		var e struct{ Action, Package, Test string }
		if err := decoder.Decode(&e); errors.Is(err, io.EOF) {
			return results, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		switch e.Action {
		case "pass", "fail", "skip":
			_, folder, below := strings.Cut(e.Package, "/")
			if !below {
				folder = "." // the module's own
			}
			if e.Test != "" && !strings.Contains(e.Test, "/") {
				results[key{folder, e.Test}] = e.Action
			}
		}
	}
}

// readCaught reads what make mutants wrote: for each defect the tests that
// caught it.
func readCaught(path string) (caught map[string][]string, err error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &caught); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return caught, nil
}
