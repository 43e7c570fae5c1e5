package outbox

import (
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strings"
	"time"

	"sparekey/internal/lang"
	"sparekey/internal/secret"
)

// Facts are what a letter says about the request or event behind it. What is
// empty is not said.
type Facts struct {
	At      time.Time
	Address string // the client's address
	Browser string // the browser and system, from a closed list
}

// A Letter is what the mails to one address are written from.
type Letter struct {
	Lang    string // BCP 47; an unknown one is English
	To      string // the stored address
	Name    string // the person's name, or empty
	Purpose string // as in "recover"
	New     bool   // the code goes to an address that is being added
	Code    secret.Text
	StopURL string // the page that stops the request; empty leaves it out
	Facts   Facts
	// OpenURL is the page that stands in for a code, should this be the last
	// mail that may be sent until OpenUntil; empty if it is not.
	OpenURL   string
	OpenUntil time.Time
}

// A Notice is what the mails about something that happened are written from.
type Notice struct {
	Lang      string
	To        string
	Name      string
	Facts     []Facts   // one for each time it happened
	How       []string  // the kinds of the ways behind it, as in "mail"
	SignedOut int       // other devices that were signed out with it
	SecureURL string    // the page that takes the account back; empty leaves it out
	Erased    time.Time // when what it announces will happen
	About     []string  // the ways it is about: the kind, a blank, and a value or nothing
	Alone     time.Time
	Kind      string // of the last event
}

// times is how often it happened: once even if nothing is known of it.
func (n Notice) times() int { return max(len(n.Facts), 1) }

// LettersOptions are what Letters are built from.
type LettersOptions struct {
	Catalogue *lang.Catalogue
	SiteName  string
	PublicURL string // its host is where people are told to type codes
	Zone      *time.Location

	// Accent and DarkAccent are the colour of links on a white and on a dark
	// ground, "#RRGGBB"; empty is that of the pages as they come.
	Accent, DarkAccent string
}

// Letters write the mails and the text messages. They may be used by many
// goroutines.
type Letters struct {
	catalogue *lang.Catalogue
	site      string
	host      string
	domain    string // the host without its port
	recover   string
	zone      *time.Location
	accent    string
	dark      string // the accent on a dark ground
	html      *template.Template
}

// maxListed is how many of the merged events a notice lists: more would not be
// read, and the HTML has to stay below 8 KB.
const maxListed = 10

