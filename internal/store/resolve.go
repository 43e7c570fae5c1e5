package store

import (
	"context"
	"fmt"
	"time"

	"sparekey"
)

// A Resolving is what the worker brings to find out whom a flow is about and
// to mint its code. Everything random or keyed is made beforehand, for a ghost
// as for anybody.
type Resolving struct {
	Message sparekey.Message
	Now     time.Time
	Ghost   string // a random subject, should the flow be about nobody
	New     string // the subject of the identifier that was typed, should it be new
	Nonce   string
	KeyID   string
	Caps    sparekey.Windows // of mails to one address
	// Add is the identifier that the flow adds; empty unless the challenge asks for
	// the code to it.
	Add sparekey.Identifier
	// Reaches reports whether texts leave for a number at all, and Prefix gives
	// what the numbers of one block have in common; they look at nothing else.
	Reaches func(number string) bool
	Prefix  func(number string) string
	// Mask hides most of an identifier.
	Mask func(kind, shown string) string
	// Bind is the hash that ties a code to the identifier and its normal
	// form; it looks at nothing else.
	Bind func(identifier, key string) string
}

// A Letter is which of the letters a resolved message becomes.
type Letter string

// NoLetter is what a ghost gets, and who is over the mail caps.
const (
	NoLetter     Letter = ""
	CodeLetter   Letter = "code"
	ExistsLetter Letter = "exists"
)

// A Resolved is a message that knows where to go.
type Resolved struct {
	Letter    Letter
	Flow      *sparekey.Flow
	Challenge *sparekey.Challenge
	To        string // the stored bytes, never what was typed to find them (A11)
	Name      string
	Lang      string // the account's language; empty: the flow's
	Text      bool   // it leaves as a text message
	WayOn     WayOn
}

// target is whom a flow may be about. Its fields are empty where there is
// nobody; the query gives one row for everyone.
type target struct {
	typed    string // the identifier that was typed, or is being added
	account  string
	epochs   sparekey.Epochs
	name     string
	lang     string
	mail     string // the identifier the code goes to
	key      string
	shown    string
	proved   bool   // so is that identifier
	known    string // the known browser the request came from
	disabled bool
}

