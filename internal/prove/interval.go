package prove

import (
	"math"
	"slices"
	"time"
)

// An Interval holds the true median with the confidence it was made for.
type Interval struct{ Low, Median, High time.Duration }

// Within reports whether all of the interval is nearer to 0 than d.
func (i Interval) Within(d time.Duration) bool { return -d < i.Low && i.High < d }

// Beyond reports whether all of the interval is d or more away from 0.
func (i Interval) Beyond(d time.Duration) bool { return i.High <= -d || d <= i.Low }

// Width is how far its ends lie apart.
func (i Interval) Width() time.Duration { return i.High - i.Low }

// Holds reports whether d lies in the interval.
func (i Interval) Holds(d time.Duration) bool { return i.Low <= d && d <= i.High }

// looks is how often a measurement may be looked at before it is over, each time
// with as many blocks as before once more. Each look gets its share of the
// chance of error, by Bonferroni.
const looks = 5

// deviations is the two-sided quantile of the normal distribution for one look:
// 1 - 0.05/looks.
const deviations = 2.5758

// medianOf gives the median of differences and its interval, which follows from
// the ranks alone: how many of n lie below the true median is binomial with one
// half. There must be some.
func medianOf(differences []time.Duration) Interval {
	d := slices.Sorted(slices.Values(differences))
	n := float64(len(d))
	reach := deviations * math.Sqrt(n) / 2
	rank := func(at float64) time.Duration { return d[min(max(int(at), 0), len(d)-1)] }
	return Interval{
		Low:    rank(math.Floor(n/2 - reach - 1)),
		Median: rank(math.Floor(n / 2)),
		High:   rank(math.Ceil(n/2 + reach)),
	}
}

// sign is how many standard deviations the number of differences above 0 is
// from what chance alone would make it.
func sign(differences []time.Duration) float64 {
	above, n := 0, 0
	for _, d := range differences {
		if d != 0 {
			n++
		}
		if d > 0 {
			above++
		}
	}
	if n == 0 {
		return 0
	}
	return (2*float64(above) - float64(n)) / math.Sqrt(float64(n))
}

// accuracy is how often a stranger guesses right from one request whether it was
// about somebody known, by the time it took: the area under the curve of all
// thresholds. One half is a coin.
func accuracy(known, unknown []time.Duration) float64 {
	a, b := slices.Sorted(slices.Values(known)), slices.Sorted(slices.Values(unknown))
	if len(a) == 0 || len(b) == 0 {
		return 0.5
	}
	var wins float64
	below, same := 0, 0
	for _, x := range a {
		for below < len(b) && b[below] < x {
			below++
		}
		same = max(same, below)
		for same < len(b) && b[same] == x {
			same++
		}
		wins += float64(below) + float64(same-below)/2
	}
	u := wins / float64(len(a)) / float64(len(b))
	return max(u, 1-u)
}
