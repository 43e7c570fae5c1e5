package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"sparekey/internal/store"
)

const (
	// clockOff is how far clocks may be apart: times of the database and of
	// the server are compared with one another.
	clockOff = 2 * time.Second
	// lowDisk is when it is time to make room.
	lowDisk = 1 << 30
	// oldestPostgres is the oldest version that Sparekey is tested with.
	oldestPostgres = 15
)

// open opens the database to look at it.
func (d *doctor) open(ctx context.Context) (*store.Look, error) {
	return store.OpenLook(ctx, store.Options{URL: d.Settings.Database.Reveal()})
}

// absent reports whether err says that there is no SQLite file. A socket of
// PostgreSQL that is not there looks alike, and is another matter.
func (d *doctor) absent(err error) bool {
	return d.Settings.SQLite() != "" && errors.Is(err, os.ErrNotExist)
}

// database looks whether the database opens, has the schema and takes writes.
func (d *doctor) database(ctx context.Context) (n notes) {
	l, err := d.open(ctx)
	if d.absent(err) {
		d.noDatabase(&n)
		return n
	}
	if err != nil {
		d.shut(&n, err)
		return n
	}
	defer l.Close()
	version, err := l.Version(ctx)
	if err != nil {
		d.shut(&n, err)
		return n
	}
	schema, err := l.Schema(ctx)
	if err != nil {
		d.shut(&n, err)
		return n
	}
	d.schema(&n, version, schema)
	d.writable(ctx, &n, l)
	if d.Settings.SQLite() == "" {
		d.server(ctx, &n, l, version)
		return n
	}
	if schema.Pending < schema.Known { // in use
		journal(ctx, &n, l)
	}
	d.disk(&n)
	return n
}

// shut says that the database does not open.
func (d *doctor) shut(n *notes, err error) {
	mend := "may this user read and write the file and its folder?"
	switch {
	case d.Settings.SQLite() == "":
		mend = "does the server run, and do host, name, user and password fit?"
	case store.Damaged(err):
		mend = damagedMend
	}
	n.add(Fatal, "database", "SPAREKEY_DATABASE %q: %v: %s", d.Settings.Database.String(), err, mend)
}

// damagedMend is for a file that cannot be read, or in part.
const damagedMend = "it is damaged: stop the server, and sparekey restore puts the last backup in its place and keeps this file"

// noDatabase says what there is to say of an SQLite file that is not there.
func (d *doctor) noDatabase(n *notes) {
	path, err := filepath.Abs(d.Settings.SQLite())
	if err == nil {
		err = tryFolder(filepath.Dir(path))
	}
	if err != nil {
		n.add(Fatal, "database", "SPAREKEY_DATABASE %q: there is no such file, and it cannot be made: %v", d.Settings.Database.String(), err)
		return
	}
	n.add(Doubtful, "database", "there is nothing at %s yet: the first start makes it; if you have one, name it by SPAREKEY_DATABASE with its whole path", path)
}

