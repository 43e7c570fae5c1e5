package sparekey

import "time"

// An Account is a person's place at this installation.
type Account struct {
	ID        string
	Name      string // as the person gave it; empty if never given
	Lang      string // the language its mails are written in; empty: the flow's
	Epochs    Epochs
	TwoProofs bool      // "Ask for two proofs"
	Disabled  time.Time // paused by the operator since; zero if not
	DeleteAt  time.Time // will be erased at; zero if not
	Created   time.Time
}

// Epochs are counters on the account. What was begun under other counters has
// ended.
type Epochs struct {
	Password int64 // raised when the password changes
	Ways     int64 // raised when a way or an identifier changes
}

// A Credential is what is kept so that a way can check an answer: the stored
// form of a password, and later public keys and sealed seeds. What it checks
// with stays in the database.
type Credential struct {
	ID      string
	Kind    WayKind
	Added   time.Time
	Changed time.Time
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
}
