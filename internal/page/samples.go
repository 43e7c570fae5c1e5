package page

import (
	"time"

	"sparekey"
	"sparekey/internal/lang"
)

// A Sample is one page in one state, with made-up data. Name is that of a
// file, as in "code-wrong".
type Sample struct {
	Name string
	Page Page
}

const (
	sampleMail = "mara@example.com"
	sampleFlow = "7KQMT4RZ2WXH5VJN3CPB6DYF8A"
)

// sampleNow is the moment of all samples: 14:31 in Lisbon.
func sampleNow() time.Time { return time.Date(2026, time.May, 3, 13, 31, 0, 0, time.UTC) }

// Samples returns every page in every state, in the printer's language. The
// tests draw them all, and so does whoever wants to look at them.
func Samples(p *lang.Printer) []Sample {
	base := func(self string) Base {
		return Base{Printer: p, Nonce: "c2FtcGxlIG5vbmNl", Key: "5F2K7QH4M9", Now: sampleNow(), Self: self}
	}
	var all []Sample
	for _, some := range [][]Sample{
		doorSamples(base), codeSamples(base), actSamples(base),
		endSamples(base), accountSamples(base), problemSamples(base),
	} {
		all = append(all, some...)
	}
	return all
}

// sampleScreen is what a page shows for a phone to scan.
func sampleScreen() Screen {
	return Screen{
		Nonce: "k1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", Address: "https://lanternmarket.example/q/abcdefghijklmnopqrstuvwxyz", Short: "KQTM-4R7W",
		Until: Clock(sampleNow().Add(sparekey.ScreenLife)), Watch: "/signin/screen", Page: "/signin/qr", Renew: "/api/v1/signin/screen",
	}
}

// doorSamples are the pages before "who are you" is answered.
func doorSamples(base func(string) Base) []Sample {
	in := func(login string, failures int, n *Note) *SignIn {
		return &SignIn{Base: base("/signin"), Passkeys: true, Screen: sampleScreen(), Login: login, Failures: failures, Note: n}
	}
	scan := func(n *Note) *Scan { return &Scan{Base: base("/signin/qr"), Screen: sampleScreen(), Note: n} }
	app := func(seen, email string, n *Note) *App {
		return &App{Base: base("/app"), Seen: seen, Email: email, Note: n}
	}
	reg := func(login string, n *Note) *Register {
		return &Register{Base: base("/register"), Login: login, Note: n}
	}
	onward := in("", 0, nil)
	onward.ReturnTo = "/account/devices?from=shop"
	shared := in("mara", 1, nil)
	shared.Shared = true
	return []Sample{
		{"signin", in("", 0, nil)},
		{"signin-passkey-unknown", in("", 0, &Note{ID: "passkey.unknown", Field: "passkey"})},
		{"signin-onward", onward},
		{"signin-filled", in(sampleMail, 0, nil)},
		{"signin-empty", in("mara", 0, &Note{ID: "g.required", Field: "password"})},
		{"signin-wrong", in(sampleMail, 1, nil)},
		{"signin-shared", shared},
		{"signin-wrong3", in(sampleMail, 3, nil)},
		{"signin-slow", in(sampleMail, 0, &Note{
			ID:   "g.slow",
			Args: []any{"At", Clock(sampleNow().Add(4 * time.Minute)), "In", 4 * time.Minute},
		})},
		{"signin-out", in("", 0, &Note{ID: "in.out", Good: true})},
		{"signin-expired", in("", 0, &Note{ID: "in.expired", Calm: true})},
		{"signin-qr", scan(nil)},
		{"signin-qr-notyet", scan(&Note{ID: "app.notyet", Calm: true})},
		{"signin-qr-declined", scan(&Note{ID: "app.declined", Field: "screen"})},
		{"signin-qr-expired", scan(&Note{ID: "app.expired", Field: "screen"})},
		{"signin-done", &Already{Base: base("/signin/done"), Name: sampleMail, Just: true}},
		{"app", app("", "", nil)},
		{"app-signed-in", app("", sampleMail, &Note{ID: "app.paired", Good: true})},
		{"app-first", app("abcdefghijklmnopqrstuvwxyz", "", nil)},
		{"app-offline", &Problem{Base: base("/app"), Status: 200, ID: "app.offline", Again: "/app"}},
		{"register", reg("", nil)},
		{"register-mail", reg("mara@example", &Note{ID: "reg.mail", Field: "login"})},
		{"register-short", reg(sampleMail, &Note{ID: "pw.short", Args: []any{"Min", 8, "Count", 5}, Field: "password"})},
		{"register-long", reg(sampleMail, &Note{ID: "pw.long", Args: []any{"Max", 256}, Field: "password"})},
		{"register-common", reg(sampleMail, &Note{ID: "pw.common", Field: "password"})},
		{"register-self", reg(sampleMail, &Note{ID: "pw.self", Field: "password"})},
		{"register-simple", reg(sampleMail, &Note{ID: "pw.simple", Field: "password"})},
		{"register-shape", reg(sampleMail, &Note{ID: "pw.shape", Field: "password"})},
		{"register-already", &Already{Base: base("/register"), Name: sampleMail}},
		{"recover", &Recover{Base: base("/recover")}},
		{"recover-busy", &Recover{Base: base("/recover"), Login: sampleMail, Note: &Note{
			ID: "g.busy", Args: []any{"At", Clock(sampleNow().Add(3 * time.Second)), "In", 3 * time.Second},
		}}},
		{"recover-filled", &Recover{Base: base("/recover"), Login: sampleMail}},
		{"recover-shape", &Recover{Base: base("/recover"), Login: "mara@", Note: &Note{ID: "rec.shape", Field: "login"}}},
	}
}

