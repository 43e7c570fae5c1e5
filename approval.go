package sparekey

import "time"

// An Approval is a row: a paired app was shown the code of a screen, and what has
// come of it. The app asks, the screen says who it is, and the person decides. So
// nothing that a stranger starts ever reaches a phone (A69).
type Approval struct {
	ID         string // known to the app that scanned, and to nobody else
	Seen       string // what was scanned or typed
	Credential string // the app's
	Account    string // whose app it is
	State      ApprovalState
	Scanned    time.Time
	ScanFrom   string // the app's address
	Expires    time.Time

	// What the screen has said of itself: the hash of its browser's secret, the
	// flow that it shows with the challenge and the purpose, and from where and on
	// what. A sign-in has no flow yet.
	Browser   string
	Flow      string
	Challenge string
	Purpose   Purpose
	From      string
	On        string
	Asked     time.Time
}

// An ApprovalState is how far an approval has come. Each follows from the one
// before it; the last four are ends.
type ApprovalState string

// The states of an approval.
const (
	AppScanned  ApprovalState = "scanned"  // no screen has said yet that it is its code
	AppAsked    ApprovalState = "asked"    // the app shows the question
	AppApproved ApprovalState = "approved" // the screen may go on
	AppUsed     ApprovalState = "used"     // and has
	AppDeclined ApprovalState = "declined"
	AppForeign  ApprovalState = "foreign" // the screen is about another account
	AppEnded    ApprovalState = "ended"   // by the screen, by another phone, or with the sessions of the account
)

// Open reports whether the approval still waits for something at now.
func (a *Approval) Open(now time.Time) bool { return now.Before(a.Expires) }

// A ScreenState is what a screen that waits to be approved shows.
type ScreenState string

// The states of a screen.
const (
	ScreenWaits    ScreenState = "waiting"
	ScreenScanned  ScreenState = "scanned"
	ScreenApproved ScreenState = "approved"
	ScreenDeclined ScreenState = "declined"
	ScreenExpired  ScreenState = "expired"
)

// Over reports whether nothing more will come of the screen by itself.
func (s ScreenState) Over() bool { return s != ScreenWaits && s != ScreenScanned }
