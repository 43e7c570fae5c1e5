package prove

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// server is a made-up server: it takes some time for everybody, noise that only
// adds, and extra for those it knows.
func server(extra, noise time.Duration) func(string) (Answer, error) {
	return func(login string) (Answer, error) {
		took := 150*time.Microsecond + time.Duration(rand.ExpFloat64()*float64(noise))
		if strings.HasPrefix(login, "known") {
			took += extra
		}
		return Answer{Status: 303, Took: took}, nil
	}
}

func names(who string, n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("%s%d", who, i))
	}
	return list
}

// What is equal passes, what differs by more than is allowed fails, and where
// the noise hides which it is, nothing is said.
func TestVerdicts(t *testing.T) {
	for _, test := range []struct {
		name         string
		extra, noise time.Duration
		want         Verdict
	}{
		{"equal", 0, 10 * time.Microsecond, Pass},
		{"a little, within what is allowed", 5 * time.Microsecond, 10 * time.Microsecond, Pass},
		{"slower for those known", 60 * time.Microsecond, 10 * time.Microsecond, Fail},
		{"faster for those known", -60 * time.Microsecond, 10 * time.Microsecond, Fail},
		{"too noisy", 0, 5 * time.Millisecond, Invalid},
		{"too noisy to find much", 60 * time.Microsecond, 5 * time.Millisecond, Invalid},
	} {
		findings, err := Measurement{
			Name: test.name, Allowed: 25 * time.Microsecond, Blocks: 300, Known: names("known", 100), Unknown: names("nobody", 100),
			Ask: server(test.extra, test.noise),
		}.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if f := findings[0]; f.Verdict != test.want {
			t.Errorf("%s: got %s %s (%v to %v), want %s", test.name, f.Verdict, f.Why, f.Difference.Low, f.Difference.High, test.want)
		}
	}
}

// A control that finds a difference where there is none makes the measurement
// invalid, however clear the rest is.
func TestControl(t *testing.T) {
	ask := server(0, time.Microsecond)
	findings, err := Measurement{
		Name: "half of those known are slow", Allowed: 25 * time.Microsecond, Blocks: 100, Known: append(names("known", 50), names("slow", 50)...),
		Unknown: names("nobody", 100),
		Ask: func(login string) (Answer, error) {
			a, err := ask(login)
			if strings.HasPrefix(login, "slow") {
				a.Took += 10 * time.Microsecond
			}
			return a, err
		},
	}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if findings[0].Verdict != Invalid {
		t.Errorf("got %s, want %s", findings[0].Verdict, Invalid)
	}
}

// What the server does afterwards is found as well, although the requests
// themselves are equal.
func TestAfter(t *testing.T) {
	known := false
	findings, err := Measurement{
		Name: "the worker is slow", Allowed: 25 * time.Microsecond, Blocks: 12, Looks: 1, Known: names("known", 50), Unknown: names("nobody", 50),
		Ask: func(login string) (Answer, error) {
			known = strings.HasPrefix(login, "known")
			return Answer{Took: 100 * time.Microsecond}, nil
		},
		After: func() (Answer, error) {
			if known {
				return Answer{Took: 300 * time.Microsecond}, nil
			}
			return Answer{Took: 100 * time.Microsecond}, nil
		},
	}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if findings[0].Verdict != Pass || findings[1].Verdict != Fail {
		t.Errorf("got %s and %s, want %s and %s", findings[0].Verdict, findings[1].Verdict, Pass, Fail)
	}
}

// The interval holds the true median as often as it says: of 400 measurements of
// nothing, one in a hundred may miss it.
func TestIntervalHolds(t *testing.T) {
	missed := 0
	for range 400 {
		var d []time.Duration
		for range 301 {
			d = append(d, time.Duration(rand.NormFloat64()*10_000))
		}
		if !medianOf(d).Holds(0) {
			missed++
		}
	}
	if missed > 16 {
		t.Errorf("got %d of 400 intervals without the median, want about 4", missed)
	}
}

