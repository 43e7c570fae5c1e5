package page

import (
	"html/template"
	"time"

	"sparekey"
	"sparekey/internal/lang"
)

// The pages that verify.

func (d *Code) file() string { return "code" }

// Heading is the page's h1.
func (d *Code) Heading() string {
	switch {
	case d.Purpose == sparekey.Register:
		return d.T("reg.code.h1")
	case d.Way == sparekey.ByNew:
		return d.T("code.new.h1")
	case settingPath(d.Purpose) != "":
		return d.T("code.you.h1")
	}
	return d.T("code.h1")
}
func (d *Code) note() *Note  { return d.Note }
func (d *Code) step() int    { return steps(d.Purpose, 2) }
func (d *Code) foot() string { return footOf(d.Purpose) }

// Lead says where the message went. It says only what was typed: whether
// there is such an account is nobody's business here.
func (d *Code) Lead() template.HTML {
	typed := lang.LTR(d.Typed)
	switch {
	case d.Way == sparekey.ByNew:
		return d.H("code.lead.new", "To", lang.LTR(d.To))
	case d.Way == sparekey.ByText && (d.TypedKind == "session" || d.Purpose == sparekey.SignIn):
		return d.H("code.lead.text.own")
	case d.Way == sparekey.ByText:
		return d.H("code.lead.text")
	case d.Purpose == sparekey.SignIn:
		return d.H("code.lead.second")
	case d.Purpose == sparekey.Register:
		return d.H("reg.sent", "Login", typed)
	case d.TypedKind == "session":
		return d.H("code.lead.session", "Login", typed)
	case d.TypedKind == "login":
		return d.H("code.lead.login")
	case d.TypedKind == sparekey.ByNotice:
		return d.H("code.lead.notice")
	}
	return d.H("code.lead.email", "Login", typed)
}

// Wait is how many seconds until "Get code" works again, rounded up; 0 when it
// works now.
func (d *Code) Wait() int {
	if d.NextAt.IsZero() || !d.NextAt.After(d.Now) {
		return 0
	}
	return int((d.NextAt.Sub(d.Now) + time.Second - 1) / time.Second)
}

// Many reports whether no more messages will leave for this flow.
func (d *Code) Many() bool { return d.NextAt.IsZero() }

// Next is when "Get code" works again.
func (d *Code) Next() ClockSeconds { return ClockSeconds(d.NextAt) }

// Start is the path where another address can be typed; empty when the
// address is the session's own.
func (d *Code) Start() string {
	switch {
	case d.Purpose == sparekey.Register:
		return "/register"
	case d.Purpose == sparekey.Recover && d.TypedKind != sparekey.ByNotice:
		return "/recover"
	}
	return ""
}

// Restart is where "start again" leads.
func (d *Code) Restart() string {
	switch {
	case d.TypedKind == sparekey.ByNotice:
		return "/recover"
	case d.Start() == "":
		return settingOf(d.Purpose)
	}
	return d.Onward(d.Start())
}

// WaysPath is the page of other ways.
func (d *Code) WaysPath() string { return "/flow/" + d.Flow + "/ways" }

// Long reports whether the code in the field needs smaller type.
func (d *Code) Long() bool { return len(d.Code) > 12 }

func (d *Verify) file() string { return "verify" }

// Heading is the page's h1.
func (d *Verify) Heading() string { return d.T(string(d.Way) + ".h1") }
func (d *Verify) note() *Note     { return d.Note }
func (d *Verify) step() int       { return steps(d.Purpose, 2) }
func (d *Verify) foot() string    { return footOf(d.Purpose) }

// Lead says what to type.
func (d *Verify) Lead() string { return d.T(string(d.Way) + ".lead") }

// Label is that of the field.
func (d *Verify) Label() string { return d.T(string(d.Way) + ".label") }

// Digits reports whether the answer has digits only.
func (d *Verify) Digits() bool { return d.Way == sparekey.ByTOTP }

func (d *Passkey) file() string { return "passkey" }

// Heading is the page's h1.
func (d *Passkey) Heading() string { return d.T("passkey.h1") }
func (d *Passkey) note() *Note     { return d.Note }
func (d *Passkey) step() int       { return steps(d.Purpose, 2) }
func (d *Passkey) foot() string    { return footOf(d.Purpose) }

func (d *Ways) file() string { return "ways" }

// Heading is the page's h1.
func (d *Ways) Heading() string {
	if d.Purpose == sparekey.SignIn {
		return d.T("in.second.h1")
	}
	return d.T("ways.h1")
}
func (d *Ways) note() *Note  { return d.Note }
func (d *Ways) step() int    { return steps(d.Purpose, 2) }
func (d *Ways) foot() string { return footOf(d.Purpose) }

// Lead says whose ways these are, and whether one is not enough.
func (d *Ways) Lead() string {
	switch {
	case d.More:
		return d.T("ways.more")
	case d.Known:
		return d.T("ways.known")
	}
	return d.T("ways.lead")
}

// Back reports whether there is a page to go back to.
func (d *Ways) Back() bool { return d.Open }

// Named is the name of a way.
func (d *Ways) Named(r WayRow) string { return d.T("ways." + string(r.Kind)) }

// Hint says what a way takes.
func (d *Ways) Hint(r WayRow) template.HTML {
	if r.Masked != "" {
		return d.H("ways.to", "To", lang.LTR(r.Masked))
	}
	return d.H("ways." + string(r.Kind) + ".hint")
}
