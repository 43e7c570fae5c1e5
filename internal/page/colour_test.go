package page

import (
	"math"
	"testing"
)

// The tones of well-known colours are those that browsers give them
// (oklch() of CSS Color 4).
func TestTonesAreThoseOfBrowsers(t *testing.T) {
	for hex, want := range map[string]struct{ light, chroma, degrees float64 }{
		"#000000": {0, 0, 0},
		"#FFFFFF": {1, 0, 0},
		"#808080": {.5999, 0, 0},
		"#FF0000": {.6280, .2577, 29.23},
		"#00FF00": {.8664, .2948, 142.50},
		"#0000FF": {.4520, .3132, 264.05},
		"#FFFF00": {.9680, .2110, 109.77},
		"#663399": {.4403, .1603, 303.37},
	} {
		c, err := parseColour(hex)
		if err != nil {
			t.Fatal(err)
		}
		got := c.tone()
		if math.Abs(got.light-want.light) > 2e-4 || math.Abs(got.chroma-want.chroma) > 2e-4 {
			t.Errorf("%s: got lightness %.4f and chroma %.4f, want %.4f and %.4f", hex, got.light, got.chroma, want.light, want.chroma)
		}
		degrees := math.Mod(got.hue*180/math.Pi+360, 360)
		if want.chroma > 0 && math.Abs(degrees-want.degrees) > .05 {
			t.Errorf("%s: got hue %.2f, want %.2f", hex, degrees, want.degrees)
		}
	}
}

// A colour that becomes a tone and a colour again is the same colour.
func TestColoursComeBackFromTheirTones(t *testing.T) {
	for r := 0; r < 256; r += 15 {
		for g := 0; g < 256; g += 15 {
			for b := 0; b < 256; b += 15 {
				want := colour{uint8(r), uint8(g), uint8(b)}
				if got := want.tone().colour(); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			}
		}
	}
}

// A tone that no screen can show loses chroma, and neither lightness nor hue.
func TestTonesBeyondTheScreenFade(t *testing.T) {
	for hue := -3.; hue < 3; hue += .1 {
		for _, light := range []float64{.2, .5, .8} {
			got := tone{light, .4, hue}.colour().tone()
			if math.Abs(got.light-light) > .01 || math.Abs(math.Remainder(got.hue-hue, 2*math.Pi)) > .1 {
				t.Errorf("lightness %.1f, hue %.1f: got %.3f and %.3f", light, hue, got.light, got.hue)
			}
		}
	}
}

// The contrast is that of WCAG.
func TestContrastIsThatOfWCAG(t *testing.T) {
	white := colour{255, 255, 255}
	for hex, want := range map[string]float64{"#000000": 21, "#FFFFFF": 1, "#767676": 4.54, "#777777": 4.48, "#FF0000": 4.00, "#0000FF": 8.59} {
		c, err := parseColour(hex)
		if err != nil {
			t.Fatal(err)
		}
		if got := contrast(c, white); math.Abs(got-want) > .005 || got != contrast(white, c) {
			t.Errorf("%s on white: got %.3f, want %.2f", hex, got, want)
		}
	}
}
