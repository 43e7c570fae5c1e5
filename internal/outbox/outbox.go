// Package outbox sends what the machine has written: it claims messages with a
// lease, finds out what they say, hands them to the mail server, and tries
// again. A message is a row that was written in the transaction that caused
// it, so that none is lost with a process and none leaves for what did not
// happen. Run is the only loop; letters.go writes the mails, smtp.go sends.
package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"sparekey"
	"sparekey/internal/secret"
	"sparekey/internal/store"
)

// A Sender hands a mail to a mail server. It reports a *SendError.
type Sender interface {
	Send(ctx context.Context, m Mail) error
}

// A Resolved is a code message that knows where to go and what to say.
type Resolved struct {
	Letter  store.Letter
	To      string
	Name    string
	Lang    string
	Purpose sparekey.Purpose
	New     bool // the code goes to what is being added
	Text    bool // it leaves as a text message
	Code    secret.Text
	Stop    string // the token of the link that stops the request
	Flow    string
	Facts   sparekey.Facts
	// Open is the token of the link that stands in for a code until OpenUntil,
	// if no further mail may be sent before; else empty.
	Open      string
	OpenUntil time.Time
}

// Options are what an Outbox is built from. All of them must be set.
type Options struct {
	Store *store.DB
	// Resolve finds out whom a code message is for. It does the same for
	// everybody and nobody.
	Resolve func(context.Context, sparekey.Message) (*Resolved, error)
	// Secure gives the token of the link in a notice, by which whoever it went
	// to can take the account back.
	Secure  func(event, identifier string) string
	Letters *Letters
	Sender  Sender
	Texts   TextSender // nil where no text messages are sent
	Pushes  PushSender // nil where phones are not told
	// Subscription opens where an app is told, as its credential of that id keeps it.
	Subscription func(credential, sealed string) (Subscription, error)
	Source       *secret.Source
	PublicURL    string
	Now          func() time.Time
	Log          *slog.Logger
	// Count is told what became of a message, for the operator's metrics.
	Count func(Fate)
}

const (
	// Each message waits for two commits, which many share on SQLite: so many
	// under way keep up with as many requests as a machine can begin. On
	// PostgreSQL each holds a connection that requests need too.
	workers         = 512
	postgresWorkers = 16

	lease     = 2 * time.Minute
	sendLimit = time.Minute
	pollEvery = time.Second
	retryBase = 5 * time.Second
	retryMost = 10 * time.Minute
)

// An Outbox sends messages. It is safe for use by many goroutines.
type Outbox struct {
	Options
	poke chan struct{}
	busy sync.WaitGroup
	free chan struct{}
}

// New builds an Outbox.
func New(o Options) *Outbox {
	n := workers
	if o.Store.Postgres() {
		n = postgresWorkers
	}
	return &Outbox{Options: o, poke: make(chan struct{}, 1), free: make(chan struct{}, n)}
}

// Wake tells the outbox that there is a message. It never waits.
func (o *Outbox) Wake() {
	select {
	case o.poke <- struct{}{}:
	default:
	}
}

// Run sends messages until ctx ends, and returns when those under way are
// done. Messages of other nodes are found by looking every second.
func (o *Outbox) Run(ctx context.Context) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		n, err := o.round(ctx)
		if err != nil && ctx.Err() == nil {
			o.Log.Error("outbox not read", "err", err)
		}
		if n > 0 && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			o.busy.Wait()
			return
		case <-o.poke:
		case <-tick.C:
		}
	}
}

// Drain sends what is due now and returns when that is done.
func (o *Outbox) Drain(ctx context.Context) error {
	for {
		n, err := o.round(ctx)
		o.busy.Wait()
		if n == 0 || err != nil {
			return err
		}
	}
}

// round claims as many due messages as there are free workers and starts on
// them. It gives their number. With every worker busy it waits for one.
func (o *Outbox) round(ctx context.Context) (int, error) {
	now := o.Now()
	due, any, err := o.Store.Due(ctx)
	if err != nil || !any || due.After(now) {
		return 0, err
	}
	select {
	case o.free <- struct{}{}:
	case <-ctx.Done():
		return 0, nil
	}
	n := 1
	for more := true; more && n < cap(o.free); {
		select {
		case o.free <- struct{}{}:
			n++
		default:
			more = false
		}
	}
	list, err := o.Store.Claim(ctx, n, now, now.Add(lease))
	for range n - len(list) {
		<-o.free
	}
	for _, m := range list {
		o.busy.Go(func() {
			defer func() { <-o.free }()
			defer o.mend(m)
			// A message under way is finished: its row says what became of it.
			o.handle(context.WithoutCancel(ctx), m)
		})
	}
	return len(list), err
}

