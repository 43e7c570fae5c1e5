package web_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// A client has so many streams at once, and no more: its next screen is told when to
// ask again, and gets a stream when one of the others has ended. Streams keep no
// server from stopping.
func TestStreamsAreFew(t *testing.T) {
	app, origin := sparekeytest.Serve(t, sparekeytest.Options{})
	c := app.Client()
	s := &screened{Client: c, watch: "/signin/screen"}
	seen(t, s)
	watch := func() (*http.Response, context.CancelFunc) {
		t.Helper()
		ctx, end := context.WithCancel(context.Background())
		t.Cleanup(end)
		form := url.Values{"screen": {s.nonce}}.Encode()
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, origin+"/signin/screen", strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		for name, value := range c.Cookies {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		return answer, end
	}
	var ends []context.CancelFunc
	for range sparekey.MaxWatches {
		answer, end := watch()
		if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("got %d %q, want a stream", answer.StatusCode, answer.Header.Get("Content-Type"))
		}
		ends = append(ends, end)
	}
	answer, _ := watch()
	if answer.StatusCode != 503 || answer.Header.Get("Retry-After") == "" {
		t.Errorf("got %d with Retry-After %q, want to be told when to ask again", answer.StatusCode, answer.Header.Get("Retry-After"))
	}
	s.want(t, sparekey.ScreenWaits) // asking now and then goes on
	ends[0]()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		answer, _ := watch()
		if answer.StatusCode == 200 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("got %d 10 s after a stream had ended, want another one", answer.StatusCode)
		}
	}
}
