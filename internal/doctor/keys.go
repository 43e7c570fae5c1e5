package doctor

import (
	"context"
	"errors"
	"os"

	"sparekey/internal/secret"
)

// installation is what every key check is made of, see app.openStore.
const installation = "sparekey"

// keys looks whether the key file is there, is its owner's alone, and belongs
// to the database.
func (d *doctor) keys(ctx context.Context) (n notes) {
	file := d.Settings.KeyFile
	kept, unknown := d.keyCheck(ctx)
	ring, err := secret.OpenRing(file)
	switch {
	case errors.Is(err, os.ErrNotExist) && d.Settings.SQLite() != "" && kept == "" && unknown == nil:
		n.add(Well, "keys", "there are none yet: the first start makes %s", file)
	case errors.Is(err, os.ErrNotExist) && kept == "" && unknown == nil:
		n.add(Fatal, "keys", "SPAREKEY_KEY_FILE %q: there is no such file: for this new database make one by sparekey keys new %s", file, file)
	case errors.Is(err, os.ErrNotExist):
		n.add(Fatal, "keys", "SPAREKEY_KEY_FILE %q: there is no such file: bring back the one that belongs to this database", file)
	case err != nil:
		n.add(Fatal, "keys", "SPAREKEY_KEY_FILE %q: %v", file, err)
	case unknown != nil:
		n.add(Doubtful, "keys", "%s opens; whether it belongs to the database could not be looked up", file)
	case kept == "":
		n.add(Well, "keys", "%s opens; the first start ties the database to it", file)
	case !ring.Fits(installation, kept):
		n.add(Fatal, "keys", "SPAREKEY_KEY_FILE %q: these are not the keys of this database: give the file that was made with it", file)
	default:
		n.add(Well, "keys", "%s opens, is its owner's alone, and belongs to this database", file)
	}
	return n
}

// keyCheck is what the database keeps to tell a wrong key file; empty if it has
// not met one yet, or is not there.
func (d *doctor) keyCheck(ctx context.Context) (string, error) {
	l, err := d.open(ctx)
	if d.absent(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.KeyCheck(ctx)
}
