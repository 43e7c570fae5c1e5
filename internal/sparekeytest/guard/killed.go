package guard

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// patience is how long the end of a process may take.
const patience = 15 * time.Second

// Killed runs the test again in a process of its own, which calls start and is
// killed then. What start gives, a folder, and every process that has it on
// its command line must be gone soon.
func Killed(t *testing.T, start func() (folder string)) {
	t.Helper()
	const child = "SPAREKEYTEST_CHILD"
	if os.Getenv(child) != "" {
		os.Stdout.WriteString("folder " + start() + "\n")
		<-t.Context().Done() // until it is killed
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), child+"=1", "SPAREKEY_TEST_POSTGRES=")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var folder string
	for lines := bufio.NewScanner(out); folder == "" && lines.Scan(); {
		folder, _ = strings.CutPrefix(lines.Text(), "folder ")
	}
	if _, err := os.Stat(folder); err != nil {
		t.Errorf("while it runs: %v", err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	if !Within(patience, func() bool { _, err := os.Stat(folder); return os.IsNotExist(err) }) {
		t.Errorf("%s is still there", folder)
	}
	if !Within(patience, func() bool { return len(running(t, folder)) == 0 }) {
		t.Errorf("still running: %q", running(t, folder))
	}
}

// running lists the command lines, of all processes, that hold word.
func running(t *testing.T, word string) (lines []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(files) == 0 {
		t.Fatalf("list processes: %d, %v", len(files), err)
	}
	for _, file := range files {
		// A process may have ended since.
		if line, _ := os.ReadFile(file); strings.Contains(string(line), word) {
			lines = append(lines, string(line))
		}
	}
	return lines
}

// Within asks until it is so, and reports whether that was in time.
func Within(limit time.Duration, so func() bool) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); time.Now().Before(end); <-tick.C {
		if so() {
			return true
		}
	}
	return so()
}
