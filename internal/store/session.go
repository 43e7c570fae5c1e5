package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"sparekey"
)

// An Opening is a session to open, and the known browser that comes with it.
type Opening struct {
	Session   string // the new session's id
	TokenHash string
	Known     string // the new known browser's id
	KnownHash string // the hash of its cookie; empty on a shared computer
	WasKnown  string // the hash of the known-browser cookie that came along
	Replaces  string // the session that the browser had before
	How       []sparekey.WayKind
	Facts     sparekey.Facts
	Shared    bool
}

// openSession opens a session and makes the browser known. It reports whether
// the browser was known before. The exact repeat of the form that opened it,
// within a minute, finds it there; later it is refused and opens nothing.
func (t *tx) openSession(account string, e sparekey.Epochs, o Opening) (known bool, err error) {
	now := o.Facts.At
	life := sparekey.SessionLife
	if o.Shared {
		life = sparekey.SharedLife
	}
	n, err := t.exec(`
		INSERT INTO sessions (id, token_hash, account, password_epoch, install_epoch, how, created, seen, expires,
			asked_from, asked_on, shared, known, ended)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10, $11, $12, 0)
		ON CONFLICT (token_hash) DO NOTHING`,
		o.Session, o.TokenHash, account, e.Password, t.db.epoch, sparekey.JoinWays(o.How), micros(now),
		micros(now.Add(life)), o.Facts.From, o.Facts.On, o.Shared, o.Known)
	if err != nil {
		return false, fmt.Errorf("open session: %w", err)
	}
	if n == 0 {
		var created time.Time
		err := t.row(`SELECT created FROM sessions WHERE token_hash = $1`, []any{o.TokenHash}, when{&created})
		if err == nil && !now.Before(created.Add(sparekey.RepeatLife)) {
			err = sparekey.ErrReplay
		}
		if err == nil {
			err = errNotOurs
		}
		return false, err
	}
	if err := t.replaceSession(o); err != nil {
		return false, fmt.Errorf("replace session: %w", err)
	}
	n, err = t.exec(`
		UPDATE sessions SET ended = $1 WHERE account = $2 AND ended = 0 AND id NOT IN (
			SELECT id FROM sessions WHERE account = $2 AND ended = 0 ORDER BY seen DESC, created DESC, id LIMIT $3)`,
		micros(now), account, sparekey.MaxSessions)
	if err == nil && n > 0 {
		err = t.changed(account)
	}
	if err != nil {
		return false, fmt.Errorf("make room for session: %w", err)
	}
	n, err = t.exec(`DELETE FROM browsers WHERE hash = $1 AND account = $2 AND password_epoch = $3 AND install_epoch = $4`,
		o.WasKnown, account, e.Password, t.db.epoch)
	if err != nil {
		return false, fmt.Errorf("forget browser: %w", err)
	}
	return n == 1, t.addBrowser(account, e, o)
}

// replaceSession ends the session that the browser had before. It may have been
// another account's.
func (t *tx) replaceSession(o Opening) error {
	var account string
	err := t.row(`UPDATE sessions SET ended = $1 WHERE id = $2 AND ended = 0 RETURNING account`,
		[]any{micros(o.Facts.At), o.Replaces}, &account)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return t.changed(account)
}

// addBrowser makes a browser known. Its cookie is new each time.
func (t *tx) addBrowser(account string, e sparekey.Epochs, o Opening) error {
	if o.KnownHash == "" {
		return nil
	}
	now := o.Facts.At
	n, err := t.exec(`
		INSERT INTO browsers (id, hash, account, password_epoch, install_epoch, created, expires)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (hash) DO NOTHING`,
		o.Known, o.KnownHash, account, e.Password, t.db.epoch, micros(now), micros(now.Add(sparekey.KnownLife)))
	if err != nil {
		return fmt.Errorf("remember browser: %w", err)
	}
	if n == 0 {
		return sparekey.ErrReplay // an old form: its cookie is one that was given before
	}
	_, err = t.exec(`
		DELETE FROM browsers WHERE account = $1 AND id NOT IN (
			SELECT id FROM browsers WHERE account = $1 ORDER BY created DESC, id LIMIT $2)`, account, sparekey.MaxBrowsers)
	if err != nil {
		return fmt.Errorf("make room for browser: %w", err)
	}
	return nil
}

// A SignInView is what a sign-in looks up: one row for everyone, empty where
// there is nobody.
type SignInView struct {
	Account  string
	Epochs   sparekey.Epochs
	Two      bool
	Disabled time.Time
	DeleteAt time.Time
	Password string // the stored form; empty if there is none
	Known    string // the known browser it comes from
}

