package outbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	textNumber = "+351912345204"
	textSecret = "sixteen or more bytes"
	textPath   = "/send/open-sesame"
)

// texted is a text as the worker hands it over.
func texted() Text {
	return Text{ID: "m1", To: textNumber, Body: "41830275 is your Lantern Market code.\n\n@id.lanternmarket.example #41830275"}
}

// gatewayOf starts a server that is told of every call, its body read.
func gatewayOf(t *testing.T, take func(w http.ResponseWriter, r *http.Request, body []byte)) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read the call: %v", err)
		}
		take(w, r, body)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// says answers with a status.
func says(status int) func(http.ResponseWriter, *http.Request, []byte) {
	return func(w http.ResponseWriter, _ *http.Request, _ []byte) { w.WriteHeader(status) }
}

// newWebhook builds a sender to a server.
func newWebhook(t *testing.T, s *httptest.Server) *webhook {
	t.Helper()
	made, err := NewTextSender(s.URL+textPath, textSecret)
	if err != nil {
		t.Fatal(err)
	}
	w := made.(*webhook)
	t.Cleanup(w.client.CloseIdleConnections)
	return w
}

// notSent sends a text that must not get through, and sees to it that the
// error tells nothing of it.
func notSent(t *testing.T, s TextSender, m Text) *SendError {
	t.Helper()
	err := s.SendText(t.Context(), m)
	var failed *SendError
	if !errors.As(err, &failed) {
		t.Fatalf("got %v, want a *SendError", err)
	}
	for _, hidden := range []string{"912345204", "41830275", textSecret, "sesame", "Lantern"} {
		if strings.Contains(failed.Error(), hidden) {
			t.Errorf("got the error %q, want no %q in it", failed, hidden)
		}
	}
	return failed
}

