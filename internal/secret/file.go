package secret

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// keyFileHead is what a new key file tells whoever opens it.
const keyFileHead = `# The keys of this Sparekey installation. Whoever has them and the database can
# open what is sealed in it; without them nobody can. Keep a copy where the
# backups are not. Lines: id, time of making, key. The newest line writes and
# all read, so a new line may be added at any time, and an old one may go when
# nothing that it made is left.
`

// CreateRing makes a key file with one new key and gives its ring. The file is
// readable by its owner only, and on disk when CreateRing returns. It reports
// an error that wraps [os.ErrExist] if there is a file already: a key file is
// never written over.
func CreateRing(path string, src *Source, now time.Time) (*Ring, error) {
	// O_EXCL: of two that start at once, one makes the file and the other stops.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create key file: %w", err)
	}
	_, err = fmt.Fprint(f, keyFileHead+newLine(src, now))
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		os.Remove(path) // half a file would stop the next start for no reason
		return nil, fmt.Errorf("create key file: %w", err)
	}
	return OpenRing(path)
}

// newLine makes the line of a new key. A random part in the id tells the key
// files of two installations apart.
func newLine(src *Source, now time.Time) string {
	return fmt.Sprintf("k%s %s %s\n", src.ID()[:6], now.UTC().Format(time.RFC3339),
		base64.StdEncoding.EncodeToString(src.Bytes(keyBytes)))
}

// AddKey adds a new key to the key file at path, which becomes the newest, and
// gives the new ring. Servers use it once they are started again.
func AddKey(path string, src *Source, now time.Time) (*Ring, error) {
	ring, err := OpenRing(path)
	if err != nil {
		return nil, err
	}
	if next := ring.newest.created.Add(time.Second); now.Before(next) {
		now = next // a clock that is behind must not make the new key an old one
	}
	return rewriteRing(path, func(text string) string {
		if !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		return text + newLine(src, now)
	})
}

// RetireKey takes a key out of the key file at path and gives the new ring.
// What only that key reads is lost: the caller has looked. It reports
// [ErrUnknownKey], and refuses to take the newest key.
func RetireKey(path, id string) (*Ring, error) {
	ring, err := OpenRing(path)
	if err != nil {
		return nil, err
	}
	if !ring.Has(id) {
		return nil, fmt.Errorf("%w %s", ErrUnknownKey, id)
	}
	if id == ring.Newest() {
		return nil, fmt.Errorf("%s is the newest key: add another one first", id)
	}
	return rewriteRing(path, func(text string) string {
		var kept strings.Builder
		for line := range strings.Lines(text) {
			if fields := strings.Fields(line); len(fields) == 0 || fields[0] != id {
				kept.WriteString(line)
			}
		}
		return kept.String()
	})
}

// rewriteRing writes a key file anew beside the old one and puts it in its
// place, so that a crash leaves one or the other whole. The new one has the
// mode and the owner of the old one: who changes it is often root, and the
// server is not.
func rewriteRing(path string, change func(text string) string) (*Ring, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	next := change(string(text))
	if _, err := ParseRing(strings.NewReader(next)); err != nil {
		return nil, fmt.Errorf("change key file %s: %w", path, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".keys-*") // 0600
	if err != nil {
		return nil, fmt.Errorf("change key file: %w", err)
	}
	defer os.Remove(f.Name()) // after the rename there is nothing to remove
	_, err = f.WriteString(next)
	if err == nil {
		err = likeOld(f, path)
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return nil, fmt.Errorf("change key file: %w", err)
	}
	return OpenRing(path)
}

// likeOld gives a file the mode and the owner of the one at path.
func likeOld(f *os.File, path string) error {
	old, err := os.Stat(path)
	if err != nil {
		return err
	}
	if err := f.Chmod(old.Mode().Perm()); err != nil { // while it is still ours
		return err
	}
	was, ok := old.Sys().(*syscall.Stat_t)
	if !ok || int(was.Uid) == os.Geteuid() && int(was.Gid) == os.Getegid() {
		return nil
	}
	return f.Chown(int(was.Uid), int(was.Gid))
}

// syncFolder makes the names in a folder last through a power cut.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// OpenRing reads the key file at path. It refuses a file that its group or
// others may read or write, but for one case: see handedOver. Errors name the
// file and never what stands in it.
func OpenRing(path string) (*Ring, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	if info.IsDir() {
		return nil, fmt.Errorf("open key file: %s is a folder: name the file", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && !handedOver(path, mode) {
		return nil, fmt.Errorf("open key file: others than its owner can get at %s: run chmod 600 %s", path, path)
	}
	ring, err := ParseRing(f)
	if err != nil {
		return nil, fmt.Errorf("read key file %s: %w: bring back a copy of it", path, err)
	}
	return ring, nil
}

// handedOver reports whether systemd has put the file there for this service
// alone (LoadCredential=). With DynamicUser= such a file is root's, of mode
// 0440 and with an access list: its group bits are the mask of that list. They
// let in the service's user and nobody else.
func handedOver(path string, mode os.FileMode) bool {
	folder := os.Getenv("CREDENTIALS_DIRECTORY")
	return filepath.IsAbs(folder) && filepath.Dir(filepath.Clean(path)) == filepath.Clean(folder) && mode&0o337 == 0
}