// codeSamples are the pages that verify.
func codeSamples(base func(string) Base) []Sample {
	code := func(p sparekey.Purpose, kind string, wait time.Duration, n *Note) *Code {
		b := base("/flow/" + sampleFlow)
		d := &Code{
			Base: b, Flow: sampleFlow, Challenge: "C4N2", Purpose: p, Typed: sampleMail, TypedKind: kind,
			Note: n, AskedAt: b.Now, NextAt: b.Now.Add(wait), Ways: p != sparekey.Register,
		}
		switch kind {
		case "login":
			d.Typed = "mara"
		case "session":
			d.SignedInAs = sampleMail
		}
		return d
	}
	rec := func(wait time.Duration, typed string, n *Note) *Code {
		d := code(sparekey.Recover, "email", wait, n)
		d.Code = typed
		return d
	}
	bad := func(id string, args ...any) *Note { return &Note{ID: id, Args: args, Field: "code"} }
	old := bad("code.old")
	old.Action = CodeAgain(sampleFlow, "C4N2")
	many := rec(0, "", nil)
	many.NextAt = time.Time{}
	manyNew := code(sparekey.Register, "email", 0, nil)
	manyNew.NextAt = time.Time{}
	ways := func(p sparekey.Purpose, known bool) *Ways {
		return &Ways{
			Base: base("/flow/" + sampleFlow + "/ways"), Flow: sampleFlow, Purpose: p, Known: known, Open: true,
			Rows: []WayRow{{Kind: sparekey.ByMail}, {Kind: sparekey.ByPasskey}, {Kind: sparekey.BySaved}, {Kind: sparekey.ByText}, {Kind: sparekey.ByTOTP}, {Kind: sparekey.ByApp}},
		}
	}
	known := ways(sparekey.Recover, true)
	known.Rows = []WayRow{
		{sparekey.ByMail, "i1", "m•••@example.com"},
		{sparekey.ByMail, "i2", "m•••@example.org"},
		{sparekey.ByText, "i3", "+351 ••• ••• 204"},
		{Kind: sparekey.BySaved},
		{Kind: sparekey.ByTOTP},
	}
	more := ways(sparekey.SignIn, true)
	more.More, more.Open, more.Rows = true, false, known.Rows[:1]
	alone := ways(sparekey.Recover, false)
	alone.More, alone.Open, alone.Rows = true, false, nil
	by := func(p sparekey.Purpose, w sparekey.WayKind, typed string, n *Note) *Verify {
		return &Verify{Base: base("/flow/" + sampleFlow), Flow: sampleFlow, Challenge: "C4N2", Purpose: p, Way: w, Code: typed, Note: n}
	}
	asks := func(n *Note) *Passkey {
		return &Passkey{
			Base: base("/flow/" + sampleFlow), Flow: sampleFlow, Challenge: "C4N2", Purpose: sparekey.Recover,
			Question: `{"challenge":"5F2K7QH4M9"}`, Note: n,
		}
	}
	scan := func(n *Note) *Scan {
		return &Scan{Base: base("/flow/" + sampleFlow), Flow: sampleFlow, Challenge: "C4N2", Purpose: sparekey.Recover, Screen: sampleScreen(), Note: n}
	}
	through := func(w sparekey.WayKind, p sparekey.Purpose, kind string) *Code {
		d := code(p, kind, time.Minute, nil)
		d.Way, d.To = w, "mara@example.org"
		d.Ways = w != sparekey.ByNew
		return d
	}
	return []Sample{
		{"code", rec(47*time.Second, "", nil)},
		{"code-login", code(sparekey.Recover, "login", time.Minute, nil)},
		{"code-notice", code(sparekey.Recover, sparekey.ByNotice, time.Minute, nil)},
		{"code-session", code(sparekey.ChangePassword, "session", time.Minute, nil)},
		{"code-setting", code(sparekey.DeleteAccount, "session", time.Minute, nil)},
		{"code-register", code(sparekey.Register, "email", time.Minute, nil)},
		{"code-ready", rec(0, "", nil)},
		{"code-many", many},
		{"code-many-register", manyNew},
		{"code-required", rec(20*time.Second, "", bad("g.required"))},
		{"code-empty", rec(20*time.Second, "", bad("code.empty"))},
		{"code-len", rec(20*time.Second, "41830", bad("code.len"))},
		{"code-letters", rec(20*time.Second, "4183O275", bad("code.letters"))},
		{"code-wrong", rec(12*time.Second, "41830257", bad("code.wrong", "Count", 4))},
		{"code-wrong2", rec(0, "41830257", bad("code.wrong", "Count", 2))},
		{"code-wrong-long", rec(0, "4183 0257 1174 9920 3318", bad("code.wrong", "Count", 3))},
		{"code-last", rec(0, "41830257", bad("code.last"))},
		{"code-old", rec(0, "", old)},
		{"code-early", rec(23*time.Second, "", &Note{
			ID:   "code.early",
			Args: []any{"In", 23 * time.Second, "At", ClockSeconds(sampleNow().Add(23 * time.Second))},
		})},
		{"code-sent", rec(time.Minute, "", &Note{ID: "code.sent", Args: []any{"At", Clock(sampleNow())}, Good: true})},
		{"ways", ways(sparekey.Recover, false)},
		{"ways-known", known},
		{"ways-session", ways(sparekey.ChangePassword, true)},
		{"ways-more", more},
		{"ways-more-none", alone},
		{"code-text", through(sparekey.ByText, sparekey.Recover, "email")},
		{"code-text-own", through(sparekey.ByText, sparekey.ChangePassword, "session")},
		{"code-second", through(sparekey.ByMail, sparekey.SignIn, "email")},
		{"code-new", through(sparekey.ByNew, sparekey.AddIdentifier, "session")},
		{"code-first", rec(40*time.Second, "", &Note{ID: "way.first", Calm: true})},
		{"passkey", asks(nil)},
		{"passkey-shape", asks(&Note{ID: "passkey.shape", Field: "passkey"})},
		{"passkey-wrong", asks(&Note{ID: "passkey.wrong", Args: []any{"Count", 3}, Field: "passkey"})},
		{"passkey-last", asks(&Note{ID: "passkey.last", Field: "passkey"})},
		{"scan", scan(nil)},
		{"scan-notyet", scan(&Note{ID: "app.notyet", Calm: true})},
		{"scan-wrong", scan(&Note{ID: "app.wrong", Args: []any{"Count", 3}, Field: "screen"})},
		{"scan-last", scan(&Note{ID: "app.last", Field: "screen"})},
		{"verify-saved", by(sparekey.Recover, sparekey.BySaved, "", nil)},
		{"verify-saved-shape", by(sparekey.Recover, sparekey.BySaved, "7KQTM-4R7WX", bad("saved.shape"))},
		{"verify-saved-wrong", by(sparekey.Recover, sparekey.BySaved, "7KQTM-4R7WX-01234-56789-ABCDE", bad("saved.wrong", "Count", 3))},
		{"verify-saved-last", by(sparekey.Recover, sparekey.BySaved, "7KQTM-4R7WX-01234-56789-ABCDE", bad("saved.last"))},
		{"verify-totp", by(sparekey.SignIn, sparekey.ByTOTP, "", nil)},
		{"verify-totp-recover", by(sparekey.Recover, sparekey.ByTOTP, "", nil)},
		{"verify-totp-len", by(sparekey.SignIn, sparekey.ByTOTP, "4183", bad("totp.len"))},
		{"verify-totp-wrong", by(sparekey.SignIn, sparekey.ByTOTP, "418302", bad("totp.wrong", "Count", 3))},
		{"verify-totp-last", by(sparekey.SignIn, sparekey.ByTOTP, "418302", bad("totp.last"))},
	}
}

