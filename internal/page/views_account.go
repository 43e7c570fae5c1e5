package page

import (
	"html/template"
	"strings"

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
	case sparekey.Rehearse:
		return "/account/check"
	}
	if ownPath(p) {
		return "/account/ways"
	}
	return ""
}

// ownPath reports whether a flow of that purpose begins, and ends, at the
// account's ways to verify.
func ownPath(p sparekey.Purpose) bool {
	switch p {
	case sparekey.AddIdentifier, sparekey.AddWay, sparekey.DropWay, sparekey.KeepWay, sparekey.TwoProofs:
		return true
	}
	return false
}

// settingOf is the same, with the change of a password among them.
func settingOf(p sparekey.Purpose) string {
	if p == sparekey.ChangePassword {
		return "/account/password"
	}
	return settingPath(p)
}

func (d *Confirm) file() string { return "confirm" }

// id is that of the messages of what will happen.
func (d *Confirm) id() string {
	switch d.Purpose {
	case sparekey.ExportData:
		return "sure.data"
	case sparekey.DeleteAccount:
		return "sure.delete"
	case sparekey.AddWay:
		return "sure.saved"
	case sparekey.DropWay:
		return "sure.drop"
	case sparekey.KeepWay:
		if d.Way.Sleep {
			return "sure.wake"
		}
		return "sure.back"
	case sparekey.TwoProofs:
		if d.On {
			return "sure.two.on"
		}
		return "sure.two.off"
	}
	return "sure.login"
}

// Heading is the page's h1.
func (d *Confirm) Heading() string { return d.T(d.id() + ".h1") }
func (d *Confirm) note() *Note     { return d.Note }
func (d *Confirm) foot() string    { return footOf(d.Purpose) }

// Lead says what will happen.
func (d *Confirm) Lead() template.HTML {
	switch d.Purpose {
	case sparekey.DeleteAccount:
		return d.H("sure.delete", "Day", Day(d.At), "Forgot", d.T("in.forgot"))
	case sparekey.ChooseLogin:
		return d.H("sure.login", "Login", lang.LTR(d.Login))
	case sparekey.DropWay, sparekey.KeepWay:
		return d.H(d.id(), "Way", d.wayName(d.Way))
	}
	return d.H(d.id())
}

// Do is the label of the button.
func (d *Confirm) Do() string {
	if d.Purpose == sparekey.DeleteAccount {
		return d.T("data.delete.do")
	}
	return d.T(d.id() + ".do")
}

// Danger reports whether the button does what hurts.
func (d *Confirm) Danger() bool {
	return d.Purpose == sparekey.DeleteAccount || d.Purpose == sparekey.DropWay || d.Purpose == sparekey.TwoProofs && !d.On
}

// wayName is a way in words, or its value if it has one, which runs left to right
// in every language.
func (b *Base) wayName(w MyWay) any {
	if w.Value != "" {
		return lang.LTR(w.Value)
	}
	return b.T("mine." + string(w.Kind))
}

func (d *Enrol) file() string { return "enrol" }

// Heading is the page's h1.
func (d *Enrol) Heading() string { return d.T("enrol.h1") }
func (d *Enrol) note() *Note     { return d.Note }
func (d *Enrol) foot() string    { return "foot.account" }

