package outbox

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A Text is one text message to one phone number, written and ready to be
// sent.
type Text struct {
	ID   string // the same when it is sent again
	To   string // the number, as E.164 has it
	Body string
}

// Format prints the text's id for every verb: its body may hold a code.
func (t Text) Format(f fmt.State, _ rune) { io.WriteString(f, "text "+t.ID) }

// LogValue gives the text's id.
func (t Text) LogValue() slog.Value { return slog.StringValue("text " + t.ID) }

// A TextSender hands a text message to the gateway that sends it on. It
// reports a *SendError.
type TextSender interface {
	SendText(ctx context.Context, t Text) error
}

const (
	// textTimeout bounds one hand-over, from connecting to the answer's end.
	textTimeout = 10 * time.Second
	// longestAnswer is how much of a gateway's answer is read, in bytes: nothing
	// in it is of use, but a connection can be kept only once it is read.
	longestAnswer = 64 << 10
	// shortestTextSecret is in bytes.
	shortestTextSecret = 16
)

// NewTextSender builds the sender that the settings SPAREKEY_SMS and
// SPAREKEY_SMS_SECRET describe: a webhook, whose calls are signed, or
// twilio://ACCOUNT:TOKEN@HOST/FROM. It connects to nobody. An error names the
// setting and the mend, and none of the value: a webhook's URL may hold a
// secret anywhere.
func NewTextSender(setting, secret string) (TextSender, error) {
	u, err := url.Parse(setting)
	if err != nil || u.Host == "" || u.Fragment != "" {
		return nil, errors.New("SPAREKEY_SMS: needs https:// and a host, or twilio://ACCOUNT:TOKEN@HOST/FROM")
	}
	switch {
	case u.Scheme == "twilio" && secret == "":
		return newTwilio(u)
	case u.Scheme == "twilio":
		return nil, errors.New("SPAREKEY_SMS_SECRET: signs the calls of a webhook, and Twilio takes the token in SPAREKEY_SMS; leave it out")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return nil, errors.New("SPAREKEY_SMS: needs https:// (http:// is for this machine alone)")
	case len(secret) < shortestTextSecret:
		return nil, fmt.Errorf("SPAREKEY_SMS_SECRET: needs %d bytes or more", shortestTextSecret)
	}
	return &webhook{gateway: newGateway(u.Scheme == "http"), url: u.String(), secret: []byte(secret), now: time.Now}, nil
}

// A webhook is a URL of the operator's that sends texts on.
type webhook struct {
	gateway
	url    string
	secret []byte
	now    func() time.Time
}

// SendText posts the text as JSON. The signature covers the time as well, so
// that a call that was overheard is of no use later.
func (w *webhook) SendText(ctx context.Context, t Text) error {
	if err := checkText(t); err != nil {
		return err
	}
	body, err := json.Marshal(map[string]string{"id": t.ID, "to": t.To, "text": t.Body})
	if err != nil {
		return &SendError{Reason: "the text cannot be written as JSON"}
	}
	at := strconv.FormatInt(w.now().Unix(), 10)
	mac := hmac.New(sha256.New, w.secret)
	mac.Write([]byte(at + "." + string(body)))
	return w.post(ctx, w.url, string(body), func(r *http.Request) {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", t.ID)
		r.Header.Set("Sparekey-Signature", "t="+at+",v1="+hex.EncodeToString(mac.Sum(nil)))
	})
}

// checkText refuses what is no text message. Nothing of it is in the error.
func checkText(t Text) error {
	digits, plus := strings.CutPrefix(t.To, "+")
	switch {
	case !plus, len(digits) < 6, len(digits) > 15, strings.Trim(digits, "0123456789") != "":
		return &SendError{Reason: "the phone number is malformed"}
	case t.Body == "", !utf8.ValidString(t.Body):
		return &SendError{Reason: "the text is malformed"}
	case t.ID == "", !plainID(t.ID):
		return &SendError{Reason: "the id is malformed"}
	}
	return nil
}

// A gateway takes texts over HTTP.
type gateway struct {
	client  *http.Client
	timeout time.Duration
}

// newGateway makes the client for one gateway. near says that it is on this
// machine, and that nothing is to leave it.
func newGateway(near bool) gateway {
	t := &http.Transport{ // no Proxy: the environment has no say in where codes go
		MaxConnsPerHost: maxLinks, MaxIdleConnsPerHost: maxLinks, IdleConnTimeout: keepIdle,
		MaxResponseHeaderBytes: longestAnswer, DisableCompression: true,
	}
	if near {
		t.DialContext = dialNear
	}
	return gateway{timeout: textTimeout, client: &http.Client{
		Transport: t,
		// Whoever is named by a redirect is nobody whom the operator named.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// dialNear connects to this machine, should its name lead elsewhere or not.
func dialNear(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if at, ok := conn.RemoteAddr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() {
		conn.Close()
		return nil, errElsewhere
	}
	return conn, nil
}

// post hands over a body and says what the answer means. Only its status is
// looked at.
func (g gateway) post(ctx context.Context, to, body string, head func(*http.Request)) error {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(body))
	if err != nil {
		return &SendError{Reason: "the URL in SPAREKEY_SMS cannot be called"}
	}
	r.Header.Set("User-Agent", "Sparekey")
	head(r)
	answer, err := g.client.Do(r)
	if err != nil {
		return &SendError{Temporary: true, Reason: whyUnanswered(ctx, err)}
	}
	// One that goes on after that is cut off by the closing.
	io.CopyN(io.Discard, answer.Body, longestAnswer)
	answer.Body.Close()
	return judge(answer.StatusCode)
}

// judge says what the status of an answer means. A gateway is not asked when
// to come again: the code is of no use by then, or the outbox tries before.
func judge(status int) error {
	failed := &SendError{Temporary: true, Reason: fmt.Sprintf("the text gateway answered %d", status)}
	switch {
	case status >= 200 && status < 300:
		return nil
	case status >= 300 && status < 400:
		failed.Temporary = false
		failed.Reason += " and leads elsewhere: SPAREKEY_SMS must name the last address"
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests:
	case status >= 400 && status < 500:
		failed.Temporary = false
		if status == http.StatusUnauthorized || status == http.StatusForbidden {
			failed.Reason += ": check SPAREKEY_SMS and SPAREKEY_SMS_SECRET"
		}
	}
	return failed
}

// whyUnanswered gives the reason why there is no answer. The error itself holds
// the URL, and may hold what the gateway said.
func whyUnanswered(ctx context.Context, err error) string {
	var cert *tls.CertificateVerificationError
	var network *net.OpError
	switch {
	case ctx.Err() != nil:
		return "the text gateway took too long; it may have taken the text"
	case errors.Is(err, errElsewhere):
		return "the text gateway is not on this machine: name it otherwise, with https://"
	case errors.As(err, &cert):
		return "the certificate of the text gateway is not trusted: " + cert.Error()
	case errors.As(err, &network):
		return "the text gateway is not reached: " + network.Error()
	}
	return "the text gateway broke off; it may have taken the text"
}
