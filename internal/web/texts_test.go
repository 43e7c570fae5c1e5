package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/config"
	"sparekey/internal/demo"
	"sparekey/internal/sparekeytest"
)

const phone = "+351912345204"

// A gateway takes text messages by the webhook, over real HTTP, and can
// misbehave.
type gateway struct {
	box    *demo.Mailbox
	breaks atomic.Int64 // the status it answers with in the place of taking them
}

func newGateway(t *testing.T) (*gateway, sparekeytest.Options) {
	t.Helper()
	g := &gateway{box: demo.NewMailbox(sparekeytest.URL, time.Now)}
	const secret = "a secret of the gateway's"
	takes := g.box.TextHandler(secret)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status := int(g.breaks.Load()); status != 0 {
			w.Header().Set("Location", "https://elsewhere.example/")
			w.WriteHeader(status)
			return
		}
		takes.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return g, sparekeytest.Options{Settings: func(s *config.Settings) {
		s.SMS, s.SMSSecret, s.SMSCountries = config.Secret(server.URL+"/texts"), config.Phrase(secret), "PT,DE"
	}}
}

// code gives the code of the newest text message.
func (g *gateway) code(t *testing.T, app *sparekeytest.App) string {
	t.Helper()
	app.Deliver()
	texts := g.box.Texts(phone)
	if len(texts) == 0 {
		t.Fatal("got no text message, want one")
	}
	body := texts[len(texts)-1].Body
	code := regexp.MustCompile(`^\d{8,20}`).FindString(body)
	if want := "\n\n@" + sparekeytest.Host + " #" + code; code == "" || !strings.HasSuffix(body, want) {
		t.Fatalf("got text %q, want the code first, and %q at the end", body, want)
	}
	return code
}

// withGateway runs a test on both databases, with a gateway for text messages.
func withGateway(t *testing.T, test func(t *testing.T, app *sparekeytest.App, g *gateway)) {
	t.Parallel()
	for name, url := range map[string]string{"sqlite": "", "postgres": sparekeytest.Postgres(t)} {
		t.Run(name, func(t *testing.T) {
			g, o := newGateway(t)
			o.Database = url
			test(t, sparekeytest.New(t, o), g)
		})
	}
}

// addPhone adds a phone number in Settings.
func addPhone(t *testing.T, app *sparekeytest.App, g *gateway, c *sparekeytest.Client) {
	t.Helper()
	changeWays(app, c, mara, "do", "add", "phone", "+351 912 345 204")
	at := c.At()
	c.Get(at).See(200).Says("Confirm it’s yours")
	c.Get(at).Submit("/answer", "code", g.code(t, app)).See(303)
	c.Get("/account/ways").Says("+351 912 345 204 Yours since") // and never counts alone
}

// A phone is added in Settings, proved by a code. From then on a text message is
// a proof beside another, and never enough alone (A37, ASVS 6.6.1).
func TestA37TextMessage(t *testing.T) {
	withGateway(t, func(t *testing.T, app *sparekeytest.App, g *gateway) {
		owner := app.Register(mara, first)
		for typed, says := range map[string]string{
			"":                "Fill in this field.",
			"912 345 678":     "The country code is missing.",
			"+351 12":         "That doesn’t look like a phone number.",
			"+351 707 200 20": "That", // a number that costs
			"+44 9098 790000": "That number can’t get text messages.",
		} {
			owner.Get("/account/ways").Submit("/ways", "do", "add", "phone", typed).See(422).Says(says)
		}
		addPhone(t, app, g, owner)
		addSaved(app, owner, mara)
		app.Sleep(sparekey.YoungFor + time.Hour)

		c := app.Client()
		c.Get("/recover").Submit("/recover", "login", mara).See(303)
		at := c.At()
		app.Deliver()
		choose(c, at, "text").See(303)
		if page := c.Get(at).See(200).Says("If that account has a phone number"); page.Holds("Sent again") {
			t.Errorf("got %q for a code that was never sent before, want no word of that", page.Text())
		}
		c.Get(at).Submit("/answer", "code", g.code(t, app)).See(303)
		c.Get(at).See(200).Says("One more proof is needed.") // never enough alone
		c.Get(at).Submit("/ways", "way", "mail").See(303)
		c.Get(at).Submit("/answer", "code", app.Code(mara)).See(303)
		c.Get(at).Says("Choose a new password")
	})
}

// From a browser that nobody knows one text a day leaves for a number, and the
// page says the same whether it left, for an account that has no phone and for
// nobody (A37, A05).
func TestA37TextsAreFew(t *testing.T) {
	withGateway(t, func(t *testing.T, app *sparekeytest.App, g *gateway) {
		owner := app.Register(mara, first)
		addPhone(t, app, g, owner)
		app.Register("wren@example.com", second)
		app.Sleep(sparekey.YoungFor + time.Hour)
		before := len(g.box.Texts(""))
		pages := map[string]bool{}
		for _, login := range []string{mara, mara, "wren@example.com", "nobody@example.com"} {
			c := app.Client()
			c.Get("/recover").Submit("/recover", "login", login).See(303)
			at := c.At()
			app.Deliver()
			choose(c, at, "text").See(303)
			app.Deliver()
			pages[strings.ReplaceAll(c.Get(at).See(200).Text(), login, "")] = true
		}
		if got := len(g.box.Texts("")) - before; got != 1 {
			t.Errorf("got %d texts for two requests of strangers and two for others, want 1", got)
		}
		if len(pages) != 1 {
			t.Errorf("got %d different pages, want one: %v", len(pages), pages)
		}
		choose(owner, startsRecovery(owner, app, mara), "text "+app.Rows().Text(`SELECT id FROM identifiers WHERE kind = 'phone'`)).See(303)
		app.Deliver()
		if got := len(g.box.Texts("")) - before; got != 2 {
			t.Errorf("got %d texts after one of a browser that is known, want 2", got)
		}
	})
}

