package web_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/ident"
	"sparekey/internal/sparekeytest"
)

// "Sign out everywhere else" ends what a phone has approved, or is asked: a screen
// that has not gone on yet is one of those it is about.
func TestSignOutEndsApprovals(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner := app.Register(mara, first)
		phone := pairs(app, owner, mara)
		approved, asked := screen(app.Client(), "/signin/qr"), screen(app.Client(), "/signin/qr")
		phone.Answer("approve", scans(t, phone, approved)).See(200)
		r := scans(t, phone, asked)
		owner.Post("/account/devices", "others", "1").See(303)
		refuses(t, phone.Answer("approve", r), 410, "app.old", "")
		for _, s := range []*screened{approved, asked} {
			s.want(t, sparekey.ScreenExpired)
			s.goesOn().See(422)
		}
		again := screen(app.Client(), "/signin/qr")
		phone.Answer("approve", scans(t, phone, again)).See(200)
		again.goesOn().See(303)
	})
}

// A51: a phone that a thief has removed signs nobody in any more. From the notice
// that said so the owner gets back in with it, beside the code from the mail, and
// it is paired again.
func TestA51TakeBackByTheApp(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		thief := app.Register(mara, first)
		phone := pairs(app, thief, mara)
		app.Deliver()
		app.Sleep(sparekey.YoungFor + time.Hour)
		changeWays(app, thief, mara, "do", "drop", "id", app.Rows().Text(`SELECT id FROM credentials WHERE kind = 'app'`))
		thief.Get(thief.At()).See(200).Says("Remove this?").Submit("/act").See(303)
		link := secureLink(t, app, mara)

		var r sparekeytest.Request
		out := screen(app.Client(), "/signin/qr")
		phone.Read(phone.Scan(out.short).See(201), &r)
		out.want(t, sparekey.ScreenWaits)
		refuses(t, phone.Get("/api/v1/app/requests/"+r.ID), 403, "app.lost", "")
		out.goesOn().See(200).Says("Not yet.")

		c := app.Client()
		c.Get(link).Submit(link).See(303)
		at := c.At()
		code := app.Code(mara)
		choose(c, at, "app").See(303)
		s := screen(c, at)
		phone.Answer("approve", scans(t, phone, s)).See(200)
		s.goesOn().See(303)
		c.Get(at).See(200).Says("One more proof is needed")
		choose(c, at, "mail").See(303)
		c.Get(at).Submit("/answer", "code", code).See(303)
		c.Get(at).See(200).Says("Choose a new password").Submit("/act", "password", second, "password_again", second).See(303)
		c.Get(at).Says("Your password is updated.")
		again := screen(app.Client(), "/signin/qr")
		phone.Answer("approve", scans(t, phone, again)).See(200)
		again.goesOn().See(303)
	})
}

// What a phone does on one node is told on the other at once: there the screen
// waits on a stream, which need not look for it.
func TestNodesTellScreens(t *testing.T) {
	one := sparekeytest.New(t, sparekeytest.Options{Database: sparekeytest.Postgres(t)})
	two := one.Node()
	phone := pairs(one, one.Register(mara, first), mara)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		two.Store.Listen(ctx, func() {}, two.Flows.Seen)
		close(done)
	}()
	defer func() { stop(); <-done }()
	within := func(what string, told <-chan struct{}) {
		t.Helper()
		select {
		case <-told:
		case <-time.After(10 * time.Second):
			t.Fatalf("got no word of %s within 10 s, want it at once", what)
		}
	}
	for one.Rows().Text(`SELECT COUNT(*) || '' FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle' AND query LIKE 'LISTEN %'`) == "0" {
		time.Sleep(10 * time.Millisecond)
	}

	s := screen(two.Client(), "/signin/qr")
	told, end := two.Flows.Watch(strings.ReplaceAll(s.short, "-", ""))
	defer end()
	var r sparekeytest.Request
	phone.Read(phone.Scan(s.short).See(201), &r)
	within("the scan", told)
	s.want(t, sparekey.ScreenScanned)
	phone.Answer("approve", phone.Request(r.ID)).See(200)
	within("the approval", told)
	s.want(t, sparekey.ScreenApproved)
	s.goesOn().See(303)
	s.Get("/account").See(200).Says("Signed in as " + mara)
}

// The flow may change between the scan and the answer. Where another way was chosen
// meanwhile, the approval proves nothing by itself; where the flow has been stopped,
// or is over, the phone is told that it is too late.
func TestFlowChangesUnderTheApp(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		phone := pairs(app, app.Register(mara, first), mara)
		app.Sleep(sparekey.YoungFor)
		s := asksApp(app, mara)
		at := s.At()
		r := scans(t, phone, s)
		choose(s.Client, at, "mail").See(303)
		phone.Answer("approve", r).See(200)
		s.goesOn().See(422).Says("Type the digits")
		s.Get(at).See(200).Says("Enter your code")
		s.Post(at+"/act", "password", second, "password_again", second).See(303)
		s.Get(at).See(200).Says("Enter your code")

		s = asksApp(app, mara)
		r = scans(t, phone, s)
		mails := app.Sink.Mails(mara)
		stop := strings.TrimPrefix(mails[len(mails)-1].StopURL(), sparekeytest.URL)
		app.Client().Get(stop).Submit(stop).See(303)
		refuses(t, phone.Answer("approve", r), 410, "app.old", "")
		s.goesOn().See(200).Says("Not yet.") // whoever it is learns nothing of the stop

		s = asksApp(app, mara)
		app.Sleep(sparekey.FlowLife - 10*time.Second)
		s.page = s.Get(s.At())
		s.nonce, s.short = sparekeytest.ScreenOf(s.page)
		r = scans(t, phone, s)
		app.Sleep(11 * time.Second)
		refuses(t, phone.Answer("approve", r), 410, "app.old", "")
		s.goesOn().See(410)
	})
}

