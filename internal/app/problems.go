package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sparekey/internal/config"
	"sparekey/internal/store"
)

// A problem is one line for the operator about an error.
type problem struct {
	line string
	err  error
}

// Error is the line.
func (p *problem) Error() string { return p.line }

// Unwrap gives the error that the line is about.
func (p *problem) Unwrap() error { return p.err }

// databaseProblem is the line about a database that cannot be used: the
// setting, its value without the password, what happened and how to mend it.
func databaseProblem(s *config.Settings, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	// A driver tells of each address that it tried, on a line of its own.
	what := strings.Join(strings.Fields(err.Error()), " ")
	if mend := databaseMend(s.SQLite(), err); mend != "" {
		what += ": " + mend
	}
	return &problem{fmt.Sprintf("SPAREKEY_DATABASE %q: %s", s.Database.String(), what), err}
}

// databaseMend says what to do about an error of the database; empty if the
// error says so itself. path is that of the SQLite file, or empty.
func databaseMend(path string, err error) string {
	if errors.Is(err, store.ErrRestoring) || errors.Is(err, store.ErrServing) {
		return ""
	}
	if path == "" {
		return "does the server run, and do host, name, user and password fit?"
	}
	file, missing := os.Stat(path)
	_, noFolder := os.Stat(filepath.Dir(path))
	switch {
	case noFolder != nil:
		return "make its folder, or name another file"
	case missing == nil && file.IsDir():
		return "it is a folder: name a file in it, for example sqlite:" + filepath.Join(path, "sparekey.db")
	case missing != nil:
		return "name the file with its whole path"
	case store.Damaged(err):
		return "it is damaged, or no database: sparekey restore puts a backup in its place"
	}
	return "may this user read and write the file and its folder?"
}

// lookAt makes sure that the database can be read. It makes none.
func lookAt(ctx context.Context, s *config.Settings) error {
	l, err := store.OpenLook(ctx, store.Options{URL: s.Database.Reveal()})
	if err == nil {
		_, err = l.KeyCheck(ctx)
		l.Close()
	}
	return databaseProblem(s, err)
}

// replaceable is lookAt for a database that is about to be replaced: it may be
// missing or damaged.
func replaceable(ctx context.Context, s *config.Settings) error {
	err := lookAt(ctx, s)
	if store.Damaged(err) {
		return nil
	}
	if _, folder := os.Stat(filepath.Dir(s.SQLite())); s.SQLite() != "" && errors.Is(err, os.ErrNotExist) && folder == nil {
		return nil
	}
	return err
}

// keyFileProblem is the line about a key file that cannot be used.
func keyFileProblem(s *config.Settings, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, os.ErrNotExist) {
		return &problem{fmt.Sprintf("SPAREKEY_KEY_FILE %q: there is no such file: bring back the one that belongs to this database", s.KeyFile), err}
	}
	return &problem{fmt.Sprintf("SPAREKEY_KEY_FILE %q: %v", s.KeyFile, err), err}
}

// wrongKeys is the line about a key file of another installation.
func wrongKeys(file string) error {
	return fmt.Errorf("SPAREKEY_KEY_FILE %q: these are not the keys of this database: give the file that was made with it", file)
}
