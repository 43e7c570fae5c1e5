package password

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func from(n byte) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{203, 0, 113, n}), 32)
}

// pass lets time go by on the clock of the bubble: it takes none of ours.
func pass(d time.Duration) { <-time.After(d) }

// crowded makes an admission of one slot that is taken, so that all who come
// wait. The order in which they get their turns is what served returns: call
// it when all of them stand in line.
func crowded(t *testing.T, limits Queues) (a *admission, come func(name string, lane Lane, from netip.Prefix), served func() string) {
	t.Helper()
	a = newAdmission(1, limits.orDefaults(1), time.Now)
	leave, err := a.enter(t.Context(), Proved, from(0))
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var order []string
	come = func(name string, lane Lane, from netip.Prefix) {
		t.Helper()
		go func() {
			leave, err := a.enter(t.Context(), lane, from)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				order = append(order, "-"+name)
				return
			}
			order = append(order, name)
			leave()
		}()
		synctest.Wait() // one after the other, so that the line is known
	}
	served = func() string {
		leave()
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(order, " ")
	}
	return a, come, served
}

// A58: however many ask, in whatever lane and for however long, never more hash
// at once than there are slots; all of them get their turn, and nothing is left
// behind.
func TestA58SlotsAreNeverExceeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slots, askers = 3, 600
		a := newAdmission(slots, Queues{Stranger: askers}.orDefaults(slots), time.Now)
		random := rand.New(rand.NewPCG(1, 2))
		var mu sync.Mutex
		var wait sync.WaitGroup
		running, most, done := 0, 0, 0
		for range askers {
			lane, client := Lane(random.IntN(int(LaneCount))), from(byte(random.IntN(9)))
			late, long := time.Duration(random.IntN(5000))*time.Millisecond, time.Duration(1+random.IntN(40))*time.Millisecond
			wait.Go(func() {
				pass(late)
				leave, err := a.enter(t.Context(), lane, client)
				if err != nil {
					t.Errorf("enter: %v", err)
					return
				}
				mu.Lock()
				running++
				most = max(most, running)
				mu.Unlock()
				pass(long)
				mu.Lock()
				running--
				done++
				mu.Unlock()
				leave()
			})
		}
		wait.Wait()
		if most != slots {
			t.Errorf("at once: got at most %d, want exactly %d", most, slots)
		}
		s := a.stats()
		if done != askers || s.Running != 0 || s.Waiting != [LaneCount]int{} || s.Refused != [LaneCount]uint64{} {
			t.Errorf("got %d of %d served, and %+v left behind", done, askers, s)
		}
		for lane, q := range a.queues {
			if len(q.crowds) != 0 || q.order.Len() != 0 {
				t.Errorf("lane %d keeps %d clients in memory", lane, len(q.crowds))
			}
		}
	})
}

// While all lanes wait, of five turns two go to those with a proof, two to
// known browsers and one to strangers, whoever came first.
func TestLanesHaveTheirShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, come, served := crowded(t, Queues{})
		for range 10 {
			come("s", Stranger, from(1))
		}
		for range 10 {
			come("p", Proved, from(2))
			come("k", Known, from(3))
		}
		order := strings.Fields(served())
		for turn := 0; turn+5 <= 25; turn += 5 {
			five := strings.Join(order[turn:turn+5], "")
			if strings.Count(five, "p") != 2 || strings.Count(five, "k") != 2 || strings.Count(five, "s") != 1 {
				t.Errorf("turns %d to %d: got %s, want two of p, two of k, one of s", turn+1, turn+5, five)
			}
		}
		if rest := strings.Join(order[25:], ""); rest != "sssss" {
			t.Errorf("once the others are through: got %s, want sssss", rest)
		}
	})
}

// Turns that a lane does not use go to the others, and it saves none up.
func TestIdleLanesAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, come, served := crowded(t, Queues{})
		for range 6 {
			come("s", Stranger, from(1))
		}
		for range 3 {
			come("k", Known, from(1))
		}
		if got, want := served(), "k s k k s s s s s"; got != want {
			t.Errorf("strangers and known browsers: got %s, want %s", got, want)
		}
	})
}

// Within a lane clients take turns, each in its own order: who sends fifty at
// once waits for the others after each of them.
func TestClientsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, come, served := crowded(t, Queues{})
		for _, name := range []string{"a1", "a2", "a3", "a4", "a5"} {
			come(name, Stranger, from(1))
		}
		come("b1", Stranger, from(2))
		come("b2", Stranger, from(2))
		come("c1", Stranger, from(3))
		if got, want := served(), "a1 b1 c1 a2 b2 a3 a4 a5"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// A full lane of strangers says so at once, with a time to come again; those
// with a proof and known browsers go on waiting.
func TestOnlyStrangersAreToldToComeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, come, served := crowded(t, Queues{Stranger: 3})
		for i := range byte(3) {
			come("s", Stranger, from(10+i))
		}
		before := time.Now()
		_, err := a.enter(t.Context(), Stranger, from(20))
		busy, ok := errors.AsType[*BusyError](err)
		if !ok || !errors.Is(err, ErrBusy) || busy.RetryAfter < time.Second || busy.RetryAfter > time.Minute {
			t.Fatalf("a full lane: got %v, want a BusyError with 1 s to 60 s", err)
		}
		if waited := time.Since(before); waited != 0 {
			t.Errorf("the answer took %v, want it at once", waited)
		}
		if err := a.room(Stranger, from(20)); !errors.Is(err, ErrBusy) {
			t.Errorf("room in a full lane: got %v, want a BusyError", err)
		}
		for _, lane := range []Lane{Proved, Known} {
			if err := a.room(lane, from(20)); err != nil {
				t.Errorf("room in lane %d: got %v, want it", lane, err)
			}
		}
		for range 20 {
			come("k", Known, from(20))
			come("p", Proved, from(20))
		}
		s := a.stats()
		if s.Refused != [LaneCount]uint64{Stranger: 2} || s.Waiting != [LaneCount]int{20, 20, 3} {
			t.Errorf("got %+v, want two strangers refused and 20, 20 and 3 waiting", s)
		}
		if got := served(); strings.Contains(got, "-") || len(strings.Fields(got)) != 43 {
			t.Errorf("got %s, want all 43 served", got)
		}
	})
}

