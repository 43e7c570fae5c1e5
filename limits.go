package sparekey

import "time"

// The numbers of the machine. Every limit that a person, an operator or an
// attacker can run into has its name here and nowhere else.
const (
	// MaxTries is how many answers one flow may have compared.
	MaxTries = 5
	// MaxSends is how many messages with a code one flow may ask for, the
	// first included.
	MaxSends = 5

	// ShortCode is the number of digits of a code that the ledger pays for,
	// LongCode of one that is beyond guessing (66 bits) and costs nothing.
	ShortCode = 8
	LongCode  = 20

	// FlowLife is how long a flow may take, and how long after its start a
	// challenge can be answered at all.
	FlowLife = 30 * time.Minute
	// CodeLife is how long a code works after the last message that carried
	// it was handed to the mail server.
	CodeLife = 10 * time.Minute
	// ProofLife is how old a proof may be when it is acted upon.
	ProofLife = 10 * time.Minute
	// FlowKept is how long a flow's row outlives the flow, so that its last
	// page can be shown again.
	FlowKept = 10 * time.Minute
	// RepeatLife is how long the exact repeat of an accepted form, sent by
	// the browser's former secret, is answered as it was the first time.
	RepeatLife = time.Minute

	// SessionIdle and SessionLife end a session that was not used, and one
	// that was: 30 days sliding, 90 days at most.
	SessionIdle = 30 * 24 * time.Hour
	SessionLife = 90 * 24 * time.Hour
	// SharedLife ends a session on a shared computer.
	SharedLife = 12 * time.Hour
	// MaxSessions is how many sessions an account may have; the oldest make
	// room.
	MaxSessions = 20
	// MaxBrowsers is how many known browsers an account may have, likewise.
	MaxBrowsers = 50
	// KnownLife is how long a browser stays known after a sign-in.
	KnownLife = 365 * 24 * time.Hour

	// YoungFor is how long a way that was added counts only beside an older one.
	YoungFor = 7 * 24 * time.Hour
	// TakeBack is how long a way that was dropped can be taken back.
	TakeBack = 7 * 24 * time.Hour
	// SavedLength is how many characters a saved code has (125 bits).
	SavedLength = 25
	// MaxWays is how many ways of one kind an account may have.
	MaxWays = 10
	// DropAfter is how long an operator's word that an account shall ask for one
	// proof only waits, so that its owner can stop it.
	DropAfter = 72 * time.Hour
	// HalfAfter is how long a sign-in may wait for its second proof before its
	// owner is told of it.
	HalfAfter = time.Minute

	// ScreenLife is how long the code of a screen can be scanned or typed. A script
	// has it renewed ScreenRenewals times, then the person asks for a new one.
	ScreenLife     = time.Minute
	ScreenRenewals = 5
	// ApproveLife is how long an approval waits for its next step: for the screen
	// to answer, for the person to decide, for the screen to go on.
	ApproveLife = 2 * time.Minute
	// ApprovalKept is how long an approval's row outlives it.
	ApprovalKept = 10 * time.Minute
	// MaxWatches is how many screens one client may have waiting on a stream at
	// once, and MaxWatchesHere how many a node has; the others ask now and then.
	// WatchLife is how long a stream lasts.
	MaxWatches     = 8
	MaxWatchesHere = 5000
	WatchLife      = 2 * time.Minute

	// MaxOpenFlows is how many open flows of strangers an installation holds.
	MaxOpenFlows = 200_000
	// EraseAfter is how long an account that its owner deletes can be taken
	// back by a recovery.
	EraseAfter = 14 * 24 * time.Hour
	// NameKept is how long a login name that was given up is not given to
	// anybody else.
	NameKept = 365 * 24 * time.Hour
	// ActivityKept is how far back the activity of an account is shown.
	ActivityKept = 90 * 24 * time.Hour
	// OpenLeast is how long the link works at least that leads past the caps on
	// mails; at most it works until they have room again.
	OpenLeast = 10 * time.Minute
	// SecureLife is how long the link of a notice works.
	SecureLife = 7 * 24 * time.Hour
	// MaxName is how many characters the name of a person may have.
	MaxName = 64

	// MergeSpan is the time within which notices of one kind to one address
	// are gathered into one.
	MergeSpan = time.Hour
	// NoticeLife is how long a notice is tried before it is given up.
	NoticeLife = 3 * 24 * time.Hour
	// DroppedTold is how long an identifier that was dropped is still told
	// what happens to the account.
	DroppedTold = 7 * 24 * time.Hour

	// MaxLogin, in bytes, is more than any identifier has; MaxBody what a
	// form or an API request may weigh.
	MaxLogin = 320
	MaxBody  = 32 << 10
)

