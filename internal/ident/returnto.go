package ident

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// maxReturnTo is the length of a place to be sent back to, in bytes.
const maxReturnTo = 2048

// ReturnTo gives the place that a person may be sent back to, or "" if raw is
// not one. It is a path here, or a URL whose scheme, host and port are exactly
// those of site, the configured SPAREKEY_SITE_URL, which may be empty. The
// result is the URL written anew from its parts, so that the browser does not
// read another one in it.
//
// Browsers take a backslash for a slash, drop tabs and line breaks, and read
// "//host" as another host; proxies decode "%2f" and take "." segments away.
// What could turn into another origin on any of these ways is refused.
func ReturnTo(raw, site string) string {
	if raw == "" || len(raw) > maxReturnTo || !utf8.ValidString(raw) || strings.ContainsFunc(raw, unseen) {
		return ""
	}
	before, _, _ := strings.Cut(raw, "?")
	if strings.Contains(before, `\`) {
		return ""
	}
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || u.User != nil {
		return ""
	}
	if u.Scheme == "" && u.Host == "" {
		if !plainPath(u.EscapedPath()) {
			return ""
		}
		return u.String()
	}
	s, err := url.Parse(site)
	if err != nil || site == "" || !sameOrigin(u, s) {
		return ""
	}
	return u.String()
}

// unseen tells whether r is a blank or a control of any kind. A URL has none.
func unseen(r rune) bool {
	return unicode.IsSpace(r) || unicode.In(r, unicode.C, unicode.Z)
}

// plainPath tells whether path begins with one slash, and has no second one in
// a row, backslash, control, or "." or ".." segment: as it stands, and however
// often somebody on the way decodes it.
func plainPath(path string) bool {
	for {
		if !strings.HasPrefix(path, "/") || strings.Contains(path, "//") || strings.Contains(path, `\`) ||
			!utf8.ValidString(path) || strings.ContainsFunc(path, unicode.IsControl) {
			return false
		}
		for segment := range strings.SplitSeq(path, "/") {
			if segment == "." || segment == ".." {
				return false
			}
		}
		decoded, err := url.PathUnescape(path)
		if err != nil || decoded == path {
			return true // nothing is left to decode: each round made it shorter
		}
		path = decoded
	}
}

// sameOrigin tells whether u has the origin of site (RFC 6454, section 4).
func sameOrigin(u, site *url.URL) bool {
	defaults := map[string]string{"https": "443", "http": "80"}
	standard, web := defaults[u.Scheme]
	if !web || u.Scheme != site.Scheme {
		return false
	}
	host, err := idna.Lookup.ToASCII(site.Hostname())
	if err != nil || site.Hostname() == "" {
		host = site.Hostname() // an address of IPv6, which is no domain
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	host = lowerASCII(host)
	// Not strings.EqualFold, to which U+017F is an s and U+212A a k.
	switch got := lowerASCII(u.Host); site.Port() {
	case "", standard:
		return host != "" && (got == host || got == host+":"+standard)
	default:
		return got == host+":"+site.Port()
	}
}
