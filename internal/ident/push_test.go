package ident

import "testing"

// Only the services of browsers are called: by their hosts, over https (ASVS 1.3.6).
func TestPushEndpoint(t *testing.T) {
	for text, want := range map[string]bool{
		"https://fcm.googleapis.com/fcm/send/abc":                true,
		"https://updates.push.services.mozilla.com/wpush/v2/abc": true,
		"https://web.push.apple.com/abc":                         true,
		"https://db5p.notify.windows.com/w/?token=abc":           true,
		"http://fcm.googleapis.com/fcm/send/abc":                 false,
		"https://fcm.googleapis.com:8443/fcm/send/abc":           false,
		"https://user@fcm.googleapis.com/fcm/send/abc":           false,
		"https://fcm.googleapis.com.example.com/abc":             false,
		"https://example.com/fcm.googleapis.com":                 false,
		"https://notify.windows.com.example.com/w":               false,
		"https://evilnotify.windows.com/w":                       false,
		"https://127.0.0.1/":                                     false,
		"https://[::1]/":                                         false,
		"file:///etc/passwd":                                     false,
		"":                                                       false,
	} {
		if got := PushEndpoint(text); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}
