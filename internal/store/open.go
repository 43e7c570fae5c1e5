package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sparekey"
)

// A WayOn is the link of a mail that used up what strangers may have mailed to
// an address. Until there is room again, who has it needs no further mail to
// recover the account.
type WayOn struct {
	Name  string    // what the link names; empty if the mail carries none
	Until time.Time // when it stops working
}

// wayOn gives the link that a mail carries which has just been spent. It runs
// the same statements for everybody and nobody.
func (t *tx) wayOn(to target, w who, r Resolving) (WayOn, error) {
	until, err := t.openUntil(r.Message.ID, w.pays, r.Caps)
	if err != nil || until.IsZero() || !to.proved || to.disabled {
		return WayOn{}, err
	}
	return WayOn{Name: wayOnName(r.Message.ID, to.epochs, t.db.flowEpoch()), Until: until}, nil
}

// wayOnName names the mail that a link came with, and what ends the link
// before its time: the epochs of the account and of the installation (A33).
func wayOnName(mail string, e sparekey.Epochs, install int64) string {
	return strings.Join([]string{
		mail, strconv.FormatInt(e.Password, 10), strconv.FormatInt(e.Ways, 10), strconv.FormatInt(install, 10),
	}, "~")
}

// openUntil gives when the link of a mail stops working: when the caps that the
// mail filled have room again, and not before sparekey.OpenLeast. It gives no
// time if the mail filled none, was not counted, or is not the newest one.
func (c conn) openUntil(mail, subject string, caps sparekey.Windows) (time.Time, error) {
	var until time.Time
	for _, w := range caps {
		var at, oldest, newest time.Time
		var held int
		err := c.row(`
			SELECT COALESCE(MAX(m.at), 0), COALESCE(MIN(x.at), 0), COUNT(x.id), COALESCE(MAX(y.at), 0)
			  FROM spends m
			  JOIN spends x ON x.subject = m.subject AND x.kind = m.kind AND x.lane = m.lane AND x.counted
			       AND x.at > m.at - $1 AND x.at <= m.at
			  JOIN (SELECT MAX(at) AS at FROM spends WHERE subject = $2 AND kind = 'mail' AND lane = 'stranger' AND counted) y ON y.at IS NOT NULL
			 WHERE m.id = $3 AND m.subject = $2 AND m.kind = 'mail' AND m.lane = 'stranger' AND m.counted`,
			[]any{w.Span.Microseconds(), subject, mail}, when{&at}, when{&oldest}, &held, when{&newest})
		if err != nil {
			return time.Time{}, fmt.Errorf("read the mail caps: %w", err)
		}
		if held >= w.Max && !at.IsZero() && at.Equal(newest) {
			until = later(until, later(oldest.Add(w.Span), at.Add(sparekey.OpenLeast)))
		}
	}
	return until, nil
}

// WayOn gives the account that the link of a mail leads to, and the address it
// was mailed to. It reports sparekey.ErrNotFound if the link does not work any
// more: strangers may have mails sent there again, a newer mail carries the
// link, or a recovery was finished or the account changed since. Opening it
// uses nothing up.
func (db *DB) WayOn(ctx context.Context, name string, caps sparekey.Windows, now time.Time) (*sparekey.Account, *sparekey.Identifier, error) {
	c := db.read(ctx)
	mail, _, _ := strings.Cut(name, "~")
	var i sparekey.Identifier
	err := c.row(`
		SELECT i.id, i.account, i.kind, i.key, i.shown, i.added FROM spends s JOIN identifiers i ON i.id = s.subject
		 WHERE s.id = $1 AND i.kind = 'email' AND i.proved > 0 AND i.dropped = 0 AND i.asleep = 0`,
		[]any{mail}, &i.ID, &i.Account, &i.Kind, &i.Key, &i.Shown, when{&i.Added})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, sparekey.ErrNotFound
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the way on: %w", err)
	}
	until, err := c.openUntil(mail, i.ID, caps)
	if err != nil {
		return nil, nil, err
	}
	a, err := c.account(i.Account)
	if err != nil {
		return nil, nil, err
	}
	if !now.Before(until) || a == nil || !a.Disabled.IsZero() || name != wayOnName(mail, a.Epochs, db.flowEpoch()) {
		return nil, nil, sparekey.ErrNotFound
	}
	return a, &i, nil
}

// useUp ends the links that lead past spent mail caps, since a recovery of the
// account is finished, and has the caps begin anew: whoever proved the mailbox
// must be able to have a code mailed the next time, whatever strangers asked
// for until now.
func (t *tx) useUp(f *sparekey.Flow) error {
	_, err := t.exec(`
		UPDATE spends SET counted = FALSE
		 WHERE kind = 'mail' AND lane = 'stranger' AND counted AND subject IN (SELECT id FROM identifiers WHERE account = $1)`,
		f.Account)
	if err != nil {
		return fmt.Errorf("have the mail caps begin anew: %w", err)
	}
	return nil
}

// Open writes a flow to which its browser has brought a proof: a mail's link in
// the place of its code. The browser gets a new secret, as after every right
// answer. If the flow is there already, because the button was pressed twice,
// it writes nothing.
func (db *DB) Open(ctx context.Context, f *sparekey.Flow, c *sparekey.Challenge, turn Turn) (bool, error) {
	began := false
	err := db.write(ctx, func(t *tx) error {
		var err error
		if began, err = t.addFlow(f); err != nil || !began {
			return err
		}
		if err := t.addChallenge(c); err != nil {
			return err
		}
		if err := t.addProof(f, c, c.Identifier, turn.Now); err != nil {
			return err
		}
		return t.turn(turn)
	})
	if err != nil {
		return false, fmt.Errorf("open flow: %w", err)
	}
	return began, nil
}
