package flow

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"sparekey"
	"sparekey/internal/ident"
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
	add, err := s.adding(f)
	if err != nil {
		return nil, err
	}
	r, err := s.Store.Resolve(ctx, store.Resolving{
		Message: m, Now: s.Now(), Caps: s.MailCap, Add: add,
		Reaches: s.Texts.Reaches, Prefix: s.Texts.Prefix, Mask: mask,
		Ghost: s.Source.ID(), New: s.newSubject(f, add), Nonce: s.Source.ID(), KeyID: s.Keys.Newest(), Bind: way.Binding,
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
	if r.WayOn.Name != "" && !s.High {
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

// adding is the identifier that a flow adds; empty if it adds none.
func (s *Service) adding(f *sparekey.Flow) (sparekey.Identifier, error) {
	if f.Purpose != sparekey.AddIdentifier || f.Pending == "" {
		return sparekey.Identifier{}, nil
	}
	text, err := s.Pending(f)
	if err != nil {
		return sparekey.Identifier{}, err
	}
	who, err := parseKind(ident.Kind(f.Target), text)
	if err != nil {
		return sparekey.Identifier{}, fmt.Errorf("read what the flow adds: %w", err)
	}
	return sparekey.Identifier{ID: s.Source.ID(), Kind: string(who.Kind), Key: who.Key, Shown: who.Shown}, nil
}

// mask hides most of an identifier.
func mask(kind, shown string) string {
	who, err := parseKind(ident.Kind(kind), shown)
	if err != nil {
		return ""
	}
	return ident.Mask(who)
}

// newSubject is what the codes for an identifier protect that no account has
// yet: all the flows that register or add it have the same one.
func (s *Service) newSubject(f *sparekey.Flow, add sparekey.Identifier) string {
	kind, key := f.TypedKind, f.TypedKey
	if add.Key != "" {
		kind, key = add.Kind, add.Key
	}
	mac := s.Keys.NewestMAC(secret.Ghosts, "new", kind, key)
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
