package durable

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sparekey/internal/sparekeytest/site"
)

// An answer is what a stranger was told, and after how long.
type answer struct {
	status int
	retry  bool // it says when to come again
	took   time.Duration
}

// A crowd is strangers who sign in, each from an address of its own.
type crowd struct {
	addr   string
	client *http.Client

	mu      sync.Mutex
	answers []answer
	lost    int // nobody answered
}

func newCrowd(addr string) *crowd {
	return &crowd{addr: addr, client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 4096}}}
}

// one signs in as nobody, which costs as much as any sign-in.
func (c *crowd) one() {
	form := url.Values{"login": {"nobody@example.com"}, "password": {"not the one 17"}}
	req, _ := http.NewRequest("POST", "http://"+c.addr+"/signin", strings.NewReader(form.Encode()))
	req.Host = site.Host
	req.Header = http.Header{
		"User-Agent": {site.Agent}, "X-Forwarded-For": {site.From()}, "Sec-Fetch-Site": {"same-origin"},
		"Content-Type": {"application/x-www-form-urlencoded"},
	}
	began := time.Now()
	res, err := c.client.Do(req)
	took := time.Since(began)
	if err == nil {
		io.Copy(io.Discard, res.Body) //nolint:errcheck // only so that the connection can be used again
		res.Body.Close()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.lost++
		return
	}
	c.answers = append(c.answers, answer{res.StatusCode, res.Header.Get("Retry-After") != "", took})
}

// come has so many come each second, whether those before were answered or not.
func (c *crowd) come(each float64, span time.Duration) {
	var all sync.WaitGroup
	began := time.Now()
	for n := 0; time.Since(began) < span; time.Sleep(time.Millisecond) {
		for ; float64(n) < each*time.Since(began).Seconds(); n++ {
			all.Go(c.one)
		}
	}
	all.Wait()
}

// capacity is how many sign-ins a second get their answer when a few come one
// after another.
func (c *crowd) capacity() float64 {
	began, all := time.Now(), sync.WaitGroup{}
	for range 4 {
		all.Go(func() {
			for time.Since(began) < time.Second {
				c.one()
			}
		})
	}
	all.Wait()
	n := len(c.answers)
	c.answers = nil
	return float64(n) / time.Since(began).Seconds()
}

// share gives the time within which so large a part was answered.
func share(times []time.Duration, part float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[int(part*float64(len(times)-1))].Round(10 * time.Microsecond)
}

// ann is signed in, and bob has forgotten his password.
const ann, bob = "ann@example.com", "bob@example.com"

// ready gives a server on which ann is signed in, and bob has only to type a new
// password.
func ready(t *testing.T) (node *site.Server, in, open *site.Person) {
	t.Helper()
	s := site.New(t, site.Build(t), "sqlite")
	s.Fill([]string{ann, bob})
	node = s.Start()
	in, open = node.Person(), node.Person()
	mailed := s.Office.Expect(bob)
	err := errors.Join(
		in.Get("/signin"), in.Submit("/signin", "login", ann, "password", site.Password),
		open.Get("/recover"), open.Submit("/recover", "login", bob))
	if err == nil {
		err = open.Submit(open.At+"/answer", "code", (<-mailed).Code)
	}
	if err != nil {
		t.Fatal(err)
	}
	return node, in, open
}

// within makes sure that the server never held more memory than its hashes, what
// it holds anyway, and so many bytes more. It gives both in MiB.
func within(t *testing.T, node *site.Server, more int64) (most, limit int64) {
	t.Helper()
	limit = int64(max(1, runtime.NumCPU()-1)*19+150) + more>>20
	if most = node.Memory("VmHWM") >> 20; most > limit {
		t.Errorf("got %d MiB of memory, want %d at most", most, limit)
	}
	return most, limit
}

// F12 (THREATS 4), A58: twenty times as many sign in as can, and do not wait for
// each other. The server stays within its memory and sends the excess away with a
// time to come again. Who is signed in notices nothing, a recovery that was begun
// is finished, and once it is over everybody gets in as before.
func TestF12Overload(t *testing.T) {
	paper.watch(t)
	node, in, open := ready(t)
	c := newCrowd(node.Addr)
	capacity := c.capacity()
	idle := checks(t, in, time.Second)

	var checked []time.Duration
	var all sync.WaitGroup
	all.Go(func() { c.come(20*capacity, *overload) })
	all.Go(func() { checked = checks(t, in, *overload) })
	time.Sleep(*overload / 4)
	began := time.Now()
	if err := open.Submit(open.At+"/act", "password", "a new one for it 9", "password_again", "a new one for it 9"); err != nil {
		t.Errorf("the last step of a recovery: got %v, want it to work", err)
	}
	last := time.Since(began)
	all.Wait()
	shed, hashed := c.sorted(t)
	if len(shed) == 0 || len(hashed) == 0 {
		t.Errorf("got %d sent away and %d looked at, want both: else it shows nothing", len(shed), len(hashed))
	}
	most, limit := within(t, node, 0)
	began = time.Now()
	if p := again(node, ann); p.Status != http.StatusSeeOther {
		t.Errorf("a sign-in when it is over: got %d, want 303", p.Status)
	}
	after := time.Since(began)
	text := fmt.Sprintf("%.0f sign-ins a second for %v, where %.0f can be answered.\n\n"+
		"| what | then |\n| --- | --- |\n"+
		"| looked at | %d, %.0f a second |\n"+
		"| sent away with 503 and Retry-After | %d, half within %v and 99 %% within %v |\n"+
		"| memory | %d MiB at most, of %d allowed |\n"+
		"| session checks, all answered | half within %v and 99 %% within %v; idle %v and %v |\n"+
		"| the last step of a recovery | worked, after %v |\n"+
		"| a sign-in when it was over | worked, after %v |\n",
		20*capacity, *overload, capacity, len(hashed), float64(len(hashed))/overload.Seconds(), len(shed), share(shed, 0.5), share(shed, 0.99), most, limit,
		share(checked, 0.5), share(checked, 0.99), share(idle, 0.5), share(idle, 0.99), last.Round(time.Millisecond), after.Round(time.Millisecond))
	t.Log(text)
	paper.add(6, "Overload", text)
}

