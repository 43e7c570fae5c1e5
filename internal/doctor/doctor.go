// Package doctor looks at an installation as its settings describe it, and says
// what is well, what is doubtful and what is broken, each with a mend. It
// changes nothing, sends no mail or text message and prints no secret. Read
// Look first; each thing that is looked at has a method, named in checks.
package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
	"unicode"

	"sparekey/internal/config"
)

// A Level is how bad a finding is.
type Level int

// The levels.
const (
	Well     Level = iota
	Hint           // worth knowing; nothing needs to be done
	Doubtful       // may be wrong, or could not be looked up
	Broken         // wrong, but Sparekey serves with it
	Fatal          // Sparekey cannot serve with it
)

// String is the word of the level.
func (l Level) String() string {
	switch l {
	case Well:
		return "ok"
	case Hint:
		return "hint"
	case Doubtful:
		return "warning"
	}
	return "broken"
}

// A Finding is one thing that was found, with its mend.
type Finding struct {
	Level Level
	About string // in one word
	Text  string
}

// A Report is all that was found.
type Report []Finding

// Serves reports whether Sparekey can serve.
func (r Report) Serves() bool { return r.count(Fatal) == 0 }

func (r Report) count(levels ...Level) (n int) {
	for _, f := range r {
		for _, l := range levels {
			if f.Level == l {
				n++
			}
		}
	}
	return n
}

// Summary is the report in one sentence.
func (r Report) Summary() string {
	broken, doubtful := r.count(Broken, Fatal), r.count(Doubtful)
	counts := fmt.Sprintf("%d broken, %d doubtful, %d well", broken, doubtful, r.count(Well))
	switch {
	case !r.Serves():
		return "Sparekey cannot serve like this: " + counts + "."
	case broken+doubtful > 0:
		return "Sparekey can serve: " + counts + "."
	}
	return "Sparekey can serve, and all is well."
}

// Write writes a line for each finding, and the summary as the last.
func (r Report) Write(w io.Writer) error {
	for _, f := range r {
		if _, err := fmt.Fprintf(w, "%-8s %-9s %s\n", f.Level, f.About, oneLine(f.Text)); err != nil {
			return fmt.Errorf("write findings: %w", err)
		}
	}
	if _, err := fmt.Fprintln(w, r.Summary()); err != nil {
		return fmt.Errorf("write findings: %w", err)
	}
	return nil
}

// oneLine keeps what others have said, in the DNS or in an error, from breaking
// the lines or steering the terminal.
func oneLine(text string) string {
	clean := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	return strings.Join(strings.Fields(clean), " ")
}

// Options say what to look at. The rest is for tests; zero values are what an
// operator's command has.
type Options struct {
	Settings *config.Settings

	Patience time.Duration  // what all of it may take; 0 is 10 s
	Resolver *net.Resolver  // nil is the machine's
	RootCAs  *x509.CertPool // who vouches for others; nil is whom the machine trusts
	// Dial connects to the mail server and to the public URL.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	Now  func() time.Time
}

// patience is what a person waits for a list of findings.
const patience = 10 * time.Second

// A doctor looks at one installation.
type doctor struct{ Options }

// notes are what one check finds.
type notes []Finding

func (n *notes) add(level Level, about, format string, args ...any) {
	*n = append(*n, Finding{level, about, fmt.Sprintf(format, args...)})
}

// A check looks at one thing. It comes to an end when its context does.
type check struct {
	about string
	look  func(ctx context.Context) notes
}

// checks are in the order of their lines.
func (d *doctor) checks() []check {
	return []check{
		{"listen", d.listen},
		{"proxies", d.proxies},
		{"database", d.database},
		{"database", d.wholeness},
		{"keys", d.keys},
		{"mail", d.mail},
		{"texts", d.gateway},
		{"sender", d.spf},
		{"sender", d.dmarc},
		{"sender", d.dkim},
		{"sender", d.mx},
		{"public", d.public},
	}
}

// Look looks at everything, side by side.
func Look(ctx context.Context, o Options) Report {
	if o.Patience == 0 {
		o.Patience = patience
	}
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Resolver: o.Resolver}).DialContext
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &doctor{o}
	report, usable := d.settings()
	if !usable {
		return report
	}
	ctx, cancel := context.WithTimeout(ctx, o.Patience)
	defer cancel()
	checks := d.checks()
	answers := make([]chan notes, len(checks))
	for i, c := range checks {
		answers[i] = make(chan notes, 1)
		go func() {
			// What a check knows when its time is over it still has time to say.
			ctx, cancel := context.WithTimeout(ctx, o.Patience*4/5)
			defer cancel()
			answers[i] <- c.look(ctx)
		}()
	}
	for i, c := range checks {
		report = append(report, answer(ctx, c.about, answers[i])...)
	}
	return report
}

// answer waits for what a check has found, but not for one that hangs, as on a
// network folder whose server is gone.
func answer(ctx context.Context, about string, from <-chan notes) (n notes) {
	select {
	case n = <-from:
		return n
	case <-ctx.Done():
	}
	select {
	case n = <-from: // it was done in time, only not asked
	default:
		n.add(Doubtful, about, "this took too long to be looked at")
	}
	return n
}

// settings looks at the settings themselves. usable says whether there is a
// point in looking at what they describe.
func (d *doctor) settings() (n Report, usable bool) {
	var found notes
	for _, err := range d.Settings.Problems() {
		found.add(Fatal, "settings", "%v", err)
	}
	usable = d.Settings.Check() == nil
	if len(found) == 0 {
		found.add(Well, "settings", "all can be used; sparekey config shows where each came from")
	}
	if usable {
		for _, advice := range d.Settings.Advice() {
			found.add(Doubtful, "settings", "%s", advice)
		}
	}
	return Report(found), usable
}

// gone reports whether err says no more than that the time was over.
func gone(ctx context.Context, err error) bool {
	var network net.Error
	return ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout()
}
