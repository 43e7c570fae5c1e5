package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sparekey"
)

// A NewWay is a credential about to be added by the owner of its account.
type NewWay struct {
	Stored
	// Saved is a saved code that is made along with it, where the account begins
	// to ask for two proofs and has none; Fresh is that code, sealed, to be shown.
	Saved Stored
	Fresh string
}

// AddWay is the act of adding a way. An authenticator app turns "Ask for two
// proofs" on. A saved code takes the place of the one there was, which is dropped:
// a recovery that goes back before that can still be opened by it.
func (db *DB) AddWay(ctx context.Context, a Acting, w NewWay) (*sparekey.Flow, error) {
	return db.setting(ctx, a, func(t *tx, f *sparekey.Flow, e sparekey.Event) error {
		if w.Kind == sparekey.BySaved {
			f.Fresh = w.Fresh
			if err := t.dropSaved(f.Account, a.Turn.Now); err != nil {
				return err
			}
		}
		if err := t.addWay(f.Account, w.Stored, a.Turn.Now); err != nil {
			return err
		}
		e.About = about(sparekey.Held{Way: w.Kind, Shown: w.Name}, "")
		if w.Kind == sparekey.ByTOTP {
			if err := t.askForTwo(f, e, w, a.Turn.Now); err != nil {
				return err
			}
		}
		return t.waysChanged(f, sparekey.WayAddedMessage, e)
	})
}

// dropSaved drops the saved code of an account, for another that takes its place.
func (t *tx) dropSaved(account string, now time.Time) error {
	_, err := t.exec(`UPDATE credentials SET dropped = $1 WHERE account = $2 AND kind = 'saved' AND dropped = 0`, micros(now), account)
	if err != nil {
		return fmt.Errorf("drop the saved code: %w", err)
	}
	return nil
}

// addWay writes a credential. It reports sparekey.ErrTooMany if the account has
// as many of its kind as it may.
func (t *tx) addWay(account string, w Stored, now time.Time) error {
	n, err := t.exec(`
		INSERT INTO credentials (id, account, kind, name, data, lookup, added, changed, dropped, asleep, last_step)
		SELECT $1, $2, $3, $4, $5, $6, $7, $7, 0, 0, $8
		 WHERE (SELECT COUNT(*) FROM credentials WHERE account = $2 AND kind = $3 AND dropped = 0) < $9
		ON CONFLICT DO NOTHING`,
		w.ID, account, w.Kind, w.Name, w.Data, w.Lookup, micros(now), w.Step, mostOf(w.Kind))
	if err != nil {
		return fmt.Errorf("add way: %w", err)
	}
	if n == 0 {
		return sparekey.ErrTooMany
	}
	return nil
}

// mostOf is how many ways of a kind an account may have.
func mostOf(kind sparekey.WayKind) int {
	if kind == sparekey.ByPasskey || kind == sparekey.ByApp {
		return sparekey.MaxWays
	}
	return 1
}

// SetTwo turns "Ask for two proofs" on, with a saved code if the account has
// none, or off.
func (db *DB) SetTwo(ctx context.Context, a Acting, on bool, w NewWay) (*sparekey.Flow, error) {
	return db.setting(ctx, a, func(t *tx, f *sparekey.Flow, e sparekey.Event) error {
		if on {
			e.Kind = sparekey.TwoTurnedOn
			if err := t.askForTwo(f, sparekey.Event{}, w, a.Turn.Now); err != nil {
				return err
			}
			return t.waysChanged(f, sparekey.TwoProofsMessage, e)
		}
		e.Kind = sparekey.TwoTurnedOff
		if _, err := t.exec(`UPDATE accounts SET two_proofs = FALSE, drop_second = 0 WHERE id = $1`, f.Account); err != nil {
			return fmt.Errorf("ask for one proof: %w", err)
		}
		return t.waysChanged(f, sparekey.TwoProofsMessage, e)
	})
}

