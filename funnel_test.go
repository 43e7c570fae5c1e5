package sparekey_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"sparekey"
)

// What took longer is in no earlier bucket, and a bucket ends less than a fifth
// after what it holds.
func TestFunnelBuckets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(24*time.Hour)).Draw(t, "d"))
		n := sparekey.FunnelBucket(d)
		if end := sparekey.FunnelSpan(n); end < d || n > 0 && float64(end) > 1.2*float64(d) {
			t.Errorf("%v: got a bucket that ends at %v, want it within a fifth", d, end)
		}
		if n > 0 && sparekey.FunnelSpan(n-1) >= d {
			t.Errorf("%v: got bucket %d, want one before it", d, n)
		}
	})
}
