package durable

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"sparekey/internal/sparekeytest"
	"sparekey/internal/sparekeytest/site"
)

// A start is a recovery whose start was acknowledged.
type start struct {
	email, flow string
	at          time.Time
	person      *site.Person
	mails       []site.Mail
}

// A post is a site whose mail server misbehaves, and what was begun there.
type post struct {
	t      *testing.T
	site   *site.Site
	node   *site.Server
	rows   sparekeytest.Rows
	starts []*start
}

func newPost(t *testing.T, binary, database string, emails []string) *post {
	s := site.New(t, binary, database)
	s.Fill(emails)
	return &post{t: t, site: s, node: s.Start(), rows: sparekeytest.OpenRows(t, s.URL)}
}

// begin has the owners of accounts ask for a recovery, many at once. Every one
// must be told that a mail is on its way, whatever the mail server does.
func (p *post) begin(emails []string) {
	p.t.Helper()
	next, mu, all := make(chan string), sync.Mutex{}, sync.WaitGroup{}
	for range 16 {
		all.Go(func() {
			for email := range next {
				person := p.node.Person()
				err := person.Get("/recover")
				if err == nil {
					err = person.Post("/recover", "login", email)
				}
				if err != nil {
					p.t.Errorf("recover %s: got %v, want it to begin", email, err)
					continue
				}
				mu.Lock()
				p.starts = append(p.starts, &start{email: email, flow: strings.TrimPrefix(person.At, "/flow/"), at: time.Now(), person: person})
				mu.Unlock()
			}
		})
	}
	for _, email := range emails {
		next <- email
	}
	close(next)
	all.Wait()
}

// settle waits until no mail waits to be sent, and sorts them to their starts.
func (p *post) settle(limit time.Duration) {
	p.t.Helper()
	for end := time.Now().Add(limit); p.waiting() != "0"; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("after %v: got %s mails that wait, want none", limit, p.waiting())
		}
	}
	by := map[string][]site.Mail{}
	for _, m := range p.site.Office.Mails(0) {
		by[m.Thread] = append(by[m.Thread], m)
	}
	for _, s := range p.starts {
		s.mails = by[s.flow]
	}
}

func (p *post) waiting() string {
	return p.rows.Text(`SELECT CAST(COUNT(*) AS TEXT) FROM outbox WHERE state = 'waiting' AND NOT merged`)
}

// hurry has what is tried again later tried now, but for what a worker has: that
// is its own until its lease of two minutes ends.
func (p *post) hurry() {
	p.rows.Exec(`UPDATE outbox SET run_at = 1 WHERE state = 'waiting' AND NOT merged AND run_at < $1`, time.Now().Add(time.Minute).UnixMicro())
}

// holds makes sure that a start got as many mails as it should, that they carry
// one code, and that this code works.
func (p *post) holds(s *start, least, most int) {
	p.t.Helper()
	if n := len(s.mails); n < least || n > most {
		p.t.Errorf("%s: got %d mails, want %d to %d", s.email, n, least, most)
		return
	}
	for _, m := range s.mails {
		if m.Code != s.mails[0].Code {
			p.t.Errorf("%s: got the codes %s and %s, want one", s.email, s.mails[0].Code, m.Code)
		}
	}
	if len(s.mails) == 0 {
		return
	}
	flow := "/flow/" + s.flow
	if err := s.person.Get(flow); err != nil {
		p.t.Errorf("%s: %v", s.email, err)
	}
	if err := s.person.Post(flow+"/answer", "code", s.mails[0].Code); err != nil {
		p.t.Errorf("%s: got %v, want the code of the mail to work", s.email, err)
	}
}

// delays gives how long the mails of some starts were under way: half of them,
// and the slowest.
func delays(starts []*start) (median, most time.Duration) {
	var all []time.Duration
	for _, s := range starts {
		if len(s.mails) > 0 {
			all = append(all, max(0, s.mails[0].At.Sub(s.at)))
		}
	}
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	return all[len(all)/2], all[len(all)-1]
}

// addresses gives n addresses of a kind.
func addresses(kind string, n int) (list []string) {
	for i := range n {
		list = append(list, site.Address(kind, i))
	}
	return list
}

func kindOf(email string) string { kind, _, _ := strings.Cut(email, "."); return kind }