// askForTwo turns "Ask for two proofs" on, and makes the saved code of w if the
// account has none: with two proofs, losing one must not be losing all. It is
// written into the journal if the event e behind it says something else.
func (t *tx) askForTwo(f *sparekey.Flow, e sparekey.Event, w NewWay, now time.Time) error {
	n, err := t.exec(`UPDATE accounts SET two_proofs = TRUE, drop_second = 0 WHERE id = $1 AND (two_proofs = FALSE OR drop_second > 0)`, f.Account)
	if err != nil {
		return fmt.Errorf("ask for two proofs: %w", err)
	}
	if n == 1 && e.ID != "" {
		e.ID, e.Kind, e.About = e.ID+"-two", sparekey.TwoTurnedOn, ""
		if err := t.addEvent(e); err != nil {
			return err
		}
	}
	var saved int
	err = t.row(`SELECT COUNT(*) FROM credentials WHERE account = $1 AND kind = 'saved' AND dropped = 0 AND asleep = 0`, []any{f.Account}, &saved)
	if err != nil || saved > 0 || w.Saved.ID == "" {
		return err
	}
	if err := t.dropSaved(f.Account, now); err != nil { // one that sleeps
		return err
	}
	f.Fresh = w.Fresh
	return t.addWay(f.Account, w.Saved, now)
}

// addIdentifier adds an address or a number whose owner was just proved. That
// somebody has it already looks like a wrong code: it is told by mail alone.
func (t *tx) addIdentifier(f *sparekey.Flow, proofs []sparekey.Proof, a Acting, i sparekey.Identifier) error {
	if err := t.close(f, a.Turn.Now); err != nil {
		return err
	}
	n, err := t.exec(`
		INSERT INTO identifiers (id, account, kind, key, shown, added, proved, dropped)
		VALUES ($1, $2, $3, $4, $5, $6, $6, 0) ON CONFLICT (kind, key) DO NOTHING`,
		i.ID, f.Account, i.Kind, i.Key, i.Shown, micros(a.Turn.Now))
	if err != nil {
		return fmt.Errorf("add identifier: %w", err)
	}
	if n == 0 {
		return sparekey.ErrWrongCode
	}
	if _, err := t.exec(`UPDATE proofs SET place = $1 WHERE flow = $2 AND way = 'new'`, i.ID, f.ID); err != nil {
		return fmt.Errorf("write what was proved: %w", err)
	}
	e := a.Event
	e.Account, e.How = f.Account, waysOf(proofs)
	return t.waysChanged(f, sparekey.WayAddedMessage, e)
}

// DropWay is the act of dropping a way or an identifier. It reports
// sparekey.ErrLastWay if the account could not be recovered any more without
// it. mask hides most of an identifier.
func (db *DB) DropWay(ctx context.Context, a Acting, id string, mask func(kind, shown string) string) (*sparekey.Flow, error) {
	return db.setting(ctx, a, func(t *tx, f *sparekey.Flow, e sparekey.Event) error {
		h, err := t.droppable(f, id, a.Turn.Now)
		if err != nil {
			return err
		}
		now := micros(a.Turn.Now)
		n, err := t.exec(`UPDATE credentials SET dropped = $1 WHERE id = $2 AND account = $3 AND dropped = 0 AND kind <> 'password'`, now, id, f.Account)
		if err == nil && n == 0 {
			n, err = t.exec(`UPDATE identifiers SET dropped = $1 WHERE id = $2 AND account = $3 AND dropped = 0 AND kind <> 'login'`, now, id, f.Account)
		}
		if err != nil {
			return fmt.Errorf("drop way: %w", err)
		}
		if n == 0 {
			return sparekey.ErrChanged
		}
		e.About = about(h, mask(kindOf(h.Way), h.Shown))
		return t.waysChanged(f, sparekey.WayDroppedMessage, e)
	})
}

