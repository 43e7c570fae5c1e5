package bench

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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

// A profile is where the server's CPU went: functions with all that they call,
// in words, and the part of it all that requests took by themselves, without
// what they had the database do.
type profile struct {
	text    string
	request float64
}

// profile asks the server where its CPU goes. The answer comes when the span is
// over.
func (s *place) profile(span time.Duration) <-chan profile {
	out := make(chan profile, 1)
	go func() {
		p, err := s.takeProfile(span)
		if err != nil {
			p.text = err.Error()
		}
		out <- p
	}()
	return out
}

func (s *place) takeProfile(span time.Duration) (p profile, err error) {
	res, err := http.Get(fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", s.Admin, max(int(span/time.Second), 1)))
	if err != nil {
		return p, err
	}
	defer res.Body.Close()
	file := filepath.Join(s.t.TempDir(), "cpu")
	raw, err := io.ReadAll(res.Body)
	if err == nil {
		err = os.WriteFile(file, raw, 0o600)
	}
	if err != nil {
		return p, err
	}
	top, err := s.pprof(file, "-cum", "-nodecount=45")
	if err != nil {
		return p, err
	}
	p.text = "    " + strings.ReplaceAll(strings.TrimSpace(top), "\n", "\n    ") + "\n"
	request, err := s.pprof(file, `-focus=net/http\.\(\*conn\)\.serve`, `-ignore=sparekey/internal/store\.`)
	if err != nil {
		return p, err
	}
	p.request, err = shown(request)
	return p, err
}

func (s *place) pprof(file string, args ...string) (string, error) {
	text, err := exec.Command("go", append(append([]string{"tool", "pprof", "-top"}, args...), s.Binary, file)...).Output()
	return string(text), err
}

// part finds what part of all samples pprof shows.
var part = regexp.MustCompile(`accounting for [^,]*, ([0-9.]+)% of`)

func shown(text string) (float64, error) {
	found := part.FindStringSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("pprof: got %q, want a line about the nodes that it shows", text)
	}
	percent, err := strconv.ParseFloat(found[1], 64)
	return percent / 100, err
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