// mend keeps a message that cannot be written from taking the process with it.
// Its lease ends, and it is tried again until its time is over.
func (o *Outbox) mend(m sparekey.Message) {
	if broken := recover(); broken != nil {
		o.Log.Error("message broke", "message", m.ID, "kind", m.Kind, "panic", fmt.Sprint(broken), "stack", string(debug.Stack()))
	}
}

// handle sends one message and writes down what became of it.
func (o *Outbox) handle(ctx context.Context, m sparekey.Message) {
	ctx, cancel := context.WithTimeout(ctx, lease-10*time.Second)
	defer cancel()
	out, wait, err := o.write(ctx, m)
	if err == nil && wait {
		return // it was put off
	}
	if err == nil {
		sending, stop := context.WithTimeout(ctx, sendLimit)
		err = o.send(sending, m, out)
		stop()
	}
	if err == nil {
		o.count(m, handedOver(out), out.mail)
		err = o.Store.Sent(ctx, m, o.Now())
		if err != nil {
			o.Log.Error("message sent but not marked", "message", m.ID, "err", err)
		}
		return
	}
	o.failed(ctx, m, out, err)
}

// send hands a message over, if there is anything to hand over.
func (o *Outbox) send(ctx context.Context, m sparekey.Message, out written) error {
	switch {
	case out.text != nil:
		out.text.ID = m.ID
		return o.Texts.SendText(ctx, *out.text)
	case out.push != nil:
		out.push.ID = m.ID
		return o.sendPush(ctx, m, out)
	case out.mail != nil:
		out.mail.ID = m.ID
		return o.Sender.Send(ctx, *out.mail)
	}
	return nil
}

// sendPush hands a push over. A browser that has unsubscribed is forgotten: there is
// nobody to tell any more.
func (o *Outbox) sendPush(ctx context.Context, m sparekey.Message, out written) error {
	err := o.Pushes.SendPush(ctx, *out.push)
	if errors.Is(err, ErrUnsubscribed) {
		return o.Store.Unsubscribe(ctx, m.Identifier, out.sealed)
	}
	return err
}

// failed tries the message again later, or gives it up: when the mail server
// refuses it for good, or when its time is over.
func (o *Outbox) failed(ctx context.Context, m sparekey.Message, out written, cause error) {
	now, mail := o.Now(), out.mail
	var refused *SendError
	final := errors.As(cause, &refused) && !refused.Temporary || errors.Is(cause, sparekey.ErrNotFound)
	next := now.Add(backoff(m.Attempt, o.Source.Bytes(1)[0]))
	if final || next.After(m.DropAfter) {
		o.Log.Warn("message given up", "message", m.ID, "kind", m.Kind, "attempt", m.Attempt, "err", cause)
		o.count(m, GivenUp, mail)
		if out.push != nil { // the mails have said it
			if err := o.Store.Sent(ctx, m, now); err != nil {
				o.Log.Error("message not marked", "message", m.ID, "err", err)
			}
			return
		}
		e := sparekey.Event{ID: o.Source.ID(), Kind: sparekey.MessageGivenUp, Facts: sparekey.Facts{At: now}}
		if err := o.Store.GiveUp(ctx, m, e); err != nil {
			o.Log.Error("message not marked", "message", m.ID, "err", err)
		}
		return
	}
	o.count(m, Retried, mail)
	o.Log.Warn("message not sent", "message", m.ID, "kind", m.Kind, "attempt", m.Attempt, "err", cause)
	if err := o.Store.Retry(ctx, m, next); err != nil {
		o.Log.Error("message not marked", "message", m.ID, "err", err)
	}
}

// backoff is how long to wait after the nth attempt: 5 s, twice as long each
// time, at most 10 min, and a quarter more or less, so that messages that
// failed together do not come again together.
func backoff(attempt int, chance byte) time.Duration {
	wait := retryMost
	if attempt < 8 {
		wait = min(retryBase<<(attempt-1), retryMost)
	}
	return wait*3/4 + wait/2*time.Duration(chance)/255
}
