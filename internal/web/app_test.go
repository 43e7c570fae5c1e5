package web_test

import (
	"strings"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// pairs adds a phone with the app to the account of a browser.
func pairs(app *sparekeytest.App, c *sparekeytest.Client, email string) *sparekeytest.Phone {
	app.Sleep(time.Second) // no way comes with the account
	c.Get("/app").See(200).Says("Pair this phone").Submit("/account/ways", "way", "app").See(303)
	at := c.At()
	if page := c.Get(at).See(200); page.Holds("Is it you?") {
		page.Submit("/answer", "code", app.Code(email)).See(303)
	}
	phone := app.Phone(c)
	phone.Pair(c.Get(at).See(200), "Mara’s phone").See(303)
	c.Get(at).See(303)
	c.Get(c.At()).See(200).Says("Paired.")
	return phone
}

// A screened is a browser that shows a screen.
type screened struct {
	*sparekeytest.Client
	page  *sparekeytest.Page
	nonce string
	short string
	watch string
}

// screen opens a page with a code to scan.
func screen(c *sparekeytest.Client, path string) *screened {
	page := c.Get(path).See(200)
	s := &screened{Client: c, page: page, watch: "/signin/screen"}
	if strings.HasPrefix(path, "/flow/") {
		s.watch = path + "/screen"
	}
	s.nonce, s.short = sparekeytest.ScreenOf(page)
	return s
}

// state is what the screen is told.
func (s *screened) state(t *testing.T) string {
	t.Helper()
	page := s.Post(s.watch, "screen", s.nonce, "once", "1").See(200)
	_, after, _ := strings.Cut(page.Body, `"state":"`)
	state, _, _ := strings.Cut(after, `"`)
	return state
}

// goesOn presses the button of the screen's page.
func (s *screened) goesOn() *sparekeytest.Page {
	action := "/signin"
	if s.watch != "/signin/screen" {
		action = "/answer"
	}
	return s.page.Submit(action, "screen", s.nonce)
}

// want fails the test unless the screen is told that.
func (s *screened) want(t *testing.T, state sparekey.ScreenState) {
	t.Helper()
	if got := s.state(t); got != string(state) {
		t.Fatalf("got a screen that is %s, want %s", got, state)
	}
}

// scans has a phone scan the screen, and gives what it is asked once the screen
// has answered.
func scans(t *testing.T, phone *sparekeytest.Phone, s *screened) (r sparekeytest.Request) {
	t.Helper()
	phone.Read(phone.Scan(s.short).See(201), &r)
	if got := phone.Request(r.ID); got.State != "scanned" || got.Browser != "" {
		t.Fatalf("got %+v, want nothing asked before the screen has answered", got)
	}
	s.want(t, sparekey.ScreenScanned)
	r = phone.Request(r.ID)
	if r.State != "asked" {
		t.Fatalf("got %+v, want the question", r)
	}
	return r
}

// S5: a phone is paired once; then it scans a screen anywhere, its owner approves
// exactly what is shown, and the screen is signed in. Before the scan, no row is
// written; and the one sign-in counts once.
func TestS5SignInByApp(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		phone := pairs(app, app.Register(mara, first), mara)
		computer := app.Client()
		computer.Addr = "198.51.100.9:4711"
		s := screen(computer, "/signin/qr")
		s.want(t, sparekey.ScreenWaits)
		if n := app.Rows().Text(`SELECT COUNT(*) || '' FROM approvals`); n != "0" {
			t.Errorf("got %s rows before anything was scanned, want none", n)
		}
		s.goesOn().See(200).Says("Not yet.")
		r := scans(t, phone, s)
		if r.Purpose != "sign-in" || r.Browser != "Firefox on Windows" || r.Address != "198.51.100.9" || r.Network != "another" || r.Asked != app.Now().Unix() {
			t.Errorf("got %+v, want who the screen is", r)
		}
		s.goesOn().See(200).Says("Not yet.")
		phone.Answer("approve", r).See(200)
		phone.Answer("approve", r).See(200) // a second tap
		s.want(t, sparekey.ScreenApproved)
		again, other := s.Clone(), s.Clone()
		s.goesOn().See(303)
		if computer.At() != "/account" {
			t.Fatalf("led to %s, want My account", computer.At())
		}
		computer.Get("/account").See(200).Says("Signed in as " + mara).Says("Not you?")
		if page := computer.Get("/account"); page.Holds("Not you?") {
			t.Error("it was said twice, want once")
		}
		computer.Get("/account/activity").Says("Signed in with your app.")
		_, form := s.page.Fields("/signin") // the repeat, from the browser that never saw the answer
		form.Set("screen", s.nonce)
		again.Do("POST", "/signin", strings.NewReader(form.Encode())).See(303)
		if again.Cookies["__Host-session"] != computer.Cookies["__Host-session"] {
			t.Error("got another session for the same form, want the same")
		}
		form.Set("key", "another")
		other.Do("POST", "/signin", strings.NewReader(form.Encode())).See(422)
		app.Deliver()
		app.Sink.Wait(t, mara, 1)
	})
}

