package page

import (
	"html/template"
	"time"

	"sparekey"
	"sparekey/internal/lang"
)

// What each page says of itself, and what its template asks it.

func (d *SignIn) file() string { return "signin" }

// Heading is the page's h1.
func (d *SignIn) Heading() string { return d.T("in.h1") }

func (d *SignIn) note() *Note {
	switch {
	case d.Note != nil:
		return d.Note
	case d.Failures <= 0:
		return nil
	case d.Third():
		return &Note{ID: "in.wrong3", Action: mailCode(d.Login)}
	}
	return &Note{ID: "in.wrong", Action: mailCode(d.Login)}
}

// Third reports whether the way by mail is now the main one (S3).
func (d *SignIn) Third() bool { return d.Failures >= 3 && d.Note == nil && d.Login != "" }

func (d *Register) file() string { return "register" }

// Heading is the page's h1.
func (d *Register) Heading() string { return d.T("reg.h1") }
func (d *Register) note() *Note     { return d.Note }
func (d *Register) foot() string    { return "foot.register" }

// Fewest is how many characters a password must have.
func (d *Register) Fewest() int { return min8(d.Min) }

func (d *Already) file() string { return "already" }

// Heading is the page's h1.
func (d *Already) Heading() string {
	if d.Just {
		return d.T("in.as", "Name", d.Name)
	}
	return d.T("g.already", "Name", d.Name)
}

func (d *Recover) file() string { return "recover" }

// Heading is the page's h1.
func (d *Recover) Heading() string { return d.T("rec.h1") }
func (d *Recover) note() *Note     { return d.Note }
func (d *Recover) step() int       { return 1 }
func (d *Recover) foot() string    { return "foot.recover" }

func (d *NewPassword) file() string { return "newpassword" }

// Heading is the page's h1.
func (d *NewPassword) Heading() string { return d.T("new.h1") }
func (d *NewPassword) step() int       { return steps(d.Purpose, 3) }
func (d *NewPassword) foot() string    { return footOf(d.Purpose) }

// Fewest is how many characters a password must have.
func (d *NewPassword) Fewest() int { return min8(d.Min) }

// note offers to go on with the password that is already theirs. A person who
// came this far has proved who they are: it tells a stranger nothing.
func (d *NewPassword) note() *Note {
	switch {
	case d.Note != nil || !d.Same:
		return d.Note
	case d.Purpose == sparekey.ChangePassword:
		return &Note{ID: "pw.same.in", Args: []any{"account", lang.Link{Href: "/account"}}, Field: "password", Calm: true}
	}
	return &Note{
		ID: "pw.same", Field: "password", Calm: true,
		Action: &NoteAction{Label: "pw.same.act", Path: "/flow/" + d.Flow + "/act", Fields: []Field{{"same", "1"}}},
	}
}

func (d *Done) file() string { return "done" }

// Heading is the page's h1.
func (d *Done) Heading() string {
	switch {
	case d.Midway:
		return d.T("fresh.h1")
	case d.Same:
		return d.T("done.same.h1")
	case d.Purpose == sparekey.ChooseLogin:
		return d.T("done.login.h1")
	case d.Purpose == sparekey.ExportData:
		return d.T("done.data.h1")
	case d.Purpose == sparekey.DeleteAccount:
		return d.T("done.delete.h1", "Day", Day(d.At))
	case d.Purpose == sparekey.Rehearse:
		return d.T("done.rehearse.h1")
	case d.Fresh != "" && d.Purpose != sparekey.Recover && d.Purpose != sparekey.ChangePassword:
		return d.T("fresh.h1")
	case ownPath(d.Purpose):
		return d.T("prof.ok.h1")
	}
	return d.T("done.h1")
}
func (d *Done) note() *Note  { return d.Note }
func (d *Done) foot() string { return footOf(d.Purpose) }

func (d *Done) step() int {
	if d.Midway {
		return steps(d.Purpose, 2)
	}
	return steps(d.Purpose, 4)
}

