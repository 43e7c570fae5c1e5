package limit

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// Prefix gives what counts as one client: the IPv4 address, or the first 64
// bits of the IPv6 address, since a host has the other 64 to itself. An IPv4
// address written as IPv6 is the IPv4 address, and a zone is dropped. Addresses
// that are none all have the zero prefix, and with it one budget.
func Prefix(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // cannot be: both lengths are within their address
	}
	return p
}

// Same reports whether two addresses, as text, are one client's.
func Same(a, b string) bool {
	one, err := netip.ParseAddr(a)
	two, wrong := netip.ParseAddr(b)
	return err == nil && wrong == nil && Prefix(one) == Prefix(two)
}

// Clients keeps the budgets of clients in memory, those of one node. They
// protect its capacity and are no bound on guessing: who has many addresses
// has many budgets. It is safe for concurrent use.
type Clients struct {
	rate Rate
	max  int

	mu      sync.Mutex
	entries map[netip.Prefix]*list.Element
	order   *list.List // of *client, the one seen last at the back
}

// A client is the budget of one prefix.
type client struct {
	prefix netip.Prefix
	tat    time.Time
}

// NewClients keeps at most max budgets of the rate r, and at least one. Each
// takes about 200 bytes.
func NewClients(r Rate, max int) *Clients {
	return &Clients{
		rate:    r,
		max:     max,
		entries: make(map[netip.Prefix]*list.Element),
		order:   list.New(),
	}
}

// Allow takes one from the budget of the client p. If it is empty, ok is false
// and retry says after how long there will be one again. When the memory is
// full the client not seen for longest is forgotten, which gives it a full
// budget: to be forgotten it must have let all the others come after it.
func (c *Clients) Allow(now time.Time, p netip.Prefix) (ok bool, retry time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(now)
	e, known := c.entries[p]
	if known {
		c.order.MoveToBack(e)
	} else {
		if c.order.Len() >= c.max && c.order.Len() > 0 {
			c.drop(c.order.Front())
		}
		e = c.order.PushBack(&client{prefix: p})
		c.entries[p] = e
	}
	k := e.Value.(*client)
	k.tat, ok, retry = Spend(now, k.tat, c.rate)
	return ok, retry
}

// Len tells how many budgets are in memory.
func (c *Clients) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.order.Len()
}

// forget drops those at the front whose budget is full again: they are as good
// as never seen. Two for each call are enough to shrink while clients come in.
func (c *Clients) forget(now time.Time) {
	for range 2 {
		e := c.order.Front()
		if e == nil || e.Value.(*client).tat.After(now) {
			return
		}
		c.drop(e)
	}
}

func (c *Clients) drop(e *list.Element) {
	delete(c.entries, e.Value.(*client).prefix)
	c.order.Remove(e)
}
