package store

import (
	"fmt"

	"sparekey"
)

// spendText spends a text message to a number, and reports whether it may leave:
// strangers who have proved nothing have one a day to a number, and half of all
// that may be sent is kept for others (A37).
// It runs the same statements for an account that has a phone, for one that has
// not and for nobody.
func (t *tx) spendText(f *sparekey.Flow, number string, w who, r Resolving) (bool, error) {
	// The caps on a block of numbers and on all of them are many accounts': of what
	// leaves at once for two of them each counts the other.
	if err := t.hold("texts"); err != nil {
		return false, err
	}
	proofs, err := t.proofs(f, r.Now)
	if err != nil {
		return false, err
	}
	lane, caps := sparekey.KnownLane, sparekey.TextCap()
	if len(proofs) == 0 && w.lane != sparekey.KnownLane {
		lane, caps = sparekey.StrangerLane, sparekey.TextOnce()
	}
	room := r.Reaches(number) && !w.ghost && !w.exists
	for _, s := range []struct {
		id, subject string
		windows     sparekey.Windows
	}{
		{r.Message.ID, w.pays, caps},
		{r.Message.ID + "-prefix", "prefix " + r.Prefix(number), sparekey.TextPrefixCap()},
		{r.Message.ID + "-all", "all", sparekey.TextDayCap()},
	} {
		// What one cap refuses costs nothing in those further out.
		ok, err := t.spend(Spend{
			ID: s.id, Subject: s.subject, Kind: textSpend, Lane: string(lane), Windows: s.windows, Now: r.Now, Refused: !room, Brief: w.ghost,
		})
		if err != nil {
			return false, fmt.Errorf("spend text: %w", err)
		}
		room = room && ok
	}
	return room, nil
}
