package openapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Document is one that was written, read again to hold bodies and answers
// against it.
type Document struct {
	Paths      map[string]map[string]*operation // by path, and by method in lower case
	Components struct {
		Schemas   map[string]*schema
		Responses map[string]*response
	}
}

type operation struct {
	RequestBody struct{ Content map[string]media }
	Responses   map[string]*response
}

type response struct {
	Ref     string `json:"$ref"`
	Headers map[string]any
	Content map[string]media
}

type media struct{ Schema *schema }

type schema struct {
	Ref                  string `json:"$ref"`
	Type                 any    // a name, or a list of them
	Format               string
	Enum                 []any
	Properties           map[string]*schema
	Required             []string
	Items                *schema
	AdditionalProperties any
}

// Read reads a document.
func Read(text []byte) (*Document, error) {
	d := &Document{}
	return d, json.Unmarshal(text, d)
}

// Takes says what is wrong with a body for an operation, whose pattern is given;
// nil if the document has it.
func (d *Document) Takes(pattern, body string) error {
	method, path, _ := strings.Cut(pattern, " ")
	op := d.Paths[path][strings.ToLower(method)]
	if op == nil {
		return fmt.Errorf("%s is not in the document", pattern)
	}
	return d.valid(op.RequestBody.Content["application/json"], body)
}

// Gives says what is wrong with an answer to a request; nil if the document has
// it. Of a path or a method that the document has not, it has only problems.
func (d *Document) Gives(method, path string, status int, header http.Header, body string) error {
	r := d.Components.Responses[strconv.Itoa(http.StatusNotFound)]
	if op := d.at(method, path); op != nil {
		r = op.Responses[strconv.Itoa(status)]
	}
	if r != nil && r.Ref != "" {
		r = d.Components.Responses[r.Ref[strings.LastIndex(r.Ref, "/")+1:]]
	}
	if r == nil {
		return fmt.Errorf("%s %s: the document has no answer %d", method, path, status)
	}
	for name := range r.Headers {
		if header.Get(name) == "" {
			return fmt.Errorf("%s %s: an answer %d without %s", method, path, status, name)
		}
	}
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	if len(r.Content) == 0 && body == "" && kind == "" {
		return nil
	}
	content, ok := r.Content[kind]
	if !ok {
		return fmt.Errorf("%s %s: the document has no answer %d of type %q", method, path, status, kind)
	}
	if err := d.valid(content, body); err != nil {
		return fmt.Errorf("%s %s: answer %d: %w", method, path, status, err)
	}
	return nil
}

// at gives the operation that a request is for.
func (d *Document) at(method, path string) *operation {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	for pattern, all := range d.Paths {
		same := func(is, want string) bool { return is == want || strings.HasPrefix(want, "{") && is != "" }
		if slices.EqualFunc(parts, strings.Split(pattern, "/"), same) {
			return all[strings.ToLower(method)]
		}
	}
	return nil
}

// valid holds a text of JSON against its schema.
func (d *Document) valid(content media, text string) error {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return err
	}
	return d.fits(content.Schema, v, "body")
}

// fits holds a value against a schema. It is stricter than the schema where a
// member has no place in it: there should be none.
func (d *Document) fits(s *schema, v any, where string) error {
	if s == nil {
		return fmt.Errorf("%s: the document has no schema", where)
	}
	if name, ok := strings.CutPrefix(s.Ref, refs); ok {
		return d.fits(d.Components.Schemas[name], v, where)
	}
	if !ofType(s.Type, v) {
		return fmt.Errorf("%s: %v is not of type %v", where, v, s.Type)
	}
	if s.Enum != nil && !slices.Contains(s.Enum, v) {
		return fmt.Errorf("%s: %v is none of %v", where, v, s.Enum)
	}
	switch v := v.(type) {
	case string:
		if _, err := time.Parse(time.RFC3339, v); s.Format == "date-time" && err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
	case []any:
		for i, item := range v {
			if err := d.fits(s.Items, item, fmt.Sprintf("%s[%d]", where, i)); err != nil {
				return err
			}
		}
	case map[string]any:
		return d.fitsObject(s, v, where)
	}
	return nil
}

func (d *Document) fitsObject(s *schema, v map[string]any, where string) error {
	if _, open := s.AdditionalProperties.(map[string]any); open {
		return nil
	}
	var wrong []error
	for _, name := range s.Required {
		if _, ok := v[name]; !ok {
			wrong = append(wrong, fmt.Errorf("%s has no %s", where, name))
		}
	}
	for name, value := range v {
		if s.Properties[name] == nil {
			wrong = append(wrong, fmt.Errorf("%s has the unknown %q", where, name))
			continue
		}
		wrong = append(wrong, d.fits(s.Properties[name], value, where+"."+name))
	}
	return errors.Join(wrong...)
}

// ofType reports whether a value is of a type, or of one of a list.
func ofType(want, v any) bool {
	if list, ok := want.([]any); ok {
		return slices.ContainsFunc(list, func(one any) bool { return ofType(one, v) })
	}
	got := "null"
	switch v := v.(type) {
	case string:
		got = "string"
	case bool:
		got = "boolean"
	case []any:
		got = "array"
	case map[string]any:
		got = "object"
	case float64:
		if got = "number"; v == float64(int64(v)) {
			got = "integer"
		}
	}
	return want == got
}
