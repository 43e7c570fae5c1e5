package bench

import (
	"fmt"
	"slices"
	"time"

	"sparekey/internal/prove"
	"sparekey/internal/sparekeytest"
)

// A ledger of rows looks into the database beside the program.
type rows struct {
	s *place
	sparekeytest.Rows
}

func (s *place) rows() rows { return rows{s, sparekeytest.OpenRows(s.t, s.URL)} }

func (r rows) number(query string) (n int) {
	r.s.t.Helper()
	if _, err := fmt.Sscan(r.Text(`SELECT CAST((`+query+`) AS TEXT)`), &n); err != nil {
		r.s.t.Fatal(err)
	}
	return n
}

// backlog is how long the oldest message that is due has waited.
func (r rows) backlog() time.Duration {
	r.s.t.Helper()
	now := time.Now()
	oldest := r.number(fmt.Sprintf(`SELECT COALESCE(MIN(created), 0) FROM outbox WHERE state = 'waiting' AND created <= %d`, now.UnixMicro()))
	if oldest == 0 {
		return 0
	}
	return now.Sub(time.UnixMicro(int64(oldest)))
}

// settle waits until no message waits to be sent.
func (s *place) settle() {
	s.t.Helper()
	rows := s.rows()
	for range 6000 {
		if rows.number(`SELECT COUNT(*) FROM outbox WHERE state = 'waiting' AND NOT merged`) == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.t.Fatal("got messages that still wait after five minutes, want none")
}

// handOvers measures the time from a request to the mail server's 250.
func handOvers(p *page, s *place) {
	w := &prove.Wire{Addr: s.Addr}
	var took, answered []time.Duration
	end := time.Now().Add(*span)
	for n := 0; time.Now().Before(end) && n < s.accounts/5; n++ {
		email := s.of(mailed, n)
		arrived := s.Office.Expect(email)
		began := time.Now()
		a, err := w.Send(ask("POST", "/recover", "", "login="+email))
		s.must(err)
		if a.Status != 303 {
			s.t.Fatalf("recover %s: got %d, want 303", email, a.Status)
		}
		select {
		case mail := <-arrived:
			took, answered = append(took, mail.At.Sub(began)), append(answered, a.Took)
		case <-time.After(time.Minute):
			s.t.Fatalf("got no mail to %s within a minute, want one", email)
		}
	}
	slices.Sort(took)
	slices.Sort(answered)
	p.row("from a request to the hand-over of its mail", "p50 < 5 ms, p99 < 50 ms", "p50 %s, p99 %s (%d mails); the page itself p50 %s",
		ms(at(took, 0.5)), ms(at(took, 0.99)), len(took), ms(at(answered, 0.5)))
}

// recoveries measures whole recoveries with the mail in the loop.
func recoveries(p *page, s *place) {
	_, raw := hash()
	var took []time.Duration
	end := time.Now().Add(*span)
	for n := 0; time.Now().Before(end) && n < s.accounts/5-1; n++ {
		began := time.Now()
		s.recoverNow(s.of(recovered, n+1), "a new one for it 9")
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	p.row("a whole recovery, mail and five pages included", "one hash + 10 ms", "median %s of %d, where a hash takes %s",
		ms(at(took, 0.5)), len(took), ms(raw))
	s.settle()
}

// drained measures how fast a backlog leaves once the mail server is back, and
// what it does to a mail that comes meanwhile.
func drained(p *page, s *place) {
	reopen := s.Office.Shut()
	for n := range *mails {
		w := &prove.Wire{Addr: s.Addr}
		a, err := w.Send(ask("POST", "/recover", "", "login="+s.of(mailed, n)))
		s.must(err)
		w.Close()
		if a.Status != 303 {
			s.t.Fatalf("recover: got %d, want 303", a.Status)
		}
	}
	before := len(s.Office.Mails(0))
	reopen()
	began := time.Now()
	s.settle()
	all := s.Office.Mails(before)
	if len(all) == 0 {
		s.t.Fatal("got no mail, want a backlog")
	}
	took := all[len(all)-1].At.Sub(began)
	p.row(fmt.Sprintf("a backlog of %d mails leaves, once the mail server is back", *mails), "≥ 1,000 /s", "%.0f /s (%d in %s)",
		float64(len(all))/took.Seconds(), len(all), ms(took))
}
