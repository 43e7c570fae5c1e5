package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A page is what docs/evidence.md is made of.
type page struct {
	threats      []threat
	requirements []requirement
	tests        []test
	defects      []defect

	results map[key]string      // how each test went
	caught  map[string][]string // the tests that caught each defect
	at      time.Time
}

const head = `# Evidence

Which attacks and requirements a test of this repository names, and how the
tests went when they were last run for this page, on %s, by

    make mutants evidence

What has no test is listed all the same, as open. A test that passed shows what
its comment promises, and no more: nobody has certified anything.

%d of %d attacks have a test; %d wait for what is not built yet, %d are open.
Of %d requirements %d have a test that names them; %d wait, %d are open.
%s
`

// text is the page.
func (p page) text() string {
	var b strings.Builder
	attacks, needs := tally{}, tally{}
	for _, t := range p.threats {
		attacks.count(p.testsOf(t.id), t.waits)
	}
	for _, r := range p.requirements {
		needs.count(p.testsOf(r.id), r.waits)
	}
	fmt.Fprintf(&b, head, p.at.Format("2 January 2006"), attacks.shown, len(p.threats), attacks.waits, attacks.open,
		len(p.requirements), needs.shown, needs.waits, needs.open, p.went())
	p.writeThreats(&b)
	p.writeRequirements(&b)
	p.writeDefects(&b)
	return b.String()
}

// A tally counts rows.
type tally struct{ shown, waits, open int }

func (t *tally) count(tests []test, waits string) {
	switch {
	case len(tests) > 0:
		t.shown++
	case waits != "":
		t.waits++
	default:
		t.open++
	}
}

// went says how all tests of the page went together.
func (p page) went() string {
	if failed := p.notPassed(); len(failed) > 0 {
		return fmt.Sprintf("**%d of %d tests did not pass.**", len(failed), len(p.tests))
	}
	return fmt.Sprintf("All %d tests passed.", len(p.tests))
}

// notPassed names the tests that failed, were skipped or did not run.
func (p page) notPassed() (names []string) {
	for _, t := range p.tests {
		if p.results[key{t.folder, t.name}] != "pass" {
			names = append(names, t.folder+" "+t.name)
		}
	}
	return names
}

// testsOf are the tests that name the id.
func (p page) testsOf(id string) (list []test) {
	for _, t := range p.tests {
		if slices.Contains(t.ids, id) {
			list = append(list, t)
		}
	}
	return list
}

// cells are the last two cells of a row: the tests, and how they went.
func (p page) cells(id, waits string) string {
	tests := p.testsOf(id)
	if len(tests) == 0 {
		open := "**open**"
		if waits != "" {
			open = "open: " + waits
		}
		return "| | " + open + " |"
	}
	var names, results []string
	for _, t := range tests {
		names = append(names, "`"+t.folder+" "+t.name+"`")
		results = append(results, p.result(t))
	}
	if len(slices.Compact(slices.Sorted(slices.Values(results)))) == 1 {
		results = results[:1]
	}
	return "| " + strings.Join(names, "<br>") + " | " + strings.Join(results, "<br>") + " |"
}

func (p page) result(t test) string {
	switch p.results[key{t.folder, t.name}] {
	case "pass":
		return "passed"
	case "fail":
		return "**failed**"
	case "skip":
		return "**skipped**"
	}
	return "**not run**"
}

func (p page) writeThreats(b *strings.Builder) {
	fmt.Fprint(b, "\n## Attacks\n\nWhat holds against each stands in [threats](threats.md).\n")
	chapter := ""
	for _, t := range p.threats {
		if t.chapter != chapter {
			fmt.Fprintf(b, "\n### %s\n\n| id | attack | tests | result |\n| --- | --- | --- | --- |\n", t.chapter)
			chapter = t.chapter
		}
		fmt.Fprintf(b, "| %s | %s %s\n", t.id, t.attack, p.cells(t.id, t.waits))
	}
}

// writeRequirements has a row for each requirement that a test names, and then
// one line for each chapter with those that none does.
func (p page) writeRequirements(b *strings.Builder) {
	fmt.Fprint(b, "\n## Requirements\n\nThe numbers are those of OWASP ASVS 5.0.0; see [requirements](asvs.md).\n\n",
		"| id | tests | result |\n| --- | --- | --- |\n")
	type line struct{ chapter, waits string }
	var lines []line
	open := map[line][]string{}
	for _, r := range p.requirements {
		if len(p.testsOf(r.id)) > 0 {
			fmt.Fprintf(b, "| %s %s\n", r.id, p.cells(r.id, ""))
			continue
		}
		at := line{r.chapter, r.waits}
		if open[at] == nil {
			lines = append(lines, at)
		}
		open[at] = append(open[at], r.id)
	}
	fmt.Fprint(b, "\nNo test names these:\n\n| chapter | requirements | |\n| --- | --- | --- |\n")
	for _, at := range lines {
		state := "**open**"
		if at.waits != "" {
			state = "open: " + at.waits
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", at.chapter, strings.Join(open[at], " "), state)
	}
}

func (p page) writeDefects(b *strings.Builder) {
	fmt.Fprint(b, "\n## Deliberate defects\n\nEach is put into a copy of the code, and the tests that should notice are run: `make mutants`.\n\n",
		"| defect | caught by |\n| --- | --- |\n")
	for _, d := range p.defects {
		by := "**not run**"
		if tests, ran := p.caught[d.name]; ran {
			by = "**nothing**"
			if len(tests) > 0 {
				by = "`" + strings.Join(tests, "`<br>`") + "`"
			}
		}
		fmt.Fprintf(b, "| %s | %s |\n", strings.TrimSuffix(d.what, "."), by)
	}
}
