package page

import (
	"time"

	"sparekey"
	"sparekey/internal/lang"
)

// A Page is what Render draws: a pointer to one of the structs of this file.
// A page is drawn once, by one goroutine.
type Page interface {
	// Heading is the page's only h1, in the page's language.
	Heading() string
	base() *Base
	file() string // its template
	note() *Note  // the note above the form, or nil
	step() int    // 1 to 3, 4 when all is done, 0 without steps
	foot() string // the id of the line at the foot
}

// Base is what every page has.
type Base struct {
	Printer    *lang.Printer
	Nonce      string    // of the styles and the script; 128 bits, new for each answer
	Key        string    // new for each drawing: makes the exact repeat of a form cost nothing
	Now        time.Time // of the request: waits are counted from it
	Self       string    // path of this page by GET; the language page leads back to it
	SignedInAs string    // the session's email, or empty
	ReturnTo   string    // where a person goes on to, already checked; or empty

	// Of the pages of a flow, for programs: where it stands, and when it ends by
	// itself.
	Step    sparekey.Step
	Expires time.Time

	page  Page
	pages *Pages
}

// A Note says above the form what happened and what to do. Which notes there
// are, and the arguments of each, stands in notes.go.
type Note struct {
	ID   string
	Args []any // name, value, …; see Clock for times
	// Field is the name of the input that is to blame, or empty.
	Field string
	// Good says that all went well, Calm that it is neither good nor bad. With
	// neither it is an error.
	Good, Calm bool
	Action     *NoteAction
}

// A NoteAction is a small form in a note: one button.
type NoteAction struct {
	Label  string // message id
	Path   string // it posts to
	Fields []Field
}

// A Field is a hidden field of a form.
type Field struct{ Name, Value string }

// SignIn is /signin. It posts login, password, shared, key, return_to.
type SignIn struct {
	Base
	Login string
	// Failures counts the failures in this browser. One or two show in.wrong;
	// from three on the way by mail is the main button.
	Failures int
	Note     *Note // instead of what Failures would show
	Passkeys bool  // one can sign in with a passkey
	Screen   Screen
	Shared   bool // the box "This is a shared computer" is ticked
}

// Register is /register. It posts login (an email), password, key, return_to.
type Register struct {
	Base
	Login string
	Min   int // characters of a password; 0 means 8
	Note  *Note
}

// Already is /register for somebody who is signed in, or says so right after the
// app has signed somebody in. It posts key to /signout.
type Already struct {
	Base
	Name string // who is signed in
	Just bool   // since a moment ago
}

// Scan shows a code for the app to scan, at /signin/qr or for a challenge of a
// flow. It posts screen, challenge, key to /flow/{id}/answer, or screen, key,
// return_to to /signin.
type Scan struct {
	Base
	Flow, Challenge string
	Purpose         sparekey.Purpose
	Screen          Screen
	Shared          bool
	Note            *Note
}

// Pair makes a phone one that can approve. It posts app, signature, name, key to
// /flow/{id}/act, and does nothing without a script.
type Pair struct {
	Base
	Flow string
	Sign string // what the phone signs
	Note *Note
}

// App is /app, the companion app, and /q/{id}, where a camera leads.
type App struct {
	Base
	Seen  string // of the code that a camera has read; else empty
	Email string // who is signed in; empty if nobody is
	Note  *Note
}

// Recover is /recover, "who are you". It posts login, key, return_to.
type Recover struct {
	Base
	Login string
	Note  *Note
}

// Code asks for the code from the message. It posts code, challenge, key to
// /flow/{id}/answer, and challenge, key to /flow/{id}/again.
type Code struct {
	Base
	Flow, Challenge string
	Purpose         sparekey.Purpose
	// Way is how the code goes: mail, text, or new for the code to what is being
	// added, which is To then. Empty is mail.
	Way sparekey.WayKind
	To  string
	// Typed is what was typed to begin with, or the session's own email.
	Typed string
	// TypedKind is "email", "login" or "session"; registration needs none.
	TypedKind string
	Note      *Note
	Code      string    // kept in the field after an answer that was not it
	AskedAt   time.Time // when the flow began
	NextAt    time.Time // when "Get code" works again; zero when it will not
	Sends     int       // how often it will still work
	Ways      bool      // there is a page of other ways
}

