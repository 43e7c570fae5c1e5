package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// paper is the report of this run. It is one because tests add to it that know
// nothing of each other, and it is written when all are over.
var paper = sheets{sections: map[int]string{}}

// sheets are the sections of a report, by their place in it.
type sheets struct {
	mu       sync.Mutex
	sections map[int]string
	failed   bool
}

// watch sees to it that there is no report if a test fails.
func (s *sheets) watch(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.failed = s.failed || t.Failed()
	})
}

// together has a test run beside others, most of which wait, but not when what it
// measures is reported.
func together(t *testing.T) {
	t.Helper()
	if *report == "" {
		t.Parallel()
	}
}

// add adds a section, which says when it was found out.
func (s *sheets) add(place int, title, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sections[place] = fmt.Sprintf("## %d. %s\n\n%s\n\n(%s, %d cores, %s, %d clients, seed %d.)\n", place, title, strings.TrimSpace(text),
		time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), runtime.Version(), *flows, *seed)
}

// write writes the report, if one is wanted. A run of some of the tests leaves the
// sections of the others as they were found out last: all together take an hour
// and a half.
func (s *sheets) write() {
	if *report == "" || s.failed || len(s.sections) == 0 {
		return
	}
	if err := s.keep(*report); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	text := "# Nothing that was acknowledged is lost\n\n" +
		"Written by `make prove-durable`. The program runs as it is built, in processes of\n" +
		"its own, while something breaks. No violation was found, else there would be no\n" +
		"section about it. Below each stands when that was, and how to repeat it.\n"
	for _, place := range slices.Sorted(maps.Keys(s.sections)) {
		text += "\n" + strings.TrimSpace(s.sections[place]) + "\n"
	}
	if err := os.WriteFile(*report, []byte(text), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// keep takes over the sections of the report that there is, where this run has no
// newer ones.
func (s *sheets) keep(file string) error {
	was, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for section := range strings.SplitSeq("\n"+string(was), "\n## ") {
		var place int
		if _, err := fmt.Sscanf(section, "%d.", &place); err == nil && s.sections[place] == "" {
			s.sections[place] = "## " + section
		}
	}
	return nil
}
