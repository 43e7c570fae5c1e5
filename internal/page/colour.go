package page

import (
	"fmt"
	"math"
	"strconv"
)

// A colour is one of a screen: red, green and blue as in "#RRGGBB" (sRGB).
type colour struct{ r, g, b uint8 }

// parseColour reads "#RRGGBB".
func parseColour(text string) (colour, error) {
	if len(text) == 7 && text[0] == '#' {
		if n, err := strconv.ParseUint(text[1:], 16, 24); err == nil {
			return colour{uint8(n >> 16), uint8(n >> 8), uint8(n)}, nil
		}
	}
	return colour{}, fmt.Errorf("read colour %q: it is not # and six digits of 0-9 and A-F", text)
}

// String gives "#RRGGBB".
func (c colour) String() string { return fmt.Sprintf("#%02X%02X%02X", c.r, c.g, c.b) }

// light gives the amounts of red, green and blue light, 0 to 1.
func (c colour) light() [3]float64 {
	var amounts [3]float64
	for i, v := range [3]uint8{c.r, c.g, c.b} {
		if s := float64(v) / 255; s <= .04045 {
			amounts[i] = s / 12.92
		} else {
			amounts[i] = math.Pow((s+.055)/1.055, 2.4)
		}
	}
	return amounts
}

// contrast is how well one can be read on the other: 1 to 21 (WCAG 2.2,
// contrast ratio).
func contrast(a, b colour) float64 {
	luminance := func(c colour) float64 {
		l := c.light()
		return .2126*l[0] + .7152*l[1] + .0722*l[2]
	}
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + .05) / (min(la, lb) + .05)
}

// A tone is a colour as the eye sees it: how light it is (0 to 1), how far
// from grey, and its hue as an angle in radians. Steps of the same size look
// the same size, so a colour made darker stays the colour it was (OKLCH,
// https://bottosson.github.io/posts/oklab).
type tone struct{ light, chroma, hue float64 }

// tone gives the colour as the eye sees it.
func (c colour) tone() tone {
	rgb := c.light()
	l := math.Cbrt(.4122214708*rgb[0] + .5363325363*rgb[1] + .0514459929*rgb[2])
	m := math.Cbrt(.2119034982*rgb[0] + .6806995451*rgb[1] + .1073969566*rgb[2])
	s := math.Cbrt(.0883024619*rgb[0] + .2817188376*rgb[1] + .6299787005*rgb[2])
	a := 1.9779984951*l - 2.4285922050*m + .4505937099*s
	b := .0259040371*l + .7827717662*m - .8086757660*s
	return tone{.2104542553*l + .7936177850*m - .0040720468*s, math.Hypot(a, b), math.Atan2(b, a)}
}

// colour gives the colour of a screen. What no screen can show loses chroma
// until one can; lightness and hue stay.
func (t tone) colour() colour {
	if t.light <= 0 {
		return colour{}
	}
	if t.light >= 1 {
		return colour{255, 255, 255}
	}
	rgb, shown := t.screen()
	if !shown {
		low, high := 0., t.chroma
		for range 20 {
			t.chroma = (low + high) / 2
			if _, ok := t.screen(); ok {
				low = t.chroma
			} else {
				high = t.chroma
			}
		}
		t.chroma = low
		rgb, _ = t.screen()
	}
	var parts [3]uint8
	for i, v := range rgb {
		if v <= .0031308 {
			v *= 12.92
		} else {
			v = 1.055*math.Pow(v, 1/2.4) - .055
		}
		parts[i] = uint8(math.Round(255 * min(max(v, 0), 1)))
	}
	return colour{parts[0], parts[1], parts[2]}
}

// screen gives the amounts of light of a tone, and whether a screen has them.
func (t tone) screen() (rgb [3]float64, shown bool) {
	a, b := t.chroma*math.Cos(t.hue), t.chroma*math.Sin(t.hue)
	cube := func(x float64) float64 { return x * x * x }
	l := cube(t.light + .3963377774*a + .2158037573*b)
	m := cube(t.light - .1055613458*a - .0638541728*b)
	s := cube(t.light - .0894841775*a - 1.2914855480*b)
	rgb = [3]float64{
		4.0767416621*l - 3.3077115913*m + .2309699292*s,
		-1.2684380046*l + 2.6097574011*m - .3413193965*s,
		-.0041960863*l - .7034186147*m + 1.7076147010*s,
	}
	const slack = 1e-4 // the matrices are rounded: pure red comes out a hair beyond 1
	for _, v := range rgb {
		if v < -slack || v > 1+slack {
			return rgb, false
		}
	}
	return rgb, true
}
