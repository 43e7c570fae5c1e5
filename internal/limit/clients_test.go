package limit

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A client is an IPv4 address or an IPv6 /64, however the address is written.
func TestPrefix(t *testing.T) {
	for addr, want := range map[string]string{
		"203.0.113.7":              "203.0.113.7/32",
		"::ffff:203.0.113.7":       "203.0.113.7/32",
		"2001:db8:1:2:3:4:5:6":     "2001:db8:1:2::/64",
		"2001:db8:1:2::":           "2001:db8:1:2::/64",
		"2001:db8:1:3::1":          "2001:db8:1:3::/64",
		"fe80::1%eth0":             "fe80::/64",
		"::1":                      "::/64",
		"::ffff:203.0.113.7%lan":   "203.0.113.7/32",
		"64:ff9b::203.0.113.7":     "64:ff9b::/64",
		"2001:db8:ffff:ffff::ffff": "2001:db8:ffff:ffff::/64",
	} {
		if got := Prefix(netip.MustParseAddr(addr)).String(); got != want {
			t.Errorf("Prefix(%s): got %s, want %s", addr, got, want)
		}
	}
	if got := Prefix(netip.Addr{}); got != (netip.Prefix{}) {
		t.Errorf("Prefix of no address: got %v, want the zero prefix", got)
	}
}

// A28: who changes through a thousand addresses of one /64, or through ways of
// writing one address, is one client with one budget.
func TestA28OneNetworkIsOneClient(t *testing.T) {
	c := NewClients(Rate{Every: 2 * time.Second, Burst: 60}, 10_000)
	passed := 0
	for i := range 1000 {
		addr := netip.MustParseAddr(fmt.Sprintf("2001:db8:1:2:%x:%x::%x", i, i*7%65536, i+1))
		if ok, _ := c.Allow(start, Prefix(addr)); ok {
			passed++
		}
	}
	if passed != 60 || c.Len() != 1 {
		t.Errorf("1,000 addresses of one /64: got %d let through as %d clients, want 60 as 1", passed, c.Len())
	}
	for i := range 61 {
		addr := netip.MustParseAddr([]string{"203.0.113.7", "::ffff:203.0.113.7"}[i%2])
		if ok, _ := c.Allow(start, Prefix(addr)); ok != (i < 60) {
			t.Errorf("request %d of one IPv4 address: got %v", i+1, ok)
		}
	}
	if ok, _ := c.Allow(start, Prefix(netip.MustParseAddr("2001:db8:1:3::1"))); !ok {
		t.Errorf("the network beside it was refused")
	}
}

func client4(i int) netip.Prefix {
	return Prefix(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
}

// However many clients come, memory holds no more than its bound; and who comes
// often is not forgotten for those who come once.
func TestClientsAreBounded(t *testing.T) {
	const most = 100
	c := NewClients(Rate{Every: time.Hour, Burst: 2}, most)
	busy := client4(1 << 20)
	for i := range 10_000 {
		c.Allow(start, client4(i))
		if c.Len() > most {
			t.Fatalf("after %d clients: %d in memory, want at most %d", i+1, c.Len(), most)
		}
		if i%50 == 0 {
			if ok, _ := c.Allow(start, busy); ok && i >= 100 {
				t.Fatalf("after %d clients: the busy one was forgotten", i+1)
			}
		}
	}
	if len(c.entries) != c.order.Len() {
		t.Errorf("the map has %d entries and the order %d", len(c.entries), c.order.Len())
	}
	least := NewClients(Rate{Every: time.Hour, Burst: 1}, 0)
	for i := range 3 {
		least.Allow(start, client4(i))
	}
	if least.Len() != 1 {
		t.Errorf("a memory for none: got %d, want 1", least.Len())
	}
}

// Clients whose budget is full again are forgotten while others come, so that a
// busy hour does not stay in memory.
func TestClientsForgetTheIdle(t *testing.T) {
	c := NewClients(Rate{Every: time.Second, Burst: 5}, 10_000)
	for i := range 1000 {
		c.Allow(start, client4(i))
	}
	later := start.Add(time.Minute)
	for range 600 {
		c.Allow(later, client4(5000))
	}
	if got := c.Len(); got != 1 {
		t.Errorf("a minute later: got %d clients in memory, want the 1 that is there", got)
	}
}

// To one client the memory is what a budget of its own would be, as long as it
// is large enough for all.
func TestClientsKeepThemApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Rate{Every: time.Second, Burst: rapid.IntRange(1, 5).Draw(t, "burst")}
		c := NewClients(r, 8)
		tats := map[netip.Prefix]time.Time{}
		now := start
		for range rapid.IntRange(1, 100).Draw(t, "calls") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(2*time.Second)).Draw(t, "gap")))
			p := client4(rapid.IntRange(0, 7).Draw(t, "client"))
			next, want, wait := Spend(now, tats[p], r)
			tats[p] = next
			if got, retry := c.Allow(now, p); got != want || retry != wait {
				t.Fatalf("client %v: got %v, %v, want %v, %v", p, got, retry, want, wait)
			}
		}
	})
}

// Many may ask at once, and together they are let through no more often.
func TestClientsAreSafeTogether(t *testing.T) {
	c := NewClients(Rate{Every: time.Hour, Burst: 10}, 100)
	var wait sync.WaitGroup
	var mu sync.Mutex
	passed := 0
	for range 8 {
		wait.Go(func() {
			for range 20 {
				if ok, _ := c.Allow(start, client4(1)); ok {
					mu.Lock()
					passed++
					mu.Unlock()
				}
			}
		})
	}
	wait.Wait()
	if passed != 10 {
		t.Errorf("160 requests at once: got %d let through, want 10", passed)
	}
}

func BenchmarkClients(b *testing.B) {
	c := NewClients(Rate{Every: time.Hour, Burst: 10}, 100_000)
	i := 0
	for b.Loop() {
		c.Allow(start, client4(i))
		i++
	}
}
