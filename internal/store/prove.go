package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"sparekey"
)

// A Turn is what a right answer, a sign-in or a sign-out does to the browser:
// its secret is replaced. For a minute the old one may repeat the very form
// that replaced it, and nothing else.
type Turn struct {
	Browser string // the hash of the old secret
	Next    string // the hash of the new one
	Key     string // the fingerprint of the form
	Now     time.Time
}

// turn binds the flows of a browser to its new secret.
func (t *tx) turn(b Turn) error {
	if b.Browser == "" {
		return nil
	}
	_, err := t.exec(`
		UPDATE flows SET browser = $1, old_browser = $2, old_until = $3
		 WHERE browser = $2 AND expires > $4`,
		b.Next, b.Browser, micros(b.Now.Add(sparekey.RepeatLife)), micros(b.Now))
	return err
}

// account reads an account. It gives nil if there is none.
func (c conn) account(id string) (*sparekey.Account, error) {
	var a sparekey.Account
	err := c.row(`
		SELECT id, name, lang, password_epoch, ways_epoch, two_proofs, disabled, delete_at, drop_second, created
		  FROM accounts WHERE id = $1`, []any{id},
		&a.ID, &a.Name, &a.Lang, &a.Epochs.Password, &a.Epochs.Ways, &a.TwoProofs,
		when{&a.Disabled}, when{&a.DeleteAt}, when{&a.DropSecond}, when{&a.Created})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read account: %w", err)
	}
	return &a, nil
}

// holdAccount keeps others from changing an account until the transaction ends:
// what is then read of it is still so when it is acted upon. SQLite has one
// writer anyway. id says in SQL which account it is, by the one argument.
func (t *tx) holdAccount(id, arg string) error {
	if !t.postgres {
		return nil
	}
	if _, err := t.exec(`SELECT 1 FROM accounts WHERE id = `+id+` FOR NO KEY UPDATE`, arg); err != nil {
		return fmt.Errorf("hold account: %w", err)
	}
	return nil
}

