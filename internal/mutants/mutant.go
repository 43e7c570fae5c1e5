package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A mutant is the code with a deliberate defect.
type mutant struct {
	name     string   // of the patch, without .patch
	patch    string   // its text; empty breaks nothing
	packages []string // whose tests should notice
	run      string   // the pattern of those tests' names
}

// readMutants reads the patches of a folder, in the order of their names.
func readMutants(folder string) (list []mutant, err error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.patch"))
	if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		m, err := parse(strings.TrimSuffix(filepath.Base(path), ".patch"), string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		list = append(list, m)
	}
	return list, nil
}

var (
	sentence  = regexp.MustCompile(`^[A-Z][^|]*\.$`) // it becomes a cell of a table
	testsLine = regexp.MustCompile(`^tests:((?: \.(?:/[\w/]+)?)+) -run '([^']+)'$`)
)

// parse reads the two lines above a patch.
func parse(name, text string) (mutant, error) {
	what, rest, _ := strings.Cut(text, "\n")
	if !sentence.MatchString(what) {
		return mutant{}, fmt.Errorf("the first line is %q, want a sentence that says what the patch breaks", what)
	}
	tests, _, _ := strings.Cut(rest, "\n")
	found := testsLine.FindStringSubmatch(tests)
	if found == nil {
		return mutant{}, fmt.Errorf("the second line is %q, want tests: ./PACKAGE -run 'PATTERN'", tests)
	}
	return mutant{name: name, patch: text, packages: strings.Fields(found[1]), run: found[2]}, nil
}

// apply puts the defect into the code below dir. With -check it only reports
// whether it could.
func (m mutant) apply(ctx context.Context, dir string, flags ...string) error {
	if m.patch == "" {
		return nil
	}
	apply, err := git(ctx, dir, append([]string{"apply"}, flags...)...)
	if err != nil {
		return err
	}
	apply.Stdin = strings.NewReader(m.patch)
	if out, err := apply.CombinedOutput(); err != nil {
		return fmt.Errorf("the patch does not apply: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// git makes a command of git for dir, and for no repository that dir happens to
// lie in or that git itself runs us for: there it would pass over every file,
// and say that all went well.
func git(ctx context.Context, dir string, args ...string) (*exec.Cmd, error) {
	above, err := filepath.Abs(filepath.Join(dir, ".."))
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GIT_") })
	cmd.Env = append(cmd.Env, "GIT_CEILING_DIRECTORIES="+above)
	return cmd, nil
}

// fetched is what tests need that is not committed: the common passwords, the
// table of phone numbers, and what its library says of some.
var fetched = []string{
	filepath.Join("internal", "password", "data", "common.txt.gz"),
	filepath.Join("internal", "ident", "data", "phones.txt.gz"),
	filepath.Join("internal", "ident", "testdata", "answers.txt.gz"),
}

// copyTree copies the committed files below root as they stand now, and what
// is fetched for them.
func copyTree(ctx context.Context, root, to string) error {
	list, err := git(ctx, root, "ls-files", "-z")
	if err != nil {
		return err
	}
	out, err := list.Output()
	if err != nil {
		return fmt.Errorf("list the files: %w", err)
	}
	names := strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 })
	for _, name := range append(names, fetched...) {
		err := copyFile(filepath.Join(root, name), filepath.Join(to, name))
		if errors.Is(err, fs.ErrNotExist) && !slices.Contains(fetched, name) {
			continue // it was deleted since
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, text, info.Mode().Perm())
}
