package bound

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

const (
	mara   = "mara@example.com"
	wren   = "wren@example.com" // asks for two proofs
	first  = "seven quiet herons"
	second = "nine loud magpies"
	third  = "two shy kestrels"
)

// A siege is what strangers do to one account, with as many addresses,
// browsers and accounts of their own as they like. It notes when the server
// compared something of theirs with what would let them in.
type siege struct {
	t      *testing.T
	app    *sparekeytest.App
	rows   sparekeytest.Rows
	random *rand.Rand
	own    *sparekeytest.Client // known to an account of the attacker's
	strong *sparekeytest.Client // of somebody else, who asks for two proofs and whose password is known
	seed   string               // of the authenticator app beside it
	saved  string               // the victim's saved code
	owner  *sparekeytest.Client // the victim's browser
	visit  time.Time            // of the victim, the last
	open   []siegeFlow
	asked  int

	short, passwords []time.Time // comparisons with short codes, and with the password
	long             int         // comparisons with long codes
	apps             []time.Time // comparisons with the authenticator app of who asks for two proofs
}

// A siegeFlow is a recovery of the victim that an attacker began.
type siegeFlow struct {
	c     *sparekeytest.Client
	short bool
	ends  time.Time
}

func newSiege(t *testing.T, app *sparekeytest.App, seed uint64) *siege {
	owner := app.Register(mara, first)
	owner.Get("/account/profile").Submit("/account/profile", "name", "", "lang", "en", "login", "mara.w").See(303)
	owner.Get(owner.At()).Submit("/act").See(303)
	saved := addsSaved(app, owner)
	own := app.Register("eve@example.net", "three tall cranes")
	own.Get("/account").Submit("/signout")
	strong := app.Register(wren, first)
	seed2 := addsApp(t, app, strong)
	return &siege{
		strong: strong, seed: seed2, saved: saved,
		t: t, app: app, rows: app.Rows(), random: rand.New(rand.NewPCG(seed, 0)),
		own: own, owner: owner, visit: app.Now(),
	}
}

// addsSaved makes a saved code for an account, and gives it.
func addsSaved(app *sparekeytest.App, c *sparekeytest.Client) (code string) {
	app.Sleep(time.Second) // it does not come with the account
	c.Get("/account/ways").Submit("/ways", "do", "add", "way", "saved").See(303)
	c.Get(c.At()).See(200).Submit("/act").See(303)
	return sparekeytest.SavedCode(c.Get(c.At()).Text())
}

// addsApp adds an authenticator app to an account, and gives its seed.
func addsApp(t *testing.T, app *sparekeytest.App, c *sparekeytest.Client) (seed string) {
	t.Helper()
	c.Get("/account/ways").Submit("/ways", "do", "add", "way", "totp").See(303)
	page := c.Get(c.At()).See(200)
	seed = sparekeytest.Seed(page.Text())
	page.Submit("/act", "code", app.AppCode(seed, app.Now())).See(303)
	c.Get("/account").Submit("/signout")
	return seed
}

// halves signs in with a stolen password as somebody who asks for two proofs, and
// guesses what the authenticator app shows.
func (s *siege) halves(tries int) {
	c := s.stranger()
	if c.Get("/signin").Submit("/signin", "login", wren, "password", first).Status != 303 {
		return // beyond the budget of the password, it is as good as wrong
	}
	for range tries {
		page := c.Get(c.At())
		if _, form := page.Fields("/answer"); form == nil {
			return
		}
		before := s.app.Flows.Compared()
		page.Submit("/answer", "code", "000000")
		for range s.app.Flows.Compared() - before {
			s.apps = append(s.apps, s.app.Now())
		}
	}
}

// stranger gives a browser at an address of its own: a fresh one, or one that
// another account knows, the attacker's.
func (s *siege) stranger() *sparekeytest.Client {
	c := s.app.Client()
	if s.random.IntN(4) == 0 {
		c = s.own.Clone()
	}
	s.asked++
	c.Addr = fmt.Sprintf("198.18.%d.%d:4711", s.asked>>8&255, s.asked&255)
	return c
}

