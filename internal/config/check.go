package config

import (
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the zones, where the machine has none of its own
	"unicode"
	"unicode/utf8"
)

// longestSiteName is in characters. A longer one has no place on a phone.
const longestSiteName = 64

// Check reads the files of secrets, puts the defaults in the place of empty
// values and looks at every setting. The methods of s answer only after it.
// The error is one line for the person who starts the program: the name of the
// setting, its value, how to mend it. A second call looks again.
func (s *Settings) Check() error { return first(s.problems()) }

// CheckServe is Check for a server, which sends mail.
func (s *Settings) CheckServe() error { return first(s.Problems()) }

// Problems is CheckServe for those who want to know of everything that is
// wrong, and not of the first thing only.
func (s *Settings) Problems() []error {
	all := s.problems()
	if !s.opened {
		return all
	}
	if s.SMTP == "" {
		all = append(all, missing("SMTP", "the codes leave by mail; for example smtp://user:password@mail.example.org:587"))
	}
	if s.MailFrom == "" {
		all = append(all, missing("MAIL_FROM", "mails need a sender; for example Example <hello@example.org>"))
	}
	return all
}

// problems is what is wrong whatever the settings are for. A source that cannot
// be read comes alone: there is no telling what it would have said.
func (s *Settings) problems() (all []error) {
	if s.problem != nil {
		return []error{s.problem}
	}
	if err := s.readSecrets(); err != nil {
		return []error{err}
	}
	s.fillDefaults()
	for _, check := range []func() error{
		s.checkListen, s.checkDatabase, s.checkSMTP, s.checkMailFrom, s.checkSMS, s.checkCountries, s.checkSiteName,
		s.checkSiteURL, s.checkPages, s.checkLook, s.checkTimeZone, s.checkProxies, s.checkAdmin, s.checkProfile, s.checkPush,
	} {
		if err := check(); err != nil {
			all = append(all, err)
		}
	}
	return all
}

func first(all []error) error {
	if len(all) == 0 {
		return nil
	}
	return all[0]
}

// wrong is the line about a setting that cannot be used as it is.
func wrong(name, value, mend string) error {
	return fmt.Errorf("%s%s %q: %s", prefix, name, value, mend)
}

// missing is the line about a setting that must be given.
func missing(name, mend string) error {
	return fmt.Errorf("%s%s is not set: %s", prefix, name, mend)
}

// readSecrets takes secrets from the files that stand in for them, once.
func (s *Settings) readSecrets() error {
	if s.opened {
		return nil
	}
	for _, one := range []struct {
		name string
		file string
		into *string
		what string
	}{
		{"DATABASE", s.DatabaseFile, (*string)(&s.Database), "URL"},
		{"SMTP", s.SMTPFile, (*string)(&s.SMTP), "URL"},
		{"SMS", s.SMSFile, (*string)(&s.SMS), "URL"},
		{"SMS_SECRET", s.SMSSecretFile, (*string)(&s.SMSSecret), "secret"},
	} {
		direct, byFile := s.rank(prefix+one.name, *one.into), s.rank(prefix+one.name+"_FILE", one.file)
		if byFile == byDefault || direct > byFile {
			continue
		}
		if direct == byFile {
			return wrong(one.name+"_FILE", one.file, "is set together with "+prefix+one.name+"; keep one of the two")
		}
		text, err := readAll(one.file)
		if err != nil {
			return wrong(one.name+"_FILE", one.file, err.Error()+"; name a file that can be read")
		}
		*one.into = strings.TrimSpace(text)
		if *one.into == "" {
			return wrong(one.name+"_FILE", one.file, "is empty; write the "+one.what+" into it")
		}
		if s.sources != nil {
			s.sources[prefix+one.name] = source{byFile, prefix + one.name + "_FILE " + one.file}
		}
	}
	s.opened = true
	return nil
}

// fillDefaults puts the defaults that need no other setting in the place of
// empty values.
func (s *Settings) fillDefaults() {
	for _, one := range s.all() {
		if one.value.String() == "" && one.fallback != "" {
			one.value.SetString(one.fallback)
		}
	}
}

func (s *Settings) checkListen() error {
	host, _, ok := splitHostPort(s.Listen)
	if !ok {
		return wrong("LISTEN", s.Listen, "needs host:port, for example 127.0.0.1:8080")
	}
	if s.PublicURL == "" {
		if !Loopback(host) {
			return missing("PUBLIC_URL", "with "+prefix+"LISTEN "+strconv.Quote(s.Listen)+
				" it must say what people type; for example https://id.example.org")
		}
		if strings.HasSuffix(s.Listen, ":0") {
			return missing("PUBLIC_URL", "with "+prefix+"LISTEN "+strconv.Quote(s.Listen)+
				" the port is known only later; give a port, for example 127.0.0.1:8080")
		}
		s.PublicURL = "http://" + s.Listen
	}
	return s.checkPublicURL()
}

