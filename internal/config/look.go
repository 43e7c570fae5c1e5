package config

import (
	"fmt"
	"regexp"
)

// largestMark is in bytes. Every page carries the mark.
const largestMark = 16 << 10

// checkLook looks at what the pages are to look like. What the drawing is made
// of is for those to judge who draw it.
func (s *Settings) checkLook() error {
	if !regexp.MustCompile(`^(#[0-9A-Fa-f]{6})?$`).MatchString(s.Accent) {
		return wrong("ACCENT", s.Accent, "needs # and six digits of 0-9 and A-F, for example #7A1F3D")
	}
	if !regexp.MustCompile(`^([0-9]|1[0-6])$`).MatchString(s.Radius) {
		return wrong("RADIUS", s.Radius, "needs a number from 0 to 16, for example 10")
	}
	// The names end up in the styles of the pages: nothing in them may end a
	// quotation there.
	if !regexp.MustCompile(`^[A-Za-z0-9]+(( |, ?)[A-Za-z0-9]+)*$`).MatchString(s.HeadingFont) || len(s.HeadingFont) > 200 {
		return wrong("HEADING_FONT", s.HeadingFont,
			"needs serif, sans, mono, or names of fonts in letters, digits and blanks with commas between them, for example Lora,serif")
	}
	return s.checkMark()
}

func (s *Settings) checkMark() error {
	s.drawing = ""
	if s.Mark == "" {
		return nil
	}
	text, err := readAll(s.Mark)
	switch {
	case err != nil:
		return wrong("MARK", s.Mark, err.Error()+"; name a file with an SVG drawing that can be read")
	case text == "":
		return wrong("MARK", s.Mark, "is empty; name a file with an SVG drawing")
	case len(text) > largestMark:
		return wrong("MARK", s.Mark, fmt.Sprintf("has %d bytes, at most %d fit, because every page carries it; simplify the drawing",
			len(text), largestMark))
	}
	s.drawing = text
	return nil
}
