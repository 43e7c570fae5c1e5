package secret

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	testKeyA = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
	testKeyB = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="
)

func testRing(t testing.TB) *Ring {
	t.Helper()
	return parse(t, "a 2026-01-01T00:00:00Z "+testKeyA+"\nb 2026-02-01T00:00:00Z "+testKeyB+"\n")
}

func parse(t testing.TB, text string) *Ring {
	t.Helper()
	ring, err := ParseRing(strings.NewReader(text))
	if err != nil {
		t.Fatalf("ParseRing: %v", err)
	}
	return ring
}

// The newest line by its time writes, wherever it stands, and all lines read.
func TestRingReadsLines(t *testing.T) {
	for name, c := range map[string]struct{ text, newest, ids string }{
		"one line":          {"a 2026-01-01T00:00:00Z " + testKeyA, "a", "a"},
		"the lower newer":   {"a 2026-01-01T00:00:00Z " + testKeyA + "\nb 2026-02-01T00:00:00Z " + testKeyB, "b", "a b"},
		"the upper newer":   {"b 2026-02-01T00:00:00Z " + testKeyB + "\na 2026-01-01T00:00:00Z " + testKeyA, "b", "b a"},
		"the same time":     {"a 2026-01-01T00:00:00Z " + testKeyA + "\nb 2026-01-01T00:00:00Z " + testKeyB, "b", "a b"},
		"another zone":      {"a 2026-01-01T05:00:00+05:00 " + testKeyA + "\nb 2026-01-01T00:00:01Z " + testKeyB, "b", "a b"},
		"comments, blanks":  {"# keys\n\n  # more\n\ta  2026-01-01T00:00:00Z\t" + testKeyA + "  \n\n", "a", "a"},
		"Windows line ends": {"# keys\r\na 2026-01-01T00:00:00Z " + testKeyA + "\r\n", "a", "a"},
	} {
		ring := parse(t, c.text)
		if got := ring.Newest(); got != c.newest {
			t.Errorf("%s: newest: got %s, want %s", name, got, c.newest)
		}
		if got := strings.Join(ring.IDs(), " "); got != c.ids {
			t.Errorf("%s: ids: got %s, want %s", name, got, c.ids)
		}
		for _, id := range ring.IDs() {
			if !ring.Has(id) {
				t.Errorf("%s: Has(%s): got false", name, id)
			}
		}
		if ring.Has("c") || ring.Has("") {
			t.Errorf("%s: the ring has a key that is not in the file", name)
		}
	}
}

// A key file that is not right is refused with the number of the line, and the
// error shows nothing of the keys, not even when they stand in the wrong place.
func TestRingRefusesBadLines(t *testing.T) {
	good := "a 2026-01-01T00:00:00Z " + testKeyA + "\n"
	many := new(strings.Builder)
	for i := range maxKeys + 1 {
		fmt.Fprintf(many, "k%d 2026-01-01T00:00:00Z %s\n", i, testKeyA)
	}
	for name, c := range map[string]struct{ text, says string }{
		"nothing":            {"", "no key"},
		"comments only":      {"# a\n", "no key"},
		"two fields":         {good + "b " + testKeyB, "line 2"},
		"four fields":        {good + "b 2026-01-01T00:00:00Z " + testKeyB + " more", "line 2"},
		"a capital id":       {"A 2026-01-01T00:00:00Z " + testKeyA, "line 1"},
		"an id with a dot":   {"a.b 2026-01-01T00:00:00Z " + testKeyA, "line 1"},
		"a long id":          {strings.Repeat("a", 17) + " 2026-01-01T00:00:00Z " + testKeyA, "line 1"},
		"the id twice":       {good + "\na 2026-02-01T00:00:00Z " + testKeyB, "line 3"},
		"no time":            {"a yesterday " + testKeyA, "line 1"},
		"key as the id":      {testKeyA + " 2026-01-01T00:00:00Z a", "line 1"},
		"key as the time":    {"a " + testKeyA + " 2026-01-01T00:00:00Z", "line 1"},
		"31 bytes":           {"a 2026-01-01T00:00:00Z " + base64.StdEncoding.EncodeToString(make([]byte, 31)), "line 1"},
		"33 bytes":           {"a 2026-01-01T00:00:00Z " + base64.StdEncoding.EncodeToString(make([]byte, 33)), "line 1"},
		"no padding":         {"a 2026-01-01T00:00:00Z " + strings.TrimRight(testKeyA, "="), "line 1"},
		"loose last bits":    {"a 2026-01-01T00:00:00Z " + testKeyA[:42] + "F=", "line 1"},
		"not base64":         {"a 2026-01-01T00:00:00Z " + strings.Repeat("!", 44), "line 1"},
		"a line without end": {good + strings.Repeat("x", 2*maxLine), "line 2"},
		"too many keys":      {many.String(), fmt.Sprintf("line %d", maxKeys+1)},
		"too long":           {good + strings.Repeat("# comment\n", maxFile/8), "longer"},
	} {
		ring, err := ParseRing(strings.NewReader(c.text))
		if err == nil || ring != nil {
			t.Errorf("%s: the keys were taken", name)
			continue
		}
		if !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %q, want it to say %q", name, err, c.says)
		}
		for field := range strings.FieldsSeq(c.text) {
			if len(field) > 20 && strings.Contains(err.Error(), field) {
				t.Errorf("%s: the error shows what stands in the file: %q", name, err)
			}
		}
	}
}

