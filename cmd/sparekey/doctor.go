package main

import (
	"context"
	"io"

	"sparekey/internal/config"
	"sparekey/internal/doctor"
)

type doctorCmd struct{}

// Run looks at the installation. The status is 1 if Sparekey cannot serve, and
// 0 whatever else is amiss.
func (doctorCmd) Run(ctx context.Context, s *config.Settings, out io.Writer) error {
	report := doctor.Look(ctx, doctor.Options{Settings: s})
	if err := ctx.Err(); err != nil {
		return err // it was stopped, and knows half
	}
	if err := report.Write(out); err != nil {
		return err
	}
	if !report.Serves() {
		return errExit(1) // the report says why
	}
	return nil
}
