package secret

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
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
	// A random part in the id, so that the key files of two installations are
	// told apart by it.
	_, err = fmt.Fprintf(f, "%sk%s %s %s\n", keyFileHead, src.ID()[:6], now.UTC().Format(time.RFC3339),
		base64.StdEncoding.EncodeToString(src.Bytes(keyBytes)))
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
// others may read or write. Errors name the file and never what stands in it.
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
		return nil, fmt.Errorf("open key file: %s is a folder", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("open key file: others than its owner can get at %s: run chmod 600 %s", path, path)
	}
	ring, err := ParseRing(f)
	if err != nil {
		return nil, fmt.Errorf("read key file %s: %w", path, err)
	}
	return ring, nil
}
