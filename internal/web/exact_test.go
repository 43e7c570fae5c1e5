package web_test

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"sparekey/internal/sparekeytest"
	"sparekey/internal/store"
)

// A stranger is what somebody sees of one Sparekey who types one login: every
// answer, every statement, every line of the log.
type stranger struct {
	t     *testing.T
	app   *sparekeytest.App
	c     *sparekeytest.Client
	login string
	seen  strings.Builder // answers
	trace []string
	log   bytes.Buffer
}

// newStranger starts a Sparekey with one account of each class. All start from
// the same seed and go the same way, so that what they say can be the same to
// the byte.
func newStranger(t *testing.T, database, login string) *stranger {
	s := &stranger{t: t, login: login}
	s.app = sparekeytest.New(t, sparekeytest.Options{
		Seed: 7, Database: database, Log: &s.log,
		Trace: func(one store.Statement) { s.trace = append(s.trace, fmt.Sprintf("%d %s", one.Rows, one.Text)) },
	})
	ctx := context.Background()
	s.app.Register("known@example.com", first)
	s.app.Register("pause@example.com", first)
	v, err := s.app.Accounts.Find(ctx, "pause@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.app.Store.Disable(ctx, v.ID, s.app.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.app.Accounts.Add(ctx, "added@example.com", "added", ""); err != nil {
		t.Fatal(err)
	}
	s.app.Sleep(48 * time.Hour)
	s.app.Sweep()
	s.trace, s.c = nil, s.app.Client()
	s.log.Reset()
	return s
}

var flowID = regexp.MustCompile(`(/flow/|%2Fflow%2F)[a-z2-7]{26}`)

// sees keeps an answer. The login is an echo, and a flow's id is made of the
// form that asked for it: both stand for what was typed, and nothing else may.
func (s *stranger) sees(p *sparekeytest.Page) *sparekeytest.Page {
	said := fmt.Sprintf("%d %v\n%s\n", p.Status, p.Header, p.Body)
	said = strings.ReplaceAll(said, s.login, "LOGIN")
	s.seen.WriteString(flowID.ReplaceAllString(said, "${1}ID"))
	return p
}

// recovers walks through a recovery to the end of the tries, of the messages
// and of the time, without ever knowing a code.
func (s *stranger) recovers() {
	s.sees(s.sees(s.c.Get("/recover")).Submit("/recover", "login", s.login))
	at := s.c.At()
	s.app.Deliver()
	p := s.sees(s.c.Get(at))
	s.sees(p.Submit("/again")) // too early
	s.sees(s.c.Get(at + "/ways"))
	for _, wait := range []time.Duration{60, 60, 120, 300} {
		s.app.Sleep(wait*time.Second - time.Second)
		s.sees(s.c.Get(at).Submit("/again"))
		s.app.Sleep(time.Second)
		s.sees(s.sees(s.c.Get(at)).Submit("/again"))
		s.app.Deliver()
	}
	for range 7 {
		p = s.sees(s.c.Get(at))
		if _, fields := p.Fields("/answer"); fields != nil {
			s.sees(p.Submit("/answer", "code", "0000"))
			s.sees(p.Submit("/answer", "code", "00000000"))
		}
	}
	s.app.Sleep(31 * time.Minute)
	s.sees(s.c.Get(at))
	s.app.Sweep()
}

// knocks signs in with a wrong password three times, and registers.
func (s *stranger) knocks() {
	for range 3 {
		s.sees(s.sees(s.c.Get("/signin")).Submit("/signin", "login", s.login, "password", "not it at all"))
	}
	p := s.sees(s.sees(s.c.Get("/register")).Submit("/register", "login", s.login, "password", first))
	if p.Status == 303 { // a login name is no address
		s.app.Deliver()
		s.sees(s.sees(s.c.Get(s.c.At())).Submit("/answer", "code", "00000000"))
	}
}

// THREATS 5, layer 1; A01, A03, A04, A06, A07; ASVS 6.3.8: for an account, for
// nobody, for an account that was paused and for one that nobody ever proved,
// a stranger gets the same answers to the byte, and behind them run the same
// statements with the same rows, in the requests and in the worker, and the
// log has the same lines.
func TestA01Exact(t *testing.T) {
	for _, logins := range [][]string{
		{"ghost@example.com", "known@example.com", "pause@example.com", "added@example.com"},
		{"ghost", "added"},
	} {
		for name, database := range map[string]func(testing.TB) string{
			"sqlite":   func(testing.TB) string { return "" },
			"postgres": sparekeytest.Postgres,
		} {
			t.Run(name+"/"+logins[0], func(t *testing.T) {
				t.Parallel()
				var nobody *stranger
				for _, login := range logins {
					s := newStranger(t, database(t), login)
					s.recovers()
					s.knocks()
					if nobody == nil {
						nobody = s
						continue
					}
					same(t, login+": answers", strings.Split(nobody.seen.String(), "\n"), strings.Split(s.seen.String(), "\n"))
					same(t, login+": statements", nobody.trace, s.trace)
					same(t, login+": log", lines(&nobody.log), lines(&s.log))
				}
			})
		}
	}
}

var took = regexp.MustCompile(`"time":"[^"]*"|"took":\d+`)

func lines(log *bytes.Buffer) []string {
	return strings.Split(took.ReplaceAllString(log.String(), ""), "\n")
}

// same fails the test at the first line that differs.
func same(t *testing.T, what string, want, got []string) {
	t.Helper()
	if len(want) == 1 {
		t.Errorf("%s: got nothing to compare, want some lines", what)
	}
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			t.Errorf("%s differ at line %d:\n got %.400s\nwant %.400s", what, i, got[i], want[i])
			return
		}
	}
	if len(want) != len(got) {
		t.Errorf("%s: got %d lines, want %d as for nobody", what, len(got), len(want))
	}
}
