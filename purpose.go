package sparekey

import "slices"

// A Purpose is why a flow was begun.
type Purpose string

// The purposes that exist. Each has its line in the policy table below and its
// function in internal/flow/act.go.
const (
	SignIn         Purpose = "sign-in"
	Recover        Purpose = "recover"
	ChangePassword Purpose = "change-password"
	Register       Purpose = "register"
	ChooseLogin    Purpose = "add-identifier"
	ExportData     Purpose = "export-data"
	DeleteAccount  Purpose = "delete-account"
)

// A WayKind is a way to verify.
type WayKind string

// The ways of the policy table.
const (
	ByPassword WayKind = "password"
	ByMail     WayKind = "mail"
	ByText     WayKind = "text"
	ByTOTP     WayKind = "totp"
	ByPasskey  WayKind = "passkey"
	BySaved    WayKind = "saved"
	ByApp      WayKind = "app"
)

// A policy says which proofs are enough for a purpose.
type policy struct {
	// alone lists the ways of which one is enough, beside those that count
	// only together with one of them.
	alone, beside []WayKind
	// session says that the purpose starts from a session, and that proofs
	// given in it count.
	session bool
	// two says that the account's "Ask for two proofs" is respected.
	two bool
}

// policyOf is the policy table. An unknown purpose has an empty line: nothing
// is ever enough for it.
func policyOf(p Purpose) policy {
	recovers := policy{
		alone:  []WayKind{ByMail, ByPasskey, BySaved},
		beside: []WayKind{ByText, ByApp, ByTOTP},
		two:    true,
	}
	switch p {
	case SignIn:
		return policy{
			alone:  []WayKind{ByPasskey, ByApp, ByPassword},
			beside: []WayKind{ByMail, ByText, ByTOTP, BySaved},
			two:    true,
		}
	case Recover:
		return recovers
	case ChangePassword, ChooseLogin, ExportData, DeleteAccount:
		recovers.session = true
		return recovers
	case Register:
		return policy{alone: []WayKind{ByMail}}
	default:
		return policy{}
	}
}

// Purposes lists the purposes that exist.
func Purposes() []Purpose {
	return []Purpose{SignIn, Recover, ChangePassword, Register, ChooseLogin, ExportData, DeleteAccount}
}

// FromSession reports whether flows of this purpose start from a session and
// count the fresh proofs given in it.
func (p Purpose) FromSession() bool { return policyOf(p).session }

// Enough reports whether proofs satisfy the purpose, for an account that asks
// for two proofs if two is set. Two proofs are two different ways at two
// different places: one mailbox or one phone never counts twice.
func (p Purpose) Enough(proofs []Proof, two bool) bool {
	line := policyOf(p)
	for _, first := range proofs {
		if !slices.Contains(line.alone, first.Way) {
			continue
		}
		if !line.two || !two {
			return true
		}
		for _, second := range proofs {
			if p.counts(second.Way) && second.Way != first.Way && second.Place != first.Place {
				return true
			}
		}
	}
	return false
}

// counts reports whether a proof by w counts for the purpose, alone or beside
// another.
func (p Purpose) counts(w WayKind) bool {
	line := policyOf(p)
	return slices.Contains(line.alone, w) || slices.Contains(line.beside, w)
}
