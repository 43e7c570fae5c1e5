// Command evidence writes docs/evidence.md: which tests show that an attack
// fails or that a requirement is met, and how they went. It reads the tests as
// text and the log of a run; type make evidence.
//
//	go run ./internal/evidence -packages .
//	go run ./internal/evidence -log out/tests.json -mutants out/mutants.json .
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	var (
		packages = flag.Bool("packages", false, "print the packages whose tests are evidence, and write nothing")
		log      = flag.String("log", "", "what go test -json wrote")
		mutants  = flag.String("mutants", "", "what make mutants wrote")
	)
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: evidence [-packages] [-log FILE] [-mutants FILE] FOLDER")
		os.Exit(2)
	}
	err := error(nil)
	if *packages {
		err = printPackages(flag.Arg(0))
	} else {
		err = write(flag.Arg(0), *log, *mutants, time.Now().UTC())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "evidence:", err)
		os.Exit(1)
	}
}

// printPackages prints the packages of the tests that name an attack or a
// requirement, for go test.
func printPackages(root string) error {
	tests, err := readTests(root)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, t := range tests {
		if !seen[t.folder] {
			fmt.Println("./" + t.folder)
		}
		seen[t.folder] = true
	}
	return nil
}

// write writes the page below root. It is an error if a test that is evidence
// failed or did not run; the page says which.
func write(root, log, mutants string, now time.Time) error {
	p, err := collect(root)
	if err != nil {
		return err
	}
	p.at = now
	if p.results, err = readLog(log); err != nil {
		return err
	}
	if p.caught, err = readCaught(mutants); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "docs", "evidence.md"), []byte(p.text()), 0o644); err != nil {
		return err
	}
	if failed := p.notPassed(); len(failed) > 0 {
		return fmt.Errorf("did not pass: %s", strings.Join(failed, ", "))
	}
	return nil
}

// collect reads what there is to be shown and what shows it.
func collect(root string) (p page, err error) {
	if p.threats, err = readThreats(filepath.Join(root, "docs", "threats.md")); err != nil {
		return p, err
	}
	if p.requirements, err = readRequirements(filepath.Join(root, "docs", "asvs.md")); err != nil {
		return p, err
	}
	if p.defects, err = readDefects(filepath.Join(root, "internal", "mutants", "testdata")); err != nil {
		return p, err
	}
	p.tests, err = readTests(root)
	return p, err
}
