package flow

import (
	"context"
	"strings"

	"sparekey"
)

// SecureToken names an event and the identifier that was told of it. Who holds
// it can ask for a recovery of that account, and nothing else.
func (s *Service) SecureToken(event, identifier string) string {
	return s.link("secure", event+"~"+identifier)
}

// Securable reports whether the link of a notice works: sparekey.ErrNotFound if
// not, or not any more. It changes nothing (A29).
func (s *Service) Securable(ctx context.Context, token string) error {
	name, err := s.parseLink("secure", token)
	if err != nil {
		return err
	}
	event, identifier, _ := strings.Cut(name, "~")
	_, _, err = s.Store.Securable(ctx, event, identifier, s.Now())
	return err
}

// TakeBack begins a recovery of the account that a notice was about, in the
// browser that pressed the button, and gives the flow's id. The code goes to
// the address that the notice went to. The link itself proves nothing.
func (s *Service) TakeBack(ctx context.Context, v Visit, token string) (string, error) {
	name, err := s.parseLink("secure", token)
	if err != nil {
		return "", err
	}
	event, identifier, _ := strings.Cut(name, "~")
	now := s.Now()
	a, to, err := s.Store.Securable(ctx, event, identifier, now)
	if err != nil {
		return "", err
	}
	if err := s.admit(v); err != nil {
		return "", err
	}
	f := s.newFlow(v, sparekey.Recover, now)
	f.Account, f.Epochs, f.Event = a.ID, a.Epochs, event
	f.TypedKind, f.TypedKey, f.KnownHash = sparekey.ByNotice, to.Key, v.knownHash()
	return f.ID, s.write(ctx, f, now)
}
