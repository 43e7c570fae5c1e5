package demo

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sparekey/internal/config"
	"sparekey/internal/outbox"
)

const (
	number     = "+351912345204"
	textSecret = "sixteen or more bytes"
)

// openTexts starts a mailbox that takes text messages, and gives a sender to
// it, as the server has it.
func openTexts(t *testing.T) (*Mailbox, outbox.TextSender) {
	t.Helper()
	m := NewMailbox(site, time.Now)
	s := httptest.NewServer(m.TextHandler(textSecret))
	t.Cleanup(s.Close)
	sender, err := outbox.NewTextSender(s.URL+"/texts", textSecret)
	if err != nil {
		t.Fatal(err)
	}
	return m, sender
}

// text sends a text message that must arrive.
func text(t *testing.T, sender outbox.TextSender, id, to, body string) {
	t.Helper()
	if err := sender.SendText(t.Context(), outbox.Text{ID: id, To: to, Body: body}); err != nil {
		t.Fatalf("got %v, want the text sent", err)
	}
}

// A text message that the server sends is beside the mails, newest first, with
// its number and all it says. One that is sent again is there once.
func TestTextArrives(t *testing.T) {
	m, sender := openTexts(t)
	const body = "41830275 – ваш код Lantern Market.\n\n@id.example #41830275"
	text(t, sender, "m1", number, body)
	text(t, sender, "m2", "+447400123456", "رمزك 11112222")
	text(t, sender, "m1", number, body)
	own := m.Texts(number)
	if len(own) != 1 || own[0].ID != "m1" || own[0].Body != body || time.Since(own[0].At) > time.Minute {
		t.Errorf("got %+v, want the text once", own)
	}
	if all := m.Texts(""); len(all) != 2 {
		t.Errorf("got %d texts, want 2", len(all))
	}
	alone := get(t, m, "/").Body.String()
	m.add(Mail{To: "mara@example.com", Subject: "Your code"})
	for what, page := range map[string]string{"alone": alone, "beside a mail": get(t, m, "/").Body.String()} {
		if newer, older := strings.Index(page, "رمزك 11112222"), strings.Index(page, "41830275 – ваш код"); newer < 0 || older < newer {
			t.Errorf("%s: the newest text is not first, or one is missing:\n%s", what, page)
		}
		if !strings.Contains(page, `<bdi>&#43;351912345204</bdi>`) || !strings.Contains(page, "@id.example #41830275") {
			t.Errorf("%s: the number or the last line is missing:\n%s", what, page)
		}
	}
	page := get(t, m, "/?to=%2B351912345204").Body.String()
	if strings.Contains(page, "11112222") || strings.Contains(page, "Your code") || !strings.Contains(page, "41830275") {
		t.Errorf("the list of one number shows others', or not its own:\n%s", page)
	}
	if !strings.Contains(page, `href="/?to=%2b351912345204"`) {
		t.Errorf("the number does not lead to its own list:\n%s", page)
	}
}

// Nothing in a text message becomes markup of the mailbox.
func TestTextIsShutIn(t *testing.T) {
	m, sender := openTexts(t)
	text(t, sender, "m1", number, `<script>alert(1)</script><img src=https://evil.example/x> https://evil.example`)
	for _, tag := range tags(t, get(t, m, "/").Body.String()) {
		if tag.Data == "script" || tag.Data == "img" || strings.Contains(attr(tag, "href"), "evil") {
			t.Errorf("the page has <%s>", tag.Data)
		}
	}
}

