package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"sparekey/internal/app"
	"sparekey/internal/config"
	"sparekey/internal/demo"
)

type serveCmd struct{}

// drain is how long a balancer has to notice that a node stops: it should ask
// /readyz every second or two.
const drain = 5 * time.Second

// Run serves until it is asked to stop.
func (serveCmd) Run(ctx context.Context, s *config.Settings, out io.Writer) error {
	if err := s.CheckServe(); err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	for _, advice := range s.Advice() {
		log.Warn(advice)
	}
	o := app.Options{Settings: s, Log: log}
	if s.SQLite() == "" { // there may be other nodes, and a balancer before them
		o.Drain = drain
	}
	a, err := app.Open(ctx, o)
	if err != nil {
		return err
	}
	defer a.Close() //nolint:errcheck // nothing is left to lose
	l, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return fmt.Errorf("SPAREKEY_LISTEN %q: %w", s.Listen, err)
	}
	fmt.Fprintf(out, "Sparekey is at %s\n", s.Origin())
	return a.Serve(ctx, l)
}

type demoCmd struct{}

// Run runs the demo until it is asked to stop.
func (demoCmd) Run(ctx context.Context, s *config.Settings, out io.Writer) error {
	return demo.Run(ctx, s, out)
}

type migrateCmd struct{}

// Run migrates the database.
func (migrateCmd) Run(ctx context.Context, s *config.Settings, out io.Writer) error {
	if err := s.Check(); err != nil {
		return err
	}
	if err := app.Migrate(ctx, s); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, "The database is up to date.")
	return err
}