// What was declined signs nobody in, stops the flow of the screen, and is told to
// both; nobody can approve it any more.
func TestAppDeclines(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner := app.Register(mara, first)
		phone := pairs(app, owner, mara)
		s := screen(app.Client(), "/signin/qr")
		r := scans(t, phone, s)
		phone.Answer("decline", r).See(200)
		s.want(t, sparekey.ScreenDeclined)
		refuses(t, phone.Answer("approve", r), 409, "app.ended", "")
		s.goesOn().See(422).Says("declined on the phone")
		owner.Get("/account/activity").Says("A request was declined in the app.")
	})
}

// A67, A68, A70: only the phone that scanned can approve, only what it was shown,
// and only while that stands; only the browser that shows the code can go on.
func TestA67OnlyWhatWasShownIsApproved(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		phone := pairs(app, app.Register(mara, first), mara)
		other := pairs(app, app.Register(wren, second), wren)
		s := screen(app.Client(), "/signin/qr")
		id := seen(t, s)

		// Who photographed the code has neither the nonce nor the browser's secret.
		photo := screen(app.Client(), "/signin/qr")
		photo.Post("/signin/screen", "screen", id, "once", "1").See(200).Says(`"expired"`)
		learns := func() { // nor do they learn what becomes of it
			t.Helper()
			photo.Post("/signin/screen", "screen", s.nonce, "once", "1").See(200).Says(`"expired"`)
		}
		learns()

		var r sparekeytest.Request
		phone.Read(phone.Scan(id).See(201), &r)
		refuses(t, other.Scan(id), 409, "app.taken", "")
		refuses(t, phone.Answer("approve", r), 422, "app.sign", "") // nothing was shown yet
		s.want(t, sparekey.ScreenScanned)
		r = phone.Request(r.ID)
		for _, lie := range []func(*sparekeytest.Request){
			func(r *sparekeytest.Request) { r.Browser = "Firefox on Linux" },
			func(r *sparekeytest.Request) { r.Address = "192.0.2.1" },
			func(r *sparekeytest.Request) { r.Network = "another" },
			func(r *sparekeytest.Request) { r.Purpose = "recover" },
			func(r *sparekeytest.Request) { r.Flow = "x" },
			func(r *sparekeytest.Request) { r.Asked -= 3600 },
		} {
			shown := r
			lie(&shown)
			refuses(t, phone.Answer("approve", shown), 422, "app.sign", "")
		}
		refuses(t, other.Answer("approve", r), 422, "app.sign", "")
		refuses(t, phone.Ask("/api/v1/app/requests/"+r.ID, "answer", "approve", "signature", "x"), 422, "app.sign", "")
		refuses(t, phone.Ask("/api/v1/app/requests/none", "answer", "approve", "signature", "x"), 404, "g.404", "")
		refuses(t, phone.Ask("/api/v1/app/requests/"+r.ID, "answer", "maybe", "signature", "x"), 422, "g.bad", "answer")
		learns()
		s.goesOn().See(200).Says("Not yet.")
		phone.Answer("approve", r).See(200)
		learns()
		photo.Post("/signin", "screen", s.nonce).See(422)
		s.goesOn().See(303)
		if n := app.Rows().Text(`SELECT COUNT(*) || '' FROM sessions WHERE how = 'app'`); n != "1" {
			t.Errorf("got %s sessions by the app, want one", n)
		}
	})
}

// seen gives a browser another screen, with what its QR code holds behind /q/.
func seen(t *testing.T, s *screened) (id string) {
	t.Helper()
	var said struct{ Screen, Address, Code string }
	reads(t, s.Ask("/api/v1/signin/screen"), &said)
	_, id, ok := strings.Cut(said.Address, "/q/")
	if !ok {
		t.Fatalf("got %+v, want an address of ours", said)
	}
	s.nonce, s.short = said.Screen, said.Code
	return id
}

