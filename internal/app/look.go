package app

import (
	"fmt"
	"strings"

	"sparekey/internal/config"
	"sparekey/internal/page"
)

// theme works out how the pages look, and says so if that is not quite what
// the owner asked for.
func (a *App) theme() (*page.Theme, error) {
	theme, err := newTheme(a.Settings)
	if err != nil {
		return nil, err
	}
	if given, used := a.Settings.Accent, theme.Light; used != nil && !strings.EqualFold(used.Accent, given) {
		a.log.Warn(fmt.Sprintf("SPAREKEY_ACCENT %q: is too light to be read on light pages; %s is used there", given, used.Accent))
	}
	return theme, nil
}

// newTheme works out how the owner wants the pages to look.
func newTheme(s *config.Settings) (*page.Theme, error) {
	mark, err := page.NewMark(s.Drawing())
	if err != nil {
		return nil, fmt.Errorf("SPAREKEY_MARK %q: %w", s.Mark, err)
	}
	theme, err := page.NewTheme(page.Look{Mark: mark, Accent: s.Accent, Radius: s.Radius, Heading: s.HeadingFont})
	if err != nil {
		return nil, fmt.Errorf("work out the look of the pages: %w", err)
	}
	return theme, nil
}

// CheckLook refuses a mark that is made of more than shapes: what the settings,
// which know nothing of drawings, could not see. It is for after Check.
func CheckLook(s *config.Settings) error {
	_, err := newTheme(s)
	return err
}