// sorted gives how long those waited who were sent away, and those who were not.
func (c *crowd) sorted(t *testing.T) (shed, hashed []time.Duration) {
	t.Helper()
	noRetry := 0
	for _, a := range c.answers {
		switch a.status {
		case http.StatusServiceUnavailable:
			shed = append(shed, a.took)
			if !a.retry {
				noRetry++
			}
		case http.StatusUnprocessableEntity:
			hashed = append(hashed, a.took)
		default:
			t.Errorf("a stranger: got %d, want 422 or 503", a.status)
		}
	}
	if noRetry > 0 || c.lost > 0 {
		t.Errorf("got %d answers 503 without Retry-After and %d requests without an answer, want none", noRetry, c.lost)
	}
	return shed, hashed
}

// checks asks for a session again and again. It must be there each time.
func checks(t *testing.T, in *site.Person, span time.Duration) (took []time.Duration) {
	for end := time.Now().Add(span); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		began := time.Now()
		if err := in.Get("/api/v1/session"); err != nil {
			t.Errorf("ask for a session: %v", err)
			break
		}
		took = append(took, time.Since(began))
	}
	return took
}

// again signs in as soon as the server lets anybody, for half a minute.
func again(node *site.Server, email string) *site.Person {
	p := node.Person()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if p.Post("/signin", "login", email, "password", site.Password); p.Status != http.StatusServiceUnavailable { //nolint:errcheck // the status says it
			break
		}
	}
	return p
}

// F13, F14 (THREATS 4), A72: on many connections next to nothing comes, and on
// some far too much. Meanwhile honest people get in. The slow ones are cut off, a
// body without end is answered 413 before much of it was sent, and the server
// stays within its memory.
func TestF13SlowClientsAndGiantBodies(t *testing.T) {
	paper.watch(t)
	node, _, _ := ready(t)
	cut := make(chan time.Duration, *slow)
	for range *slow {
		go trickle(node.Addr, cut)
	}
	var took []time.Duration
	for range 5 {
		began := time.Now()
		if p := again(node, ann); p.Status != http.StatusSeeOther {
			t.Errorf("an honest sign-in: got %d, want 303", p.Status)
		}
		took = append(took, time.Since(began))
	}
	for range 8 {
		if status, sent := endless(t, node.Addr); status != http.StatusRequestEntityTooLarge || sent > 64<<20 {
			t.Errorf("a body without end: got %d after %d MiB, want 413 before 64", status, sent>>20)
		}
	}
	var cuts []time.Duration
	limit := time.After(time.Minute)
	for len(cuts) < *slow {
		select {
		case after := <-cut:
			cuts = append(cuts, after)
		case <-limit:
			t.Fatalf("after a minute: got %d of %d slow connections cut off, want all", len(cuts), *slow)
		}
	}
	most, _ := within(t, node, int64(*slow)*20<<10) // 20 KiB for each connection
	text := fmt.Sprintf("%d connections that send a letter a second were cut off, half of them within\n"+
		"%v and all within %v. Meanwhile sign-ins took %v at most. Bodies without end\n"+
		"were answered 413. Memory: %d MiB at most.\n", *slow, share(cuts, 0.5).Round(time.Millisecond), share(cuts, 1).Round(time.Millisecond),
		share(took, 1).Round(time.Millisecond), most)
	t.Log(text)
	paper.add(7, "Slow clients and giant bodies", text)
}

// trickle sends a request letter by letter until the server hangs up.
func trickle(addr string, cut chan<- time.Duration) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer conn.Close()
	began := time.Now()
	go func() {
		for {
			if _, err := io.WriteString(conn, "G"); err != nil {
				return
			}
			time.Sleep(time.Second)
		}
	}()
	io.Copy(io.Discard, conn) //nolint:errcheck // it ends however it ends
	cut <- time.Since(began)
}

// endless sends a body that never ends, and gives the answer's status and how
// much was sent before it.
func endless(t *testing.T, addr string) (status, sent int) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second)) //nolint:errcheck // it has one
	fmt.Fprintf(conn, "POST /signin HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
		"Sec-Fetch-Site: same-origin\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\n", site.Host)
	told := make(chan int, 1)
	go func() {
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			told <- 0
			return
		}
		told <- res.StatusCode
	}()
	chunk := bytes.Repeat([]byte("a"), 4<<10)
	for {
		select {
		case status := <-told:
			return status, sent
		default:
		}
		n, err := conn.Write(chunk)
		if sent += n; err != nil {
			return <-told, sent
		}
	}
}