// F8 (THREATS 4): the mail server refuses some mails for good, asks to be tried
// again for others, hangs up in the middle, and breaks before or after it has
// said that it has a mail. Nobody whose mail it takes waits for those, each start
// that it lets through gets its mail with a code that works, and whatever it
// refused for good is in the journal of the account. A mail comes twice only when
// the server took it and broke off before it said so; then both carry one code.
func TestF8MailServerMisbehaves(t *testing.T) {
	together(t)
	paper.watch(t)
	binary := site.Build(t)
	each := max(6, *backlog/10)
	troubles := []struct {
		kind, what  string
		least, most int
	}{
		{"healthy", "takes it", 1, 1},
		{"greylisted", "451 at first", 1, 1},
		{"hungup", "421 at first", 1, 1},
		{"unknown", "550 to the address", 0, 0},
		{"toolarge", "552 to the mail", 0, 0},
		{"cutbefore", "takes it, and breaks before it says so", 1, 2},
		{"cutafter", "takes it, says so, and breaks", 1, 1},
	}
	var lines []string
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			var emails []string
			for i := range each { // all kinds at once
				for _, trouble := range troubles {
					emails = append(emails, site.Address(trouble.kind, i))
				}
			}
			p := newPost(t, binary, database, emails)
			tries := p.misbehave()
			p.begin(emails)
			p.settle(3 * time.Minute)
			of := map[string][]*start{}
			for _, s := range p.starts {
				of[kindOf(s.email)] = append(of[kindOf(s.email)], s)
			}
			for _, trouble := range troubles {
				mails := 0
				for _, s := range of[trouble.kind] {
					p.holds(s, trouble.least, trouble.most)
					mails += len(s.mails)
				}
				median, most := delays(of[trouble.kind])
				times := " | "
				if mails > 0 {
					times = fmt.Sprint(median.Round(time.Millisecond), " | ", most.Round(time.Millisecond))
				}
				lines = append(lines, fmt.Sprintf("| %s | %s | %d | %d | %s |", trouble.what, database, len(of[trouble.kind]), mails, times))
				t.Logf("%s: %d starts, %d mails after %v, the last after %v", trouble.what, len(of[trouble.kind]), mails, median, most)
			}
			limit := 20*time.Second + time.Duration(len(emails))*5*time.Millisecond // there are many
			if _, most := delays(of["healthy"]); most > limit {
				t.Errorf("got a healthy mail after %v, want none to wait for the others: %v at most", most, limit)
			}
			p.gaveUp(append(addresses("unknown", each), addresses("toolarge", each)...), tries)
		})
	}
	paper.add(2, "The mail server misbehaves", "One mail server does all of this at once to mails that are sent at once. What it\n"+
		"refuses for good is tried once, and the account's journal has it; what it refuses\n"+
		"for now is tried again after 5 s, 10 s and so on. The times are those from the\n"+
		"start of a recovery to its mail, the median and the longest.\n\n"+
		"| the mail server | database | recoveries | mails taken | median | longest |\n| --- | --- | --- | --- | --- | --- |\n"+strings.Join(lines, "\n")+"\n")
}

// misbehave has the mail server do to each mail what its address says. It gives
// how often each was tried.
func (p *post) misbehave() (tries func(email string) int) {
	var mu sync.Mutex
	seen := map[string]int{}
	refusals := map[string]*smtp.SMTPError{
		"greylisted": {Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "Come again"},
		"hungup":     {Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "Too busy"},
		"unknown":    {Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such user"},
	}
	p.site.Office.Refuse(func(to string) error {
		mu.Lock()
		defer mu.Unlock()
		seen[to]++
		if r := refusals[kindOf(to)]; r != nil && (seen[to] == 1 || r.Code >= 500) {
			return r
		}
		return nil
	})
	p.site.Office.Answer(func(m site.Mail) site.Answer {
		mu.Lock()
		defer mu.Unlock()
		switch kindOf(m.To) {
		case "toolarge":
			return site.Answer{Refuse: &smtp.SMTPError{Code: 552, EnhancedCode: smtp.EnhancedCode{5, 3, 4}, Message: "Too large"}}
		case "cutbefore":
			return site.Answer{Cut: seen[m.To] == 1}
		case "cutafter":
			return site.Answer{After: func() {}}
		}
		return site.Answer{}
	})
	return func(email string) int {
		mu.Lock()
		defer mu.Unlock()
		return seen[email]
	}
}

// gaveUp makes sure that the mails to some addresses were tried once and stand in
// the journals of their accounts.
func (p *post) gaveUp(emails []string, tries func(string) int) {
	p.t.Helper()
	for _, email := range emails {
		if got := tries(email); got != 1 {
			p.t.Errorf("%s: got %d tries, want one: it was refused for good", email, got)
		}
		got := p.rows.Text(`
			SELECT CAST(COUNT(*) AS TEXT) FROM events e JOIN identifiers i ON i.account = e.account
			 WHERE i.key = $1 AND e.kind = 'message-given-up'`, email)
		if got != "1" {
			p.t.Errorf("%s: got %s entries of a mail that was given up in the journal, want one", email, got)
		}
	}
}

// F8 (THREATS 4): while there is no mail server, recoveries begin as ever, and
// when it is back each of them gets its one mail, with a code that works. The
// same when it says each of its words letter by letter.
func TestF8MailServerIsDown(t *testing.T) {
	together(t)
	paper.watch(t)
	binary := site.Build(t)
	var lines []string
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			emails, slow := addresses("waiting", *backlog), addresses("slow", 10)
			p := newPost(t, binary, database, append(slices.Clone(emails), slow...))
			p.site.Office.Close()
			began := time.Now()
			p.begin(emails)
			took := time.Since(began)
			time.Sleep(500 * time.Millisecond)
			p.site.Office.Open()
			began = time.Now()
			p.hurry()
			p.settle(10 * time.Minute)
			drained := time.Since(began)
			for _, s := range p.starts {
				p.holds(s, 1, 1)
			}
			lines = append(lines, fmt.Sprintf("| %s | %d | %.0f /s | %v | %.0f /s |", database, len(p.starts), float64(len(p.starts))/took.Seconds(),
				drained.Round(time.Millisecond), float64(len(p.starts))/drained.Seconds()))
			t.Logf("%d recoveries begun in %v, their mails sent in %v", len(p.starts), took, drained)

			p.starts = nil
			p.site.Office.Pace(10 * time.Millisecond)
			p.begin(slow)
			p.settle(3 * time.Minute)
			for _, s := range p.starts {
				p.holds(s, 1, 1)
			}
			median, most := delays(p.starts)
			t.Logf("letter by letter: %d mails after %v, the last after %v", len(slow), median, most)
		})
	}
	paper.add(3, "The mail server is down", "Recoveries begin while there is no mail server; then it is back, and all mails\n"+
		"leave at once. Every one arrived once, with a code that worked.\n\n"+
		"| database | recoveries begun | as fast as | until all mails were sent | that is |\n| --- | --- | --- | --- | --- |\n"+strings.Join(lines, "\n")+"\n")
}
