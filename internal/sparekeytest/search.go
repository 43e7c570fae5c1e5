package sparekeytest

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
)

// A search looks for many texts in what is written to it, in one go: by their
// first eight bytes. Shorter ones are not looked for.
type search struct {
	byHead  map[uint64][]wanted
	may     [1 << 14]uint64 // a bit for each hash of a head that is in byHead
	longest int
	held    []byte // what was written and not looked at, and the byte before it
	found   map[wanted]bool
}

// A wanted is a text to look for: a secret in one of the ways to write it.
type wanted struct {
	text, form string
	secret     string
}

func newSearch() *search {
	return &search{byHead: map[uint64][]wanted{}, held: []byte{0}, found: map[wanted]bool{}}
}

// want looks for a secret in all the ways to write it.
func (s *search) want(secret string) {
	for form, texts := range written(secret) {
		for _, text := range texts {
			if len(text) < 8 {
				continue
			}
			head := headOf([]byte(text))
			s.byHead[head] = append(s.byHead[head], wanted{text, form, secret})
			s.may[hashOf(head)>>6] |= 1 << (hashOf(head) & 63)
			s.longest = max(s.longest, len(text))
		}
	}
}

func headOf(text []byte) uint64 { return binary.LittleEndian.Uint64(text) }

// hashOf spreads heads over the bits of may.
func hashOf(head uint64) uint64 { return head * 0x9e3779b97f4a7c15 >> 44 }

// Write looks through p.
func (s *search) Write(p []byte) (int, error) {
	s.held = append(s.held, p...)
	s.look(len(s.held) - s.longest)
	return len(p), nil
}

// end looks through what is left, gives what was found, and begins anew.
func (s *search) end() []wanted {
	last := len(s.held)
	s.held = append(s.held, make([]byte, s.longest+8)...)
	s.look(last)
	var list []wanted
	for w := range s.found {
		list = append(list, w)
	}
	s.held, s.found = []byte{0}, map[wanted]bool{}
	return list
}

// look looks for what begins before the end, and lets go of that.
func (s *search) look(end int) {
	if end <= 1 {
		return
	}
	for i := 1; i < end; i++ {
		head := headOf(s.held[i:])
		if h := hashOf(head); s.may[h>>6]&(1<<(h&63)) == 0 {
			continue
		}
		for _, w := range s.byHead[head] {
			if e := i + len(w.text); e <= len(s.held) && string(s.held[i:e]) == w.text && (w.form == "hex" || !s.inNumber(i, w.text)) {
				s.found[w] = true
			}
		}
	}
	s.held = append(s.held[:0], s.held[end-1:]...)
}

// inNumber reports whether digits are but a part of a longer number, such as a
// time: one that holds a given code turns up now and then.
func (s *search) inNumber(at int, text string) bool {
	after := at + len(text)
	return strings.Trim(text, "0123456789") == "" &&
		(isDigit(s.held[at-1]) || after < len(s.held) && isDigit(s.held[after]))
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// written gives the ways to write a secret, by name: as it is, in JSON, in a
// URL, in hex and in base64, within a longer text too. A code is also written
// with blanks, and what is base64 itself also as the bytes that it stands for.
func written(secret string) map[string][]string {
	forms := map[string][]string{}
	add := func(form, text string) { forms[form] = append(forms[form], text) }
	texts := []string{secret}
	if raw, err := base64.RawURLEncoding.DecodeString(secret); err == nil && len(raw) >= 16 {
		texts = append(texts, string(raw))
	} else if raw, err := base64.StdEncoding.DecodeString(secret); err == nil && len(raw) >= 16 {
		texts = append(texts, string(raw))
	}
	if strings.Trim(secret, "0123456789") == "" && len(secret)%4 == 0 {
		var groups []string
		for rest := secret; rest != ""; rest = rest[4:] {
			groups = append(groups, rest[:4])
		}
		texts = append(texts, strings.Join(groups, " "))
	}
	for _, text := range texts {
		add("plain", text)
		add("hex", hex.EncodeToString([]byte(text)))
		add("hex", strings.ToUpper(hex.EncodeToString([]byte(text))))
		add("URL", url.QueryEscape(text))
		add("URL", url.PathEscape(text))
		add("JSON", strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text))
		if quoted, err := json.Marshal(text); err == nil {
			add("JSON", string(quoted[1:len(quoted)-1]))
		}
		for shift := range 3 {
			add("base64", inBase64(base64.RawStdEncoding, text, shift))
			add("base64", inBase64(base64.RawURLEncoding, text, shift))
		}
	}
	return forms
}

// inBase64 is the part of an encoding that tells of text alone if shift bytes
// stand before it, and others behind it.
func inBase64(encoding *base64.Encoding, text string, shift int) string {
	all := encoding.EncodeToString([]byte(strings.Repeat("x", shift) + text))
	return all[(shift*8+5)/6 : (shift+len(text))*8/6]
}
