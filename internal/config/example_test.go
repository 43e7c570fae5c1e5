package config_test

import (
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"

	"sparekey/internal/config"
)

// commands is a command line as cmd/sparekey has it.
type commands struct {
	config.Settings `embed:"" group:"Settings"`

	Serve   serve   `cmd:"" help:"Run the server."`
	Config  explain `cmd:"" help:"Show every setting and where it came from."`
	Version version `cmd:"" help:"Show the version."`
}

type serve struct{}

func (serve) Run(s *config.Settings, out io.Writer) error {
	if err := s.CheckServe(); err != nil {
		return err
	}
	fmt.Fprintln(out, "serving", s.Origin(), "on", s.Listen)
	return nil
}

type explain struct{}

func (explain) Run(s *config.Settings, out io.Writer) error {
	wrong := s.Check() // what is known is shown all the same
	if err := s.Explain(out); err != nil {
		return err
	}
	return wrong
}

type version struct{}

func (version) Run(out io.Writer) error {
	fmt.Fprintln(out, "0.1.0")
	return nil
}

// parser reads the command line into cli.
func (cli *commands) parser(out io.Writer, env []string) (*kong.Kong, error) {
	return kong.New(cli, kong.Name("sparekey"), kong.Writers(out, out), kong.Exit(func(int) {}),
		kong.Bind(&cli.Settings), kong.BindTo(out, (*io.Writer)(nil)), config.Sources(&cli.Settings, env))
}

// run is main without the process around it.
func run(out io.Writer, env []string, args ...string) error {
	var cli commands
	parser, err := cli.parser(out, env)
	if err != nil {
		return err
	}
	command, err := parser.Parse(args)
	if err != nil {
		return err
	}
	return command.Run()
}

// A command line embeds Settings, and every command that needs them checks
// them.
func Example() {
	env := []string{
		"SPAREKEY_PUBLIC_URL=https://ID.example.org:443/",
		"SPAREKEY_SMTP=smtp://mailer:open-sesame@mail.example.org",
	}
	err := run(os.Stdout, env, "serve", "--listen", ":8080")
	fmt.Println(err)
	err = run(os.Stdout, env, "serve", "--listen", ":8080", "--mail-from", "Example <hello@example.org>")
	fmt.Println(err)
	// Output:
	// SPAREKEY_MAIL_FROM is not set: mails need a sender; for example Example <hello@example.org>
	// serving https://id.example.org on :8080
	// <nil>
}
