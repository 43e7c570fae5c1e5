package sparekey

import (
	"strings"
	"time"
)

// An Account is a person's place at this installation.
type Account struct {
	ID        string
	Name      string // as the person gave it; empty if never given
	Lang      string // the language its mails are written in; empty: the flow's
	Epochs    Epochs
	TwoProofs bool      // "Ask for two proofs"
	Disabled  time.Time // paused by the operator since; zero if not
	DeleteAt  time.Time // will be erased at; zero if not
	// DropSecond is when the account stops asking for two proofs because an
	// operator said so, unless its owner stops that; zero if not.
	DropSecond time.Time
	Created    time.Time
}

// Epochs are counters on the account. What was begun under other counters has
// ended.
type Epochs struct {
	Password int64 // raised when the password changes
	Ways     int64 // raised when a way or an identifier changes
}

// A Credential is what is kept so that a way can check an answer: the stored
// form of a password, a public key, a sealed seed, the keyed hash of a saved
// code. What it checks with stays in the database.
type Credential struct {
	ID      string
	Kind    WayKind
	Name    string // as its owner calls it
	Added   time.Time
	Changed time.Time // or last used, where each use changes it
	Dropped time.Time // zero while it is in use
	Asleep  time.Time // since when it opens nothing; zero if it is awake
}

// An Identifier is what one types to say who one is.
type Identifier struct {
	ID      string
	Account string
	Kind    string // "email", "login", "phone"
	Key     string // the normal form by which it is found
	Shown   string // the bytes that were proved: shown, and mailed to
	Added   time.Time
	Proved  time.Time // zero for an address that an operator added and nobody has proved yet
	Dropped time.Time // zero while it is in use
	Asleep  time.Time // since when it opens nothing; zero if it is awake
}

// A Held is one way that an account can verify by, with what makes it count: a
// credential, or an identifier that codes go to.
type Held struct {
	Way     WayKind
	Place   string // the credential's or the identifier's id
	Shown   string // the identifier, or the credential's name
	Added   time.Time
	Used    time.Time // last, of a credential; else zero
	Dropped time.Time
	Asleep  time.Time
	Young   bool
}

// Awake reports whether the way opens anything.
func (h Held) Awake() bool { return h.Dropped.IsZero() && h.Asleep.IsZero() }

// Young reports whether what was added at a time is young at now: it came
// within the last YoungFor, and not with the account itself.
func (a *Account) Young(added, now time.Time) bool {
	return added.After(a.Created) && now.Before(added.Add(YoungFor))
}

// Recoverable reports whether an account that holds these ways could be
// recovered by them, without those that are young, asleep or dropped.
func Recoverable(held []Held, d Demand) bool {
	var proofs []Proof
	for _, h := range held {
		if h.Awake() && !h.Young {
			proofs = append(proofs, Proof{Way: h.Way, Place: h.Place})
		}
	}
	return Recover.Enough(proofs, d)
}

// An OwnWay is one of an account's own ways, as a page may offer it where the
// browser is known to the account.
type OwnWay struct {
	Way    WayKind
	Place  string // the identifier of a code
	Masked string // of the identifier, most of it hidden
}

// JoinOwn writes ways as one text for a column, a line each; SplitOwn reads it
// back.
func JoinOwn(ways []OwnWay) string {
	lines := make([]string, len(ways))
	for i, w := range ways {
		lines[i] = string(w.Way) + "\t" + w.Place + "\t" + w.Masked
	}
	return strings.Join(lines, "\n")
}

// SplitOwn reads what JoinOwn wrote.
func SplitOwn(text string) []OwnWay {
	var ways []OwnWay
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 3)
		if len(parts) == 3 {
			ways = append(ways, OwnWay{Way: WayKind(parts[0]), Place: parts[1], Masked: parts[2]})
		}
	}
	return ways
}