// SignInView gives what is known of the identifier that was typed and of the
// known-browser cookie that came along. It reads one row for everyone (A03).
func (db *DB) SignInView(ctx context.Context, kind, key, knownHash string, now time.Time) (SignInView, error) {
	var v SignInView
	var nobody bool
	// For nobody the rows of somebody else who has a password are read, and
	// dropped: finding none is quicker than finding them (A03).
	err := db.read(ctx).row(`
		SELECT i.id IS NULL, COALESCE(a.id, ''), COALESCE(a.password_epoch, 0), COALESCE(a.ways_epoch, 0),
		       COALESCE(a.two_proofs, FALSE), COALESCE(a.disabled, 0), COALESCE(a.delete_at, 0), COALESCE(c.data, ''), COALESCE(b.id, '')
		  FROM (SELECT 1 AS one) AS o
		  LEFT JOIN identifiers i ON i.kind = $1 AND i.key = $2 AND i.dropped = 0 AND i.proved > 0 AND i.asleep = 0
		  LEFT JOIN accounts a ON a.id = COALESCE(i.account,
		       (SELECT MIN(account) FROM credentials WHERE kind = 'password' AND dropped = 0))
		  LEFT JOIN credentials c ON c.account = a.id AND c.kind = 'password' AND c.dropped = 0
		  LEFT JOIN browsers b ON b.hash = $3 AND b.account = a.id AND b.password_epoch = a.password_epoch
		       AND b.install_epoch = $4 AND b.expires > $5`,
		[]any{kind, key, knownHash, db.epoch, micros(now)},
		&nobody, &v.Account, &v.Epochs.Password, &v.Epochs.Ways, &v.Two, when{&v.Disabled}, when{&v.DeleteAt}, &v.Password, &v.Known)
	if err != nil {
		return SignInView{}, fmt.Errorf("look up sign-in: %w", err)
	}
	if nobody {
		return SignInView{}, nil
	}
	return v, nil
}

// A SignIn is a right password, about to open a session.
type SignIn struct {
	View     SignInView
	Open     Opening
	Turn     Turn
	Event    sparekey.Event
	Try      string // the spend of this try
	Rehashed string // the password in its new stored form; empty to leave it
}

// SignIn opens a session, in one transaction with the message that tells of a
// new browser. A password that changed since it was looked up opens nothing.
func (db *DB) SignIn(ctx context.Context, s SignIn) error {
	err := db.write(ctx, func(t *tx) error {
		if err := t.holdAccount(`$1`, s.View.Account); err != nil {
			return err
		}
		a, err := t.account(s.View.Account)
		if err != nil {
			return err
		}
		if a == nil || a.Epochs.Password != s.View.Epochs.Password || !a.Disabled.IsZero() || !a.DeleteAt.IsZero() {
			return sparekey.ErrSignIn
		}
		proof := sparekey.Proof{Account: a.ID, Way: sparekey.ByPassword, Place: a.ID}
		if !sparekey.SignIn.Enough([]sparekey.Proof{proof}, sparekey.Demand{Two: a.TwoProofs, High: t.high}) {
			return sparekey.ErrSignIn
		}
		known, err := t.openSession(a.ID, a.Epochs, s.Open)
		if err != nil {
			return err
		}
		if err := t.rehashed(s.View, s.Rehashed); err != nil {
			return err
		}
		if _, err := t.exec(`UPDATE spends SET good = TRUE WHERE id = $1`, s.Try); err != nil {
			return err
		}
		e := s.Event
		e.Account, e.How = a.ID, s.Open.How
		if err := t.signedIn(e, known); err != nil {
			return err
		}
		return t.turn(s.Turn)
	})
	if errors.Is(err, errNotOurs) {
		return nil // the repeat of a form that was accepted
	}
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	return nil
}

// signedIn writes a sign-in into the journal. One in a browser that was not
// known is told by mail.
func (t *tx) signedIn(e sparekey.Event, known bool) error {
	if known {
		return t.addEvent(e)
	}
	return t.announce(sparekey.NewSignInMessage, e)
}

const sessionColumns = `s.id, s.account, s.how, s.created, s.seen, s.expires, s.asked_from, s.asked_on, s.shared`

func scanSession(s *sparekey.Session, how *string) []any {
	return []any{
		&s.ID, &s.Account, how, when{&s.Created}, when{&s.Seen}, when{&s.Expires}, &s.From, &s.On, &s.Shared,
	}
}

// Session gives the live session of a token and its account. It reports
// sparekey.ErrNotFound for any other.
func (db *DB) Session(ctx context.Context, tokenHash string, now time.Time) (*sparekey.Session, *sparekey.Account, error) {
	var s sparekey.Session
	var a sparekey.Account
	var how string
	err := db.read(ctx).row(`
		SELECT `+sessionColumns+`, a.id, a.name, a.lang, a.password_epoch, a.ways_epoch, a.two_proofs,
		       a.disabled, a.delete_at, a.created
		  FROM sessions s JOIN accounts a ON a.id = s.account
		 WHERE s.token_hash = $1 AND s.ended = 0 AND s.install_epoch = $2
		   AND s.password_epoch = a.password_epoch AND a.disabled = 0 AND a.delete_at = 0`,
		[]any{tokenHash, db.epoch},
		append(scanSession(&s, &how), &a.ID, &a.Name, &a.Lang, &a.Epochs.Password, &a.Epochs.Ways, &a.TwoProofs,
			when{&a.Disabled}, when{&a.DeleteAt}, when{&a.Created})...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, sparekey.ErrNotFound
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read session: %w", err)
	}
	s.How = sparekey.SplitWays(how)
	if !s.Live(now) {
		return nil, nil, sparekey.ErrNotFound
	}
	return &s, &a, nil
}

