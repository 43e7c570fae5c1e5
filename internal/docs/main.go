// Command docs writes what is made of the code: the pages of docs/ about settings
// and limits, and the document that tells programs what they may ask. Type make
// docs; a test fails where it was forgotten.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sparekey/internal/openapi"
)

func main() {
	root := "."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	if err := write(root); err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1)
	}
}

// write writes every page below root, the folder of the module.
func write(root string) error {
	pages, err := render(root)
	if err != nil {
		return err
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(root, filepath.FromSlash(name)), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// render makes the pages of the code below root, by their names.
func render(root string) (map[string]string, error) {
	settings, err := settingsPage(filepath.Join(root, "internal", "config", "settings.go"))
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	limits, err := limitsPage(filepath.Join(root, "limits.go"))
	if err != nil {
		return nil, fmt.Errorf("limits: %w", err)
	}
	api, err := openapi.Text()
	if err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	return map[string]string{
		"docs/settings.md": settings, "docs/limits.md": limits,
		"internal/web/openapi.json": string(api), // the program has it in it
	}, nil
}

// oneLine is a comment on one line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
