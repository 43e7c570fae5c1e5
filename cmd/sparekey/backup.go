package main

import (
	"context"
	"fmt"
	"io"

	"sparekey/internal/app"
	"sparekey/internal/config"
)

type backupCmd struct {
	Path string `arg:"" help:"The file to write. It must not be there yet."`
}

// Run writes a backup.
func (c backupCmd) Run(ctx context.Context, s *config.Settings, out io.Writer) error {
	if err := s.Check(); err != nil {
		return err
	}
	if err := app.Backup(ctx, s, c.Path); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%s is written. The keys are not in it: keep a copy of %s in another place.\n", c.Path, s.KeyFile)
	return err
}

type restoreCmd struct {
	Path string `arg:"" help:"The backup."`
}

// Run puts a backup in the place of the database.
func (c restoreCmd) Run(ctx context.Context, s *config.Settings, out io.Writer) error {
	if err := s.Check(); err != nil {
		return err
	}
	done, err := app.Restore(ctx, s, c.Path)
	if err != nil {
		return err
	}
	kept := ""
	switch {
	case done.Damaged:
		kept = " The old database is damaged. It is kept as " + done.Kept + "."
	case done.Kept != "":
		kept = " The old database is kept as " + done.Kept + "."
	}
	_, err = fmt.Fprintf(out, "%s is restored. Everybody is signed out, and what was begun has ended.%s\n", c.Path, kept)
	return err
}
