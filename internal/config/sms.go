package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// shortestSMSSecret is in bytes: as many as nobody guesses.
const shortestSMSSecret = 16

// checkSMS looks at where text messages go and at what signs them.
func (s *Settings) checkSMS() error {
	s.sms = nil
	if s.SMS == "" {
		return nil
	}
	refuse := func(mend string) error { return wrong("SMS", s.SMS.String(), mend) }
	u, err := url.Parse(s.SMS.Reveal())
	switch {
	case err != nil, u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "twilio", !hostname(u.Hostname()), u.Fragment != "":
		return refuse("needs https:// and the host of a webhook, or twilio://ACCOUNT:TOKEN@HOST/FROM")
	case u.Port() != "" && !portNumber(u.Port()):
		return refuse("needs a port from 1 to 65535, or none")
	case u.Scheme == "http" && !thisMachine(u.Hostname()):
		return refuse("needs https:// (http:// is for this machine alone, localhost or 127.0.0.1)")
	case u.Scheme == "twilio" && !twilio(u):
		return refuse("needs twilio://ACCOUNT:TOKEN@HOST/FROM, for example twilio://AC…:…@api.twilio.com/+15005550006")
	case u.Scheme == "twilio" && s.SMSSecret != "":
		return wrong("SMS_SECRET", s.SMSSecret.String(), "signs the calls of a webhook, and Twilio has its token in "+prefix+"SMS; leave it out")
	case u.Scheme != "twilio" && s.SMSSecret == "":
		return missing("SMS_SECRET", "it signs the calls of the webhook, which must know it too; for example the output of openssl rand -hex 32")
	case u.Scheme != "twilio" && len(s.SMSSecret) < shortestSMSSecret:
		return wrong("SMS_SECRET", s.SMSSecret.String(), fmt.Sprintf(
			"has %d bytes, at least %d are needed; for example the output of openssl rand -hex 32", len(s.SMSSecret), shortestSMSSecret))
	}
	s.sms = u
	return nil
}

// twilio reports whether a URL has all parts of twilio://ACCOUNT:TOKEN@HOST/FROM.
func twilio(u *url.URL) bool {
	token, _ := u.User.Password()
	from := strings.TrimPrefix(u.Path, "/")
	return u.User.Username() != "" && token != "" && from != "" && !strings.Contains(from, "/") && u.RawQuery == ""
}

// thisMachine is Loopback for those who connect: other names that end in
// localhost may lead anywhere.
func thisMachine(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback() || strings.EqualFold(host, "localhost")
}

// everywhere stands for all countries.
const everywhere = "*"

// checkCountries looks at whose numbers get text messages. A slip of the pen
// would go unnoticed: the people of that country would just get none.
func (s *Settings) checkCountries() error {
	s.countries = nil
	if strings.TrimSpace(s.SMSCountries) == "" {
		if s.SMS == "" {
			return nil
		}
		return missing("SMS_COUNTRIES", "text messages go only to countries that are named; for example PT,ES")
	}
	for part := range strings.SplitSeq(s.SMSCountries, ",") {
		country := strings.ToUpper(strings.TrimSpace(part))
		switch {
		case country == "UK":
			return wrong("SMS_COUNTRIES", part, "is no code of ISO 3166; the United Kingdom is GB")
		case country != everywhere && !slices.Contains(strings.Fields(countries), country):
			return wrong("SMS_COUNTRIES", part, "needs codes of ISO 3166 with commas between them, for example PT,ES; or * for all countries")
		}
		s.countries = append(s.countries, country)
	}
	return nil
}

// countries are those that have phone numbers, as ISO 3166 names them. AC, TA
// and XK are not in it, but in use.
const countries = `
AC AD AE AF AG AI AL AM AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BW BY BZ
CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR
GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GT GU GW GY HK HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP
KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS
MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PR PS PT PW PY QA RE RO RS RU
RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TA TC TD TG TH TJ TK TL TM TN TO TR TT TV TW TZ
UA UG US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW`
