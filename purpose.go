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
	ChooseLogin    Purpose = "choose-login"
	AddIdentifier  Purpose = "add-identifier" // an address or a phone number
	AddWay         Purpose = "add-way"
	DropWay        Purpose = "drop-way"   // or an identifier
	KeepWay        Purpose = "keep-way"   // wakes one that sleeps, or takes back one that was dropped
	TwoProofs      Purpose = "two-proofs" // turns "Ask for two proofs" on or off
	Rehearse       Purpose = "rehearse"
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
	// ByNew is a code to the identifier that is being added. It shows that the
	// identifier is one's own, and counts for nothing else.
	ByNew WayKind = "new"
)

// A Demand is what is asked beside the purpose's line.
type Demand struct {
	Two  bool // by the account: "Ask for two proofs"
	High bool // by the installation: its profile is "high"
}

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
	// old says that a young way counts only beside a proof by an older one.
	old bool
	// also is a way that must be among the proofs besides; empty for none.
	also WayKind
}

// policyOf is the policy table. An unknown purpose has an empty line: nothing
// is ever enough for it.
func policyOf(p Purpose) policy {
	recovers := policy{
		alone:  []WayKind{ByMail, ByPasskey, BySaved},
		beside: []WayKind{ByText, ByApp, ByTOTP},
		two:    true,
		old:    true,
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
	case ChangePassword, ChooseLogin, AddWay, DropWay, KeepWay, TwoProofs, ExportData, DeleteAccount:
		recovers.session = true
		return recovers
	case AddIdentifier:
		recovers.session, recovers.also = true, ByNew
		return recovers
	case Rehearse: // in a session too, but what was proved in it before shows nothing
		return recovers
	case Register:
		return policy{alone: []WayKind{ByMail}}
	default:
		return policy{}
	}
}

// Purposes lists the purposes that exist.
func Purposes() []Purpose {
	return []Purpose{
		SignIn, Recover, ChangePassword, Register, ChooseLogin, AddIdentifier,
		AddWay, DropWay, KeepWay, TwoProofs, Rehearse, ExportData, DeleteAccount,
	}
}

// AtOnce reports whether the purpose has nothing left to ask once the proofs are
// enough: its act is done with the last answer.
func (p Purpose) AtOnce() bool {
	switch p {
	case SignIn, Register, AddIdentifier, Rehearse:
		return true
	}
	return false
}

// FromSession reports whether flows of this purpose start from a session and
// count the fresh proofs given in it.
func (p Purpose) FromSession() bool { return policyOf(p).session }

// Enough reports whether proofs satisfy the purpose under a demand. Two proofs
// are two different ways at two different places: one mailbox or one phone never
// counts twice.
func (p Purpose) Enough(proofs []Proof, d Demand) bool {
	also := policyOf(p).also
	if also != "" && !slices.ContainsFunc(proofs, func(proof Proof) bool { return proof.Way == also }) {
		return false
	}
	return p.Proved(proofs, d)
}

// Proved reports whether proofs show who the person is, as the purpose demands
// it. It is all of Enough but for the identifier that is being added.
func (p Purpose) Proved(proofs []Proof, d Demand) bool {
	for _, first := range proofs {
		if p.proved(first, proofs, d) {
			return true
		}
	}
	return false
}

// proved is Proved with first as the one that counts alone.
func (p Purpose) proved(first Proof, proofs []Proof, d Demand) bool {
	line := policyOf(p)
	if !slices.Contains(line.alone, first.Way) {
		return false
	}
	two := line.two && (d.Two || d.High && weak(first.Way))
	if !two && !(line.old && first.Young) {
		return true
	}
	for _, second := range proofs {
		if !p.counts(second.Way) || second.Way == first.Way || second.Place == first.Place {
			continue
		}
		// DESIGN rule 11: of two young ones neither vouches for the other.
		if !line.old || !first.Young || !second.Young {
			return true
		}
	}
	return false
}

// weak reports whether a way is not enough alone where the profile is "high": a
// code in a mailbox, or the app, which opens with the phone.
func weak(w WayKind) bool { return w == ByMail || w == ByText || w == ByApp }

// counts reports whether a proof by w counts for the purpose, alone or beside
// another.
func (p Purpose) counts(w WayKind) bool {
	line := policyOf(p)
	return slices.Contains(line.alone, w) || slices.Contains(line.beside, w)
}

// Asks lists the ways that count for the purpose, alone or beside another.
func (p Purpose) Asks() []WayKind {
	line := policyOf(p)
	return slices.Concat(line.alone, line.beside)
}
