package ident

import (
	"net/url"
	"strings"
	"testing"
)

const testSite = "https://shop.example"

// A35: nobody is sent anywhere but to a path here or to the configured site.
func TestA35NoOpenRedirect(t *testing.T) {
	for _, raw := range []string{
		"", " ", "evil.example", "//evil.example", "///evil.example", "////evil.example", "/\\evil.example",
		"\\\\evil.example", "\\/evil.example", "/\\/evil.example", "\\evil.example", "/\t/evil.example", "/\n/evil.example",
		"/\r\n/evil.example", "\t//evil.example", " //evil.example", "//evil.example ", "\x00//evil.example", "/\x00/evil.example",
		"/%2fevil.example", "/%2Fevil.example", "/%2f%2fevil.example", "/%5cevil.example", "/%5Cevil.example", "/%09/evil.example",
		"/%0d%0aLocation:%20https://evil.example", "/%252fevil.example", "/%25252fevil.example", "/%255cevil.example",
		"/.//evil.example", "/..//evil.example", "/a/..//evil.example", "/./evil", "/../evil", "/%2e%2e/evil", "/%2e/%2fevil.example",
		"/a//b", "/a/%2e%2e%2f%2fevil.example", "https://evil.example", "https://evil.example/shop.example", "http://shop.example/",
		"https:evil.example", "https:/evil.example", "https:///evil.example", "https:\\\\evil.example", "https:/\\evil.example",
		"https://shop.example.evil.example/", "https://shop.example@evil.example/", "https://evil.example@shop.example/",
		"https://user:pw@shop.example/", "https://shop.example:8443/", "https://shop.example:80/", "https://shop.example:/",
		"https://shop.example./", "https://www.shop.example/", "https://evilshop.example/", "https://shop.example\\@evil.example/",
		"https://shop.example\\.evil.example", "https://evil.example\\@shop.example", "https://shop.example%2eevil.example/",
		"https://shop.example%00.evil.example/", "https://\u017fhop.example/", "https://\uff53hop.example/", "https://shop。example/",
		"https://[::1]/", "https://127.0.0.1/", "https://shop.example:443@evil.example/", "https://shop.example\t/",
		"javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "javascript://shop.example/%0aalert(1)",
		"data:text/html,x", "vbscript:x", "file:///etc/passwd", "ftp://shop.example/", "blob:https://shop.example/x",
		"mailto:a@b.example", "view-source:https://shop.example", "?next=//evil.example", "#//evil.example", "a/b", "./a", "../a",
		"//shop.example/", "//shop.example@evil.example", "/\u2028/evil.example", "/\u00a0/evil.example", "/\u200b/evil.example",
		"/\ufeff/evil.example", "/\u202eevil", "/a b", "/%zz", "/%", "/\xff", "/%ff", "/%00", "/%7f", "/" + strings.Repeat("a", 2048),
	} {
		if got := ReturnTo(raw, testSite); got != "" {
			t.Errorf("ReturnTo(%q): got %q, want nothing", raw, got)
		}
	}
}

// A path here and every place on the site are kept, query and fragment too.
func TestReturnToKeepsOwnPlaces(t *testing.T) {
	for raw, want := range map[string]string{
		"/":                                  "/",
		"/account":                           "/account",
		"/account/ways?tab=2":                "/account/ways?tab=2",
		"/a/b.c/d-e_f~g;h=1":                 "/a/b.c/d-e_f~g;h=1",
		"/search?q=https://evil.example//x":  "/search?q=https://evil.example//x",
		`/search?q=a\b`:                      `/search?q=a\b`,
		"/a%20b":                             "/a%20b",
		"/100%25":                            "/100%25",
		"/account#devices":                   "/account#devices",
		"/käse":                              "/k%C3%A4se",
		"/...":                               "/...",
		"https://shop.example":               "https://shop.example",
		"https://shop.example/":              "https://shop.example/",
		"https://shop.example/cart?id=7#top": "https://shop.example/cart?id=7#top",
		"https://shop.example:443/cart":      "https://shop.example:443/cart",
		"HTTPS://Shop.Example/cart":          "https://Shop.Example/cart",
		"https://shop.example/a//b":          "https://shop.example/a//b",
		"https://shop.example?x=1":           "https://shop.example?x=1",
	} {
		if got := ReturnTo(raw, testSite); got != want {
			t.Errorf("ReturnTo(%q): got %q, want %q", raw, got, want)
		}
	}
}

