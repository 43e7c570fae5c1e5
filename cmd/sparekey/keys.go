package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"sparekey/internal/app"
	"sparekey/internal/config"
)

type keysCmd struct {
	New    keysNewCmd    `cmd:"" help:"Make the key file of a new installation on PostgreSQL."`
	Add    keysAddCmd    `cmd:"" help:"Add a key: it writes, and the older ones go on reading."`
	List   keysListCmd   `cmd:"" help:"List the keys, and what each is still used for."`
	Retire keysRetireCmd `cmd:"" help:"Take an old key away."`
}

type keysNewCmd struct {
	File string `arg:"" help:"The file to make. It must not be there yet."`
}

// Run makes a key file.
func (c keysNewCmd) Run(out io.Writer) error {
	if err := app.NewKeys(c.File); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%s is made. Keep a copy in a safe place: without it the database opens nothing.\n", c.File)
	return err
}

type keysAddCmd struct{}

// Run adds a key to the key file.
func (keysAddCmd) Run(s *config.Settings, out io.Writer) error {
	if err := s.Check(); err != nil {
		return err
	}
	id, err := app.AddKey(s)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "Key %s is added to %s. Copy the file to every server, then start each again. Keep a copy in a safe place.\n",
		id, s.KeyFile)
	return err
}

type keysListCmd struct{}

// Run lists the keys: what they are, never what they hold.
func (keysListCmd) Run(ctx context.Context, s *config.Settings, out io.Writer) error {
	if err := s.Check(); err != nil {
		return err
	}
	list, err := app.Keys(ctx, s)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "id\tmade\tpasswords\tways\trequests\t")
	for _, k := range list {
		newest := ""
		if k.Newest {
			newest = "newest"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%s\n", k.ID, k.Made.UTC().Format(time.RFC3339), k.Passwords, k.Ways, k.Flows, newest)
	}
	return w.Flush()
}

type keysRetireCmd struct {
	ID    string `arg:"" help:"The key, as the list shows it."`
	Force bool   `help:"Even if it is still used: owners of passwords made with it must choose new ones."`
}

// Run takes a key out of the key file.
func (c keysRetireCmd) Run(ctx context.Context, s *config.Settings, out io.Writer) error {
	if err := s.Check(); err != nil {
		return err
	}
	if err := app.RetireKey(ctx, s, c.ID, c.Force); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "Key %s is taken out of %s. Copy the file to every server, then start each again.\n", c.ID, s.KeyFile)
	return err
}