// tryFolder tries to make a file in a folder, and takes it away again.
func tryFolder(path string) error {
	f, err := os.CreateTemp(path, ".sparekey-doctor-")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func (d *doctor) schema(n *notes, version string, s store.Schema) {
	what := "PostgreSQL " + version
	if path := d.Settings.SQLite(); path != "" {
		what = "SQLite " + version + " at " + path
	}
	what += fmt.Sprintf(", schema %d of %d", s.Known-s.Pending, s.Known)
	switch {
	case s.Newer > 0:
		n.add(Doubtful, "database", "%s, and %d more of a newer Sparekey than this one: update this program", what, s.Newer)
	case s.Pending == s.Known:
		n.add(Well, "database", "%s: nobody has used it yet, and the first start makes its tables", what)
	case s.Pending > 0:
		n.add(Doubtful, "database", "%s: the next start brings it up to date, or sparekey migrate does", what)
	default:
		n.add(Well, "database", "%s", what)
	}
}

func (d *doctor) writable(ctx context.Context, n *notes, l *store.Look) {
	err := l.Writable(ctx)
	switch {
	case err == nil:
	case errors.Is(err, store.ErrBusy), gone(ctx, err):
		n.add(Doubtful, "database", "others held it all the time, so whether it takes writes is not known: %v", err)
	default:
		n.add(Fatal, "database", "it takes no writes: %v: give this user the right to write", err)
	}
}

// journal looks whether an SQLite file is in the mode that lets people read
// while others write.
func journal(ctx context.Context, n *notes, l *store.Look) {
	mode, err := l.Setting(ctx, "journal_mode")
	switch {
	case err != nil:
		n.add(Doubtful, "database", "its journal mode could not be looked up: %v", err)
	case mode != "wal":
		n.add(Doubtful, "database", "its journal mode is %s: the next start asks for wal; if it stays, bring the file to a local disk", mode)
	}
}

// disk looks how much may still be written beside an SQLite file.
func (d *doctor) disk(n *notes) {
	path, err := filepath.Abs(d.Settings.SQLite())
	if err != nil {
		return
	}
	switch free, err := freeSpace(filepath.Dir(path)); {
	case errors.Is(err, errors.ErrUnsupported):
	case err != nil:
		n.add(Doubtful, "disk", "the free space could not be looked up: %v", err)
	case free < lowDisk:
		n.add(Doubtful, "disk", "only %s are free beside the database: make room before writes fail", size(free))
	default:
		n.add(Well, "disk", "%s are free beside the database", size(free))
	}
}

// size is a number of bytes for people.
func size(bytes uint64) string {
	if bytes < 1<<30 {
		return strconv.FormatUint(bytes>>20, 10) + " MB"
	}
	return strconv.FormatUint(bytes>>30, 10) + " GB"
}

// server looks at what is special about a PostgreSQL server.
func (d *doctor) server(ctx context.Context, n *notes, l *store.Look, version string) {
	number, _, _ := strings.Cut(version, ".")
	if major, err := strconv.Atoi(number); err == nil && major < oldestPostgres {
		n.add(Doubtful, "database", "PostgreSQL %s is older than any that Sparekey is tested with: take %d or later", version, oldestPostgres)
	}
	for _, name := range []string{"fsync", "synchronous_commit"} {
		if value, err := l.Setting(ctx, name); err == nil && value == "off" {
			n.add(Doubtful, "database", "%s is off: a power cut loses what people were told is done; turn it on in postgresql.conf", name)
		}
	}
	off, err := l.ClockOff(ctx, d.Now)
	if err != nil {
		n.add(Doubtful, "clock", "the database's could not be looked up: %v", err)
		return
	}
	sayClock(n, off, "the database's")
}

// sayClock says how far another clock is ahead of ours.
func sayClock(n *notes, off time.Duration, whose string) {
	if off.Abs() <= clockOff {
		n.add(Well, "clock", "this machine's and %s agree", whose)
		return
	}
	which := "behind"
	if off < 0 {
		which = "ahead of"
	}
	n.add(Doubtful, "clock", "this machine's is %v %s %s: let both be set by NTP, for example by systemd-timesyncd",
		off.Abs().Round(time.Second), which, whose)
}

// wholeness looks whether the pages of an SQLite file are whole. It stands
// apart from the rest because it reads the whole file.
func (d *doctor) wholeness(ctx context.Context) (n notes) {
	if d.Settings.SQLite() == "" {
		return nil
	}
	l, err := d.open(ctx)
	if err != nil {
		return nil // database says why
	}
	defer l.Close()
	switch err := l.QuickCheck(ctx); {
	case err == nil:
		n.add(Well, "database", "its pages are whole (quick_check)")
	case gone(ctx, err):
		n.add(Doubtful, "database", "it is too large to be checked now: run sqlite3 %s 'PRAGMA quick_check' when there is time", d.Settings.SQLite())
	default:
		n.add(Broken, "database", "%v: %s; sqlite3 %s .recover saves what can be read", err, damagedMend, d.Settings.SQLite())
	}
	return n
}
