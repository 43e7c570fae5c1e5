package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"sparekey"
)

// The bodies that programs send. Each member becomes the field of that name in
// the form of the page: a member that is true as a box that is ticked, an object
// as its text. A member without omitempty must be there.

type recoverBody struct {
	Login    string `json:"login" doc:"An email address or a login name."`
	ReturnTo string `json:"return_to,omitempty" doc:"Where the person goes on to in the end: a path of this host, or an address at the origin of the site. Anything else is ignored."`
	Key      string `json:"key,omitempty" doc:"New for each request of a person: the same body with the same key is one request, however often it comes."`
}

type registerBody struct {
	Login    string `json:"login" doc:"An email address."`
	Password string `json:"password"`
	ReturnTo string `json:"return_to,omitempty"`
	Key      string `json:"key,omitempty"`
}

type signInBody struct {
	Login    string `json:"login" doc:"An email address or a login name."`
	Password string `json:"password"`
	Shared   bool   `json:"shared,omitempty" doc:"The computer is a shared one: the session ends with the browser, and within 12 hours."`
	ReturnTo string `json:"return_to,omitempty"`
	Key      string `json:"key,omitempty"`
}

type passkeyBody struct {
	Challenge string          `json:"challenge" doc:"The challenge of the question."`
	Passkey   json.RawMessage `json:"passkey" doc:"What the browser made, in its JSON."`
	Shared    bool            `json:"shared,omitempty" doc:"The computer is a shared one: the session ends with the browser, and within 12 hours."`
	ReturnTo  string          `json:"return_to,omitempty"`
	Key       string          `json:"key,omitempty"`
}

type answerBody struct {
	Challenge string          `json:"challenge" doc:"The id of the challenge that it answers."`
	Code      string          `json:"code,omitempty" doc:"What the person typed."`
	Passkey   json.RawMessage `json:"passkey,omitempty" doc:"What the browser made, in its JSON."`
	Screen    string          `json:"screen,omitempty" doc:"The screen that an app has approved."`
	Key       string          `json:"key,omitempty"`
}

type screenBody struct {
	Screen string `json:"screen" doc:"As the answer said it that showed the code."`
	Cancel bool   `json:"cancel,omitempty" doc:"End what has come of it: what a phone still answers counts for nothing."`
}

type appSignInBody struct {
	Screen   string `json:"screen" doc:"The screen that an app has approved."`
	Shared   bool   `json:"shared,omitempty" doc:"The computer is a shared one: the session ends with the browser, and within 12 hours."`
	ReturnTo string `json:"return_to,omitempty"`
	Key      string `json:"key,omitempty"`
}

type appHomeBody struct {
	Device    string `json:"device" doc:"The SHA-256 of the app's public key, in base64url."`
	Question  string `json:"question"`
	Signature string `json:"signature" doc:"By the app's key, in base64url: ECDSA on P-256 with SHA-256, r and s of 32 bytes each, of these lines: sparekey app 1, the origin, home, the device, what was to be signed."`
}

type appPushBody struct {
	Device    string          `json:"device" doc:"The SHA-256 of the app's public key, in base64url."`
	Question  string          `json:"question"`
	Signature string          `json:"signature" doc:"As for the app's home."`
	Push      json.RawMessage `json:"push,omitempty" doc:"Where the browser takes pushes, as its PushSubscription has it in JSON. Not there: no more."`
}

type appScanBody struct {
	Device    string `json:"device" doc:"The SHA-256 of the app's public key, in base64url."`
	Seen      string `json:"seen" doc:"What follows /q/ in the QR code, or what was typed."`
	Signature string `json:"signature" doc:"Of these lines: sparekey app 1, the origin, scan, the device, what was seen."`
}

type appAnswerBody struct {
	Answer    string `json:"answer" enum:"approve,decline"`
	Signature string `json:"signature" doc:"Of these lines: sparekey app 1, the origin, the answer, and of the request the id, the flow (an empty line if it has none), the purpose, the browser, the address, the network and when it was asked."`
}

type againBody struct {
	Challenge string `json:"challenge" doc:"The id of the challenge whose code is to be sent again."`
	Key       string `json:"key,omitempty"`
}

type chooseBody struct {
	Way   string `json:"way" doc:"One of the ways of the list."`
	Place string `json:"place,omitempty" doc:"Its place, if it has one there."`
	Key   string `json:"key,omitempty"`
}

type actBody struct {
	Password string          `json:"password,omitempty" doc:"The new password."`
	Again    string          `json:"password_again,omitempty" doc:"The new password once more, as the person typed it."`
	Same     bool            `json:"same,omitempty" doc:"Sign in with the current password, which was given here before."`
	Code     string          `json:"code,omitempty" doc:"What the authenticator app shows that is added."`
	Name     string          `json:"name,omitempty" doc:"What the person calls the way that is added."`
	App      string          `json:"app,omitempty" doc:"The public key of the app that is paired: a point on P-256, uncompressed, in base64url."`
	Sign     string          `json:"signature,omitempty" doc:"By that key, of these lines: sparekey app 1, the origin, pair, the flow, what was to be signed."`
	Passkey  json.RawMessage `json:"passkey,omitempty" doc:"The passkey that is added: what the browser made, in its JSON."`
	Key      string          `json:"key,omitempty"`
}

type savedBody struct {
	Kept bool   `json:"kept" doc:"The person has the saved code: it is not shown again."`
	Key  string `json:"key,omitempty"`
}

