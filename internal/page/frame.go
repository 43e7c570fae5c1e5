package page

import (
	"html/template"
	"net/url"
	"time"

	"sparekey"
	"sparekey/internal/lang"
)

// What the frame around every page asks of it.

// SiteName is the name of the installation.
func (b *Base) SiteName() string { return b.pages.opts.SiteName }

// SiteURL is where the name leads.
func (b *Base) SiteURL() string { return b.pages.opts.SiteURL }

// Mark is the owner's drawing before the name; empty is ours.
func (b *Base) Mark() template.HTML {
	if b.pages.opts.Theme == nil {
		return ""
	}
	return b.pages.opts.Theme.mark
}

// Host is the domain shown at the foot of every page.
func (b *Base) Host() lang.LTR { return lang.LTR(b.pages.opts.Host) }

// MailFrom is the address that messages come from.
func (b *Base) MailFrom() lang.LTR { return lang.LTR(b.pages.opts.MailFrom) }

// HelpURL is linked at the foot unless it is empty.
func (b *Base) HelpURL() string { return b.pages.opts.HelpURL }

// PrivacyURL is linked at the foot unless it is empty.
func (b *Base) PrivacyURL() string { return b.pages.opts.PrivacyURL }

// ScriptURL is the path of the page's one script.
func (b *Base) ScriptURL() string {
	switch b.page.(type) {
	case *App, *Pair:
		return b.pages.appPath
	case *SignIn, *Scan:
		return b.pages.screenPath
	}
	return b.pages.scriptPath
}

// Installs reports whether the page can be put on the screen of a phone.
func (b *Base) Installs() bool {
	_, app := b.page.(*App)
	return app
}

// Demo reports whether the page says that this is a demo.
func (b *Base) Demo() bool { return b.pages.opts.Demo }

// zone is the zone of all times.
func (b *Base) zone() *time.Location { return b.pages.opts.Zone }

// Mailbox is the link of the demo's line.
func (b *Base) Mailbox() lang.Link { return lang.Link{Href: b.pages.opts.MailboxURL, NewTab: true} }

// T says a message in the page's language. Times among the values are shown in
// the installation's zone.
func (b *Base) T(id string, args ...any) string { return b.Printer.T(id, b.values(args)...) }

// H says a message as HTML.
func (b *Base) H(id string, args ...any) template.HTML {
	return b.Printer.HTML(id, b.values(args)...)
}

// LTR marks a value that runs left to right in every language.
func (b *Base) LTR(s string) lang.LTR { return lang.LTR(s) }

// Link makes a value that a message's [words](name) lead to.
func (b *Base) Link(path string) lang.Link { return lang.Link{Href: path} }

// Onward returns a path of ours with return_to kept. Nothing a person typed
// about who they are ever stands in an address.
func (b *Base) Onward(path string) string {
	if b.ReturnTo == "" {
		return path
	}
	return path + "?return_to=" + url.QueryEscape(b.ReturnTo)
}

// LanguageURL leads to the page of languages and back.
func (b *Base) LanguageURL() string {
	if b.Self == "" {
		return "/language"
	}
	return "/language?to=" + url.QueryEscape(b.Self)
}

// Autonym is what the page's language calls itself.
func (b *Base) Autonym() string { return b.Printer.T("lang.name") }

// Title is the heading with the step and the site's name. An error is said
// first, so that it is heard first.
func (b *Base) Title() string {
	title := b.page.Heading()
	if b.Failed() {
		title = b.T("title.error", "Title", title)
	}
	if s := b.page.step(); s >= 1 && s <= 3 {
		title = b.T("title.step", "Title", title, "Step", s)
	}
	return title + " – " + b.SiteName()
}

// Cuts is how many cuts of the key are made: 0 to 3; -1 without steps.
func (b *Base) Cuts() int {
	switch s := b.page.step(); s {
	case 0:
		return -1
	case 4:
		return 3
	default:
		return s
	}
}

// Cut reports whether the n-th cut of the key is made.
func (b *Base) Cut(n int) bool { return b.Cuts() >= n }

// StepText says in words what the key shows.
func (b *Base) StepText() string {
	if s := b.page.step(); s <= 3 {
		return b.T("step.of", "Step", s)
	}
	return b.T("step.done")
}

// Foot says whose page this is: the line to look at before typing anything.
func (b *Base) Foot() template.HTML {
	id := b.page.foot()
	if id == "foot.account" {
		if b.SignedInAs != "" {
			return b.H(id, "Email", lang.LTR(b.SignedInAs))
		}
		id = "foot.signin"
	}
	return b.H(id, "Host", b.Host())
}

// Body is the class of the body: My account has a menu, and on a phone its
// first page shows the menu as rows.
func (b *Base) Body() string {
	switch b.page.(type) {
	case *Overview:
		return "app home"
	case *Password, *Devices, *Profile, *MyWays, *Check, *Activity, *Data:
		return "app"
	}
	return ""
}

// Here reports whether the page is the menu's entry of that path.
func (b *Base) Here(path string) bool {
	switch b.page.(type) {
	case *Overview:
		return path == "/account"
	case *Password:
		return path == "/account/password"
	case *Devices:
		return path == "/account/devices"
	case *Profile:
		return path == "/account/profile"
	case *MyWays:
		return path == "/account/ways"
	case *Check:
		return path == "/account/check"
	case *Activity:
		return path == "/account/activity"
	case *Data:
		return path == "/account/data"
	}
	return false
}

// Alone reports whether the page has a single field, which then takes the
// focus, unless something went wrong: that is read first.
func (b *Base) Alone() bool {
	switch b.page.(type) {
	case *Recover, *Verify:
		return !b.Failed()
	}
	return false
}

// Offers reports whether the browser may offer a passkey in the login field.
func (b *Base) Offers() bool {
	in, ok := b.page.(*SignIn)
	return ok && in.Passkeys
}

// At returns a moment as people read it, for <time>.
func (b *Base) At(t time.Time) lang.Time { return b.time(t, b.Printer.DateTime) }

// Defaults, which pages with more to say replace.

func (b *Base) base() *Base  { return b }
func (b *Base) note() *Note  { return nil }
func (b *Base) step() int    { return 0 }
func (b *Base) foot() string { return "foot.signin" }

// steps is the step of a page for the purposes that show the key.
func steps(p sparekey.Purpose, step int) int {
	if p == sparekey.Recover || p == sparekey.ChangePassword {
		return step
	}
	return 0
}

// footOf is the line at the foot for a purpose.
func footOf(p sparekey.Purpose) string {
	switch p {
	case sparekey.Recover:
		return "foot.recover"
	case sparekey.ChangePassword, sparekey.ChooseLogin, sparekey.ExportData, sparekey.DeleteAccount, sparekey.Rehearse:
		return "foot.account"
	case sparekey.Register:
		return "foot.register"
	}
	if ownPath(p) {
		return "foot.account"
	}
	return "foot.signin"
}
