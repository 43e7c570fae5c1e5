// Package demo is Sparekey to try: the server itself, a mail server and a gateway
// for text messages inside, and a mailbox page that shows what they were handed
// as a person would see it. It keeps everything in a temporary folder, speaks to
// this machine only, and says on every page that it is a demo.
package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"sparekey"
	"sparekey/internal/app"
	"sparekey/internal/config"
)

// mailCap is looser than a server's: who tries things out asks often.
func mailCap() sparekey.Windows { return sparekey.Windows{{Span: time.Hour, Max: 200}} }

// Run runs the demo until ctx ends. It refuses settings of a real server: a
// demo must never be mistaken for one.
func Run(ctx context.Context, s *config.Settings, out io.Writer) error {
	if err := s.Check(); err != nil {
		return err
	}
	for _, name := range []string{
		"SPAREKEY_PUBLIC_URL", "SPAREKEY_DATABASE", "SPAREKEY_DATABASE_FILE", "SPAREKEY_KEY_FILE",
		"SPAREKEY_SMTP", "SPAREKEY_SMTP_FILE", "SPAREKEY_MAIL_FROM",
		"SPAREKEY_SMS", "SPAREKEY_SMS_FILE", "SPAREKEY_SMS_SECRET", "SPAREKEY_SMS_SECRET_FILE", "SPAREKEY_SMS_COUNTRIES",
	} {
		if from := s.Source(name); from != "default" {
			return fmt.Errorf("%s is set (%s): the demo has its own; leave it out, or run sparekey serve", name, from)
		}
	}
	at, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return fmt.Errorf("SPAREKEY_LISTEN %q: %w", s.Listen, err)
	}
	defer at.Close()
	where := at.Addr().(*net.TCPAddr)
	if !where.IP.IsLoopback() {
		return fmt.Errorf("SPAREKEY_LISTEN %q: the demo serves this machine only: use 127.0.0.1:8080", s.Listen)
	}
	return run(ctx, s, at, out)
}

// The doors are what the demo listens with.
type doors struct {
	site, mailbox, smtp, texts net.Listener
}

// openDoors opens the doors beside the site's.
func openDoors(site net.Listener) (d doors, err error) {
	d.site = site
	if d.mailbox, err = nearPort(site); err != nil {
		return d, fmt.Errorf("start the demo's mailbox: %w", err)
	}
	if d.smtp, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return d, fmt.Errorf("start the demo's mail server: %w", err)
	}
	if d.texts, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return d, fmt.Errorf("start the demo's gateway for text messages: %w", err)
	}
	return d, nil
}

// settings are those given, with the demo's own in the place of what would
// reach out of this machine.
func settings(s *config.Settings, dir string, d doors) (*config.Settings, error) {
	demo := *s
	demo.PublicURL = "http://localhost:" + port(d.site)
	demo.Database = config.Secret("sqlite:" + filepath.Join(dir, "sparekey.db"))
	demo.SMTP = config.Secret("smtp://" + d.smtp.Addr().String())
	demo.MailFrom = demo.SiteName + " <hello@sparekey.example>"
	demo.SMS = config.Secret("http://" + d.texts.Addr().String() + "/texts")
	demo.SMSSecret = config.Phrase(rand.Text())
	demo.SMSCountries = "*"
	demo.KeyFile = ""
	return &demo, demo.CheckServe()
}

func run(ctx context.Context, s *config.Settings, at net.Listener, out io.Writer) error {
	dir, err := os.MkdirTemp("", "sparekey-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	defer os.RemoveAll(dir)
	d, err := openDoors(at)
	if err != nil {
		return err
	}
	demo, err := settings(s, dir, d)
	if err != nil {
		return err
	}
	mailbox := "http://localhost:" + port(d.mailbox)
	a, err := app.Open(ctx, app.Options{
		Settings: demo, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Demo: true, MailboxURL: mailbox, MailCap: mailCap(),
	})
	if err != nil {
		return err
	}
	defer a.Close() //nolint:errcheck // the folder goes with it
	fmt.Fprintf(out, "Sparekey, the demo: nothing leaves this machine, and all is gone when it ends.\n\n"+
		"  Open      %s\n  Mailbox   %s\n\nEnd it with Ctrl-C.\n", demo.PublicURL, mailbox)
	return serve(ctx, a, d)
}

// serve runs the server, the mail server, the gateway and the mailbox until ctx
// ends.
func serve(ctx context.Context, a *app.App, d doors) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	box := NewMailbox(a.Settings.PublicURL, time.Now)
	web := &http.Server{Handler: box.Handler(), ReadHeaderTimeout: 5 * time.Second}
	texts := &http.Server{Handler: box.TextHandler(a.Settings.SMSSecret.Reveal()), ReadHeaderTimeout: 5 * time.Second}
	var all sync.WaitGroup
	errs := make([]error, 4)
	for i, do := range []func() error{
		func() error { return a.Serve(ctx, d.site) },
		func() error { return box.ServeSMTP(d.smtp) },
		func() error { return texts.Serve(d.texts) },
		func() error { return web.Serve(d.mailbox) },
	} {
		all.Go(func() {
			errs[i] = do()
			stop()
		})
	}
	<-ctx.Done()
	closing := errors.Join(web.Close(), texts.Close(), box.Close())
	all.Wait()
	for _, err := range errs {
		if err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			return err
		}
	}
	return closing
}

// nearPort listens on the port after l's, or on any if that is taken.
func nearPort(l net.Listener) (net.Listener, error) {
	next := l.Addr().(*net.TCPAddr).Port + 1
	if near, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", next)); err == nil {
		return near, nil
	}
	return net.Listen("tcp", "127.0.0.1:0")
}

func port(l net.Listener) string { return fmt.Sprint(l.Addr().(*net.TCPAddr).Port) }