const day = 24 * time.Hour

// SendWait is how long after its send-th message a flow must wait before it
// may ask for the next: 60 s, 60 s, 2 min, 5 min. It is 0 when there is no
// next one.
func SendWait(sends int) time.Duration {
	waits := [...]time.Duration{time.Minute, time.Minute, 2 * time.Minute, 5 * time.Minute}
	if sends < 1 || sends > len(waits) {
		return 0
	}
	return waits[sends-1]
}

// A Window is a sliding window of a budget: at most Max within Span.
type Window struct {
	Span time.Duration
	Max  int
}

// Windows are the windows of one budget. What is spent has to fit them all.
type Windows []Window

// Fits reports whether amount more fits every window, of which the nth already
// holds held[n].
func (w Windows) Fits(held []int, amount int) bool {
	if len(held) != len(w) || amount < 0 {
		return false
	}
	for n, window := range w {
		// Not held+amount > Max, which a large amount would overflow.
		if amount > window.Max || held[n] > window.Max-amount {
			return false
		}
	}
	return true
}

// CodeLedger is what the short codes of one subject may cost in comparisons,
// for strangers; known browsers and sessions together have the same again. It
// bounds guessing to 100 comparisons against 10^8 codes in any year, so 1e-6.
func CodeLedger() Windows {
	return Windows{{day, 15}, {30 * day, 30}, {365 * day, 100}}
}

// PasswordBudget is how many passwords of one account are compared for unknown
// browsers. It is never reset, and nobody is told when it is spent.
func PasswordBudget() Windows {
	return Windows{{day, 15}, {30 * day, 30}, {365 * day, 100}}
}

// KnownPasswordBudget is the same for one known browser; beyond it the browser
// is unknown.
func KnownPasswordBudget() Windows {
	return Windows{{day, 10}, {365 * day, 100}}
}

// TOTPBudget is how many authenticator codes of one account are compared, for
// strangers; known browsers and sessions together have the same again.
func TOTPBudget() Windows {
	return Windows{{day, 15}, {30 * day, 30}, {365 * day, 100}}
}

// ActPasswordBudget is how often the last page of one flow compares what was
// typed with the current password.
func ActPasswordBudget() Windows {
	return Windows{{day, MaxTries}}
}

// ScanBudget is how many codes of screens one app may scan or type. What is typed may be guessed: each hits a screen that waits with a chance
// of 1.2e-12.
func ScanBudget() Windows {
	return Windows{{time.Hour, 60}, {day, 300}}
}

// LoginProbes is how many login names one account may ask about.
func LoginProbes() Windows {
	return Windows{{day, 10}}
}

// MailCap is how many mails of the kinds a stranger can cause go to one
// address; known browsers and sessions have the same again. A finished recovery
// has it begin anew.
func MailCap() Windows {
	return Windows{{time.Hour, 5}, {day, 10}}
}

// UnprovedMailCap is how many mails go to never-proved addresses together.
func UnprovedMailCap() Windows {
	return Windows{{time.Hour, 1000}}
}

// TextOnce is how many text messages go to one number from browsers that nobody
// knows and in which nothing was proved.
func TextOnce() Windows {
	return Windows{{day, 1}}
}

// TextCap is how many text messages go to one number from flows in which
// something was proved, and from known browsers and sessions.
func TextCap() Windows {
	return Windows{{time.Hour, 3}, {day, 5}}
}

// TextPrefixCap is how many text messages go to the numbers of one block of ten
// thousand, for strangers; known browsers, sessions and flows with a proof have
// the same again.
func TextPrefixCap() Windows {
	return Windows{{time.Hour, 10}, {day, 30}}
}

// TextDayCap is how many text messages an installation sends, likewise.
func TextDayCap() Windows {
	return Windows{{day, 1000}}
}
