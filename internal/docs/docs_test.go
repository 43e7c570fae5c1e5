package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// root is the folder of the module, as seen from this one.
var root = filepath.Join("..", "..")

// The pages that are made of the code are as the code is.
func TestPagesAreUpToDate(t *testing.T) {
	pages, err := render(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range pages {
		got, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is not what the code says: type make docs", name)
		}
	}
}

// The page of settings has each with its flag, its default and its comment, in
// the names that an operator knows.
func TestSettingsPage(t *testing.T) {
	page := pageOf(t, "docs/settings.md")
	for _, want := range []string{
		"## SPAREKEY_LISTEN\n\n`--listen HOST:PORT`, default `127.0.0.1:8080`\n\n`SPAREKEY_LISTEN` is the host:port",
		"While `SPAREKEY_LISTEN` is a loopback address",
		"## SPAREKEY_SMTP_FILE\n\n`--smtp-file FILE`\n\n`SPAREKEY_SMTP_FILE` is a file with the value of `SPAREKEY_SMTP`.",
		"## SPAREKEY_PRIVACY_URL\n\n`--privacy-url URL`\n\nYour page about privacy",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page of settings: got no %q", want)
		}
	}
}

// The page of limits has constants, windows and waits with their values.
func TestLimitsPage(t *testing.T) {
	page := pageOf(t, "docs/limits.md")
	for _, want := range []string{
		"| MaxTries | 5 | MaxTries is how many answers one flow may have compared. |\n",
		"| ShortCode<br>LongCode | 8<br>20 | ",
		"| SessionIdle<br>SessionLife | 30 days<br>90 days | ",
		"| MaxOpenFlows | 200,000 | ",
		"| CodeLedger | 15 in 24 h, 30 in 30 days, 100 in 365 days | ",
		"| SendWait | 1 min, 1 min, 2 min, 5 min | ",
		"| ActPasswordBudget | 5 in 24 h | ",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page of limits: got no %q", want)
		}
	}
	for _, other := range []string{"?", "| Fits ", "| day "} {
		if strings.Contains(page, other) {
			t.Errorf("the page of limits: got %q in it", other)
		}
	}
}

// A time is written in the largest unit that leaves no rest.
func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Second: "1s", 90 * time.Second: "1m30s", time.Minute: "1 min", time.Hour: "1 h", 24 * time.Hour: "24 h", 48 * time.Hour: "2 days",
	} {
		if got := span(d); got != want {
			t.Errorf("span(%v): got %q, want %q", d, got, want)
		}
	}
}

func pageOf(t *testing.T, name string) string {
	t.Helper()
	pages, err := render(root)
	if err != nil {
		t.Fatal(err)
	}
	return pages[name]
}

// What is written for operators names only settings that exist.
func TestEverySettingNamedExists(t *testing.T) {
	fields, err := settings(filepath.Join(root, "internal", "config", "settings.go"))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, f := range fields {
		known[f.env()] = true
	}
	for name, text := range written(t, "*.md", "docs/*.md", "docs/design/*.md", "deploy/*") {
		for _, named := range regexp.MustCompile(`SPAREKEY_[A-Z_]*[A-Z]`).FindAllString(text, -1) {
			if !known[named] && !strings.HasPrefix(named, "SPAREKEY_TEST_") {
				t.Errorf("%s names %s, which is no setting", name, named)
			}
		}
	}
}

// Every link to a file of the repository leads to one.
func TestEveryLinkLeadsSomewhere(t *testing.T) {
	for name, text := range written(t, "*.md", "docs/*.md", "docs/design/*.md") {
		for _, link := range regexp.MustCompile(`\]\(([^):#]+)(#[^)]*)?\)`).FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(name), filepath.FromSlash(link[1]))); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", name, link[1])
			}
		}
	}
}

// written gives the files that the patterns name, below root, by their names.
func written(t *testing.T, patterns ...string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, pattern := range patterns {
		names, err := fs.Glob(os.DirFS(root), pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: got %d files, %v", pattern, len(names), err)
		}
		for _, name := range names {
			text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
			if err != nil {
				t.Fatal(err)
			}
			files[name] = string(text)
		}
	}
	return files
}
