package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sparekey"
	"sparekey/internal/store"
)

// The page of the funnel, and its look, which the page carries within it.
var (
	//go:embed funnel.html
	funnelHTML string
	//go:embed funnel.css
	funnelCSS string
)

// A funnelPage is what the page shows.
type funnelPage struct {
	Style   template.CSS
	At      string
	Unswept int
	Spans   []funnelSpan
}

// A funnelSpan is the funnel of the recoveries that were begun in one span.
type funnelSpan struct {
	ID    string
	Title string
	Bars  []funnelBar
	Goals []funnelGoal
}

// A funnelBar is one stage. Top and the like are places in the drawing.
type funnelBar struct {
	Name  string
	Count int
	Note  string
	Width int

	Top, Line, Bar, Under int
}

// A funnelGoal is a number that the pages are measured by.
type funnelGoal struct {
	Name, Now, Goal, Verdict string
}

// funnelWidth and funnelRow are the size of the drawing.
const (
	funnelWidth = 480
	funnelRow   = 72
)

// showFunnel draws how far the recoveries came that were begun in the last day
// and the last week. It knows numbers only.
func (a *App) showFunnel(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), lookLimit)
	defer cancel()
	body, err := a.drawFunnel(ctx)
	if err != nil {
		a.log.Error("the funnel was not drawn", "err", err)
		http.Error(w, "The funnel was not drawn: the log says why.", http.StatusInternalServerError)
		return
	}
	sum := sha256.Sum256([]byte(funnelCSS))
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	w.Write(body) //nolint:errcheck // the client has gone
}

func (a *App) drawFunnel(ctx context.Context) ([]byte, error) {
	now := a.now()
	p := funnelPage{Style: template.CSS(funnelCSS), At: now.In(a.Settings.Zone()).Format("2 January 2006, 15:04 MST")}
	var err error
	if p.Unswept, err = a.Store.Unswept(ctx, sparekey.Recover); err != nil {
		return nil, err
	}
	for _, s := range []struct {
		id, title string
		span      time.Duration
	}{{"day", "The last 24 hours", 24 * time.Hour}, {"week", "The last 7 days", 7 * 24 * time.Hour}} {
		rows, err := a.Store.Funnel(ctx, sparekey.Recover, now.Add(-s.span))
		if err != nil {
			return nil, err
		}
		reached := stagesOf(rows)
		p.Spans = append(p.Spans, funnelSpan{ID: s.id, Title: s.title, Bars: reached.bars(), Goals: reached.goals()})
	}
	page, err := template.New("funnel").Parse(funnelHTML)
	if err != nil {
		return nil, fmt.Errorf("parse the page of the funnel: %w", err)
	}
	var out bytes.Buffer
	if err := page.Execute(&out, p); err != nil {
		return nil, fmt.Errorf("draw the funnel: %w", err)
	}
	return out.Bytes(), nil
}

// stages are the rows of a funnel, by stage.
type stages map[sparekey.Stage][]store.Reached

func stagesOf(rows []store.Reached) stages {
	s := stages{}
	for _, r := range rows {
		s[r.Stage] = append(s[r.Stage], r)
	}
	return s
}

// count is how many flows reached a stage.
func (s stages) count(of sparekey.Stage) int {
	n := 0
	for _, r := range s[of] {
		n += r.Count
	}
	return n
}

// quantile is the time within which the share q of those who reached a stage
// had reached it. It is false if nobody did. Within a bucket the times are
// taken to be spread evenly, as its ends are: by their logarithms.
func (s stages) quantile(of sparekey.Stage, q float64) (time.Duration, bool) {
	rank := q * float64(s.count(of))
	for _, r := range s[of] { // the fastest first
		if float64(r.Count) < rank {
			rank -= float64(r.Count)
			continue
		}
		end := sparekey.FunnelSpan(r.Bucket)
		if r.Bucket == 0 {
			return end, true
		}
		return time.Duration(float64(end) * math.Exp2((rank/float64(r.Count)-1)/4)), true
	}
	return 0, false
}

// bars are the stages that lead to a new password.
func (s stages) bars() []funnelBar {
	all := s.count(sparekey.StageAsked)
	list := []funnelBar{
		{Name: "Asked for a code", Count: all, Note: share(s.count(sparekey.StageAgain), all) + " of them pressed “Get code” again"},
		{Name: "Code mailed", Count: s.count(sparekey.StageMailed)},
		{Name: "Right code", Count: s.count(sparekey.StageProved)},
		{Name: "New password set", Count: s.count(sparekey.StageDone)},
	}
	of := []sparekey.Stage{sparekey.StageAsked, sparekey.StageMailed, sparekey.StageProved, sparekey.StageDone}
	for i := range list {
		b := &list[i]
		if median, ok := s.quantile(of[i], 0.5); ok && i > 0 {
			b.Note = share(b.Count, list[i-1].Count) + " of those before, after a median of " + short(median)
		}
		if b.Count > 0 {
			b.Width = max(3, funnelWidth*b.Count/all)
		}
		b.Top = i * funnelRow
		b.Line, b.Bar, b.Under = b.Top+14, b.Top+22, b.Top+52
	}
	if all == 0 {
		list[0].Note = "nobody yet"
	}
	return list
}

// goals holds what there is against what the pages want.
func (s stages) goals() []funnelGoal {
	within := func(name string, of sparekey.Stage, q float64, most time.Duration) funnelGoal {
		now, ok := s.quantile(of, q)
		return goal(name, short(now), "at most "+short(most), ok, now <= most)
	}
	ratio := func(name string, part, all sparekey.Stage, want int, most bool) funnelGoal {
		n, of := s.count(part), s.count(all)
		if most {
			return goal(name, share(n, of), "at most "+strconv.Itoa(want)+" %", of > 0, 100*n <= want*of)
		}
		return goal(name, share(n, of), "at least "+strconv.Itoa(want)+" %", of > 0, 100*n >= want*of)
	}
	return []funnelGoal{
		within("Mail handed over (p95)", sparekey.StageMailed, 0.95, time.Second),
		ratio("Right code first time", sparekey.StageFirst, sparekey.StageTyped, 92, false),
		ratio("“Get code” pressed again", sparekey.StageAgain, sparekey.StageAsked, 15, true),
		ratio("Finished, of those mailed", sparekey.StageDone, sparekey.StageMailed, 85, false),
		within("From start to end (median)", sparekey.StageDone, 0.5, 75*time.Second),
		within("From start to end (p90)", sparekey.StageDone, 0.9, 240*time.Second),
	}
}

func goal(name, now, want string, known, met bool) funnelGoal {
	g := funnelGoal{Name: name, Now: now, Goal: want, Verdict: "missed"}
	switch {
	case !known:
		g.Now, g.Verdict = "–", "none yet"
	case met:
		g.Verdict = "met"
	}
	return g
}

// share says what part of all n is.
func share(n, all int) string {
	if all == 0 {
		return "–"
	}
	return strconv.FormatFloat(100*float64(n)/float64(all), 'f', 0, 64) + " %"
}

// short says a time in few words.
func short(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return strings.TrimSuffix(strconv.FormatFloat(d.Seconds(), 'f', 1, 64), ".0") + " s"
	case d < 10*time.Minute:
		return strconv.Itoa(int(d.Round(time.Second)/time.Second)) + " s"
	}
	return strconv.Itoa(int(d.Round(time.Minute)/time.Minute)) + " min"
}
