package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sparekey/internal/prove"
)

type proveCmd struct {
	Equal proveEqualCmd `cmd:"" help:"Measure whether a server takes longer for those it knows."`
}

type proveEqualCmd struct {
	Against string            `required:"" placeholder:"URL" help:"Scheme and host of the server: on this machine, or one that says it may be measured."`
	Known   string            `required:"" type:"existingfile" help:"File of logins that have accounts there, one a line; the more the better, all of one length."`
	Unknown string            `required:"" type:"existingfile" help:"File of logins that have none, likewise."`
	Path    string            `default:"/recover" help:"Where the form goes."`
	Field   string            `default:"login" help:"The field that says whom it is about."`
	With    map[string]string `placeholder:"NAME=VALUE" help:"Another field of the form."`
	Header  map[string]string `placeholder:"NAME=VALUE" help:"A header of the request."`
	JSON    bool              `name:"json" help:"Send the form as JSON."`
	Blocks  int               `default:"500" help:"Blocks of the first look; each of up to four more takes as many as all before."`
	Within  time.Duration     `default:"25us" help:"The difference that still passes."`
	Out     string            `placeholder:"FILE.md" help:"Write the report there, and its drawing beside it."`
}

// Run measures and prints what it found. The status is 0 only if the server
// passes.
func (c proveEqualCmd) Run(ctx context.Context, out io.Writer) error {
	origin, err := prove.ParseOrigin(c.Against)
	if err != nil {
		return fmt.Errorf("--against %q: %w", c.Against, err)
	}
	target := prove.Target{Origin: origin, Path: c.Path, Field: c.Field, With: c.With, Headers: c.Header, JSON: c.JSON}
	if err := target.MayBeMeasured(ctx); err != nil {
		return fmt.Errorf("--against %q: %w", c.Against, err)
	}
	known, err := readLines(c.Known)
	if err != nil {
		return err
	}
	unknown, err := readLines(c.Unknown)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "POST %s%s: %d requests a block, about %d logins known and %d unknown, %d blocks at first\n",
		c.Against, c.Path, 6, len(known), len(unknown), c.Blocks)
	findings, err := prove.Measurement{
		Name: "POST " + c.Path, Allowed: c.Within, Blocks: max(c.Blocks, 1), Known: known, Unknown: unknown, Ask: target.Asker(),
	}.Run(ctx)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(out, prove.Table(findings)); err != nil {
		return err
	}
	if err := c.write(findings); err != nil {
		return err
	}
	if findings[0].Verdict != prove.Pass {
		return errExit(1) // the table says why
	}
	return nil
}

// write writes the report, if one is wanted.
func (c proveEqualCmd) write(findings []prove.Finding) error {
	if c.Out == "" {
		return nil
	}
	drawing := strings.TrimSuffix(c.Out, filepath.Ext(c.Out)) + ".svg"
	text := fmt.Sprintf("# Whom %s knows\n\nMeasured %s with `sparekey prove equal`, POST %s.\n\n%s\n![The distributions](%s)\n",
		c.Against, time.Now().UTC().Format(time.DateOnly), c.Path, prove.Table(findings), filepath.Base(drawing))
	if err := os.WriteFile(c.Out, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if err := os.WriteFile(drawing, []byte(prove.Draw(findings)), 0o644); err != nil {
		return fmt.Errorf("write the drawing: %w", err)
	}
	return nil
}

// readLines gives the lines of a file that are not empty.
func readLines(name string) (lines []string, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	for in.Scan() {
		if line := strings.TrimSpace(in.Text()); line != "" {
			lines = append(lines, line)
		}
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return lines, nil
}
