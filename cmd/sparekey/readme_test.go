package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"sparekey/internal/config"
)

// Every command line of the README is one that the program takes, and every
// setting that it names is there.
func TestReadmeIsTrue(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := commandLines(string(text))
	if len(lines) < 20 {
		t.Errorf("got %d command lines in the README, want 20 at least: too few are found", len(lines))
	}
	for _, line := range lines {
		if err := parse(strings.Fields(line)); err != nil {
			t.Errorf("sparekey %s: %v", line, err)
		}
	}
	known := settingNames(t)
	named := regexp.MustCompile(`SPAREKEY_[A-Z_]+`).FindAllString(string(text), -1)
	if len(named) < 20 {
		t.Errorf("got %d settings in the README, want 20 at least: too few are found", len(named))
	}
	for _, name := range named {
		if !slices.Contains(known, name) {
			t.Errorf("%s: the README names it, and there is no such setting", name)
		}
	}
}

// A command line or a setting that is not there is found.
func TestReadmeTestFinds(t *testing.T) {
	text := "`sparekey serv` and\n\n    sparekey keys retire a b\n    bin/sparekey serve \\\n      --port 80\n\n" +
		"    docker compose run --rm sparekey restor x\n    docker compose stop sparekey\n    sparekey account show mara    shows her\n"
	want := []string{"serv", "keys retire a b", "serve --port 80", "restor x", "account show mara"}
	got := commandLines(text)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got the command lines %q, want %q", got, want)
	}
	for _, line := range got {
		if err := parse(strings.Fields(line)); (err == nil) != (line == "account show mara") {
			t.Errorf("sparekey %s: got %v, want only the last one taken", line, err)
		}
	}
}

// Every request to the API that the README shows is one that the demo takes.
func TestReadmeAsks(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	home := startDemo(t)
	asked := 0
	for _, r := range curls(t, string(text), home) {
		if !strings.HasPrefix(r.URL.Path, "/api/") {
			continue
		}
		asked++
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := (&http.Client{Jar: jar}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode >= 300 || !strings.Contains(string(body), `"challenge":{"id":`) {
			t.Errorf("%s %s: got %d %s (%v), want a flow with a challenge", r.Method, r.URL.Path, answer.StatusCode, body, err)
		}
	}
	if asked == 0 {
		t.Error("got no request to the API in the README, want one")
	}
}

// startDemo runs the demo until the test is over, and gives its address.
func startDemo(t *testing.T) (home string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	said, out := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"demo", "--listen", at}, nil, out, os.Stderr)
		out.Close()
	}()
	t.Cleanup(func() {
		stop()
		if got := <-ended; got != 0 {
			t.Errorf("the demo ended with status %d, want 0", got)
		}
	})
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if home, ok := strings.CutPrefix(lines.Text(), "  Open      "); ok {
			go io.Copy(io.Discard, said) //nolint:errcheck // what else it says
			return home
		}
	}
	t.Fatal("the demo says nothing of where it is")
	return ""
}

// curls reads the commands of curl in the blocks of a text of markdown, as
// requests to home in the place of the demo's own address.
func curls(t *testing.T, markdown, home string) (all []*http.Request) {
	t.Helper()
	markdown = regexp.MustCompile(`\\\n +`).ReplaceAllString(markdown, "")
	for line := range strings.Lines(markdown) {
		words := regexp.MustCompile(`'[^']*'|\S+`).FindAllString(line, -1)
		if !strings.HasPrefix(line, "    ") || len(words) < 2 || words[0] != "curl" {
			continue
		}
		for i := range words {
			words[i] = strings.ReplaceAll(strings.Trim(words[i], "'"), "http://localhost:8080", home)
		}
		r, err := http.NewRequest(http.MethodGet, words[len(words)-1], nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(words)-1; i += 2 {
			switch value := words[i+1]; words[i] {
			case "-H":
				name, text, _ := strings.Cut(value, ": ")
				r.Header.Set(name, text)
			case "--json":
				r.Method, r.Body, r.ContentLength = http.MethodPost, io.NopCloser(strings.NewReader(value)), int64(len(value))
				r.Header.Set("Content-Type", "application/json")
			case "-b", "-c": // the jar
			default:
				t.Fatalf("curl %s: this test cannot read it", words[i])
			}
		}
		all = append(all, r)
	}
	return all
}

// commandLines gives what stands behind the name of the program, wherever a
// text of markdown runs it: in a block, between backquotes, in a container.
func commandLines(markdown string) (lines []string) {
	markdown = regexp.MustCompile(`\\\n +`).ReplaceAllString(markdown, "")
	run := regexp.MustCompile(`^(?:(?:bin/)?sparekey|docker compose exec \S+ /sparekey|docker compose run .* sparekey) (.+)$`)
	add := func(command string) {
		command, _, _ = strings.Cut(command, "  ") // what it does stands behind it
		if found := run.FindStringSubmatch(command); found != nil {
			lines = append(lines, found[1])
		}
	}
	for line := range strings.Lines(markdown) {
		if block, ok := strings.CutPrefix(line, "    "); ok {
			add(strings.TrimSpace(block))
			continue
		}
		for _, code := range regexp.MustCompile("`[^`]+`").FindAllString(line, -1) {
			add(strings.Trim(code, "`"))
		}
	}
	return lines
}

// parse reports why the program does not take a command line.
func parse(args []string) (err error) {
	defer func() {
		if e := recover(); e != nil && e != errExit(0) { // --help ends so
			err = fmt.Errorf("%v", e)
		}
	}()
	var c cli
	parser, err := newParser(&c, nil, kong.Writers(io.Discard, io.Discard))
	if err != nil {
		return err
	}
	_, err = parser.Parse(args)
	return err
}

// settingNames are the names of all settings.
func settingNames(t *testing.T) (names []string) {
	t.Helper()
	var shown strings.Builder
	if err := new(config.Settings).Explain(&shown); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(shown.String()) {
		names = append(names, strings.Fields(line)[0])
	}
	return names
}
