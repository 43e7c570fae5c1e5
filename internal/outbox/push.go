package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"

	webpush "github.com/SherClockHolmes/webpush-go"

	"sparekey"
)

// A Push is one word to one phone, through the service of its browser (RFC 8030).
// It says what happened, and nothing secret.
type Push struct {
	ID   string
	To   Subscription
	Body string // in JSON, as the app's worker reads it
}

// Format prints the push's id for every verb: its address is a secret of the phone.
func (p Push) Format(f fmt.State, _ rune) { io.WriteString(f, "push "+p.ID) }

// LogValue gives the push's id.
func (p Push) LogValue() slog.Value { return slog.StringValue("push " + p.ID) }

// A Subscription is where a browser takes pushes, in the form of its toJSON.
type Subscription struct {
	Endpoint string `json:"endpoint"`
	Keys     struct {
		Auth   string `json:"auth"`
		P256dh string `json:"p256dh"`
	} `json:"keys"`
}

// A PushSender hands a push to the service of a browser. It reports ErrUnsubscribed
// or a *SendError.
type PushSender interface {
	SendPush(ctx context.Context, p Push) error
}

// ErrUnsubscribed says that the browser takes no more pushes there.
var ErrUnsubscribed = errors.New("the browser has unsubscribed")

const (
	pushTimeout = 10 * time.Second
	// pushLife is how long a service keeps a push for a phone that is off: what
	// happened is in the mails as well.
	pushLife = 24 * time.Hour
)

// PushOptions are what a push sender is built from.
type PushOptions struct {
	Public, Private string // the installation's keys (RFC 8292)
	Contact         string // of the operator, for the services: mailto: or https:
	// Client is for tests. Else connections go to public addresses alone, and
	// redirects are not followed.
	Client *http.Client
}

// NewPushKeys makes the keys by which push services know an installation.
func NewPushKeys() (private, public string, err error) { return webpush.GenerateVAPIDKeys() }

// NewPush builds the sender.
func NewPush(o PushOptions) PushSender {
	if o.Client == nil {
		o.Client = &http.Client{
			Timeout: pushTimeout,
			Transport: &http.Transport{ // no Proxy: the environment has no say in it
				DialContext:         (&net.Dialer{Timeout: pushTimeout, Control: public}).DialContext,
				MaxIdleConnsPerHost: maxLinks, IdleConnTimeout: keepIdle, MaxResponseHeaderBytes: longestAnswer,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return &push{o}
}

type push struct{ PushOptions }

var errPrivate = errors.New("a push service with an address that is not public")

// public refuses to connect where no push service of a browser is: a phone names
// the address, and a name may lead anywhere.
func public(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	a := at.Addr().Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() || at.Port() != 443 || shared.Contains(a) {
		return errPrivate
	}
	return nil
}

// shared are the addresses that providers share among customers (RFC 6598).
var shared = netip.MustParsePrefix("100.64.0.0/10")

// SendPush encrypts a push for the phone and hands it over (RFC 8291).
func (p *push) SendPush(ctx context.Context, m Push) error {
	s := webpush.Subscription{Endpoint: m.To.Endpoint, Keys: webpush.Keys{Auth: m.To.Keys.Auth, P256dh: m.To.Keys.P256dh}}
	answer, err := webpush.SendNotificationWithContext(ctx, []byte(m.Body), &s, &webpush.Options{
		HTTPClient: p.Client, Subscriber: p.Contact, TTL: int(pushLife.Seconds()), Urgency: webpush.UrgencyNormal,
		VAPIDPublicKey: p.Public, VAPIDPrivateKey: p.Private,
	})
	var network *url.Error
	switch {
	case err == nil:
	case errors.As(err, &network): // it holds the address, which is a secret of the phone
		return &SendError{Temporary: !errors.Is(err, errPrivate), Reason: "the push service is not reached"}
	default:
		return &SendError{Reason: "the push cannot be encrypted"}
	}
	io.CopyN(io.Discard, answer.Body, longestAnswer) //nolint:errcheck // nothing in it is of use
	answer.Body.Close()
	return judgePush(answer.StatusCode)
}

// judgePush says what the status of an answer means.
func judgePush(status int) error {
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusNotFound || status == http.StatusGone:
		return ErrUnsubscribed
	case status == http.StatusTooManyRequests || status >= 500:
		return &SendError{Temporary: true, Reason: "the push service answered " + strconv.Itoa(status)}
	}
	return &SendError{Reason: "the push service answered " + strconv.Itoa(status)}
}

// Push writes the word of a notice of a kind, in a language.
func (l *Letters) Push(kind sparekey.MessageKind, tag string) (string, error) {
	p := l.catalogue.Printer(tag)
	key := "push.other"
	switch kind {
	case sparekey.NewSignInMessage:
		key = "push.signin"
	case sparekey.PasswordChangedMessage:
		key = "push.password"
	case sparekey.WayAddedMessage, sparekey.WayDroppedMessage, sparekey.WayKeptMessage, sparekey.TwoProofsMessage, sparekey.SavedUsedMessage:
		key = "push.ways"
	}
	body, err := json.Marshal(map[string]string{"title": l.site, "body": p.T(key), "lang": p.Lang(), "dir": p.Dir(), "tag": string(kind)})
	return string(body), err
}
