package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"sparekey/internal/config"
	"sparekey/internal/ident"
)

// texts are settings that send text messages to two countries.
func texts() *config.Settings {
	return &config.Settings{SMS: "https://sms.example.org/send", SMSSecret: "open-sesame-open-sesame", SMSCountries: " pt,ES "}
}

// Text messages go to the countries that are named and to no others; without a
// gateway, or before the settings are looked at, to none.
func TestTextsGoToNamedCountries(t *testing.T) {
	s := texts()
	if s.TextsTo("PT") || s.TextGateway() != nil {
		t.Error("before Check: got text messages, want none")
	}
	for range 2 {
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		for country, want := range map[string]bool{"PT": true, "ES": true, "GB": false, "pt": false, "": false, "*": false} {
			if got := s.TextsTo(country); got != want {
				t.Errorf("to %q: got %v, want %v", country, got, want)
			}
		}
		if got := s.TextGateway().Host; got != "sms.example.org" {
			t.Errorf("got the gateway %s, want that of the setting", got)
		}
		if got := s.Advice(); got != nil {
			t.Errorf("got the advice %q, want none", got)
		}
	}
	s.SMS = ""
	if err := s.Check(); err != nil || s.TextsTo("PT") || s.TextGateway() != nil {
		t.Errorf("without a gateway: got text messages, or %v", err)
	}
}

// All countries at once are advised against.
func TestTextsToEverywhereAreAdvisedAgainst(t *testing.T) {
	s := texts()
	s.SMSCountries = "*"
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	if !s.TextsTo("PT") || !s.TextsTo("TV") || s.TextsTo("") {
		t.Error("to all countries: got one left out, or numbers of none")
	}
	if got := s.Advice(); len(got) != 1 || !strings.HasPrefix(got[0], `SPAREKEY_SMS_COUNTRIES "*": `) {
		t.Errorf("got the advice %q, want one about the countries", got)
	}
	s.AdminListen = ":9090"
	if got := s.Advice(); len(got) != 2 {
		t.Errorf("got the advice %q, want both", got)
	}
}

// A gateway on this machine needs no TLS, and Twilio no secret of its own.
func TestTextGateways(t *testing.T) {
	for raw, secret := range map[config.Secret]config.Phrase{
		"http://127.0.0.1:8090/texts": "0123456789abcdef", "http://localhost:8090": "0123456789abcdef", "http://[::1]/": "0123456789abcdef",
		"https://ann:open-sesame@sms.example.org/send?a=b":             "0123456789abcdef",
		"twilio://AC1:open-sesame@api.twilio.com/+15005550006":         "",
		"twilio://AC1:open-sesame@sms.example.org:8443/Lantern%20Shop": "",
	} {
		s := texts()
		s.SMS, s.SMSSecret = raw, secret
		if err := s.Check(); err != nil || s.TextGateway() == nil {
			t.Errorf("%s: got %v, want a gateway", raw, err)
		}
	}
}

// Where text messages go and what signs them may come from files.
func TestTextSecretsMayComeFromFiles(t *testing.T) {
	gateway, secret := write(t, "sms", "https://sms.example.org/send\n"), write(t, "secret", "open-sesame-open-sesame\n")
	s := parse(t, []string{"SPAREKEY_SMS_FILE=" + gateway, "SPAREKEY_SMS_SECRET_FILE=" + secret, "SPAREKEY_SMS_COUNTRIES=PT"}, "serve")
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	if s.SMSSecret.Reveal() != "open-sesame-open-sesame" || s.TextGateway().Path != "/send" {
		t.Error("got other values than those of the files")
	}
	if got, want := s.Source("SPAREKEY_SMS_SECRET"), "SPAREKEY_SMS_SECRET_FILE "+secret; got != want {
		t.Errorf("got the source %q, want %q", got, want)
	}
	s = parse(t, []string{"SPAREKEY_SMS_SECRET=another", "SPAREKEY_SMS_SECRET_FILE=" + secret}, "serve")
	if err := s.Check(); err == nil || !strings.Contains(err.Error(), "is set together with SPAREKEY_SMS_SECRET") {
		t.Errorf("got %v, want that one of the two is too many", err)
	}
}

// The countries are those that have phone numbers, each by its own code.
func TestCountriesAreThoseWithNumbers(t *testing.T) {
	all, err := ident.Countries()
	if err != nil {
		t.Fatal(err)
	}
	for _, region := range all {
		s := texts()
		s.SMSCountries = region
		if err := s.Check(); err != nil || !s.TextsTo(region) {
			t.Errorf("%s: got %v, want text messages there", region, err)
		}
	}
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			s := texts()
			s.SMSCountries = string(a) + string(b)
			if taken, has := s.Check() == nil, slices.Contains(all, s.SMSCountries); taken != has {
				t.Errorf("%s: got it taken: %v, want %v", s.SMSCountries, taken, has)
			}
		}
	}
}

// However a phrase is printed, it is not.
func TestPhrasesHideThemselves(t *testing.T) {
	const phrase = config.Phrase("open-sesame")
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("", "phrase", phrase)
	marshalled, err := json.Marshal(map[string]any{"s": phrase})
	if err != nil {
		t.Fatal(err)
	}
	everywhere := fmt.Sprintf("%s %v %+v %#v %q %x %d %s %s %s %#v", phrase, phrase, phrase, phrase, phrase, phrase, phrase, &log, marshalled,
		fmt.Errorf("open %v", phrase), struct{ P config.Phrase }{phrase})
	if strings.Contains(everywhere, "sesame") || strings.Contains(everywhere, "736573616d") {
		t.Errorf("it is shown: %s", everywhere)
	}
	if got := config.Phrase("").String(); got != "" {
		t.Errorf("an empty one: got %q, want nothing", got)
	}
}
