package flow

import (
	"context"
	"encoding/base64"
	"strings"

	"sparekey"
	"sparekey/internal/secret"
	"sparekey/internal/store"
	"sparekey/internal/way"
)

// A Resolved is a code message that knows where to go and what to say.
type Resolved struct {
	*store.Resolved
	Code secret.Text // empty unless the letter carries one
	Stop string      // the token of the link that stops the request
	Open string      // of the one that stands in for a code, if no further mail may be sent; else empty
}

// Resolve is the worker's half of a start: it finds out whom the flow is about
// and mints its code. It does the same for everybody and nobody.
func (s *Service) Resolve(ctx context.Context, m sparekey.Message) (*Resolved, error) {
	f, err := s.Store.Flow(ctx, m.Flow)
	if err != nil {
		return nil, err
	}
	r, err := s.Store.Resolve(ctx, store.Resolving{
		Message: m, Now: s.Now(), Caps: s.MailCap,
		Ghost: s.Source.ID(), New: s.newSubject(f), Nonce: s.Source.ID(), KeyID: s.Keys.Newest(), Bind: way.Binding,
	})
	if err != nil {
		return nil, err
	}
	// The code is derived for a ghost too: the same work.
	code, err := s.mail.Code(r.Flow, r.Challenge)
	if err != nil {
		return nil, err
	}
	out := &Resolved{Resolved: r, Stop: s.stopToken(f.ID)}
	open := s.link("open", r.WayOn.Name) // likewise
	if r.WayOn.Name != "" {
		out.Open = open
	}
	if r.Letter == store.CodeLetter {
		out.Code = code
	}
	if out.Lang == "" || f.Chosen {
		out.Lang = f.Lang
	}
	return out, nil
}

// newSubject is what the codes for an address protect that no account has yet:
// all the flows that register it have the same one.
func (s *Service) newSubject(f *sparekey.Flow) string {
	mac := s.Keys.NewestMAC(secret.Ghosts, "new", f.TypedKind, f.TypedKey)
	return "n" + base64.RawURLEncoding.EncodeToString(mac)[:25]
}

// stopToken names a flow and nothing else; who holds it can turn that flow
// into a ghost.
func (s *Service) stopToken(flow string) string {
	return s.link("stop", flow)
}

// link makes the token of a link for one use: what it names, the key and half
// of a keyed hash.
func (s *Service) link(use, name string) string {
	mac := s.Keys.NewestMAC(secret.Links, use, name)
	return name + "." + s.Keys.Newest() + "." + base64.RawURLEncoding.EncodeToString(mac[:16])
}

// parseLink gives what the token of a link names.
func (s *Service) parseLink(use, token string) (string, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", sparekey.ErrNotFound
	}
	mac, err := s.Keys.MAC(secret.Links, parts[1], use, parts[0])
	if err != nil || !secret.Equal(parts[2], base64.RawURLEncoding.EncodeToString(mac[:16])) {
		return "", sparekey.ErrNotFound
	}
	return parts[0], nil
}

// Stopping gives what the page of a stop link may show. It changes nothing: a
// scanner may look as often as it likes (A29).
func (s *Service) Stopping(ctx context.Context, token string) (store.StopView, error) {
	id, err := s.parseLink("stop", token)
	if err != nil {
		return store.StopView{}, err
	}
	return s.Store.StopView(ctx, id)
}

// Stop stops the request that the link was mailed for.
func (s *Service) Stop(ctx context.Context, v Visit, token string) (bool, error) {
	id, err := s.parseLink("stop", token)
	if err != nil {
		return false, err
	}
	return s.Store.Stop(ctx, id, s.event(sparekey.RequestStopped, v, s.Now()))
}
