package store

import (
	"fmt"
	"time"

	"sparekey"
)

// TextCaps are what the text messages of an installation may cost. Each is what
// strangers may spend; known browsers, sessions and flows with a proof have the
// same again (A37).
type TextCaps struct {
	Number sparekey.Windows // to one number
	Prefix sparekey.Windows // to the numbers of one block, which one operator has
	All    sparekey.Windows
}

// Text caps have a lane for flows in which nothing was proved, in a browser that
// nobody knows: one text to a number in 24 h.
var unprovedTexts = sparekey.Windows{{Span: 24 * time.Hour, Max: 1}}

// spendText spends a text message to a number, and reports whether it may leave.
// It runs the same statements for an account that has a phone, for one that has
// not and for nobody.
func (t *tx) spendText(f *sparekey.Flow, number string, w who, r Resolving) (bool, error) {
	proofs, err := t.proofs(f, r.Now)
	if err != nil {
		return false, err
	}
	lane, caps := sparekey.KnownLane, r.Texts.Number
	if len(proofs) == 0 && w.lane != sparekey.KnownLane {
		lane, caps = sparekey.StrangerLane, unprovedTexts
	}
	room := r.Reaches(number) && !w.ghost && !w.exists
	for _, s := range []struct {
		id, subject string
		windows     sparekey.Windows
	}{
		{r.Message.ID, w.pays, caps},
		{r.Message.ID + "-prefix", "prefix " + r.Prefix(number), r.Texts.Prefix},
		{r.Message.ID + "-all", "all", r.Texts.All},
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
