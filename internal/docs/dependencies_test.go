package main

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The page of dependencies has every direct one, and no other.
func TestEveryDependencyHasItsReason(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range regexp.MustCompile(`(?m)^\| ([^ |]+) \|(.*)\|$`).FindAllStringSubmatch(string(page), -1) {
		if row[1] == "module" || row[1] == "---" {
			continue
		}
		got = append(got, row[1])
		for cell := range strings.SplitSeq(row[2], "|") {
			if strings.TrimSpace(cell) == "" {
				t.Errorf("%s: got an empty cell, want what it does, what it replaces and its licence", row[1])
			}
		}
	}
	want := slices.Concat(goModules(t, "go.mod"), goModules(t, filepath.Join("tools", "go.mod")), npmModules(t))
	slices.Sort(got)
	slices.Sort(want)
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("docs/dependencies.md says nothing about %s", name)
		}
	}
	for _, name := range got {
		if !slices.Contains(want, name) {
			t.Errorf("docs/dependencies.md speaks of %s, which is no direct dependency", name)
		}
	}
	if len(slices.Compact(got)) != len(want) {
		t.Errorf("docs/dependencies.md has %d rows, want %d", len(got), len(want))
	}
}

// goModules lists what a go.mod requires directly.
func goModules(t *testing.T, name string) (paths []string) {
	t.Helper()
	file, err := os.Open(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(strings.TrimPrefix(lines.Text(), "require "))
		if len(fields) == 2 && strings.HasPrefix(fields[1], "v") {
			paths = append(paths, fields[0])
		}
	}
	return paths
}

// npmModules lists what package.json asks for.
func npmModules(t *testing.T) (names []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "package.json"))
	if err != nil {
		t.Fatal(err)
	}
	var wanted struct{ Dependencies, DevDependencies map[string]string }
	if err := json.Unmarshal(text, &wanted); err != nil {
		t.Fatal(err)
	}
	for _, list := range []map[string]string{wanted.Dependencies, wanted.DevDependencies} {
		for name := range list {
			names = append(names, name)
		}
	}
	return names
}