// Text says what else happened.
func (d *Done) Text() string {
	switch {
	case d.Midway:
		return ""
	case d.Purpose == sparekey.ChooseLogin:
		return d.T("done.login")
	case d.Purpose == sparekey.ExportData:
		return d.T("done.data")
	case d.Purpose == sparekey.DeleteAccount:
		return d.T("done.delete", "Forgot", d.T("in.forgot"))
	case d.Purpose == sparekey.Rehearse:
		return d.T("done.rehearse")
	case d.Two:
		return d.T("done.two")
	case d.Purpose == sparekey.SignIn || ownPath(d.Purpose):
		return ""
	case d.Same && d.SignedIn:
		return d.T("done.same.in")
	case d.Same:
		return d.T("done.same.out")
	case d.SignedIn && d.Others > 0:
		return d.T("done.others", "Count", d.Others)
	case d.SignedIn:
		return d.T("done.here")
	}
	return d.T("done.out")
}

func (d *Ended) file() string { return "ended" }

// Heading is the page's h1.
func (d *Ended) Heading() string { return d.Printer.Head(d.id()) }
func (d *Ended) foot() string    { return footOf(d.Purpose) }

// Text is what follows the heading.
func (d *Ended) Text() template.HTML { return d.Printer.Rest(d.id()) }

// id is the message of the kind.
func (d *Ended) id() string {
	switch d.Kind {
	case "exhausted":
		return "code.flowend"
	case "used":
		return "end.used"
	case "stopped":
		return "end.stopped"
	case "declined":
		return "end.declined"
	case "changed":
		return "end.changed"
	}
	if !d.Carries() {
		return "g.expired.bare"
	}
	return "g.expired"
}

// Start is where the new start is posted to.
func (d *Ended) Start() string {
	switch d.Purpose {
	case sparekey.Register:
		return "/register"
	case sparekey.Recover:
		return "/recover"
	case sparekey.SignIn:
		return "/signin"
	}
	return settingOf(d.Purpose)
}

// Carries reports whether the new start takes the login along, so that nobody
// types it again.
func (d *Ended) Carries() bool { return d.Login != "" && !d.Inside() }

// Inside reports whether the flow was begun in My account.
func (d *Ended) Inside() bool { return settingOf(d.Purpose) != "" }

// Leads reports whether the new start is a page to go to, and not a form.
func (d *Ended) Leads() bool { return settingPath(d.Purpose) != "" }

// Shows reports whether the new start begins with its first page, filled in,
// rather than with a message at once: after a long time away, and where a
// password has to be typed again.
func (d *Ended) Shows() bool { return d.Kind == "expired" || d.Purpose == sparekey.Register }

// Onwards is the page a used code had led to.
func (d *Ended) Onwards() string {
	if d.Kind != "used" || d.Flow == "" {
		return ""
	}
	return "/flow/" + d.Flow
}

func (d *Stop) file() string { return "stop" }

// Heading is the page's h1.
func (d *Stop) Heading() string {
	switch d.State {
	case "stopped", "over", "none":
		return d.Printer.Head("stop." + d.State)
	}
	return d.T("stop.h1")
}
func (d *Stop) foot() string { return "foot.on" }

// Ask reports whether there is something to stop.
func (d *Stop) Ask() bool { return d.State == "ask" || d.State == "" }

// Text says who asked for what, or what has become of it.
func (d *Stop) Text() template.HTML {
	switch {
	case !d.Ask():
		return d.Printer.Rest("stop." + d.State)
	case d.Browser == "":
		return d.H("stop.ask.bare", "Masked", lang.LTR(d.Masked), "At", Moment(d.At))
	}
	return d.H("stop.ask", "Masked", lang.LTR(d.Masked), "At", Moment(d.At), "Browser", d.Printer.Browser(d.Browser))
}

func (d *Paused) file() string { return "paused" }

// Heading is the page's h1.
func (d *Paused) Heading() string { return d.Printer.Head("paused") }

// Text says since when, and whom to ask.
func (d *Paused) Text() template.HTML {
	return d.Printer.Rest("paused", d.values(d.args())...)
}