// A new key file is its owner's alone, is read back as the same keys, and is
// never written over.
func TestCreateRing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sparekey.key")
	now := time.Date(2026, 5, 3, 14, 31, 0, 0, time.FixedZone("", 3600))
	made, err := CreateRing(path, seeded(6), now)
	if err != nil {
		t.Fatalf("CreateRing: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key file: got %v, %v, want mode 0600", info.Mode(), err)
	}
	read, err := OpenRing(path)
	if err != nil {
		t.Fatalf("OpenRing: %v", err)
	}
	if !slices.Equal(made.IDs(), read.IDs()) || len(read.IDs()) != 1 {
		t.Errorf("ids: got %v, want %v", read.IDs(), made.IDs())
	}
	if a, b := made.NewestMAC(Codes, "x"), read.NewestMAC(Codes, "x"); string(a) != string(b) {
		t.Errorf("the file holds another key than the one that was made")
	}
	text, _ := os.ReadFile(path)
	if !strings.Contains(string(text), " 2026-05-03T13:31:00Z ") || !strings.HasPrefix(string(text), "# ") {
		t.Errorf("the key file says:\n%s\nwant a comment and the time in UTC", text)
	}
	if _, err := CreateRing(path, seeded(7), now); !errors.Is(err, os.ErrExist) {
		t.Errorf("CreateRing on a file that is there: got %v, want os.ErrExist", err)
	}
	if again, _ := os.ReadFile(path); string(again) != string(text) {
		t.Errorf("the key file was written over")
	}
	if _, err := CreateRing(filepath.Join(path, "none", "k"), seeded(8), now); err == nil {
		t.Errorf("CreateRing where no folder is: got no error")
	}
}

