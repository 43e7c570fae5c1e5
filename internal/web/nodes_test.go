package web_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// Two nodes on one database are one Sparekey: a person's way leads across both,
// a second click on the other node gets the first one's answer, and a session
// that ends on one is refused on the other at once (A46).
func TestTwoNodes(t *testing.T) {
	one := sparekeytest.New(t, sparekeytest.Options{Database: sparekeytest.Postgres(t)})
	two := one.Node()
	c := one.Client()
	c.Get("/register").Submit("/register", "login", mara, "password", first).See(303)
	two.Deliver() // whichever node is faster mails the code
	code := one.Sink.Wait(t, mara, 1).Code()
	c.On(two).Get(c.At()).Submit("/answer", "code", code).See(303)
	c.On(one).Get("/account").See(200)

	one.Sleep(sparekey.ProofLife)
	flow := c.On(two)
	flow.Get("/account/password").Submit("/account/password").See(303)
	page := flow.On(one).Get(flow.At()).See(200)
	page.Submit("/answer", "code", one.Code(mara)).See(303)
	flow.On(two).Get(flow.At()).Submit("/act", "password", second, "password_again", second).See(303)
	flow.On(one).Get("/account").See(200)

	other := two.Client()
	other.Get("/signin").Submit("/signin", "login", mara, "password", second).See(303)
	other.On(one).Get("/account").See(200)
	flow.On(one).Get("/account/devices").Submit("/devices").See(303)
	other.On(two).Get("/account").See(303)
	other.On(one).Get("/account").See(303)

	// One form that is sent to both nodes is one form.
	twice := one.Client()
	form := twice.Get("/recover")
	_, fields := form.Fields("/recover")
	send := func(node *sparekeytest.App) string {
		c := twice.Clone().On(node)
		c.Post("/recover", "login", mara, "key", fields.Get("key")).See(303)
		return c.At()
	}
	if a, b := send(one), send(two); a != b {
		t.Errorf("got flows %s and %s of one form, want one", a, b)
	}
}

// A message that one node writes wakes the other one's outbox, which need not
// look for it: here it has no second in which it could.
func TestNodesTellEachOther(t *testing.T) {
	one := sparekeytest.New(t, sparekeytest.Options{Database: sparekeytest.Postgres(t)})
	two := one.Node()
	ctx, stop := context.WithCancel(context.Background())
	woken := make(chan struct{}, 64)
	done := make(chan struct{})
	go func() {
		two.Store.Listen(ctx, func() {
			select {
			case woken <- struct{}{}:
			default:
			}
		}, func(string) {})
		close(done)
	}()
	defer func() { stop(); <-done }()
	for range 100 { // until it listens
		one.Client().Post("/recover", "login", mara).See(303)
		one.Deliver()
		select {
		case <-woken:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Error("got no word of a hundred messages, want one of the first")
}

// A balancer sends each request to the next node that says it is ready, and
// holds it while none does.
type balancer struct {
	nodes [2]string
	ready [2]atomic.Bool
	next  atomic.Int64
}

func (b *balancer) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	var d net.Dialer
	for {
		n := b.next.Add(1) % int64(len(b.nodes))
		if b.ready[n].Load() {
			return d.DialContext(ctx, "tcp", b.nodes[n])
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}

// watch asks each node again and again whether it is ready.
func (b *balancer) watch(over chan struct{}) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	for {
		for i, node := range b.nodes {
			res, err := client.Get("http://" + node + "/readyz")
			b.ready[i].Store(err == nil && res.StatusCode == http.StatusOK)
			if err == nil {
				res.Body.Close()
			}
		}
		select {
		case <-over:
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// A node that is restarted while the other goes on costs nobody a request.
func TestRollingRestart(t *testing.T) {
	var spots [2]net.Listener
	b := &balancer{}
	for i := range spots {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		spots[i], b.nodes[i] = l, l.Addr().String()
	}
	one := sparekeytest.New(t, sparekeytest.Options{Database: sparekeytest.Postgres(t), Drain: 150 * time.Millisecond})
	nodes := [2]*sparekeytest.App{one, one.Node()}
	var stops [2]func()
	run := func(i int, l net.Listener) {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- nodes[i].Serve(ctx, l) }()
		stops[i] = func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("node %d: %v", i, err)
			}
		}
	}
	for i := range spots {
		run(i, spots[i])
	}
	client := http.Client{
		Transport:     &http.Transport{DialContext: b.dial, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	var sent, failed atomic.Int64
	over := make(chan struct{})
	var people sync.WaitGroup
	people.Go(func() { b.watch(over) })
	for !b.ready[0].Load() || !b.ready[1].Load() {
		time.Sleep(time.Millisecond)
	}
	for range 4 {
		people.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-over:
					return
				default:
				}
				sent.Add(1)
				if err := asks(&client, b.nodes[0], i); err != nil {
					failed.Add(1)
					t.Error(err)
				}
			}
		})
	}
	for range 3 {
		for i := range nodes {
			stops[i]()
			nodes[i] = one.Node()
			l, err := net.Listen("tcp", b.nodes[i])
			if err != nil {
				t.Fatal(err)
			}
			run(i, l)
			for !b.ready[i].Load() {
				time.Sleep(time.Millisecond)
			}
		}
	}
	close(over)
	people.Wait()
	for _, stop := range stops {
		stop()
	}
	if failed.Load() > 0 || sent.Load() < 20 {
		t.Errorf("got %d of %d requests failed, want none of many", failed.Load(), sent.Load())
	}
}

// asks looks at a page, or asks for a recovery.
func asks(client *http.Client, address string, i int) error {
	method, path, body, want := "GET", "/signin", io.Reader(nil), 200
	if i%2 == 1 {
		form := url.Values{"login": {fmt.Sprintf("nobody%d@example.com", i)}}
		method, path, body, want = "POST", "/recover", strings.NewReader(form.Encode()), 303
	}
	req, err := http.NewRequest(method, "http://"+address+path, body)
	if err != nil {
		return err
	}
	req.Host = sparekeytest.Host
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := bufio.NewReader(res.Body).WriteTo(io.Discard); err != nil {
		return err
	}
	if res.StatusCode != want && res.StatusCode != http.StatusTooManyRequests {
		return errors.New(method + " " + path + ": " + res.Status)
	}
	return nil
}
