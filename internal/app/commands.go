package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"sparekey"
	"sparekey/internal/account"
	"sparekey/internal/config"
	"sparekey/internal/lang"
	"sparekey/internal/secret"
	"sparekey/internal/store"
)

// Accounts and AccountView are what the operator's commands work with.
type (
	Accounts    = account.Service
	AccountView = account.View
)

// ErrAlready says that an account is already as it was asked to be.
var ErrAlready = account.ErrAlready

// OpenAccounts opens what the operator's commands need: the database, without
// keys or mail server.
func OpenAccounts(ctx context.Context, s *config.Settings) (*Accounts, func() error, error) {
	db, err := openFor(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	return &Accounts{Store: db, Source: secret.NewSource(nil), Now: time.Now}, db.Close, nil
}

// CheckLang refuses the tag of a language that there is no catalogue of. An
// empty one is none.
func CheckLang(tag string) error {
	catalogue, err := lang.Load()
	if err != nil || tag == "" {
		return err
	}
	var tags []string
	for _, l := range catalogue.Langs() {
		tags = append(tags, l.Tag)
	}
	if !slices.Contains(tags, tag) {
		return fmt.Errorf("%q: there is no such language here: give one of %s", tag, strings.Join(tags, ", "))
	}
	return nil
}

// Migrate brings the schema of the database up to date.
func Migrate(ctx context.Context, s *config.Settings) error {
	return databaseProblem(s, store.Migrate(ctx, store.Options{URL: s.Database.Reveal()}))
}

// openFor opens the database for a command.
func openFor(ctx context.Context, s *config.Settings) (*store.DB, error) {
	db, err := openDatabase(ctx, store.Options{URL: s.Database.Reveal()})
	return db, databaseProblem(s, err)
}

// NewKeys makes a key file. It must not be there yet.
func NewKeys(path string) error {
	_, err := secret.CreateRing(path, secret.NewSource(nil), time.Now())
	return err
}

// Backup writes all that the database holds into a new file, while servers go
// on. The keys are not in it.
func Backup(ctx context.Context, s *config.Settings, path string) error {
	if err := lookAt(ctx, s); err != nil {
		return err
	}
	return store.Backup(ctx, store.Options{URL: s.Database.Reveal()}, path)
}

// Restored says what became of the database that a backup has replaced.
type Restored = store.Restored

// Restore puts a backup in the place of the configured database, and keeps the
// old one.
func Restore(ctx context.Context, s *config.Settings, path string) (Restored, error) {
	ring, err := secret.OpenRing(s.KeyFile)
	if err != nil {
		return Restored{}, keyFileProblem(s, err)
	}
	if err := replaceable(ctx, s); err != nil {
		return Restored{}, err
	}
	return store.Restore(ctx, store.Restoring{
		Options: store.Options{URL: s.Database.Reveal()}, Path: path, Now: time.Now(),
		Fits: func(check string) bool { return ring.Fits(installation, check) },
	})
}

// AddKey adds a key to the key file of the settings and gives its id.
func AddKey(s *config.Settings) (string, error) {
	ring, err := secret.AddKey(s.KeyFile, secret.NewSource(nil), time.Now())
	if err != nil {
		return "", keyFileProblem(s, err)
	}
	return ring.Newest(), nil
}

// A KeyView is what an operator may see of a key.
type KeyView struct {
	ID     string
	Made   time.Time
	Newest bool
	store.Uses
}

// Keys lists the keys of the key file, and what each is used for. It refuses
// those of another installation, which are used for nothing here.
func Keys(ctx context.Context, s *config.Settings) ([]KeyView, error) {
	ring, err := secret.OpenRing(s.KeyFile)
	if err != nil {
		return nil, keyFileProblem(s, err)
	}
	db, err := openFor(ctx, s)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	check, err := db.KeptCheck(ctx)
	if err != nil {
		return nil, err
	}
	if check != "" && !ring.Fits(installation, check) {
		return nil, wrongKeys(s.KeyFile)
	}
	var list []KeyView
	for _, id := range ring.IDs() {
		made, _ := ring.Created(id)
		v := KeyView{ID: id, Made: made, Newest: id == ring.Newest()}
		if v.Uses, err = db.KeyUses(ctx, id, time.Now()); err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// RetireKey takes a key out of the key file. Unless it is forced it refuses
// while something still needs the key: passwords, flows, or the links of
// notices, which work for seven days.
func RetireKey(ctx context.Context, s *config.Settings, id string, force bool) error {
	ring, err := secret.OpenRing(s.KeyFile)
	if err != nil {
		return keyFileProblem(s, err)
	}
	db, err := openFor(ctx, s)
	if err != nil {
		return err
	}
	defer db.Close()
	now := time.Now()
	if err := renewCheck(ctx, db, ring, s.KeyFile); err != nil {
		return err
	}
	if _, until := ring.Created(id); !force {
		uses, err := db.KeyUses(ctx, id, now)
		if err != nil {
			return err
		}
		switch {
		case uses.Passwords > 0:
			return fmt.Errorf("%s still reads %d password(s), until their owners sign in again; with --force these owners must choose a new one by mail",
				id, uses.Passwords)
		case uses.Ways > 0:
			return fmt.Errorf("%s still reads %d way(s) to verify, until they are used; with --force these are lost to their owners",
				id, uses.Ways)
		case uses.Flows > 0:
			return fmt.Errorf("%s is needed by %d request(s) under way: try again in half an hour", id, uses.Flows)
		case !until.IsZero() && now.Before(until.Add(sparekey.SecureLife)):
			return fmt.Errorf("%s made links that work until %s: retire it then, or with --force", id,
				until.Add(sparekey.SecureLife).UTC().Format(time.DateOnly))
		}
	}
	_, err = secret.RetireKey(s.KeyFile, id)
	return err
}