// One client cannot fill the strangers' lane: another's first takes the place
// of its last, until all have the same.
func TestOneClientCannotFillTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, come, served := crowded(t, Queues{Stranger: 4})
		for _, name := range []string{"a1", "a2", "a3", "a4"} {
			come(name, Stranger, from(1))
		}
		come("b1", Stranger, from(2))
		come("c1", Stranger, from(3))
		come("a5", Stranger, from(1)) // its own fault
		come("b2", Stranger, from(2)) // it would have as many as a
		if got := a.stats().Waiting[Stranger]; got != 4 {
			t.Errorf("waiting: got %d, want 4", got)
		}
		if got, want := served(), "-a4 -a3 -a5 -b2 a1 b1 c1 a2"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// The time to come again follows from how long hashes take, how many wait, and
// how many lanes share the turns.
func TestRetryAfterFollowsTheQueue(t *testing.T) {
	a := newAdmission(2, Queues{}.orDefaults(2), time.Now)
	for range 400 {
		a.measure(500 * time.Millisecond)
	}
	wait := func(lane Lane, n int) {
		for range n {
			a.queues[lane].push(&waiter{lane: lane, from: from(1)})
		}
	}
	for _, c := range []struct {
		strangers, known int
		want             time.Duration
	}{
		{0, 0, time.Second},        // half a second, in whole ones
		{39, 0, 10 * time.Second},  // 40 turns of half a second on two slots
		{39, 10, 30 * time.Second}, // a third of the turns
		{1000, 10, time.Minute},    // as long as anybody is told
	} {
		a.queues = [LaneCount]queue{}
		wait(Stranger, c.strangers)
		wait(Known, c.known)
		if got := a.busy(Stranger).RetryAfter; got != c.want {
			t.Errorf("%d strangers, %d known: got %v, want %v", c.strangers, c.known, got, c.want)
		}
	}
}

// Whoever gives up leaves the line; a slot that came at the same moment goes to
// the next one, and none is lost.
func TestGivingUpLosesNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slots = 2
		a := newAdmission(slots, Queues{}.orDefaults(slots), time.Now)
		random := rand.New(rand.NewPCG(3, 4))
		var wait sync.WaitGroup
		for range 500 {
			patience := time.Duration(random.IntN(60)) * time.Millisecond
			late := time.Duration(random.IntN(2000)) * time.Millisecond
			lane, client := Lane(random.IntN(int(LaneCount))), from(byte(random.IntN(5)))
			wait.Go(func() {
				pass(late)
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				leave, err := a.enter(ctx, lane, client)
				if err != nil {
					if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrBusy) {
						t.Errorf("enter: got %v, want the end of the patience", err)
					}
					return
				}
				pass(10 * time.Millisecond)
				leave()
			})
		}
		wait.Wait()
		if s := a.stats(); s.Running != 0 || s.Waiting != [LaneCount]int{} {
			t.Errorf("left behind: %+v", s)
		}
		for range slots {
			if _, err := a.enter(t.Context(), Known, from(1)); err != nil {
				t.Fatalf("afterwards: %v", err)
			}
		}
		if got := a.stats().Running; got != slots {
			t.Errorf("afterwards: got %d slots, want %d", got, slots)
		}
	})
}

// A slot that is given to somebody who has gone away meanwhile is passed on.
func TestSlotOfTheGoneIsPassedOn(t *testing.T) {
	a := newAdmission(1, Queues{}.orDefaults(1), time.Now)
	var line []*waiter
	for range 3 {
		w, err := a.line(Stranger, from(1))
		if err != nil {
			t.Fatal(err)
		}
		line = append(line, w)
	}
	a.giveUp(line[0]) // it had the slot
	a.giveUp(line[2]) // it was still waiting
	if err := <-line[1].turn; err != nil {
		t.Errorf("the next one: got %v, want the slot", err)
	}
	if s := a.stats(); s.Running != 1 || s.Waiting[Stranger] != 0 {
		t.Errorf("got %+v, want one running and none waiting", s)
	}
	a.hold()()
	if s := a.stats(); s.Running != 0 {
		t.Errorf("at the end: got %+v, want none running", s)
	}
}

// Who has gone away before it began takes no slot, and a lane that does not
// exist is the strangers'.
func TestEnterAtTheEdges(t *testing.T) {
	a := newAdmission(1, Queues{}.orDefaults(1), time.Now)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.enter(gone, Proved, from(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled request: got %v, want context.Canceled", err)
	}
	leave, err := a.enter(t.Context(), Lane(99), from(1))
	if err != nil {
		t.Fatal(err)
	}
	if s := a.stats(); s.Running != 1 || s.Entered != [LaneCount]uint64{Stranger: 1} {
		t.Errorf("a lane that does not exist: got %+v, want one stranger", s)
	}
	leave()
}