// actSamples are the pages of the new password and after.
func actSamples(base func(string) Base) []Sample {
	b := func(p sparekey.Purpose) Base {
		b := base("/flow/" + sampleFlow)
		if p == sparekey.ChangePassword {
			b.SignedInAs = sampleMail
		}
		return b
	}
	fresh := func(p sparekey.Purpose, same bool, n *Note) *NewPassword {
		return &NewPassword{Base: b(p), Flow: sampleFlow, Purpose: p, Username: sampleMail, Note: n, Same: same}
	}
	done := func(p sparekey.Purpose, others int, same bool) *Done {
		d := &Done{
			Base: b(p), Purpose: p, Flow: sampleFlow, Login: sampleMail, Others: others,
			SignedIn: p == sparekey.ChangePassword, Same: same,
		}
		switch {
		case d.SignedIn && others > 0:
			d.Easier = sparekey.BySaved
		case d.SignedIn:
			d.Easier = sparekey.ByPasskey
		}
		return d
	}
	setting := func(p sparekey.Purpose) (*Confirm, *Done) {
		in := base("/flow/" + sampleFlow)
		in.SignedInAs = sampleMail
		at := sampleNow().AddDate(0, 0, 14)
		return &Confirm{Base: in, Flow: sampleFlow, Purpose: p, Login: "heron", At: at},
			&Done{Base: in, Purpose: p, Flow: sampleFlow, At: at, SignedIn: p != sparekey.DeleteAccount}
	}
	sure := func(p sparekey.Purpose, on bool, w MyWay) *Confirm {
		c, _ := setting(p)
		c.On, c.Way = on, w
		return c
	}
	shown := func(p sparekey.Purpose, n *Note) *Done {
		_, d := setting(p)
		d.Fresh, d.Note, d.Two = "7KQTM-4R7WX-01234-56789-ABCDE", n, p == sparekey.TwoProofs
		return d
	}
	withApp := shown(sparekey.AddWay, nil)
	withApp.Two = true
	enrol := func(n *Note) *Enrol {
		in := base("/flow/" + sampleFlow)
		in.SignedInAs = sampleMail
		return &Enrol{
			Base: in, Flow: sampleFlow, Seed: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
			Address: "otpauth://totp/Lantern%20Market:mara@example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Lantern%20Market", Note: n,
		}
	}
	pair := func(n *Note) *Pair {
		in := base("/flow/" + sampleFlow)
		in.SignedInAs = sampleMail
		return &Pair{Base: in, Flow: sampleFlow, Sign: "5F2K7QH4M9", Note: n}
	}
	makes := func(n *Note) *NewPasskey {
		in := base("/flow/" + sampleFlow)
		in.SignedInAs = sampleMail
		return &NewPasskey{Base: in, Flow: sampleFlow, Question: `{"challenge":"5F2K7QH4M9"}`, Note: n}
	}
	_, rehearsed := setting(sparekey.Rehearse)
	midway := done(sparekey.Recover, 0, false)
	midway.Midway, midway.Fresh = true, "7KQTM-4R7WX-01234-56789-ABCDE"
	login, loginDone := setting(sparekey.ChooseLogin)
	data, dataDone := setting(sparekey.ExportData)
	leave, leaveDone := setting(sparekey.DeleteAccount)
	leaveDone.SignedInAs = ""
	return []Sample{
		{"confirm-login", login},
		{"confirm-data", data},
		{"confirm-delete", leave},
		{"confirm-saved", sure(sparekey.AddWay, false, MyWay{})},
		{"confirm-drop", sure(sparekey.DropWay, false, MyWay{Kind: sparekey.ByMail, Value: "m•••@example.org"})},
		{"confirm-wake", sure(sparekey.KeepWay, false, MyWay{Kind: sparekey.ByTOTP, Sleep: true})},
		{"confirm-back", sure(sparekey.KeepWay, false, MyWay{Kind: sparekey.BySaved})},
		{"confirm-two-on", sure(sparekey.TwoProofs, true, MyWay{})},
		{"confirm-two-off", sure(sparekey.TwoProofs, false, MyWay{})},
		{"enrol", enrol(nil)},
		{"passkey-add", makes(nil)},
		{"passkey-add-shape", makes(&Note{ID: "passkey.shape", Field: "passkey"})},
		{"passkey-add-long", makes(&Note{ID: "prof.long", Args: []any{"Max", 64}, Field: "name"})},
		{"pair", pair(nil)},
		{"pair-shape", pair(&Note{ID: "app.shape", Field: "app"})},
		{"enrol-clock", enrol(&Note{ID: "totp.clock", Field: "code"})},
		{"done-saved", shown(sparekey.AddWay, nil)},
		{"done-saved-tick", shown(sparekey.AddWay, &Note{ID: "fresh.tick", Field: "kept"})},
		{"done-saved-app", withApp},
		{"done-two", shown(sparekey.TwoProofs, nil)},
		{"done-signin-saved", shown(sparekey.SignIn, nil)},
		{"saved-midway", midway},
		{"done-rehearse", rehearsed},
		{"done-login", loginDone},
		{"done-data", dataDone},
		{"done-delete", leaveDone},
		{"password", fresh(sparekey.Recover, false, nil)},
		{"password-change", fresh(sparekey.ChangePassword, false, nil)},
		{"password-short", fresh(sparekey.Recover, false, &Note{ID: "pw.short", Args: []any{"Min", 8, "Count", 1}, Field: "password"})},
		{"password-diff", fresh(sparekey.Recover, false, &Note{ID: "pw.diff", Field: "password_again"})},
		{"password-two", fresh(sparekey.Recover, false, &Note{ID: "pw.two", Field: "password"})},
		{"password-same", fresh(sparekey.Recover, true, nil)},
		{"password-same-change", fresh(sparekey.ChangePassword, true, nil)},
		{"done", done(sparekey.Recover, 0, false)},
		{"done-same", done(sparekey.Recover, 0, true)},
		{"done-change", done(sparekey.ChangePassword, 0, false)},
		{"done-change-others", done(sparekey.ChangePassword, 3, false)},
		{"done-change-same", done(sparekey.ChangePassword, 0, true)},
	}
}

