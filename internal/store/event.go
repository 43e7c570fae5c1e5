package store

import "sparekey"

// addEvent writes a row of the journal.
func (t *tx) addEvent(e sparekey.Event) error {
	_, err := t.exec(`
		INSERT INTO events (id, account, kind, how, others, about, at, asked_from, asked_on)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		e.ID, e.Account, e.Kind, sparekey.JoinWays(e.How), e.Others, e.About, micros(e.Facts.At), e.Facts.From, e.Facts.On)
	return err
}