// proofs gives the proofs that count for f: its own, and for a flow begun in a
// session the fresh ones given in it. What has been dropped or put to sleep
// since proves nothing any more, and what was proved in a request that was
// stopped proves nothing to another.
func (c conn) proofs(f *sparekey.Flow, now time.Time) ([]sparekey.Proof, error) {
	session := f.Session
	if !f.Purpose.FromSession() {
		session = ""
	}
	before, err := c.takesBack(f)
	if err != nil {
		return nil, err
	}
	var proofs []sparekey.Proof
	err = c.rows(`
		SELECT p.flow, p.challenge, p.account, p.way, p.place, p.session, p.at, COALESCE(a.created, 0),
		       COALESCE(w.added, i.added, 0), COALESCE(w.dropped, i.dropped, 0), COALESCE(w.asleep, i.asleep, 0)
		  FROM proofs p
		  LEFT JOIN accounts a ON a.id = p.account
		  LEFT JOIN credentials w ON w.id = p.place
		  LEFT JOIN identifiers i ON i.id = p.place
		 WHERE p.flow = $1 OR (p.session <> '' AND p.session = $2 AND p.at > $3
		       AND NOT EXISTS (SELECT 1 FROM flows s WHERE s.id = p.flow AND s.stopped))
		 ORDER BY p.at, p.challenge`,
		[]any{f.ID, session, micros(now.Add(-sparekey.ProofLife))},
		func(scan func(...any) error) error {
			var p sparekey.Proof
			var a sparekey.Account
			var h sparekey.Held
			err := scan(&p.Flow, &p.Challenge, &p.Account, &p.Way, &p.Place, &p.Session, when{&p.At}, when{&a.Created},
				when{&h.Added}, when{&h.Dropped}, when{&h.Asleep})
			// What came with the account was there before anything happened to it.
			if p.Young = a.Young(h.Added, now); stands(&p, h, before) || h.Awake() && h.Added.Equal(a.Created) {
				proofs = append(proofs, p)
			}
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read proofs: %w", err)
	}
	return proofs, nil
}

// takesBack gives the moment that a recovery begun from a notice goes back to:
// ways count as they stood then. It is zero for every other flow.
func (c conn) takesBack(f *sparekey.Flow) (time.Time, error) {
	var at time.Time
	if f.Event == "" {
		return at, nil
	}
	err := c.row(`SELECT COALESCE(MAX(at), 0) FROM events WHERE id = $1 AND account = $2`, []any{f.Event, f.Account}, when{&at})
	if err != nil {
		return at, fmt.Errorf("read the event of the notice: %w", err)
	}
	return at, nil
}

// stands reports whether a proof by h counts. In a recovery that goes back
// before an event, what was added since counts for nothing, and what was
// dropped since only beside another.
func stands(p *sparekey.Proof, h sparekey.Held, before time.Time) bool {
	switch {
	case h.Added.IsZero(): // a password, what is still to be added, or what is there no more
		return p.Way == sparekey.ByPassword || p.Way == sparekey.ByNew || p.Account == ""
	case !before.IsZero() && !h.Added.Before(before):
		return false
	case h.Awake():
		return true
	case before.IsZero() || !h.Asleep.IsZero() || h.Dropped.Before(before):
		return false
	}
	p.Young = true
	return true
}

// demand is what is asked of a flow of account a beside its purpose's line. A
// recovery that goes back before an event asks what the account asked then. In
// the profile "high" an account that has nothing yet but its mailbox may add its
// first other way with it: else it could never have one.
func (c conn) demand(f *sparekey.Flow, a *sparekey.Account) (sparekey.Demand, error) {
	d := sparekey.Demand{High: c.high}
	if a == nil {
		return d, nil
	}
	d.Two = a.TwoProofs
	if d.High && f.Purpose == sparekey.AddWay {
		held, err := c.held(a, a.Created)
		if err != nil {
			return d, err
		}
		d.High = slices.ContainsFunc(held, func(h sparekey.Held) bool {
			return h.Awake() && h.Way != sparekey.ByMail && h.Way != sparekey.ByPassword
		})
	}
	before, err := c.takesBack(f)
	if err != nil || before.IsZero() {
		return d, err
	}
	events, err := c.events(`account = $1 AND at >= $2 AND kind IN ('two-on', 'two-off') ORDER BY at, id LIMIT 1`, a.ID, micros(before))
	if err == nil && len(events) == 1 {
		d.Two = events[0].Kind == sparekey.TwoTurnedOff
	}
	return d, err
}

// Demand gives what is asked of a flow of account a beside its purpose's line.
func (db *DB) Demand(ctx context.Context, f *sparekey.Flow, a *sparekey.Account) (sparekey.Demand, error) {
	return db.read(ctx).demand(f, a)
}

// A Proving is a right answer, about to be written.
type Proving struct {
	Challenge *sparekey.Challenge
	Place     string // the identifier or credential that proved it
	Use       *Use   // of a credential that changes with each use; else nil
	Fresh     string // sealed: the saved code that replaces the one that was used
	Used      sparekey.Event
	Turn      Turn

	// Next asks for the code to the identifier that is being added. It is opened
	// once that is all that is missing.
	Next Asking
	// Acting is what follows if the purpose acts at once, and Add what it adds.
	Acting Acting
	Add    sparekey.Identifier
}

// An Asking is a challenge to open, with the message that carries its code. A
// way that sends nothing has none.
type Asking struct {
	Challenge *sparekey.Challenge
	Message   *sparekey.Message
}

// Prove writes that the answer to a challenge was right and moves the flow on
// if its proofs are now enough. The challenge closes in the same transaction,
// so that one right answer is one proof, however often it comes (A32). It
// reports sparekey.ErrUsed if another answer was faster, and
// sparekey.ErrWrongCode if the account, or what the answer was checked with,
// has changed since: such a flow goes on as a ghost.
func (db *DB) Prove(ctx context.Context, p Proving) (*sparekey.Flow, error) {
	var f *sparekey.Flow
	err := db.write(ctx, func(t *tx) error {
		var err error
		if f, err = t.prove(p); err != nil || f.Step != sparekey.Act || !f.Purpose.AtOnce() {
			return err
		}
		return t.actAtOnce(f, p)
	})
	if err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	return f, nil
}

func (t *tx) prove(p Proving) (*sparekey.Flow, error) {
	// Of a proof and a choice of another way one comes first: each may open a
	// challenge, and a flow has one.
	if err := t.hold(p.Challenge.Flow); err != nil {
		return nil, err
	}
	n, err := t.exec(`UPDATE challenges SET is_open = FALSE WHERE id = $1 AND is_open`, p.Challenge.ID)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, sparekey.ErrUsed
	}
	f, err := t.flow(t.db.flowEpoch(), p.Challenge.Flow)
	if err != nil {
		return nil, err
	}
	if f.Ghost || f.Stopped || f.Step != sparekey.Verify {
		return nil, sparekey.ErrWrongCode
	}
	a, err := t.account(f.Account)
	if err != nil {
		return nil, err
	}
	if f.Purpose != sparekey.Register && (a == nil || a.Epochs != f.Epochs || !a.Disabled.IsZero()) {
		return nil, sparekey.ErrWrongCode
	}
	demand, err := t.demand(f, a)
	if err != nil {
		return nil, err
	}
	if err := t.use(f, p); err != nil {
		return nil, err
	}
	if err := t.addProof(f, p.Challenge, p.Place, p.Turn.Now); err != nil {
		return nil, err
	}
	proofs, err := t.proofs(f, p.Turn.Now)
	if err != nil {
		return nil, err
	}
	if !f.Pass(proofs, demand) && p.Next.Challenge != nil && f.Purpose.Proved(proofs, demand) {
		if err := t.ask(f, p.Next, p.Turn.Now); err != nil {
			return nil, err
		}
	}
	n, err = t.exec(`
		UPDATE flows SET step = $1, last_key = $2, fresh = $3, sends = $4, asked_at = $5, next_send = $6
		 WHERE id = $7 AND step = 'verify' AND ghost = FALSE AND stopped = FALSE`,
		f.Step, p.Turn.Key, f.Fresh, f.Sends, micros(f.AskedAt), micros(f.NextSend), f.ID)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, sparekey.ErrWrongCode
	}
	return f, t.turn(p.Turn)
}

