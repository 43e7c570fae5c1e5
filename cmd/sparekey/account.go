package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"sparekey"
	"sparekey/internal/app"
	"sparekey/internal/config"
)

type accountCmd struct {
	Add     accountAddCmd     `cmd:"" help:"Add an account: an address, perhaps a login name, never a password."`
	Show    accountShowCmd    `cmd:"" help:"Show an account."`
	Recover accountRecoverCmd `cmd:"" help:"Mail the owner of an account how to choose a new password."`
}

type accountAddCmd struct {
	Email string `arg:"" help:"The address. Its owner proves it by a recovery."`
	Login string `help:"A login name."`
	Lang  string `help:"The language of mails, for example en." default:""`
}

// Run adds an account.
func (c accountAddCmd) Run(ctx context.Context, s *config.Settings, out io.Writer) error {
	return withAccounts(ctx, s, func(a *app.Accounts) error {
		id, err := a.Add(ctx, c.Email, c.Login, c.Lang)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "Account %s is added. Its owner gets in by choosing \"Forgot password?\".\n", id)
		return err
	})
}

type accountShowCmd struct {
	Who string `arg:"" help:"An address, a login name or an account's id."`
}

// Run shows an account: nothing secret is known of it.
func (c accountShowCmd) Run(ctx context.Context, s *config.Settings, out io.Writer) error {
	return withFound(ctx, s, c.Who, func(_ *app.Accounts, v *app.AccountView) error {
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintf(w, "id\t%s\n", v.ID)
		for _, i := range v.Identifiers {
			state := "proved " + day(i.Proved)
			if i.Proved.IsZero() {
				state = "not proved yet"
			}
			fmt.Fprintf(w, "%s\t%s (%s)\n", i.Kind, i.Shown, state)
		}
		fmt.Fprintf(w, "created\t%s\n", day(v.Created))
		fmt.Fprintf(w, "sessions\t%d\n", v.Sessions)
		if !v.Disabled.IsZero() {
			fmt.Fprintf(w, "paused\tsince %s\n", day(v.Disabled))
		}
		return w.Flush()
	})
}

type accountRecoverCmd struct {
	Who string `arg:"" help:"An address, a login name or an account's id."`
}

// Run asks the owner to choose a new password. No code passes through here.
func (c accountRecoverCmd) Run(ctx context.Context, s *config.Settings, out io.Writer) error {
	return withFound(ctx, s, c.Who, func(a *app.Accounts, v *app.AccountView) error {
		n, err := a.Recover(ctx, v.ID)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "A message is on its way to %d address(es), as soon as the server runs.\n", n)
		return err
	})
}

func withAccounts(ctx context.Context, s *config.Settings, do func(*app.Accounts) error) error {
	if err := s.Check(); err != nil {
		return err
	}
	a, closeAll, err := app.OpenAccounts(ctx, s)
	if err != nil {
		return err
	}
	return errors.Join(do(a), closeAll())
}

func withFound(ctx context.Context, s *config.Settings, who string, do func(*app.Accounts, *app.AccountView) error) error {
	return withAccounts(ctx, s, func(a *app.Accounts) error {
		v, err := a.Find(ctx, who)
		if errors.Is(err, sparekey.ErrNotFound) {
			return fmt.Errorf("there is no account with %q", who)
		}
		if err != nil {
			return err
		}
		return do(a, v)
	})
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
