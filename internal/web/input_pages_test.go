package web_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// After a wrong password one button with the login in it leads to the code
// page: nobody types who they are again (PAGES 10.1, WCAG 3.3.7).
func TestPages1CodeIsOnePressAway(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		for _, who := range []string{mara, "nobody@example.com"} {
			c := app.Client()
			page := c.Get("/signin")
			for range 2 {
				page = page.Submit("/signin", "login", who, "password", "not it at all").See(422).Says("We couldn’t sign you in with that.")
				if _, form := page.Fields("/recover"); form.Get("login") != who {
					t.Errorf("got %v in the note's form, want login %s", form, who)
				}
			}
			page.Submit("/recover").See(303)
			c.Get(c.At()).See(200).Says("Enter your code").Says(who)
		}
		app.Deliver()
		if got := app.Sink.Wait(t, mara, 2).Code(); got == "" {
			t.Errorf("got no code in the mail, want one")
		}
	})
}

// The code is taken however it is copied; what cannot be a code is not a try
// (PAGES 10.3, ASVS 6.5.5).
func TestPages3CodeIsTakenAsItIsPasted(t *testing.T) {
	sparekeytest.EachDBWith(t, sparekeytest.Options{MailCap: sparekey.Windows{{Span: time.Hour, Max: 100}}}, func(t *testing.T, app *sparekeytest.App) {
		arabic := strings.NewReplacer("0", "٠", "1", "١", "2", "٢", "3", "٣", "4", "٤", "5", "٥", "6", "٦", "7", "٧", "8", "٨", "9", "٩")
		wide := strings.NewReplacer("0", "０", "1", "１", "2", "２", "3", "３", "4", "４", "5", "５", "6", "６", "7", "７", "8", "８", "9", "９")
		for n, paste := range []func(code string) string{
			func(code string) string { return code[:4] + " " + code[4:] },
			func(code string) string { return code[:4] + "-" + code[4:] },
			func(code string) string { return " " + code + "\n" },
			arabic.Replace,
			wide.Replace,
			func(code string) string { return "Your code: " + code },
		} {
			email := string(rune('a'+n)) + mara
			app.Register(email, first)
			c := app.Client()
			flow := machineStart(c, "/recover", "login", email)
			code := app.Code(email)
			page := c.Get("/flow/" + flow)
			for range sparekey.MaxTries + 1 {
				page.Submit("/answer", "code", "41830").See(422).Says("That doesn’t look like the whole code.")
			}
			f, err := app.Store.Flow(context.Background(), flow)
			if err != nil || f.Tries != 0 {
				t.Errorf("after codes that are too short: got %d tries (%v), want 0", f.Tries, err)
			}
			if got := page.Submit("/answer", "code", paste(code)); got.Status != 303 {
				t.Errorf("%q: got %d %q, want 303", paste(code), got.Status, got.Text())
			}
		}
	})
}

// "Get code" waits a minute, says until when, and then mails the same digits,
// so that every mail of a request works (PAGES 10.4).
func TestPages4GetCode(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		c := app.Client()
		flow := machineStart(c, "/recover", "login", mara)
		code := app.Code(mara)
		mails := len(app.Sink.Mails(mara))
		page := c.Get("/flow/" + flow)
		app.Sleep(59 * time.Second)
		page.Submit("/again").See(200).Says("You can get a new code in 1 second, at 12:32:00.")
		app.Deliver()
		if got := len(app.Sink.Mails(mara)); got != mails {
			t.Errorf("after 59 s: got %d mails more, want none", got-mails)
		}
		app.Sleep(time.Second)
		page.Submit("/again").See(303)
		page.Submit("/again").See(303) // the same form once more
		c.Get("/flow/" + flow).See(200).Says("Sent again at 12:32.").Says("It’s the same code as before")
		if got := app.Code(mara); got != code || len(app.Sink.Mails(mara)) != mails+1 {
			t.Errorf("after 60 s: got code %s in %d mails more, want %s in one", got, len(app.Sink.Mails(mara))-mails, code)
		}
		page.Submit("/answer", "code", code).See(303)
	})
}

// Back and reload are safe: a form sent twice, to the byte, begins one flow,
// sends one mail, costs one try and gives the same cookies; after the end the
// flow's address shows the end, never a form (PAGES 10.8).
func TestPages8BackAndReload(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		c := app.Client()
		start := c.Get("/recover")
		start.Submit("/recover", "login", mara).See(303)
		at := c.At()
		start.Submit("/recover", "login", mara).See(303)
		if c.At() != at {
			t.Errorf("the same form again: got %s, want %s", c.At(), at)
		}
		code := app.Code(mara)
		if got := len(app.Sink.Mails(mara)); got != 2 {
			t.Errorf("got %d mails, want the registration's and one", got)
		}
		form := c.Get(at).See(200)
		for range 3 {
			form.Submit("/answer", "code", "00000000").See(422).Says("4 tries left.")
		}
		late := c.Clone()
		form.Submit("/answer", "code", code).See(303)
		_, fields := form.Fields("/answer")
		fields.Set("code", code)
		late.Do("POST", at+"/answer", strings.NewReader(fields.Encode())).See(303)
		if late.Cookies["__Host-browser"] != c.Cookies["__Host-browser"] {
			t.Errorf("the right answer again: got other cookies, want the same")
		}
		form = c.Get(at).See(200).Says("Choose a new password")
		late = c.Clone()
		form.Submit("/act", "password", second, "password_again", second).See(303)
		_, fields = form.Fields("/act")
		fields.Set("password", second)
		fields.Set("password_again", second)
		late.Do("POST", at+"/act", strings.NewReader(fields.Encode())).See(303)
		if late.Cookies["__Host-known"] != c.Cookies["__Host-known"] {
			t.Errorf("the new password again: got other cookies, want the same")
		}
		for range 2 {
			page := c.Get(at).See(200).Says("Your password is updated.")
			if _, fields := page.Fields("/act"); fields != nil {
				t.Errorf("got the form for a password after the end, want none")
			}
		}
		app.Deliver()
		if got := len(app.Sink.Mails(mara)); got != 3 {
			t.Errorf("got %d mails, want one notice more", got)
		}
	})
}

