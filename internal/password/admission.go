package password

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// A Lane says who asks for a hash, and so whose share of the turns it takes.
type Lane int

// The lanes, from who has shown most to who has shown nothing.
const (
	Proved   Lane = iota // after a proof: a new password, a signed-in person
	Known                // a known browser
	Stranger             // anyone

	LaneCount // how many lanes there are
)

// weights are the turns of each lane out of five while all of them wait. A lane
// in which nobody waits leaves its turns to the others.
var weights = [LaneCount]int{Proved: 2, Known: 2, Stranger: 1}

// Queues are how many may wait in each lane.
type Queues struct {
	// Proved and Known bound memory only: whoever stands there waits for as
	// long as its request lives. 0 means 4096.
	Proved, Known int

	// Stranger is how many strangers wait; beyond it they are told at once to
	// come again. 0 means 64 for each slot.
	Stranger int
}

func (q Queues) orDefaults(slots int) [LaneCount]int {
	limits := [LaneCount]int{Proved: q.Proved, Known: q.Known, Stranger: q.Stranger}
	defaults := [LaneCount]int{Proved: 4096, Known: 4096, Stranger: 64 * slots}
	for lane := range limits {
		if limits[lane] <= 0 {
			limits[lane] = defaults[lane]
		}
	}
	return limits
}

// ErrBusy is wrapped by every [*BusyError].
var ErrBusy = errors.New("too many passwords are waiting")

// A BusyError says that the lane is full. RetryAfter is an estimate of when
// those who wait now will have had their turns: whole seconds, from 1 to 60.
type BusyError struct{ RetryAfter time.Duration }

// Error says when to come again.
func (e *BusyError) Error() string {
	return fmt.Sprintf("%v: come again in %v", ErrBusy, e.RetryAfter)
}

// Unwrap gives ErrBusy.
func (e *BusyError) Unwrap() error { return ErrBusy }

// An admission hands out a fixed number of slots (THREATS A58): hashing never
// takes more memory or cores than these, however many ask. Who does not get one
// at once waits in a lane; a slot that becomes free goes to the lane whose turn
// it is and there to the next client, so that nobody who comes later overtakes
// by luck and no client's crowd keeps another from its turn.
//
// Slots are free only while nobody waits.
type admission struct {
	slots  int
	limits [LaneCount]int
	now    func() time.Time

	mu      sync.Mutex
	running int
	queues  [LaneCount]queue
	credit  [LaneCount]int // whose turn it is: see pick
	entered [LaneCount]uint64
	refused [LaneCount]uint64
	usual   time.Duration // how long a slot is held: a moving average
}

func newAdmission(slots int, limits [LaneCount]int, now func() time.Time) *admission {
	return &admission{slots: slots, limits: limits, now: now}
}

// enter waits for a slot. Whoever gets one calls leave when done. The error is
// ctx's if it ends first, or a [*BusyError] if the lane is full.
func (a *admission) enter(ctx context.Context, lane Lane, from netip.Prefix) (leave func(), err error) {
	if lane < 0 || lane >= LaneCount {
		lane = Stranger // who comes from nowhere has shown nothing
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w, err := a.line(lane, from)
	if err != nil {
		return nil, err
	}
	select {
	case err := <-w.turn:
		if err != nil {
			return nil, err
		}
		return a.hold(), nil
	case <-ctx.Done():
		a.giveUp(w)
		return nil, ctx.Err()
	}
}

// line takes a slot for a newcomer or puts it at the end of its line.
func (a *admission) line(lane Lane, from netip.Prefix) (*waiter, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := &waiter{lane: lane, from: from, turn: make(chan error, 1)}
	q := &a.queues[lane]
	switch {
	case a.running < a.slots:
		a.grant(w)
		return w, nil
	case a.full(lane, from):
		a.refused[lane]++
		return nil, a.busy(lane)
	case q.len >= a.limits[lane]:
		a.makeRoom(q)
	}
	q.push(w)
	return w, nil
}

// room reports a [*BusyError] if line would refuse a newcomer now.
func (a *admission) room(lane Lane, from netip.Prefix) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.running < a.slots || !a.full(lane, from) {
		return nil
	}
	a.refused[lane]++
	return a.busy(lane)
}

// full reports whether a lane has no place for one more of a client. In a full
// lane there still is one for a client that has at least two fewer waiting than
// another: else that one could fill the lane, and all others would be told to
// come again.
func (a *admission) full(lane Lane, from netip.Prefix) bool {
	q := &a.queues[lane]
	if q.len < a.limits[lane] {
		return false
	}
	crowd := q.longest()
	return crowd == nil || q.waiting(from)+2 > crowd.waiters.Len()
}

