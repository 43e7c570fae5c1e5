package page

import (
	"html/template"

	"sparekey"
	"sparekey/internal/lang"
)

// The pages of My account, and those that lead back to it.

// settingPath is the page of My account where a flow of that purpose begins;
// empty for the purposes with steps and pages of their own.
func settingPath(p sparekey.Purpose) string {
	switch p {
	case sparekey.ChooseLogin:
		return "/account/profile"
	case sparekey.ExportData, sparekey.DeleteAccount:
		return "/account/data"
	}
	return ""
}

// settingOf is the same, with the change of a password among them.
func settingOf(p sparekey.Purpose) string {
	if p == sparekey.ChangePassword {
		return "/account/password"
	}
	return settingPath(p)
}

func (d *Confirm) file() string { return "confirm" }

// Heading is the page's h1.
func (d *Confirm) Heading() string {
	switch d.Purpose {
	case sparekey.ExportData:
		return d.T("sure.data.h1")
	case sparekey.DeleteAccount:
		return d.T("sure.delete.h1")
	}
	return d.T("sure.login.h1")
}
func (d *Confirm) note() *Note  { return d.Note }
func (d *Confirm) foot() string { return footOf(d.Purpose) }

// Lead says what will happen.
func (d *Confirm) Lead() template.HTML {
	switch d.Purpose {
	case sparekey.ExportData:
		return d.H("sure.data")
	case sparekey.DeleteAccount:
		return d.H("sure.delete", "Day", Day(d.At), "Forgot", d.T("in.forgot"))
	}
	return d.H("sure.login", "Login", lang.LTR(d.Login))
}

// Do is the label of the button.
func (d *Confirm) Do() string {
	switch d.Purpose {
	case sparekey.ExportData:
		return d.T("sure.data.do")
	case sparekey.DeleteAccount:
		return d.T("data.delete.do")
	}
	return d.T("sure.login.do")
}

// Danger reports whether the button does what hurts.
func (d *Confirm) Danger() bool { return d.Purpose == sparekey.DeleteAccount }

// Back is the page where the flow began.
func (d *Confirm) Back() string { return settingPath(d.Purpose) }

// Download is where the file is, in the last page of an export.
func (d *Done) Download() string {
	if d.Purpose != sparekey.ExportData {
		return ""
	}
	return "/flow/" + d.Flow + "/data"
}

// Left reports whether the account was left: there is nowhere to go back to.
func (d *Done) Left() bool { return d.Purpose == sparekey.DeleteAccount }

func (d *Leaving) file() string { return "leaving" }

// Heading is the page's h1.
func (d *Leaving) Heading() string { return d.Printer.Head("in.leaving") }

// Text says until when the account can be kept, and how.
func (d *Leaving) Text() template.HTML {
	return d.Printer.Rest("in.leaving", d.values([]any{"Day", Day(d.At)})...)
}

func (d *Link) file() string { return "link" }

// Heading is the page's h1.
func (d *Link) Heading() string {
	if d.Gone {
		return d.Printer.Head(d.Use + ".gone")
	}
	return d.T(d.Use + ".h1")
}
func (d *Link) foot() string { return "foot.recover" }

// Text says what the button does, or why there is none.
func (d *Link) Text() template.HTML {
	if d.Gone {
		return d.Printer.Rest(d.Use + ".gone")
	}
	return d.H(d.Use + ".lead")
}

// Button is what it says.
func (d *Link) Button() string { return d.T(d.Use + ".do") }

func (d *Profile) file() string { return "profile" }

// Heading is the page's h1.
func (d *Profile) Heading() string { return d.T("acc.profile") }
func (d *Profile) note() *Note     { return d.Note }
func (d *Profile) foot() string    { return "foot.account" }

// Langs lists the languages of mails.
func (d *Profile) Langs() []lang.Language { return d.pages.opts.Catalogue.Langs() }

// Choice is what the field of the login name holds.
func (d *Profile) Choice() string {
	if d.Typed != "" {
		return d.Typed
	}
	return d.Login
}

func (d *MyWays) file() string { return "myways" }

// Heading is the page's h1.
func (d *MyWays) Heading() string { return d.T("acc.ways") }
func (d *MyWays) foot() string    { return "foot.account" }

// Named is the name of a way.
func (d *MyWays) Named(w MyWay) string {
	if w.Kind == sparekey.ByPassword {
		return d.T("f.password")
	}
	return d.T("ways.mail")
}

// When says since when a way is there, or when it was changed.
func (d *MyWays) When(w MyWay) template.HTML {
	switch {
	case w.Since.IsZero():
		return d.H("mine.unproved")
	case w.Kind == sparekey.ByPassword:
		return d.H("mine.changed", "At", Moment(w.Since))
	}
	return d.H("mine.proved", "At", Moment(w.Since))
}

func (d *Activity) file() string { return "activity" }

// Heading is the page's h1.
func (d *Activity) Heading() string { return d.T("acc.activity") }
func (d *Activity) foot() string    { return "foot.account" }

// Said tells in a plain sentence what happened.
func (d *Activity) Said(r ActivityRow) string {
	if r.Failed > 0 {
		return d.T("did.failed", "Count", r.Failed)
	}
	if r.Kind == sparekey.SignedIn {
		kinds := make([]string, len(r.How))
		for i, w := range r.How {
			kinds[i] = string(w)
		}
		if how := d.Printer.Ways(kinds); how != "" {
			return d.T("did.signin", "How", how)
		}
		return d.T("did.signin.bare")
	}
	return d.T(didID(r.Kind))
}

// didID is the sentence for what happened.
func didID(k sparekey.EventKind) string {
	switch k {
	case sparekey.AccountCreated:
		return "did.created"
	case sparekey.PasswordSet:
		return "did.password"
	case sparekey.RequestStopped:
		return "did.stopped"
	case sparekey.SessionEnded:
		return "did.out"
	case sparekey.RecoverySent:
		return "did.asked"
	case sparekey.MessageGivenUp:
		return "did.undelivered"
	case sparekey.LoginChosen:
		return "did.login"
	case sparekey.DataExported:
		return "did.data"
	case sparekey.DeletionPlanned:
		return "did.delete"
	case sparekey.DeletionUndone:
		return "did.undelete"
	case sparekey.AccountPaused:
		return "did.paused"
	case sparekey.AccountUnpaused:
		return "did.unpaused"
	case sparekey.SignedOutAll:
		return "did.outall"
	}
	return "did.other"
}

// When is the moment of a row, for <time>.
func (d *Activity) When(r ActivityRow) lang.Time { return d.At(r.At) }

func (d *Data) file() string { return "data" }

// Heading is the page's h1.
func (d *Data) Heading() string { return d.T("acc.data") }
func (d *Data) note() *Note     { return d.Note }
func (d *Data) foot() string    { return "foot.account" }

// Erased says what deleting means.
func (d *Data) Erased() template.HTML {
	return d.H("data.delete", "Day", Day(d.At), "Forgot", d.T("in.forgot"))
}