// A key file that others can get at is refused with the command that mends it,
// and no error of reading shows what stands in the file.
func TestOpenRingMindsTheMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sparekey.key")
	if _, err := CreateRing(path, seeded(9), time.Now()); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[os.FileMode]bool{
		0o600: true, 0o400: true, 0o640: false, 0o604: false, 0o660: false, 0o620: false, 0o644: false, 0o666: false, 0o601: false,
	} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := OpenRing(path)
		if got := err == nil; got != want {
			t.Errorf("mode %o: opened: got %v, want %v (%v)", mode, got, want, err)
		}
		if err != nil && !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("mode %o: got %q, want it to say chmod 600 and the file", mode, err)
		}
	}
	if _, err := OpenRing(path + ".none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: got %v, want os.ErrNotExist", err)
	}
	if _, err := OpenRing(filepath.Dir(path)); err == nil {
		t.Errorf("a folder: got no error")
	}
	bad := filepath.Join(t.TempDir(), "bad.key")
	if err := os.WriteFile(bad, []byte("a now "+testKeyA+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := OpenRing(bad)
	if err == nil || !strings.Contains(err.Error(), bad) || strings.Contains(err.Error(), testKeyA) {
		t.Errorf("a bad file: got %v, want an error that names the file and no key", err)
	}
}

// A key file in the folder of credentials may be read by its group, which is
// how systemd hands it over: there and nowhere else, and no more than that.
func TestOpenRingTakesCredentials(t *testing.T) {
	folder := t.TempDir()
	for _, c := range []struct {
		credentials, path string
		mode              os.FileMode
		want              bool
	}{
		{folder, folder + "/keys", 0o440, true},
		{folder + "/", folder + "/keys", 0o440, true},
		{folder, folder + "/./keys", 0o440, true},
		{folder, folder + "/keys", 0o400, true},
		{folder, folder + "/keys", 0o600, true},

		{folder, folder + "/keys", 0o444, false},
		{folder, folder + "/keys", 0o460, false},
		{folder, folder + "/keys", 0o640, false}, // what can be written is no credential
		{folder, folder + "/keys", 0o450, false},
		{"", folder + "/keys", 0o440, false},
		{".", folder + "/keys", 0o440, false},
		{"/", folder + "/keys", 0o440, false},
		{folder, folder + "/below/keys", 0o440, false},
		{folder + "/below", folder + "/keys", 0o440, false},
		{folder + "/below", folder + "/below/../keys", 0o440, false},
		{folder, folder + "x/keys", 0o440, false},
	} {
		t.Setenv("CREDENTIALS_DIRECTORY", c.credentials)
		at := filepath.Clean(c.path)
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		os.Remove(at) //nolint:errcheck // the first is not there
		if _, err := CreateRing(at, seeded(10), time.Now()); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(at, c.mode); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenRing(c.path); (err == nil) != c.want {
			t.Errorf("%s of mode %o, credentials in %q: opened: got %v, want %v (%v)", c.path, c.mode, c.credentials, err == nil, c.want, err)
		}
	}
}

func FuzzParseRing(f *testing.F) {
	f.Add("a 2026-01-01T00:00:00Z " + testKeyA + "\nb 2026-02-01T00:00:00Z " + testKeyB + "\n")
	f.Add("# only a comment")
	f.Add("a 2026-01-01T00:00:00Z\n" + testKeyA)
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		ring, err := ParseRing(strings.NewReader(text))
		if (err == nil) != (ring != nil) {
			t.Fatalf("got a ring %v with the error %v", ring != nil, err)
		}
		if err != nil {
			for field := range strings.FieldsSeq(text) {
				if len(field) >= 40 && strings.Contains(err.Error(), field) {
					t.Fatalf("the error shows what stands in the file: %v", err)
				}
			}
			return
		}
		if !ring.Has(ring.Newest()) {
			t.Errorf("the newest key %q is not on the ring", ring.Newest())
		}
		for _, id := range ring.IDs() {
			if mac, err := ring.MAC(Codes, id, "x"); err != nil || len(mac) != 32 {
				t.Errorf("MAC with %q: got %d bytes, %v", id, len(mac), err)
			}
		}
	})
}

// A key that is added writes from then on, whatever the clock says, and the
// older ones read; an old one may go, the newest may not. The file stays the
// owner's alone.
func TestAddAndRetire(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	now := time.Date(2026, 5, 3, 12, 31, 0, 0, time.UTC)
	first, err := CreateRing(path, NewSource(nil), now)
	if err != nil {
		t.Fatal(err)
	}
	box := first.Seal("row", []byte("what was sealed"), NewSource(nil))
	second, err := AddKey(path, NewSource(nil), now.Add(-time.Hour)) // a clock that is behind
	if err != nil {
		t.Fatal(err)
	}
	if second.Newest() == first.Newest() || !second.Has(first.Newest()) {
		t.Errorf("got keys %v with %s as the newest, want a new one and the old one", second.IDs(), second.Newest())
	}
	if plain, err := second.Open("row", box); err != nil || string(plain) != "what was sealed" {
		t.Errorf("got %q, %v for a box of the old key, want it opened", plain, err)
	}
	if _, err := RetireKey(path, second.Newest()); err == nil {
		t.Error("got the newest key taken away, want it kept")
	}
	if _, err := RetireKey(path, "nosuch"); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("got %v for a key that is not there, want ErrUnknownKey", err)
	}
	third, err := RetireKey(path, first.Newest())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := third.Open("row", box); len(third.IDs()) != 1 || !errors.Is(err, ErrUnknownKey) {
		t.Errorf("got keys %v, and %v for a box of the old one, want it gone", third.IDs(), err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, %v, want 0600", info.Mode(), err)
	}
}

// A key file that somebody else changes, as root does, stays its owner's, with
// the mode it had.
func TestKeyFileStaysItsOwners(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	first, err := CreateRing(path, NewSource(nil), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = 65532, 65532
		if err := os.Chown(path, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	stays := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		is := info.Sys().(*syscall.Stat_t)
		if int(is.Uid) != uid || int(is.Gid) != gid || info.Mode().Perm() != 0o400 {
			t.Errorf("a key %s: got a file of %d:%d and mode %v, want %d:%d and 0400", what, is.Uid, is.Gid, info.Mode(), uid, gid)
		}
	}
	_, err = AddKey(path, NewSource(nil), time.Now())
	stays("added", err)
	_, err = RetireKey(path, first.Newest())
	stays("retired", err)
}
