// Package app builds Sparekey: everything it is made of, top to bottom, in one
// function. The server, the demo and the tests are built here alike.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"sparekey"
	"sparekey/internal/account"
	"sparekey/internal/config"
	"sparekey/internal/flow"
	"sparekey/internal/ident"
	"sparekey/internal/lang"
	"sparekey/internal/limit"
	"sparekey/internal/outbox"
	"sparekey/internal/page"
	"sparekey/internal/password"
	"sparekey/internal/secret"
	"sparekey/internal/session"
	"sparekey/internal/store"
	"sparekey/internal/way"
	"sparekey/internal/web"
)

// Options say what to build. Settings must have been checked. The rest is for
// the demo and for tests; zero values are what a server has.
type Options struct {
	Settings *config.Settings
	Log      *slog.Logger

	Demo       bool             // every page says that this is a demo
	MailboxURL string           // the demo's mailbox
	MailCap    sparekey.Windows // mails to one address; nil for the numbers of the machine

	Now    func() time.Time
	Random io.Reader
	Params password.Params
	Slots  int
	Trace  func(store.Statement)
	Sender outbox.Sender // instead of the mail server of the settings
	// Pushes is instead of the services of browsers, and PushTo says which addresses
	// are theirs.
	Pushes func(public, private string) outbox.PushSender
	PushTo func(endpoint string) bool
	// Drain is how long Serve goes on once it was asked to stop, while /readyz
	// says so: a balancer has that long to notice.
	Drain time.Duration
}

// minPassword is how many characters a new password has at least, and
// minPasswordHigh in the profile "high".
const (
	minPassword     = 8
	minPasswordHigh = 15
)

func minOf(s *config.Settings) int {
	if s.High() {
		return minPasswordHigh
	}
	return minPassword
}

// An App is a whole Sparekey.
type App struct {
	Settings *config.Settings
	Store    *store.DB
	Keys     *secret.Ring
	Hasher   *password.Hasher
	Flows    *flow.Service
	Sessions *session.Service
	Accounts *account.Service
	Outbox   *outbox.Outbox
	Web      *web.Server

	metrics *metrics
	log     *slog.Logger
	now     func() time.Time
	drain   time.Duration
	push    pushKeys
	closes  []func() error
}

