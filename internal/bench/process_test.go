package bench

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tick is the unit of the kernel's accounts: USER_HZ, which is 100 everywhere.
const tick = 10 * time.Millisecond

// cpuOf is what the kernel has on a process's account.
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

// profile asks the server where its CPU goes, and gives the answer in words when
// the span is over: functions with all that they call.
func (s *place) profile(span time.Duration) <-chan string {
	out := make(chan string, 1)
	go func() {
		res, err := http.Get(fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", s.Admin, max(int(span/time.Second), 1)))
		if err != nil {
			out <- err.Error()
			return
		}
		defer res.Body.Close()
		file := filepath.Join(s.t.TempDir(), "cpu")
		raw, err := io.ReadAll(res.Body)
		if err == nil {
			err = os.WriteFile(file, raw, 0o600)
		}
		if err != nil {
			out <- err.Error()
			return
		}
		top, err := exec.Command("go", "tool", "pprof", "-top", "-cum", "-nodecount=45", s.Binary, file).Output()
		if err != nil {
			out <- err.Error()
			return
		}
		out <- "    " + strings.ReplaceAll(strings.TrimSpace(string(top)), "\n", "\n    ") + "\n"
	}()
	return out
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