// droppable gives the way that a flow wants to drop, if the account can do
// without it.
func (t *tx) droppable(f *sparekey.Flow, id string, now time.Time) (sparekey.Held, error) {
	a, err := t.account(f.Account)
	if err != nil {
		return sparekey.Held{}, err
	}
	held, err := t.held(a, now)
	if err != nil {
		return sparekey.Held{}, err
	}
	return Droppable(held, id, sparekey.Demand{Two: a.TwoProofs, High: t.high})
}

// Droppable gives the way of that id, if an account that holds these ways can do
// without it. It reports sparekey.ErrLastWay if not, and sparekey.ErrChanged if
// it is not there. An account keeps an address that is not young, whatever it asks
// for: a recovery begins there, whatever happens is told there, and whoever has the
// account ask for two proofs must not be able to drop its owner's only way then.
func Droppable(held []sparekey.Held, id string, d sparekey.Demand) (sparekey.Held, error) {
	var found sparekey.Held
	var rest []sparekey.Held
	for _, h := range held {
		if h.Place == id && h.Dropped.IsZero() {
			found = h
			continue
		}
		rest = append(rest, h)
	}
	switch {
	case found.Place == "" || found.Way == sparekey.ByPassword:
		return sparekey.Held{}, sparekey.ErrChanged
	case sparekey.Recoverable(held, d) && !sparekey.Recoverable(rest, d), hasMail(held) && !hasMail(rest):
		return sparekey.Held{}, sparekey.ErrLastWay
	}
	return found, nil
}

// hasMail reports whether an address is among the ways that are awake and not
// young.
func hasMail(held []sparekey.Held) bool {
	return slices.ContainsFunc(held, func(h sparekey.Held) bool {
		return h.Way == sparekey.ByMail && h.Awake() && !h.Young
	})
}

// KeepWay is the act of waking a way that sleeps, or of taking one back that was
// dropped within the last seven days. It keeps the age it had.
func (db *DB) KeepWay(ctx context.Context, a Acting, id string, mask func(kind, shown string) string) (*sparekey.Flow, error) {
	return db.setting(ctx, a, func(t *tx, f *sparekey.Flow, e sparekey.Event) error {
		account, err := t.account(f.Account)
		if err != nil {
			return err
		}
		held, err := t.held(account, a.Turn.Now)
		if err != nil {
			return err
		}
		since := micros(a.Turn.Now.Add(-sparekey.TakeBack))
		n, err := t.exec(`
			UPDATE credentials SET dropped = 0, asleep = 0
			 WHERE id = $1 AND account = $2 AND kind <> 'password' AND (dropped > $3 OR dropped = 0 AND asleep > 0)
			   AND (kind IN ('passkey', 'app') OR NOT EXISTS (
				SELECT 1 FROM credentials o WHERE o.account = $2 AND o.kind = credentials.kind AND o.dropped = 0 AND o.id <> $1))`,
			id, f.Account, since)
		if err == nil && n == 0 {
			n, err = t.exec(`
				UPDATE identifiers SET dropped = 0, asleep = 0
				 WHERE id = $1 AND account = $2 AND kind <> 'login' AND (dropped > $3 OR dropped = 0 AND asleep > 0)`, id, f.Account, since)
		}
		if err != nil {
			return fmt.Errorf("keep way: %w", err)
		}
		if n == 0 {
			return sparekey.ErrChanged
		}
		for _, h := range held {
			if h.Place == id {
				e.About = about(h, mask(kindOf(h.Way), h.Shown))
			}
		}
		return t.waysChanged(f, sparekey.WayKeptMessage, e)
	})
}

