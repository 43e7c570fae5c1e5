// Command mutants puts deliberate defects into copies of the code, one in each,
// and runs the tests that should notice. It says which of them did; a defect
// that none notices is an error. Type make mutants.
//
//	go run ./internal/mutants -to out/mutants.json .
//	go run ./internal/mutants -only 'ledger|code' .
//
// A defect is a patch in testdata. Its first line says in a sentence what it
// breaks, its second which tests are run:
//
//	tests: ./internal/web ./internal/bound -run 'TestA14|TestA15'
//
// What follows is for git apply. Where it no longer applies, a test of this
// package says so.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

func main() {
	var (
		only = flag.String("only", "", "a pattern: the defects with such names, and no others")
		to   = flag.String("to", "", "the file that gets the tests that caught each defect")
	)
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: mutants [-only PATTERN] [-to FILE] FOLDER")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt) // so that no copy stays behind
	err := try(ctx, flag.Arg(0), *only, *to, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

// try tries the mutants of the code below root, says on out how each went, and
// writes the file. Each is tried, whatever became of those before it.
func try(ctx context.Context, root, only, to string, out io.Writer) error {
	named, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	list, err := readMutants(patches(root))
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(m mutant) bool { return !named.MatchString(m.name) })
	if len(list) == 0 {
		return fmt.Errorf("no defect in %s is called %q", patches(root), only)
	}
	if err := sound(ctx, root, list, out); err != nil {
		return err
	}
	caught := map[string][]string{}
	var wrong []error
	for n, m := range list {
		began := time.Now()
		fmt.Fprintf(out, "%d/%d %s: ", n+1, len(list), m.name)
		by, err := catch(ctx, root, m)
		switch {
		case err != nil:
			fmt.Fprintln(out, "not tried")
			wrong = append(wrong, fmt.Errorf("%s: %w", m.name, err))
			continue
		case len(by) == 0:
			fmt.Fprintf(out, "NOTHING caught it (%.0fs)\n", time.Since(began).Seconds())
			wrong = append(wrong, fmt.Errorf("%s: nothing caught it", m.name))
		default:
			fmt.Fprintf(out, "caught by %s (%.0fs)\n", strings.Join(by, ", "), time.Since(began).Seconds())
		}
		caught[m.name] = by
	}
	return errors.Join(append(wrong, write(to, caught))...)
}

// patches is the folder of the defects.
func patches(root string) string { return filepath.Join(root, "internal", "mutants", "testdata") }

// sound makes sure that the tests pass while nothing is broken: what fails
// anyway would catch everything.
func sound(ctx context.Context, root string, list []mutant, out io.Writer) error {
	began := time.Now()
	fmt.Fprint(out, "nothing broken: ")
	failed, err := catch(ctx, root, all(list))
	if err == nil && len(failed) > 0 {
		err = fmt.Errorf("got %s failed", strings.Join(failed, ", "))
	}
	if err != nil {
		fmt.Fprintln(out, "not sound")
		return fmt.Errorf("nothing broken: %w", err)
	}
	fmt.Fprintf(out, "the tests pass (%.0fs)\n", time.Since(began).Seconds())
	return nil
}

// all is a mutant without a defect that has the tests of them all.
func all(list []mutant) (m mutant) {
	var names []string
	for _, one := range list {
		m.packages = append(m.packages, one.packages...)
		names = append(names, one.run)
	}
	slices.Sort(m.packages)
	m.packages = slices.Compact(m.packages)
	m.run = strings.Join(names, "|")
	return m
}

// catch gives the tests that fail in a copy of the code with the defect in it.
func catch(ctx context.Context, root string, m mutant) (by []string, err error) {
	dir, err := os.MkdirTemp("", ".mutant-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := copyTree(ctx, root, dir); err != nil {
		return nil, err
	}
	if err := m.apply(ctx, dir); err != nil {
		return nil, err
	}
	return m.test(ctx, dir)
}

// write writes the tests that caught each defect, for make evidence.
func write(to string, caught map[string][]string) error {
	if to == "" {
		return nil
	}
	text, err := json.MarshalIndent(caught, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(to, append(text, '\n'), 0o644)
}
