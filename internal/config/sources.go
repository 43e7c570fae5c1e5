package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"
)

// largestFile is the most that is read of a file with settings. No honest one
// comes near it, and /dev/zero must not fill the memory.
const largestFile = 1 << 20

// A source is where the value of a setting came from.
type source struct {
	rank int    // the higher one wins
	text string // for Explain
}

// The ranks of the sources.
const (
	byDefault = iota
	byFile
	byEnvironment
	byFlag
)

// Sources is the kong option that gives s its values: from env (see
// os.Environ), and from the file that --config or SPAREKEY_CONFIG names, where
// no flag is given. s is the Settings that the command line embeds. The help
// shows the name of each setting.
//
// What is wrong with a source is reported by Check, so that commands that need
// no settings work with broken ones.
func Sources(s *Settings, env []string) kong.Option {
	r := &reader{settings: s, env: env}
	return kong.OptionFunc(func(k *kong.Kong) error {
		if err := kong.Resolvers(r).Apply(k); err != nil {
			return err
		}
		return kong.ValueFormatter(r.help).Apply(k)
	})
}

// A reader resolves the flags of one Settings.
type reader struct {
	settings *Settings
	env      []string
	values   map[string]given // by name of the setting; nil until read
}

// A given is a value with its source.
type given struct {
	value  string
	source source
}

// Validate has nothing to say: Check does.
func (r *reader) Validate(*kong.Application) error { return nil }

// Resolve gives the value of a flag that is not on the command line. The first
// call reads the sources: only by then the flag --config is known.
func (r *reader) Resolve(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if !r.owns(flag) {
		return nil, nil
	}
	if r.values == nil {
		r.read(configFlag(ctx))
	}
	name := envName(flag.Name)
	got, ok := r.values[name]
	if !ok {
		r.settings.sources[name] = source{byDefault, "default"}
		return nil, nil
	}
	r.settings.sources[name] = got.source
	return got.value, nil
}

// owns reports whether the flag is a field of the settings, and not one of a
// command that happens to have the same name.
func (r *reader) owns(flag *kong.Flag) bool {
	if !flag.Target.CanAddr() {
		return false
	}
	for _, one := range r.settings.all() {
		if one.flag == flag.Name && one.value.Addr().Pointer() == flag.Target.Addr().Pointer() {
			return true
		}
	}
	return false
}

// help is the help of a flag with the name of its setting.
func (r *reader) help(value *kong.Value) string {
	text := kong.DefaultHelpValueFormatter(value)
	if value.Flag != nil && r.owns(value.Flag) {
		text += " ($" + envName(value.Name) + ")"
	}
	return text
}

// configFlag is the file that the command line names, or empty.
func configFlag(ctx *kong.Context) string {
	for _, p := range ctx.Path {
		if p.Flag != nil && !p.Resolved && p.Flag.Name == "config" {
			file, _ := ctx.FlagValue(p.Flag).(string)
			return file
		}
	}
	return ""
}

// read reads the environment and the file. Every setting that neither names
// and Resolve is not asked about came from a flag.
func (r *reader) read(file string) {
	r.settings.sources = map[string]source{}
	r.settings.problem, r.settings.opened = nil, false
	known := names(r.settings)
	r.values, r.settings.problem = readEnv(r.env, known)
	if file == "" {
		file = r.values[prefix+"CONFIG"].value
	}
	if file == "" {
		return
	}
	values, err := readFile(file, known)
	if r.settings.problem == nil {
		r.settings.problem = err
	}
	for name, got := range values {
		if _, ok := r.values[name]; !ok {
			r.values[name] = got
		}
	}
}

func names(s *Settings) []string {
	var list []string
	for _, one := range s.all() {
		list = append(list, one.name)
	}
	return list
}

// readEnv takes the settings from an environment. An empty value is none, so
// that the file or the default has its turn. Names that begin like a setting
// and are none are a slip of the pen that would go unnoticed; those of the
// tests are left alone.
func readEnv(env, known []string) (map[string]given, error) {
	values := map[string]given{}
	var problem error
	for _, line := range env {
		name, value, _ := strings.Cut(line, "=")
		if !strings.HasPrefix(name, prefix) || strings.HasPrefix(name, prefix+"TEST_") {
			continue
		}
		if err := knownName(name, known); err != nil {
			if problem == nil { // one line at a time is what a person can mend
				problem = err
			}
			continue
		}
		if value != "" {
			values[name] = given{value, source{byEnvironment, "environment"}}
		}
	}
	return values, problem
}

// readFile takes the settings from a file of NAME=value lines.
func readFile(file string, known []string) (map[string]given, error) {
	text, err := readAll(file)
	if err != nil {
		return nil, fmt.Errorf("%sCONFIG %q: %w; name a file that can be read", prefix, file, err)
	}
	values, lines := map[string]given{}, map[string]int{}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		at := fmt.Sprintf("%s line %d", file, i+1)
		name, value, ok := strings.Cut(line, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		switch {
		case !ok || !strings.HasPrefix(name, prefix):
			// The line is not shown: it may be the rest of a secret.
			return nil, fmt.Errorf("%s: needs NAME=value, for example %sSITE_NAME=Example", at, prefix)
		case name == prefix+"CONFIG":
			return nil, fmt.Errorf("%s: %s: a file cannot name another one; remove the line", at, name)
		case lines[name] > 0:
			return nil, fmt.Errorf("%s: %s: is set on line %d already; keep one of them", at, name, lines[name])
		}
		if err := knownName(name, known); err != nil {
			return nil, fmt.Errorf("%s: %w", at, err)
		}
		if quoted(value) {
			return nil, fmt.Errorf("%s: %s: has quotes around its value; write the value without them", at, name)
		}
		lines[name] = i + 1
		if value != "" {
			values[name] = given{value, source{byFile, "file " + file}}
		}
	}
	return values, nil
}

// quoted reports whether value stands in quotes. Some readers of such files
// take them off and some keep them: better not to have any.
func quoted(value string) bool {
	return len(value) > 1 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0]
}

// readAll reads a small file.
func readAll(file string) (string, error) {
	f, err := os.Open(filepath.Clean(file))
	if err != nil {
		return "", plain(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, largestFile+1))
	if err != nil {
		return "", plain(err)
	}
	if len(b) > largestFile {
		return "", errors.New("is larger than 1 MiB")
	}
	return string(b), nil
}

// plain takes the path, which the message names already, out of err.
func plain(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// knownName refuses a name that no setting has. The value is not shown: it may
// be a secret under a wrong name.
func knownName(name string, known []string) error {
	nearest, best := "", len(name)
	for _, k := range known {
		if k == name {
			return nil
		}
		if d := distance(name, k); d < best {
			nearest, best = k, d
		}
	}
	// Two letters that changed places are a slip; more than a third of them is
	// another word.
	if best <= max(2, (len(name)-len(prefix))/3) {
		return fmt.Errorf("%s: no such setting; did you mean %s?", name, nearest)
	}
	return fmt.Errorf("%s: no such setting; remove it (sparekey config lists them all)", name)
}

// distance is the number of letters to insert, drop or change that make b of a
// (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
