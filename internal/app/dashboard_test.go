package app_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sparekey/internal/sparekeytest"
)

// Every metric that the dashboard asks for is there, and every metric of ours
// is on it.
func TestTheDashboardAndTheMetricsAgree(t *testing.T) {
	app := sparekeytest.New(t, sparekeytest.Options{})
	app.Client().Get("/signin").See(200)
	dashboard, err := os.ReadFile(filepath.Join("..", "..", "docs", "grafana.json"))
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`\b(?:sparekey|go|process)_[a-z0-9_]+`)
	var asked []string
	for _, expr := range expressions(t, dashboard) {
		asked = append(asked, name.FindAllString(expr, -1)...)
	}
	have, families := map[string]bool{}, map[string]bool{}
	for series := range metrics(t, app) {
		series, _, _ = strings.Cut(series, "{")
		have[series] = true
		for _, end := range []string{"_bucket", "_sum", "_count"} {
			if histogram := strings.TrimSuffix(series, end); strings.HasSuffix(histogram, "_seconds") {
				series = histogram
			}
		}
		families[series] = strings.HasPrefix(series, "sparekey_")
	}
	for _, metric := range asked {
		if !have[metric] {
			t.Errorf("docs/grafana.json asks for %s: got no such metric, want it in /metrics", metric)
		}
	}
	for family, ours := range families {
		if ours && !slices.ContainsFunc(asked, func(a string) bool { return a == family || strings.HasPrefix(a, family+"_") }) {
			t.Errorf("docs/grafana.json: got no panel for %s, want one", family)
		}
	}
}

// expressions gives what the panels of a dashboard ask for.
func expressions(t *testing.T, dashboard []byte) []string {
	t.Helper()
	var d struct {
		Panels []struct {
			Type    string
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(dashboard, &d); err != nil {
		t.Fatalf("docs/grafana.json: %v", err)
	}
	var list []string
	for _, p := range d.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("docs/grafana.json: panel %q asks for nothing", p.Title)
		}
		for _, target := range p.Targets {
			list = append(list, target.Expr)
		}
	}
	return list
}
