package sparekey

import "time"

// A MessageKind says what a message of the outbox is about.
type MessageKind string

// The kinds of messages. A code message is written unresolved: who it is for
// is found out by the worker.
const (
	CodeMessage            MessageKind = "code"
	PasswordChangedMessage MessageKind = "password-changed"
	NewSignInMessage       MessageKind = "new-sign-in"
	RecoverMessage         MessageKind = "recover"
	LoginChosenMessage     MessageKind = "login-chosen"
	DeletionMessage        MessageKind = "deletion"
	DeletionUndoneMessage  MessageKind = "deletion-undone"
	PausedMessage          MessageKind = "paused"
	UnpausedMessage        MessageKind = "unpaused"
	SignedOutMessage       MessageKind = "signed-out"
	WayAddedMessage        MessageKind = "way-added"
	WayDroppedMessage      MessageKind = "way-dropped"
	WayKeptMessage         MessageKind = "way-kept"
	TwoProofsMessage       MessageKind = "two-proofs"
	SavedUsedMessage       MessageKind = "saved-used"
	HalfSignInMessage      MessageKind = "half-sign-in"
	DropSecondMessage      MessageKind = "drop-second"
)

// A Message is a row of the outbox. It is written in the transaction that
// causes it.
type Message struct {
	ID         string
	Kind       MessageKind
	Flow       string
	Challenge  string
	Account    string
	Identifier string
	Event      string // the journal's row that a notice tells of
	RunAt      time.Time
	Attempt    int
	DropAfter  time.Time // a message that could not be sent by then is given up
	Merged     bool      // waits for the end of the hour to carry what came meanwhile
	Written    time.Time // when it was first due; read only
}

// ByOperator stands in the place of a browser where an operator's command was
// the cause.
const ByOperator = "operator"

// Facts are what a message says about the event behind it.
type Facts struct {
	At   time.Time
	From string // the client's address
	On   string // the browser and system, from a closed list
}

// An Event is a row of the journal: what happened, to whom, from where.
type Event struct {
	ID      string
	Account string
	Kind    EventKind
	How     []WayKind // the proofs behind it
	Others  int       // other sessions that ended with it
	About   string    // the way that was added, dropped or kept, and its masked value if it has one
	Facts   Facts
}

// An EventKind says what happened.
type EventKind string

// The events of the journal.
const (
	AccountCreated  EventKind = "account-created"
	SignedIn        EventKind = "signed-in"
	PasswordSet     EventKind = "password-set"
	RequestStopped  EventKind = "request-stopped"
	SessionEnded    EventKind = "session-ended"
	RecoverySent    EventKind = "recovery-sent"
	MessageGivenUp  EventKind = "message-given-up"
	LoginChosen     EventKind = "login-chosen"
	DataExported    EventKind = "data-exported"
	DeletionPlanned EventKind = "deletion-planned"
	DeletionUndone  EventKind = "deletion-undone"
	AccountPaused   EventKind = "account-paused"
	AccountUnpaused EventKind = "account-unpaused"
	SignedOutAll    EventKind = "signed-out-all"
	WayAdded        EventKind = "way-added"
	WayDropped      EventKind = "way-dropped"
	WayKept         EventKind = "way-kept"
	TwoTurnedOn     EventKind = "two-on"
	TwoTurnedOff    EventKind = "two-off"
	SavedUsed       EventKind = "saved-used"
	HalfSignedIn    EventKind = "half-signed-in"
	Rehearsed       EventKind = "rehearsed"
	SecondDropping  EventKind = "second-dropping"
	AppRefused      EventKind = "app-declined" // a request was declined in the app
)

// A Lane is one of the budgets that the same thing has: what strangers spend
// never touches what known browsers have.
type Lane string

// The lanes of codes and mails.
const (
	StrangerLane Lane = "stranger"
	KnownLane    Lane = "known"
	// UnprovedLane is for mails to addresses that nobody has proved.
	UnprovedLane Lane = "unproved"
)