// vouched reports whether a call was signed with the secret, and lately: what
// a receiver does.
func vouched(header string, body []byte, secret string, now time.Time) bool {
	at, sum, ok := strings.Cut(header, ",v1=")
	at, begins := strings.CutPrefix(at, "t=")
	seconds, err := strconv.ParseInt(at, 10, 64)
	got, wrong := hex.DecodeString(sum)
	if !ok || !begins || err != nil || wrong != nil || now.Sub(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%s.%s", at, body)
	return hmac.Equal(got, mac.Sum(nil))
}

// A webhook is told the id, the number and the text, as JSON, signed with the
// secret: nobody else can call it so, and nobody can call it so again later.
func TestWebhookIsSigned(t *testing.T) {
	var header string
	var body []byte
	w := newWebhook(t, gatewayOf(t, func(w http.ResponseWriter, r *http.Request, sent []byte) {
		header, body = r.Header.Get("Sparekey-Signature"), sent
		for name, want := range map[string]string{
			"Content-Type": "application/json", "Idempotency-Key": "m1", "User-Agent": "Sparekey", "Accept-Encoding": "", "Cookie": "",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		if r.Method != http.MethodPost || r.URL.Path != textPath || r.ContentLength != int64(len(sent)) {
			t.Errorf("got %s %s of %d bytes, want a POST to the setting's path", r.Method, r.URL, r.ContentLength)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	m := texted()
	m.Body = "41830275 – ваш код <Lantern> & \"رمز\" \U0001f511\n\n@id.example #41830275"
	if err := w.SendText(t.Context(), m); err != nil {
		t.Fatalf("got %v, want the text sent", err)
	}
	var got struct{ ID, To, Text string }
	if err := json.Unmarshal(body, &got); err != nil || got.ID != "m1" || got.To != textNumber || got.Text != m.Body {
		t.Errorf("got %s, %v, want the text", body, err)
	}
	now := time.Now()
	if !vouched(header, body, textSecret, now) {
		t.Errorf("got the signature %q, which is not right", header)
	}
	at, sum, _ := strings.Cut(strings.TrimPrefix(header, "t="), ",")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	later := fmt.Sprintf("t=%d,%s", seconds+1, sum)
	other := bytes.Replace(body, []byte("204"), []byte("205"), 1)
	for what, wrong := range map[string]bool{
		"another number": vouched(header, other, textSecret, now), "another secret": vouched(header, body, textSecret+"x", now),
		"an hour later": vouched(header, body, textSecret, now.Add(time.Hour)), "another time": vouched(later, body, textSecret, now),
	} {
		if wrong {
			t.Errorf("%s: the signature is right all the same", what)
		}
	}
}

// What a gateway refuses for good is not tried again, the rest is.
func TestTextAnswers(t *testing.T) {
	var status atomic.Int64
	w := newWebhook(t, gatewayOf(t, func(w http.ResponseWriter, _ *http.Request, body []byte) {
		w.Header().Set("Retry-After", "86400")
		w.WriteHeader(int(status.Load()))
		if status.Load() != http.StatusNoContent && status.Load() != http.StatusNotModified {
			w.Write(body) // nothing of an answer comes into the log
		}
	}))
	for _, ok := range []int{200, 201, 202, 204, 299} {
		status.Store(int64(ok))
		if err := w.SendText(t.Context(), texted()); err != nil {
			t.Errorf("%d: got %v, want the text sent", ok, err)
		}
	}
	for code, temporary := range map[int]bool{
		300: false, 301: false, 302: false, 303: false, 304: false, 307: false, 308: false,
		400: false, 401: false, 403: false, 404: false, 405: false, 410: false, 422: false, 451: false, 499: false,
		408: true, 425: true, 429: true, 500: true, 501: true, 502: true, 503: true, 504: true, 599: true, 999: true,
	} {
		status.Store(int64(code))
		failed := notSent(t, w, texted())
		if failed.Temporary != temporary || !strings.Contains(failed.Reason, fmt.Sprint(code)) {
			t.Errorf("%d: got %+v, want temporary %v and the code", code, failed, temporary)
		}
	}
}

// A redirect is not followed: the text and its code go to nobody whom the
// operator has not named.
func TestRedirectsCarryNoText(t *testing.T) {
	var strangers atomic.Int64
	stranger := gatewayOf(t, func(http.ResponseWriter, *http.Request, []byte) { strangers.Add(1) })
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, to := range []string{stranger.URL + "/", "//" + stranger.Listener.Addr().String() + "/", "/elsewhere"} {
			var calls atomic.Int64
			w := newWebhook(t, gatewayOf(t, func(w http.ResponseWriter, _ *http.Request, _ []byte) {
				calls.Add(1)
				w.Header().Set("Location", to)
				w.WriteHeader(status)
			}))
			if failed := notSent(t, w, texted()); failed.Temporary || calls.Load() != 1 {
				t.Errorf("%d to %s: got %+v after %d calls, want it refused for good after one", status, to, failed, calls.Load())
			}
		}
	}
	if n := strangers.Load(); n != 0 {
		t.Errorf("got %d calls to a stranger, want none", n)
	}
}

// An answer without end is cut off, and counts by its status; the connection
// of a short one is kept.
func TestLongAnswersAreCutOff(t *testing.T) {
	for _, c := range []struct {
		name      string
		size      int
		wantConns int64
	}{{"none", 0, 1}, {"short", 60 << 10, 1}, {"10 MB", 10 << 20, 2}} {
		t.Run(c.name, func(t *testing.T) {
			var conns atomic.Int64
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				w.Write(bytes.Repeat([]byte("x"), c.size))
			}))
			s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					conns.Add(1)
				}
			}
			s.Start()
			defer s.Close() // it waits for calls under way: a client that reads on would keep it
			w := newWebhook(t, s)
			for range 2 {
				if err := w.SendText(t.Context(), texted()); err != nil {
					t.Errorf("got %v, want the text sent", err)
				}
			}
			if got := conns.Load(); got != c.wantConns {
				t.Errorf("got %d connections for two texts, want %d", got, c.wantConns)
			}
		})
	}
}

// A header without end is no answer.
func TestLongHeadersAreCutOff(t *testing.T) {
	w := newWebhook(t, gatewayOf(t, func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		for n := range 100 {
			w.Header().Set(fmt.Sprintf("X-%d", n), strings.Repeat("x", 4<<10))
		}
	}))
	if failed := notSent(t, w, texted()); !failed.Temporary {
		t.Errorf("got %+v, want it tried again", failed)
	}
}

