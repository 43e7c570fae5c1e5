package lang

import (
	"strconv"
	"strings"
	"time"
)

// Digits are Western in every language: a time or a number read out over the
// telephone must be the same for both.

// Clock returns the time of day, as in "14:31".
func (p *Printer) Clock(t time.Time, loc *time.Location) string {
	return t.In(loc).Format("15:04")
}

// ClockSeconds returns the time of day with seconds, as in "14:32:10".
func (p *Printer) ClockSeconds(t time.Time, loc *time.Location) string {
	return t.In(loc).Format("15:04:05")
}

// Date returns a day with its year, as in "3 May 2026".
func (p *Printer) Date(t time.Time, loc *time.Location) string {
	t = t.In(loc)
	return p.T("date.full", "Day", t.Day(), "Month", p.month(t), "Year", t.Year())
}

// DayMonth returns a day without its year, as in "3 May".
func (p *Printer) DayMonth(t time.Time, loc *time.Location) string {
	t = t.In(loc)
	return p.T("date.short", "Day", t.Day(), "Month", p.month(t))
}

// DateTime returns a moment in full, its zone named, as in
// "3 May 2026, 14:31 (WEST)".
func (p *Printer) DateTime(t time.Time, loc *time.Location) string {
	zone, _ := t.In(loc).Zone()
	if strings.HasPrefix(zone, "+") || strings.HasPrefix(zone, "-") {
		zone = "UTC" + zone // the zone has no name of its own, as in "+03"
	}
	return p.T("date.time", "Date", p.Date(t, loc), "Clock", p.Clock(t, loc), "Zone", zone)
}

// In returns how far off something is, as in "in 23 seconds", "in 4 minutes"
// or "in 2 hours". It rounds up: who waits as long as it says waits long
// enough. What is past is "in 1 second".
func (p *Printer) In(d time.Duration) string {
	switch {
	case d <= 90*time.Second:
		return p.T("time.seconds", "Count", max(1, up(d, time.Second)))
	case d <= 90*time.Minute:
		return p.T("time.minutes", "Count", up(d, time.Minute))
	default:
		return p.T("time.hours", "Count", up(d, time.Hour))
	}
}

// up divides and rounds up.
func up(d, unit time.Duration) int { return int((d + unit - 1) / unit) }

// month returns the name of a moment's month.
func (p *Printer) month(t time.Time) string {
	return p.T("month." + strconv.Itoa(int(t.Month())))
}
