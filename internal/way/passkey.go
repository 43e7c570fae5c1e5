package way

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"
)

const (
	// passkeyPatience is how long a browser asks a person for a passkey.
	passkeyPatience = 5 * time.Minute
	// maxPasskeyAnswer bounds what a browser answers. With the longest key and
	// an attestation that nobody asked for it is a fraction of this.
	maxPasskeyAnswer = 16 << 10
	// maxPasskeyHandle is the length of a user handle (WebAuthn Level 3, 5.4.3).
	maxPasskeyHandle = 64
)

var (
	// ErrPasskeyHost says that browsers make no passkeys for this host.
	ErrPasskeyHost = errors.New("passkeys need a host name, not an address")
	// ErrPasskeyShape is an answer that no browser gives.
	ErrPasskeyShape = errors.New("not an answer by a passkey")
	// ErrPasskeyWrong is a new passkey that does not answer what was asked.
	ErrPasskeyWrong = errors.New("the new passkey answers something else")
)

// Passkeys is the way by a passkey (WebAuthn Level 3): it puts the questions
// that a page hands to the browser, and checks the answers. A passkey answers
// for one host and to one origin, so that it cannot be asked for elsewhere, and
// only once the person has shown the device a finger, a face or a PIN.
type Passkeys struct {
	site *webauthn.WebAuthn
}

// NewPasskeys makes the way for the site at origin. The passkeys belong to its
// host name: another host makes them worthless.
func NewPasskeys(origin *url.URL, siteName string) (*Passkeys, error) {
	if _, err := netip.ParseAddr(origin.Hostname()); err == nil {
		return nil, ErrPasskeyHost
	}
	site, err := webauthn.New(&webauthn.Config{
		RPID:          origin.Hostname(),
		RPDisplayName: siteName,
		RPOrigins:     []string{origin.Scheme + "://" + origin.Host},
		// Password managers tell things that nobody asked for. None is read.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, fmt.Errorf("set up passkeys: %w", err)
	}
	return &Passkeys{site}, nil
}

// Asking is the question that any passkey of this site may answer, as
// PublicKeyCredential.parseRequestOptionsFromJSON reads it. It names no passkey,
// so that it is the same whoever is asked, and tells nobody who has one (A08).
func (p *Passkeys) Asking(challenge []byte) ([]byte, error) {
	if err := fresh(challenge); err != nil {
		return nil, err
	}
	return json.Marshal(protocol.PublicKeyCredentialRequestOptions{
		Challenge:        challenge,
		Timeout:          int(passkeyPatience.Milliseconds()),
		RelyingPartyID:   p.site.Config.RPID,
		UserVerification: protocol.VerificationRequired,
	})
}

// A PasskeyUser is an account as the device that keeps its passkey sees it.
type PasskeyUser struct {
	Handle []byte // tells accounts apart, and tells nobody else who they are
	Name   string // by which a person tells accounts apart
	Shown  string // the person's name; empty means Name
}

// Making is the question for a new passkey, as
// PublicKeyCredential.parseCreationOptionsFromJSON reads it. A device that keeps
// one of have makes no second one.
func (p *Passkeys) Making(challenge []byte, u PasskeyUser, have [][]byte) ([]byte, error) {
	if _, err := p.session(challenge, u.Handle); err != nil {
		return nil, err
	}
	if u.Shown == "" {
		u.Shown = u.Name
	}
	o := protocol.PublicKeyCredentialCreationOptions{
		RelyingParty: protocol.RelyingPartyEntity{
			CredentialEntity: protocol.CredentialEntity{Name: p.site.Config.RPDisplayName},
			ID:               p.site.Config.RPID,
		},
		User: protocol.UserEntity{
			CredentialEntity: protocol.CredentialEntity{Name: u.Name},
			DisplayName:      u.Shown,
			ID:               protocol.URLEncodedBase64(u.Handle),
		},
		Challenge:  challenge,
		Parameters: passkeyKinds(),
		Timeout:    int(passkeyPatience.Milliseconds()),
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			// Found by the device itself: the question names no passkey.
			ResidentKey:        protocol.ResidentKeyRequirementRequired,
			RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification:   protocol.VerificationRequired,
		},
		Attestation: protocol.PreferNoAttestation,
	}
	for _, id := range have {
		o.CredentialExcludeList = append(o.CredentialExcludeList,
			protocol.CredentialDescriptor{Type: protocol.PublicKeyCredentialType, CredentialID: id})
	}
	return json.Marshal(o)
}

