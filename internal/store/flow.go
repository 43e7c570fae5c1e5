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

const flowColumns = `id, purpose, step, stopped, ghost, subject, account, password_epoch, ways_epoch,
	session, browser, old_browser, old_until, last_key, known_hash, known,
	typed_kind, typed_key, typed, pending, lang, asked_from, asked_on, return_to,
	tries, sends, asked_at, next_send, started, expires, closed, others, same, event, charge, lang_chosen, shared, target, own, fresh`

func scanFlow(scan func(...any) error, more ...any) (*sparekey.Flow, error) {
	var f sparekey.Flow
	var own string
	dest := []any{
		&f.ID, &f.Purpose, &f.Step, &f.Stopped, &f.Ghost, &f.Subject, &f.Account, &f.Epochs.Password, &f.Epochs.Ways,
		&f.Session, &f.Browser, &f.OldBrowser,
		when{&f.OldUntil},
		&f.LastKey, &f.KnownHash, &f.Known,
		&f.TypedKind, &f.TypedKey, &f.Typed, &f.Pending, &f.Lang, &f.From, &f.On, &f.ReturnTo,
		&f.Tries, &f.Sends,
		when{&f.AskedAt},
		when{&f.NextSend},
		when{&f.Started},
		when{&f.Expires},
		when{&f.Closed},
		&f.Others, &f.Same, &f.Event, &f.Charge, &f.Chosen, &f.Shared,
		&f.Target, &own, &f.Fresh,
	}
	if err := scan(append(dest, more...)...); err != nil {
		return nil, err
	}
	f.Own = sparekey.SplitOwn(own)
	return &f, nil
}

// flow reads a flow of this epoch of the installation.
func (c conn) flow(epoch int64, id string) (*sparekey.Flow, error) {
	const query = `SELECT ` + flowColumns + ` FROM flows WHERE id = $1 AND install_epoch = $2`
	f, err := scanFlow(func(dest ...any) error { return c.row(query, []any{id, epoch}, dest...) })
	if errors.Is(err, sql.ErrNoRows) {
		return nil, sparekey.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read flow: %w", err)
	}
	return f, nil
}

// Flow gives a flow by its id. It reports sparekey.ErrNotFound.
func (db *DB) Flow(ctx context.Context, id string) (*sparekey.Flow, error) {
	return db.read(ctx).flow(db.flowEpoch(), id)
}

const challengeColumns = `id, flow, way, identifier, binding, nonce, key_id, length, is_open, started, minted, handed_over`

func (c conn) challenge(where string, args ...any) (*sparekey.Challenge, error) {
	var ch sparekey.Challenge
	err := c.row(`SELECT `+challengeColumns+` FROM challenges WHERE `+where, args,
		&ch.ID, &ch.Flow, &ch.Way, &ch.Identifier, &ch.Binding, &ch.Nonce, &ch.KeyID, &ch.Length, &ch.Open,
		when{&ch.Started}, when{&ch.Minted}, when{&ch.HandedOver})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, sparekey.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read challenge: %w", err)
	}
	return &ch, nil
}

// OpenChallenge gives the open challenge of a flow. It reports
// sparekey.ErrNotFound if none is open.
func (db *DB) OpenChallenge(ctx context.Context, flow string) (*sparekey.Challenge, error) {
	return db.read(ctx).challenge(`flow = $1 AND is_open`, flow)
}

// A Start is what a new flow begins with. A flow that starts at Act, on fresh
// proofs of its session, has neither challenge nor message.
type Start struct {
	Flow      *sparekey.Flow
	Challenge *sparekey.Challenge
	Message   *sparekey.Message
}

