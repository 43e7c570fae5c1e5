package prove

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Table gives findings as a table in Markdown.
func Table(findings []Finding) string {
	var b strings.Builder
	b.WriteString("| what is timed | verdict | difference | 95 % interval | allowed | control | one request tells | blocks |\n")
	b.WriteString("| --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, f := range findings {
		verdict := string(f.Verdict)
		if f.Why != "" {
			verdict += ": " + f.Why
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s to %s | ±%s | %s to %s | %.1f %% | %d |\n", f.Name, verdict, micros(f.Difference.Median),
			micros(f.Difference.Low), micros(f.Difference.High), micros(f.Allowed), micros(f.Control.Low), micros(f.Control.High),
			100*f.Accuracy, f.Blocks)
	}
	return b.String()
}

// micros is a duration in microseconds, as tables have it.
func micros(d time.Duration) string { return fmt.Sprintf("%.1f µs", float64(d.Nanoseconds())/1000) }

const (
	drawWidth, drawHeight = 760, 120
	bins                  = 95
)

// Draw draws the distributions of findings one below the other, as SVG: those
// known filled, those unknown as a line. Where the two are the same, the line
// runs along the edge.
func Draw(findings []Finding) string {
	var b strings.Builder
	height := len(findings) * (drawHeight + 50)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" font-family="sans-serif" font-size="13">`+"\n",
		drawWidth+20, height, drawWidth+20)
	b.WriteString("<style>text{fill:#444}.k{fill:#7aa6d8;fill-opacity:.7}.u{fill:none;stroke:#b3401f;stroke-width:1.6}" +
		"@media(prefers-color-scheme:dark){text{fill:#ccc}.k{fill:#4a76a8}.u{stroke:#ff9a70}}</style>\n")
	for i, f := range findings {
		f.draw(&b, i*(drawHeight+50)+20)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func (f Finding) draw(b *strings.Builder, top int) {
	both := slices.Sorted(slices.Values(append(slices.Clone(f.Known), f.Unknown...)))
	if len(both) == 0 {
		return
	}
	low, high := both[len(both)/1000], both[len(both)*97/100]
	if high <= low {
		high = low + 1
	}
	known, unknown := histogram(f.Known, low, high), histogram(f.Unknown, low, high)
	most := max(slices.Max(known), slices.Max(unknown))
	place := func(n int, share float64) string {
		return fmt.Sprintf("%.1f,%.1f", 10+float64(n)*float64(drawWidth)/bins, float64(top+drawHeight)-share/most*float64(drawHeight-10))
	}
	area, line := []string{fmt.Sprintf("10,%d", top+drawHeight)}, []string{}
	for n := range bins {
		area = append(area, place(n, known[n]), place(n+1, known[n]))
		line = append(line, place(n, unknown[n]), place(n+1, unknown[n]))
	}
	area = append(area, fmt.Sprintf("%d,%d", 10+drawWidth, top+drawHeight))
	fmt.Fprintf(b, `<text x="10" y="%d">%s: known filled, unknown as a line</text>`+"\n", top, f.Name)
	fmt.Fprintf(b, `<polygon class="k" points="%s"/><polyline class="u" points="%s"/>`+"\n", strings.Join(area, " "), strings.Join(line, " "))
	fmt.Fprintf(b, `<text x="10" y="%d">%s</text><text x="%d" y="%d" text-anchor="end">%s</text>`+"\n",
		top+drawHeight+16, micros(low), 10+drawWidth, top+drawHeight+16, micros(high))
}

// histogram gives the share of times in each bin.
func histogram(times []time.Duration, low, high time.Duration) []float64 {
	counts := make([]float64, bins)
	for _, t := range times {
		if t >= low && t < high {
			counts[int(float64(t-low)/float64(high-low)*bins)] += 1 / float64(len(times))
		}
	}
	return counts
}
