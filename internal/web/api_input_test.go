package web_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sparekey"
	"sparekey/internal/sparekeytest"
	"sparekey/internal/web"
)

// bodied are the operations that take a body.
func bodied(t *testing.T) (all []web.Operation) {
	t.Helper()
	for _, o := range web.Operations() {
		if o.Takes != nil {
			all = append(all, o)
		}
	}
	if len(all) < 15 {
		t.Fatalf("got %d operations with a body, want all", len(all))
	}
	return all
}

// fullBody has every member that an operation takes, with a value of its type,
// and needed those that must be there.
func fullBody(o web.Operation) (body map[string]any, needed []string) {
	body = map[string]any{}
	for _, f := range reflect.VisibleFields(reflect.TypeOf(o.Takes)) {
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch f.Type.Kind() {
		case reflect.String:
			body[name] = "x"
		case reflect.Bool:
			body[name] = true
		default:
			body[name] = map[string]any{"a": []any{1, "b"}}
		}
		if choices := f.Tag.Get("enum"); choices != "" {
			body[name] = choices[strings.LastIndex(choices, ",")+1:]
		}
		if rest == "" {
			needed = append(needed, name)
		}
	}
	return body, needed
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// badBodies are bodies that say it wrongly, made of one that says it rightly. The
// document refuses those whose name begins with an asterisk too: the others are
// no JSON that a document could speak of.
func badBodies(t *testing.T, o web.Operation) map[string]string {
	t.Helper()
	full, _ := fullBody(o)
	text := jsonOf(t, full)
	bad := map[string]string{
		"nothing": "", "a blank": " ", "no end": text[:len(text)-1], "more behind it": text + "{}", "twice": text + text, "a comma": strings.Replace(text, "}", ",}", 1),
		"a comment": text + "//", "a mark of order": "\ufeff" + text, "a form": "key=x", "bytes": strings.Replace(text, `"x"`, "\"\xff\xfe\"", 1),
		"a surrogate in bytes": strings.Replace(text, `"x"`, "\"\xed\xa0\x80\"", 1), "half a character": strings.Replace(text, `"x"`, `"\ud83d"`, 1),
		"the other half": strings.Replace(text, `"x"`, `"\ude00"`, 1), "halves turned round": strings.Replace(text, `"x"`, `"\ude00\ud83d"`, 1),
		"half and a letter": strings.Replace(text, `"x"`, `"\ud83d\u0041"`, 1), "a tab in a text": strings.Replace(text, `"x"`, "\"\t\"", 1),
		"a number with a plus": `{"key":+1}`, "deep": strings.Repeat(`{"key":`, 3000) + "1" + strings.Repeat("}", 3000),
		"*a list": "[" + text + "]", "*a text": `"x"`, "*null": "null", "*true": "true", "*a number": "1", "*a list of none": "[]",
	}
	for _, name := range slices.Sorted(maps.Keys(full)) {
		member := jsonOf(t, full[name])
		bad["twice "+name] = fmt.Sprintf(`{%q:%s,%s`, name, member, text[1:])
		bad["twice, escaped "+name] = fmt.Sprintf(`{"\u%04x%s":%s,%s`, name[0], name[1:], member, text[1:])
		bad["*another case of "+name] = strings.Replace(text, `"`+name+`"`, `"`+strings.ToUpper(name[:1])+name[1:]+`"`, 1)
		bad["two cases of "+name] = fmt.Sprintf(`{%q:%s,%s`, strings.ToUpper(name), member, text[1:])
		for kind, value := range map[string]string{"null": "null", "a number": "1", "a list": `["x"]`} {
			bad["*"+kind+" as "+name] = strings.Replace(text, `"`+name+`":`+member, `"`+name+`":`+value, 1)
		}
		other := `"x"`
		switch full[name].(type) {
		case string:
			other = `{"a":1}`
			if !strings.HasPrefix(name, "password") {
				bad["NUL in "+name] = strings.Replace(text, `"`+name+`":`+member, `"`+name+`":"\u0000"`, 1)
				bad["an escape sequence in "+name] = strings.Replace(text, `"`+name+`":`+member, `"`+name+`":"\u001b[2J"`, 1)
			}
		case map[string]any:
			bad["two of one name within "+name] = strings.Replace(text, `"`+name+`":`+member, `"`+name+`":{"a":1,"b":{"c":1,"C":2}}`, 1)
		}
		bad["*another type of "+name] = strings.Replace(text, `"`+name+`":`+member, `"`+name+`":`+other, 1)
	}
	for _, name := range []string{"other", "account", "subject", "step", "__proto__", "", "way2", "tries"} {
		bad["*unknown "+name] = fmt.Sprintf(`{%q:"x",%s`, name, text[1:])
	}
	return bad
}

// inputScene is a signed-in program with a flow at each step.
func inputScene(t *testing.T, app *sparekeytest.App) (c *sparekeytest.Client, path func(pattern string) string) {
	app.Register(mara, first)
	c = app.Client()
	c.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
	proved := machineStart(c, "/recover", "login", mara)
	machineProve(app, c, proved, mara)
	asked := machineStart(c, "/recover", "login", mara)
	app.Deliver()
	return c, func(pattern string) string {
		_, path, _ := strings.Cut(pattern, " ")
		if strings.HasSuffix(path, "/act") {
			return strings.Replace(path, "{id}", proved, 1)
		}
		return strings.Replace(path, "{id}", asked, 1)
	}
}

// What a body must not be is refused on every route, as a problem in which
// nothing of it stands, and neither changes nor costs anything (A71). The
// document refuses the same, and takes the same.
func TestA71ProgramsSayItRightly(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		rows, document := app.Rows(), readDocument(t, app)
		c, path := inputScene(t, app)
		before, cookies := rows.Dump(), maps.Clone(c.Cookies)
		hashes, compared := app.Hasher.Stats().Hashes, app.Flows.Compared()
		c.Watch = watchProgram(t, app)
		nth := 0
		send := func(o web.Operation, kind, body string) *sparekeytest.Page {
			nth++
			c.Addr = fmt.Sprintf("198.51.%d.%d:4711", nth/250, nth%250) // each has so many starts
			c.Header = http.Header{}
			if kind != "" {
				c.Header["Content-Type"] = []string{kind}
			}
			return c.Do("POST", path(o.Pattern), strings.NewReader(body))
		}
		for _, o := range bodied(t) {
			full, needed := fullBody(o)
			text := jsonOf(t, full)
			for name, body := range badBodies(t, o) {
				refuses(t, send(o, "", body), 400, "g.bad", "")
				if err := document.Takes(o.Pattern, body); strings.HasPrefix(name, "*") && err == nil {
					t.Errorf("%s, %s: the document takes %s, want it refused", o.Pattern, name, body)
				}
			}
			for _, kind := range []string{"application/x-www-form-urlencoded", "text/plain", "text/json", "application/json; charset=latin1", "application/problem+json", "multipart/form-data", "json", "*/*"} {
				refuses(t, send(o, kind, text), 415, "g.bad", "")
			}
			refuses(t, send(o, "", strings.Repeat(" ", sparekey.MaxBody)+text), 413, "g.large", "")
			for _, name := range needed {
				without := maps.Clone(full)
				delete(without, name)
				refuses(t, send(o, "", jsonOf(t, without)), 422, "g.required", name)
				if document.Takes(o.Pattern, jsonOf(t, without)) == nil {
					t.Errorf("%s: the document takes a body without %s", o.Pattern, name)
				}
			}
			if err := document.Takes(o.Pattern, text); err != nil {
				t.Errorf("%s: the document refuses %s: %v", o.Pattern, text, err)
			}
		}
		for _, path := range []string{"/api/v1/session", "/api/v1/sessions", "/api/v1/sessions/none"} {
			refuses(t, c.Do("DELETE", path, strings.NewReader("{}")), 400, "g.bad", "")
		}
		if got := sparekeytest.Changed(before, rows.Dump()); got != nil || !maps.Equal(c.Cookies, cookies) {
			t.Errorf("got changes in %v, or new cookies, want neither", got)
		}
		if app.Hasher.Stats().Hashes != hashes || app.Flows.Compared() != compared {
			t.Error("got a hash or a comparison for a body that says it wrongly, want none")
		}
	})
}