// StartFlow writes a flow with its first challenge and the message that
// carries it, and reports whether it did. If the flow is there already, because
// the same form came twice, it writes nothing.
func (db *DB) StartFlow(ctx context.Context, s Start) (bool, error) {
	began := false
	err := db.write(ctx, func(t *tx) error {
		var err error
		if began, err = t.addFlow(s.Flow); err != nil || !began || s.Challenge == nil {
			return err
		}
		if err := t.addChallenge(s.Challenge); err != nil {
			return err
		}
		return t.addMessage(s.Message)
	})
	if err != nil {
		return false, fmt.Errorf("start flow: %w", err)
	}
	return began, nil
}

// addFlow writes a flow, and reports whether it did: it may be there already.
func (t *tx) addFlow(f *sparekey.Flow) (bool, error) {
	n, err := t.exec(`
		INSERT INTO flows (install_epoch, `+flowColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
			$18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41)
		ON CONFLICT (id) DO NOTHING`,
		t.db.flowEpoch(),
		f.ID, f.Purpose, f.Step, f.Stopped, f.Ghost, f.Subject, f.Account, f.Epochs.Password, f.Epochs.Ways,
		f.Session, f.Browser, f.OldBrowser, micros(f.OldUntil), f.LastKey, f.KnownHash, f.Known,
		f.TypedKind, f.TypedKey, f.Typed, f.Pending, f.Lang, f.From, f.On, f.ReturnTo,
		f.Tries, f.Sends, micros(f.AskedAt), micros(f.NextSend), micros(f.Started), micros(f.Expires), micros(f.Closed),
		f.Others, f.Same, f.Event, f.Charge, f.Chosen, f.Shared,
		f.Target, sparekey.JoinOwn(f.Own), f.Fresh)
	return n == 1, err
}

func (t *tx) addChallenge(c *sparekey.Challenge) error {
	_, err := t.exec(`
		INSERT INTO challenges (`+challengeColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		c.ID, c.Flow, c.Way, c.Identifier, c.Binding, c.Nonce, c.KeyID, c.Length, c.Open,
		micros(c.Started), micros(c.Minted), micros(c.HandedOver))
	return err
}

// A Step is a person's next move in a flow that is bound to their browser.
type Step struct {
	Flow      string
	Challenge string
	Browser   string // the hash of the browser's secret
	Key       string // the fingerprint of the form
	Now       time.Time
}

// A Try is a try that was spent: what to compare the answer with. Without a
// Challenge nothing was spent, and the flow says why.
type Try struct {
	Flow      *sparekey.Flow
	Challenge *sparekey.Challenge
	// Blind is set where a budget further out has no room, or another proof has
	// to come first: nothing may be compared, and the answer is wrong.
	Blind bool
	// At is when the answer came first. Its repeat asks about that moment: else
	// one try would be compared with one code after another (A24).
	At time.Time
}

// SpendTry spends one try of a flow and gives the challenge to compare with. The
// try is on disk when it returns: spend first, look later (A16). The exact
// repeat of the form that spent the last try spends nothing and may be compared
// again: it asks the same question.
func (db *DB) SpendTry(ctx context.Context, s Step) (Try, error) {
	var try Try
	err := db.write(ctx, func(t *tx) error {
		try = Try{At: s.Now}
		n, err := t.exec(`
			UPDATE flows SET tries = tries + 1, last_key = $1
			 WHERE id = $2 AND browser = $3 AND step = 'verify' AND tries < $4 AND expires > $5 AND last_key <> $1
			   AND EXISTS (SELECT 1 FROM challenges WHERE id = $6 AND flow = $2 AND is_open)`,
			s.Key, s.Flow, s.Browser, sparekey.MaxTries, micros(s.Now), s.Challenge)
		if err != nil {
			return err
		}
		f, err := t.flow(db.flowEpoch(), s.Flow)
		if err != nil {
			return err
		}
		try.Flow = f
		repeat := f.LastKey == s.Key && f.Step == sparekey.Verify && f.Browser == s.Browser && s.Now.Before(f.Expires)
		if n == 0 && !repeat {
			return nil
		}
		c, err := t.challenge(`id = $1 AND flow = $2 AND is_open`, s.Challenge, s.Flow)
		if errors.Is(err, sparekey.ErrNotFound) {
			return nil
		}
		if err == nil && c.Way == sparekey.ByTOTP {
			err = t.spendTOTP(&try, s)
		}
		try.Challenge = c
		return err
	})
	if err != nil {
		return Try{}, fmt.Errorf("spend try: %w", err)
	}
	return try, nil
}

// spendTOTP spends a try of the account's authenticator app. The answer may not be
// looked at (A24) if its budget is spent, or nothing else was proved in the flow
// before. The budget is the account's from the start, also where the worker has
// not written yet whom the flow's codes protect.
func (t *tx) spendTOTP(try *Try, s Step) error {
	f := try.Flow
	if err := t.hold(f.Account); err != nil {
		return err
	}
	lane := sparekey.StrangerLane
	if f.Known || f.Session != "" {
		lane = sparekey.KnownLane
	}
	room, at, err := t.spendOnce(Spend{
		ID: "totp " + s.Flow + " " + s.Key, Subject: f.Account, Kind: totpSpend, Lane: string(lane),
		Windows: sparekey.TOTPBudget(), Now: s.Now, Brief: f.Ghost,
	})
	if err != nil {
		return err
	}
	proofs, err := t.proofs(f, s.Now)
	if err != nil {
		return err
	}
	first := slices.ContainsFunc(proofs, func(p sparekey.Proof) bool { return p.Way != sparekey.ByTOTP })
	try.Blind, try.At = !room || !first, at
	return nil
}

// A Swap is the choice of another way, or of another address for a code.
type Swap struct {
	Step
	Asking            // the challenge to open if the flow has none of that way, and its message
	Identifier string // where the code shall go, if one was chosen
}

// Swap closes the open challenge of a flow and opens another: the one of that
// way that the flow has already, with its code, or a new one. The proofs of the
// flow stay. It does the same for an account that has the way, for one that has
// not and for nobody (A05). It reports what keeps the flow from it.
func (db *DB) Swap(ctx context.Context, s Swap) (*sparekey.Flow, error) {
	var out *sparekey.Flow
	err := db.write(ctx, func(t *tx) error {
		if err := t.hold(s.Flow); err != nil { // of two clicks the second finds what the first opened
			return err
		}
		f, err := t.flow(db.flowEpoch(), s.Flow)
		if err != nil {
			return err
		}
		out = f
		if f.LastKey == s.Key { // a second click
			return nil
		}
		if err := f.MayChoose(s.Now); err != nil {
			return err
		}
		if _, err := t.exec(`UPDATE challenges SET is_open = FALSE WHERE flow = $1 AND is_open`, f.ID); err != nil {
			return err
		}
		n, err := t.exec(`
			UPDATE challenges SET is_open = TRUE WHERE id = (
				SELECT MIN(c.id) FROM challenges c
				 WHERE c.flow = $1 AND c.way = $2 AND ($3 = '' OR c.identifier = $3)
				   AND NOT EXISTS (SELECT 1 FROM proofs p WHERE p.challenge = c.id))`,
			f.ID, s.Asking.Challenge.Way, s.Identifier)
		if err == nil && n == 0 {
			err = t.ask(f, s.Asking, s.Now)
		}
		if err != nil {
			return err
		}
		n, err = t.exec(`
			UPDATE flows SET last_key = $1, sends = $2, asked_at = $3, next_send = $4
			 WHERE id = $5 AND browser = $6 AND step = 'verify' AND tries < $7 AND expires > $8`,
			s.Key, f.Sends, micros(f.AskedAt), micros(f.NextSend), f.ID, s.Browser, sparekey.MaxTries, micros(s.Now))
		if err == nil && n == 0 {
			err = sparekey.ErrOutOfStep
		}
		return err
	})
	if err != nil {
		return out, fmt.Errorf("choose a way: %w", err)
	}
	return out, nil
}

// Ask writes that a flow asks for its code once more, with the message that
// carries it. was is the flow as it was read and f as it shall be. It reports
// false if the flow has moved in between.
func (db *DB) Ask(ctx context.Context, was, f *sparekey.Flow, key string, m *sparekey.Message) (bool, error) {
	asked := false
	err := db.write(ctx, func(t *tx) error {
		n, err := t.exec(`
			UPDATE flows SET sends = $1, asked_at = $2, next_send = $3, last_key = $4
			 WHERE id = $5 AND browser = $6 AND sends = $7 AND step = 'verify' AND tries < $8 AND expires > $2`,
			f.Sends, micros(f.AskedAt), micros(f.NextSend), key, f.ID, f.Browser, was.Sends, sparekey.MaxTries)
		if asked = n == 1; err != nil || !asked {
			return err
		}
		return t.addMessage(m)
	})
	if err != nil {
		return false, fmt.Errorf("ask for code: %w", err)
	}
	return asked, nil
}

// SetFlowLang writes the language that the flow's mails shall have, if the
// flow is open in that browser.
func (db *DB) SetFlowLang(ctx context.Context, id, browser, lang string) error {
	err := db.write(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE flows SET lang = $1, lang_chosen = TRUE WHERE id = $2 AND browser = $3 AND step <> 'done'`, lang, id, browser)
		return err
	})
	if err != nil {
		return fmt.Errorf("set the flow's language: %w", err)
	}
	return nil
}

