package web_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// inputRunes gives a password of n characters of an alphabet, which nobody
// would guess and which is the same each time.
func inputRunes(n int, alphabet string) string {
	letters, random := []rune(alphabet), rand.New(rand.NewPCG(1, uint64(n)))
	runes := make([]rune, n)
	for i := range runes {
		runes[i] = letters[random.IntN(len(letters))]
	}
	return string(runes)
}

const (
	inputLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ .,-"
	inputEmoji   = "🦊🐼🌲🎈🚲🍋🧭🪁🌧🔑🎻🦉🐢🍇🛶🕯"
)

// No part of a password is ever cut off, by a length in bytes or at a NUL
// (A57); blanks around it and the case of its letters count (A60, ASVS 6.2.8).
func TestA57WholePasswordCounts(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		type pair struct{ name, right, wrong string }
		pairs := []pair{
			{"after a NUL", "quiet\x00herons x", "quiet\x00herons y"},
			{"a NUL at the end", "quiet herons\x00", "quiet herons"},
			{"a blank before", " quiet herons", "quiet herons"},
			{"a blank after", "quiet herons ", "quiet herons"},
			{"two blanks within", "quiet  herons", "quiet herons"},
			{"a tab and a line", "quiet\theron\r\ns", "quiet heron s"},
			{"case", "Quiet Herons", "quiet herons"},
		}
		for _, n := range []int{71, 72, 73, 128, 255} {
			p := inputRunes(n, inputLetters)
			pairs = append(pairs, pair{fmt.Sprintf("%d bytes", n), p + "a", p + "b"}, pair{fmt.Sprintf("%d bytes and one", n), p + "c", p})
		}
		for n, p := range pairs {
			email := fmt.Sprintf("heron%d@example.com", n)
			app.Register(email, p.right)
			c := app.Client()
			if got := c.Post("/signin", "login", email, "password", p.wrong).Status; got != 422 {
				t.Errorf("%s: the wrong one: got %d, want 422", p.name, got)
			}
			if got := c.Post("/signin", "login", email, "password", p.right).Status; got != 303 {
				t.Errorf("%s: the right one: got %d, want 303", p.name, got)
			}
			app.Sleep(sparekey.ProofLife) // which fills the client's budget of starts again
		}
	})
}

// Passwords of 8 to 256 characters of any kind are taken, whatever they weigh
// in bytes, and the two forms of one letter are one (A60, ASVS 6.2.1, 6.2.4,
// 6.2.9).
func TestA60AnyCharactersAreTaken(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		for n, p := range []struct{ set, typed string }{
			{inputRunes(8, inputLetters), ""},
			{inputRunes(64, inputLetters), ""},
			{inputRunes(128, inputLetters), ""},
			{inputRunes(256, inputLetters), ""},
			{inputRunes(8, inputEmoji), ""},
			{inputRunes(256, inputEmoji), ""},
			{"Zoë läuft über Äcker", "Zoe\u0308 la\u0308uft u\u0308ber A\u0308cker"},
			{"Zoe\u0308 la\u0308uft u\u0308ber A\u0308cker", "Zoë läuft über Äcker"},
			{"سبعة طيور هادئة", ""},
		} {
			email := fmt.Sprintf("heron%d@example.com", n)
			app.Register(email, p.set)
			if p.typed == "" {
				p.typed = p.set
			}
			machineSignIn(app, email, p.typed)
			app.Sleep(sparekey.ProofLife)
		}
	})
}

// A weak password is refused with its reason wherever one is chosen, and the
// page keeps who it is about, and no password (A59, ASVS 6.2.4, 6.2.11, 6.2.12).
func TestA59WeakPasswordsAreRefused(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		const email, login = "kestrelfan@example.com", "wrenbird"
		weak := []struct{ password, says string }{
			{"seven q", "Use at least 8 characters. This has 7."},
			{"🦊🐼🌲🎈", "Use at least 8 characters. This has 4."},
			{inputRunes(257, inputLetters), "That’s over 256 characters."},
			{inputRunes(257, inputEmoji), "That’s over 256 characters."},
			{"password1", "That password is on lists that attackers try first."},
			{"Sunshine1", "That password is on lists that attackers try first."},
			{"iloveyou2", "That password is on lists that attackers try first."},
			{"aaaaaaaaaaaa", "That’s a run or a repeat that’s easy to guess."},
			{"12345678", "That’s a run or a repeat that’s easy to guess."},
			{"qwertyuiop", "That’s a run or a repeat that’s easy to guess."},
			{"lanternmarket", "That’s too close to your email or this site’s name."},
			{"L4ntern-Market", "That’s too close to your email or this site’s name."},
			{"kestrelfan", "That’s too close to your email or this site’s name."},
			{"Kestrelfan2026", "That’s too close to your email or this site’s name."},
		}
		rows := app.Rows()
		c := app.Client()
		before := rows.Dump()
		for _, w := range weak {
			p := c.Get("/register").Submit("/register", "login", email, "password", w.password).See(422).Says(w.says)
			if got := shieldValue(shieldDoc(t, p), "login"); got != email {
				t.Errorf("register: got %q in the field, want %s", got, email)
			}
			inputKeepsNone(t, p)
			app.Sleep(sparekey.ProofLife)
		}
		if got := sparekeytest.Changed(before, rows.Dump()); got != nil {
			t.Errorf("register: got changes in %v, want none", got)
		}

		if _, err := app.Accounts.Add(context.Background(), email, login, ""); err != nil {
			t.Fatal(err)
		}
		weak = append(weak, struct{ password, says string }{"Wrenbird1", "That’s too close to your email or this site’s name."})
		choose := func(what string, c *sparekeytest.Client, flow, good string) {
			credentials := rows.Dump("credentials", "accounts", "spends")
			for _, w := range weak {
				p := c.Get("/flow/"+flow).Submit("/act", "password", w.password, "password_again", w.password).See(422).Says(w.says)
				if got := shieldValue(shieldDoc(t, p), "username"); got != email {
					t.Errorf("%s: got username %q, want %s", what, got, email)
				}
				inputKeepsNone(t, p)
			}
			if got := sparekeytest.Changed(credentials, rows.Dump("credentials", "accounts", "spends")); got != nil {
				t.Errorf("%s: got changes in %v, want none", what, got)
			}
			c.Get("/flow/"+flow).Submit("/act", "password", good, "password_again", good).See(303)
		}
		flow := machineStart(c, "/recover", "login", email)
		machineProve(app, c, flow, email)
		choose("recover", c, flow, first)
		c = machineSignIn(app, login, first)
		flow = machineStart(c, "/account/password")
		machineProve(app, c, flow, email)
		choose("change", c, flow, second)
	})
}

// inputKeepsNone fails the test if a password field is filled in.
func inputKeepsNone(t *testing.T, p *sparekeytest.Page) {
	t.Helper()
	doc := shieldDoc(t, p)
	for _, field := range []string{"password", "password_again"} {
		if got := shieldValue(doc, field); got != "" {
			t.Errorf("got %q in the field %s, want it empty", got, field)
		}
	}
	if p.Holds("<no value>") || strings.Contains(p.Body, "{{") {
		t.Errorf("got %q, want a whole sentence", p.Text())
	}
}
