package page

import (
	"html/template"
	"time"

	"sparekey/internal/lang"
)

// The notes, and the values each takes:
//
//	g.required                     the field is empty
//	g.slow           At, In        Clock, time.Duration
//	in.out                         good
//	in.expired                     calm
//	in.wrong, in.wrong3            shown by SignIn.Failures
//	rec.shape, reg.mail            field login
//	pw.short         Min, Count    both int: asked for, given
//	pw.long          Max           int
//	pw.common, pw.self, pw.simple, pw.shape, pw.diff, pw.two, pw.same
//	code.empty, code.len, code.letters
//	code.wrong       Count         int: tries left, two or more
//	code.last                      one try left
//	code.early       In, At        time.Duration, ClockSeconds
//	code.sent        At            Clock; good
//	code.old                       with the action of CodeAgain
//	dev.out                        good
//	dev.out.others   Count         int; good
//	dev.gone                       calm: it was signed out already
//	prof.ok                        good
//	prof.shape, prof.taken, prof.probes   field login
//	prof.long        Max           int; field name
//	prof.chars                     field name
//
// A time as a value is a Clock, ClockSeconds or Day and is shown in the
// installation's zone; a time.Duration is shown as in "in 4 minutes".
type (
	// Clock is a moment shown as "14:31".
	Clock time.Time
	// ClockSeconds is a moment shown as "14:32:10".
	ClockSeconds time.Time
	// Day is a moment shown as "3 May".
	Day time.Time
	// Moment is one shown in full, as "3 May 2026, 14:31 (WEST)".
	Moment time.Time
)

// CodeAgain is the button of code.old: it posts to the flow's "Get code".
func CodeAgain(flow, challenge string) *NoteAction {
	return &NoteAction{
		Label:  "code.get",
		Path:   "/flow/" + flow + "/again",
		Fields: []Field{{"challenge", challenge}},
	}
}

// mailCode is the button of a failed sign-in: one press from here to the code
// page, with the login that was typed.
func mailCode(login string) *NoteAction {
	if login == "" {
		return nil
	}
	return &NoteAction{Label: "in.mail", Path: "/recover", Fields: []Field{{"login", login}}}
}

// values turns times and waits into words of the page's language and zone.
func (b *Base) values(args []any) []any {
	if len(args) == 0 {
		return nil
	}
	out := make([]any, len(args))
	for i, a := range args {
		switch x := a.(type) {
		case time.Time:
			out[i] = b.time(x, b.Printer.Clock)
		case Clock:
			out[i] = b.time(time.Time(x), b.Printer.Clock)
		case ClockSeconds:
			out[i] = b.time(time.Time(x), b.Printer.ClockSeconds)
		case Day:
			out[i] = b.time(time.Time(x), b.Printer.DayMonth)
		case Moment:
			out[i] = b.time(time.Time(x), b.Printer.DateTime)
		case time.Duration:
			out[i] = b.Printer.In(x)
		default:
			out[i] = a
		}
	}
	return out
}

// time writes a moment for people and for machines.
func (b *Base) time(t time.Time, say func(time.Time, *time.Location) string) lang.Time {
	return lang.Time{Text: say(t, b.zone()), At: t.UTC().Format(time.RFC3339)}
}

// A noteView is a note as the templates draw it.
type noteView struct {
	Class  string // of colour
	Role   string
	Focus  bool // it takes the focus: what went wrong is read first
	HTML   template.HTML
	Action *NoteAction
	Inside bool // the button stands in the note, not below as the main one
}

// NoteView returns the page's note, or nil.
func (b *Base) NoteView() *noteView {
	n := b.page.note()
	if n == nil {
		return nil
	}
	v := &noteView{Class: "err", Role: "alert", Focus: true, Action: n.Action}
	switch {
	case n.Good:
		v.Class, v.Role, v.Focus = "ok", "status", false
	case n.Calm:
		// A calm note about a field answers a form all the same: it is read first.
		v.Class, v.Focus = "calm", n.Field != ""
		if !v.Focus {
			v.Role = "status"
		}
	case n.ID == "in.wrong3":
		v.Class = "calm" // the third failure calms down: "and that's fine"
	}
	v.Inside = n.Action != nil && n.ID != "in.wrong3"
	v.HTML = b.Printer.HTML(n.ID, b.values(n.Args)...)
	return v
}

// Failed reports whether the page says that something went wrong.
func (b *Base) Failed() bool {
	n := b.page.note()
	return n != nil && !n.Good && !n.Calm
}

// Blamed returns what is said at the input of that name: the first words of
// the note if it is the one to blame, else nothing.
func (b *Base) Blamed(field string) string {
	n := b.page.note()
	if n == nil || n.Field != field || n.Good || n.Calm {
		return ""
	}
	return b.Printer.Head(n.ID, b.values(n.Args)...)
}