// OpenFlows counts the open flows of strangers, at most max of them.
func (db *DB) OpenFlows(ctx context.Context, now time.Time, max int) (int, error) {
	var n int
	err := db.read(ctx).row(`
		SELECT COUNT(*) FROM (
			SELECT 1 AS one FROM flows WHERE expires > $1 AND session = '' AND step <> 'done' LIMIT $2
		) AS f`, []any{micros(now), max}, &n)
	if err != nil {
		return 0, fmt.Errorf("count open flows: %w", err)
	}
	return n, nil
}

// A StopView is what the page behind "Stop this request" may show: it was
// mailed to the address it names.
type StopView struct {
	Flow  *sparekey.Flow
	Shown string // the address the code went to; empty if it went nowhere
}

// StopView gives what there is to stop. It reports sparekey.ErrNotFound.
func (db *DB) StopView(ctx context.Context, id string) (StopView, error) {
	c := db.read(ctx)
	f, err := c.flow(db.flowEpoch(), id)
	if err != nil {
		return StopView{}, err
	}
	v := StopView{Flow: f}
	err = c.row(`
		SELECT COALESCE(MAX(i.shown), '') FROM challenges c JOIN identifiers i ON i.id = c.identifier WHERE c.flow = $1`,
		[]any{id}, &v.Shown)
	if err != nil {
		return StopView{}, fmt.Errorf("read what to stop: %w", err)
	}
	return v, nil
}

// Stop turns a flow into a ghost, which is all it can do. A flow that is done
// stays done. It reports whether the flow was stopped now or before.
func (db *DB) Stop(ctx context.Context, id string, e sparekey.Event) (bool, error) {
	stopped := false
	err := db.write(ctx, func(t *tx) error {
		n, err := t.exec(`UPDATE flows SET stopped = TRUE WHERE id = $1 AND step <> 'done' AND stopped = FALSE`, id)
		if err != nil {
			return err
		}
		f, err := t.flow(db.flowEpoch(), id)
		if errors.Is(err, sparekey.ErrNotFound) {
			return nil
		}
		if stopped = err == nil && f.Stopped; err != nil || n == 0 || f.Account == "" {
			return err
		}
		e.Account = f.Account
		return t.addEvent(e)
	})
	if err != nil {
		return false, fmt.Errorf("stop flow: %w", err)
	}
	return stopped, nil
}
