package sparekey

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// The policy table of the design note says what the code does, purpose by
// purpose.
func TestDesignHasThePolicy(t *testing.T) {
	want := map[string][]string{}
	for _, p := range Purposes() {
		line := policyOf(p)
		want[string(p)] = []string{yes(line.session), kinds(line.alone), kinds(line.beside), yes(line.two), yes(line.old), string(line.also)}
	}
	rows := designTable(t, "| purpose | from a session |")
	for _, row := range rows {
		purpose, got := row[0], row[1:]
		if got[1], got[2] = sorted(got[1]), sorted(got[2]); !slices.Equal(got, want[purpose]) {
			t.Errorf("%s: the design note says %q, want %q", purpose, got, want[purpose])
		}
	}
	if len(rows) != len(want) {
		t.Errorf("the design note has %d purposes, want %d", len(rows), len(want))
	}
	acts := map[string]bool{}
	for _, row := range designTable(t, "| purpose | the act |") {
		acts[row[0]] = true
	}
	for p := range want {
		if !acts[p] {
			t.Errorf("%s: the design note does not say what it does in the end", p)
		}
	}
}

// The diagram of the design note draws every purpose from its beginning to its
// end: those of a session may begin at the last step, a sign-in that one proof
// is enough for has no flow, and some act with their last answer.
func TestDesignDrawsEveryPurpose(t *testing.T) {
	all, session, acting, atOnce := []string{}, []string{}, []string{}, []string{}
	for _, p := range Purposes() {
		all = append(all, string(p))
		if p.AtOnce() {
			atOnce = append(atOnce, string(p))
			continue
		}
		acting = append(acting, string(p))
		if p.FromSession() {
			session = append(session, string(p))
		}
	}
	want := map[string][]string{
		"[*] --> " + string(Verify):             all,
		"[*] --> " + string(Act):                session,
		"[*] --> " + string(Done):               {string(SignIn)},
		string(Verify) + " --> " + string(Act):  acting,
		string(Verify) + " --> " + string(Done): atOnce,
		string(Act) + " --> " + string(Done):    acting,
		string(Done) + " --> [*]":               nil,
	}
	_, rest, _ := strings.Cut(designNote(t), "```mermaid\nstateDiagram-v2\n")
	diagram, _, _ := strings.Cut(rest, "```")
	drawn := 0
	for line := range strings.Lines(diagram) {
		arrow, label, _ := strings.Cut(strings.TrimSpace(line), ": ")
		purposes, known := want[arrow]
		if !known {
			t.Errorf("the diagram draws %q, which no flow goes", arrow)
		}
		if got, want := sorted(label), sorted(strings.Join(purposes, ", ")); got != want {
			t.Errorf("%s: the diagram draws %q, want %q", arrow, got, want)
		}
		drawn++
	}
	if drawn != len(want) {
		t.Errorf("the diagram has %d arrows, want %d", drawn, len(want))
	}
}

func designNote(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("docs/design/0001-one-flow.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// designTable gives the rows of the table that begins with head, cell by cell.
func designTable(t *testing.T, head string) (rows [][]string) {
	t.Helper()
	_, rest, _ := strings.Cut(designNote(t), head)
	for line := range strings.Lines(rest) {
		line, isRow := strings.CutPrefix(strings.TrimSpace(line), "|")
		if !isRow {
			if rows != nil {
				break
			}
			continue // the rest of the head
		}
		cells := strings.Split(strings.TrimSuffix(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if strings.Trim(cells[0], "-") != "" {
			rows = append(rows, cells)
		}
	}
	return rows
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func kinds(ways []WayKind) string {
	names := make([]string, len(ways))
	for i, w := range ways {
		names[i] = string(w)
	}
	return sorted(strings.Join(names, ", "))
}

// sorted is a list of words with commas between them, in the order of the
// alphabet.
func sorted(list string) string {
	words := strings.Split(list, ", ")
	slices.Sort(words)
	return strings.Join(words, ", ")
}