// endSamples are the pages where a flow cannot go on.
func endSamples(base func(string) Base) []Sample {
	ended := func(p sparekey.Purpose, kind, login, flow string) *Ended {
		return &Ended{Base: base("/flow/" + sampleFlow), Kind: kind, Purpose: p, Login: login, Flow: flow}
	}
	stop := func(state, browser string) *Stop {
		return &Stop{Base: base("/stop/q7F2M"), State: state, Masked: "m•••@example.com", At: sampleNow(), Browser: browser}
	}
	return []Sample{
		{"ended-expired", ended(sparekey.Recover, "expired", sampleMail, "")},
		{"ended-expired-bare", ended(sparekey.Recover, "expired", "", "")},
		{"ended-expired-change", ended(sparekey.ChangePassword, "expired", "", "")},
		{"ended-expired-setting", ended(sparekey.ExportData, "expired", "", "")},
		{"ended-expired-register", ended(sparekey.Register, "expired", sampleMail, "")},
		{"ended-exhausted", ended(sparekey.Recover, "exhausted", sampleMail, "")},
		{"ended-used", ended(sparekey.Recover, "used", sampleMail, sampleFlow)},
		{"ended-stopped", ended(sparekey.Recover, "stopped", sampleMail, "")},
		{"ended-changed", ended(sparekey.Recover, "changed", sampleMail, "")},
		{"stop", stop("ask", "Firefox on Windows")},
		{"stop-bare", stop("ask", "")},
		{"stop-stopped", stop("stopped", "")},
		{"stop-over", stop("over", "")},
		{"stop-none", stop("none", "")},
		{"secure", &Link{Base: base("/secure/q7F2M"), Use: "secure"}},
		{"secure-gone", &Link{Base: base("/secure/q7F2M"), Use: "secure", Gone: true}},
		{"open", &Link{Base: base("/open/q7F2M"), Use: "open"}},
		{"open-gone", &Link{Base: base("/open/q7F2M"), Use: "open", Gone: true}},
		{"leaving", &Leaving{Base: base("/signin"), Login: sampleMail, At: sampleNow().AddDate(0, 0, 14)}},
		{"paused", &Paused{Base: base("/signin"), Since: sampleNow()}},
	}
}

