package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"sparekey"
)

const approvalColumns = `id, seen, credential, account, state, scanned, scan_from, expires,
	browser, flow, challenge, purpose, asked_from, asked_on, asked`

// approval reads one approval of this epoch of the installation; nil if there is
// none.
func (c conn) approval(epoch int64, where string, args ...any) (*sparekey.Approval, error) {
	var a sparekey.Approval
	err := c.row(fmt.Sprintf(`SELECT `+approvalColumns+` FROM approvals WHERE `+where+` AND install_epoch = $%d ORDER BY scanned, id LIMIT 1`, len(args)+1),
		append(args, epoch),
		&a.ID, &a.Seen, &a.Credential, &a.Account, &a.State, when{&a.Scanned}, &a.ScanFrom, when{&a.Expires},
		&a.Browser, &a.Flow, &a.Challenge, &a.Purpose, &a.From, &a.On, when{&a.Asked})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read approval: %w", err)
	}
	return &a, nil
}

// Approval gives an approval by its id. It reports sparekey.ErrNotFound.
func (db *DB) Approval(ctx context.Context, id string) (*sparekey.Approval, error) {
	a, err := db.read(ctx).approval(db.flowEpoch(), `id = $1`, id)
	if err == nil && a == nil {
		err = sparekey.ErrNotFound
	}
	return a, err
}

// ApprovalSeen gives the approval of a screen, by either of its codes; nil if no app
// that it concerns has seen one. If two apps have, it is that of the first.
func (db *DB) ApprovalSeen(ctx context.Context, id, short string) (*sparekey.Approval, error) {
	return db.read(ctx).approval(db.flowEpoch(), `seen IN ($1, $2) AND state <> 'foreign'`, id, short)
}

// A PairedApp is a phone with the app. One that was dropped lately is one still: it
// may count in a recovery that goes back before that.
type PairedApp struct {
	Stored
	Asleep time.Time // since when it opens nothing; zero if it is awake
}

// PairedApp gives the app whose key has that hash; the zero value if there is none,
// or its account is disabled.
func (db *DB) PairedApp(ctx context.Context, lookup string, now time.Time) (PairedApp, error) {
	return db.read(ctx).pairedApp(`c.lookup = $1`, lookup, now)
}

// PairedAppOf is PairedApp by the credential's id.
func (db *DB) PairedAppOf(ctx context.Context, id string, now time.Time) (PairedApp, error) {
	return db.read(ctx).pairedApp(`c.id = $1`, id, now)
}

func (c conn) pairedApp(where, arg string, now time.Time) (p PairedApp, err error) {
	err = c.row(`
		SELECT c.id, c.account, c.kind, c.name, c.data, c.lookup, c.last_step, c.added, c.dropped, c.asleep
		  FROM credentials c JOIN accounts a ON a.id = c.account
		 WHERE `+where+` AND c.kind = 'app' AND (c.dropped = 0 OR c.dropped > $2) AND a.disabled = 0`,
		[]any{arg, micros(now.Add(-sparekey.TakeBack))}, append(p.scanned(), when{&p.Asleep})...)
	if errors.Is(err, sql.ErrNoRows) {
		return PairedApp{}, nil
	}
	if err != nil {
		return PairedApp{}, fmt.Errorf("read paired app: %w", err)
	}
	return p, nil
}

// OpensByApp gives an app that opens something for a flow; the zero value if it does
// not. A sign-in has no flow yet.
func (db *DB) OpensByApp(ctx context.Context, f *sparekey.Flow, id string) (Stored, error) {
	return db.read(ctx).stored(f, `id = $1 AND kind = 'app'`, id)
}

// awakeApp reports why an app opens nothing, in the transaction that it is used in.
func (t *tx) awakeApp(id string, now time.Time) error {
	p, err := t.pairedApp(`c.id = $1`, id, now)
	switch {
	case err != nil:
		return err
	case p.ID == "":
		return sparekey.ErrNoApp
	case !p.Asleep.IsZero():
		return sparekey.ErrAppSleeps
	}
	return nil
}

