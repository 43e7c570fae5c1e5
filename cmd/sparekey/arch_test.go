package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The module, and the prefix of its rooms.
const (
	module = "sparekey"
	inner  = module + "/internal/"
)

// A room is a package, or a few, of the house: which other rooms it may enter,
// and which modules of others it may use.
type room struct {
	enters  string // names of rooms, with blanks between them
	modules string // paths of modules, likewise
}

// house is the plan of the house. The standard library is open to all. An
// arrow that is not drawn here is refused; a new room is a new line.
var house = map[string]room{
	"root": {},

	// Leaves: nothing of ours, and for each a named dependency or two.
	"config":   {modules: "github.com/alecthomas/kong"},
	"ident":    {modules: "golang.org/x/net golang.org/x/text"}, // IDNA, NFC
	"lang":     {modules: "github.com/nicksnyder/go-i18n/v2 golang.org/x/text"},
	"limit":    {},
	"password": {modules: "github.com/go-crypt/crypt golang.org/x/crypto golang.org/x/text"}, // PHC strings, Argon2id, NFC
	"secret":   {modules: "golang.org/x/crypto"},                                             // ChaCha20-Poly1305

	"store":   {enters: "root", modules: "modernc.org/sqlite github.com/jackc/pgx/v5 github.com/pressly/goose/v3"},
	"page":    {enters: "root lang", modules: "rsc.io/qr"},
	"outbox":  {enters: "root lang secret store", modules: "github.com/wneessen/go-mail github.com/SherClockHolmes/webpush-go golang.org/x/net"},
	"account": {enters: "root secret ident store"},
	"session": {enters: "root secret ident store"},
	"way":     {enters: "root password ident secret store", modules: "github.com/pquerna/otp github.com/go-webauthn/webauthn"},
	"flow":    {enters: "root way password secret ident limit store"},
	// What a browser calls itself is read here and nowhere else.
	// Cookies are secrets, and have their type from where they come in.
	"web": {enters: "root flow account session page lang ident limit secret", modules: "github.com/mileusna/useragent"},

	"app":          {enters: below, modules: "github.com/VictoriaMetrics/metrics"}, // what happens is counted here
	"doctor":       {enters: "config outbox secret store"},
	"demo":         {enters: below + " app", modules: "github.com/emersion/go-smtp github.com/emersion/go-sasl"},
	"sparekeytest": {enters: below + " app sparekeytest/guard", modules: "github.com/emersion/go-smtp github.com/emersion/go-sasl github.com/jackc/pgx/v5 github.com/pquerna/otp golang.org/x/net"},
	// The browser's protocol takes longer to compile than all of ours: only
	// what drives one may enter it.
	"sparekeytest/chromium": {enters: "sparekeytest/guard", modules: "github.com/chromedp/chromedp github.com/chromedp/cdproto"},
	"sparekeytest/guard":    {},
	"sparekeytest/site":     {enters: "sparekeytest", modules: "github.com/emersion/go-smtp github.com/jackc/pgx/v5"}, // the program as a process
	"bound":                 {enters: "root sparekeytest"},
	"bench":                 {enters: "root prove sparekeytest sparekeytest/site"},
	"durable":               {enters: "root sparekeytest sparekeytest/site"},
	"equal":                 {enters: "root config password prove sparekeytest"},
	"prove":                 {}, // looks at servers from the outside
	"journey":               {enters: below + " app demo sparekeytest sparekeytest/chromium"},
	"page/gallery":          {enters: "root lang page"},
	"docs":                  {enters: "openapi"},                                               // reads the rest of the code as text
	"openapi":               {enters: "root web", modules: "github.com/danielgtaylor/huma/v2"}, // what programs may ask, for docs and tests
	"evidence":              {},                                                                // likewise
	"mutants":               {},                                                                // changes copies of it
	"cmd":                   {enters: "root app config demo doctor prove", modules: "github.com/alecthomas/kong"},
}

// below is everything that app is built of.
const below = "root config ident lang limit password secret store page outbox account session way flow web"

// forbidden are packages of the standard library that no room may use, but
// those that are named.
var forbidden = []struct{ path, only, because string }{
	{"unsafe", "", "memory safety is what the language is chosen for"},
	{"math/rand", "sparekeytest", "secrets come from crypto/rand, and the wrong import is soon typed"},
	{"math/rand/v2", "sparekeytest sparekeytest/site prove", "secrets come from crypto/rand, and the wrong import is soon typed"},
	{"os/exec", "mutants sparekeytest sparekeytest/chromium sparekeytest/guard sparekeytest/site", "a server that starts programs can be made to start others"},
}

// A listed is a package as go list describes it. Imports are those of the
// program, without its tests.
type listed struct {
	ImportPath string
	Standard   bool
	Module     *struct{ Path string }
	Imports    []string
}

// The layers of the house are kept: no import that the plan does not draw.
func TestEveryImportIsInThePlan(t *testing.T) {
	packages, err := list()
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) < 50 {
		t.Fatalf("go list gave %d packages: it lists too little", len(packages))
	}
	for _, wrong := range misdrawn(packages) {
		t.Error(wrong)
	}
}

// list runs go list for our packages and all that they import.
func list() ([]listed, error) {
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard,Module,Imports", "./...")
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return nil, fmt.Errorf("go list: %w: %s", err, exit.Stderr)
		}
		return nil, fmt.Errorf("go list: %w", err)
	}
	var packages []listed
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("read go list: %w", err)
		}
		packages = append(packages, p)
	}
}