// Where a person wanted to go is kept through all pages, and the session's old
// cookie is dead after the change (PAGES 10.9, A34, A47).
func TestPages9ReturnTo(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		const to = "/account/devices"
		c := app.Client()
		c.Get(to).See(303)
		if want := "/signin?return_to=" + url.QueryEscape(to); c.At() != want {
			t.Errorf("got the way to %s, want %s", c.At(), want)
		}
		signin := c.Get(c.At()).See(200)
		register := "/register?return_to=" + url.QueryEscape(to)
		if !strings.Contains(signin.Body, register) {
			t.Errorf("got no link to %s, want one", register)
		}
		c.Get(register).Submit("/register", "login", mara, "password", first).See(303)
		machineProve(app, c, strings.TrimPrefix(c.At(), "/flow/"), mara)
		if p := c.Get(c.At()).See(303); p.Header.Get("Location") != to {
			t.Errorf("registered: got the way to %s, want %s", p.Header.Get("Location"), to)
		}

		c = app.Client()
		page := c.Get("/signin?return_to="+url.QueryEscape(to)).Submit("/signin", "login", mara, "password", "not it").See(422)
		page.Submit("/recover").See(303)
		at := c.At()
		machineProve(app, c, strings.TrimPrefix(at, "/flow/"), mara)
		c.Get(at).Submit("/act", "password", second, "password_again", second).See(303)
		c.Get(at).See(200).Submit("/signin").See(200).Submit("/signin", "login", mara, "password", second).See(303)
		if c.At() != to {
			t.Errorf("recovered: got the way to %s, want %s", c.At(), to)
		}

		app.Sleep(sparekey.ProofLife)
		old := c.Clone()
		flow := machineStart(c, "/account/password")
		machineProve(app, c, flow, mara)
		c.Get("/flow/"+flow).Submit("/act", "password", third, "password_again", third).See(303)
		machineOut(t, old, "the session's old cookie")
		c.Get("/account").See(200)
	})
}

// The language can be changed in the middle: the flow and the login stay, and
// the mails follow, whatever the account's own language is (PAGES 10.12).
func TestPages12LanguageMidFlow(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		const wren = "wren@example.com"
		if _, err := app.Accounts.Add(context.Background(), wren, "", ""); err != nil {
			t.Fatal(err)
		}
		for email, path := range map[string]string{mara: "/register", wren: "/recover"} {
			c := app.Client()
			flow := machineStart(c, path, "login", email, "password", first)
			code, at := app.Code(email), "/flow/"+flow
			if got := app.Sink.Wait(t, email, 1).Subject; got != "Your Lantern Market code" {
				t.Errorf("%s: got subject %q, want it in English", path, got)
			}
			c.Get(at).See(200).Submit("/answer", "code", "00000000").See(422)
			link := "/language?to=" + url.QueryEscape(at)
			if !strings.Contains(c.Get(at).Body, link) {
				t.Errorf("%s: got no link to %s, want one", path, link)
			}
			to, fields := c.Get(link).See(200).Fields("/language")
			fields.Set("lang", "ar") // the button
			c.Do("POST", to, strings.NewReader(fields.Encode())).See(303)
			if c.At() != at {
				t.Errorf("%s: got the way to %s, want back to %s", path, c.At(), at)
			}
			page := c.Get(at)
			inputPage(t, path, page, 200, "ar")
			if !page.Holds(email) {
				t.Errorf("%s: got %q, want %s in it", path, page.Text(), email)
			}
			app.Sleep(time.Minute)
			page.Submit("/again").See(303)
			app.Deliver()
			mail := app.Sink.Wait(t, email, 2)
			if !strings.Contains(mail.HTML, `lang="ar"`) || mail.Code() != code {
				t.Errorf("%s: got mail %q with code %s, want it in Arabic with %s", path, mail.Subject, mail.Code(), code)
			}
			c.Get(at).Submit("/answer", "code", code).See(303)
			c.Get("/flow/" + flow)
		}
		// Who registered in Arabic and asks in Spanish is answered in Spanish.
		again := app.Client()
		spanish := machineStart(again, "/recover", "login", mara)
		again.Post("/language", "lang", "es", "to", "/flow/"+spanish).See(303)
		app.Deliver()
		mails := app.Sink.Mails(mara)
		if last := mails[len(mails)-1]; !strings.Contains(last.HTML, `lang="es"`) {
			t.Errorf("got the mail %q, want it in the language that was chosen in the flow", last.Subject)
		}
		stranger := app.Client() // who may not touch a flow of others
		c := app.Client()
		flow := machineStart(c, "/recover", "login", "nobody@example.com")
		stranger.Post("/language", "lang", "ar", "to", "/flow/"+flow).See(303)
		if f, err := app.Store.Flow(context.Background(), flow); err != nil || f.Lang != "en" {
			t.Errorf("got the flow's language %s (%v) after a stranger's change, want en", f.Lang, err)
		}
	})
}