// A gateway that takes its time keeps nobody waiting longer than the timeout,
// and what it has said with its status counts.
func TestSilentGateways(t *testing.T) {
	hang := func(r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(30 * time.Second):
		}
	}
	for _, c := range []struct {
		name string
		take func(w http.ResponseWriter, r *http.Request)
		sent bool
	}{
		{"no word", func(_ http.ResponseWriter, r *http.Request) { hang(r) }, false},
		{"no end", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			http.NewResponseController(w).Flush() //nolint:errcheck // the client sees
			hang(r)
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWebhook(t, gatewayOf(t, func(w http.ResponseWriter, r *http.Request, _ []byte) { c.take(w, r) }))
			w.timeout = 200 * time.Millisecond
			began := time.Now()
			err := w.SendText(t.Context(), texted())
			var failed *SendError
			if c.sent && err != nil || !c.sent && (!errors.As(err, &failed) || !failed.Temporary || !strings.Contains(failed.Reason, "too long")) {
				t.Errorf("got %v, want it sent: %v, or else tried again", err, c.sent)
			}
			if took := time.Since(began); took > 10*time.Second { // the machine may be busy
				t.Errorf("got an end after %v, want one after 200 ms", took)
			}
		})
	}
}

// When the outbox has no more time, the hand-over ends at once.
func TestTextEndsWithItsContext(t *testing.T) {
	w := newWebhook(t, gatewayOf(t, func(_ http.ResponseWriter, r *http.Request, _ []byte) { <-r.Context().Done() }))
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	var failed *SendError
	if err := w.SendText(ctx, texted()); !errors.As(err, &failed) || !failed.Temporary {
		t.Errorf("got %v, want it tried again", err)
	}
}

// A connection that breaks is a reason to try again; one that was kept and had
// ended meanwhile is not even that.
func TestBrokenConnections(t *testing.T) {
	cut := newWebhook(t, gatewayOf(t, func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.Close()
	}))
	if failed := notSent(t, cut, texted()); !failed.Temporary {
		t.Errorf("cut: got %+v, want it tried again", failed)
	}
	garbage := newWebhook(t, gatewayOf(t, func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(conn, "41830275 for "+textNumber+"? No.\r\n\r\n")
		conn.Close()
	}))
	if failed := notSent(t, garbage, texted()); !failed.Temporary {
		t.Errorf("garbage: got %+v, want it tried again", failed)
	}
	gone := gatewayOf(t, says(http.StatusOK))
	gone.Close()
	if failed := notSent(t, newWebhook(t, gone), texted()); !failed.Temporary || !strings.Contains(failed.Reason, "refused") {
		t.Errorf("gone: got %+v, want it tried again, and that the connection was refused", failed)
	}
	kept := gatewayOf(t, says(http.StatusOK))
	w := newWebhook(t, kept)
	for range 3 {
		if err := w.SendText(t.Context(), texted()); err != nil {
			t.Errorf("kept: got %v, want the text sent", err)
		}
		kept.CloseClientConnections()
	}
}

// Over https the certificate is looked at, and the environment names no proxy.
func TestWebhookOverTLS(t *testing.T) {
	var calls atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that break off are what it is for
	s.StartTLS()
	defer s.Close()
	w := newWebhook(t, s)
	if failed := notSent(t, w, texted()); !failed.Temporary || !strings.Contains(failed.Reason, "not trusted") || calls.Load() != 0 {
		t.Errorf("got %+v after %d calls, want that the certificate is not trusted", failed, calls.Load())
	}
	transport := w.client.Transport.(*http.Transport)
	if transport.Proxy != nil {
		t.Error("got a proxy from the environment, want none")
	}
	transport.TLSClientConfig = s.Client().Transport.(*http.Transport).TLSClientConfig
	if err := w.SendText(t.Context(), texted()); err != nil || calls.Load() != 1 {
		t.Errorf("got %v after %d calls, want the text sent", err, calls.Load())
	}
}

