package sparekey

import (
	"errors"
	"time"
)

// A Kind is what went wrong in the terms of a person: it decides the status of
// the answer, and nothing else does.
type Kind string

// The kinds of errors that a person may see. Everything else is internal.
const (
	KindShape    Kind = "shape"     // what was typed cannot be right (422)
	KindWrong    Kind = "wrong"     // it was checked and is not right (422)
	KindEarly    Kind = "early"     // asked too soon; nothing was lost (200)
	KindGone     Kind = "gone"      // the flow has ended (410)
	KindConflict Kind = "conflict"  // somebody was faster (409)
	KindNotFound Kind = "not-found" // nobody knows this here (404)
	KindRefused  Kind = "refused"   // not from there, or not with that (403)
	KindSlow     Kind = "slow"      // too many from here (429)
	KindBusy     Kind = "busy"      // too much at once (503)
)

// An Error is an answer that a person may see: its Code is the id of a
// translated sentence that names the next step.
type Error struct {
	Kind  Kind
	Code  string
	Field string        // the field of the form it is about, if it is about one
	Args  []any         // the sentence's arguments, name and value in turn
	After time.Duration // when to try again, for KindSlow, KindBusy and KindEarly
}

// Error gives the code, for logs.
func (e *Error) Error() string { return e.Code }

// Is reports whether target is an Error of the same code.
func (e *Error) Is(target error) bool {
	var other *Error
	return errors.As(target, &other) && other.Code == e.Code
}

// The refusals of the machine.
var (
	ErrNotFound   = &Error{Kind: KindNotFound, Code: "g.404"}
	ErrExpired    = &Error{Kind: KindGone, Code: "g.expired"}
	ErrOutOfStep  = &Error{Kind: KindConflict, Code: "g.step"}
	ErrTries      = &Error{Kind: KindGone, Code: "code.flowend"}
	ErrWrongCode  = &Error{Kind: KindWrong, Code: "code.wrong", Field: "code"}
	ErrOldCode    = &Error{Kind: KindWrong, Code: "code.old", Field: "code"}
	ErrUsed       = &Error{Kind: KindConflict, Code: "end.used"}
	ErrEarly      = &Error{Kind: KindEarly, Code: "code.early"}
	ErrSends      = &Error{Kind: KindEarly, Code: "code.many"}
	ErrStopped    = &Error{Kind: KindGone, Code: "flow.stopped"}
	ErrChanged    = &Error{Kind: KindGone, Code: "flow.changed"}
	ErrSignIn     = &Error{Kind: KindWrong, Code: "in.wrong"}
	ErrPaused     = &Error{Kind: KindRefused, Code: "in.paused"}
	ErrSame       = &Error{Kind: KindWrong, Code: "pw.same", Field: "password"}
	ErrReplay     = &Error{Kind: KindRefused, Code: "g.csrf"}
	ErrFull       = &Error{Kind: KindBusy, Code: "g.busy", After: time.Minute}
	ErrDown       = &Error{Kind: KindBusy, Code: "g.maint", After: 5 * time.Second} // the database does not answer
	ErrTaken      = &Error{Kind: KindConflict, Code: "reg.taken"}
	ErrLeaving    = &Error{Kind: KindRefused, Code: "in.leaving"}
	ErrLogin      = &Error{Kind: KindWrong, Code: "prof.taken", Field: "login"}
	ErrFirst      = &Error{Kind: KindEarly, Code: "way.first"}
	ErrLastWay    = &Error{Kind: KindWrong, Code: "way.last", Field: "way"}
	ErrTooMany    = &Error{Kind: KindWrong, Code: "way.many", Field: "way"}
	ErrNotYet     = &Error{Kind: KindEarly, Code: "app.notyet"} // nobody has approved it
	ErrDeclined   = &Error{Kind: KindWrong, Code: "app.declined", Field: "screen"}
	ErrScreenOld  = &Error{Kind: KindWrong, Code: "app.expired", Field: "screen"}
	ErrNoApp      = &Error{Kind: KindRefused, Code: "app.lost"}   // the phone is not paired, or not any more
	ErrAppSleeps  = &Error{Kind: KindRefused, Code: "app.asleep"} // it opens nothing until its owner wakes it
	ErrAppOld     = &Error{Kind: KindGone, Code: "app.old"}       // the request has ended
	ErrAppTaken   = &Error{Kind: KindConflict, Code: "app.taken"} // another phone has scanned that code
	ErrAppEnded   = &Error{Kind: KindConflict, Code: "app.ended"} // it was answered before, otherwise
	ErrAppSign    = &Error{Kind: KindWrong, Code: "app.sign"}     // what was signed is not what is asked
	ErrAppMany    = &Error{Kind: KindSlow, Code: "app.many", After: time.Hour}
	ErrAppForeign = &Error{Kind: KindConflict, Code: "app.foreign"}
	ErrProbes     = &Error{Kind: KindWrong, Code: "prof.probes", Field: "login"}
)
