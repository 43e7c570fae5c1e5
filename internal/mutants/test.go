package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// tooLong ends tests that hang with the defect.
const tooLong = "5m"

// test runs the mutant's tests in dir and gives those that failed.
func (m mutant) test(ctx context.Context, dir string) ([]string, error) {
	args := []string{
		"test", "-json", "-count=1", "-vet=off", "-timeout=" + tooLong,
		"-trimpath", // every copy finds what was compiled in those before it
		"-run", m.run,
	}
	run := exec.CommandContext(ctx, "go", append(args, m.packages...)...)
	run.Dir, run.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	run.Cancel = func() error { return run.Process.Signal(os.Interrupt) }
	run.WaitDelay = 10 * time.Second
	said := &strings.Builder{}
	run.Stderr = said
	log, err := run.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := run.Start(); err != nil {
		return nil, err
	}
	failed, err := readFailed(log)
	ended := run.Wait()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("%w%s", err, said)
	case ended != nil && !(errors.As(ended, &exit) && len(failed) > 0): // go test exits with 1 if a test failed
		return nil, fmt.Errorf("go test: %w: %s", ended, said)
	}
	return failed, nil
}

// readFailed reads what go test -json writes and gives the tests that failed,
// each with the folder of its package; subtests are left out. Packages that do
// not compile, that end without a test that failed, or that have none of the
// tests, are an error: there a defect was not caught.
func readFailed(log io.Reader) (failed []string, err error) {
	failed = []string{}        // not null where it is written down
	var output strings.Builder // of the compiler, and of packages outside of tests
	var wrong []error
	ran, caught := map[string]bool{}, map[string]bool{}
	for decoder := json.NewDecoder(log); ; {
		var e struct{ Action, Package, Test, Output, FailedBuild string }
		if err := decoder.Decode(&e); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("read the log of go test: %w", err)
		}
		top := e.Test != "" && !strings.Contains(e.Test, "/")
		switch {
		case e.Action == "build-output" || e.Action == "output" && e.Test == "":
			output.WriteString(e.Output)
		case e.Action == "run" && top:
			ran[e.Package] = true
		case e.Action == "fail" && top:
			caught[e.Package] = true
			failed = append(failed, folderOf(e.Package)+" "+e.Test)
		case e.Action == "fail" && e.FailedBuild != "":
			wrong = append(wrong, fmt.Errorf("%s does not compile", folderOf(e.Package)))
		case e.Action == "fail" && e.Test == "" && !caught[e.Package]:
			wrong = append(wrong, fmt.Errorf("%s ended without a test that failed", folderOf(e.Package)))
		case (e.Action == "pass" || e.Action == "skip") && e.Test == "" && !ran[e.Package]:
			wrong = append(wrong, fmt.Errorf("%s has none of the tests", folderOf(e.Package)))
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, output.String())
	}
	slices.Sort(failed)
	return failed, nil
}

// folderOf is the folder of a package below the module's, with slashes.
func folderOf(path string) string {
	_, folder, below := strings.Cut(path, "/")
	if !below {
		return "." // the module's own
	}
	return folder
}
