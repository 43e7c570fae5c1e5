package doctor

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
)

// domain is the sender's domain. public says whether the world's DNS can know
// it: a name of one label, or one that is reserved (RFC 6761, RFC 6762), is
// none of its.
func (d *doctor) domain() (name string, public bool) {
	s, err := d.smtp(d.Dial)
	if err != nil || s == nil {
		return "", false
	}
	name = strings.ToLower(s.Domain())
	top := name[strings.LastIndexByte(name, '.')+1:]
	return name, top != name && !slices.Contains([]string{"test", "example", "invalid", "localhost", "local"}, top)
}

// texts are the TXT records of a name. One that is not there has none.
func (d *doctor) texts(ctx context.Context, name string) ([]string, error) {
	list, err := d.Resolver.LookupTXT(ctx, name+".")
	if none(err) {
		return nil, nil
	}
	return list, err
}

// none reports whether err says that the DNS has no such name or record.
func none(err error) bool {
	var e *net.DNSError
	return errors.As(err, &e) && e.IsNotFound
}

// spf looks for the record that says who may send in the domain's name (RFC
// 7208). Whether it allows the mail server cannot be known here: mail leaves
// from other addresses than those it is handed in at.
func (d *doctor) spf(ctx context.Context) (n notes) {
	domain, public := d.domain()
	if !public {
		if domain != "" {
			n.add(Doubtful, "sender", "%s is no domain of the public DNS: others will refuse such mail; set SPAREKEY_MAIL_FROM to an address of yours", domain)
		}
		return n
	}
	all, err := d.texts(ctx, domain)
	if err != nil {
		n.add(Doubtful, "sender", "the SPF record of %s could not be looked up: %v", domain, err)
		return n
	}
	records := slices.DeleteFunc(all, func(text string) bool {
		version, _, _ := strings.Cut(text, " ")
		return !strings.EqualFold(version, "v=spf1")
	})
	switch {
	case len(records) == 0:
		n.add(Doubtful, "sender", `%s has no SPF record: add a TXT record, such as "v=spf1 mx include:YOUR-MAIL-PROVIDER -all"`, domain)
	case len(records) > 1:
		n.add(Doubtful, "sender", "%s has %d SPF records, so none counts: put them into one", domain, len(records))
	case slices.ContainsFunc(strings.Fields(records[0]), func(term string) bool {
		return strings.EqualFold(term, "+all") || strings.EqualFold(term, "all")
	}):
		n.add(Doubtful, "sender", "the SPF record of %s lets everybody send in its name: end it in -all or ~all", domain)
	default:
		n.add(Well, "sender", "%s has an SPF record: see that it includes your mail provider", domain)
	}
	return n
}

// dmarc looks for the record that says what becomes of forged mail (RFC 7489).
// The one of a domain above counts too.
func (d *doctor) dmarc(ctx context.Context) (n notes) {
	domain, public := d.domain()
	if !public {
		return n
	}
	for at := domain; strings.Contains(at, "."); _, at, _ = strings.Cut(at, ".") {
		all, err := d.texts(ctx, "_dmarc."+at)
		if err != nil {
			n.add(Doubtful, "sender", "the DMARC record of %s could not be looked up: %v", at, err)
			return n
		}
		records := slices.DeleteFunc(all, func(text string) bool { return tag(text, "v") != "DMARC1" })
		switch {
		case len(records) > 1:
			n.add(Doubtful, "sender", "%s has %d DMARC records, so none counts: keep one", at, len(records))
			return n
		case len(records) == 1:
			sayPolicy(&n, domain, at, records[0])
			return n
		}
	}
	n.add(Doubtful, "sender", `%s has no DMARC record: add a TXT record at _dmarc.%s, such as "v=DMARC1; p=quarantine"`, domain, domain)
	return n
}

// sayPolicy says what a DMARC record at a domain asks for.
func sayPolicy(n *notes, domain, at, record string) {
	policy := tag(record, "p")
	if sub := tag(record, "sp"); at != domain && sub != "" {
		policy = sub
	}
	switch policy {
	case "quarantine", "reject":
		n.add(Well, "sender", "%s has a DMARC record with p=%s (at _dmarc.%s)", domain, policy, at)
	case "none":
		n.add(Hint, "sender", "%s has a DMARC record with p=none: forged mail is only counted; once your own passes, say p=quarantine", domain)
	default:
		n.add(Doubtful, "sender", "the DMARC record at _dmarc.%s has no p= that is none, quarantine or reject: mend it", at)
	}
}

// tag is the value of a tag in a record like "v=DMARC1; p=none", or empty.
func tag(record, name string) string {
	for part := range strings.SplitSeq(record, ";") {
		if key, value, _ := strings.Cut(part, "="); strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// selectors are those that mail programs and large providers use. What they
// are called is free, so a key that is not found may be there all the same.
func selectors() []string {
	return []string{
		"default", "dkim", "mail", "email", "smtp", "key1", "s1", "s2", "selector1", "selector2", "google",
		"k1", "k2", "k3", "mandrill", "fm1", "fm2", "fm3", "protonmail", "zoho", "zmail", "mx", "resend", "pm",
	}
}

// dkim looks for the key by which mail is signed (RFC 6376), under the usual
// names.
func (d *doctor) dkim(ctx context.Context) (n notes) {
	domain, public := d.domain()
	if !public {
		return n
	}
	names := selectors()
	found, failed := make([]bool, len(names)), make([]error, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() {
			var list []string
			list, failed[i] = d.texts(ctx, name+"._domainkey."+domain)
			// An empty p= is a key that was called back.
			found[i] = slices.ContainsFunc(list, func(text string) bool { return tag(text, "p") != "" })
		})
	}
	all.Wait()
	broken := slices.IndexFunc(failed, func(err error) bool { return err != nil })
	switch i := slices.Index(found, true); {
	case i >= 0:
		n.add(Well, "sender", "%s has a DKIM key (at %s._domainkey.%s)", domain, names[i], domain)
	case broken >= 0:
		n.add(Doubtful, "sender", "a DKIM key of %s could not be looked up: %v", domain, failed[broken])
	default:
		n.add(Hint, "sender", "a DKIM key of %s is not found under the usual names: ask your mail provider whether mail is signed, and by which", domain)
	}
	return n
}

// mx looks whether the sender's domain takes mail: what cannot be delivered,
// and what people answer, goes there.
func (d *doctor) mx(ctx context.Context) (n notes) {
	domain, public := d.domain()
	if !public {
		return n
	}
	servers, err := d.Resolver.LookupMX(ctx, domain+".")
	if none(err) { // then its address counts (RFC 5321, section 5.1)
		if _, err = d.Resolver.LookupNetIP(ctx, "ip", domain+"."); none(err) {
			n.add(Doubtful, "sender", "%s has no MX record and no address: answers and bounces are lost, and some refuse such mail; add an MX record", domain)
			return n
		}
	}
	switch {
	case err != nil && len(servers) == 0:
		n.add(Doubtful, "sender", "the MX record of %s could not be looked up: %v", domain, err)
	case len(servers) == 1 && servers[0].Host == ".": // RFC 7505
		n.add(Doubtful, "sender", "%s says that it takes no mail (MX .), so some refuse mail from it; send from a domain that does", domain)
	case len(servers) == 0:
		n.add(Hint, "sender", "%s has no MX record; answers and bounces go to its address", domain)
	default:
		n.add(Well, "sender", "%s takes mail (MX %s)", domain, strings.TrimSuffix(servers[0].Host, "."))
	}
	return n
}