func TestAccuracy(t *testing.T) {
	even := []time.Duration{1, 2, 3, 4}
	for name, test := range map[string]struct {
		known, unknown []time.Duration
		want           float64
	}{
		"the same":       {even, even, 0.5},
		"none the same":  {even, []time.Duration{5, 6}, 1},
		"the other way":  {[]time.Duration{5, 6}, even, 1},
		"partly":         {[]time.Duration{1, 3}, []time.Duration{2, 4}, 0.75},
		"nothing to say": {nil, even, 0.5},
	} {
		if got := accuracy(test.known, test.unknown); got != test.want {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

func TestSign(t *testing.T) {
	for name, test := range map[string]struct {
		differences []time.Duration
		want        float64
	}{
		"none":      {nil, 0},
		"all above": {[]time.Duration{1, 1, 1, 1}, 2},
		"balanced":  {[]time.Duration{1, -1, 0}, 0},
	} {
		if got := sign(test.differences); got != test.want {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

// A real server is asked over one connection, in a form or in JSON, and what it
// answers is read whole, however it is sent.
func TestTarget(t *testing.T) {
	var got []string
	chunked := false
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm() //nolint:errcheck // seen below
		got = append(got, r.Header.Get("Content-Type")+" "+r.Form.Get("email")+" "+r.Form.Get("again"))
		if chunked = !chunked; chunked {
			w.(http.Flusher).Flush()
		}
		fmt.Fprint(w, strings.Repeat("page ", 1000))
	}))
	defer s.Close()
	origin, err := ParseOrigin(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	target := Target{Origin: origin, Path: "/forgot", Field: "email", With: map[string]string{"again": "yes"}}
	ask := target.Asker()
	for range 3 {
		if a, err := ask("mara@example.com"); err != nil || a.Status != 200 || a.Took <= 0 {
			t.Fatalf("got %+v, %v, want 200 and a time", a, err)
		}
	}
	if want := "application/x-www-form-urlencoded mara@example.com yes"; got[2] != want {
		t.Errorf("got %q, want %q", got[2], want)
	}
}

// A server elsewhere is only measured if it says that it may be, and one that
// answers differently needs no measuring.
func TestMayBeMeasured(t *testing.T) {
	here := Target{Origin: &url.URL{Scheme: "http", Host: "127.0.0.1:1"}}
	if err := here.MayBeMeasured(t.Context()); err != nil {
		t.Errorf("on this machine: got %v, want nothing against it", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	for _, host := range []string{"192.0.2.1", "localhost.example.com", "127.0.0.1.example.com"} {
		there := Target{Origin: &url.URL{Scheme: "http", Host: host}}
		if err := there.MayBeMeasured(ctx); err == nil || !strings.Contains(err.Error(), there.Consent()) {
			t.Errorf("%s: got %v, want what to serve", host, err)
		}
	}
	status := 200
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer s.Close()
	origin, err := ParseOrigin(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	ask := Target{Origin: origin, Path: "/", Field: "login"}.Asker()
	if _, err := ask("a"); err != nil {
		t.Fatal(err)
	}
	for _, status = range []int{404, 429} {
		if _, err := ask("b"); err == nil {
			t.Errorf("status %d after 200: got nothing wrong, want an error", status)
		}
	}
}

// The report names what was found, and the drawing has a line for each.
func TestReport(t *testing.T) {
	findings, err := Measurement{
		Name: "POST /forgot", Allowed: 25 * time.Microsecond, Blocks: 300, Known: names("known", 100), Unknown: names("nobody", 100),
		Ask: server(60*time.Microsecond, 10*time.Microsecond),
	}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if table := Table(findings); !strings.Contains(table, "| POST /forgot | FAIL | -") {
		t.Errorf("got %s, want the verdict and a difference", table)
	}
	if drawing := Draw(findings); strings.Count(drawing, "<polyline") != 1 || strings.Contains(drawing, "NaN") {
		t.Errorf("got %s, want one line", drawing)
	}
}
