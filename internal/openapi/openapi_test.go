package openapi

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sparekey/internal/web"
)

// written gives the document, as it is written and as it is read again.
func written(t *testing.T) (string, *Document) {
	t.Helper()
	text, err := Text()
	if err != nil {
		t.Fatal(err)
	}
	d, err := Read(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), d
}

// The document has every route of the site map that is for programs, and no
// other, with every status that it is answered with.
func TestEveryRouteIsInTheDocument(t *testing.T) {
	routes, err := os.ReadFile("../web/routes.go")
	if err != nil {
		t.Fatal(err)
	}
	_, d := written(t)
	var want, got []string
	for _, found := range regexp.MustCompile(`"([A-Z]+ /api/[^"]*)"`).FindAllStringSubmatch(string(routes), -1) {
		want = append(want, found[1])
	}
	for path, all := range d.Paths {
		for method, op := range all {
			got = append(got, strings.ToUpper(method)+" "+path)
			for _, status := range []string{"404", "421", "500", "503"} {
				if op.Responses[status] == nil {
					t.Errorf("%s %s: the document has no answer %s", method, path, status)
				}
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) || len(got) < 20 {
		t.Errorf("got the operations %q, want %q as in routes.go", got, want)
	}
}

// Every reference leads somewhere, every place in a path is described, and every
// operation has a name of its own and says what it does.
func TestTheDocumentHoldsTogether(t *testing.T) {
	text, d := written(t)
	var whole struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			OperationID string
			Summary     string
			Parameters  []struct{ In, Name string }
		}
	}
	if err := json.Unmarshal([]byte(text), &whole); err != nil {
		t.Fatal(err)
	}
	if whole.OpenAPI != "3.1.0" {
		t.Errorf("got version %q, want 3.1.0", whole.OpenAPI)
	}
	for _, found := range regexp.MustCompile(`"\$ref": "#/components/(\w+)/(\w+)"`).FindAllStringSubmatch(text, -1) {
		if kind, name := found[1], found[2]; kind == "schemas" && d.Components.Schemas[name] == nil || kind == "responses" && d.Components.Responses[name] == nil {
			t.Errorf("%s: it leads nowhere", found[0])
		}
	}
	named := map[string]bool{}
	for path, all := range whole.Paths {
		for method, op := range all {
			if op.OperationID == "" || named[op.OperationID] || op.Summary == "" {
				t.Errorf("%s %s: got the name %q and the summary %q, want a name of its own and a summary", method, path, op.OperationID, op.Summary)
			}
			named[op.OperationID] = true
			if got, want := len(op.Parameters), strings.Count(path, "{"); got != want {
				t.Errorf("%s %s: got %d parameters, want %d", method, path, got, want)
			}
		}
	}
}

// No answer about a flow has a member for what no page says.
func TestFlowsKeepTheirSecrets(t *testing.T) {
	_, d := written(t)
	for name, s := range d.Components.Schemas {
		for member := range s.Properties {
			if slices.Contains([]string{"subject", "ghost", "stopped", "known", "minted", "handed_over", "epochs", "browser_hash", "token", "nonce", "length"}, member) ||
				member == "account" && name != "Session" {
				t.Errorf("%s has the member %q, want none that no page shows", name, member)
			}
		}
	}
}

// What is not in the document is found.
func TestTheCheckFinds(t *testing.T) {
	_, d := written(t)
	body := func(kind string) http.Header { return http.Header{"Content-Type": {kind}} }
	const problem = `{"type":"about:blank","title":"Not Found","status":404,"code":"g.404"}`
	for what, err := range map[string]error{
		"a body":                  d.Takes("POST /api/v1/recover", `{"login":"a"}`),
		"an answer":               d.Gives("GET", "/api/v1/flows/x", 404, body("application/problem+json"), problem),
		"an answer without body":  d.Gives("DELETE", "/api/v1/session", 204, http.Header{}, ""),
		"an answer to no route":   d.Gives("GET", "/api/v1/none", 404, body("application/problem+json"), problem),
		"an answer to any member": d.Gives("GET", "/api/v1/openapi.json", 200, body("application/json"), `{"a":1}`),
	} {
		if err != nil {
			t.Errorf("%s: got %v, want nil", what, err)
		}
	}
	for what, err := range map[string]error{
		"an unknown route":     d.Takes("POST /api/v1/none", `{}`),
		"a member missing":     d.Takes("POST /api/v1/recover", `{}`),
		"a member too many":    d.Takes("POST /api/v1/recover", `{"login":"a","other":"b"}`),
		"another case":         d.Takes("POST /api/v1/recover", `{"Login":"a"}`),
		"another type":         d.Takes("POST /api/v1/recover", `{"login":1}`),
		"null":                 d.Takes("POST /api/v1/recover", `{"login":null}`),
		"none of a list":       d.Takes("POST /api/v1/ways", `{"do":"none"}`),
		"no JSON":              d.Takes("POST /api/v1/ways", `{`),
		"another status":       d.Gives("GET", "/api/v1/flows/x", 418, body("application/problem+json"), problem),
		"another content":      d.Gives("GET", "/api/v1/flows/x", 404, body("text/html"), problem),
		"another body":         d.Gives("GET", "/api/v1/flows/x", 200, body("application/json"), `{"id":"a","purpose":"recover","step":"verify","account":"b"}`),
		"no time":              d.Gives("GET", "/api/v1/flows/x", 200, body("application/json"), `{"id":"a","purpose":"recover","step":"verify","expires":"now"}`),
		"a page":               d.Gives("GET", "/api/v1/none", 404, body("text/html"), "<html>"),
		"a header missing":     d.Gives("POST", "/api/v1/recover", 429, body("application/problem+json"), strings.ReplaceAll(problem, "404", "429")),
		"a list of other kind": d.Gives("GET", "/api/v1/sessions", 200, body("application/json"), `{"sessions":[1]}`),
	} {
		if err == nil {
			t.Errorf("%s: got no error, want one", what)
		}
	}
}

// The program serves what is written here.
func TestTheDocumentIsServed(t *testing.T) {
	text, _ := written(t)
	served, err := os.ReadFile("../web/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if string(served) != text {
		t.Error("internal/web/openapi.json is not what the code says: type make docs")
	}
	if len(web.Operations()) < 20 {
		t.Errorf("got %d operations, want all", len(web.Operations()))
	}
}