// A phone scans so many codes in an hour: what is typed may be guessed. The same code
// again costs nothing, and another phone has its own: one that was lost and removed
// keeps nobody out.
func TestScansAreFew(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		phone := pairs(app, app.Register(mara, first), mara)
		scan := func(n int) *sparekeytest.Page {
			phone.Addr = fmt.Sprintf("203.0.113.%d:4711", n)
			return phone.Scan(fmt.Sprintf("KQTM-%c%c7W", ident.ShortLetters[n%31], ident.ShortLetters[n/31]))
		}
		most := sparekey.ScanBudget()[0].Max
		for n := range most {
			scan(n).See(201)
		}
		scan(0).See(201)
		refuses(t, scan(most), 429, "app.many", "")
		next := pairs(app, phone.Clone(), mara)
		next.Addr = "203.0.113.200:4711"
		next.Scan("KQTM-4R7W").See(201)
		app.Sleep(time.Hour + time.Minute)
		scan(most + 1).See(201)
	})
}

// "No, it's not me" is never too late while anything may come of the request: not for
// who thinks about it for long, and not when the one who asks has gone on another way.
func TestNoIsNeverTooLate(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner := app.Register(mara, first)
		phone := pairs(app, owner, mara)
		app.Sleep(sparekey.YoungFor)
		thief := asksApp(app, mara) // who reads the owner's mails
		at := thief.At()
		r := scans(t, phone, thief)
		choose(thief.Client, at, "mail").See(303)
		thief.Get(at).Submit("/answer", "code", app.Code(mara)).See(303)
		thief.Get(at).See(200).Says("Choose a new password")
		app.Sleep(sparekey.ApproveLife + time.Second)
		refuses(t, phone.Answer("approve", r), 410, "app.old", "")
		phone.Answer("decline", r).See(200)
		thief.Post(at+"/act", "password", second, "password_again", second).See(410)
		owner.Get("/account/activity").Says("A request was declined in the app.")
		app.Client().Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
	})
}

// What was cancelled on the screen nobody approves any more, for a sign-in and for a
// flow; the screen shows a new code, for which the phone is asked anew.
func TestScreenCancels(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		phone := pairs(app, app.Register(mara, first), mara)
		app.Sleep(sparekey.YoungFor)
		for _, s := range []*screened{screen(app.Client(), "/signin/qr"), asksApp(app, mara)} {
			app.Deliver()
			r := scans(t, phone, s)
			s.page.Submit(s.watch, "cancel", "1").See(303)
			refuses(t, phone.Answer("approve", r), 410, "app.old", "")
			s.want(t, sparekey.ScreenExpired)
			again := screen(s.Client, s.At())
			phone.Answer("approve", scans(t, phone, again)).See(200)
			again.goesOn().See(303)
		}
		s := &screened{Client: app.Client()}
		seen(t, s)
		s.Ask("/api/v1/signin/screen/state", "screen", s.nonce, "cancel", true).See(200).Says("expired")
	})
}

// One screen is answered by one phone, by whichever of its codes: what another has seen
// of it is over as soon as the first one is asked.
func TestOnePhoneForOneScreen(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		phone := pairs(app, app.Register(mara, first), mara)
		other := pairs(app, app.Register(wren, second), wren)
		s := screen(app.Client(), "/signin/qr")
		id := seen(t, s)
		var one, two sparekeytest.Request
		phone.Read(phone.Scan(id).See(201), &one)
		app.Sleep(time.Second)
		other.Read(other.Scan(s.short).See(201), &two)
		s.want(t, sparekey.ScreenScanned)
		refuses(t, other.Get("/api/v1/app/requests/"+two.ID), 410, "app.old", "")
		phone.Answer("approve", phone.Request(one.ID)).See(200)
		s.goesOn().See(303)
		s.Get("/account").Says("Signed in as " + mara)
	})
}

// A67: who approves a sign-in approves nothing that is done in that session: a new
// password there asks the phone again, and says so.
func TestA67ApprovedForOneThing(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner := app.Register(mara, first)
		phone := pairs(app, owner, mara)
		changeWays(app, owner, mara, "do", "two-on")
		owner.Get(owner.At()).Submit("/act").See(303)
		keepSaved(owner)
		app.Sleep(sparekey.YoungFor)
		thief := screen(app.Client(), "/signin/qr") // who reads the owner's mails
		phone.Answer("approve", scans(t, phone, thief)).See(200)
		thief.goesOn().See(303)
		at := thief.At()
		choose(thief.Client, at, "mail").See(303)
		thief.Get(at).Submit("/answer", "code", app.Code(mara)).See(303)
		thief.Get("/account/password").See(200).Submit("/account/password").See(303)
		thief.Get(thief.At()).See(200).Says("One more proof is needed")
		choose(thief.Client, thief.At(), "app").See(303)
		s := screen(thief.Client, thief.At())
		if r := scans(t, phone, s); r.Purpose != "change-password" {
			t.Errorf("got %+v, want to be asked about a new password", r)
		}
	})
}
