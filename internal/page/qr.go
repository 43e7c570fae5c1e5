package page

import (
	"fmt"
	"html"
	"html/template"
	"strconv"
	"strings"

	"rsc.io/qr"
)

// quiet is how many modules around a QR code stay empty (ISO/IEC 18004).
const quiet = 4

// qrPath gives the dark modules of a QR code of level M as the path of an SVG
// drawing, to be stroked one wide, and how wide and high that is.
func qrPath(text string) (d string, size int, err error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", 0, fmt.Errorf("draw QR code: %w", err)
	}
	var path strings.Builder // a stroke through the middle of each run
	for y := range code.Size {
		at := -1 // where the pen is in this row; nowhere yet
		for x := 0; x < code.Size; x++ {
			run := x
			for run < code.Size && code.Black(run, y) {
				run++
			}
			if run == x {
				continue
			}
			if at < 0 {
				fmt.Fprintf(&path, "M%d %d.5", x+quiet, y+quiet)
			} else {
				fmt.Fprintf(&path, "m%d 0", x-at)
			}
			fmt.Fprintf(&path, "h%d", run-x)
			at, x = run, run
		}
	}
	return path.String(), code.Size + 2*quiet, nil
}

// qrSVG draws a QR code. It is dark on light in every theme: readers want it so.
func qrSVG(text, label string) (template.HTML, error) {
	d, wide, err := qrPath(text)
	size := strconv.Itoa(wide)
	return template.HTML(`<svg class="qr" role="img" aria-label="` + html.EscapeString(label) + `" viewBox="0 0 ` + size + ` ` + size +
		`" shape-rendering="crispEdges"><rect width="` + size + `" height="` + size + `" fill="#fff"/><path stroke="#000" d="` + d + `"/></svg>`), err
}
