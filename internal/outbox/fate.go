package outbox

import (
	"slices"
	"strings"
	"time"

	"sparekey"
)

// A Fate is what became of a message in one attempt. It names nobody.
type Fate struct {
	Kind     sparekey.MessageKind
	State    State
	Provider Provider
	// Took is how long the message was under way, from when it was written to
	// its hand-over. It is negative for one that was not handed over, and for
	// one that waited on purpose, to be merged with others.
	Took time.Duration
}

// A State is what one attempt made of a message.
type State string

// The states.
const (
	Handed  State = "sent"     // the mail server has it
	Retried State = "retried"  // it failed, and is tried again later
	GivenUp State = "given-up" // it is not tried again
	Nobody  State = "nobody"   // it had nobody to go to, or the mail caps were spent
)

// States lists the states.
func States() []State { return []State{Handed, Retried, GivenUp, Nobody} }

// A Provider says in whose hands the recipient's mailbox is: one of a few large
// ones, because each of them refuses mail for reasons of its own.
type Provider string

// The providers.
const (
	Gmail      Provider = "gmail"
	Outlook    Provider = "outlook"
	Yahoo      Provider = "yahoo"
	ICloud     Provider = "icloud"
	Other      Provider = "other"
	NoProvider Provider = "none" // no mail was written
)

// Providers lists the providers.
func Providers() []Provider { return []Provider{Gmail, Outlook, Yahoo, ICloud, Other, NoProvider} }

// count tells what became of a message. mail is nil if none was written.
func (o *Outbox) count(m sparekey.Message, state State, mail *Mail) {
	f := Fate{Kind: m.Kind, State: state, Provider: NoProvider, Took: -1}
	if mail != nil {
		f.Provider = providerOf(mail.To)
	}
	if state == Handed && !m.Merged {
		f.Took = o.Now().Sub(m.Written)
	}
	o.Count(f)
}

// handedOver is the state of a message of which nothing failed.
func handedOver(out written) State {
	if out == (written{}) {
		return Nobody
	}
	return Handed
}

// providerOf tells the provider by the domain of an address. It knows the
// domains that each of them gives out itself, and nobody else's that it keeps.
func providerOf(address string) Provider {
	domain := strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
	name, country, _ := strings.Cut(domain, ".")
	national := slices.Contains([]string{
		"at", "be", "ca", "ch", "cl", "cz", "de", "dk", "es", "fi", "fr", "gr", "hu", "ie", "in", "it", "jp", "nl", "no", "pt", "se",
		"co.id", "co.in", "co.jp", "co.kr", "co.nz", "co.th", "co.uk", "com.ar", "com.au", "com.br", "com.hk", "com.mx",
		"com.my", "com.ph", "com.sg", "com.tr", "com.tw", "com.vn", "com",
	}, country)
	switch {
	case domain == "gmail.com", domain == "googlemail.com":
		return Gmail
	case national && slices.Contains([]string{"outlook", "hotmail", "live"}, name), domain == "msn.com":
		return Outlook
	case national && name == "yahoo", domain == "ymail.com", domain == "rocketmail.com", domain == "aol.com":
		return Yahoo
	case domain == "icloud.com", domain == "me.com", domain == "mac.com":
		return ICloud
	}
	return Other
}