// ask opens a challenge of f and spends its message.
func (t *tx) ask(f *sparekey.Flow, a Asking, now time.Time) error {
	if err := t.addChallenge(a.Challenge); err != nil {
		return err
	}
	if a.Message == nil {
		return nil
	}
	if err := f.AskElsewhere(now); err != nil {
		return err
	}
	return t.addMessage(a.Message)
}

// actAtOnce does what a flow is for whose purpose has nothing left to ask.
func (t *tx) actAtOnce(f *sparekey.Flow, p Proving) error {
	if err := t.holdAccount(`$1`, f.Account); err != nil {
		return err
	}
	proofs, err := t.proofs(f, p.Turn.Now)
	if err != nil {
		return err
	}
	f.LastKey = p.Turn.Key
	switch f.Purpose {
	case sparekey.SignIn:
		return t.openByFlow(f, proofs, p.Acting)
	case sparekey.AddIdentifier:
		if err := t.may(f, proofs, p.Turn.Now); err != nil {
			return err
		}
		return t.addIdentifier(f, proofs, p.Acting, p.Add)
	case sparekey.Rehearse:
		e := p.Acting.Event
		e.Account, e.How = f.Account, waysOf(proofs)
		if err := t.addEvent(e); err != nil {
			return err
		}
		return t.close(f, p.Turn.Now)
	}
	return nil // a registration makes its account
}

// addProof writes that challenge c of flow f was answered. What is proved in a
// rehearsal counts nowhere else, and neither does the code to what is added. It
// reports sparekey.ErrUsed if c was answered before.
func (t *tx) addProof(f *sparekey.Flow, c *sparekey.Challenge, place string, now time.Time) error {
	session := f.Session
	if f.Purpose == sparekey.Rehearse || c.Way == sparekey.ByNew || c.Way == sparekey.ByApp {
		session = "" // what an app approves counts for what it has shown, and for nothing else (A67)
	}
	n, err := t.exec(`
		INSERT INTO proofs (challenge, flow, account, way, place, session, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (challenge) DO NOTHING`,
		c.ID, f.ID, f.Account, c.Way, place, session, micros(now))
	if err == nil && n == 0 {
		err = sparekey.ErrUsed
	}
	return err
}

// close ends a flow that has done what it was for, and settles what its codes
// have cost. It is a compare-and-swap: of two that come at once one finds the
// flow open.
func (t *tx) close(f *sparekey.Flow, now time.Time) error {
	n, err := t.exec(`
		UPDATE flows SET step = 'done', closed = $1, others = $2, same = $3, last_key = $4, fresh = $6, pending = ''
		 WHERE id = $5 AND step = 'act' AND stopped = FALSE AND ghost = FALSE AND expires > $1`,
		micros(now), f.Others, f.Same, f.LastKey, f.ID, f.Fresh)
	if err != nil {
		return fmt.Errorf("close flow: %w", err)
	}
	if n == 0 {
		if now, err := t.flow(t.db.flowEpoch(), f.ID); err == nil && now.Stopped && now.Step == sparekey.Act {
			return sparekey.ErrStopped
		}
		return sparekey.ErrUsed
	}
	_, err = t.exec(`
		UPDATE charges SET ended = $1, amount = CASE WHEN amount = 0 THEN 0 ELSE (SELECT tries FROM flows WHERE id = $2) END
		 WHERE id IN ($3, $4) AND ended = 0`, micros(now), f.ID, f.Charge, f.Charge+chargeOfNew)
	if err != nil {
		return fmt.Errorf("settle the ledger: %w", err)
	}
	f.Step, f.Closed = sparekey.Done, now
	return nil
}
