package bench

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sparekey/internal/prove"
	"sparekey/internal/sparekeytest/site"
)

// ask writes a request for a page. Each comes from an address of its own, by
// the word of a proxy that the server trusts.
func ask(method, path, cookies, body string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nX-Forwarded-For: %s\r\n", method, path, site.Host, site.Agent, site.From())
	if cookies != "" {
		fmt.Fprintf(&b, "Cookie: %s\r\n", cookies)
	}
	if method == "POST" {
		fmt.Fprintf(&b, "Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n" + body)
	return b.Bytes()
}

// A load is clients that each send one request after the other.
type load struct {
	addr    string
	clients int
	span    time.Duration
	pause   time.Duration // of each client between its requests
	// request gives the nth request of a client; nil ends it.
	request func(client, n int) []byte
}

// A result is what became of a load.
type result struct {
	took    time.Duration
	all     []time.Duration // of all answers, the fastest first
	by      map[int][]time.Duration
	noRetry int // answers 503 that do not say when to come again
}

func (l load) run(t testing.TB) result {
	t.Helper()
	r := result{by: map[int][]time.Duration{}}
	var mu sync.Mutex
	var group sync.WaitGroup
	began := time.Now()
	for client := range l.clients {
		group.Go(func() {
			mine, err := l.client(client, began.Add(l.span))
			mu.Lock()
			defer mu.Unlock()
			for _, a := range mine {
				r.by[a.Status] = append(r.by[a.Status], a.Took)
				if a.Status == 503 && !a.Retry {
					r.noRetry++
				}
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	r.took = time.Since(began)
	for status := range r.by {
		slices.Sort(r.by[status])
		r.all = append(r.all, r.by[status]...)
	}
	slices.Sort(r.all)
	return r
}

func (l load) client(client int, end time.Time) (answers []prove.Answer, err error) {
	w := &prove.Wire{Addr: l.addr}
	defer w.Close()
	for n := 0; time.Now().Before(end); n++ {
		request := l.request(client, n)
		if request == nil {
			break
		}
		a, err := w.Send(request)
		if err != nil {
			return answers, fmt.Errorf("client %d, request %d: %w", client, n, err)
		}
		answers = append(answers, a)
		time.Sleep(l.pause)
	}
	return answers, nil
}

// only fails the test if another status came than those.
func (r result) only(t testing.TB, status ...int) result {
	t.Helper()
	var got []string
	for _, s := range slices.Sorted(maps.Keys(r.by)) {
		if !slices.Contains(status, s) {
			got = append(got, fmt.Sprintf("%d answers %d", len(r.by[s]), s))
		}
	}
	if len(got) > 0 {
		t.Errorf("got %s, want only %v", strings.Join(got, ", "), status)
	}
	if len(r.all) == 0 {
		t.Fatal("got no answer, want some")
	}
	return r
}

// at gives the time within which that part of the answers came.
func at(sorted []time.Duration, part float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(part*float64(len(sorted))), len(sorted)-1)]
}