// NewLetters builds Letters. It reports a public URL without a host.
func NewLetters(o LettersOptions) (*Letters, error) {
	u, err := url.Parse(o.PublicURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("write letters: the public URL %q is not an address of the web", o.PublicURL)
	}
	if o.Catalogue == nil || o.SiteName == "" {
		return nil, errors.New("write letters: the catalogue or the name of the site is missing")
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Accent == "" || o.DarkAccent == "" {
		o.Accent, o.DarkAccent = "#0B5563", "#86D3DF"
	}
	html, err := template.ParseFS(templates, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("read mail templates: %w", err)
	}
	return &Letters{
		catalogue: o.Catalogue, site: o.SiteName, host: u.Host, domain: u.Hostname(),
		recover: strings.TrimSuffix(o.PublicURL, "/") + "/recover", zone: o.Zone,
		accent: o.Accent, dark: o.DarkAccent, html: html,
	}, nil
}

// Code writes the mail with a code. The code stands neither in the subject nor
// in the preview line, which a locked phone shows (A40).
func (l *Letters) Code(m Letter) (Mail, error) {
	if strings.Trim(m.Code.Reveal(), "0123456789") != "" || m.Code == "" {
		return Mail{}, errors.New("write letter: the code is not digits")
	}
	key, lead, to := "", "", m.To
	if m.New {
		m.Purpose = "new"
	}
	switch m.Purpose {
	case "new":
		// Nobody has proved this address yet: see "register".
		key, m.Name, m.To, m.StopURL = "mail.confirm", "", "", ""
	case "sign-in":
		key = "mail.second"
	case "rehearse":
		key = "mail.test"
	case "add-identifier", "add-way", "drop-way", "keep-way", "two-proofs":
		key, lead = "mail.you", "mail.you.ways"
	case "recover":
		key = "mail.recover"
	case "change-password":
		key = "mail.change"
	case "register":
		// Nobody has proved this address yet, so nothing is printed that
		// somebody may have typed for it: no name, no address (A39).
		key, m.Name, m.To, m.StopURL = "mail.register", "", "", ""
	case "choose-login":
		key, lead = "mail.you", "mail.you.login"
	case "export-data":
		key, lead = "mail.you", "mail.you.data"
	case "delete-account":
		key, lead = "mail.you", "mail.you.delete"
	default:
		return Mail{}, fmt.Errorf("write letter: no letter for the purpose %q", m.Purpose)
	}
	if lead == "" {
		lead = key + ".lead"
	}
	d := l.draft(m.Lang, key, m.Name)
	d.say(lead)
	d.code(m.Code)
	d.say(key + ".works")
	d.say("mail.guard")
	d.facts(m.Facts)
	d.say(key + ".not")
	if m.StopURL != "" {
		d.link("mail.stop", m.StopURL)
	}
	d.open(m)
	mail, err := d.mail(m.To)
	mail.To, mail.Code = to, m.Code
	return mail, err
}

// Exists writes the mail to somebody with whose address an account was to be
// created although there is one.
func (l *Letters) Exists(m Letter) (Mail, error) {
	d := l.draft(m.Lang, "mail.exists", m.Name)
	d.say("mail.exists.lead")
	d.say("mail.exists.forgot")
	d.facts(m.Facts)
	d.say("mail.exists.not")
	d.open(m)
	return d.mail(m.To)
}

// open leads past the caps on mails, if this one has used them up.
func (d *draft) open(m Letter) {
	if m.OpenURL != "" {
		d.say("mail.open", "Until", d.p.DateTime(m.OpenUntil, d.l.zone))
		d.link("mail.open.go", m.OpenURL)
	}
}

// Recover writes the mail by which the operator asks a person to choose a new
// password. It leads to the recovery page, as anybody finds it.
func (l *Letters) Recover(m Letter) (Mail, error) {
	d := l.draft(m.Lang, "mail.asked", m.Name)
	d.say("mail.asked.lead")
	d.say("mail.asked.how")
	d.link("mail.asked.go", l.recover)
	d.facts(m.Facts)
	d.say("mail.asked.not")
	return d.mail(m.To)
}

// PasswordChanged writes the notice that a password was changed, once or more
// often within the hour.
func (l *Letters) PasswordChanged(n Notice) (Mail, error) {
	d := l.draft(n.Lang, "mail.changed", n.Name)
	d.say("mail.changed.lead", "Count", n.times())
	d.facts(n.Facts...)
	if how := d.p.Ways(n.How); how != "" {
		d.row(row{Label: d.p.T("mail.how"), Text: how}, len(n.Facts) > 1)
	}
	if n.SignedOut > 0 {
		d.say("mail.changed.out", "Count", n.SignedOut)
	}
	d.say("mail.changed.ok")
	d.secure(n.SecureURL)
	return d.mail(n.To)
}

// secure leads whoever did not do it to the page that takes the account back.
func (d *draft) secure(to string) {
	if to != "" {
		d.say("mail.secure")
		d.link("mail.secure.go", to)
	}
}

// Happened writes the notice of something else that happened to the account:
// key is that of its messages, as in "mail.login".
func (l *Letters) Happened(key string, n Notice) (Mail, error) {
	d := l.draft(n.Lang, key, n.Name)
	d.say(key+".lead", "Day", d.p.Date(n.Erased, l.zone), "Way", d.about(n.About), "Alone", d.p.DayMonth(n.Alone, l.zone))
	d.facts(n.Facts...)
	d.secure(n.SecureURL)
	return d.mail(n.To)
}

// about names the ways that a notice is about, each once.
func (d *draft) about(all []string) any {
	var names []string
	for _, about := range all {
		kind, name, _ := strings.Cut(about, " ")
		if name != "" && len(all) == 1 {
			return lang.LTR(name)
		}
		if name == "" {
			name = d.p.T("mine." + kind)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, " · ")
}

// TwoProofs writes the notice that "Ask for two proofs" was turned on or off.
func (l *Letters) TwoProofs(n Notice, on bool) (Mail, error) {
	d := l.draft(n.Lang, "mail.two", n.Name)
	if on {
		d.say("mail.two.on")
	} else {
		d.say("mail.two.off")
	}
	d.facts(n.Facts...)
	d.secure(n.SecureURL)
	return d.mail(n.To)
}

// NewSignIn writes the notice that somebody signed in on a device the account
// had not seen, once or more often within the hour.
func (l *Letters) NewSignIn(n Notice) (Mail, error) {
	count := n.times()
	d := l.draft(n.Lang, "mail.new", n.Name, "Count", count)
	var last Facts
	for _, f := range n.Facts {
		if f.At.After(last.At) {
			last = f
		}
	}
	if count == 1 && last.Browser != "" {
		d.subject = d.p.T("mail.new.subject.on", "Site", l.site, "Browser", d.p.Browser(last.Browser))
	}
	d.pre = ""
	if !last.At.IsZero() {
		d.pre = d.p.T("mail.new.pre", "Day", d.p.DayMonth(last.At, l.zone), "Clock", d.p.Clock(last.At, l.zone))
	}
	if how := d.p.Ways(n.How); how != "" {
		d.say("mail.new.lead", "Count", count, "How", how)
	} else {
		d.say("mail.new.lead.bare", "Count", count)
	}
	d.facts(n.Facts...)
	d.say("mail.new.ok", "Count", count)
	d.secure(n.SecureURL)
	return d.mail(n.To)
}
