package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sparekey"
	"sparekey/internal/store"
)

// A written message is a mail, a text message, a push, or nothing: it has nobody to
// go to.
type written struct {
	mail   *Mail
	text   *Text
	push   *Push
	sealed string // where the push goes, as the database keeps it
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
	if n.To == "" {
		out, err = o.push(ctx, m, n)
		return out, false, err
	}
	out.mail, err = o.notice(m, n)
	return out, false, err
}

// push writes what a phone is told of a notice. One that is not told any more is
// told by mail alone.
func (o *Outbox) push(ctx context.Context, m sparekey.Message, n *store.Notice) (written, error) {
	if o.Pushes == nil || n.Push == "" {
		return written{}, nil
	}
	to, err := o.Subscription(m.Identifier, n.Push)
	if err != nil { // its key was taken away: the app subscribes again when it is opened
		o.Log.Error("where a phone is told cannot be read", "err", err)
		return written{}, o.Store.Unsubscribe(ctx, m.Identifier, n.Push)
	}
	body, err := o.Letters.Push(m.Kind, n.Lang)
	return written{push: &Push{To: to, Body: body}, sealed: n.Push}, err
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
		l.Erased = n.Events[0].Facts.At.Add(waits(m.Kind))
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
	case sparekey.TwoProofsMessage:
		mail, err = o.Letters.TwoProofs(l, l.Kind == string(sparekey.TwoTurnedOn))
	case sparekey.RecoverMessage:
		mail, err = o.Letters.Recover(Letter{Lang: n.Lang, To: n.To, Name: n.Name})
	default:
		mail, err = o.happened(m, l)
	}
	mail.To, mail.Thread = n.To, m.Event
	return &mail, err
}

// waits is how long what a notice announces can still be stopped.
func waits(kind sparekey.MessageKind) time.Duration {
	if kind == sparekey.DropSecondMessage {
		return sparekey.DropAfter
	}
	return sparekey.EraseAfter
}

// happened writes the notices that say what happened and no more.
func (o *Outbox) happened(m sparekey.Message, l Notice) (Mail, error) {
	if m.Kind == sparekey.PausedMessage {
		l.SecureURL = "" // nobody gets in while it is paused
	}
	key := map[sparekey.MessageKind]string{
		sparekey.LoginChosenMessage:    "mail.login",
		sparekey.DeletionMessage:       "mail.leave",
		sparekey.DeletionUndoneMessage: "mail.stay",
		sparekey.SignedOutMessage:      "mail.out",
		sparekey.PausedMessage:         "mail.paused",
		sparekey.UnpausedMessage:       "mail.unpaused",
		sparekey.WayAddedMessage:       "mail.added",
		sparekey.WayDroppedMessage:     "mail.dropped",
		sparekey.WayKeptMessage:        "mail.kept",
		sparekey.SavedUsedMessage:      "mail.saved",
		sparekey.HalfSignInMessage:     "mail.half",
		sparekey.DropSecondMessage:     "mail.second.drop",
	}[m.Kind]
	if key == "" {
		return Mail{}, fmt.Errorf("no letter for a message of kind %q", m.Kind)
	}
	return o.Letters.Happened(key, l)
}

func facts(f sparekey.Facts) Facts {
	if f.On == sparekey.ByOperator {
		f.On = ""
	}
	return Facts{At: f.At, Address: f.From, Browser: f.On}
}
