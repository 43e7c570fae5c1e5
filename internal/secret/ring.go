package secret

import (
	"bufio"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"time"
)

// A Use says what a key is for. Every use has a key of its own, derived from
// the installation's key by HKDF-SHA256 (RFC 5869), so that what is made for
// one use opens nothing in another.
type Use string

// The uses, and what their keys make.
const (
	Codes    Use = "codes"    // the digits of mailed and texted codes
	Sealing  Use = "sealing"  // boxes around what the database must keep
	Links    Use = "links"    // the tokens of links in messages
	Ghosts   Use = "ghosts"   // what a ghost has in the place of a person's
	Pepper   Use = "pepper"   // the keyed hash of a password before Argon2id
	Browsers Use = "browsers" // a browser's next secret, from the one before
	Saved    Use = "saved"    // the keyed hash by which a saved code is found
	Checks   Use = "checks"   // the value that tells a wrong key file
)

// uses are all of them: what is not here has no key.
var uses = [...]Use{Codes, Sealing, Links, Ghosts, Pepper, Browsers, Saved, Checks}

const (
	keyBytes = 32        // an installation key: 256 bits
	maxKeys  = 64        // keys in one file; a rotation adds one
	maxLine  = 1024      // bytes of one line, comments too
	maxFile  = 64 * 1024 // bytes of a key file
)

// keyID is the shape of a key's id: a short lower-case word.
var keyID = regexp.MustCompile(`^[a-z][a-z0-9]{0,15}$`)

// ErrUnknownKey is wrapped, with the key's id, by what asks the ring for a key
// that is not in it: most likely one was removed from the key file while
// something it made is still in use.
var ErrUnknownKey = errors.New("unknown key")

// A Ring holds the keys of the installation. The newest writes and all read;
// the id of the key stands beside whatever it made. A ring is safe for
// concurrent use, and prints as "[secret]".
type Ring struct {
	keys   []*key
	newest *key
}

// A key is one line of the file: not the installation key itself, only what is
// derived from it. The bytes are kept behind a function, because fmt walks
// through everything else when it is given a copy of a ring or a wrong verb.
type key struct {
	id      string
	created time.Time
	derived func(Use) []byte // nil for what is no use
}

// ParseRing reads the text of a key file: lines "id created base64", where id
// is a short lower-case word that no other line has, created a time by RFC
// 3339 and base64 the 32 bytes of the key (RFC 4648, section 4, with padding).
// Blank lines and lines that begin with "#" are passed over. The line with the
// latest time is the newest key, the lower one of two that are equal. Errors
// name the line and never what stands in it.
func ParseRing(r io.Reader) (*Ring, error) {
	ring := new(Ring)
	limited := &io.LimitedReader{R: r, N: maxFile + 1}
	lines := bufio.NewScanner(limited)
	lines.Buffer(make([]byte, 0, maxLine), maxLine)
	n := 0
	for lines.Scan() {
		n++
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		k, err := parseKey(line)
		if err != nil {
			return nil, fmt.Errorf("line %d of the keys: %w", n, err)
		}
		if err := ring.add(k); err != nil {
			return nil, fmt.Errorf("line %d of the keys: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("line %d of the keys: %w", n+1, err)
	}
	if limited.N == 0 {
		return nil, fmt.Errorf("the keys are longer than %d bytes", maxFile)
	}
	if len(ring.keys) == 0 {
		return nil, errors.New("there is no key")
	}
	return ring, nil
}

// parseKey reads one line and derives the keys of all uses. Its errors quote
// nothing: who mistypes a line may have put the key in another's place.
func parseKey(line string) (*key, error) {
	fields := strings.Fields(line)
	if len(fields) != 3 {
		return nil, fmt.Errorf("it has %d fields, want three: id, time and key", len(fields))
	}
	if !keyID.MatchString(fields[0]) {
		return nil, errors.New("the id is not a short word of lower-case letters and digits")
	}
	created, err := time.Parse(time.RFC3339, fields[1])
	if err != nil {
		return nil, errors.New("the time is not of the form 2006-01-02T15:04:05Z")
	}
	root, err := base64.StdEncoding.Strict().DecodeString(fields[2])
	if err != nil || len(root) != keyBytes {
		return nil, fmt.Errorf("the key is not %d bytes in base64", keyBytes)
	}
	derived := make(map[Use][]byte, len(uses))
	for _, u := range uses {
		derived[u], err = hkdf.Key(sha256.New, root, nil, "sparekey "+string(u), sha256.Size)
		if err != nil {
			return nil, fmt.Errorf("derive the key for %s: %w", u, err)
		}
	}
	return &key{id: fields[0], created: created, derived: func(u Use) []byte { return derived[u] }}, nil
}

// add puts k on the ring.
func (r *Ring) add(k *key) error {
	if r.Has(k.id) {
		return fmt.Errorf("the id %s is taken by a line above", k.id)
	}
	if len(r.keys) == maxKeys {
		return fmt.Errorf("there are more than %d keys", maxKeys)
	}
	r.keys = append(r.keys, k)
	if r.newest == nil || !k.created.Before(r.newest.created) {
		r.newest = k
	}
	return nil
}

// key finds a key by its id, and reports ErrUnknownKey if there is none.
func (r *Ring) key(id string) (*key, error) {
	for _, k := range r.keys {
		if k.id == id {
			return k, nil
		}
	}
	// The id may come from outside: only what has the shape of one is shown.
	if !keyID.MatchString(id) {
		return nil, ErrUnknownKey
	}
	return nil, fmt.Errorf("%w %s", ErrUnknownKey, id)
}

// of gives the key of one use. A use without a key is a mistake in the
// program, and an empty key in its place would be a hole that nothing shows.
func (k *key) of(u Use) []byte {
	b := k.derived(u)
	if b == nil {
		panic(fmt.Errorf("secret: no key is derived for the use %q", string(u)))
	}
	return b
}

// Newest gives the id of the key that writes.
func (r *Ring) Newest() string { return r.newest.id }

// Has tells whether the ring has a key with that id.
func (r *Ring) Has(id string) bool {
	_, err := r.key(id)
	return err == nil
}

// IDs gives the ids of all keys, in the order of the file.
func (r *Ring) IDs() []string {
	ids := make([]string, 0, len(r.keys))
	for _, k := range r.keys {
		ids = append(ids, k.id)
	}
	return ids
}

// Created gives when a key was made, and when the next one was, which wrote
// from then on; zero if there is no key of that id, or none after it.
func (r *Ring) Created(id string) (at, until time.Time) {
	k, err := r.key(id)
	if err != nil {
		return time.Time{}, time.Time{}
	}
	for _, other := range r.keys {
		if other.created.After(k.created) && (until.IsZero() || other.created.Before(until)) {
			until = other.created
		}
	}
	return k.created, until
}

// String gives "[secret]".
func (r *Ring) String() string { return redacted }

// GoString gives "[secret]".
func (r *Ring) GoString() string { return redacted }

// Format prints "[secret]" for every verb.
func (r *Ring) Format(s fmt.State, _ rune) { io.WriteString(s, redacted) }

// LogValue gives "[secret]".
func (r *Ring) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON gives "[secret]" as a JSON string.
func (r *Ring) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
