package journey

import (
	"fmt"
	"image"
	"image/color"
	"strings"
	"testing"

	"rsc.io/qr"
	"rsc.io/qr/coding"
)

// quiet is how many modules around a QR code stay empty.
const quiet = 4

// readQR reads the QR code on the page from what a camera would see of it.
func (p *person) readQR(selector string) string {
	p.t.Helper()
	var size int
	if _, err := fmt.Sscanf(p.tab.Attribute(selector, "viewBox"), "0 0 %d", &size); err != nil {
		p.t.Fatal(err)
	}
	text, err := decode(modules(p.tab.Picture(selector), size))
	if err != nil {
		p.t.Fatalf("read the QR code: %v", err)
	}
	return text
}

// modules are the dark ones of a code in a picture that is size modules wide,
// with the quiet zone.
func modules(picture image.Image, size int) [][]bool {
	box := picture.Bounds()
	dark := make([][]bool, size-2*quiet)
	for y := range dark {
		for x := range dark {
			at := func(i, wide int) int { return (2*(i+quiet) + 1) * wide / (2 * size) }
			seen := picture.At(box.Min.X+at(x, box.Dx()), box.Min.Y+at(y, box.Dy()))
			dark[y] = append(dark[y], color.GrayModel.Convert(seen).(color.Gray).Y < 128)
		}
	}
	return dark
}

// decode reads the text of a code of level M. Nothing in it may be damaged.
func decode(dark [][]bool) (string, error) {
	for mask := range coding.Mask(8) {
		plan, err := coding.NewPlan(coding.Version((len(dark)-17)/4), coding.M, mask)
		if err != nil {
			return "", err
		}
		if len(plan.Pixel) != len(dark) {
			return "", fmt.Errorf("a code of %d modules", len(dark))
		}
		if data := unmask(plan, dark); data != nil {
			return content(data, plan.Version)
		}
	}
	return "", fmt.Errorf("no mask fits")
}

// unmask gives the data of a code; none if what is the same in all codes of the
// plan is not so in this one.
func unmask(plan *coding.Plan, dark [][]bool) []byte {
	data := make([]byte, plan.DataBytes+plan.CheckBytes)
	for y, row := range plan.Pixel {
		for x, pixel := range row {
			differs := dark[y][x] != (pixel&coding.Black != 0)
			switch pixel.Role() {
			case coding.Data, coding.Check:
				if at := pixel.Offset(); differs {
					data[at/8] |= 1 << (7 - at%8)
				}
			case coding.Extra:
			default:
				if differs {
					return nil
				}
			}
		}
	}
	return data[:plan.DataBytes]
}

// content is the text in the data of a code, which is in bytes.
func content(data []byte, version coding.Version) (string, error) {
	bits := ""
	for _, b := range data {
		bits += fmt.Sprintf("%08b", b)
	}
	number := func(wide int) (n int) {
		fmt.Sscanf(bits[:wide], "%b", &n)
		bits = bits[wide:]
		return n
	}
	if mode := number(4); mode != 4 {
		return "", fmt.Errorf("mode %d, want 4: bytes", mode)
	}
	wide := 8
	if version > 9 {
		wide = 16
	}
	var text strings.Builder
	for range number(wide) {
		text.WriteByte(byte(number(8)))
	}
	return text.String(), nil
}

// What reads QR codes here reads them right, and none that is damaged.
func TestReadQR(t *testing.T) {
	for _, want := range []string{"one", "otpauth://totp/" + strings.Repeat("long ", 30)} {
		code, err := qr.Encode(want, qr.M)
		if err != nil {
			t.Fatal(err)
		}
		dark := make([][]bool, code.Size)
		for y := range dark {
			for x := range dark {
				dark[y] = append(dark[y], code.Black(x, y))
			}
		}
		if got, err := decode(dark); got != want {
			t.Errorf("got %q (%v), want %q", got, err, want)
		}
		dark[3][3] = !dark[3][3]
		if got, err := decode(dark); err == nil {
			t.Errorf("got %q of a damaged code, want an error", got)
		}
	}
}