func (s *Settings) checkPublicURL() error {
	refuse := func(mend string) error { return wrong("PUBLIC_URL", hide(s.PublicURL), mend) }
	u, mend := webURL(s.PublicURL)
	switch {
	case mend != "":
		return refuse(mend + ", for example https://id.example.org")
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.ForceQuery:
		return refuse("must end after the host, for example https://id.example.org")
	}
	s.public = &url.URL{Scheme: u.Scheme, Host: u.Host}
	s.PublicURL = s.public.String()
	return nil
}

func (s *Settings) checkSiteURL() error {
	s.site = nil
	if s.SiteURL == "" {
		return nil
	}
	u, mend := webURL(s.SiteURL)
	if mend != "" {
		return wrong("SITE_URL", hide(s.SiteURL), mend+", for example https://www.example.org")
	}
	s.site = u
	return nil
}

// checkPages checks the addresses that pages name.
func (s *Settings) checkPages() error {
	for _, one := range []struct{ name, value string }{{"HELP_URL", s.HelpURL}, {"PRIVACY_URL", s.PrivacyURL}} {
		if one.value == "" {
			continue
		}
		if _, mend := webURL(one.value); mend != "" {
			return wrong(one.name, hide(one.value), mend+", for example https://www.example.org/help")
		}
	}
	if s.SecurityContact == "" {
		return nil
	}
	u, err := url.Parse(s.SecurityContact)
	if err != nil || u.Scheme != "https" && u.Scheme != "mailto" || strings.ContainsFunc(s.SecurityContact, unicode.IsSpace) {
		return wrong("SECURITY_CONTACT", s.SecurityContact, "needs mailto: or https://, for example mailto:security@example.org")
	}
	return nil
}

// webURL reads an address that browsers are sent to. It gives what is wrong
// with it, or an empty string.
func webURL(raw string) (u *url.URL, mend string) {
	u, err := url.Parse(raw)
	switch {
	case err != nil, u.Host == "", u.Scheme != "https" && u.Scheme != "http":
		return nil, "needs https:// and a host"
	case u.User != nil:
		return nil, "must not hold a name or a password: everybody sees it; leave out what stands before @"
	case strings.Contains(raw, "#"):
		return nil, "must not hold a #"
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	switch {
	case !hostname(host):
		return nil, "needs the host in letters, digits, dots and dashes (a name in another script in its xn-- form)"
	case port != "" && !portNumber(port), strings.HasSuffix(u.Host, ":"):
		return nil, "needs a port from 1 to 65535, or none"
	case u.Scheme == "http" && !Loopback(host):
		// Cookies of this server are Secure, and codes must not travel in the
		// open.
		return nil, "needs https:// (http:// is for this machine alone)"
	}
	if port == map[string]string{"https": "443", "http": "80"}[u.Scheme] {
		port = ""
	}
	u.Host = host
	if strings.Contains(host, ":") {
		u.Host = "[" + host + "]"
	}
	if port != "" {
		u.Host += ":" + port
	}
	return u, ""
}

func (s *Settings) checkDatabase() error {
	raw := s.Database.Reveal()
	if file, ok := strings.CutPrefix(raw, "sqlite:"); ok {
		switch {
		case file == "":
			return wrong("DATABASE", raw, "needs a path, for example sqlite:sparekey.db")
		case strings.HasPrefix(file, "//"), strings.Contains(file, ":memory:"), strings.ContainsAny(file, "?#"):
			return wrong("DATABASE", raw, "needs a plain path after sqlite:, for example sqlite:/var/lib/sparekey/sparekey.db")
		}
		if s.KeyFile == "" {
			s.KeyFile = file + ".key"
		}
		return nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.Host == "" && u.Query().Get("host") == "" {
		return wrong("DATABASE", s.Database.String(), "needs sqlite:PATH or postgres://user:password@host/name (special characters in the password as %40 and the like)")
	}
	if s.KeyFile == "" {
		return missing("KEY_FILE", "with PostgreSQL the keys are kept apart and given; for example /etc/sparekey/keys")
	}
	return nil
}

func (s *Settings) checkSMTP() error {
	s.smtp = nil
	if s.SMTP == "" {
		return nil
	}
	refuse := func(mend string) error { return wrong("SMTP", s.SMTP.String(), mend) }
	const example = "needs smtp://user:password@host:port, or smtps:// (special characters in the password as %40 and the like)"
	u, err := url.Parse(s.SMTP.Reveal())
	switch {
	case err != nil, u.Scheme != "smtp" && u.Scheme != "smtps", !hostname(u.Hostname()),
		u.Path != "" && u.Path != "/", u.RawQuery != "", u.Fragment != "":
		return refuse(example)
	case u.Port() != "" && !portNumber(u.Port()):
		return refuse("needs a port from 1 to 65535, for example :587")
	}
	if u.User != nil {
		if password, ok := u.User.Password(); !ok || password == "" || u.User.Username() == "" {
			return refuse("needs both a name and a password, or none")
		}
	}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), map[string]string{"smtp": "587", "smtps": "465"}[u.Scheme])
	}
	u.Path = ""
	s.smtp = u
	return nil
}