// Bad input: garbage, codes of elsewhere, too late, by a phone that is removed, that
// sleeps or that nobody knows: a sentence with the next step, and nothing approved.
func TestAppBadInput(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner := app.Register(mara, first)
		phone := pairs(app, owner, mara)
		for _, seen := range []string{"abc", "KQTM-4R7", "KQTM-4R7W-", "https://example.com/q/x", strings.Repeat("a", 25), strings.Repeat("A", 4000)} {
			page := phone.Scan(seen)
			if page.Status == 201 {
				continue
			}
			refuses(t, page, 422, "app.code", "seen")
		}
		refuses(t, phone.Scan(""), 422, "g.required", "seen")
		stranger := app.Phone(app.Client())
		refuses(t, stranger.Scan("KQTM4R7W"), 403, "app.lost", "")
		refuses(t, phone.Ask("/api/v1/app/scan", "device", phone.Device, "seen", "KQTM4R7W", "signature", stranger.Sign("scan", phone.Device, "KQTM4R7W")), 422, "app.sign", "")

		// Nobody shows it: the app says so after a while, and nothing is asked.
		var r sparekeytest.Request
		phone.Read(phone.Scan("KQTM-4R7W").See(201), &r)
		app.Sleep(sparekey.ApproveLife)
		refuses(t, phone.Get("/api/v1/app/requests/"+r.ID), 410, "app.old", "")

		// Scanned too late, and approved too late.
		s := screen(app.Client(), "/signin/qr")
		app.Sleep(sparekey.ScreenLife + 3*time.Second)
		phone.Scan(s.short).See(201)
		s.want(t, sparekey.ScreenExpired)
		s = screen(app.Client(), "/signin/qr")
		r = scans(t, phone, s)
		app.Sleep(sparekey.ApproveLife)
		refuses(t, phone.Answer("approve", r), 410, "app.old", "")
		s.want(t, sparekey.ScreenExpired)
		s.goesOn().See(422).Says("timed out")

		// Approved, and used too late; or after the phone was removed.
		s = screen(app.Client(), "/signin/qr")
		phone.Answer("approve", scans(t, phone, s)).See(200)
		app.Sleep(sparekey.ApproveLife)
		s.goesOn().See(422).Says("timed out")
		s = screen(app.Client(), "/signin/qr")
		phone.Answer("approve", scans(t, phone, s)).See(200)
		late := screen(app.Client(), "/signin/qr")
		asked := scans(t, phone, late)
		app.Rows().Exec(`UPDATE credentials SET asleep = 1 WHERE kind = 'app'`)
		refuses(t, phone.Answer("approve", asked), 403, "app.asleep", "")
		s.goesOn().See(422).Says("timed out")
		app.Rows().Exec(`UPDATE credentials SET asleep = 0, dropped = 1 WHERE kind = 'app'`)
		refuses(t, phone.Answer("approve", asked), 403, "app.lost", "")
		s.goesOn().See(422).Says("timed out")
	})
}

const wren = "wren@example.com"

// asksApp begins a recovery and goes on with the app.
func asksApp(app *sparekeytest.App, login string) *screened {
	c, _ := recovering(app, login)
	flow := c.At()
	app.Deliver()
	choose(c, flow, "app").See(303)
	return screen(c, flow)
}

// In a recovery the app counts beside another proof, and never alone. What its
// owner declines stops the request: the code from the mail opens nothing any more.
func TestAppBesideAnother(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		phone := pairs(app, app.Register(mara, first), mara)
		app.Sleep(sparekey.YoungFor)
		s := asksApp(app, mara)
		flow := s.At()
		app.Deliver()
		s.goesOn().See(200).Says("Not yet.")
		r := scans(t, phone, s)
		if r.Purpose != "recover" || r.Flow == "" {
			t.Errorf("got %+v, want to be asked about a recovery", r)
		}
		phone.Answer("approve", r).See(200)
		s.want(t, sparekey.ScreenApproved)
		s.goesOn().See(303)
		s.Get(flow).See(200).Says("One more proof is needed").Submit("/ways", "way", "mail").See(303)
		s.Get(flow).Submit("/answer", "code", app.Code(mara)).See(303)
		s.Get(flow).See(200).Submit("/act", "password", second, "password_again", second).See(303)
		s.Get(flow).See(200).Says("Your password is updated.")

		s = asksApp(app, mara)
		flow = s.At()
		r = scans(t, phone, s)
		phone.Answer("approve", r).See(200)
		phone.Answer("decline", r).See(200) // on second thoughts
		s.want(t, sparekey.ScreenDeclined)
		s.goesOn().See(410).Says("declined on the phone")
		choose(s.Client, flow, "mail").See(303)
		s.Get(flow).Submit("/answer", "code", app.Code(mara)).See(422)
	})
}