// accountSamples are the pages of My account, and the languages.
func accountSamples(base func(string) Base) []Sample {
	in := func(self string) Base {
		b := base(self)
		b.SignedInAs = sampleMail
		return b
	}
	now := sampleNow()
	rows := []DeviceRow{
		{ID: "s1", Browser: "Firefox on Windows", Address: "203.0.113.7", First: now.AddDate(0, 0, -2), Last: now, Current: true},
		{ID: "s2", Browser: "Safari on iPhone", Address: "2001:db8:4a1:9c00::7", First: now.AddDate(0, -1, 0), Last: now.Add(-5 * time.Hour)},
		{ID: "s3", Address: "198.51.100.24", First: now.AddDate(0, 0, -1), Last: now.Add(-26 * time.Hour), Shared: true},
	}
	profile := func(login, typed string, n *Note) *Profile {
		b := in("/account/profile")
		return &Profile{Base: b, Name: "Mara", Login: login, Typed: typed, Note: n}
	}
	own := []MyWay{
		{ID: "i1", Kind: sparekey.ByMail, Value: sampleMail, Since: now.AddDate(-1, -3, 0)},
		{ID: "i2", Kind: sparekey.ByMail, Value: "old@example.com"},
		{ID: "i3", Kind: sparekey.ByText, Value: "+351 912 345 204", Since: now.AddDate(0, 0, -2)},
		{ID: "c1", Kind: sparekey.BySaved, Since: now.AddDate(0, 0, -2), Alone: now.AddDate(0, 0, 5)},
		{ID: "c2", Kind: sparekey.ByTOTP, Since: now.AddDate(0, -1, 0), Sleep: true},
		{ID: "c3", Kind: sparekey.ByPasskey, Value: "My phone", Since: now.AddDate(0, -2, 0), Until: now.AddDate(0, 0, 6)},
		{ID: "c0", Kind: sparekey.ByPassword, Since: now.AddDate(0, -2, 0)},
	}
	mine := func(two bool, n *Note) *MyWays {
		return &MyWays{Base: in("/account/ways"), Rows: own, Two: two, Texts: true, Passkeys: `{"rpId":"id.lanternmarket.example"}`, Note: n}
	}
	typedWay := func(typed string, n *Note) *MyWays {
		d := mine(false, n)
		d.Rows, d.Typed = own[:1], typed
		return d
	}
	dropping := mine(true, nil)
	dropping.Drops = now.AddDate(0, 0, 3)
	check := func(phone, mail bool) *Check {
		loss := func(id string, safe bool, left ...MyWay) Loss { return Loss{ID: id, Safe: safe, Left: left} }
		losses := []Loss{loss("password", true, own[0], own[3])}
		if phone {
			losses = append(losses, loss("phone", true, own[0]))
		} else {
			losses = append(losses, loss("phone", false))
		}
		if mail {
			losses = append(losses, loss("email", true, own[3]))
		} else {
			losses = append(losses, loss("email", false, own[2]))
		}
		return &Check{Base: in("/account/check"), Losses: losses}
	}
	return []Sample{
		{"account", &Overview{
			Base: in("/account"), Name: "Mara", Email: sampleMail, Login: "mara", Since: now.AddDate(-1, -3, 0),
			LastSignIn: now.Add(-50 * time.Hour), LastBrowser: "Firefox on Windows", LastAddress: "203.0.113.7",
			Losses: check(true, true).Losses,
		}},
		{"account-new", &Overview{
			Base: in("/account"), Email: sampleMail, Since: now, Losses: check(true, false).Losses,
			Note: &Note{ID: "prof.ok", Good: true},
		}},
		{"account-app", &Overview{Base: in("/account"), Email: sampleMail, Since: now, Losses: check(true, true).Losses, Note: &Note{
			ID: "in.app", Args: []any{"Name", lang.LTR(sampleMail)}, Good: true, Action: &NoteAction{Label: "in.app.out", Path: "/signout"},
		}}},
		{"account-risk", &Overview{Base: in("/account"), Email: sampleMail, Since: now, Losses: check(false, false).Losses}},
		{"account-password", &Password{Base: in("/account/password"), Email: sampleMail}},
		{"account-profile", profile("", "", nil)},
		{"account-profile-ok", profile("mara", "", &Note{ID: "prof.ok", Good: true})},
		{"account-profile-long", profile("mara", "", &Note{ID: "prof.long", Args: []any{"Max", 64}, Field: "name"})},
		{"account-profile-chars", profile("mara", "", &Note{ID: "prof.chars", Field: "name"})},
		{"account-profile-shape", profile("", "9lives", &Note{ID: "prof.shape", Field: "login"})},
		{"account-profile-taken", profile("", "admin", &Note{ID: "prof.taken", Field: "login"})},
		{"account-profile-probes", profile("", "heron", &Note{ID: "prof.probes", Field: "login"})},
		{"account-ways", mine(false, nil)},
		{"account-ways-two", mine(true, nil)},
		{"account-ways-dropping", dropping},
		{"account-ways-added", mine(false, &Note{ID: "way.add", Good: true})},
		{"account-ways-gone", mine(false, &Note{ID: "way.gone", Good: true})},
		{"account-ways-kept", mine(false, &Note{ID: "way.kept", Good: true})},
		{"account-ways-saved", mine(true, &Note{ID: "way.two", Good: true})},
		{"account-ways-last", mine(false, &Note{ID: "way.last", Field: "way"})},
		{"account-ways-many", mine(false, &Note{ID: "way.many", Field: "way"})},
		{"account-ways-changed", mine(false, &Note{ID: "way.changed"})},
		{"account-ways-mail", typedWay("mara@", &Note{ID: "reg.mail", Field: "email"})},
		{"account-ways-have", typedWay(sampleMail, &Note{ID: "way.have", Field: "email"})},
		{"account-ways-removed", typedWay(sampleMail, &Note{ID: "way.removed", Field: "email"})},
		{"account-ways-phone", typedWay("12", &Note{ID: "phone.shape", Field: "phone"})},
		{"account-ways-phone-country", typedWay("912 345 678", &Note{ID: "phone.country", Field: "phone"})},
		{"account-ways-phone-kind", typedWay("+351 808 200 200", &Note{ID: "phone.kind", Field: "phone"})},
		{"account-check", check(true, true)},
		{"account-check-step", check(true, false)},
		{"account-check-risk", check(false, false)},
		{"account-activity", &Activity{Base: in("/account/activity"), Rows: activity(now)}},
		{"account-activity-none", &Activity{Base: in("/account/activity")}},
		{"account-data", &Data{Base: in("/account/data"), At: now.AddDate(0, 0, 14)}},
		{"account-devices", &Devices{Base: in("/account/devices"), Rows: rows}},
		{"account-devices-phones", &Devices{Base: in("/account/devices"), Rows: rows, Phones: []PhoneRow{
			{ID: "p1", Name: "Mara’s phone", Added: now.AddDate(0, -1, 0), Used: now.Add(-time.Hour)},
			{ID: "p2", Name: "Tablet", Added: now.AddDate(0, 0, -3), Used: now.AddDate(0, 0, -2), Sleep: true},
		}}},
		{"account-devices-out", &Devices{Base: in("/account/devices"), Rows: rows[:1], Note: &Note{ID: "dev.out", Good: true}}},
		{"account-devices-others", &Devices{
			Base: in("/account/devices"), Rows: rows[:1],
			Note: &Note{ID: "dev.out.others", Args: []any{"Count", 2}, Good: true},
		}},
		{"account-devices-gone", &Devices{Base: in("/account/devices"), Rows: rows, Note: &Note{ID: "dev.gone", Calm: true}}},
		{"language", &Language{Base: base("/language"), To: "/signin"}},
	}
}

