package web_test

import (
	"net/http"
	"testing"

	"sparekey/internal/sparekeytest"
)

// FuzzCookie sends whatever a browser may call cookies. No cookie breaks a
// page, opens an account or is given back as it came.
func FuzzCookie(f *testing.F) {
	app := sparekeytest.New(f, sparekeytest.Options{})
	f.Add("__Host-browser=x; __Host-session=y; __Host-known=z; __Host-lang=ar; __Host-misses=99999999999999999999")
	f.Add("__Host-session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("__Host-lang=\"; __Host-browser=;;;=;\x00")
	f.Add("__Host-misses=-1; __Host-browser=%zz")
	f.Fuzz(func(t *testing.T, cookies string) {
		for _, path := range []string{"/signin", "/account", "/flow/abc", "/api/v1/session"} {
			c := app.Client().For(t)
			c.Header = http.Header{"Cookie": {cookies}}
			if page := c.Get(path); page.Status >= 500 || path == "/account" && page.Status == 200 {
				t.Errorf("got status %d from %s with cookies %q", page.Status, path, cookies)
			}
		}
	})
}
