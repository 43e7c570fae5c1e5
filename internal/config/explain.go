package config

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Explain writes every setting, its value and where it came from, in columns.
// Secrets are hidden. Before a Check, or after one that failed, it shows what
// is known so far.
func (s *Settings) Explain(w io.Writer) error {
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, "SETTING\tVALUE\tFROM")
	for _, one := range s.all() {
		shown := one.shown()
		if shown == "" {
			shown = "-"
		}
		fmt.Fprintf(columns, "%s\t%s\t%s\n", one.name, oneLine(shown), s.Source(one.name))
	}
	if err := columns.Flush(); err != nil {
		return fmt.Errorf("write settings: %w", err)
	}
	return nil
}

// Source is where the setting with this name in the environment came from:
// "flag", "environment", "file PATH", "SPAREKEY_SMTP_FILE PATH" or "default".
// Without a command line what is not the default came from the "program".
func (s *Settings) Source(name string) string {
	for _, one := range s.all() {
		if one.name == name {
			return s.sourceOf(one.name, one.value.String()).text
		}
	}
	return ""
}

// rank is the rank of the source of a setting; the default if it is empty.
func (s *Settings) rank(name, value string) int {
	if value == "" {
		return byDefault
	}
	return s.sourceOf(name, value).rank
}

func (s *Settings) sourceOf(name, value string) source {
	if from, ok := s.sources[name]; ok {
		return from
	}
	if s.sources != nil {
		return source{byFlag, "flag"} // kong asks Resolve about all others
	}
	for _, one := range s.all() {
		if one.name == name && (value == one.fallback || value == "") {
			return source{byDefault, "default"}
		}
	}
	return source{byFlag, "program"}
}

// oneLine keeps what was set by mistake from breaking the columns.
func oneLine(text string) string {
	if hasControl(text) {
		return fmt.Sprintf("%q", text)
	}
	return text
}