func (d *Paused) args() []any {
	return []any{"Site", d.SiteName(), "Day", Day(d.Since), "Mail", d.MailFrom()}
}

func (d *Overview) file() string { return "overview" }

// Heading is the page's h1.
func (d *Overview) Heading() string { return d.T("acc.h1") }
func (d *Overview) note() *Note     { return d.Note }
func (d *Overview) foot() string    { return "foot.account" }

// State is what the recovery check says: "ready", "step" or "risk".
func (d *Overview) State() string { return stateOf(d.Losses) }

// Sign is the class of the sign and the colour of State.
func (d *Overview) Sign() string { return signOf(d.Losses) }

// SinceText is the day the account was made.
func (d *Overview) SinceText() string { return d.Printer.Date(d.Since, d.zone()) }

func (d *Password) file() string { return "password" }

// Heading is the page's h1.
func (d *Password) Heading() string { return d.T("acc.password") }
func (d *Password) note() *Note     { return d.Note }
func (d *Password) foot() string    { return "foot.account" }

func (d *Devices) file() string { return "devices" }

// Heading is the page's h1.
func (d *Devices) Heading() string { return d.T("acc.devices") }
func (d *Devices) note() *Note     { return d.Note }
func (d *Devices) foot() string    { return "foot.account" }

// Others reports whether there is a session besides this one.
func (d *Devices) Others() bool {
	for _, r := range d.Rows {
		if !r.Current {
			return true
		}
	}
	return false
}

func (d *Language) file() string { return "language" }

// Heading is the page's h1.
func (d *Language) Heading() string { return d.T("lang.h1") }
func (d *Language) foot() string    { return "foot.on" }

// Named is the browser of a session, for people.
func (d *Devices) Named(r DeviceRow) string {
	if r.Browser == "" {
		return d.T("dev.unknown")
	}
	return d.Printer.Browser(r.Browser)
}

// Moment marks a time to be shown in full.
func (d *Devices) Moment(t time.Time) Moment { return Moment(t) }

// Day marks a time to be shown as a day.
func (d *Devices) Day(t time.Time) Day { return Day(t) }

// All lists the languages to choose from.
func (d *Language) All() []lang.Language {
	if len(d.Langs) > 0 {
		return d.Langs
	}
	return d.pages.opts.Catalogue.Langs()
}

func (d *Problem) file() string { return "problem" }

// Heading is the page's h1.
func (d *Problem) Heading() string { return d.Printer.Head(d.message(), d.args()...) }
func (d *Problem) foot() string    { return "foot.on" }

// Text is what follows the heading.
func (d *Problem) Text() template.HTML { return d.Printer.Rest(d.message(), d.args()...) }

// message is the problem's message; some are said with a time if there is one.
func (d *Problem) message() string {
	if d.RetryAt.IsZero() && (d.ID == "g.slow" || d.ID == "g.maint") {
		return d.ID + ".bare"
	}
	if d.Number == "" && d.ID == "g.oops" {
		return "g.oops.bare"
	}
	return d.ID
}

// args are all the values a problem may have.
func (d *Problem) args() []any {
	wait := d.Retry
	if wait == 0 && !d.RetryAt.IsZero() {
		wait = d.RetryAt.Sub(d.Now)
	}
	return d.values(append([]any{
		"At", Clock(d.RetryAt), "In", wait, "Number", lang.LTR(d.Number), "Host", d.Host(),
		"again",
		lang.Link{Href: d.AgainPath()},
	}, d.Args...))
}

// AgainPath is where "try again" leads: mostly back to where it happened.
func (d *Problem) AgainPath() string {
	switch {
	case d.Again != "":
		return d.Again
	case d.Self != "":
		return d.Self
	}
	return "/"
}

// Home is the installation's own address, for who came by another.
func (d *Problem) Home() string { return d.pages.opts.PublicURL }

// Lost reports whether the page leads to the two doors instead of back.
func (d *Problem) Lost() bool { return d.ID == "g.404" || d.ID == "reg.taken" }
