// Package limit holds the arithmetic of budgets, without clock or storage: the
// caller says what time it is and keeps the result. A [Rate] paces what may go
// on for ever, and [Clients] paces strangers by their address.
package limit

import "time"

// A Rate lets Burst through at once and one more every Every. The zero Rate
// sets no limit; one with a positive Every and no Burst lets nothing through.
type Rate struct {
	Every time.Duration
	Burst int
}

// Spend takes one from the budget of a rate, by the generic cell rate
// algorithm. All that is kept of a budget is tat, the theoretical arrival
// time: the moment at which it is full again. The zero time is a full budget.
//
// If there is one to take, ok is true and next is the tat to keep. If not,
// next is still what to keep, and retry says after how long there will be one.
// In any stretch of time d at most Burst + d/Every are let through.
//
// A clock that was set back must not leave a client outside for as long as it
// was wrong: a tat further ahead than an empty budget could be is taken for an
// empty budget.
func Spend(now, tat time.Time, r Rate) (next time.Time, ok bool, retry time.Duration) {
	if tat.Before(now) {
		tat = now
	}
	whole := time.Duration(r.Burst) * r.Every
	if empty := now.Add(whole); tat.After(empty) {
		tat = empty
	}
	next = tat.Add(r.Every)
	if wait := next.Sub(now) - whole; wait > 0 {
		return tat, false, wait
	}
	return next, true, 0
}