// waysChanged raises the account's epoch of ways, which ends its other flows, and
// tells every address.
func (t *tx) waysChanged(f *sparekey.Flow, kind sparekey.MessageKind, e sparekey.Event) error {
	n, err := t.exec(`UPDATE accounts SET ways_epoch = ways_epoch + 1 WHERE id = $1 AND password_epoch = $2 AND ways_epoch = $3`,
		f.Account, f.Epochs.Password, f.Epochs.Ways)
	if err != nil {
		return fmt.Errorf("raise epoch: %w", err)
	}
	if n == 0 {
		return sparekey.ErrChanged
	}
	if f.Fresh != "" {
		if _, err := t.exec(`UPDATE flows SET fresh = $1 WHERE id = $2`, f.Fresh, f.ID); err != nil {
			return fmt.Errorf("keep the saved code to be shown: %w", err)
		}
	}
	if err := t.changed(f.Account); err != nil {
		return err
	}
	return t.announce(kind, e)
}

// about is what an event about a way keeps of it: its kind, and its name or its
// masked value.
func about(h sparekey.Held, masked string) string {
	if masked == "" {
		masked = h.Shown
	}
	return string(h.Way) + " " + masked
}

// kindOf is the kind of the identifiers that a way sends its codes to; empty if
// it sends none.
func kindOf(w sparekey.WayKind) string {
	switch w {
	case sparekey.ByMail:
		return email
	case sparekey.ByText:
		return phone
	}
	return ""
}

// HideFresh forgets the saved code that a flow shows: its owner has it.
func (db *DB) HideFresh(ctx context.Context, flow, browser string) error {
	err := db.write(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE flows SET fresh = '' WHERE id = $1 AND browser = $2`, flow, browser)
		return err
	})
	if err != nil {
		return fmt.Errorf("hide the saved code: %w", err)
	}
	return nil
}

// PlanDropSecond writes that an account shall ask for one proof only from a time
// on, and tells its owner, who can stop it. It gives the number of addresses
// that are told, and reports sparekey.ErrChanged if there is nothing to drop or
// that is planned already.
func (db *DB) PlanDropSecond(ctx context.Context, e sparekey.Event, at time.Time) (told int, err error) {
	return db.turnSecond(ctx, e, sparekey.DropSecondMessage,
		`UPDATE accounts SET drop_second = $1 WHERE id = $2 AND two_proofs AND drop_second = 0`, micros(at), e.Account)
}

func (db *DB) turnSecond(ctx context.Context, e sparekey.Event, kind sparekey.MessageKind, query string, args ...any) (told int, err error) {
	err = db.write(ctx, func(t *tx) error {
		n, err := t.exec(query, args...)
		if err == nil && n == 0 {
			err = sparekey.ErrChanged
		}
		if err != nil {
			return err
		}
		if err := t.changed(e.Account); err != nil {
			return err
		}
		told, err = t.announced(kind, e)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("drop the second proof: %w", err)
	}
	return told, nil
}

// DropSeconds has the accounts ask for one proof whose time has come, and tells
// their owners. It gives their number.
func (db *DB) DropSeconds(ctx context.Context, now time.Time) (dropped int64, err error) {
	var due []string
	err = db.read(ctx).rows(`SELECT id FROM accounts WHERE drop_second > 0 AND drop_second <= $1 ORDER BY drop_second, id LIMIT $2`,
		[]any{micros(now), eraseBatch}, func(scan func(...any) error) error {
			var id string
			err := scan(&id)
			due = append(due, id)
			return err
		})
	if err != nil {
		return 0, fmt.Errorf("look for second proofs to drop: %w", err)
	}
	for _, id := range due {
		e := sparekey.Event{
			ID: fmt.Sprintf("%s-second-%d", id, micros(now)), Account: id, Kind: sparekey.TwoTurnedOff,
			Facts: sparekey.Facts{At: now, On: sparekey.ByOperator},
		}
		_, err := db.turnSecond(ctx, e, sparekey.TwoProofsMessage, `
			UPDATE accounts SET two_proofs = FALSE, drop_second = 0, ways_epoch = ways_epoch + 1
			 WHERE id = $1 AND drop_second > 0 AND drop_second <= $2`, id, micros(now))
		if err != nil && !errors.Is(err, sparekey.ErrChanged) { // stopped meanwhile, or done by another node
			return dropped, err
		}
		dropped++
	}
	return dropped, nil
}
