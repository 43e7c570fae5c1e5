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
	List    accountListCmd    `cmd:"" help:"List accounts, the newest first."`
	Recover accountRecoverCmd `cmd:"" help:"Mail the owner of an account how to choose a new password."`
	Signout accountSignoutCmd `cmd:"" help:"Sign the owner of an account out on all devices."`
	Disable accountDisableCmd `cmd:"" help:"Pause an account: nobody gets in until it is enabled."`
	Enable  accountEnableCmd  `cmd:"" help:"Let a paused account go on."`
	Delete  accountDeleteCmd  `cmd:"" help:"Pause an account and erase it in 14 days."`
}

type accountAddCmd struct {
	Email string `arg:"" help:"The address. Its owner proves it by a recovery."`
	Login string `help:"A login name."`
	Lang  string `help:"The language of mails, for example en." default:""`
}

// Run adds an account.
func (c accountAddCmd) Run(ctx context.Context, s *config.Settings, out io.Writer) error {
	return withAccounts(ctx, s, func(a *app.Accounts) error {
		if err := app.CheckLang(c.Lang); err != nil {
			return fmt.Errorf("--lang %w", err)
		}
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
		if !v.DeleteAt.IsZero() {
			fmt.Fprintf(w, "erased\ton %s\n", day(v.DeleteAt))
		}
		return w.Flush()
	})
}

type accountListCmd struct {
	Max    int    `help:"How many accounts, at most." default:"100"`
	Before string `help:"Only those made before this time, as the list shows it, to go on from there." placeholder:"TIME"`
}

// Run lists accounts.
func (c accountListCmd) Run(ctx context.Context, s *config.Settings, out io.Writer) error {
	before := time.Now().Add(time.Hour)
	if c.Before != "" {
		var err error
		if before, err = time.Parse(time.RFC3339Nano, c.Before); err != nil {
			return fmt.Errorf("--before %q: not a time of the form 2026-05-03T12:31:00Z", c.Before)
		}
	}
	if c.Max < 1 || c.Max > 10_000 {
		return fmt.Errorf("--max %d: give a number from 1 to 10000", c.Max)
	}
	return withAccounts(ctx, s, func(a *app.Accounts) error {
		list, err := a.List(ctx, before, c.Max)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "id\temail\tlogin\tstate\tcreated")
		for _, v := range list {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", v.ID, or(v.Email(), "-"), or(v.Login(), "-"), state(v),
				v.Created.UTC().Format(time.RFC3339Nano))
		}
		return w.Flush()
	})
}

func state(v app.AccountView) string {
	switch {
	case !v.Disabled.IsZero():
		return "paused"
	case !v.DeleteAt.IsZero():
		return "leaving"
	}
	return "ok"
}

func or(text, without string) string {
	if text == "" {
		return without
	}
	return text
}

type accountSignoutCmd struct {
	Who string `arg:"" help:"An address, a login name or an account's id."`
}

// Run signs the owner out everywhere.
func (c accountSignoutCmd) Run(ctx context.Context, s *config.Settings, out io.Writer) error {
	return withFound(ctx, s, c.Who, func(a *app.Accounts, v *app.AccountView) error {
		n, told, err := a.SignOutAll(ctx, v.ID)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%d session(s) ended. %s\n", n, whoIsTold(told))
		return err
	})
}

type accountDisableCmd struct {
	Who string `arg:"" help:"An address, a login name or an account's id."`
}

// Run pauses an account.
func (c accountDisableCmd) Run(ctx context.Context, s *config.Settings, out io.Writer) error {
	return withFound(ctx, s, c.Who, func(a *app.Accounts, v *app.AccountView) error {
		told, err := a.Disable(ctx, v.ID)
		return say(out, err, "The account is paused. "+whoIsTold(told), "The account is paused already.")
	})
}

type accountEnableCmd struct {
	Who string `arg:"" help:"An address, a login name or an account's id."`
}

// Run lets a paused account go on.
func (c accountEnableCmd) Run(ctx context.Context, s *config.Settings, out io.Writer) error {
	return withFound(ctx, s, c.Who, func(a *app.Accounts, v *app.AccountView) error {
		told, err := a.Enable(ctx, v.ID)
		return say(out, err, "The account goes on. "+whoIsTold(told), "The account is not paused.")
	})
}

type accountDeleteCmd struct {
	Who string `arg:"" help:"An address, a login name or an account's id."`
}

// Run plans the deletion of an account.
func (c accountDeleteCmd) Run(ctx context.Context, s *config.Settings, out io.Writer) error {
	return withFound(ctx, s, c.Who, func(a *app.Accounts, v *app.AccountView) error {
		at, told, err := a.Delete(ctx, v.ID)
		return say(out, err, "The account is paused and will be erased on "+day(at)+
			". Until then a recovery by its owner keeps it. "+whoIsTold(told), "The account is being deleted already.")
	})
}

// whoIsTold says how many addresses get a mail about what was done. What is not
// proved may be a stranger's.
func whoIsTold(addresses int) string {
	switch addresses {
	case 0:
		return "Nobody is told: the address is not proved yet."
	case 1:
		return "The owner is told by mail."
	}
	return fmt.Sprintf("The owner is told by mail, at %d addresses.", addresses)
}

// say says what was done, or that there was nothing to do.
func say(out io.Writer, err error, done, already string) error {
	if errors.Is(err, app.ErrAlready) {
		done, err = already, nil
	}
	if err == nil {
		_, err = fmt.Fprintln(out, done)
	}
	return err
}

type accountRecoverCmd struct {
	Who        string `arg:"" help:"An address, a login name or an account's id."`
	DropSecond bool   `help:"Have an account that asks for two proofs ask for one, in 72 hours, unless its owner stops it."`
}

// Run asks the owner to choose a new password. No code passes through here.
func (c accountRecoverCmd) Run(ctx context.Context, s *config.Settings, out io.Writer) error {
	return withFound(ctx, s, c.Who, func(a *app.Accounts, v *app.AccountView) error {
		if c.DropSecond {
			at, told, err := a.DropSecond(ctx, v.ID)
			return say(out, err, "One proof will be enough from "+at.UTC().Format(time.RFC3339)+
				" on. Until then the owner can stop that under Ways to verify. "+whoIsTold(told),
				"The account does not ask for two proofs, or that is planned already.")
		}
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