// activity has one row for everything that can happen.
func activity(now time.Time) (rows []ActivityRow) {
	for i, kind := range []sparekey.EventKind{
		sparekey.SignedIn, sparekey.PasswordSet, sparekey.LoginChosen, sparekey.RequestStopped, sparekey.SessionEnded,
		sparekey.DataExported, sparekey.DeletionPlanned, sparekey.DeletionUndone, sparekey.AccountPaused,
		sparekey.AccountUnpaused, sparekey.SignedOutAll, sparekey.RecoverySent, sparekey.MessageGivenUp, sparekey.AccountCreated,
		sparekey.TwoTurnedOn, sparekey.TwoTurnedOff, sparekey.SavedUsed, sparekey.HalfSignedIn, sparekey.Rehearsed, sparekey.SecondDropping, sparekey.AppRefused,
	} {
		rows = append(rows, ActivityRow{
			At: now.AddDate(0, 0, -i), Kind: kind, How: []sparekey.WayKind{sparekey.ByPassword},
			Browser: "Firefox on Windows", Address: "203.0.113.7",
		})
	}
	for i, kind := range []sparekey.EventKind{sparekey.WayAdded, sparekey.WayDropped, sparekey.WayKept} {
		rows = append(rows, ActivityRow{
			At: now.AddDate(0, -1, -i), Kind: kind, About: MyWay{Kind: sparekey.ByTOTP},
			Browser: "Firefox on Windows", Address: "203.0.113.7",
		})
	}
	return append(rows, ActivityRow{At: now.AddDate(0, 0, -20), Failed: 3, Browser: "Chrome on Android", Address: "198.51.100.24"})
}