// Without TLS nothing leaves this machine, whatever its name leads to.
func TestNearStaysNear(t *testing.T) {
	conn, err := dialNear(t.Context(), "tcp", gatewayOf(t, says(http.StatusOK)).Listener.Addr().String())
	if err != nil {
		t.Fatalf("got %v, want a connection", err)
	}
	conn.Close()
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range interfaces {
		network, ok := at.(*net.IPNet)
		if !ok || network.IP.IsLoopback() || network.IP.To4() == nil {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort(network.IP.String(), "0"))
		if err != nil {
			continue
		}
		defer l.Close()
		if conn, err := dialNear(t.Context(), "tcp", l.Addr().String()); !errors.Is(err, errElsewhere) {
			t.Errorf("%s: got %v, %v, want no connection", l.Addr(), conn, err)
		}
	}
}

// Many texts at once take turns on a few connections.
func TestTextsTakeTurns(t *testing.T) {
	var under, most, all atomic.Int64
	w := newWebhook(t, gatewayOf(t, func(http.ResponseWriter, *http.Request, []byte) {
		now := under.Add(1)
		for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
		}
		time.Sleep(5 * time.Millisecond)
		all.Add(1)
		under.Add(-1)
	}))
	var group sync.WaitGroup
	for range 40 {
		group.Go(func() {
			if err := w.SendText(t.Context(), texted()); err != nil {
				t.Errorf("got %v, want the text sent", err)
			}
		})
	}
	group.Wait()
	if most.Load() > maxLinks || all.Load() != 40 {
		t.Errorf("got %d texts, %d at a time, want 40, %d at a time", all.Load(), most.Load(), maxLinks)
	}
}

// Settings that cannot be used are refused, and nothing of them is printed.
func TestTextSettings(t *testing.T) {
	for _, c := range []struct{ setting, secret, want string }{
		{"https://sms.example.org" + textPath, textSecret, ""},
		{"https://mailer:open-sesame@sms.example.org/?key=open-sesame", textSecret, ""},
		{"http://127.0.0.1:8090/texts", textSecret, ""},
		{"http://[::1]:8090/texts", textSecret, ""},
		{"http://localhost:8090", "0123456789abcdef", ""},
		{"twilio://AC1:open-sesame@api.twilio.com/+15005550006", "", ""},
		{"twilio://AC1:open-sesame@api.twilio.com/Lantern", "", ""},

		{"", textSecret, "SPAREKEY_SMS: needs https://"},
		{"sms.example.org/open-sesame", textSecret, "SPAREKEY_SMS: needs https://"},
		{"ftp://sms.example.org/open-sesame", textSecret, "SPAREKEY_SMS: needs https://"},
		{"http://sms.example.org/open-sesame", textSecret, "http:// is for this machine alone"},
		{"http://sms.localhost/open-sesame", textSecret, "http:// is for this machine alone"},
		{"https://sms.example.org/#open-sesame", textSecret, "SPAREKEY_SMS: needs https://"},
		{"https://sms.example.org/%zz?open-sesame", textSecret, "SPAREKEY_SMS: needs https://"},
		{"https://sms.example.org/", "open-sesame", "SPAREKEY_SMS_SECRET: needs 16 bytes"},
		{"https://sms.example.org/", "", "SPAREKEY_SMS_SECRET: needs 16 bytes"},
		{"twilio://AC1:open-sesame@api.twilio.com/+15005550006", textSecret, "SPAREKEY_SMS_SECRET: signs the calls of a webhook"},
		{"twilio://AC1@api.twilio.com/+15005550006", "", "twilio://ACCOUNT:TOKEN@HOST/FROM"},
		{"twilio://api.twilio.com/+15005550006", "", "twilio://ACCOUNT:TOKEN@HOST/FROM"},
		{"twilio://AC1:open-sesame@api.twilio.com", "", "twilio://ACCOUNT:TOKEN@HOST/FROM"},
		{"twilio://AC1:open-sesame@api.twilio.com/a/b", "", "twilio://ACCOUNT:TOKEN@HOST/FROM"},
		{"twilio://AC1:open-sesame@api.twilio.com/a?b=c", "", "twilio://ACCOUNT:TOKEN@HOST/FROM"},
		{"twilio://AC1:open-sesame@/+15005550006", "", "needs https:// and a host"},
	} {
		s, err := NewTextSender(c.setting, c.secret)
		switch {
		case c.want == "" && (err != nil || s == nil):
			t.Errorf("%s: got %v, want a sender", c.setting, err)
		case c.want != "" && (err == nil || s != nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v, %v, want %q", c.setting, s, err, c.want)
		case err != nil && (strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), textSecret)):
			t.Errorf("%s: the secret is shown: %v", c.setting, err)
		}
	}
}

