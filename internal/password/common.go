package password

import (
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// data is a folder and not the file in it, so that the program compiles before
// the list is made.
//
//go:embed data
var data embed.FS

// listFile is where scripts/common-passwords.mjs puts the list.
const listFile = "data/common.txt.gz"

// maxList is the size of the list in bytes; the real one has 0.4 million.
const maxList = 16 << 20

// A List is the passwords that attackers try first.
type List struct {
	entries []string // in lower case and in order
}

// Common gives the list of common passwords that was built into the program.
// It is read once and takes about a megabyte. The error says what to type if
// the program was built without the list; a server must not start then.
func Common() (*List, error) { return common() }

var common = sync.OnceValues(func() (*List, error) { return readList(data) })

// readList reads the list in a folder. It keeps only what is long enough to
// pass for a password at all.
func readList(folder fs.FS) (*List, error) {
	f, err := folder.Open(listFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("this program was built without the list of common passwords: build it with make build")
	}
	if err != nil {
		return nil, fmt.Errorf("open the list of common passwords: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("read the list of common passwords: %w", err)
	}
	var text strings.Builder
	if _, err := io.Copy(&text, io.LimitReader(z, maxList)); err != nil {
		return nil, fmt.Errorf("read the list of common passwords: %w", err)
	}
	l := &List{}
	for line := range strings.Lines(text.String()) {
		entry := strings.TrimSuffix(line, "\n")
		if utf8.RuneCountInString(entry) >= shortest {
			l.entries = append(l.entries, strings.ToLower(entry))
		}
	}
	if len(l.entries) == 0 {
		return nil, errors.New("the list of common passwords is empty: build again with make build")
	}
	slices.Sort(l.entries)
	return l, nil
}

// Has tells whether a password is on the list, whatever its case.
func (l *List) Has(pw string) bool {
	_, found := slices.BinarySearch(l.entries, strings.ToLower(pw))
	return found
}