// A37: texts for many accounts that leave at once fit the cap on the block that
// their numbers are of.
func TestA37TextsAtOnceFitTheCap(t *testing.T) {
	withGateway(t, func(t *testing.T, app *sparekeytest.App, g *gateway) {
		app.Register(mara, first)
		var emails []string
		for i := range 40 {
			emails = append(emails, fmt.Sprintf("a%02d@example.com", i))
		}
		app.Fill(emails)
		for i, email := range emails {
			app.Rows().Exec(`INSERT INTO identifiers (id, account, kind, key, shown, added, proved, dropped)
				SELECT $1, account, 'phone', $2, $2, added, proved, 0 FROM identifiers WHERE key = $3`,
				"phone"+email, fmt.Sprintf("+3519123452%02d", i), email)
			c := app.Client()
			c.Get("/recover").Submit("/recover", "login", email).See(303)
			c.Get(c.At()+"/ways").Submit("/ways", "way", "text").See(303)
		}
		app.Deliver()
		if got, want := len(g.box.Texts("")), sparekey.TextPrefixCap()[0].Max; got != want {
			t.Errorf("got %d texts to one block of numbers, want %d", got, want)
		}
	})
}

// startsRecovery begins a recovery and gives the flow's path.
func startsRecovery(c *sparekeytest.Client, app *sparekeytest.App, login string) string {
	c.Get("/recover").Submit("/recover", "login", login).See(303)
	app.Deliver()
	return c.At()
}

// No text leaves for a country that the operator has not named (A37).
func TestA37TextsToNamedCountriesOnly(t *testing.T) {
	withGateway(t, func(t *testing.T, app *sparekeytest.App, g *gateway) {
		owner := app.Register(mara, first)
		changeWays(app, owner, mara, "do", "add", "phone", "+33 6 12 34 56 78")
		owner.Get(owner.At()).See(200).Says("Confirm it’s yours")
		app.Deliver()
		if got := g.box.Texts(""); len(got) != 0 {
			t.Errorf("got texts %v, want none to a country that is not on the list", got)
		}
	})
}

// A gateway that fails is tried again, and one that refuses or redirects is not;
// the page never shows which.
func TestGatewayThatBreaks(t *testing.T) {
	withGateway(t, func(t *testing.T, app *sparekeytest.App, g *gateway) {
		owner := app.Register(mara, first)
		want := 0
		for i, status := range []int64{500, 301, 429, 400} {
			g.breaks.Store(status)
			changeWays(app, owner, mara, "do", "add", "phone", "+351 912 345 20"+digit(i))
			at := owner.At()
			app.Deliver()
			owner.Get(at).See(200).Says("We’ve sent a code to")
			if got := len(g.box.Texts("")); got != want {
				t.Errorf("status %d: got %d texts, want %d", status, got, want)
			}
			g.breaks.Store(0)
			app.Sleep(time.Minute)
			app.Deliver()
			if status == 500 || status == 429 {
				want++
			}
			if got := len(g.box.Texts("")); got != want {
				t.Errorf("status %d, a minute later: got %d texts, want %d", status, got, want)
			}
		}
	})
}

// A number is told when the password or the ways change, and of nothing that
// happens every day (A51).
func TestA51NumbersAreTold(t *testing.T) {
	withGateway(t, func(t *testing.T, app *sparekeytest.App, g *gateway) {
		owner := app.Register(mara, first)
		addPhone(t, app, g, owner)
		app.Deliver()
		app.Sleep(2 * time.Hour)
		before := len(g.box.Texts(phone))
		machineSignIn(app, mara, first)
		app.Deliver()
		if got := len(g.box.Texts(phone)) - before; got != 0 {
			t.Errorf("got %d texts about a sign-in, want none", got)
		}
		machineRecover(app, app.Client(), mara, second)
		app.Deliver()
		texts := g.box.Texts(phone)[before:]
		if len(texts) != 1 || !strings.Contains(texts[0].Body, "your password was changed") || strings.Contains(texts[0].Body, "http") {
			t.Errorf("got texts %v, want one that the password was changed, without a link", texts)
		}
	})
}

// A code answers the challenge it was made for and no other: not that of another
// way, another flow, another purpose, or of what is being added (A19, A20).
func TestA19CodesOfOtherWays(t *testing.T) {
	withGateway(t, func(t *testing.T, app *sparekeytest.App, g *gateway) {
		owner := app.Register(mara, first)
		addPhone(t, app, g, owner)
		app.Sleep(sparekey.YoungFor + time.Hour)
		c := app.Client()
		at := startsRecovery(c, app, mara)
		mailed := app.Code(mara)
		choose(c, at, "text").See(303)
		texted := g.code(t, app)
		c.Get(at).Submit("/answer", "code", mailed).See(422) // the mail's at the text's challenge
		c.Get(at+"/ways").Submit("/ways", "way", "mail").See(303)
		c.Get(at).Submit("/answer", "code", texted).See(422) // and the other way round
		other := app.Client()
		elsewhere := startsRecovery(other, app, mara)
		other.Get(elsewhere).Submit("/answer", "code", mailed).See(422) // of another flow
		changeWays(app, owner, mara, "do", "add", "email", "mara@example.org")
		adds := owner.At()
		owner.Get(adds).See(200).Says("Confirm it’s yours")
		owner.Get(adds).Submit("/answer", "code", mailed).See(422) // of another purpose
		added := app.Code("mara@example.org")
		c.Get(at).Submit("/answer", "code", added).See(422)
		c.Get(at).Submit("/answer", "code", mailed).See(303)
	})
}
