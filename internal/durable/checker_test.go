package durable

import (
	"slices"
	"testing"
)

// The checker finds what it is there for: made-up histories that hold, and some
// that do not.
func TestCheckerFinds(t *testing.T) {
	right := func(passwords ...string) func(string) bool {
		return func(p string) bool { return slices.Contains(passwords, p) }
	}
	for _, test := range []struct {
		name    string
		life    life
		right   func(string) bool
		good    func(string) bool
		violate int
	}{
		{"all is well", life{changes: []change{{"a", done}, {"b", done}}, tickets: []*ticket{{"s", done}}}, right("b"), right(), 0},
		{"an acknowledged change is lost", life{changes: []change{{"a", done}, {"b", done}}}, right("a"), right(), 2},
		{"both are right", life{changes: []change{{"a", done}, {"b", done}}}, right("a", "b"), right(), 1},
		{"an unknown one happened", life{changes: []change{{"a", done}, {"b", unknown}}}, right("b"), right(), 0},
		{"an unknown one did not", life{changes: []change{{"a", done}, {"b", unknown}}}, right("a"), right(), 0},
		{"a refused one happened", life{changes: []change{{"a", done}, {"b", refused}}}, right("b"), right(), 2},
		{"nothing is right", life{changes: []change{{"a", done}, {"b", unknown}}}, right(), right(), 1},
		{"a flow that was done changed it again", life{changes: []change{{"a", done}}, spent: []string{"c"}}, right("c"), right(), 2},
		{"a session rose again", life{changes: []change{{"a", done}}, tickets: []*ticket{{"s", done}}}, right("a"), right("s"), 1},
		{"a session was lost", life{changes: []change{{"a", done}}, tickets: []*ticket{{"s", refused}}}, right("a"), right(), 1},
		{"nobody knows whether there is an account", life{changes: []change{{"a", unknown}}}, right(), right(), 0},
		{"a code was good twice", life{changes: []change{{"a", done}}, broken: []string{"twice"}}, right("a"), right(), 1},
		{"nobody knows of a session", life{changes: []change{{"a", done}}, tickets: []*ticket{{"s", unknown}}}, right("a"), right("s"), 0},
	} {
		if got := test.life.judge(test.right, test.good); len(got) != test.violate {
			t.Errorf("%s: got %d violations %q, want %d", test.name, len(got), got, test.violate)
		}
	}
}

// A mail is owed to each flow that was begun, unless the password changed later,
// or may have.
func TestMailIsOwed(t *testing.T) {
	for name, test := range map[string]struct {
		later []change
		want  bool
	}{
		"nothing happened":         {nil, true},
		"a change was refused":     {[]change{{"b", refused}}, true},
		"the password was changed": {[]change{{"b", done}}, false},
		"it may have been":         {[]change{{"b", unknown}}, false},
	} {
		l := life{changes: []change{{"a", done}}}
		l.begin("flow")
		l.changes = append(l.changes, test.later...)
		if got := l.owed(l.begun[0]); got != test.want {
			t.Errorf("%s: got owed %v, want %v", name, got, test.want)
		}
	}
}