// TouchSession writes that a session was used. It is called once an hour.
func (db *DB) TouchSession(ctx context.Context, id string, now time.Time) error {
	err := db.write(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE sessions SET seen = $1 WHERE id = $2 AND ended = 0 AND seen < $1`, micros(now), id)
		return err
	})
	if err != nil {
		return fmt.Errorf("touch session: %w", err)
	}
	return nil
}

// SessionsOf lists the live sessions of an account, the last used first.
func (db *DB) SessionsOf(ctx context.Context, account string, now time.Time) ([]sparekey.Session, error) {
	return db.read(ctx).sessionsOf(account, db.epoch, now)
}

func (c conn) sessionsOf(account string, epoch int64, now time.Time) ([]sparekey.Session, error) {
	var list []sparekey.Session
	err := c.rows(`
		SELECT `+sessionColumns+` FROM sessions s JOIN accounts a ON a.id = s.account
		 WHERE s.account = $1 AND s.ended = 0 AND s.install_epoch = $2 AND s.password_epoch = a.password_epoch AND a.delete_at = 0
		 ORDER BY s.seen DESC, s.created DESC, s.id`,
		[]any{account, epoch}, func(scan func(...any) error) error {
			var s sparekey.Session
			var how string
			if err := scan(scanSession(&s, &how)...); err != nil {
				return err
			}
			s.How = sparekey.SplitWays(how)
			if s.Live(now) {
				list = append(list, s)
			}
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return list, nil
}

// live counts the sessions of an account that can be used, but for one.
func (t *tx) live(account, but string, now time.Time) (n int, err error) {
	list, err := t.sessionsOf(account, t.db.epoch, now)
	for _, s := range list {
		if s.ID != but {
			n++
		}
	}
	return n, err
}

// HadSession reports sparekey.ErrNotFound unless the account has, or lately had, a
// session of that id.
func (db *DB) HadSession(ctx context.Context, account, id string) error {
	var n int
	err := db.read(ctx).row(`SELECT COUNT(*) FROM sessions WHERE id = $1 AND account = $2`, []any{id, account}, &n)
	switch {
	case err != nil:
		return fmt.Errorf("look for session: %w", err)
	case n == 0:
		return sparekey.ErrNotFound
	}
	return nil
}

// EndSession ends one session of an account. The flows begun in it end with it:
// they ask for the session at every move. It reports whether there was one.
func (db *DB) EndSession(ctx context.Context, account, id string, e sparekey.Event, turn Turn) (bool, error) {
	ended := false
	err := db.write(ctx, func(t *tx) error {
		n, err := t.exec(`UPDATE sessions SET ended = $1 WHERE id = $2 AND account = $3 AND ended = 0`,
			micros(turn.Now), id, account)
		if ended = n == 1; err != nil || !ended {
			return err
		}
		if err := t.changed(account); err != nil {
			return err
		}
		if turn.Browser == "" { // signed out from elsewhere: the browser may be in other hands
			_, err := t.exec(`DELETE FROM browsers WHERE account = $1 AND id = (SELECT known FROM sessions WHERE id = $2)`, account, id)
			if err != nil {
				return err
			}
		}
		if err := t.addEvent(e); err != nil {
			return err
		}
		return t.turn(turn)
	})
	if err != nil {
		return false, fmt.Errorf("end session: %w", err)
	}
	return ended, nil
}

// EndOtherSessions ends every session of an account but one, and gives the number
// of those that could have been used.
func (db *DB) EndOtherSessions(ctx context.Context, account, but string, e sparekey.Event) (int, error) {
	ended := 0
	err := db.write(ctx, func(t *tx) error {
		var err error
		if ended, err = t.live(account, but, e.Facts.At); err != nil {
			return err
		}
		n, err := t.exec(`UPDATE sessions SET ended = $1 WHERE account = $2 AND id <> $3 AND ended = 0`,
			micros(e.Facts.At), account, but)
		if err != nil {
			return err
		}
		if err := t.endApprovals(account); err != nil || n == 0 {
			return err
		}
		if err := t.changed(account); err != nil {
			return err
		}
		_, err = t.exec(`DELETE FROM browsers WHERE account = $1 AND id NOT IN (SELECT known FROM sessions WHERE id = $2)`, account, but)
		if err != nil {
			return err
		}
		e.Others = ended
		return t.addEvent(e)
	})
	if err != nil {
		return 0, fmt.Errorf("end other sessions: %w", err)
	}
	return ended, nil
}
