package config_test

import (
	"fmt"
	"strings"
	"testing"

	"sparekey/internal/config"
)

// The drawing is read from its file, which may hold 16,384 bytes.
func TestTheMarkIsReadFromItsFile(t *testing.T) {
	full := strings.Repeat("x", 16<<10)
	s := config.Settings{Mark: write(t, "mark.svg", full)}
	if err := s.Check(); err != nil || s.Drawing() != full {
		t.Errorf("got %d bytes (%v), want %d", len(s.Drawing()), err, len(full))
	}
	s.Mark = write(t, "mark.svg", full+"x")
	want := "has 16385 bytes, at most 16384 fit, because every page carries it; simplify the drawing"
	if err := s.Check(); err == nil || !strings.HasSuffix(err.Error(), want) || s.Drawing() != "" {
		t.Errorf("got %v, want %s", err, want)
	}
}

// Any number from 0 to 16 and any list of fonts is a look; the default of each
// is what the styles have.
func TestLooksThatAreAccepted(t *testing.T) {
	for radius := range 17 {
		for _, fonts := range []string{"sans", "mono", "Lora", "Lora,serif", "Source Serif 4, Noto Serif, serif"} {
			s := config.Settings{Accent: "#7a1F3d", Radius: fmt.Sprint(radius), HeadingFont: fonts}
			if err := s.Check(); err != nil {
				t.Error(err)
			}
		}
	}
	var s config.Settings
	if err := s.Check(); err != nil || s.Radius != "10" || s.HeadingFont != "serif" || s.Accent != "" || s.Drawing() != "" {
		t.Errorf("got %+v (%v), want the look of the styles", s, err)
	}
}