// Open builds a Sparekey: database, keys, services, outbox and pages. Run
// starts its loops.
func Open(ctx context.Context, o Options) (*App, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MailCap == nil {
		o.MailCap = sparekey.MailCap()
	}
	a := &App{Settings: o.Settings, metrics: newMetrics(), log: o.Log, now: o.Now, drain: o.Drain}
	if err := a.build(ctx, o); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func (a *App) build(ctx context.Context, o Options) error {
	go password.Common() //nolint:errcheck // asked for below: both are read once, beside the database
	go lang.Load()       //nolint:errcheck // likewise
	src := secret.NewSource(o.Random)
	theme, err := a.theme()
	if err != nil {
		return err
	}
	if err := a.openStore(ctx, o, src); err != nil {
		return err
	}
	if _, err := password.Common(); err != nil {
		return err
	}
	if o.Settings.SMS != "" {
		if _, err := ident.Countries(); err != nil {
			return err
		}
	}
	if off, err := a.Store.ClockOff(ctx, a.now); err != nil {
		return err
	} else if off.Abs() > 2*time.Second {
		a.log.Warn("the clock of this machine and the database's differ", "by", off)
	}
	catalogue, err := lang.Load()
	if err != nil {
		return err
	}
	a.Hasher, err = password.New(password.Options{
		Params: o.Params, Slots: o.Slots, Now: o.Now, PepperKey: a.Keys.Newest(),
		Pepper: func(key, pw string) ([]byte, error) { return a.Keys.MAC(secret.Pepper, key, pw) },
	})
	if err != nil {
		return err
	}
	if a.push, err = a.openPush(ctx, o.Settings, src); err != nil {
		return err
	}
	passkeys, err := way.NewPasskeys(o.Settings.Origin(), o.Settings.SiteName)
	if errors.Is(err, way.ErrPasskeyHost) {
		a.log.Warn("no page offers passkeys: browsers make none for an address; SPAREKEY_PUBLIC_URL needs a host name", "host", o.Settings.Host())
	} else if err != nil {
		return err
	}
	a.Flows = flow.New(flow.Options{
		Passkeys: passkeys,
		Store:    a.Store, Keys: a.Keys, Source: src, Hasher: a.Hasher, SiteName: o.Settings.SiteName,
		Texts: textsOf(o.Settings), Push: a.push.push(o.PushTo),
		Host: o.Settings.Host(), Origin: o.Settings.Origin().Scheme + "://" + o.Settings.Origin().Host, Min: minOf(o.Settings), High: o.Settings.High(), MailCap: o.MailCap, Now: o.Now, Log: o.Log, Wake: func() { a.Outbox.Wake() },
		Counts: flow.Counts{Flow: a.metrics.flow, Code: a.metrics.code, SignIn: a.metrics.signIn},
	})
	a.Sessions = &session.Service{Store: a.Store, Source: src, Keys: a.Keys, Now: o.Now, Log: o.Log}
	a.Accounts = &account.Service{Store: a.Store, Source: src, Now: o.Now}
	if err := a.buildOutbox(o, src, catalogue, theme); err != nil {
		return err
	}
	a.metrics.look(a)
	return a.buildWeb(o, src, catalogue, theme)
}

func textsOf(s *config.Settings) flow.Texts {
	return flow.Texts{
		On: s.SMS != "", Prefix: ident.Prefix,
		Reaches: func(number string) bool { return number != "" && s.TextsTo(ident.Region(number)) },
	}
}

// openStore brings the schema up to date, opens the database and the keys, and
// makes sure that the two belong together.
func (a *App) openStore(ctx context.Context, o Options, src *secret.Source) error {
	db := store.Options{URL: o.Settings.Database.Reveal(), Trace: o.Trace, Log: o.Log, High: o.Settings.High()}
	fresh, err := store.Fresh(ctx, db)
	if err != nil {
		return databaseProblem(o.Settings, err)
	}
	if a.Keys, err = openKeys(o.Settings, fresh, src, a.now()); err != nil {
		return err
	}
	if a.Store, err = openDatabase(ctx, db); err != nil {
		return databaseProblem(o.Settings, err)
	}
	a.closes = append(a.closes, a.Store.Close)
	return renewCheck(ctx, a.Store, a.Keys, o.Settings.KeyFile)
}

// installation is what the check of a key file is made for.
const installation = "sparekey"

// renewCheck makes sure that the keys belong to the database, and keeps the
// check of the newest of them there, so that an older one may go.
func renewCheck(ctx context.Context, db *store.DB, keys *secret.Ring, file string) error {
	own := keys.Check(installation)
	check, err := db.KeyCheck(ctx, own)
	if err != nil {
		return err
	}
	if !keys.Fits(installation, check) {
		return wrongKeys(file)
	}
	if check == own {
		return nil
	}
	return db.RenewKeyCheck(ctx, check, own)
}

func openDatabase(ctx context.Context, o store.Options) (*store.DB, error) {
	if err := store.Migrate(ctx, o); err != nil {
		return nil, err
	}
	return store.Open(ctx, o)
}

// openKeys opens the key file. It makes one only for an SQLite database that
// nobody has used yet: whoever has lost the keys of a database in use must not
// get new ones by accident.
func openKeys(s *config.Settings, fresh bool, src *secret.Source, now time.Time) (*secret.Ring, error) {
	ring, err := secret.OpenRing(s.KeyFile)
	if !errors.Is(err, os.ErrNotExist) {
		return ring, keyFileProblem(s, err)
	}
	if s.SQLite() == "" || !fresh {
		return nil, fmt.Errorf("SPAREKEY_KEY_FILE %q: there is no such file: bring back the one that belongs to this database,"+
			" or for a new PostgreSQL database make one with sparekey keys new %s", s.KeyFile, s.KeyFile)
	}
	ring, err = secret.CreateRing(s.KeyFile, src, now)
	return ring, keyFileProblem(s, err)
}

func (a *App) buildOutbox(o Options, src *secret.Source, catalogue *lang.Catalogue, theme *page.Theme) error {
	look := outbox.LettersOptions{
		Catalogue: catalogue, SiteName: o.Settings.SiteName, PublicURL: o.Settings.Origin().String(), Zone: o.Settings.Zone(),
	}
	if theme.Light != nil {
		look.Accent, look.DarkAccent = theme.Light.Accent, theme.Dark.Accent
	}
	letters, err := outbox.NewLetters(look)
	if err != nil {
		return err
	}
	sender := o.Sender
	if sender == nil {
		smtp, err := outbox.NewSMTP(outbox.SMTPOptions{
			URL: o.Settings.MailServer(), From: o.Settings.Sender(), SiteName: o.Settings.SiteName, Now: o.Now,
		})
		if err != nil {
			return err
		}
		a.closes = append(a.closes, smtp.Close)
		sender = smtp
	}
	var texts outbox.TextSender
	if o.Settings.SMS != "" {
		if texts, err = outbox.NewTextSender(o.Settings.SMS.Reveal(), o.Settings.SMSSecret.Reveal()); err != nil {
			return err
		}
	}
	var pushes outbox.PushSender
	switch {
	case a.push.Public == "":
	case o.Pushes != nil:
		pushes = o.Pushes(a.push.Public, a.push.Private)
	default:
		pushes = outbox.NewPush(outbox.PushOptions{Public: a.push.Public, Private: a.push.Private, Contact: o.Settings.Origin().String()})
	}
	a.Outbox = outbox.New(outbox.Options{
		Texts: texts, Pushes: pushes, Subscription: a.subscription,
		Store: a.Store, Resolve: a.resolve, Secure: a.Flows.SecureToken, Letters: letters, Sender: sender, Source: src,
		PublicURL: o.Settings.Origin().String(), Now: o.Now, Log: o.Log, Count: a.metrics.mail,
	})
	return nil
}

// resolve hands the outbox what the machine knows of a code message.
func (a *App) resolve(ctx context.Context, m sparekey.Message) (*outbox.Resolved, error) {
	r, err := a.Flows.Resolve(ctx, m)
	if err != nil {
		return nil, err
	}
	return &outbox.Resolved{
		Letter: r.Letter, To: r.To, Name: r.Name, Lang: r.Lang, Purpose: r.Flow.Purpose, Code: r.Code,
		New: r.Challenge.Way == sparekey.ByNew, Text: r.Text,
		Stop: r.Stop, Open: r.Open, OpenUntil: r.WayOn.Until, Flow: r.Flow.ID, Facts: sparekey.Facts{At: r.Flow.AskedAt, From: r.Flow.From, On: r.Flow.On},
	}, nil
}

func (a *App) buildWeb(o Options, src *secret.Source, catalogue *lang.Catalogue, theme *page.Theme) error {
	s := o.Settings
	site := ""
	if u := s.Site(); u != nil {
		site = u.Scheme + "://" + u.Host
	}
	from := ""
	if sender := s.Sender(); sender != nil {
		from = sender.Address
	}
	pages, err := page.New(page.Options{
		Catalogue: catalogue, SiteName: s.SiteName, Host: s.Host(), SiteURL: site, PublicURL: s.Origin().String(),
		MailFrom: from, Zone: s.Zone(), Demo: o.Demo, MailboxURL: o.MailboxURL, Theme: theme,
		HelpURL: s.HelpURL, PrivacyURL: s.PrivacyURL,
	})
	if err != nil {
		return err
	}
	a.Web = web.New(web.Options{
		Flows: a.Flows, Sessions: a.Sessions, Accounts: a.Accounts, Pages: pages, Catalogue: catalogue, Source: src,
		Clients:   limit.NewClients(limit.Rate{Every: 2 * time.Second, Burst: 60}, 100_000),
		PublicURL: s.Origin(), SiteURL: site, SiteName: s.SiteName, Texts: s.SMS != "", Passkeys: a.Flows.Passkeys != nil, Contact: s.SecurityContact, Min: minOf(s), High: s.High(), TrustedProxies: s.Proxies(),
		Ready: a.Store.Ping, Count: a.metrics.request, Now: o.Now, Log: o.Log,
	})
	return nil
}

const (
	sweepEvery = time.Minute
	countEvery = 5 * time.Second
)

// Run runs the loops beside the pages, until ctx ends: the outbox, what other
// nodes tell it, the sweep, and the count of open flows.
func (a *App) Run(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { a.Outbox.Run(ctx) })
	all.Go(func() { a.Store.Listen(ctx, a.Outbox.Wake, a.Flows.Seen) })
	all.Go(func() { a.every(ctx, sweepEvery, func() error { return a.Sweep(ctx) }) })
	all.Go(func() { a.every(ctx, countEvery, func() error { return a.Flows.CountOpen(ctx) }) })
	all.Wait()
}