// makeRoom turns away the last of the client that has most in a lane.
func (a *admission) makeRoom(q *queue) {
	last := q.longest().waiters.Back().Value.(*waiter)
	q.remove(last)
	a.refused[last.lane]++
	last.turn <- a.busy(last.lane)
}

// grant gives w a slot.
func (a *admission) grant(w *waiter) {
	a.running++
	a.entered[w.lane]++
	w.turn <- nil
}

// hold gives the function that hands a slot back and passes it on.
func (a *admission) hold() (leave func()) {
	since := a.now()
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.measure(a.now().Sub(since))
		a.release()
	}
}

// release hands one slot to who is next.
func (a *admission) release() {
	a.running--
	if lane, found := a.pick(); found {
		a.grant(a.queues[lane].pop())
	}
}

// giveUp takes w out of its line. If its turn came at the same moment, the slot
// goes to the next one.
func (a *admission) giveUp(w *waiter) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if w.place != nil {
		a.queues[w.lane].remove(w)
		return
	}
	if err := <-w.turn; err == nil {
		a.release()
	}
}

// pick says which lane is next: smooth weighted round robin over the lanes in
// which somebody waits. Each of them earns its weight, the richest is served
// and pays what all have earned. An empty lane earns nothing, so that it cannot
// save up turns.
func (a *admission) pick() (next Lane, found bool) {
	total := 0
	for lane := range LaneCount {
		if a.queues[lane].len == 0 {
			continue
		}
		total += weights[lane]
		a.credit[lane] += weights[lane]
		if !found || a.credit[lane] > a.credit[next] {
			next, found = lane, true
		}
	}
	if found {
		a.credit[next] -= total
	}
	return next, found
}

// measure keeps a moving average of how long slots are held.
func (a *admission) measure(held time.Duration) {
	if a.usual == 0 {
		a.usual = held
		return
	}
	a.usual += (held - a.usual) / 16
}

// busy estimates when those who wait in a lane will have had their turns, with
// the share of the turns that the lane has now.
func (a *admission) busy(lane Lane) *BusyError {
	total := 0
	for other := range LaneCount {
		if other == lane || a.queues[other].len > 0 {
			total += weights[other]
		}
	}
	turns := (a.queues[lane].len + 1) * total / weights[lane]
	wait := time.Duration(turns) * a.usual / time.Duration(a.slots)
	wait = (wait + time.Second - 1).Truncate(time.Second)
	return &BusyError{RetryAfter: min(max(wait, time.Second), time.Minute)}
}

// stats gives the counters that the admission keeps.
func (a *admission) stats() Stats {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := Stats{Slots: a.slots, Running: a.running, Entered: a.entered, Refused: a.refused}
	for lane := range a.queues {
		s.Waiting[lane] = a.queues[lane].len
	}
	return s
}

// A waiter is one question on its way to a slot.
type waiter struct {
	lane  Lane
	from  netip.Prefix
	turn  chan error    // gets nil for a slot or a *BusyError, once; room for one
	place *list.Element // in its crowd; nil once it is out of the line
}

// A queue is one lane: a crowd for each client that waits, who take turns.
type queue struct {
	len    int
	crowds map[netip.Prefix]*list.Element
	order  list.List // of *crowd, the next to be served in front
}

// A crowd is what one client has waiting, in the order in which it came.
type crowd struct {
	from    netip.Prefix
	waiters list.List // of *waiter
}

func (q *queue) push(w *waiter) {
	if q.crowds == nil {
		q.crowds = make(map[netip.Prefix]*list.Element)
	}
	e, ok := q.crowds[w.from]
	if !ok {
		e = q.order.PushBack(&crowd{from: w.from})
		q.crowds[w.from] = e
	}
	w.place = e.Value.(*crowd).waiters.PushBack(w)
	q.len++
}

// pop takes the next one out of a queue that is not empty, and puts its client
// behind all the others.
func (q *queue) pop() *waiter {
	e := q.order.Front()
	w := e.Value.(*crowd).waiters.Front().Value.(*waiter)
	q.order.MoveToBack(e)
	q.remove(w)
	return w
}

func (q *queue) remove(w *waiter) {
	e := q.crowds[w.from]
	c := e.Value.(*crowd)
	c.waiters.Remove(w.place)
	w.place = nil
	q.len--
	if c.waiters.Len() == 0 {
		q.order.Remove(e)
		delete(q.crowds, w.from)
	}
}

// waiting tells how many of one client wait.
func (q *queue) waiting(from netip.Prefix) int {
	if e, ok := q.crowds[from]; ok {
		return e.Value.(*crowd).waiters.Len()
	}
	return 0
}

// longest gives the client with most waiting, or nil.
func (q *queue) longest() (most *crowd) {
	for e := q.order.Front(); e != nil; e = e.Next() {
		if c := e.Value.(*crowd); most == nil || c.waiters.Len() > most.waiters.Len() {
			most = c
		}
	}
	return most
}
