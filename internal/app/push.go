package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"sparekey/internal/config"
	"sparekey/internal/flow"
	"sparekey/internal/ident"
	"sparekey/internal/outbox"
	"sparekey/internal/secret"
)

// pushKeys are those by which push services know the installation.
type pushKeys struct{ Private, Public string }

// openPush gives the keys for push services, if phones are to be told: made once
// for an installation, and kept sealed in its database, with its newest key. Where
// the key that they were sealed with is gone, new ones are made: phones are told
// again once their app was opened.
func (a *App) openPush(ctx context.Context, s *config.Settings, src *secret.Source) (k pushKeys, err error) {
	if !s.Pushes() {
		return k, nil
	}
	private, public, err := outbox.NewPushKeys()
	if err != nil {
		return k, fmt.Errorf("make the keys for push services: %w", err)
	}
	fresh, err := a.sealPush(pushKeys{private, public}, src)
	if err != nil {
		return k, err
	}
	kept, err := a.Store.PushKey(ctx, fresh)
	if err != nil {
		return k, err
	}
	text, err := a.Keys.Open("push", kept)
	if errors.Is(err, secret.ErrUnknownKey) || errors.Is(err, secret.ErrBox) {
		a.log.Warn("the keys for push services cannot be read: new ones are made, and phones are told again once their app was opened", "err", err)
		if kept, err = a.Store.ReplacePushKey(ctx, kept, fresh); err != nil {
			return k, err
		}
		text, err = a.Keys.Open("push", kept)
	}
	if err != nil {
		return k, fmt.Errorf("open the keys for push services: %w", err)
	}
	if err := json.Unmarshal(text, &k); err != nil {
		return k, fmt.Errorf("read the keys for push services: %w", err)
	}
	if strings.HasPrefix(kept, a.Keys.Newest()+".") {
		return k, nil
	}
	if fresh, err = a.sealPush(k, src); err != nil { // with the newest key, so that the older one may go
		return k, err
	}
	return k, a.Store.RenewPushKey(ctx, kept, fresh)
}

func (a *App) sealPush(k pushKeys, src *secret.Source) (string, error) {
	text, err := json.Marshal(k)
	return a.Keys.Seal("push", text, src), err
}

// push is what the machine knows of it.
func (k pushKeys) push(allowed func(string) bool) flow.Push {
	if allowed == nil {
		allowed = ident.PushEndpoint
	}
	return flow.Push{Key: k.Public, Allowed: allowed}
}

// subscription opens where an app is told.
func (a *App) subscription(credential, sealed string) (s outbox.Subscription, err error) {
	text, err := a.Keys.Open("push "+credential, sealed)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(text, &s)
}
