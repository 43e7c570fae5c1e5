// Package config reads the settings of an installation: from a flag, the
// environment, a file of NAME=value lines or the default, in this order. Read
// Settings first.
//
// A command line embeds Settings and gives Sources to its parser; each command
// that needs the settings calls Check. A wrong setting ends the start with one
// line: its name, its value (secrets hidden) and the mend.
package config

import (
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Settings are all settings of an installation. The name of a setting in the
// environment and in the file is SPAREKEY_ and the flag's name in capitals:
// --public-url is SPAREKEY_PUBLIC_URL. An empty value is the default.
//
// A program that has no command line, a test or the demo, sets the fields and
// calls Check.
type Settings struct {
	// Config is a file of NAME=value lines, with more settings. It is read as
	// the last of the three sources. Lines that are empty or begin with # are
	// skipped; everything behind the first = is the value, without the blanks
	// around it.
	Config string `name:"config" placeholder:"FILE" help:"Read settings from this file of NAME=value lines."`

	// Listen is the host:port that serves the pages and the API. A host that
	// is left out means every address of the machine.
	Listen string `name:"listen" placeholder:"HOST:PORT" default:"127.0.0.1:8080" help:"Serve pages and API here. Default: 127.0.0.1:8080."`

	// PublicURL is the origin that people type: absolute addresses in pages
	// and mails are made from it and from nothing else, and a request for
	// another host is refused. It is https, or http where the host is the
	// machine itself. While Listen is a loopback address it may be left out
	// and is then http:// and Listen.
	PublicURL string `name:"public-url" placeholder:"URL" help:"The address that people type, for example https://id.example.org."`

	// Database is "sqlite:PATH" or "postgres://…". Of several PostgreSQL servers,
	// postgres://USER:PASSWORD@HOST,HOST/NAME, the primary is used.
	Database Secret `name:"database" placeholder:"URL" default:"sqlite:sparekey.db" help:"sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME. Default: sqlite:sparekey.db."`

	// DatabaseFile is a file with the value of Database, for those who keep
	// secrets apart.
	DatabaseFile string `name:"database-file" placeholder:"FILE" help:"Read the database's URL from this file."`

	// KeyFile holds the installation's keys. Beside an SQLite database it is
	// PATH.key and made by itself; with PostgreSQL it must be given.
	KeyFile string `name:"key-file" placeholder:"FILE" help:"The installation's keys. Default: the SQLite file's path and .key."`

	// SMTP is the mail server: smtp://user:password@host:port, or smtps://
	// for TLS from the first byte. Over smtp, STARTTLS is required unless the
	// host is the machine itself. Without a port it is 587, for smtps 465.
	SMTP Secret `name:"smtp" placeholder:"URL" help:"The mail server, smtp://USER:PASSWORD@HOST:PORT or smtps://…"`

	// SMTPFile is a file with the value of SMTP.
	SMTPFile string `name:"smtp-file" placeholder:"FILE" help:"Read the mail server's URL from this file."`

	// MailFrom is the sender of all mails, with or without a name.
	MailFrom string `name:"mail-from" placeholder:"ADDRESS" help:"The sender of all mails, for example 'Example <hello@example.org>'. People answer to it and pages name it: have it read."`

	// SMS is where text messages go: the URL of a webhook, which sends them on,
	// or twilio://ACCOUNT:TOKEN@HOST/FROM for Twilio and providers with its
	// interface, FROM being a number, a name or the id of a messaging service.
	// It is https, or http where the host is the machine itself. Without it no
	// page offers text messages.
	SMS Secret `name:"sms" placeholder:"URL" help:"Where text messages go: a webhook, or twilio://ACCOUNT:TOKEN@HOST/FROM."`

	// SMSFile is a file with the value of SMS.
	SMSFile string `name:"sms-file" placeholder:"FILE" help:"Read where text messages go from this file."`

	// SMSSecret signs the calls of a webhook, so that it knows who calls: at
	// least 16 bytes, known to both. Twilio has its token instead.
	SMSSecret Phrase `name:"sms-secret" placeholder:"SECRET" help:"Signs the calls of the webhook; at least 16 bytes."`

	// SMSSecretFile is a file with the value of SMSSecret.
	SMSSecretFile string `name:"sms-secret-file" placeholder:"FILE" help:"Read what signs the calls of the webhook from this file."`

	// SMSCountries are the countries whose numbers get text messages, as ISO
	// 3166 names them, with commas between them: PT,ES. They must be named,
	// since text messages to some countries are what criminals earn money with.
	// "*" is all of them.
	SMSCountries string `name:"sms-countries" placeholder:"LIST" help:"The countries whose numbers get text messages, for example PT,ES; * is all."`

	// Push says whether phones with the companion app can be told what happens to
	// their accounts: on or off. What is said goes through the services of the
	// browsers' makers, encrypted, and this server calls them over https.
	Push string `name:"push" placeholder:"WORD" default:"off" help:"on: phones with the app can be told what happens, through their browsers' services. Default: off."`

	// SiteName is the name of the site, at most 64 characters: it stands in
	// the head of every page and in the subject of mails.
	SiteName string `name:"site-name" placeholder:"NAME" default:"Sparekey" help:"The name on pages and in mails. Default: Sparekey."`

	// SiteURL is the site that the accounts are for. Its origin is the one
	// place elsewhere to which people may be sent back.
	SiteURL string `name:"site-url" placeholder:"URL" help:"The site that the accounts are for; people may be sent back there."`

	// Mark is a file with an SVG drawing of at most 16 KB, made of shapes
	// alone. It stands before the name in the head of every page, 28 px high.
	// What is drawn in currentColor has the accent, in light and in dark.
	Mark string `name:"mark" placeholder:"FILE" help:"An SVG drawing of at most 16 KB, for the head of every page."`

	// Accent is the colour of links and buttons. Its shades and its twin for
	// dark pages are derived from it. One that is too light to be read is made
	// darker, and the log says so. Empty is the petrol of the styles.
	Accent string `name:"accent" placeholder:"#RRGGBB" help:"The colour of links and buttons, for example #7A1F3D."`

	// Radius says how round the corners are, in px: 0 to 16.
	Radius string `name:"radius" placeholder:"PX" default:"10" help:"How round corners are, 0 to 16. Default: 10."`

	// HeadingFont is serif, sans, mono, or names of font families with commas
	// between them, of which the first that a machine has is used; with none
	// of the three words in it, the list ends with serif. No font is ever
	// loaded.
	HeadingFont string `name:"heading-font" placeholder:"LIST" default:"serif" help:"The font of headings: serif, sans, mono, or names of installed ones, for example Lora,serif. Default: serif."`

	// HelpURL and PrivacyURL are linked at the foot of every page.
	HelpURL    string `name:"help-url" placeholder:"URL" help:"Your page of help, linked at the foot of every page."`
	PrivacyURL string `name:"privacy-url" placeholder:"URL" help:"Your page about privacy, linked at the foot of every page."`

	// SecurityContact is whom to tell of a hole, in /.well-known/security.txt
	// (RFC 9116): a mailto: or https: URL.
	SecurityContact string `name:"security-contact" placeholder:"URL" help:"Whom to tell of a hole: mailto: or https:. Shown in /.well-known/security.txt."`

	// TimeZone is the zone of times in mails, a name of the IANA database.
	TimeZone string `name:"time-zone" placeholder:"ZONE" default:"UTC" help:"The zone of times in mails, for example Europe/Vienna. Default: UTC."`

	// TrustedProxies are the addresses and networks, with commas between
	// them, whose word about the client's address is believed.
	TrustedProxies string `name:"trusted-proxies" placeholder:"LIST" help:"Proxies whose X-Forwarded-For is believed: addresses and networks, with commas between them."`

	// AdminListen is the host:port of what is for the operator alone: metrics
	// (/metrics), the funnel of recoveries (/funnel) and profiles
	// (/debug/pprof/). "off" is none. It asks nobody for a password: it belongs
	// on a loopback address.
	AdminListen string `name:"admin-listen" placeholder:"HOST:PORT" default:"off" help:"Serve metrics (/metrics), how far recoveries come (/funnel) and profiles (/debug/pprof/) here, for example 127.0.0.1:9090. Default: off."`

	// Profile is the set of numbers that the installation goes by. In high a
	// password has 15 characters at least, a mailed or texted code or the app is
	// never the only proof, and no link stands in for a code.
	Profile string `name:"profile" placeholder:"NAME" default:"consumer" help:"consumer, or high: passwords of 15 characters, and no mailed or texted code as the only proof. Default: consumer."`

	sources map[string]source // by name of the setting; nil without a command line
	problem error             // what was wrong with a source, for Check
	opened  bool              // the files of secrets have been read

	drawing   string
	public    *url.URL
	site      *url.URL
	smtp      *url.URL
	from      *mail.Address
	sms       *url.URL
	countries []string
	zone      *time.Location
	proxies   []netip.Prefix
}

// Origin is the public URL: scheme and host, in lower case, without a port
// that its scheme has anyway. It is nil before Check. It is the caller's own.
func (s *Settings) Origin() *url.URL { return clone(s.public) }

// Host is the host of the public URL as it stands in a Host header: with the
// port where it is not the scheme's own. It is empty before Check.
func (s *Settings) Host() string {
	if s.public == nil {
		return ""
	}
	return s.public.Host
}

// Site is SiteURL, or nil if there is none. It is nil before Check. It is the
// caller's own.
func (s *Settings) Site() *url.URL { return clone(s.site) }

// MailServer is SMTP, with a port, or nil if there is none. It is nil before
// Check. It holds the password: do not print it.
func (s *Settings) MailServer() *url.URL { return clone(s.smtp) }

// Sender is MailFrom, or nil if there is none. It is nil before Check.
func (s *Settings) Sender() *mail.Address {
	if s.from == nil {
		return nil
	}
	from := *s.from
	return &from
}

// TextGateway is SMS, or nil if there is none. It is nil before Check. It may
// hold a secret anywhere: print its host at most.
func (s *Settings) TextGateway() *url.URL { return clone(s.sms) }

// TextsTo reports whether numbers of a country get text messages: its code as
// ISO 3166 has it, in capitals. Before Check none do.
func (s *Settings) TextsTo(country string) bool {
	return s.sms != nil && country != "" && (slices.Contains(s.countries, country) || slices.Contains(s.countries, everywhere))
}

// Zone is TimeZone. It is UTC before Check.
func (s *Settings) Zone() *time.Location {
	if s.zone == nil {
		return time.UTC
	}
	return s.zone
}

// Proxies are TrustedProxies, each as a network. There are none before Check.
func (s *Settings) Proxies() []netip.Prefix { return append([]netip.Prefix(nil), s.proxies...) }

// Drawing is what stands in the file Mark, or empty if there is none. It is
// empty before Check.
func (s *Settings) Drawing() string { return s.drawing }

// SQLite is the path of the SQLite file, or empty with PostgreSQL.
func (s *Settings) SQLite() string {
	file, _ := strings.CutPrefix(s.Database.Reveal(), "sqlite:")
	if file == s.Database.Reveal() {
		return ""
	}
	return file
}

// High reports whether the profile is "high".
func (s *Settings) High() bool { return s.Profile == "high" }

// Pushes reports whether phones can be told what happens.
func (s *Settings) Pushes() bool { return s.Push == "on" }

// Admin is the host:port of the admin listener, or empty if it is off.
func (s *Settings) Admin() string {
	if s.AdminListen == "off" {
		return ""
	}
	return s.AdminListen
}

func clone(u *url.URL) *url.URL {
	if u == nil {
		return nil
	}
	c := *u
	return &c
}

// A setting is one field of Settings with what its tags say.
type setting struct {
	name     string // in the environment
	flag     string
	fallback string        // the default
	value    reflect.Value // settable, a string
}

// all lists the settings in the order of the fields. The tags are the one
// place where names and defaults stand; kong reads the same ones.
func (s *Settings) all() []setting {
	var list []setting
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		flag := f.Tag.Get("name")
		list = append(list, setting{
			name:     envName(flag),
			flag:     flag,
			fallback: f.Tag.Get("default"),
			value:    v.Field(i),
		})
	}
	return list
}

// shown is the value as it may be printed: a secret hides itself.
func (s setting) shown() string { return fmt.Sprint(s.value.Interface()) }

// prefix begins the name of every setting.
const prefix = "SPAREKEY_"

func envName(flag string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}