// SeeApp writes that an app was used.
func (db *DB) SeeApp(ctx context.Context, id string, now time.Time) error {
	err := db.write(ctx, func(t *tx) error { return t.seeApp(id, now) })
	if err != nil {
		return fmt.Errorf("write when the app was used: %w", err)
	}
	return nil
}

func (t *tx) seeApp(id string, now time.Time) error {
	_, err := t.exec(`UPDATE credentials SET changed = $1 WHERE id = $2 AND changed < $1`, micros(now), id)
	return err
}

// screens is the channel by which PostgreSQL tells all nodes that something has
// come of the code of a screen.
const screens = "sparekey_screens"

// tellScreen tells the other nodes that something has come of a screen's code. It
// is a person's doing each time, so that the lock under which PostgreSQL notifies
// is never waited for.
func (t *tx) tellScreen(seen string) error {
	if !t.postgres {
		return nil
	}
	_, err := t.exec(`SELECT pg_notify('`+screens+`', $1)`, seen)
	return err
}

// Scan writes that an app has seen the code of a screen, and gives the approval's
// id. The same app that sees it again gets the same one. It reports
// sparekey.ErrAppTaken if another has seen it before, sparekey.ErrAppMany if the
// app has seen too many, and what keeps the app from it. Whatever it
// says, what was seen is spent.
func (db *DB) Scan(ctx context.Context, a sparekey.Approval) (string, error) {
	var id string
	var refused error
	err := db.write(ctx, func(t *tx) error {
		id, refused = a.ID, nil
		if err := t.hold(a.Account); err != nil {
			return err
		}
		if err := t.awakeApp(a.Credential, a.Scanned); err != nil {
			return err
		}
		room, err := t.spend(Spend{
			ID: "scan " + a.Credential + " " + a.Seen, Subject: a.Account, Kind: scanSpend, Lane: "app:" + a.Credential, Windows: sparekey.ScanBudget(),
			Now: a.Scanned, Facts: sparekey.Facts{From: a.ScanFrom},
		})
		if err != nil {
			return err
		}
		if !room {
			refused = sparekey.ErrAppMany
			return nil
		}
		n, err := t.exec(`
			INSERT INTO approvals (`+approvalColumns+`, install_epoch)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', '', '', '', '', '', 0, $9) ON CONFLICT (seen) DO NOTHING`,
			a.ID, a.Seen, a.Credential, a.Account, sparekey.AppScanned, micros(a.Scanned), a.ScanFrom, micros(a.Expires), db.flowEpoch())
		if err != nil {
			return fmt.Errorf("write approval: %w", err)
		}
		if n == 0 {
			was, err := t.approval(db.flowEpoch(), `seen = $1`, a.Seen)
			switch {
			case err != nil:
				return err
			case was == nil || was.Credential != a.Credential:
				refused = sparekey.ErrAppTaken
			default:
				id = was.ID
			}
			return nil
		}
		if err := t.seeApp(a.Credential, a.Scanned); err != nil {
			return fmt.Errorf("write when the app was used: %w", err)
		}
		return t.tellScreen(a.Seen)
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return "", fmt.Errorf("scan: %w", err)
	}
	return id, nil
}

// ClaimApproval writes the screen that shows the code into an approval: then the
// app shows the question, and nobody else may answer it who has seen one of the codes
// of the screen, id and short. A screen that the app opens nothing of is written down
// as that, and nothing is asked. Of two browsers one is faster; only the one that
// shows the code can know the approval at all.
func (db *DB) ClaimApproval(ctx context.Context, a sparekey.Approval, id, short string, opens bool) error {
	state := sparekey.AppAsked
	if !opens {
		state = sparekey.AppForeign
	}
	err := db.write(ctx, func(t *tx) error {
		n, err := t.exec(`
			UPDATE approvals SET state = $1, browser = $2, flow = $3, challenge = $4, purpose = $5, asked_from = $6, asked_on = $7, asked = $8, expires = $9
			 WHERE id = $10 AND state = 'scanned' AND expires > $8`,
			state, a.Browser, a.Flow, a.Challenge, a.Purpose, a.From, a.On, micros(a.Asked), micros(a.Expires), a.ID)
		if err != nil || n == 0 {
			return err
		}
		if opens {
			_, err = t.exec(`UPDATE approvals SET state = 'ended' WHERE seen IN ($1, $2) AND id <> $3 AND state = 'scanned'`, id, short, a.ID)
			if err != nil {
				return err
			}
		}
		return t.tellScreen(a.Seen)
	})
	if err != nil {
		return fmt.Errorf("claim approval: %w", err)
	}
	return nil
}

// CancelApproval ends what has come of the codes of a screen: nothing that a phone
// answers counts for it any more.
func (db *DB) CancelApproval(ctx context.Context, id, short string) error {
	err := db.write(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE approvals SET state = 'ended' WHERE seen IN ($1, $2) AND state IN ('scanned', 'asked', 'approved')`, id, short)
		return err
	})
	if err != nil {
		return fmt.Errorf("cancel approval: %w", err)
	}
	return nil
}

// AnswerApproval writes what the person has decided about an approval, exactly as
// it was read and shown. Who has approved may still decline, until the screen goes
// on, and who declines is never too late while anything may come of the flow that the
// screen shows: it is stopped. It reports sparekey.ErrAppOld if the approval has moved
// since, or is too late, and what keeps the app from it.
func (db *DB) AnswerApproval(ctx context.Context, a sparekey.Approval, to sparekey.ApprovalState, expires time.Time, e sparekey.Event) error {
	err := db.write(ctx, func(t *tx) error {
		if err := t.awakeApp(a.Credential, e.Facts.At); err != nil {
			return err
		}
		n, err := t.exec(`
			UPDATE approvals SET state = $1, expires = $2
			 WHERE id = $3 AND state = $8 AND browser = $4 AND flow = $5 AND asked = $6 AND ($9 OR expires > $7 AND (flow = '' OR EXISTS (
			       SELECT 1 FROM flows f WHERE f.id = approvals.flow AND f.stopped = FALSE AND f.step = 'verify' AND f.expires > $7)))`,
			to, micros(expires), a.ID, a.Browser, a.Flow, micros(a.Asked), micros(e.Facts.At), a.State, to == sparekey.AppDeclined)
		if err != nil {
			return err
		}
		if n == 0 {
			return sparekey.ErrAppOld
		}
		if to == sparekey.AppDeclined {
			if err := t.declined(a, e); err != nil {
				return err
			}
		}
		return t.tellScreen(a.Seen)
	})
	if err != nil {
		return fmt.Errorf("answer approval: %w", err)
	}
	return nil
}

// declined stops what the owner of an app has declined. The screen was about the
// owner's account, or about nobody's yet.
func (t *tx) declined(a sparekey.Approval, e sparekey.Event) error {
	_, err := t.exec(`UPDATE flows SET stopped = TRUE WHERE id = $1 AND account = $2 AND step <> 'done' AND stopped = FALSE`, a.Flow, a.Account)
	if err != nil {
		return fmt.Errorf("stop the flow: %w", err)
	}
	e.Account = a.Account
	return t.addEvent(e)
}

// useApproval uses an approval up, with the proof that it is. It reports
// sparekey.ErrWrongCode if it was used, or has ended, before.
func (t *tx) useApproval(u *Use, now time.Time) error {
	if u.Approval == "" {
		return nil
	}
	n, err := t.exec(`UPDATE approvals SET state = 'used' WHERE id = $1 AND credential = $2 AND state = 'approved' AND expires > $3`,
		u.Approval, u.Was.ID, micros(now))
	if err != nil {
		return fmt.Errorf("use approval: %w", err)
	}
	if n == 0 {
		return sparekey.ErrWrongCode
	}
	return nil
}

// endApprovals ends what the apps of an account have begun, as its sessions end:
// an approval that was given before opens nothing.
func (t *tx) endApprovals(account string) error {
	_, err := t.exec(`UPDATE approvals SET state = 'ended' WHERE account = $1 AND state IN ('scanned', 'asked', 'approved')`, account)
	if err != nil {
		return fmt.Errorf("end approvals: %w", err)
	}
	return nil
}
