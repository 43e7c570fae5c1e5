package doctor_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"sparekey/internal/doctor"
)

// dns starts a DNS server on this machine that knows the records of zone, by
// "TYPE name", and gives who asks it. Names that no record has do not exist. A
// nil list is never answered.
func dns(t *testing.T, zone map[string][]string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			if answer := answerTo(t, buffer[:n], zone); answer != nil {
				conn.WriteTo(answer, from) //nolint:errcheck // then there is no answer
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func answerTo(t *testing.T, query []byte, zone map[string][]string) []byte {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil || len(m.Questions) != 1 {
		t.Errorf("got %d questions, %v, want one", len(m.Questions), err)
		return nil
	}
	q := m.Questions[0]
	name := strings.TrimSuffix(q.Name.String(), ".")
	a := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true, RecursionAvailable: true, RCode: dnsmessage.RCodeNameError},
		Questions: m.Questions,
	}
	for key := range zone {
		if strings.HasSuffix(key, " "+name) || strings.HasSuffix(key, "."+name) {
			a.RCode = dnsmessage.RCodeSuccess // the name exists
		}
	}
	list, known := zone[strings.TrimPrefix(q.Type.String(), "Type")+" "+name]
	if known && list == nil {
		return nil
	}
	for _, text := range list {
		a.Answers = append(a.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60}, Body: body(q.Type, text),
		})
	}
	packed, err := a.Pack()
	if err != nil {
		t.Errorf("pack an answer: %v", err)
	}
	return packed
}

// body is a record with a text. A TXT record is cut in two, as long ones are.
func body(kind dnsmessage.Type, text string) dnsmessage.ResourceBody {
	switch kind {
	case dnsmessage.TypeA:
		return &dnsmessage.AResource{A: netip.MustParseAddr(text).As4()}
	case dnsmessage.TypeAAAA:
		return &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr(text).As16()}
	case dnsmessage.TypeMX:
		return &dnsmessage.MXResource{Pref: 10, MX: dnsmessage.MustNewName(strings.TrimSuffix(text, ".") + ".")}
	}
	half := len(text) / 2
	return &dnsmessage.TXTResource{TXT: []string{text[:half], text[half:]}}
}

// The sender's domain is looked at as those who get its mail will.
func TestDoctorSender(t *testing.T) {
	for _, test := range []struct {
		name  string
		from  string
		zone  map[string][]string
		wants []string
	}{
		{
			"nothing", "hello@lantern.shop", nil,
			[]string{
				"warning sender: lantern.shop has no SPF record", "warning sender: lantern.shop has no DMARC record",
				"hint sender: not found under the usual names", "warning sender: no MX record and no address",
			},
		},
		{
			"a domain above", "hello@mail.lantern.shop",
			map[string][]string{
				"TXT mail.lantern.shop": {"v=spf10 -all", "V=SPF1 ~all"}, "TXT _dmarc.lantern.shop": {"v=DMARC1; p=none; sp=reject"},
				"A mail.lantern.shop": {"192.0.2.1"}, "TXT k2._domainkey.mail.lantern.shop": {"k=rsa; p=MIIB"},
			},
			[]string{
				"ok sender: mail.lantern.shop has an SPF record", "ok sender: p=reject (at _dmarc.lantern.shop)",
				"ok sender: k2._domainkey.mail.lantern.shop", "hint sender: has no MX record",
			},
		},
		{
			"twice", "hello@lantern.shop",
			map[string][]string{
				"TXT lantern.shop":        {"v=spf1 -all", "v=spf1 mx -all"},
				"TXT _dmarc.lantern.shop": {"v=DMARC1; p=none", "v=DMARC1; p=reject"},
				"MX lantern.shop":         {"."},
			},
			[]string{"warning sender: 2 SPF records", "warning sender: 2 DMARC records", "warning sender: takes no mail (MX .)"},
		},
		{
			"lax", "hello@lantern.shop",
			map[string][]string{
				"TXT lantern.shop": {"v=spf1 mx +all"}, "TXT _dmarc.lantern.shop": {"v=DMARC1; p=none"},
				"TXT s1._domainkey.lantern.shop": {"v=DKIM1; p="}, "MX lantern.shop": {"mx1.lantern.shop", "mx2.lantern.shop"},
			},
			[]string{"warning sender: everybody send", "hint sender: p=none", "hint sender: not found under the usual names", "ok sender: takes mail"},
		},
		{
			"broken", "hello@lantern.shop",
			map[string][]string{"TXT _dmarc.lantern.shop": {"v=DMARC1; p=maybe"}},
			[]string{"warning sender: has no p= that is none"},
		},
		{
			"another script", "hello@b\u00fccher.shop",
			map[string][]string{"TXT xn--bcher-kva.shop": {"v=spf1 -all"}},
			[]string{"ok sender: xn--bcher-kva.shop has an SPF record"},
		},
		{"not public", "root@localhost", nil, []string{"warning sender: localhost is no domain of the public DNS"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := nowhere(t)
			s.MailFrom = test.from
			r := doctor.Look(background, doctor.Options{Settings: s, Resolver: dns(t, test.zone)})
			finds(t, r, test.wants...)
			if !r.Serves() {
				t.Errorf("got %s\nwant that Sparekey serves", text(t, r))
			}
		})
	}
}
