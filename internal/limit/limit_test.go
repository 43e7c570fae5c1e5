package limit

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var start = time.Date(2026, 5, 3, 14, 31, 0, 0, time.UTC)

// A full budget lets the burst through at once, then one more each time the
// rate's time has passed, and says how long that is.
func TestSpendPaces(t *testing.T) {
	r := Rate{Every: 2 * time.Second, Burst: 3}
	var tat time.Time
	for _, c := range []struct {
		at    time.Duration
		ok    bool
		retry time.Duration
	}{
		{0, true, 0},
		{0, true, 0},
		{0, true, 0},
		{0, false, 2 * time.Second},
		{1500 * time.Millisecond, false, 500 * time.Millisecond},
		{2 * time.Second, true, 0},
		{2 * time.Second, false, 2 * time.Second},
		{5 * time.Second, true, 0},
		{6 * time.Second, true, 0},
		{6 * time.Second, false, 2 * time.Second},
		{time.Hour, true, 0},
		{time.Hour, true, 0},
		{time.Hour, true, 0},
		{time.Hour, false, 2 * time.Second},
	} {
		var ok bool
		var retry time.Duration
		tat, ok, retry = Spend(start.Add(c.at), tat, r)
		if ok != c.ok || retry != c.retry {
			t.Errorf("after %v: got %v, retry in %v, want %v, %v", c.at, ok, retry, c.ok, c.retry)
		}
	}
}

// The zero rate sets no limit, and a rate without a burst lets nothing through.
func TestSpendAtTheEdges(t *testing.T) {
	var tat time.Time
	for range 1000 {
		next, ok, _ := Spend(start, tat, Rate{})
		if !ok {
			t.Fatalf("the zero rate said no")
		}
		tat = next
	}
	if _, ok, retry := Spend(start, time.Time{}, Rate{Every: time.Second}); ok || retry != time.Second {
		t.Errorf("a rate without a burst: got %v, %v, want no, 1s", ok, retry)
	}
}

// A clock that was wrong by a year and is set back keeps a client outside for no
// longer than an empty budget takes to fill.
func TestSpendOutlivesAWrongClock(t *testing.T) {
	r := Rate{Every: 2 * time.Second, Burst: 30}
	tat, _, _ := Spend(start.AddDate(1, 0, 0), time.Time{}, r)
	tat, ok, retry := Spend(start, tat, r)
	if ok || retry > r.Every {
		t.Errorf("after the clock was set back: got %v, retry in %v, want no, at most %v", ok, retry, r.Every)
	}
	if _, ok, _ := Spend(start.Add(retry), tat, r); !ok {
		t.Errorf("%v later: still no", retry)
	}
}

// In any stretch of time no more than the burst and one for each Every of the
// stretch are let through, whatever the order of the calls; and whoever comes
// back when told to is let in.
func TestSpendNeverExceedsItsRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Rate{
			Every: time.Duration(rapid.Int64Range(1, int64(time.Minute)).Draw(t, "every")),
			Burst: rapid.IntRange(1, 20).Draw(t, "burst"),
		}
		gap := rapid.Int64Range(0, 3*int64(r.Every))
		now, tat := start, time.Time{}
		var passed []time.Time
		for range rapid.IntRange(1, 200).Draw(t, "calls") {
			now = now.Add(time.Duration(gap.Draw(t, "gap")))
			next, ok, retry := Spend(now, tat, r)
			switch {
			case ok:
				passed = append(passed, now)
				if retry != 0 {
					t.Fatalf("let through and told to wait %v", retry)
				}
			case retry <= 0 || retry > r.Every:
				t.Fatalf("told to wait %v, want more than 0 and at most %v", retry, r.Every)
			default:
				if _, ok, _ := Spend(now.Add(retry), next, r); !ok {
					t.Fatalf("not let in after the %v it was told to wait", retry)
				}
				if _, ok, _ := Spend(now.Add(retry-1), next, r); ok {
					t.Fatalf("let in before the %v it was told to wait", retry)
				}
			}
			tat = next
		}
		for i := range passed {
			for j := i; j < len(passed); j++ {
				stretch := passed[j].Sub(passed[i])
				if got, most := j-i+1, r.Burst+int(stretch/r.Every); got > most {
					t.Fatalf("in %v: %d let through, want at most %d", stretch, got, most)
				}
			}
		}
	})
}
