// Package openapi writes down in OpenAPI 3.1 what programs may ask Sparekey, from
// the same types that the server reads and writes, and holds answers against it.
// Only the maker of documents and tests use it: the program has the finished text.
package openapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"sparekey"
	"sparekey/internal/web"
)

// refs is where a document keeps its schemas.
const refs = "#/components/schemas/"

// Text is the document as it is served. Answers may have more members than it
// names, so that new ones break nobody; bodies may not.
func Text() ([]byte, error) {
	w := newWriter()
	for _, o := range web.Operations() {
		w.text.AddOperation(w.operation(o))
	}
	for name, s := range w.schemas.Map() {
		if closed, ok := s.AdditionalProperties.(bool); ok && !closed && !strings.HasSuffix(name, "Body") {
			s.AdditionalProperties = nil
		}
	}
	raw, err := json.Marshal(w.text)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", " "); err != nil {
		return nil, err
	}
	return append(out.Bytes(), '\n'), nil
}

// A writer writes a document.
type writer struct {
	text    *huma.OpenAPI
	schemas huma.Registry
}

func newWriter() *writer {
	w := &writer{schemas: huma.NewMapRegistry(refs, nameOf)}
	w.schemas.RegisterTypeAlias(reflect.TypeFor[sparekey.Purpose](), reflect.TypeFor[purpose]())
	w.schemas.RegisterTypeAlias(reflect.TypeFor[json.RawMessage](), reflect.TypeFor[map[string]any]())
	w.text = &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Sparekey", Version: "1",
			Description: "For apps that draw their own pages. Each operation does what the page does that it is the twin of, and says what that page says. " +
				"Who asks is known by cookies, as a browser keeps them: nothing secret stands in a body. " +
				"What changes something must come with Sec-Fetch-Site: same-origin, as browsers send it, or with the Origin of this host. " +
				"A body is an object in JSON, as application/json, with the members named here, each once. " +
				"What refuses is a problem of RFC 9457. More members of answers, purposes and ways may come.",
			License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
		},
		Servers: []*huma.Server{{URL: "/"}},
		Components: &huma.Components{
			Schemas: w.schemas, Responses: map[string]*huma.Response{},
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"session": {Type: "apiKey", In: "cookie", Name: "__Host-session", Description: "Given by a sign-in."},
				"browser": {Type: "apiKey", In: "cookie", Name: "__Host-browser", Description: "Given with the first answer. Only the browser that began a flow sees it."},
			},
		},
	}
	return w
}

// purpose lists the purposes.
type purpose string

// Schema is what huma asks a type that describes itself.
func (purpose) Schema(huma.Registry) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString, Description: "What the flow is for."}
	for _, p := range sparekey.Purposes() {
		s.Enum = append(s.Enum, string(p))
	}
	return s
}

// nameOf is the name of a type's schema: flowView becomes Flow.
func nameOf(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	return strings.TrimSuffix(name, "View")
}

var inPath = regexp.MustCompile(`\{(\w+)\}`)

func (w *writer) operation(o web.Operation) *huma.Operation {
	method, path, _ := strings.Cut(o.Pattern, " ")
	op := &huma.Operation{
		Method: method, Path: path, OperationID: idOf(method, path), Summary: o.Says, Responses: map[string]*huma.Response{},
	}
	for _, name := range inPath.FindAllStringSubmatch(path, -1) {
		op.Parameters = append(op.Parameters, &huma.Param{Name: name[1], In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}})
	}
	switch {
	case o.Session:
		op.Security = []map[string][]string{{"session": {}}}
	case strings.HasPrefix(path, "/api/v1/flows/"):
		op.Security = []map[string][]string{{"browser": {}}}
	}
	if o.Takes != nil {
		op.RequestBody = &huma.RequestBody{Required: true, Content: w.content("application/json", o.Takes)}
	}
	for status, body := range o.Gives {
		r := &huma.Response{Description: http.StatusText(status)}
		if body != nil {
			r.Content = w.content("application/json", body)
		}
		if status == http.StatusCreated {
			r.Headers = map[string]*huma.Header{"Location": {Description: "Where the flow is.", Schema: &huma.Schema{Type: huma.TypeString}}}
		}
		op.Responses[strconv.Itoa(status)] = r
	}
	for _, status := range refusals(o) {
		name := strconv.Itoa(status)
		op.Responses[name] = &huma.Response{Ref: "#/components/responses/" + name}
		w.text.Components.Responses[name] = w.refusal(status)
	}
	return op
}

// refusal is the answer of a status that refuses, which all operations share.
func (w *writer) refusal(status int) *huma.Response {
	r := &huma.Response{Description: http.StatusText(status), Content: w.content("application/problem+json", web.Problem())}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		r.Headers = map[string]*huma.Header{"Retry-After": {Description: "Seconds to wait.", Schema: &huma.Schema{Type: huma.TypeInteger}}}
	}
	return r
}

// refusals are the statuses with which an operation may be refused.
func refusals(o web.Operation) []int {
	list := []int{http.StatusNotFound, http.StatusMisdirectedRequest, http.StatusInternalServerError, http.StatusServiceUnavailable}
	if !strings.HasPrefix(o.Pattern, "GET ") {
		list = append(list, http.StatusBadRequest, http.StatusForbidden)
	}
	if o.Takes != nil {
		list = append(list, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity)
	}
	if strings.Contains(o.Pattern, "/flows/") || o.Starts && o.Session {
		list = append(list, http.StatusGone)
	}
	if o.Session {
		list = append(list, http.StatusUnauthorized)
	}
	if o.Starts {
		list = append(list, http.StatusTooManyRequests)
	}
	return list
}

// idOf makes a name of a method and a path: postFlowsIdAnswer.
func idOf(method, path string) string {
	id := strings.ToLower(method)
	for part := range strings.SplitSeq(strings.TrimPrefix(path, "/api/v1/"), "/") {
		part = strings.TrimSuffix(strings.Trim(part, "{}"), ".json")
		id += strings.ToUpper(part[:1]) + part[1:]
	}
	return id
}

func (w *writer) content(kind string, body any) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{kind: {Schema: w.schemas.Schema(reflect.TypeOf(body), true, "")}}
}
