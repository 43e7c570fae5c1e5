package page

import (
	"html/template"

	"sparekey"
	"sparekey/internal/lang"
)

// The companion app, and the screens that it approves.

// A Screen is what a page shows for a phone to scan.
type Screen struct {
	Nonce   string // by which its own browser knows it again
	Address string // in the QR code
	Short   string // to be typed instead, in groups
	Until   Clock  // it can be scanned until then
	Watch   string // where its state is asked for
	Page    string // where another one is
	Renew   string // where a script asks for one
}

// QR is the code to scan.
func (s Screen) QR(label string) (template.HTML, error) { return qrSVG(s.Address, label) }

// Path is the same as the path of a drawing, and how wide and high that is.
func (s Screen) Path() (d string, size int, err error) { return qrPath(s.Address) }

// Times is how often a script shows another one by itself.
func (s Screen) Times() int { return sparekey.ScreenRenewals }

// Life is how long one can be scanned, in seconds.
func (s Screen) Life() int { return int(sparekey.ScreenLife.Seconds()) }

func (d *Scan) file() string { return "scan" }

// Heading is the page's h1.
func (d *Scan) Heading() string {
	if d.Flow == "" {
		return d.T("scr.h1")
	}
	return d.T("scr.approve.h1")
}
func (d *Scan) note() *Note { return d.Note }
func (d *Scan) foot() string {
	if d.Flow == "" {
		return "foot.signin"
	}
	return footOf(d.Purpose)
}

func (d *Scan) step() int {
	if d.Flow == "" {
		return 0
	}
	return steps(d.Purpose, 2)
}

// Post is where the button goes.
func (d *Scan) Post() string {
	if d.Flow == "" {
		return "/signin"
	}
	return "/flow/" + d.Flow + "/answer"
}

// Boxed reports whether the page has the box "This is a shared computer", and Copies
// whether it has that of another form of the page.
func (d *Scan) Boxed() bool   { return d.Flow == "" }
func (d *Scan) Copies() bool  { return false }
func (d *SignIn) Boxed() bool { return false }

// Copies: see Scan.Boxed.
func (d *SignIn) Copies() bool { return true }

// Post is where the button of the pane goes.
func (d *SignIn) Post() string { return "/signin" }

// Challenge is none: no flow has begun.
func (d *SignIn) Challenge() string { return "" }

func (d *Pair) file() string { return "pair" }

// Heading is the page's h1.
func (d *Pair) Heading() string { return d.T("app.pair.h1") }
func (d *Pair) note() *Note     { return d.Note }
func (d *Pair) foot() string    { return "foot.account" }

func (d *App) file() string { return "app" }

// Heading is the page's h1. A script has another for each view.
func (d *App) Heading() string { return d.T("app.h1", "Site", d.SiteName()) }
func (d *App) note() *Note     { return d.Note }

func (d *App) foot() string { return "foot.on" }

// Address is where the app is, to be opened on a phone.
func (d *App) Address() lang.LTR { return lang.LTR(d.pages.opts.PublicURL + "/app") }

// QR is the same to be scanned.
func (d *App) QR() (template.HTML, error) { return qrSVG(string(d.Address()), d.T("app.qr")) }

// Origin is where the pages are: what is signed says so.
func (b *Base) Origin() string { return b.pages.opts.PublicURL }

// ScannerURL is the path of the script that reads QR codes where the browser
// cannot; empty if the program was built without it.
func (b *Base) ScannerURL() string { return b.pages.scanner }