// Verify asks for an answer that is sent by nobody: a saved code, or the code of
// an authenticator app. It posts code, challenge, key to /flow/{id}/answer.
type Verify struct {
	Base
	Flow, Challenge string
	Purpose         sparekey.Purpose
	Way             sparekey.WayKind // saved or totp
	Note            *Note
	Code            string // kept in the field after an answer that was not it
}

// Passkey asks for a passkey. It posts passkey, challenge, key to
// /flow/{id}/answer, and does nothing without a script.
type Passkey struct {
	Base
	Flow, Challenge string
	Purpose         sparekey.Purpose
	Question        string // what the browser is asked, in JSON
	Note            *Note
}

// NewPasskey adds a passkey. It posts passkey, name, key to /flow/{id}/act, and
// does nothing without a script.
type NewPasskey struct {
	Base
	Flow     string
	Question string // what the browser is asked, in JSON
	Note     *Note
}

// Ways is the list of ways to verify. It posts way, key to /flow/{id}/ways.
type Ways struct {
	Base
	Flow    string
	Purpose sparekey.Purpose
	Rows    []WayRow
	Known   bool // the rows are this account's own
	More    bool // something was proved already, and is not enough
	Open    bool // a challenge is open: there is a page to go back to
	Note    *Note
}

// A WayRow is one way. Place tells an account's own of one kind apart, and
// Masked is what is shown of it.
type WayRow struct {
	Kind          sparekey.WayKind
	Place, Masked string
}

// NewPassword asks for the new password, twice. It posts password,
// password_again, key to /flow/{id}/act.
type NewPassword struct {
	Base
	Flow     string
	Purpose  sparekey.Purpose
	Username string // for password managers only
	Min      int    // characters; 0 means 8
	Note     *Note
	// Same says that the current password was given: the page offers to sign
	// in with it (same=1 to /flow/{id}/act), or to go back to My account.
	Same bool
}

// Confirm is the last page of a flow about a setting: what will happen, and
// one button. It posts key to /flow/{id}/act.
type Confirm struct {
	Base
	Flow    string
	Purpose sparekey.Purpose
	Login   string    // the login name that was chosen
	At      time.Time // when the account will be erased
	On      bool      // of "Ask for two proofs": it is turned on
	Way     MyWay     // that is added, dropped or kept
	Note    *Note
}

// Enrol adds an authenticator app: a QR code, the key to type instead, and a
// code to show that it works. It posts code, key to /flow/{id}/act.
type Enrol struct {
	Base
	Flow    string
	Seed    string // in base 32
	Address string // what the QR code holds
	Two     bool   // the account asks for two proofs already
	Note    *Note
}

// Done says that all went well, or on the way shows a saved code.
type Done struct {
	Base
	Purpose  sparekey.Purpose
	Midway   bool // the flow goes on
	Flow     string
	At       time.Time // when the account will be erased
	Login    string    // carried to the sign-in form
	Others   int       // sessions that ended, besides this one
	SignedIn bool      // there is a session: it leads to My account
	Same     bool      // nothing was changed: the current password was given
	Two      bool      // the account asks for two proofs from now on
	// Easier is the way that the account lacks and that would help most next time;
	// empty for none. It posts do=add, way, key to /account/ways.
	Easier sparekey.WayKind
	Next   string // where it leads on by itself, for programs: a browser is led there
	// Fresh is a saved code that was made just now, in groups. It posts kept, key
	// to /flow/{id}/saved.
	Fresh string
	Note  *Note
}

// Ended is the page of a flow that cannot go on. Kind is "expired",
// "exhausted", "used", "stopped", "changed" or "declined"; "used", "stopped" and
// "changed" are told only after a proof.
type Ended struct {
	Base
	Kind    string
	Purpose sparekey.Purpose
	Login   string // carried to the new start, or empty
	Flow    string // where "Go on" of a used code leads, or empty
}

// Stop is /stop/{token}, "This wasn't me". It posts key to Self. State is
// "ask", "stopped", "over" (the request has ended) or "none" (no such request).
type Stop struct {
	Base
	State   string
	Masked  string // the address, most of it hidden
	At      time.Time
	Browser string // from a closed list, or empty
}

// Paused tells the owner of a disabled account, who gave the right password.
type Paused struct {
	Base
	Since time.Time
}

