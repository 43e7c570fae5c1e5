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
	Secure    func(event, identifier string) string
	Letters   *Letters
	Sender    Sender
	Texts     TextSender // nil where no text messages are sent
	Source    *secret.Source
	PublicURL string
	Now       func() time.Time
	Log       *slog.Logger
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
	o.failed(ctx, m, out.mail, err)
}

// A written message is a mail, a text message, or nothing: it has nobody to go to.
type written struct {
	mail *Mail
	text *Text
}

// send hands a message over, if there is anything to hand over.
func (o *Outbox) send(ctx context.Context, m sparekey.Message, out written) error {
	switch {
	case out.text != nil:
		out.text.ID = m.ID
		return o.Texts.SendText(ctx, *out.text)
	case out.mail != nil:
		out.mail.ID = m.ID
		return o.Sender.Send(ctx, *out.mail)
	}
	return nil
}

// failed tries the message again later, or gives it up: when the mail server
// refuses it for good, or when its time is over.
func (o *Outbox) failed(ctx context.Context, m sparekey.Message, mail *Mail, cause error) {
	now := o.Now()
	var refused *SendError
	final := errors.As(cause, &refused) && !refused.Temporary || errors.Is(cause, sparekey.ErrNotFound)
	next := now.Add(backoff(m.Attempt, o.Source.Bytes(1)[0]))
	if final || next.After(m.DropAfter) {
		o.Log.Warn("message given up", "message", m.ID, "kind", m.Kind, "attempt", m.Attempt, "err", cause)
		o.count(m, GivenUp, mail)
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

// errLate says that a code would come too late to be of use. A notice is worth
// sending whenever it gets through.
var errLate = errors.New("the code's time is over")

// write gives what a message becomes. wait says that it was put off to be merged
// with others.
func (o *Outbox) write(ctx context.Context, m sparekey.Message) (out written, wait bool, err error) {
	if m.Kind == sparekey.CodeMessage {
		if !o.Now().Before(m.DropAfter) {
			return out, false, errLate
		}
		out, err = o.code(ctx, m)
		return out, false, err
	}
	n, err := o.Store.Notice(ctx, m, o.Now())
	if err != nil || n == nil {
		return out, n == nil, err
	}
	if n.Number != "" {
		out, err = o.textNotice(m, n)
		return out, false, err
	}
	out.mail, err = o.notice(m, n)
	return out, false, err
}

// textNotice writes the text message that something happened. Whoever cannot be
// sent one any more is told by mail alone.
func (o *Outbox) textNotice(m sparekey.Message, n *store.Notice) (written, error) {
	if o.Texts == nil || len(n.Events) == 0 {
		return written{}, nil
	}
	kind := TextWaysChanged
	if m.Kind == sparekey.PasswordChangedMessage {
		kind = TextPasswordChanged
	}
	body, err := o.Letters.TextNotice(kind, TextLetter{Lang: n.Lang, At: n.Events[len(n.Events)-1].Facts.At})
	if err != nil {
		return written{}, err
	}
	return written{text: &Text{To: n.Number, Body: body}}, nil
}

func (o *Outbox) code(ctx context.Context, m sparekey.Message) (written, error) {
	r, err := o.Resolve(ctx, m)
	if err != nil {
		return written{}, fmt.Errorf("resolve message: %w", err)
	}
	if r.Text {
		return o.textCode(r)
	}
	l := Letter{
		Lang: r.Lang, To: r.To, Name: r.Name, Purpose: string(r.Purpose), New: r.New, Code: r.Code,
		StopURL: o.PublicURL + "/stop/" + r.Stop,
		Facts:   facts(r.Facts),
	}
	if r.Open != "" {
		l.OpenURL, l.OpenUntil = o.PublicURL+"/open/"+r.Open, r.OpenUntil
	}
	var mail Mail
	switch r.Letter {
	case store.CodeLetter:
		mail, err = o.Letters.Code(l)
	case store.ExistsLetter:
		mail, err = o.Letters.Exists(l)
	default:
		return written{}, nil
	}
	if err != nil {
		return written{}, err
	}
	mail.To, mail.Thread = r.To, r.Flow
	return written{mail: &mail}, nil
}

// textCode writes the text message with a code. That a number is taken is not told
// by text: it costs, and whoever does not have the number learns nothing from it.
func (o *Outbox) textCode(r *Resolved) (written, error) {
	if r.Letter != store.CodeLetter || o.Texts == nil {
		return written{}, nil
	}
	body, err := o.Letters.TextCode(TextLetter{Lang: r.Lang, Code: r.Code})
	if err != nil {
		return written{}, err
	}
	return written{text: &Text{To: r.To, Body: body}}, nil
}

func (o *Outbox) notice(m sparekey.Message, n *store.Notice) (*Mail, error) {
	l := Notice{Lang: n.Lang, To: n.To, Name: n.Name}
	if len(n.Events) > 0 { // the first of those that were merged: what it changed, the link takes back
		l.SecureURL = o.PublicURL + "/secure/" + o.Secure(n.Events[0].ID, m.Identifier)
		l.Erased = n.Events[0].Facts.At.Add(sparekey.EraseAfter)
	}
	for _, e := range n.Events {
		l.Facts = append(l.Facts, facts(e.Facts))
		l.SignedOut += e.Others
		for _, w := range e.How {
			l.How = append(l.How, string(w))
		}
		if e.About != "" {
			l.About = append(l.About, e.About)
		}
		l.Kind = string(e.Kind)
		l.Alone = e.Facts.At.Add(sparekey.YoungFor)
	}
	var mail Mail
	var err error
	switch m.Kind {
	case sparekey.PasswordChangedMessage:
		mail, err = o.Letters.PasswordChanged(l)
	case sparekey.NewSignInMessage:
		mail, err = o.Letters.NewSignIn(l)
	case sparekey.LoginChosenMessage:
		mail, err = o.Letters.Happened("mail.login", l)
	case sparekey.DeletionMessage:
		mail, err = o.Letters.Happened("mail.leave", l)
	case sparekey.DeletionUndoneMessage:
		mail, err = o.Letters.Happened("mail.stay", l)
	case sparekey.WayAddedMessage:
		mail, err = o.Letters.Happened("mail.added", l)
	case sparekey.WayDroppedMessage:
		mail, err = o.Letters.Happened("mail.dropped", l)
	case sparekey.WayKeptMessage:
		mail, err = o.Letters.Happened("mail.kept", l)
	case sparekey.TwoProofsMessage:
		mail, err = o.Letters.TwoProofs(l, l.Kind == string(sparekey.TwoTurnedOn))
	case sparekey.SavedUsedMessage:
		mail, err = o.Letters.Happened("mail.saved", l)
	case sparekey.HalfSignInMessage:
		mail, err = o.Letters.Happened("mail.half", l)
	case sparekey.DropSecondMessage:
		l.Erased = n.Events[0].Facts.At.Add(sparekey.DropAfter)
		mail, err = o.Letters.Happened("mail.second.drop", l)
	case sparekey.SignedOutMessage:
		mail, err = o.Letters.Happened("mail.out", l)
	case sparekey.PausedMessage:
		l.SecureURL = "" // nobody gets in while it is paused
		mail, err = o.Letters.Happened("mail.paused", l)
	case sparekey.UnpausedMessage:
		mail, err = o.Letters.Happened("mail.unpaused", l)
	case sparekey.RecoverMessage:
		mail, err = o.Letters.Recover(Letter{Lang: n.Lang, To: n.To, Name: n.Name})
	default:
		err = fmt.Errorf("no letter for a message of kind %q", m.Kind)
	}
	mail.To, mail.Thread = n.To, m.Event
	return &mail, err
}

func facts(f sparekey.Facts) Facts {
	if f.On == sparekey.ByOperator {
		f.On = ""
	}
	return Facts{At: f.At, Address: f.From, Browser: f.On}
}