// What is not signed with the secret, and lately, is refused and not kept; and
// so is what is no text message.
func TestTextsMustBeSigned(t *testing.T) {
	m, _ := openTexts(t)
	s := httptest.NewServer(m.TextHandler(textSecret))
	defer s.Close()
	stranger, err := outbox.NewTextSender(s.URL+"/texts", "another secret of theirs")
	if err != nil {
		t.Fatal(err)
	}
	var failed *outbox.SendError
	if err := stranger.SendText(t.Context(), outbox.Text{ID: "m1", To: number, Body: "x"}); !errors.As(err, &failed) || failed.Temporary {
		t.Errorf("another secret: got %v, want it refused for good", err)
	}
	late := NewMailbox(site, func() time.Time { return time.Now().Add(time.Hour) })
	lateServer := httptest.NewServer(late.TextHandler(textSecret))
	defer lateServer.Close()
	sender, err := outbox.NewTextSender(lateServer.URL+"/texts", textSecret)
	if err != nil {
		t.Fatal(err)
	}
	if err := sender.SendText(t.Context(), outbox.Text{ID: "m1", To: number, Body: "x"}); err == nil {
		t.Error("a call that is an hour old was taken")
	}
	for name, c := range map[string]struct {
		method, path, body string
		want               int
	}{
		"no signature": {http.MethodPost, "/texts", `{"id":"m1","to":"+1","text":"x"}`, http.StatusUnauthorized},
		"too long":     {http.MethodPost, "/texts", strings.Repeat("x", maxTextCall+1), http.StatusRequestEntityTooLarge},
		"a look":       {http.MethodGet, "/texts", "", http.StatusMethodNotAllowed},
		"elsewhere":    {http.MethodPost, "/", "{}", http.StatusNotFound},
	} {
		w := httptest.NewRecorder()
		m.TextHandler(textSecret).ServeHTTP(w, httptest.NewRequest(c.method, c.path, strings.NewReader(c.body)))
		if w.Code != c.want {
			t.Errorf("%s: got %d, want %d", name, w.Code, c.want)
		}
	}
	for _, header := range []string{"", "t=,v1=", "t=x,v1=y", "v1=,t=", fmt.Sprintf("t=%d", time.Now().Unix()), fmt.Sprintf("t=%d,v1=", time.Now().Unix()), "t=99999999999999999999,v1="} {
		if signed(header, []byte("{}"), textSecret, time.Now()) {
			t.Errorf("the header %q is taken for a signature", header)
		}
	}
	if got := append(m.Texts(""), late.Texts("")...); got != nil {
		t.Errorf("got %+v, want none kept", got)
	}
}

// The box keeps the newest 500 text messages, and a wait finds the one that
// comes.
func TestTextsMakeRoom(t *testing.T) {
	m := NewMailbox(site, time.Now)
	got := make(chan Text, 1)
	go func() {
		one, err := m.WaitText(t.Context(), number, 2)
		if err != nil {
			t.Errorf("wait: %v", err)
		}
		got <- one
	}()
	for n := range maxMails + 3 {
		m.addText(Text{ID: fmt.Sprint(n + 1), To: []string{number, "+447400123456"}[n%2]})
	}
	if one := <-got; one.To != number {
		t.Errorf("got a text to %s, want one to %s", one.To, number)
	}
	if all := m.Texts(""); len(all) != maxMails || all[0].ID != "4" || all[maxMails-1].ID != "503" {
		t.Errorf("got %d texts from %s to %s, want 500 from 4 to 503", len(all), all[0].ID, all[len(all)-1].ID)
	}
}

// The demo's own settings lead to its own gateway, for numbers of every
// country, under a secret of that run.
func TestDemoTakesItsOwnTexts(t *testing.T) {
	at, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d, err := openDoors(at)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []net.Listener{d.site, d.mailbox, d.smtp, d.texts} {
		defer l.Close()
	}
	one, err := settings(&config.Settings{SiteName: "Lantern"}, t.TempDir(), d)
	if err != nil {
		t.Fatal(err)
	}
	other, err := settings(&config.Settings{SiteName: "Lantern"}, t.TempDir(), d)
	if err != nil {
		t.Fatal(err)
	}
	if one.SMSSecret.Reveal() == other.SMSSecret.Reveal() || !one.TextsTo("PT") || !one.TextsTo("TV") {
		t.Error("got the same secret twice, or a country left out")
	}
	m := NewMailbox(site, time.Now)
	server := &http.Server{Handler: m.TextHandler(one.SMSSecret.Reveal()), ReadHeaderTimeout: time.Second}
	go server.Serve(d.texts) //nolint:errcheck // it ends with the test
	defer server.Close()
	sender, err := outbox.NewTextSender(one.SMS.Reveal(), one.SMSSecret.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	text(t, sender, "m1", number, "41830275")
	if got := m.Texts(number); len(got) != 1 {
		t.Errorf("got %+v, want the text", got)
	}
}