// Made reads what navigator.credentials.create gave in answer to Making, in the
// form of its toJSON.
func (p *Passkeys) Made(challenge []byte, u PasskeyUser, answer []byte) (Key, error) {
	session, err := p.session(challenge, u.Handle)
	if err != nil {
		return Key{}, err
	}
	if len(answer) > maxPasskeyAnswer {
		return Key{}, ErrPasskeyShape
	}
	made, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return Key{}, ErrPasskeyShape
	}
	// Who built the device is not asked and would prove nothing. What it says of
	// that all the same, with certificates of several kinds, is not looked at.
	made.Response.AttestationObject.Format = string(protocol.AttestationFormatNone)
	made.Response.AttestationObject.AttStatement = nil
	c, err := p.site.CreateCredential(owner{PasskeyUser: u}, session, made)
	if err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrPasskeyWrong, err)
	}
	return keyOf(c), nil
}

// Check reports whether a is the answer of the passkey k, of the account with
// this handle, to Asking. next is k as it is to be kept from then on.
func (p *Passkeys) Check(challenge []byte, a *Assertion, k Key, handle []byte) (next Key, right bool, err error) {
	session, err := p.session(challenge, handle)
	if err != nil {
		return k, false, err
	}
	c := k.credential()
	if a.parsed.Response.AuthenticatorData.Flags.HasBackupEligible() {
		// Keychains begin to copy a passkey that they once kept on one device,
		// and say so from then on. The library takes that for a forgery.
		c.Flags.BackupEligible = true
	}
	got, err := p.site.ValidateLogin(owner{PasskeyUser{Handle: handle}, []webauthn.Credential{c}}, session, a.parsed)
	// A count that does not go on is that of a copy.
	if err != nil || got.Authenticator.CloneWarning {
		return k, false, nil //nolint:nilerr // whatever is wrong is wrong with the answer
	}
	return keyOf(got), true, nil
}

// Accepted says which passkeys of an account are still good, as
// PublicKeyCredential.signalAllAcceptedCredentials takes it: a device forgets
// the others.
func (p *Passkeys) Accepted(handle []byte, have [][]byte) ([]byte, error) {
	ids := make([]protocol.URLEncodedBase64, len(have)) // none is written as []
	for i, id := range have {
		ids[i] = id
	}
	return json.Marshal(struct {
		RPID string                      `json:"rpId"`
		User protocol.URLEncodedBase64   `json:"userId"`
		IDs  []protocol.URLEncodedBase64 `json:"allAcceptedCredentialIds"`
	}{p.site.Config.RPID, handle, ids})
}

// session is what the library compares an answer with.
func (p *Passkeys) session(challenge, handle []byte) (webauthn.SessionData, error) {
	if err := fresh(challenge); err != nil {
		return webauthn.SessionData{}, err
	}
	if len(handle) == 0 || len(handle) > maxPasskeyHandle {
		return webauthn.SessionData{}, fmt.Errorf("a user handle of %d bytes, want 1 to %d", len(handle), maxPasskeyHandle)
	}
	return webauthn.SessionData{
		Challenge:        protocol.URLEncodedBase64(challenge).String(),
		RelyingPartyID:   p.site.Config.RPID,
		UserID:           handle,
		UserVerification: protocol.VerificationRequired,
		CredParams:       passkeyKinds(),
	}, nil
}

// fresh refuses a challenge that could be guessed, an empty one above all: an
// old answer would do for it.
func fresh(challenge []byte) error {
	if len(challenge) < 16 {
		return fmt.Errorf("a challenge of %d bytes, want at least 16", len(challenge))
	}
	return nil
}

// passkeyKinds are the kinds of keys that are taken, the best first. All that
// makes passkeys can do one of them.
func passkeyKinds() []protocol.CredentialParameter {
	return []protocol.CredentialParameter{
		{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES256},
		{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgEdDSA},
		{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgRS256},
	}
}

// An owner is an account as the library wants it, with the passkey in question.
type owner struct {
	PasskeyUser
	keys []webauthn.Credential
}

func (o owner) WebAuthnID() []byte                         { return o.Handle }
func (o owner) WebAuthnName() string                       { return o.Name }
func (o owner) WebAuthnDisplayName() string                { return o.Shown }
func (o owner) WebAuthnCredentials() []webauthn.Credential { return o.keys }