// problemSamples are the pages that say what is wrong.
func problemSamples(base func(string) Base) []Sample {
	later := sampleNow().Add(4 * time.Minute)
	problem := func(status int, id string) *Problem {
		return &Problem{Base: base("/"), Status: status, ID: id}
	}
	slow, oops, maint, busy := problem(429, "g.slow"), problem(500, "g.oops"), problem(503, "g.maint"), problem(503, "g.busy")
	slow.RetryAt, maint.RetryAt, busy.RetryAt = later, later, sampleNow().Add(9*time.Second)
	oops.Number = "K7-4QD"
	return []Sample{
		{"problem-slow", slow},
		{"problem-slow-bare", problem(429, "g.slow")},
		{"problem-oops", oops},
		{"problem-oops-bare", problem(500, "g.oops")},
		{"problem-cookie", problem(403, "g.cookie")},
		{"problem-csrf", problem(403, "g.csrf")},
		{"problem-maint", maint},
		{"problem-maint-bare", problem(503, "g.maint")},
		{"problem-busy", busy},
		{"problem-404", problem(404, "g.404")},
		{"problem-taken", problem(409, "reg.taken")},
		{"problem-host", problem(421, "g.host")},
		{"problem-large", problem(413, "g.large")},
		{"problem-bad", problem(400, "g.bad")},
		{"problem-method", problem(405, "g.method")},
	}
}
