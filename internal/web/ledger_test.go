package web_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// A besieger asks for codes of one account and guesses them, over years.
type besieger struct {
	app    *sparekeytest.App
	rows   sparekeytest.Rows
	random *rand.Rand
	short  []time.Time // when an answer was compared with a short code
	open   []siegeFlow
}

type siegeFlow struct {
	c     *sparekeytest.Client
	short bool
	ends  time.Time
}

// asks opens a flow. Whether its code is short only its row tells.
func (b *besieger) asks() {
	c, _ := recovering(b.app, mara)
	b.app.Deliver()
	// No mail comes beyond the caps, but the code is minted all the same.
	length := b.rows.Text(`SELECT CAST(length AS TEXT) FROM challenges WHERE flow = $1`, c.At()[len("/flow/"):])
	b.open = append(b.open, siegeFlow{c, length == "8", b.app.Now().Add(sparekey.FlowLife)})
}

// guesses spends some tries of one open flow.
func (b *besieger) guesses() {
	if len(b.open) == 0 {
		return
	}
	at := b.random.IntN(len(b.open))
	f := b.open[at]
	for range 1 + b.random.IntN(sparekey.MaxTries) {
		before := b.app.Flows.Compared()
		answered(f.c, f.c.At(), "00000000")
		if b.app.Flows.Compared() > before && f.short {
			b.short = append(b.short, b.app.Now())
		}
		if _, form := f.c.Get(f.c.At()).Fields("/answer"); form == nil {
			b.open = append(b.open[:at], b.open[at+1:]...)
			return
		}
	}
}

// waits lets time pass: seconds, hours or a month.
func (b *besieger) waits() {
	spans := []time.Duration{time.Minute, 20 * time.Minute, 9 * time.Hour, 3 * 24 * time.Hour, 40 * 24 * time.Hour}
	b.app.Sleep(time.Duration(b.random.Int64N(int64(spans[b.random.IntN(len(spans))]))))
	b.app.Sweep()
	open := b.open[:0]
	for _, f := range b.open {
		if b.app.Now().Before(f.ends) {
			open = append(open, f)
		}
	}
	b.open = open
}

// most is the greatest number of comparisons in any span.
func (b *besieger) most(span time.Duration) (most int) {
	for i, from := range b.short {
		n := 0
		for _, at := range b.short[i:] {
			if at.Before(from.Add(span)) {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// A13, A14, A15 (THREATS 6): whatever a stranger does for years, with any
// number of flows and addresses, no day, month or year has more comparisons
// with short codes than the ledger allows: 1e-6 a year.
func TestA14LedgerHoldsForYears(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		app.Register(mara, first)
		b := &besieger{app: app, rows: app.Rows(), random: rand.New(rand.NewPCG(seed, 0))}
		for began := app.Now(); app.Now().Before(began.Add(550 * 24 * time.Hour)); b.waits() {
			for range 1 + b.random.IntN(3) {
				b.asks()
			}
			for range b.random.IntN(4) {
				b.guesses()
			}
		}
		t.Logf("%d comparisons with short codes in a year and a half", len(b.short))
		for _, w := range sparekey.CodeLedger() {
			got := b.most(w.Span)
			if got > w.Max || got < w.Max/2 {
				t.Errorf("got up to %d comparisons with short codes within %v, want at most %d, and not far below: else it proves little",
					got, w.Span, w.Max)
			}
		}
	})
}
