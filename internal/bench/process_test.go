package bench

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// tick is the unit of the kernel's accounts: USER_HZ, which is 100 everywhere.
const tick = 10 * time.Millisecond

// build makes the program as `make build` does.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "sparekey")
	cmd := exec.Command("make", "-s", "-C", "../..", "build", "BINARY="+binary)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make build: %v\n%s", err, out)
	}
	return binary
}

// A process is a server under measurement.
type process struct {
	t     testing.TB
	cmd   *exec.Cmd
	addr  string
	admin string
	ready time.Duration // from its start to its first answer
	done  chan error
}

// launch starts a program that serves at addr, and waits until it answers path.
func launch(t testing.TB, addr, path string, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, addr: addr, done: make(chan error, 1)}
	var log bytes.Buffer
	cmd.Stderr = &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- cmd.Wait() }()
	for {
		res, err := http.Get("http://" + addr + path)
		if err == nil {
			res.Body.Close()
			p.ready = time.Since(began)
			return p
		}
		select {
		case err := <-p.done:
			t.Fatalf("%s ended: %v\n%s", cmd.Path, err, log.String())
		case <-time.After(500 * time.Microsecond):
		}
		if time.Since(began) > time.Minute {
			p.kill()
			t.Fatalf("%s does not answer\n%s", cmd.Path, log.String())
		}
	}
}

// nothing starts the server that does nothing.
func nothing(t testing.TB) *process {
	t.Helper()
	addr := freePort(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), emptyAt+"="+addr)
	return launch(t, addr, "/", cmd)
}

func (p *process) kill() {
	p.cmd.Process.Kill() //nolint:errcheck // it has gone
	<-p.done
}

// stop ends the process as an operator does.
func (p *process) stop() {
	p.t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it has gone
	var exit *exec.ExitError
	if err := <-p.done; err != nil && !errors.As(err, &exit) {
		p.t.Errorf("stop: %v", err)
	}
}

// cpu is what the kernel has on the process's account.
func (p *process) cpu() time.Duration { return cpuOf(p.t, p.cmd.Process.Pid) }

func cpuOf(t testing.TB, pid int) time.Duration {
	t.Helper()
	return time.Duration(sum(stat(t, pid, 13, 14))) * tick
}

// familyCPU is what a process, its living children and those that have ended
// used together.
func familyCPU(t testing.TB, pid int) time.Duration {
	t.Helper()
	ticks := sum(stat(t, pid, 13, 14, 15, 16))
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, f := range folders {
		child, _ := strconv.Atoi(filepath.Base(f))
		if fields, err := readStat(child); err == nil && fields[3] == strconv.Itoa(pid) {
			a, _ := strconv.ParseInt(fields[13], 10, 64)
			b, _ := strconv.ParseInt(fields[14], 10, 64)
			ticks += a + b
		}
	}
	return time.Duration(ticks) * tick
}

func sum(list []int64) (n int64) {
	for _, v := range list {
		n += v
	}
	return n
}

// readStat gives the fields of /proc/PID/stat, counted from 0.
func readStat(pid int) ([]string, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	end := bytes.LastIndexByte(raw, ')') // the name may hold blanks
	return append([]string{strconv.Itoa(pid), ""}, strings.Fields(string(raw[end+1:]))...), nil
}

func stat(t testing.TB, pid int, at ...int) []int64 {
	t.Helper()
	fields, err := readStat(pid)
	if err != nil {
		t.Fatal(err)
	}
	var list []int64
	for _, i := range at {
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, n)
	}
	return list
}

// memory is a line of /proc/PID/status in bytes: VmRSS is what the process
// holds, VmHWM the most it ever held.
func (p *process) memory(line string) int64 {
	p.t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	lines := strings.Split(string(raw), "\n")
	i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, line+":") })
	kb, err := strconv.ParseInt(strings.Fields(lines[i])[1], 10, 64)
	if err != nil {
		p.t.Fatal(err)
	}
	return kb << 10
}

// freePort gives an address of this machine that nobody listens at.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