type changeBody struct {
	Do    string `json:"do" enum:"add,drop,keep,two-on,two-off" doc:"What is to change. keep wakes a way that sleeps, or takes back one that was dropped."`
	Way   string `json:"way,omitempty" doc:"The kind of what is added: totp, passkey, app or saved."`
	ID    string `json:"id,omitempty" doc:"The way that is dropped or kept."`
	Email string `json:"email,omitempty" doc:"The address that is added."`
	Phone string `json:"phone,omitempty" doc:"The phone number that is added, with its country."`
	Key   string `json:"key,omitempty"`
}

type profileBody struct {
	Name string `json:"name" doc:"As the person is addressed; empty for no name."`
	Lang string `json:"lang" doc:"The language of mails, as a tag; empty for that of the page where they are asked for."`
	Key  string `json:"key,omitempty"`
}

type loginBody struct {
	Login string `json:"login" doc:"The login name that is chosen."`
	Key   string `json:"key,omitempty"`
}

type keyBody struct {
	Key string `json:"key,omitempty"`
}

// A member is one that a body may have.
type member struct {
	name   string
	kind   reflect.Kind // String, Bool, or Slice for an object in JSON
	needed bool
}

// membersOf reads from the type of a body what members it may have.
func membersOf(takes any) (all []member) {
	for _, f := range reflect.VisibleFields(reflect.TypeOf(takes)) {
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		all = append(all, member{name, f.Type.Kind(), rest == ""})
	}
	return all
}

// jsonReader reads a body in JSON that has the members of a type. It refuses what
// could be read in two ways, or not at all: another content type, too many bytes,
// what is not UTF-8, a member that is unknown, written otherwise or there twice,
// another type, anything behind the end.
func jsonReader(takes any) reader {
	members := membersOf(takes)
	return func(w http.ResponseWriter, r *http.Request) (form, error) {
		kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || kind != "application/json" || !utf8Charset(params) {
			return nil, errType
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, sparekey.MaxBody))
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, errLarge
		}
		if err != nil || !utf8.Valid(body) || !json.Valid(body) || !paired(body) || !once(json.NewDecoder(bytes.NewReader(body))) {
			return nil, errForm
		}
		return fill(members, body)
	}
}

// fill makes a form of a body that is an object.
func fill(members []member, body []byte) (form, error) {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(body, &given); err != nil || given == nil {
		return nil, errForm
	}
	f, missing := form{}, ""
	for _, m := range members {
		raw, ok := given[m.name]
		if delete(given, m.name); !ok {
			if m.needed && missing == "" {
				missing = m.name
			}
			continue
		}
		text, ok := m.text(raw)
		if !ok || !clean(m.name, text) {
			return nil, errForm
		}
		if m.kind != reflect.Bool || text != "" {
			f[m.name] = []string{text}
		}
	}
	switch {
	case len(given) > 0: // there is something else
		return nil, errForm
	case missing != "":
		return nil, &sparekey.Error{Kind: sparekey.KindShape, Code: "g.required", Field: missing}
	}
	return f, nil
}

// text is a value as the field of a form, if it is of the member's type.
func (m member) text(raw json.RawMessage) (text string, ok bool) {
	switch {
	case m.kind == reflect.String && raw[0] == '"':
		return text, json.Unmarshal(raw, &text) == nil
	case m.kind == reflect.Slice && raw[0] == '{':
		return string(raw), true
	case m.kind == reflect.Bool && string(raw) == "true":
		return "1", true
	case m.kind == reflect.Bool && string(raw) == "false":
		return "", true
	}
	return "", false
}

// once reports whether no object within the next value names a member twice, in
// whatever case: readers do not agree on which of the two counts.
func once(d *json.Decoder) bool {
	t, err := d.Token()
	if err != nil {
		return false
	}
	opened, ok := t.(json.Delim)
	if !ok {
		return true
	}
	named := map[string]bool{}
	for d.More() {
		if opened == '{' {
			t, err := d.Token()
			name, ok := t.(string)
			if name = strings.ToLower(strings.ToUpper(name)); err != nil || !ok || named[name] {
				return false
			}
			named[name] = true
		}
		if !once(d) {
			return false
		}
	}
	_, err = d.Token()
	return err == nil
}

// paired reports whether in a valid text of JSON each half of a character has
// its other half. Alone it is no text, and would be read as another character:
// two passwords would be one.
func paired(body []byte) bool {
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' {
			continue
		}
		i++ // what is escaped
		r := escaped(body[i:])
		if !utf16.IsSurrogate(r) {
			continue
		}
		i += 5 // to the next escape, if it is one
		if i+1 >= len(body) || body[i] != '\\' || utf16.DecodeRune(r, escaped(body[i+1:])) == utf8.RuneError {
			return false
		}
		i++
	}
	return true
}

// escaped is the character that u1234 stands for; zero for another escape.
func escaped(text []byte) rune {
	if len(text) < 5 || text[0] != 'u' {
		return 0
	}
	n, err := strconv.ParseUint(string(text[1:5]), 16, 32)
	if err != nil {
		return 0
	}
	return rune(n)
}

// noBody is the reader of requests whose path says all.
func noBody(_ http.ResponseWriter, r *http.Request) (form, error) {
	if r.ContentLength != 0 {
		return nil, errForm
	}
	return form{}, nil
}