// misdrawn says of every import of ours that the plan does not draw what is
// wrong with it.
func misdrawn(packages []listed) (wrong []string) {
	byPath := map[string]listed{}
	for _, p := range packages {
		byPath[p.ImportPath] = p
	}
	for _, p := range packages {
		name, ours := roomOf(p.ImportPath)
		if !ours {
			continue
		}
		plan, ok := house[name]
		if !ok {
			wrong = append(wrong, fmt.Sprintf("%s: the plan has no such room", name))
			continue
		}
		for _, path := range p.Imports {
			if what := plan.refuses(name, byPath[path], path); what != "" {
				wrong = append(wrong, what)
			}
		}
	}
	return wrong
}

// refuses says why the room may not import path, or gives an empty string.
func (r room) refuses(name string, imported listed, path string) string {
	for _, f := range forbidden {
		if f.path == path && !slices.Contains(strings.Fields(f.only), name) {
			return fmt.Sprintf("%s → %s: %s", name, path, f.because)
		}
	}
	if other, ours := roomOf(path); ours {
		if other != name && !slices.Contains(strings.Fields(r.enters), other) {
			return fmt.Sprintf("%s → %s: may enter %s", name, other, orNothing(r.enters))
		}
		return ""
	}
	if imported.Module == nil || imported.Standard {
		return ""
	}
	if !slices.Contains(strings.Fields(r.modules), imported.Module.Path) {
		return fmt.Sprintf("%s → %s (%s): may use %s", name, path, imported.Module.Path, orNothing(r.modules))
	}
	return ""
}

func orNothing(names string) string {
	if names == "" {
		return "nothing"
	}
	return names
}

// roomOf is the name of the room of a package, and whether it is ours at all.
// A package within another is a room of its own.
func roomOf(path string) (name string, ours bool) {
	switch {
	case path == module:
		return "root", true
	case strings.HasPrefix(path, module+"/cmd/"):
		return "cmd", true
	case strings.HasPrefix(path, inner):
		return strings.TrimPrefix(path, inner), true
	}
	return path, strings.HasPrefix(path, module+"/")
}

// The plan refuses what it does not draw, and names the arrow.
func TestThePlanRefusesOtherImports(t *testing.T) {
	imports := func(path string, imports ...string) []listed {
		return []listed{
			{ImportPath: path, Imports: imports},
			{ImportPath: "strings", Standard: true},
			{ImportPath: "github.com/jackc/pgx/v5/pgconn", Module: &struct{ Path string }{"github.com/jackc/pgx/v5"}},
		}
	}
	for _, test := range []struct {
		packages []listed
		want     string // empty if it is drawn
	}{
		{imports("sparekey/internal/web", "strings", "sparekey", "sparekey/internal/flow"), ""},
		{imports("sparekey/internal/store", "github.com/jackc/pgx/v5/pgconn"), ""},
		{imports("sparekey/internal/sparekeytest", "os/exec", "math/rand/v2", "sparekey/internal/app"), ""},
		{imports("sparekey/cmd/sparekey", "sparekey/internal/demo"), ""},

		{imports("sparekey/internal/web", "sparekey/internal/store"), "web → store: may enter root flow"},
		{imports("sparekey/internal/page", "sparekey/internal/session"), "page → session: may enter root lang"},
		{imports("sparekey", "sparekey/internal/limit"), "root → limit: may enter nothing"},
		{imports("sparekey/internal/secret", "sparekey"), "secret → root: may enter nothing"},
		{imports("sparekey/internal/app", "sparekey/internal/demo"), "app → demo: may enter"},
		{imports("sparekey/internal/demo", "sparekey/internal/sparekeytest"), "demo → sparekeytest: may enter"},
		{imports("sparekey/cmd/sparekey", "sparekey/internal/store"), "cmd → store: may enter root app config demo doctor"},
		{imports("sparekey/cmd/other", "sparekey/internal/web"), "cmd → web"},
		{imports("sparekey/internal/flow", "github.com/jackc/pgx/v5/pgconn"), "flow → github.com/jackc/pgx/v5/pgconn (github.com/jackc/pgx/v5): may use nothing"},
		{imports("sparekey/internal/util"), "util: the plan has no such room"},
		{imports("sparekey/internal/web/parts"), "web/parts: the plan has no such room"},
		{imports("sparekey/tools"), "sparekey/tools: the plan has no such room"},
		{imports("sparekey/internal/secret", "unsafe"), "secret → unsafe: memory safety"},
		{imports("sparekey/internal/secret", "math/rand/v2"), "secret → math/rand/v2: secrets come from crypto/rand"},
		{imports("sparekey/internal/limit", "math/rand"), "limit → math/rand: secrets come from crypto/rand"},
		{imports("sparekey/internal/outbox", "os/exec"), "outbox → os/exec: a server that starts programs"},
	} {
		got := misdrawn(test.packages)
		switch {
		case test.want == "" && got != nil:
			t.Errorf("%s %v: got %q, want no refusal", test.packages[0].ImportPath, test.packages[0].Imports, got)
		case test.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], test.want)):
			t.Errorf("%s %v: got %q, want %q", test.packages[0].ImportPath, test.packages[0].Imports, got, test.want)
		}
	}
}

// The plan draws only rooms that it has, and no circle.
func TestThePlanIsDrawnRight(t *testing.T) {
	var enter func(name string, path []string)
	enter = func(name string, path []string) {
		if slices.Contains(path, name) {
			t.Errorf("the plan goes round: %s", strings.Join(append(path, name), " → "))
			return
		}
		r, ok := house[name]
		if !ok {
			t.Errorf("the plan enters %s from %s and has no such room", name, path[len(path)-1])
		}
		for next := range strings.FieldsSeq(r.enters) {
			enter(next, append(slices.Clone(path), name))
		}
	}
	for name := range house {
		enter(name, nil)
	}
}
