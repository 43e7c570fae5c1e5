package chromium

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A Violation is a rule of accessibility that the page breaks.
type Violation struct {
	ID     string `json:"id"`     // of the rule, for example "color-contrast"
	Impact string `json:"impact"` // minor, moderate, serious, critical
	Help   string `json:"help"`
	Nodes  []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// String is the rule and every element that breaks it.
func (v Violation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s): %s", v.ID, v.Impact, v.Help)
	for _, n := range v.Nodes {
		fmt.Fprintf(&b, "\n  %s\n    %s", n.HTML, strings.ReplaceAll(n.Summary, "\n", "\n    "))
	}
	return b.String()
}

// axeRun runs some rules.
const axeRun = `axe.run(document, {runOnly: %s, resultTypes: ['violations']}).then((r) => r.violations)`

// axeAll are the rules of WCAG 2.0 to 2.2, levels A and AA, and those that are
// good practice.
const axeAll = `['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']`

// Axe asks axe-core what is wrong with the page for people who do not see it,
// or use no mouse: by all its rules, or by those that are named. It works where
// the page's scripts are off.
func (t *Tab) Axe(rules ...string) []Violation {
	t.t.Helper()
	root, err := moduleFolder()
	if err != nil {
		t.t.Fatalf("axe: %v", err)
	}
	source, err := os.ReadFile(filepath.Join(root, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.t.Fatalf("axe: %v; type: npm ci", err)
	}
	ctx, cancel := t.within(2 * patience)
	defer cancel()
	if !t.o.Script {
		// With scripts off no timer runs, and axe needs some. The scripts of a
		// page that is loaded already are not run for that.
		if err := t.scripts(ctx, true); err != nil {
			t.t.Fatalf("axe: %v", err)
		}
		defer t.scripts(ctx, false)
	}
	var there bool
	if err := t.evaluate(ctx, "'axe' in self", &there); err != nil {
		t.t.Fatalf("axe: %v", err)
	}
	if !there { // it is since the first time on this page
		if err := t.evaluate(ctx, string(source)+"\n;0", nil); err != nil {
			t.t.Fatalf("axe: %v", err)
		}
	}
	only := axeAll
	if len(rules) > 0 {
		only = "['" + strings.Join(rules, "', '") + "']"
	}
	var violations []Violation
	if err := t.evaluate(ctx, fmt.Sprintf(axeRun, only), &violations); err != nil {
		t.t.Fatalf("axe: %v", err)
	}
	return violations
}
