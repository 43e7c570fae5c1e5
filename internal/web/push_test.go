package web_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"sparekey/internal/sparekeytest"
)

// A phone that wants it is told of new sign-ins and changes: encrypted for it
// alone, in a sentence, with nothing secret, and not of what a stranger can start
// (A69, ASVS 6.6.4). A browser that has unsubscribed is forgotten.
func TestA69PushTellsWhatHappened(t *testing.T) {
	for _, database := range []string{"", sparekeytest.Postgres(t)} {
		service := sparekeytest.NewPushService(t)
		app := sparekeytest.New(t, sparekeytest.Options{Database: database, Pushes: service})
		phone := pairs(app, app.Register(mara, first), mara)
		app.Deliver()
		if len(service.Seen()) != 0 {
			t.Fatalf("got %d pushes before anybody wanted them, want none", len(service.Seen()))
		}
		phone.Subscribe(service.At()).See(204)
		app.Client().Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		recovering(app, mara)
		app.Deliver()
		if len(service.Got()) != 1 {
			t.Fatalf("got pushes %q, want one of the new sign-in and none of the recovery that somebody began", service.Got())
		}
		var told struct{ Title, Body, Lang, Tag string }
		if err := json.Unmarshal([]byte(service.Got()[0]), &told); err != nil {
			t.Fatalf("got %q: %v", service.Got()[0], err)
		}
		if told.Title != "Lantern Market" || told.Body != "New sign-in. Tap to see." || told.Tag != "new-sign-in" {
			t.Errorf("got %+v, want the sentence of a new sign-in", told)
		}
		if r := service.Seen()[0]; r.Header.Get("Content-Encoding") != "aes128gcm" || !strings.HasPrefix(r.Header.Get("Authorization"), "vapid ") || r.Header.Get("TTL") == "" {
			t.Errorf("got %v, want a push of RFC 8030 with VAPID", r.Header)
		}

		service.Answers(410)
		app.Sleep(2 * time.Hour)
		app.Client().Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		app.Deliver()
		if n := app.Rows().Text(`SELECT COUNT(*) || '' FROM subscriptions`); n != "0" {
			t.Errorf("got %s subscriptions after the service said that it is gone, want none", n)
		}
		phone.Subscribe(service.At()).See(204)
		phone.Subscribe(nil).See(204)
		if n := app.Rows().Text(`SELECT COUNT(*) || '' FROM subscriptions`); n != "0" {
			t.Errorf("got %s subscriptions after the phone took it back, want none", n)
		}
	}
}

// A push service that fails is asked again, a phone that was removed or sleeps is
// not told, and an address that is no push service's is refused (ASVS 1.3.6).
func TestPushGoesToPushServicesAlone(t *testing.T) {
	service := sparekeytest.NewPushService(t)
	app := sparekeytest.New(t, sparekeytest.Options{Pushes: service})
	phone := pairs(app, app.Register(mara, first), mara)
	app.Deliver()
	for _, at := range []string{
		strings.Replace(string(service.At()), service.URL, "https://example.com", 1), `{"endpoint":"` + service.URL + `/push","keys":{}}`, `{}`,
	} {
		refuses(t, phone.Subscribe(json.RawMessage(at)), 422, "app.push.no", "push")
	}
	phone.Subscribe(service.At()).See(204)
	service.Answers(503)
	app.Client().Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
	app.Deliver()
	tried := len(service.Seen())
	service.Answers(201)
	app.Sleep(time.Minute)
	app.Deliver()
	if tried == 0 || len(service.Got()) != 1 {
		t.Errorf("got %d tries and then pushes %q, want it to be asked again", tried, service.Got())
	}
	app.Rows().Exec(`UPDATE credentials SET asleep = 1 WHERE kind = 'app'`)
	app.Sleep(2 * time.Hour)
	app.Client().Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
	app.Deliver()
	if len(service.Got()) != 1 {
		t.Errorf("got pushes %q, want none to a phone that sleeps", service.Got())
	}
}

// An installation whose key for push services can be read no more, because the key
// that sealed it was retired by force, starts with a new one: what was told by the old
// one is forgotten, and a phone is told again once its app was opened.
func TestPushKeyIsLost(t *testing.T) {
	service := sparekeytest.NewPushService(t)
	app := sparekeytest.New(t, sparekeytest.Options{Database: sparekeytest.Postgres(t), Pushes: service})
	phone := pairs(app, app.Register(mara, first), mara)
	phone.Subscribe(service.At()).See(204)
	app.Deliver()
	before := len(service.Got())
	app.Rows().Exec(`UPDATE meta SET value = 'gone' || value WHERE key = 'push'`)
	node := app.Node()
	phone.Client = phone.On(node)
	home := func() (said struct {
		PushKey string `json:"push_key"`
		Told    bool
	},
	) {
		question, signature := phone.Question()
		reads(t, phone.Ask("/api/v1/app/home", "device", phone.Device, "question", question, "signature", signature), &said)
		return said
	}
	if is := home(); is.PushKey == "" || is.PushKey == app.Flows.Push.Key || is.Told {
		t.Fatalf("got %+v, want another key than %s, and to be told no more", is, app.Flows.Push.Key)
	}
	phone.Subscribe(service.At()).See(204)
	node.Client().Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
	node.Deliver()
	if got := service.Got(); len(got) != before+1 {
		t.Errorf("got pushes %q, want one more", got)
	}
	if again := app.Node().Flows.Push.Key; again != home().PushKey {
		t.Errorf("got key %s from the next node, want the one that was kept", again)
	}
}