// The origin is that of the configured site: its scheme, its host however it is
// written there, and its port. Without a site only paths are left.
func TestReturnToTakesTheSiteAsConfigured(t *testing.T) {
	for _, c := range []struct {
		raw, site string
		want      bool
	}{
		{"https://shop.example/a", "https://shop.example/", true},
		{"https://shop.example/a", "https://shop.example/start?x=1", true},
		{"https://shop.example/a", "https://SHOP.example:443", true},
		{"https://shop.example:8443/a", "https://shop.example:8443", true},
		{"https://shop.example/a", "https://shop.example:8443", false},
		{"http://shop.example/a", "http://shop.example", true},
		{"http://shop.example:80/a", "http://shop.example", true},
		{"http://shop.example:443/a", "http://shop.example", false},
		{"https://xn--bcher-kva.example/a", "https://bücher.example", true},
		{"https://xn--bcher-kva.example/a", "https://xn--bcher-kva.example", true},
		{"http://127.0.0.1:8080/a", "http://127.0.0.1:8080", true},
		{"http://[::1]:8080/a", "http://[::1]:8080", true},
		{"http://[::1]/a", "http://[::1]", true},
		{"https://kiosk.example/a", "https://kiosk.example", true},
		{"https://\u212aiosk.example/a", "https://kiosk.example", false}, // the Kelvin sign
		{"https://kio\u017fk.example/a", "https://kiosk.example", false}, // the long s
		{"https://shop.example/a", "", false},
		{"https:///a", "", false},
		{"https:///a", "https://", false},
		{"ftp://shop.example/a", "ftp://shop.example", false},
		{"javascript://shop.example/a", "javascript://shop.example", false},
		{"https://shop.example/a", "shop.example", false},
		{"https://shop.example/a", "://", false},
		{"/a", "", true},
		{"/a", "://", true},
	} {
		if got := ReturnTo(c.raw, c.site); (got != "") != c.want {
			t.Errorf("ReturnTo(%q, %q): got %q, want it taken: %v", c.raw, c.site, got, c.want)
		}
	}
}

func FuzzReturnTo(f *testing.F) {
	for _, seed := range []string{
		"/account", "//evil.example", "/%2f/evil.example", "https://shop.example/x", "https://shop.example@evil.example", "/a?b#c",
		"/.//x", "/%5cx", "https:/evil.example", "/a;b", "/%25%32%66x", "HTTPS://SHOP.EXAMPLE:443/\\x", "/?\\", "/#//x", "/a%3f//x",
	} {
		f.Add(seed)
	}
	base, err := url.Parse("https://id.example/flow/x")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got := ReturnTo(raw, testSite)
		if got == "" {
			return
		}
		u, err := base.Parse(got)
		if err != nil {
			t.Fatalf("ReturnTo(%q): got %q, which does not parse: %v", raw, got, err)
		}
		origin := u.Scheme + "://" + strings.ToLower(u.Host)
		if u.User != nil || origin != "https://id.example" && origin != testSite && origin != testSite+":443" {
			t.Errorf("ReturnTo(%q): got %q, which leads to %s", raw, got, origin)
		}
		// As a browser reads it: a backslash before the query is a slash, and
		// the host is what follows the second of two slashes.
		before, _, _ := strings.Cut(got, "?")
		if strings.HasPrefix(strings.ReplaceAll(before, `\`, "/"), "//") || strings.ContainsAny(got, "\x00\t\r\n ") {
			t.Errorf("ReturnTo(%q): got %q, which a browser reads otherwise", raw, got)
		}
		if again := ReturnTo(got, testSite); again != got {
			t.Errorf("ReturnTo(%q) is %q, but of that: got %q", raw, got, again)
		}
	})
}
