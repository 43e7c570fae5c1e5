package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// replaceFile puts the copy in the place of an SQLite file. Until it returns
// the old file is locked. Whoever waits for that then finds that the file was
// moved, and opens the new one: see openSQLite.
func (r *Restoring) replaceFile(ctx context.Context) (done Restored, err error) {
	path := r.URL[len("sqlite:"):]
	old, err := takeFile(ctx, path)
	if err != nil {
		return done, err
	}
	defer old.release()
	part := path + ".part" // on the same disk as what it replaces
	defer removeFile(part) //nolint:errcheck // what is left is removed by the next one
	if err := r.copyBackup(ctx, part); err != nil {
		return done, err
	}
	other := old.epoch
	if old.damaged {
		// Nobody knows the epoch. It began at 1, and only a restore raises it:
		// by one, or to the microseconds since 1970, which are more than all
		// restores until now can have come to.
		other = r.Now.UnixMicro()
	}
	epoch, err := raiseEpoch(ctx, part, other)
	if err != nil {
		return done, err
	}
	if old.info != nil {
		if err := keepOwner(old.info, part); err != nil {
			return done, fmt.Errorf("give the database to its owner: %w", err)
		}
	}
	if err := syncToDisk(part); err != nil {
		return done, err
	}
	kept, err := old.keep(r.stamp())
	if err != nil {
		return done, fmt.Errorf("keep the old database: %w", err)
	}
	err = putInPlace(part, path)
	if err == nil {
		err = checkEpoch(ctx, path, epoch)
	}
	if err != nil && kept != "" {
		err = fmt.Errorf("%w; what was there is kept as %s", err, kept)
	}
	if err != nil {
		return done, err
	}
	return Restored{Kept: kept, Damaged: old.damaged}, nil
}

// keepOwner gives a file to the owner of an older one: who restores is often
// root, and the server is not.
func keepOwner(old os.FileInfo, path string) error {
	was, ok := old.Sys().(*syscall.Stat_t)
	if !ok || int(was.Uid) == os.Getuid() && int(was.Gid) == os.Getgid() {
		return nil
	}
	return os.Chown(path, int(was.Uid), int(was.Gid))
}

// checkEpoch makes sure that a restored file is read as it was written: nothing
// that lay beside it has changed it.
func checkEpoch(ctx context.Context, path string, want int64) error {
	db, err := openAsItIs(Options{URL: "sqlite:" + path})
	if err != nil {
		return err
	}
	defer db.Close()
	epoch, err := epochIn(ctx, db.reads)
	if err == nil && epoch != want {
		err = fmt.Errorf("the epoch is %d and not %d", epoch, want)
	}
	if err != nil {
		return fmt.Errorf("the restored database does not read as it was written: %w", err)
	}
	return nil
}

// An oldFile is an SQLite file about to be replaced, locked until its release.
type oldFile struct {
	path    string
	info    os.FileInfo // nil if there is no such file
	epoch   int64
	damaged bool
	closes  []io.Closer
}

func (o *oldFile) release() {
	for i := len(o.closes) - 1; i >= 0; i-- {
		o.closes[i].Close() // nothing was written
	}
	o.closes = nil
}

// takeFile makes sure that nobody uses an SQLite file, and that all it holds
// stands in that one file, and keeps others out. It reports ErrServing.
func takeFile(ctx context.Context, path string) (*oldFile, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &oldFile{path: path}, nil
	}
	if err != nil {
		return nil, err
	}
	o := &oldFile{path: path, info: info}
	if err = o.lock(ctx); Damaged(err) {
		o.release()
		o.damaged = true
		err = o.lockDamaged()
	}
	if err != nil {
		o.release()
		return nil, err
	}
	return o, nil
}

// lock locks the file by SQLite's own means, and reads its epoch.
func (o *oldFile) lock(ctx context.Context) error {
	db, err := open(Options{URL: "sqlite:" + o.path})
	if err != nil {
		return err
	}
	o.closes = append(o.closes, db)
	conn, err := db.writes.Conn(ctx)
	if err != nil {
		return err
	}
	o.closes = append(o.closes, conn)
	// A file in WAL mode does not leave it while anybody else has it open. One
	// who comes between the last two statements turns it back, and is found.
	var mode string
	for _, query := range []string{
		`PRAGMA wal_checkpoint(TRUNCATE)`, `PRAGMA busy_timeout = 200`, `PRAGMA journal_mode = DELETE`, `BEGIN EXCLUSIVE`,
	} {
		if _, err := conn.ExecContext(ctx, query); err != nil {
			return serving(err)
		}
	}
	if err := conn.QueryRowContext(ctx, `PRAGMA journal_mode`).Scan(&mode); err != nil {
		return serving(err)
	}
	if mode != "delete" {
		return ErrServing
	}
	o.epoch, err = epochIn(ctx, conn)
	return err
}

// serving makes ErrServing of an error that says that somebody has a lock.
func serving(err error) error {
	if again(err) {
		return ErrServing
	}
	return err
}

// The bytes of a file that SQLite locks, whoever uses it in whatever way.
const (
	lockFrom = 0x40000000
	lockLen  = 512
)

// lockDamaged locks a file that SQLite cannot read, with the lock that SQLite
// would take.
func (o *oldFile) lockDamaged() error {
	f, err := os.OpenFile(o.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	o.closes = append(o.closes, f)
	err = syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_WRLCK, Start: lockFrom, Len: lockLen})
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
		return ErrServing
	}
	return err
}

// keep gives the old file a second name, which it is kept under when the first
// is another's, and moves what lies beside it: SQLite would read that into the
// restored file. That may be there without the file itself. It gives the name;
// empty if there was nothing.
func (o *oldFile) keep(stamp string) (string, error) {
	beside := []string{"-wal", "-shm", "-journal"}
	name, err := firstFree(o.path+".before-"+stamp, "-", func(name string) (bool, error) {
		for _, end := range append(beside, "") {
			if _, err := os.Lstat(name + end); !errors.Is(err, fs.ErrNotExist) {
				return true, err
			}
		}
		return false, nil
	})
	if err != nil {
		return "", err
	}
	kept := ""
	if o.info != nil {
		if err := os.Link(o.path, name); err != nil {
			return "", err
		}
		kept = name
	}
	for _, end := range beside {
		switch err := os.Rename(o.path+end, name+end); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return "", err
		case kept == "":
			kept = name + end
		}
	}
	return kept, syncToDisk(filepath.Dir(o.path))
}

// firstFree gives the first of name, name-2, name-3 and so on that is not taken:
// two restores may fall into one second. sep stands before the number.
func firstFree(name, sep string, taken func(string) (bool, error)) (string, error) {
	for n, try := 2, name; ; n++ {
		if is, err := taken(try); err != nil || !is {
			return try, err
		}
		try = name + sep + strconv.Itoa(n)
	}
}
