// Command sparekey is the account server and its operator's commands.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"

	"sparekey/internal/app"
	"sparekey/internal/config"
)

// A cli is the command line: the settings, and one field per command.
type cli struct {
	config.Settings `embed:"" group:"Settings"`

	Serve   serveCmd   `cmd:"" help:"Run the server."`
	Demo    demoCmd    `cmd:"" help:"Try Sparekey on this machine: nothing to set up, and no mail leaves."`
	Migrate migrateCmd `cmd:"" help:"Bring the database's schema up to date."`
	Account accountCmd `cmd:"" help:"Add, list, show, help, pause or delete accounts."`
	Keys    keysCmd    `cmd:"" help:"Make, add, list and retire the installation's keys."`
	Backup  backupCmd  `cmd:"" help:"Write all that the database holds into a file, while the server runs."`
	Restore restoreCmd `cmd:"" help:"Put a backup in the place of the database. The server must be stopped."`
	Doctor  doctorCmd  `cmd:"" help:"Look at the installation: what is well, doubtful or broken, and how to mend it."`
	Prove   proveCmd   `cmd:"" help:"Measure this server, or another, as a stranger could."`
	Config  configCmd  `cmd:"" help:"Show every setting, its value and where it came from."`
	Version versionCmd `cmd:"" help:"Show the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// errExit carries the status of what has been answered in full: by kong itself,
// such as --help, or by a command.
type errExit int

// Error says nothing: it has been said.
func (errExit) Error() string { return "" }

// run is main without the process around it. It gives the exit status: 0, 1
// when a command failed, 2 when the command line is wrong. An error is one
// line on errs.
func run(ctx context.Context, args, env []string, out, errs io.Writer) (status int) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case errExit: // how kong ends after --help
			status = int(e)
		default:
			panic(e)
		}
	}()
	var c cli
	parser, err := newParser(&c, env, kong.Writers(out, errs),
		kong.Bind(&c.Settings), kong.BindTo(ctx, (*context.Context)(nil)), kong.BindTo(out, (*io.Writer)(nil)))
	if err != nil {
		fmt.Fprintln(errs, "sparekey:", err)
		return 1
	}
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(errs, "sparekey:", err)
		return 2
	}
	err = command.Run()
	var exit errExit
	switch {
	case errors.As(err, &exit):
		return int(exit)
	case err != nil && !errors.Is(err, context.Canceled):
		fmt.Fprintln(errs, "sparekey:", err)
		return 1
	}
	return 0
}

// newParser makes the parser of the command line c.
func newParser(c *cli, env []string, more ...kong.Option) (*kong.Kong, error) {
	return kong.New(c, append(more, kong.Name("sparekey"),
		kong.Description("The account server that lets the rightful owner back in, and keeps everybody else out."),
		kong.Exit(func(code int) { panic(errExit(code)) }), kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		config.Sources(&c.Settings, env))...)
}

type versionCmd struct{}

// Run prints the version that the program was built from.
func (versionCmd) Run(out io.Writer) error {
	version := "devel"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	_, err := fmt.Fprintln(out, "sparekey", version)
	return err
}

type configCmd struct{}

// Run prints the settings. What is wrong with one is said after them.
func (configCmd) Run(s *config.Settings, out io.Writer) error {
	wrong := s.Check()
	if wrong == nil {
		wrong = app.CheckLook(s)
	}
	if err := s.Explain(out); err != nil {
		return err
	}
	return wrong
}
