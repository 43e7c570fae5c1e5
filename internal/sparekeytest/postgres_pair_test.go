package sparekeytest

import "testing"

// What the primary of a pair has acknowledged is there when the standby takes
// over, the server that was killed can come back as it was, and become a standby
// in its turn.
func TestDurablePair(t *testing.T) {
	t.Parallel()
	p := DurablePair(t)
	OpenRows(t, p.URL).Exec(`CREATE TABLE kept (n BIGINT)`)
	OpenRows(t, p.URL).Exec(`INSERT INTO kept VALUES (1)`)
	p.Kill()
	p.Promote()
	if got := OpenRows(t, p.URL).Text(`SELECT CAST(n AS TEXT) FROM kept`); got != "1" {
		t.Errorf("after the standby took over: got %s, want the row that was acknowledged", got)
	}
	p.Return()
	OpenRows(t, p.OtherURL()).Exec(`INSERT INTO kept VALUES (2)`)
	p.Rebuild()
	OpenRows(t, p.PrimaryURL()).Exec(`INSERT INTO kept VALUES (3)`)
	if got := OpenRows(t, p.OtherURL()).Text(`SELECT CAST(SUM(n) AS TEXT) FROM kept`); got != "4" {
		t.Errorf("on the standby that was the primary: got the sum %s, want 4: what both have acknowledged", got)
	}
}