// Sweep removes what has served its time, and counts how the flows went that
// are removed.
func (a *App) Sweep(ctx context.Context) error {
	for {
		swept, err := a.Store.Sweep(ctx, a.now())
		for f, n := range swept.Fates {
			a.metrics.flows.counter(string(f.Purpose), string(f.Step), string(f.Outcome)).Add(n)
		}
		if swept.Rows == 0 || err != nil {
			return err
		}
	}
}

// every calls do now and then until ctx ends.
func (a *App) every(ctx context.Context, d time.Duration, do func() error) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		if err := do(); err != nil && ctx.Err() == nil {
			a.log.Error("housekeeping failed", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Serve serves the pages on l until ctx ends. Requests under way are finished.
// An App serves once.
func (a *App) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           a.Web,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      45 * time.Second, // a hash may have to wait its turn
		IdleTimeout:       75 * time.Second,
		MaxHeaderBytes:    12 << 10,                                                // net/http adds 4 KiB
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug), // it would log addresses
	}
	if err := a.serveAdmin(); err != nil {
		return err
	}
	loops, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var running sync.WaitGroup
	running.Go(func() { a.Run(loops) })
	running.Go(debug.FreeOSMemory) // what only the start needed
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
		a.Web.Leave()
		time.Sleep(a.drain)
		grace, cancel := context.WithTimeout(loops, 20*time.Second)
		err = server.Shutdown(grace)
		cancel()
	}
	stop()
	running.Wait()
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// Close closes what Open opened.
func (a *App) Close() error {
	var errs []error
	for i := len(a.closes) - 1; i >= 0; i-- {
		errs = append(errs, a.closes[i]())
	}
	a.closes = nil
	return errors.Join(errs...)
}