// What is no text message goes nowhere, and is not tried again.
func TestMalformedTexts(t *testing.T) {
	w := newWebhook(t, gatewayOf(t, func(http.ResponseWriter, *http.Request, []byte) { t.Error("it was sent") }))
	for what, spoil := range map[string]func(*Text){
		"national":  func(m *Text) { m.To = "912345204" },
		"short":     func(m *Text) { m.To = "+35191" },
		"long":      func(m *Text) { m.To = "+3519123452040000" },
		"blanks":    func(m *Text) { m.To = "+351 912 345 204" },
		"header":    func(m *Text) { m.To = textNumber + "\r\nX: y" },
		"no number": func(m *Text) { m.To = "" },
		"no text":   func(m *Text) { m.Body = "" },
		"no UTF-8":  func(m *Text) { m.Body = "\xff" },
		"no id":     func(m *Text) { m.ID = "" },
		"bad id":    func(m *Text) { m.ID = "a\r\nb" },
	} {
		m := texted()
		spoil(&m)
		if failed := notSent(t, w, m); failed.Temporary {
			t.Errorf("%s: got %+v, want it given up", what, failed)
		}
	}
}

// However a text is printed, neither the number nor the code is.
func TestTextsHideThemselves(t *testing.T) {
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "text", texted())
	m := texted()
	fmt.Fprintf(&out, "%v %+v %#v %s %q %x %v", m, m, m, m, m, m, &m)
	if got := out.String(); strings.Contains(got, "41830275") || strings.Contains(got, "912345204") || !strings.Contains(got, "text m1") {
		t.Errorf("got %s, want the id alone", got)
	}
}

// Twilio is told the same as a form, under the account and its token.
func TestTwilio(t *testing.T) {
	const service = "MG0123456789abcdef0123456789abcdef"
	var status atomic.Int64
	status.Store(http.StatusCreated)
	var form map[string][]string
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		account, token, ok := r.BasicAuth()
		if r.Method != http.MethodPost || r.URL.Path != "/2010-04-01/Accounts/AC1/Messages.json" || !ok || account != "AC1" || token != "open:sesame" {
			t.Errorf("got %s %s by %s, want a POST by the account", r.Method, r.URL, account)
		}
		if got := r.Header.Get("Content-Type"); got != "application/x-www-form-urlencoded" {
			t.Errorf("got the type %q, want a form", got)
		}
		if r.Header.Get("Sparekey-Signature") != "" || r.Header.Get("User-Agent") != "Sparekey" {
			t.Errorf("got the headers %v, want no signature, and who calls", r.Header)
		}
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		form = r.PostForm
		w.WriteHeader(int(status.Load()))
	}))
	defer s.Close()
	for from, want := range map[string]string{
		"+15005550006": "From", "Lantern%20M": "From", "MGM": "From", service: "MessagingServiceSid",
	} {
		sender, err := NewTextSender("twilio://AC1:open%3Asesame@"+s.Listener.Addr().String()+"/"+from, "")
		if err != nil {
			t.Fatal(err)
		}
		w := sender.(*twilio)
		w.client.Transport.(*http.Transport).TLSClientConfig = s.Client().Transport.(*http.Transport).TLSClientConfig
		if err := w.SendText(t.Context(), texted()); err != nil {
			t.Errorf("%s: got %v, want the text sent", from, err)
		}
		got := fmt.Sprint(form)
		if wish := fmt.Sprint(map[string][]string{
			"To": {textNumber}, "Body": {texted().Body}, want: {strings.ReplaceAll(from, "%20", " ")},
		}); got != wish {
			t.Errorf("%s: got the form %s, want %s", from, got, wish)
		}
		for code, temporary := range map[int]bool{301: false, 400: false, 401: false, 429: true, 503: true} {
			status.Store(int64(code))
			if failed := notSent(t, w, texted()); failed.Temporary != temporary {
				t.Errorf("%d: got %+v, want temporary %v", code, failed, temporary)
			}
		}
		status.Store(http.StatusCreated)
		w.client.CloseIdleConnections()
	}
}