func (s *Settings) checkMailFrom() error {
	s.from = nil
	if s.MailFrom == "" {
		return nil
	}
	from, err := mail.ParseAddress(s.MailFrom)
	// A line break would begin another header.
	if err != nil || hasControl(from.Name) || hasControl(from.Address) {
		return wrong("MAIL_FROM", s.MailFrom, "needs one address, for example Example <hello@example.org>")
	}
	s.from = from
	return nil
}

func (s *Settings) checkSiteName() error {
	// It stands in the subject of mails: a line break would begin a header.
	if hasControl(s.SiteName) || strings.TrimSpace(s.SiteName) == "" || !utf8.ValidString(s.SiteName) {
		return wrong("SITE_NAME", s.SiteName, "needs a name on one line, for example Example")
	}
	if n := utf8.RuneCountInString(s.SiteName); n > longestSiteName {
		return wrong("SITE_NAME", s.SiteName, fmt.Sprintf("has %d characters, at most %d fit; shorten it", n, longestSiteName))
	}
	return nil
}

func (s *Settings) checkTimeZone() error {
	zone, err := time.LoadLocation(s.TimeZone)
	if err != nil || s.TimeZone == "Local" { // "Local" is what the machine happens to have
		return wrong("TIME_ZONE", s.TimeZone, "needs a name of the IANA time zones, for example Europe/Vienna")
	}
	s.zone = zone
	return nil
}

func (s *Settings) checkProxies() error {
	s.proxies = nil
	if strings.TrimSpace(s.TrustedProxies) == "" {
		return nil
	}
	for part := range strings.SplitSeq(s.TrustedProxies, ",") {
		part = strings.TrimSpace(part)
		network, ok := parseNetwork(part)
		if !ok {
			return wrong("TRUSTED_PROXIES", part, "needs addresses and networks with commas between them, for example 10.0.0.7,192.168.0.0/24")
		}
		if network.Bits() == 0 {
			// Whoever is believed names the client's address.
			return wrong("TRUSTED_PROXIES", part, "would believe everybody; name the proxies, for example 10.0.0.7")
		}
		s.proxies = append(s.proxies, network)
	}
	return nil
}

func parseNetwork(text string) (netip.Prefix, bool) {
	if network, err := netip.ParsePrefix(text); err == nil {
		return network.Masked(), !network.Addr().Is4In6()
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), true
}

func (s *Settings) checkAdmin() error {
	if s.Admin() == "" {
		return nil
	}
	if _, _, ok := splitHostPort(s.AdminListen); !ok {
		return wrong("ADMIN_LISTEN", s.AdminListen, "needs host:port, for example 127.0.0.1:9090, or off")
	}
	if s.AdminListen == s.Listen && !strings.HasSuffix(s.Listen, ":0") {
		return wrong("ADMIN_LISTEN", s.AdminListen, "is where the pages are served; give it a port of its own, for example 127.0.0.1:9090")
	}
	return nil
}

func (s *Settings) checkProfile() error {
	switch s.Profile {
	case "consumer", "high":
		return nil
	}
	return wrong("PROFILE", s.Profile, "needs a profile that exists: consumer or high")
}

func (s *Settings) checkPush() error {
	switch s.Push {
	case "on", "off":
		return nil
	}
	return wrong("PUSH", s.Push, "needs on or off")
}

// Advice is what s permits and should better not be, a line each, to be
// logged at the start. It is for after Check.
func (s *Settings) Advice() (lines []string) {
	if host, _, ok := splitHostPort(s.Admin()); ok && !Loopback(host) {
		lines = append(lines, wrong("ADMIN_LISTEN", s.AdminListen,
			"asks nobody for a password; 127.0.0.1 keeps it on this machine").Error())
	}
	if s.sms != nil && slices.Contains(s.countries, everywhere) {
		lines = append(lines, wrong("SMS_COUNTRIES", s.SMSCountries,
			"lets strangers have you pay for text messages to anywhere; name the countries of your people, for example PT,ES").Error())
	}
	return lines
}

// splitHostPort takes host:port apart. The port is a number from 0 (any) to
// 65535; the host may be empty, which is every address of the machine.
func splitHostPort(text string) (host, port string, ok bool) {
	host, port, err := net.SplitHostPort(text)
	if err != nil || host != "" && !hostname(host) || port != "0" && !portNumber(port) {
		return "", "", false
	}
	return host, port, true
}

func portNumber(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// hostname reports whether host is an address, or a name of letters, digits,
// dots, dashes and underscores.
func hostname(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	other := func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(".-_", r))
	}
	return host != "" && len(host) <= 253 && !strings.ContainsFunc(host, other) && strings.Trim(host, ".-") != ""
}

// Loopback reports whether host is this machine: the two cases in which
// browsers hold http:// for safe (W3C Secure Contexts).
func Loopback(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap().IsLoopback()
	}
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// hide is a value that should hold no secret, but may by mistake.
func hide(value string) string { return Secret(value).String() }

func hasControl(text string) bool { return strings.ContainsFunc(text, unicode.IsControl) }
