package ident

import (
	"net/url"
	"strings"
)

// pushServices are the hosts of those who bring pushes to the browsers of people: of
// Chromium, Firefox, Safari and Edge. One that begins with a dot is all below it.
var pushServices = []string{"fcm.googleapis.com", "updates.push.services.mozilla.com", "web.push.apple.com", ".notify.windows.com"}

// longestEndpoint is in bytes.
const longestEndpoint = 2048

// PushEndpoint reports whether an address is one at which a browser takes pushes:
// nothing else is ever called that a phone names.
func PushEndpoint(text string) bool {
	u, err := url.Parse(text)
	if err != nil || len(text) > longestEndpoint || u.Scheme != "https" || u.User != nil || u.Port() != "" || u.Fragment != "" {
		return false
	}
	for _, host := range pushServices {
		if u.Host == host || strings.HasPrefix(host, ".") && strings.HasSuffix(u.Host, host) {
			return true
		}
	}
	return false
}