// asks opens a recovery of the victim. How long its code is only its row tells.
func (s *siege) asks() {
	c := s.stranger()
	login := []string{mara, "Mara@Example.com", "mara.w"}[s.asked%3]
	c.Get("/recover").Submit("/recover", "login", login).See(303)
	s.app.Deliver()
	// No mail leaves beyond the caps, but the code is minted all the same.
	length := s.rows.Text(`SELECT CAST(length AS TEXT) FROM challenges WHERE flow = $1`, c.At()[len("/flow/"):])
	s.open = append(s.open, siegeFlow{c, length == "8", s.app.Now().Add(sparekey.FlowLife)})
}

// registers asks for an account with the victim's address.
func (s *siege) registers() {
	s.stranger().Get("/register").Submit("/register", "login", mara, "password", third).See(303)
	s.app.Deliver()
}

// guesses answers the nth open flow, and forgets it once it is over.
func (s *siege) guesses(n, tries int) {
	f := s.open[n]
	for range tries {
		page := f.c.Get(f.c.At())
		if _, form := page.Fields("/answer"); form == nil {
			s.open = slices.Delete(s.open, n, n+1)
			return
		}
		before := s.app.Flows.Compared()
		page.Submit("/answer", "code", []string{"00000000", "0000 0000 0000 0000 0000"}[s.random.IntN(2)])
		for range s.app.Flows.Compared() - before {
			if f.short {
				s.short = append(s.short, s.app.Now())
			} else {
				s.long++
			}
		}
	}
}

// signsIn tries a password at the sign-in form.
func (s *siege) signsIn() {
	before := s.app.Hasher.Stats().Compared
	s.stranger().Get("/signin").Submit("/signin", "login", mara, "password", "not it at all").See(422)
	for range s.app.Hasher.Stats().Compared - before {
		s.passwords = append(s.passwords, s.app.Now())
	}
}

// waits lets time pass. Every few days the owner looks in, and signs in again
// with the password when the session is over.
func (s *siege) waits(d time.Duration) {
	s.app.Sleep(d)
	if s.app.Now().After(s.visit.Add(10 * 24 * time.Hour)) {
		s.visit = s.app.Now()
		if s.owner.Get("/account").Status != 200 {
			s.owner.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		}
	}
	s.app.Sweep()
	s.open = slices.DeleteFunc(s.open, func(f siegeFlow) bool { return !s.app.Now().Before(f.ends) })
}

// greedy takes all there is as soon as it is there: four flows and all their
// tries, and ten passwords, twice a day.
func (s *siege) greedy(span time.Duration) {
	for end := s.app.Now().Add(span); s.app.Now().Before(end); s.waits(12*time.Hour + time.Minute) {
		for range 4 {
			s.asks()
		}
		s.registers()
		for len(s.open) > 0 {
			s.guesses(0, sparekey.MaxTries+1)
		}
		for range 10 {
			s.signsIn()
		}
		for range 2 {
			s.halves(sparekey.MaxTries)
		}
	}
}

// wild does anything, in any order, with pauses of minutes, hours or weeks.
func (s *siege) wild(span time.Duration) {
	pauses := []time.Duration{time.Minute, 20 * time.Minute, 9 * time.Hour, 3 * 24 * time.Hour, 40 * 24 * time.Hour}
	for end := s.app.Now().Add(span); s.app.Now().Before(end); {
		for range 1 + s.random.IntN(3) {
			s.asks()
		}
		for range s.random.IntN(4) {
			if len(s.open) > 0 {
				s.guesses(s.random.IntN(len(s.open)), 1+s.random.IntN(sparekey.MaxTries))
			}
		}
		for range s.random.IntN(6) {
			s.signsIn()
		}
		for range s.random.IntN(3) {
			s.halves(1 + s.random.IntN(sparekey.MaxTries))
		}
		s.waits(time.Duration(s.random.Int64N(int64(pauses[s.random.IntN(len(pauses))]))))
	}
}

// most is the greatest number of moments within any span.
func most(at []time.Time, span time.Duration) (n int) {
	from := 0
	for to := range at {
		for !at[to].Before(at[from].Add(span)) {
			from++
		}
		n = max(n, to-from+1)
	}
	return n
}
