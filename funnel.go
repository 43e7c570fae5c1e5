package sparekey

import (
	"math"
	"time"
)

// An Outcome is what came of a flow, of a code or of a password. It is counted
// for the operator; no page shows it.
type Outcome string

// What comes of a flow. Started, proved and done are counted when they happen;
// the others when the sweep removes the flow, of which nothing more can come.
const (
	FlowStarted   Outcome = "started"
	FlowProved    Outcome = "proved"
	FlowDone      Outcome = "done"
	FlowExhausted Outcome = "exhausted" // no tries are left
	FlowExpired   Outcome = "expired"
	FlowStopped   Outcome = "stopped" // by whom its message went to
)

// What comes of a code or a password that was typed.
const (
	TypedRight  Outcome = "right"
	TypedWrong  Outcome = "wrong"
	TypedLate   Outcome = "late"   // a right code whose time was over
	TypedPaused Outcome = "paused" // a right password of an account that signs nobody in
)

// A Stage is how far a flow came, as the funnel keeps it when the flow itself
// is gone. A flow is in every stage that it reached.
type Stage string

// The stages of the funnel.
const (
	StageAsked  Stage = "asked"
	StageAgain  Stage = "again"  // "Get code" was pressed
	StageMailed Stage = "mailed" // a mail server has taken the code
	StageTyped  Stage = "typed"  // and a code was typed
	StageFirst  Stage = "first"  // and the first one was right
	StageProved Stage = "proved" // a right code was typed
	StageDone   Stage = "done"   // what the flow was for is done
)

// FunnelKept is how long the funnel is kept: the week that is shown, and a day
// so that the week is whole.
const FunnelKept = 8 * 24 * time.Hour

// FunnelBucket gives the number of the bucket in which the funnel counts what
// took that long: the smallest n for which d is at most FunnelSpan(n).
func FunnelBucket(d time.Duration) int {
	if d <= FunnelSpan(0) {
		return 0
	}
	n := int(math.Ceil(40 + 4*math.Log2(d.Seconds())))
	if d > FunnelSpan(n) { // the logarithm was rounded
		n++
	}
	return n
}

// FunnelSpan is the longest that something in the nth bucket took: one second
// in the fortieth, half of that four before it and twice that four after it. So
// a median is right to a fifth.
func FunnelSpan(n int) time.Duration {
	return time.Duration(float64(time.Second) * math.Exp2(float64(n-40)/4))
}
