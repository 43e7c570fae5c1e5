// Package guard ends what a test has started, a server or a browser, together
// with the test's process, however that ends.
package guard

import (
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// A Guard is a shell that waits until this process is over, however it ends,
// and then cleans up: a test that panics, runs out of time or is killed leaves
// no process and no folder behind. It learns of the end by its input: the
// kernel closes the pipe.
type Guard struct {
	cmd   *exec.Cmd
	Input io.WriteCloser
	Tell  io.ReadCloser // what the shell and its children write to their standard error
}

// Start runs a script of the shell with args as $1, $2, …, as the user
// of cred (nil: this one). The script reads its input until that ends.
func Start(cred *syscall.Credential, script string, args ...string) (*Guard, error) {
	cmd := exec.Command("/bin/sh", append([]string{"-c", script, "sh"}, args...)...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C"}
	// A session of its own: Ctrl-C on the terminal ends the tests, and the
	// guard outlives them.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: cred}
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start guard: %w", err)
	}
	tell, err := cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("start guard: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start guard: %w", err)
	}
	return &Guard{cmd: cmd, Input: input, Tell: tell}, nil
}

// Stop ends the guard and waits until it has cleaned up.
func (g *Guard) Stop() {
	g.Input.Close()
	io.Copy(io.Discard, g.Tell)
	g.cmd.Wait() // how the script ended is no concern of the tests
}