// Groups is the key as it is typed: in groups of four.
func (d *Enrol) Groups() string {
	var b strings.Builder
	for i, r := range d.Seed {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// QR is the code to scan.
func (d *Enrol) QR() (template.HTML, error) { return qrSVG(d.Address, d.T("enrol.qr")) }

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
	return d.Printer.Rest("in.leaving", d.values(d.args())...)
}

func (d *Leaving) args() []any { return []any{"Day", Day(d.At)} }

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

func (d *NewPasskey) file() string { return "newpasskey" }

// Heading is the page's h1.
func (d *NewPasskey) Heading() string { return d.T("passkey.add.h1") }
func (d *NewPasskey) note() *Note     { return d.Note }
func (d *NewPasskey) foot() string    { return "foot.account" }

func (d *MyWays) file() string { return "myways" }

// Heading is the page's h1.
func (d *MyWays) Heading() string { return d.T("acc.ways") }
func (d *MyWays) note() *Note     { return d.Note }
func (d *MyWays) foot() string    { return "foot.account" }

// Named is the name of a way.
func (b *Base) Named(w MyWay) string { return b.T("mine." + string(w.Kind)) }

// When says since when a way is there, or what became of it.
func (d *MyWays) When(w MyWay) template.HTML {
	switch {
	case !w.Until.IsZero():
		return d.H("mine.dropped", "Day", Day(w.Until))
	case w.Sleep:
		return d.H("mine.asleep")
	case w.Since.IsZero():
		return d.H("mine.unproved")
	case !w.Alone.IsZero():
		return d.H("mine.young", "Day", Day(w.Alone))
	case w.Kind == sparekey.ByPassword:
		return d.H("mine.changed", "At", Moment(w.Since))
	case w.Kind == sparekey.ByMail || w.Kind == sparekey.ByText:
		return d.H("mine.proved", "At", Moment(w.Since))
	}
	return d.H("mine.added", "At", Moment(w.Since))
}

// Has reports whether the account has a way of a kind that is not dropped.
func (d *MyWays) Has(kind string) bool {
	for _, w := range d.Rows {
		if string(w.Kind) == kind && w.Until.IsZero() {
			return true
		}
	}
	return false
}

// Dropping says when the account stops asking for two proofs.
func (d *MyWays) Dropping() template.HTML { return d.H("two.dropping", "Day", Day(d.Drops)) }

// Keeps reports whether the way can be woken or taken back.
func (d *MyWays) Keeps(w MyWay) bool { return w.Sleep || !w.Until.IsZero() }

func (d *Check) file() string { return "check" }

// Heading is the page's h1.
func (d *Check) Heading() string { return d.T("acc.check") }
func (d *Check) note() *Note     { return d.Note }
func (d *Check) foot() string    { return "foot.account" }

// State is "ready", "step" or "risk": no loss, one loss or more would lock the
// person out.
func (d *Check) State() string { return stateOf(d.Losses) }

// Sign is the class of the sign and the colour of State.
func (d *Check) Sign() string { return signOf(d.Losses) }

func signOf(losses []Loss) string {
	if stateOf(losses) == "ready" {
		return "ok"
	}
	return "warn"
}

func stateOf(losses []Loss) string {
	bad := 0
	for _, l := range losses {
		if !l.Safe {
			bad++
		}
	}
	switch bad {
	case 0:
		return "ready"
	case 1:
		return "step"
	}
	return "risk"
}

// Left says how much is left after a loss; what it is follows.
func (d *Check) Left(l Loss) template.HTML {
	if len(l.Left) == 0 {
		return d.H("chk.none")
	}
	return d.H("chk.left", "Count", len(l.Left))
}

func (d *Activity) file() string { return "activity" }

// Heading is the page's h1.
func (d *Activity) Heading() string { return d.T("acc.activity") }
func (d *Activity) foot() string    { return "foot.account" }

// Said tells in a plain sentence what happened.
func (d *Activity) Said(r ActivityRow) template.HTML {
	id, args := d.sentence(r)
	return d.H(id, args...)
}

// Told is Said in plain text.
func (d *Activity) Told(r ActivityRow) string {
	id, args := d.sentence(r)
	return d.T(id, args...)
}

// sentence is the message that tells what happened, and its values.
func (d *Activity) sentence(r ActivityRow) (id string, args []any) {
	switch {
	case r.Failed > 0:
		return "did.failed", []any{"Count", r.Failed}
	case r.Kind == sparekey.SignedIn:
		kinds := make([]string, len(r.How))
		for i, w := range r.How {
			kinds[i] = string(w)
		}
		if how := d.Printer.Ways(kinds); how != "" {
			return "did.signin", []any{"How", how}
		}
		return "did.signin.bare", nil
	case r.About.Kind != "":
		return didID(r.Kind), []any{"Way", d.wayName(r.About)}
	}
	return didID(r.Kind), nil
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
	case sparekey.AppRefused:
		return "did.declined"
	case sparekey.SignedOutAll:
		return "did.outall"
	case sparekey.WayAdded:
		return "did.added"
	case sparekey.WayDropped:
		return "did.dropped"
	case sparekey.WayKept:
		return "did.kept"
	case sparekey.TwoTurnedOn:
		return "did.two.on"
	case sparekey.TwoTurnedOff:
		return "did.two.off"
	case sparekey.SavedUsed:
		return "did.saved"
	case sparekey.HalfSignedIn:
		return "did.half"
	case sparekey.Rehearsed:
		return "did.rehearsed"
	case sparekey.SecondDropping:
		return "did.second"
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