// Resolve finds out whom the flow of a code message is about, mints its code
// if it has none yet, and spends the mail. It runs the same statements for
// everybody and nobody, each time, in one transaction: what a stranger could
// measure of it says nothing (A01, A02).
func (db *DB) Resolve(ctx context.Context, r Resolving) (*Resolved, error) {
	var out *Resolved
	err := db.write(asWorker(ctx), func(t *tx) error {
		// Two messages of one flow may be resolved at once: the second finds
		// what the first wrote.
		if err := t.hold(r.Message.Flow); err != nil {
			return err
		}
		f, err := t.flow(db.flowEpoch(), r.Message.Flow)
		if err != nil {
			return err
		}
		c, err := t.challenge(`id = $1`, r.Message.Challenge)
		if err != nil {
			return err
		}
		to, err := t.target(f, c, r)
		if err != nil {
			return err
		}
		who := settle(f, c, to, r)
		if err := t.hold(who.hold); err != nil {
			return err
		}
		if err := t.mint(f, c, who, r); err != nil {
			return err
		}
		if err := t.own(f, to, r); err != nil {
			return err
		}
		room, err := t.spendMessage(f, c, to, who, r)
		if err != nil {
			return err
		}
		way, err := t.wayOn(to, who, r)
		if err != nil {
			return err
		}
		out = &Resolved{Flow: f, Challenge: c, To: to.shown, Name: to.name, Lang: to.lang, WayOn: way}
		switch {
		case f.Purpose == sparekey.Register:
			out.To = f.Typed
		case c.Way == sparekey.ByNew:
			out.To = r.Add.Shown
		}
		switch { // a gateway wants the number as it is dialled
		case c.Way == sparekey.ByText:
			out.Text, out.To = true, to.key
		case c.Way == sparekey.ByNew && r.Add.Kind == phone:
			out.Text, out.To = true, r.Add.Key
		}
		switch {
		case !room, who.exists && out.Text:
		case who.exists:
			out.Letter, out.To = ExistsLetter, to.shown
		case !f.Ghost && !f.Stopped && f.Step == sparekey.Verify && c.Open && who.same:
			out.Letter = CodeLetter
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("resolve flow: %w", err)
	}
	return out, nil
}

// email and phone are the kinds of identifiers that codes go to.
const (
	email = "email"
	phone = "phone"
)

// target looks up whom f may be about, in one statement that gives one row for
// everyone: the account of the session, or of the identifier that was typed;
// the identifier the code goes to, which is the one that was chosen or typed if
// it takes codes of that way, and else the account's first; and whether the
// browser is known to that account. A code to an identifier that is being added
// looks up whether an account has it.
func (t *tx) target(f *sparekey.Flow, c *sparekey.Challenge, r Resolving) (target, error) {
	kind, key, goes := f.TypedKind, f.TypedKey, email
	if c.Way == sparekey.ByText {
		goes = phone
	}
	account := f.Account
	if c.Way == sparekey.ByNew {
		kind, key, account = r.Add.Kind, r.Add.Key, ""
	}
	chosen := ""
	if c.Minted.IsZero() {
		chosen = c.Identifier
	}
	var to target
	err := t.row(`
		SELECT COALESCE(i.id, ''), COALESCE(a.id, ''), COALESCE(a.password_epoch, 0), COALESCE(a.ways_epoch, 0),
		       COALESCE(a.name, ''), COALESCE(a.lang, ''), COALESCE(a.disabled, 0) <> 0,
		       COALESCE(m.id, ''), COALESCE(m.key, ''), COALESCE(m.shown, ''), COALESCE(m.proved, 0) <> 0, COALESCE(b.id, '')
		  FROM (SELECT 1 AS one) AS o
		  LEFT JOIN identifiers i ON i.kind = $1 AND i.key = $2 AND (i.dropped = 0 AND i.asleep = 0 OR $7 = '`+string(sparekey.ByNew)+`')
		  LEFT JOIN accounts a ON a.id = CASE WHEN $3 <> '' THEN $3 ELSE i.account END
		  LEFT JOIN identifiers m ON m.id = (
		       SELECT x.id FROM identifiers x
		        WHERE x.account = a.id AND x.kind = $8 AND x.asleep = 0 AND (x.dropped = 0 OR $1 = 'notice' AND x.key = $2)
		        ORDER BY CASE WHEN x.id = $9 THEN 0 WHEN x.kind = $1 AND x.key = $2 OR $1 = 'notice' AND x.key = $2 THEN 1 WHEN x.proved > 0 THEN 2 ELSE 3 END,
		              x.added, x.id
		        LIMIT 1)
		  LEFT JOIN browsers b ON b.hash = $4 AND b.account = a.id AND b.password_epoch = a.password_epoch
		       AND b.install_epoch = $5 AND b.expires > $6`,
		[]any{kind, key, account, f.KnownHash, t.db.epoch, micros(r.Now), c.Way, goes, chosen},
		&to.typed, &to.account, &to.epochs.Password, &to.epochs.Ways, &to.name, &to.lang, &to.disabled,
		&to.mail, &to.key, &to.shown, &to.proved, &to.known)
	if err != nil {
		return target{}, fmt.Errorf("look up: %w", err)
	}
	return to, nil
}

// who is the decision about a flow and its challenge: whom they are about and
// what to hold.
type who struct {
	hold    string // whose other transactions wait: the subject, unless said
	subject string // whose code it is
	ghost   bool
	exists  bool // somebody claims an address that an account has
	same    bool // the account is as the flow found it
	epochs  sparekey.Epochs
	known   bool
	mail    string
	key     string
	lane    sparekey.Lane
	pays    string // the subject of the caps on messages
}

// settle decides whom the flow is about, from what the look-up gave. A flow
// that was resolved before stays what it is. Where there is nobody, a random
// id stands in every place that would have held a real one.
func settle(f *sparekey.Flow, c *sparekey.Challenge, to target, r Resolving) who {
	w := who{
		subject: to.account, epochs: to.epochs, known: to.known != "",
		mail: to.mail, key: to.key, pays: to.mail,
		same: f.Account == "" || f.Account == to.account && f.Epochs == to.epochs && !to.disabled,
		lane: sparekey.StrangerLane,
	}
	added := c.Way == sparekey.ByNew
	switch {
	case added && to.typed == "":
		w.subject, w.mail, w.key, w.pays = r.New, r.New, r.Add.Key, r.New
		w.lane, w.same = sparekey.UnprovedLane, true
	case f.Purpose == sparekey.Register && to.typed == "":
		w.subject, w.mail, w.key, w.pays = r.New, r.New, f.TypedKey, r.New
		w.lane = sparekey.UnprovedLane
	case added, f.Purpose == sparekey.Register:
		w.subject, w.ghost, w.exists, w.hold = r.Ghost, !added, true, to.account
		w.mail, w.key = r.Ghost, ""
	case to.account == "" || to.disabled || to.mail == "" && c.Way == sparekey.ByMail:
		w.subject, w.ghost, w.mail, w.key, w.pays = r.Ghost, true, r.Ghost, "", r.Ghost
	case to.mail == "": // it has no phone
		w.mail, w.key, w.pays, w.same = r.Ghost, "", r.Ghost, false
	}
	if !added && f.Subject != "" { // resolved before
		w.subject, w.ghost = f.Subject, f.Ghost
	}
	if w.hold == "" {
		w.hold = w.subject
	}
	// Who is told that an address is taken is a stranger to whoever claims it.
	if w.lane == sparekey.StrangerLane && !added && (w.known || f.Known || f.Session != "") {
		w.lane = sparekey.KnownLane
	}
	return w
}

// own writes on a flow the account's own ways, if the browser is known to it. For
// everybody else who brought such a cookie it lists those of nobody, and for a
// recovery that goes back before an event: its ways are not what they are now.
func (t *tx) own(f *sparekey.Flow, to target, r Resolving) error {
	if f.KnownHash == "" {
		return nil
	}
	a := &sparekey.Account{ID: r.Ghost}
	if to.known != "" && f.Event == "" {
		a.ID = to.account
	}
	held, err := t.held(a, r.Now)
	if err != nil {
		return err
	}
	var own []sparekey.OwnWay
	for _, h := range held {
		if !h.Awake() || h.Way == sparekey.ByPassword {
			continue
		}
		w := sparekey.OwnWay{Way: h.Way, Place: h.Place}
		switch h.Way {
		case sparekey.ByMail:
			w.Masked = r.Mask(email, h.Shown)
		case sparekey.ByText:
			w.Masked = r.Mask(phone, h.Shown)
		}
		own = append(own, w)
	}
	if _, err := t.exec(`UPDATE flows SET own = $1 WHERE id = $2 AND known AND own = ''`, sparekey.JoinOwn(own), f.ID); err != nil {
		return fmt.Errorf("write the account's own ways: %w", err)
	}
	return nil
}

// chargeOfNew follows the id of a flow's row in the ledger where it is the one of
// the code to an identifier that is being added.
const chargeOfNew = "-new"

// mint charges the ledger for the flow, once, and writes on flow and challenge
// what the worker found. The code is short if the ledger has room for all the
// tries it may cost, else long (A14, A15).
func (t *tx) mint(f *sparekey.Flow, c *sparekey.Challenge, w who, r Resolving) error {
	lane := sparekey.StrangerLane
	if w.lane == sparekey.KnownLane {
		lane = sparekey.KnownLane
	}
	windows := sparekey.CodeLedger()
	held := make([]int, len(windows))
	var charged, own int
	charge := f.Charge
	if c.Way == sparekey.ByNew { // it protects the new identifier
		charge += chargeOfNew
	}
	err := t.row(`
		SELECT (SELECT COUNT(*) FROM charges WHERE id = $1),
		       (SELECT COALESCE(SUM(amount), 0) FROM charges WHERE id = $1),
		       COALESCE(SUM(CASE WHEN ended = 0 OR ended > $2 THEN amount ELSE 0 END), 0),
		       COALESCE(SUM(CASE WHEN ended = 0 OR ended > $3 THEN amount ELSE 0 END), 0),
		       COALESCE(SUM(CASE WHEN ended = 0 OR ended > $4 THEN amount ELSE 0 END), 0)
		  FROM charges WHERE subject = $5 AND lane = $6 AND amount > 0 AND id <> $1`,
		[]any{
			charge, micros(r.Now.Add(-windows[0].Span)), micros(r.Now.Add(-windows[1].Span)),
			micros(r.Now.Add(-windows[2].Span)), w.subject, lane,
		}, &charged, &own, &held[0], &held[1], &held[2])
	if err != nil {
		return fmt.Errorf("read the ledger: %w", err)
	}
	length, amount := sparekey.LongCode, 0
	if charged > 0 && own > 0 || charged == 0 && windows.Fits(held, sparekey.MaxTries) {
		length, amount = sparekey.ShortCode, sparekey.MaxTries
	}
	_, err = t.exec(`
		INSERT INTO charges (id, subject, lane, amount, ended) VALUES ($1, $2, $3, $4, 0)
		ON CONFLICT (id) DO NOTHING`, charge, w.subject, lane, amount)
	if err != nil {
		return fmt.Errorf("charge the ledger: %w", err)
	}
	return t.mark(f, c, w, r, length)
}

// mark writes on the flow whom it is about and on the challenge what its code
// is made of. Both writes happen once; later ones find nothing to do.
func (t *tx) mark(f *sparekey.Flow, c *sparekey.Challenge, w who, r Resolving, length int) error {
	account, epochs := f.Account, f.Epochs
	subject, ghost := w.subject, w.ghost
	if c.Way == sparekey.ByNew { // the flow is about the account all the same
		subject, ghost = f.Account, false
	}
	if account == "" && f.Purpose != sparekey.Register {
		account, epochs = w.subject, w.epochs
	}
	n, err := t.exec(`
		UPDATE flows SET subject = $1, ghost = $2, account = $3, password_epoch = $4, ways_epoch = $5, known = $6
		 WHERE id = $7 AND subject = ''`,
		subject, ghost, account, epochs.Password, epochs.Ways, w.known, f.ID)
	if err != nil {
		return fmt.Errorf("mark flow: %w", err)
	}
	if n == 1 {
		f.Subject, f.Ghost, f.Account, f.Epochs, f.Known = subject, ghost, account, epochs, w.known
	}
	binding := r.Bind(w.mail, w.key)
	n, err = t.exec(`
		UPDATE challenges SET identifier = $1, binding = $2, nonce = $3, key_id = $4, length = $5, minted = $6
		 WHERE id = $7 AND minted = 0`, w.mail, binding, r.Nonce, r.KeyID, length, micros(r.Now), c.ID)
	if err != nil {
		return fmt.Errorf("mint code: %w", err)
	}
	if n == 1 {
		c.Identifier, c.Binding, c.Nonce, c.KeyID, c.Length, c.Minted = w.mail, binding, r.Nonce, r.KeyID, length, r.Now
	}
	return nil
}

// spendMessage spends the message that a code leaves with, and reports whether
// it may leave.
func (t *tx) spendMessage(f *sparekey.Flow, c *sparekey.Challenge, to target, w who, r Resolving) (bool, error) {
	switch {
	case c.Way == sparekey.ByText:
		return t.spendText(f, to.key, w, r)
	case c.Way == sparekey.ByNew && r.Add.Kind == phone:
		return t.spendText(f, r.Add.Key, w, r)
	}
	return t.spendMail(f, w, r)
}

// spendMail spends the mail of the message and reports whether the caps have
// room for it (A36). Addresses that nobody has proved share a cap of their own
// beside the one per address.
func (t *tx) spendMail(f *sparekey.Flow, w who, r Resolving) (bool, error) {
	cap := sparekey.UnprovedMailCap()[0]
	var unproved int
	err := t.row(`SELECT COUNT(*) FROM spends WHERE lane = 'unproved' AND at > $1 AND counted`,
		[]any{micros(r.Now.Add(-cap.Span))}, &unproved)
	if err != nil {
		return false, fmt.Errorf("read the mail caps: %w", err)
	}
	room, err := t.spend(Spend{
		ID: r.Message.ID, Subject: w.pays, Kind: mailSpend, Lane: string(w.lane),
		Windows: r.Caps, Now: r.Now,
		Refused: w.lane == sparekey.UnprovedLane && unproved >= cap.Max,
	})
	if err != nil {
		return false, fmt.Errorf("spend mail: %w", err)
	}
	return room, nil
}