// What the document takes the server reads: every member, in any order, with
// blanks between them.
func TestProgramsAreRead(t *testing.T) {
	app := sparekeytest.New(t, sparekeytest.Options{})
	c, path := inputScene(t, app)
	for n, o := range bodied(t) {
		full, _ := fullBody(o)
		text, err := json.MarshalIndent(full, "\r\n\t", "  ")
		if err != nil {
			t.Fatal(err)
		}
		twin := c.Clone()
		twin.Addr = fmt.Sprintf("198.51.100.%d:4711", n)
		twin.Header = http.Header{"Content-Type": {"Application/JSON; charset=UTF-8"}}
		twin.Watch = watchProgram(t, app)
		if page := twin.Do("POST", path(o.Pattern), strings.NewReader(string(text))); page.Status == 400 || page.Status == 415 || page.Status >= 500 {
			t.Errorf("%s: got %d for %s, want it read", o.Pattern, page.Status, text)
		}
	}
	p := newProgram(t, app) // characters in two halves are one
	p.begins("/api/v1/register", "login", "otter@example.com", "password", "quiet 😀 otters \u0000")
	p.proves("otter@example.com")
	p.Do("DELETE", "/api/v1/session", nil).See(204)
	p.Do("POST", "/api/v1/signin", strings.NewReader(`{"login":"otter@example.com","password":"quiet \ud83d\ude00 otters \u0000"}`)).See(200)
}

// Nothing that a program sends comes back in a refusal: no password, no code, no
// name of a member.
func TestProgramsAreNotEchoed(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		const echo = "Zq9unseenherons"
		c, path := inputScene(t, app)
		c.Watch = func(p *sparekeytest.Page) {
			if method, at := p.Asked(); p.Status >= 400 && strings.Contains(strings.ToLower(p.Body+fmt.Sprint(p.Header)), strings.ToLower(echo)) {
				t.Errorf("%s %s: got %s, want nothing of what was sent", method, at, p.Body)
			}
		}
		nth := 0
		for _, o := range bodied(t) {
			full, _ := fullBody(o)
			for name, value := range full {
				if _, ok := value.(string); ok {
					full[name] = echo
				}
			}
			for _, body := range []string{
				jsonOf(t, full), fmt.Sprintf(`{%q:1}`, echo), fmt.Sprintf(`{"login":[%q]}`, echo), fmt.Sprintf(`{"%s`, echo), fmt.Sprintf(`{"passkey":{"id":%q}}`, echo),
			} {
				nth++
				c.Addr = fmt.Sprintf("198.51.%d.%d:4711", nth/250, nth%250)
				c.Do("POST", path(o.Pattern), strings.NewReader(body))
			}
		}
		c.Get("/api/v1/flows/" + echo).See(404)
		c.Get("/api/v1/" + echo).See(404)
		c.Do("DELETE", "/api/v1/sessions/"+echo, nil)
	})
}