// Leaving tells the owner of an account that waits for its erasure, who gave
// the right password, how to keep it.
type Leaving struct {
	Base
	Login string // carried into the recovery that keeps it
	At    time.Time
}

// Link is the page behind a link in a mail whose button begins a recovery:
// /secure/{token} of a notice, or /open/{token}, which stands in for a code. It
// posts key to Self.
type Link struct {
	Base
	Use  string // "secure" or "open"
	Gone bool   // the link does not work, or not any more
}

// Overview is /account.
type Overview struct {
	Base
	Name, Email, Login string    // empty ones are left out
	Since              time.Time // the account exists since
	LastSignIn         time.Time // the one before this session; zero when there is none
	LastBrowser        string
	LastAddress        string
	Losses             []Loss // what the recovery check says; empty leaves it out
	Note               *Note
}

// Password is /account/password. It posts key there.
type Password struct {
	Base
	Email string
	Note  *Note
}

// Profile is /account/profile. It posts name, lang, key there, and login, key
// to choose a login name.
type Profile struct {
	Base
	Name, Lang string
	Login      string // as the account has it; empty if it has none
	Typed      string // the login name that was typed just now
	Note       *Note
}

// MyWays is /account/ways: what the account's owner can verify with. It posts
// do, way, id, email, phone, key there.
type MyWays struct {
	Base
	Rows  []MyWay
	Two   bool      // "Ask for two proofs" is on
	Drops time.Time // when it ends because an operator said so; zero if it does not
	Texts bool      // text messages can be sent
	// Passkeys are the ones that are still good, in JSON for the devices that keep
	// them; empty where there are none at all.
	Passkeys string
	Typed    string
	Note     *Note
}

// A MyWay is one way that the account has. Value is empty for a way that has
// nothing to show; Since is when it was proved or added, or last changed.
type MyWay struct {
	ID    string
	Kind  sparekey.WayKind
	Value string
	Since time.Time
	Alone time.Time // from when it counts alone, while it is young; else zero
	Until time.Time // until when it can be taken back, once dropped; else zero
	Sleep bool      // it opens nothing until it is woken
	Fixed bool      // there is nothing to do about it here
}

// Check is /account/check, the recovery check: what is left after each loss. It
// posts key there, for a rehearsal.
type Check struct {
	Base
	Losses []Loss
	Note   *Note
}

// A Loss is a question: what is left if that is lost. ID is "password", "phone"
// or "email".
type Loss struct {
	ID   string
	Left []MyWay // ways that still count
	Safe bool    // they are enough
	Add  sparekey.WayKind
}

// Activity is /account/activity.
type Activity struct {
	Base
	Rows []ActivityRow
}

// An ActivityRow is one thing that happened. Failed is how often a password was
// tried in vain; then Kind is empty.
type ActivityRow struct {
	At               time.Time
	Kind             sparekey.EventKind
	How              []sparekey.WayKind
	About            MyWay // the way it is about, if it is about one
	Failed           int
	Browser, Address string
}

// Data is /account/data. It posts what=export or what=delete, and key.
type Data struct {
	Base
	At   time.Time // when the account would be erased if it were deleted now
	Note *Note
}

// Devices is /account/devices. It posts session=ID or others=1, and key.
type Devices struct {
	Base
	Rows   []DeviceRow
	Phones []PhoneRow
	Note   *Note
}

// A PhoneRow is a phone with the app. To be removed it posts do=drop, id, key to
// /account/ways.
type PhoneRow struct {
	ID, Name    string
	Added, Used time.Time
	Sleep       bool // it opens nothing until it is woken
}

// A DeviceRow is one session.
type DeviceRow struct {
	ID, Browser, Address string
	First, Last          time.Time
	Current, Shared      bool
}

// Language is /language. It posts lang, to, key.
type Language struct {
	Base
	To    string          // the path to go back to
	Langs []lang.Language // empty means all of the catalogue
}

// Problem is a page that says what is wrong and what to do next. ID is one of
// the messages in problems of notes.go.
type Problem struct {
	Base
	Status  int
	ID      string
	RetryAt time.Time     // when it may be tried again; zero if at once
	Retry   time.Duration // how long that is
	Number  string        // to give to those who run the site; g.oops only
	Again   string        // path of "start again" and "try again"; empty means the page's own
	Args    []any         // more values for the message
	Field   string        // the field it is about, for programs: a page says so above its form
}