// A08: a screen of a request about somebody else, or about nobody, stays as it is
// whatever phone scans it; the phone is told, its owner's account untouched, and no
// try is spent.
func TestA08AppOfAnother(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		pairs(app, app.Register(mara, first), mara)
		phone := pairs(app, app.Register(wren, second), wren)
		for _, login := range []string{mara, "nobody@example.com"} {
			s := asksApp(app, login)
			app.Deliver()
			var r sparekeytest.Request
			phone.Read(phone.Scan(s.short).See(201), &r)
			s.want(t, sparekey.ScreenWaits)
			refuses(t, phone.Get("/api/v1/app/requests/"+r.ID), 409, "app.foreign", "")
			refuses(t, phone.Answer("approve", r), 409, "app.foreign", "")
			s.goesOn().See(200).Says("Not yet.")
			if n := app.Rows().Text(`SELECT MAX(tries) || '' FROM flows WHERE purpose = 'recover'`); n != "0" {
				t.Errorf("%s: got %s tries spent, want none", login, n)
			}
		}
	})
}

// Who asks for two proofs gives a second one after the app, too; and the app is a
// second proof after the password.
func TestAppAndTwoProofs(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner := app.Register(mara, first)
		phone := pairs(app, owner, mara)
		changeWays(app, owner, mara, "do", "two-on")
		owner.Get(owner.At()).Submit("/act").See(303)
		keepSaved(owner)
		s := screen(app.Client(), "/signin/qr")
		phone.Answer("approve", scans(t, phone, s)).See(200)
		s.goesOn().See(303)
		flow := s.At()
		s.Get(flow).See(200).Says("One more proof is needed").Submit("/ways", "way", "mail").See(303)
		s.Get(flow).Submit("/answer", "code", app.Code(mara)).See(303)
		s.Get("/account").See(200)

		c := app.Client()
		c.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		flow = c.At()
		choose(c, flow, "app").See(303)
		s = screen(c, flow)
		phone.Answer("approve", scans(t, phone, s)).See(200)
		s.goesOn().See(303)
		c.Get("/account").See(200)
	})
}

// A new password ends what phones have approved before, as it ends the sessions.
func TestNewPasswordEndsApprovals(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		phone := pairs(app, app.Register(mara, first), mara)
		s := screen(app.Client(), "/signin/qr")
		phone.Answer("approve", scans(t, phone, s)).See(200)
		c, page := recovering(app, mara)
		page.Submit("/answer", "code", app.Code(mara)).See(303)
		c.Get(c.At()).Submit("/act", "password", second, "password_again", second).See(303)
		s.want(t, sparekey.ScreenExpired)
		s.goesOn().See(422).Says("timed out")
		refuses(t, phone.Scan("KQTM-4R7W"), 403, "app.asleep", "") // it was young
	})
}

// What the app tells its owner: who the phone is, and what happened. It tells a
// stranger nothing, and each question can be answered in the browser that asked.
func TestAppHome(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		phone := pairs(app, app.Register(mara, first), mara)
		question, signature := phone.Question()
		ask := func(c *sparekeytest.Client) *sparekeytest.Page {
			return c.Ask("/api/v1/app/home", "device", phone.Device, "question", question, "signature", signature)
		}
		var home struct {
			Name, Email string
			Happened    []struct{ Text string }
		}
		reads(t, ask(phone.Client), &home)
		if home.Name != "Mara’s phone" || home.Email != mara || len(home.Happened) == 0 || !strings.Contains(home.Happened[0].Text, "A way to verify was added") {
			t.Errorf("got %+v, want the phone, the account and what happened", home)
		}
		refuses(t, ask(app.Client()), 422, "app.sign", "")
		app.Sleep(10 * time.Minute)
		refuses(t, ask(phone.Client), 422, "app.sign", "")
		phone.Get("/account/devices").See(200).Says("Mara’s phone").Says("Phones with the app")
	})
}
