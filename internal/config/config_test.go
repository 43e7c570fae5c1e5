package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sparekey/internal/config"
)

// A wrong setting ends the start with one line: its name, its value, the mend.
func TestEveryRefusalNamesSettingValueAndMend(t *testing.T) {
	for _, test := range []struct {
		env  string // NAME=value, with spaces between several
		want string // all of these, with | between them
	}{
		{"SPAREKEY_LISTEN=8080", `SPAREKEY_LISTEN "8080": needs host:port, for example 127.0.0.1:8080`},
		{"SPAREKEY_LISTEN=127.0.0.1:http", `SPAREKEY_LISTEN "127.0.0.1:http"|needs host:port`},
		{"SPAREKEY_LISTEN=127.0.0.1:70000", `SPAREKEY_LISTEN "127.0.0.1:70000"|needs host:port`},
		{"SPAREKEY_LISTEN=a_b!:80", `SPAREKEY_LISTEN "a_b!:80"|needs host:port`},
		{"SPAREKEY_LISTEN=:8080", `SPAREKEY_PUBLIC_URL is not set|SPAREKEY_LISTEN ":8080"|https://id.example.org`},
		{"SPAREKEY_LISTEN=0.0.0.0:8080", `SPAREKEY_PUBLIC_URL is not set|"0.0.0.0:8080"`},
		{"SPAREKEY_LISTEN=127.0.0.1:0", `SPAREKEY_PUBLIC_URL is not set|the port is known only later`},

		{"SPAREKEY_PUBLIC_URL=id.example.org", `SPAREKEY_PUBLIC_URL "id.example.org": needs https:// and a host`},
		{"SPAREKEY_PUBLIC_URL=ftp://id.example.org", `SPAREKEY_PUBLIC_URL "ftp://id.example.org": needs https://`},
		{"SPAREKEY_PUBLIC_URL=http://id.example.org", `"http://id.example.org": needs https:// (http:// is for this machine alone)`},
		{"SPAREKEY_PUBLIC_URL=http://localhost.example.org", `needs https:// (http://`},
		{"SPAREKEY_PUBLIC_URL=https://id.example.org/login", `"https://id.example.org/login": must end after the host`},
		{"SPAREKEY_PUBLIC_URL=https://id.example.org?a=b", `must end after the host`},
		{"SPAREKEY_PUBLIC_URL=https://id.example.org?", `must end after the host`},
		{"SPAREKEY_PUBLIC_URL=https://id.example.org#a", `must not hold a #`},
		{"SPAREKEY_PUBLIC_URL=https://ann:open-sesame@id.example.org", `SPAREKEY_PUBLIC_URL "https://ann:xxxxx@id.example.org": must not hold a name or a password`},
		{"SPAREKEY_PUBLIC_URL=https://id.example.org:0", `needs a port from 1 to 65535, or none`},
		{"SPAREKEY_PUBLIC_URL=https://id.example.org:", `needs a port from 1 to 65535, or none`},
		{"SPAREKEY_PUBLIC_URL=https://münchen.example", `"https://münchen.example"|xn--`},
		{"SPAREKEY_PUBLIC_URL=https://", `SPAREKEY_PUBLIC_URL "https://": needs https:// and a host`},

		{"SPAREKEY_SITE_URL=example.org", `SPAREKEY_SITE_URL "example.org": needs https:// and a host, for example https://www.example.org`},
		{"SPAREKEY_SITE_URL=http://www.example.org", `SPAREKEY_SITE_URL "http://www.example.org": needs https://`},

		{"SPAREKEY_DATABASE=sparekey.db", `SPAREKEY_DATABASE "sparekey.db": needs sqlite:PATH or postgres://`},
		{"SPAREKEY_DATABASE=sqlite:", `SPAREKEY_DATABASE "sqlite:": needs a path, for example sqlite:sparekey.db`},
		{"SPAREKEY_DATABASE=sqlite::memory:", `SPAREKEY_DATABASE "sqlite::memory:": needs a plain path`},
		{"SPAREKEY_DATABASE=sqlite:a.db?mode=ro", `"sqlite:a.db?mode=ro": needs a plain path`},
		{"SPAREKEY_DATABASE=sqlite:///a.db", `"sqlite:///a.db": needs a plain path`},
		{"SPAREKEY_DATABASE=mysql://ann:open-sesame@db/x", `SPAREKEY_DATABASE "mysql://ann:xxxxx@db/x": needs sqlite:PATH or postgres://`},
		{"SPAREKEY_DATABASE=postgres://ann:open/sesame@db/x", `SPAREKEY_DATABASE "xxxxx"|%40 and the like`},
		{"SPAREKEY_DATABASE=postgres://", `SPAREKEY_DATABASE "postgres://"`},
		{"SPAREKEY_DATABASE=host=db,password=open-sesame", `SPAREKEY_DATABASE "xxxxx"`},
		{"SPAREKEY_DATABASE=postgres://db/x", `SPAREKEY_KEY_FILE is not set: with PostgreSQL|/etc/sparekey/keys`},

		{"SPAREKEY_SMTP=mail.example.org:587", `SPAREKEY_SMTP "mail.example.org:587": needs smtp://user:password@host:port`},
		{"SPAREKEY_SMTP=ann:open-sesame@mail.example.org", `SPAREKEY_SMTP "xxxxx": needs smtp://`},
		{"SPAREKEY_SMTP=smtp://ann:open-sesame@", `SPAREKEY_SMTP "smtp://ann:xxxxx@": needs smtp://`},
		{"SPAREKEY_SMTP=smtp://ann:open#sesame@mail.example.org", `SPAREKEY_SMTP "xxxxx"`},
		{"SPAREKEY_SMTP=smtp://ann:1#sesame@mail.example.org", `SPAREKEY_SMTP "xxxxx"`},
		{"SPAREKEY_SMTP=smtp://ann:open@sesame@mail.example.org:0", `SPAREKEY_SMTP "xxxxx"`},
		{"SPAREKEY_SMTP=smtp://open-sesame@mail.example.org", `SPAREKEY_SMTP "smtp://xxxxx@mail.example.org": needs both a name and a password`},
		{"SPAREKEY_SMTP=smtp://ann:open-sesame@mail.example.org/inbox", `"smtp://ann:xxxxx@mail.example.org/inbox"`},
		{"SPAREKEY_SMTP=smtp://mail.example.org:0", `SPAREKEY_SMTP "smtp://mail.example.org:0": needs a port`},
		{"SPAREKEY_SMTP=https://mail.example.org", `SPAREKEY_SMTP "https://mail.example.org": needs smtp://`},

		{"SPAREKEY_MAIL_FROM=hello", `SPAREKEY_MAIL_FROM "hello": needs one address, for example Example <hello@example.org>`},
		{"SPAREKEY_MAIL_FROM=a@example.org,b@example.org", `SPAREKEY_MAIL_FROM "a@example.org,b@example.org": needs one address`},

		{"SPAREKEY_SMS=sms.example.org/send", `SPAREKEY_SMS "sms.example.org/send": needs https:// and the host of a webhook, or twilio://ACCOUNT:TOKEN@HOST/FROM`},
		{"SPAREKEY_SMS=ftp://ann:open-sesame@sms.example.org", `SPAREKEY_SMS "ftp://ann:xxxxx@sms.example.org": needs https://`},
		{"SPAREKEY_SMS=https:///send", `SPAREKEY_SMS "https:///send": needs https://`},
		{"SPAREKEY_SMS=https://sms.example.org/#open-sesame", `SPAREKEY_SMS "xxxxx": needs https://`},
		{"SPAREKEY_SMS=http://sms.example.org/", `SPAREKEY_SMS "http://sms.example.org/": needs https:// (http:// is for this machine alone`},
		{"SPAREKEY_SMS=http://sms.localhost/", `SPAREKEY_SMS "http://sms.localhost/": needs https:// (http://`},
		{"SPAREKEY_SMS=https://sms.example.org:0/", `SPAREKEY_SMS "https://sms.example.org:0/": needs a port from 1 to 65535, or none`},
		{"SPAREKEY_SMS=twilio://AC1:open-sesame@api.twilio.com", `SPAREKEY_SMS "twilio://AC1:xxxxx@api.twilio.com": needs twilio://ACCOUNT:TOKEN@HOST/FROM`},
		{"SPAREKEY_SMS=twilio://AC1:open-sesame@api.twilio.com/a/b", `needs twilio://ACCOUNT:TOKEN@HOST/FROM`},
		{"SPAREKEY_SMS=twilio://open-sesame@api.twilio.com/Lantern", `SPAREKEY_SMS "twilio://xxxxx@api.twilio.com/Lantern": needs twilio://`},
		{"SPAREKEY_SMS=twilio://AC1:open-sesame@api.twilio.com/+15005550006 SPAREKEY_SMS_SECRET=open-sesame-open-sesame", `SPAREKEY_SMS_SECRET "xxxxx": signs the calls of a webhook|leave it out`},
		{"SPAREKEY_SMS=https://sms.example.org/", `SPAREKEY_SMS_SECRET is not set: it signs the calls|openssl rand -hex 32`},
		{"SPAREKEY_SMS=https://sms.example.org/?key=open-sesame SPAREKEY_SMS_SECRET=open-sesame", `SPAREKEY_SMS_SECRET "xxxxx": has 11 bytes, at least 16 are needed`},
		{"SPAREKEY_SMS=https://sms.example.org/ SPAREKEY_SMS_SECRET=open-sesame-open-sesame", `SPAREKEY_SMS_COUNTRIES is not set: text messages go only to countries that are named; for example PT,ES`},
		{"SPAREKEY_SMS_COUNTRIES=PT,UK", `SPAREKEY_SMS_COUNTRIES "UK": is no code of ISO 3166; the United Kingdom is GB`},
		{"SPAREKEY_SMS_COUNTRIES=Portugal", `SPAREKEY_SMS_COUNTRIES "Portugal": needs codes of ISO 3166 with commas between them, for example PT,ES`},
		{"SPAREKEY_SMS_COUNTRIES=PT,", `SPAREKEY_SMS_COUNTRIES ""`},
		{"SPAREKEY_SMS_COUNTRIES=351", `SPAREKEY_SMS_COUNTRIES "351"`},
		{"SPAREKEY_SMS_SECRET_FILE=/dev/null", `SPAREKEY_SMS_SECRET_FILE "/dev/null": is empty; write the secret into it`},
		{"SPAREKEY_SMS_FILE=/nowhere/sms", `SPAREKEY_SMS_FILE "/nowhere/sms": no such file or directory`},
		{"SPAREKEY_SITE_NAME=" + strings.Repeat("é", 65), `SPAREKEY_SITE_NAME "ééé|has 65 characters, at most 64 fit; shorten it`},
		{"SPAREKEY_SITE_NAME=Spare\rkey", `SPAREKEY_SITE_NAME "Spare\rkey": needs a name on one line`},
		{"SPAREKEY_MARK=/nowhere/mark.svg", `SPAREKEY_MARK "/nowhere/mark.svg": no such file or directory; name a file with an SVG drawing`},
		{"SPAREKEY_MARK=/dev/null", `SPAREKEY_MARK "/dev/null": is empty; name a file with an SVG drawing`},
		{"SPAREKEY_MARK=/dev/zero", `SPAREKEY_MARK "/dev/zero": is larger than 1 MiB`},
		{"SPAREKEY_ACCENT=red", `SPAREKEY_ACCENT "red": needs # and six digits of 0-9 and A-F, for example #7A1F3D`},
		{"SPAREKEY_ACCENT=#FFF", `SPAREKEY_ACCENT "#FFF": needs # and six digits`},
		{"SPAREKEY_ACCENT=#0B5563;", `SPAREKEY_ACCENT "#0B5563;": needs # and six digits`},
		{"SPAREKEY_RADIUS=17", `SPAREKEY_RADIUS "17": needs a number from 0 to 16, for example 10`},
		{"SPAREKEY_RADIUS=-1", `SPAREKEY_RADIUS "-1": needs a number`},
		{"SPAREKEY_RADIUS=10px", `SPAREKEY_RADIUS "10px": needs a number`},
		{"SPAREKEY_HEADING_FONT=Lora;", `SPAREKEY_HEADING_FONT "Lora;": needs serif, sans, mono, or names of fonts`},
		{"SPAREKEY_HEADING_FONT=Lora}body{", `SPAREKEY_HEADING_FONT "Lora}body{"|for example Lora,serif`},
		{"SPAREKEY_HEADING_FONT=Lora,,serif", `SPAREKEY_HEADING_FONT "Lora,,serif"`},
		{"SPAREKEY_HEADING_FONT=url(x)", `SPAREKEY_HEADING_FONT "url(x)"`},
		{"SPAREKEY_HEADING_FONT=" + strings.Repeat("a", 201), `SPAREKEY_HEADING_FONT "aaa`},
		{"SPAREKEY_TIME_ZONE=Vienna", `SPAREKEY_TIME_ZONE "Vienna": needs a name of the IANA time zones, for example Europe/Vienna`},
		{"SPAREKEY_TIME_ZONE=Local", `SPAREKEY_TIME_ZONE "Local"`},
		{"SPAREKEY_TRUSTED_PROXIES=10.0.0.7,proxy", `SPAREKEY_TRUSTED_PROXIES "proxy": needs addresses and networks`},
		{"SPAREKEY_TRUSTED_PROXIES=10.0.0.0/33", `SPAREKEY_TRUSTED_PROXIES "10.0.0.0/33"`},
		{"SPAREKEY_TRUSTED_PROXIES=10.0.0.7,", `SPAREKEY_TRUSTED_PROXIES ""`},
		{"SPAREKEY_TRUSTED_PROXIES=0.0.0.0/0", `SPAREKEY_TRUSTED_PROXIES "0.0.0.0/0": would believe everybody`},
		{"SPAREKEY_TRUSTED_PROXIES=fe80::1%eth0", `SPAREKEY_TRUSTED_PROXIES "fe80::1%eth0"`},
		{"SPAREKEY_ADMIN_LISTEN=9090", `SPAREKEY_ADMIN_LISTEN "9090": needs host:port, for example 127.0.0.1:9090, or off`},
		{"SPAREKEY_ADMIN_LISTEN=127.0.0.1:8080", `SPAREKEY_ADMIN_LISTEN "127.0.0.1:8080": is where the pages are served`},
		{"SPAREKEY_PROFILE=low", `SPAREKEY_PROFILE "low": needs a profile that exists: consumer or high`},
		{"SPAREKEY_PROFILE=low", `SPAREKEY_PROFILE "low": needs a profile that exists: consumer`},

		{"SPAREKEY_SMTP_FILE=/nowhere/smtp", `SPAREKEY_SMTP_FILE "/nowhere/smtp": no such file or directory; name a file that can be read`},
		{"SPAREKEY_SMTP=smtp://localhost SPAREKEY_SMTP_FILE=/nowhere/smtp", `SPAREKEY_SMTP_FILE "/nowhere/smtp": is set together with SPAREKEY_SMTP; keep one of the two`},
		{"SPAREKEY_DATABASE_FILE=/dev/null", `SPAREKEY_DATABASE_FILE "/dev/null": is empty; write the URL into it`},
		{"SPAREKEY_DATABASE_FILE=/dev/zero", `SPAREKEY_DATABASE_FILE "/dev/zero": is larger than 1 MiB`},

		{"SPAREKEY_CONFIG=/nowhere/sparekey.conf", `SPAREKEY_CONFIG "/nowhere/sparekey.conf": no such file or directory`},
		{"SPAREKEY_LISTN=open-sesame", `SPAREKEY_LISTN: no such setting; did you mean SPAREKEY_LISTEN?`},
		{"SPAREKEY_PUBLIC_ADDRESS=open-sesame", `SPAREKEY_PUBLIC_ADDRESS: no such setting; remove it`},
	} {
		t.Run(test.env, func(t *testing.T) {
			err := run(&bytes.Buffer{}, strings.Split(test.env, " "), "config")
			if err == nil {
				t.Fatalf("%s: got no error, want %s", test.env, test.want)
			}
			for want := range strings.SplitSeq(test.want, "|") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s:\ngot  %s\nwant %s", test.env, err, want)
				}
			}
			if strings.Contains(err.Error(), "sesame") {
				t.Errorf("%s: the secret is shown: %s", test.env, err)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: got more than one line: %s", test.env, err)
			}
		})
	}
}

// A wrong line of the file is named by its number, and its value is not shown.
func TestEveryRefusalOfAFileNamesTheLine(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"# mail\nSPAREKEY_SMPT=open-sesame", "line 2: SPAREKEY_SMPT: no such setting; did you mean SPAREKEY_SMTP?"},
		{"LISTEN=open-sesame", "line 1: needs NAME=value, for example SPAREKEY_SITE_NAME=Example"},
		{"open-sesame", "line 1: needs NAME=value"},
		{"export SPAREKEY_SITE_NAME=open-sesame", "line 1: needs NAME=value"},
		{"SPAREKEY_CONFIG=other", "line 1: SPAREKEY_CONFIG: a file cannot name another one; remove the line"},
		{"SPAREKEY_SITE_NAME=a\n\nSPAREKEY_SITE_NAME=b", "line 3: SPAREKEY_SITE_NAME: is set on line 1 already; keep one of them"},
		{`SPAREKEY_SMTP="smtp://open-sesame"`, "line 1: SPAREKEY_SMTP: has quotes around its value; write the value without them"},
		{`SPAREKEY_TEST_POSTGRES=x`, "line 1: SPAREKEY_TEST_POSTGRES: no such setting"},
	} {
		file := write(t, "sparekey.conf", test.text)
		err := run(&bytes.Buffer{}, nil, "config", "--config", file)
		if want := file + " " + test.want; err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q:\ngot  %v\nwant %s", test.text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "sesame") {
			t.Errorf("%q: the value is shown: %s", test.text, err)
		}
	}
}

// A flag wins over the environment, that over the file, that over the default;
// an empty value gives the next one its turn. Explain shows which it was.
func TestTheNearerSourceWins(t *testing.T) {
	file := write(t, "sparekey.conf", strings.Join([]string{
		"  SPAREKEY_SITE_NAME = From = file  ",
		"SPAREKEY_TIME_ZONE=Europe/Vienna",
		"SPAREKEY_MAIL_FROM=file@example.org",
		"SPAREKEY_TRUSTED_PROXIES=10.0.0.7",
	}, "\r\n"))
	env := []string{
		"SPAREKEY_CONFIG=" + file, "SPAREKEY_TIME_ZONE=Asia/Tokyo", "SPAREKEY_TRUSTED_PROXIES=",
		"SPAREKEY_MAIL_FROM=env@example.org", "SPAREKEY_TEST_POSTGRES=postgres:///", "HOME=/root",
	}
	var out bytes.Buffer
	if err := run(&out, env, "config", "--mail-from", "flag@example.org"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"SPAREKEY_MAIL_FROM flag@example.org flag",
		"SPAREKEY_TIME_ZONE Asia/Tokyo environment",
		"SPAREKEY_SITE_NAME From = file file " + file,
		"SPAREKEY_TRUSTED_PROXIES 10.0.0.7 file " + file,
		"SPAREKEY_LISTEN 127.0.0.1:8080 default",
		"SPAREKEY_PUBLIC_URL http://127.0.0.1:8080 default",
		"SPAREKEY_KEY_FILE sparekey.db.key default",
		"SPAREKEY_SMTP - default",
		"SPAREKEY_CONFIG " + file + " environment",
	} {
		if !slices.Contains(rows(out.String()), want) {
			t.Errorf("got\n%s\nwant the row %q", &out, want)
		}
	}
}

// A secret may come from a file. One that is given nearer wins over it, and
// reading the settings twice makes no difference.
func TestASecretMayComeFromAFile(t *testing.T) {
	file := write(t, "smtp", "smtps://ann:open-sesame@mail.example.org\n")
	env := []string{"SPAREKEY_SMTP_FILE=" + file}
	for want, args := range map[string][]string{
		"smtps://ann:open-sesame@mail.example.org:465": {"serve"},
		"smtp://localhost:2525":                        {"serve", "--smtp", "smtp://localhost:2525"},
	} {
		s := parse(t, env, args...)
		for range 2 {
			if err := s.Check(); err != nil {
				t.Fatal(err)
			}
			if got := s.MailServer().String(); got != want {
				t.Errorf("%v: got %s, want %s", args, got, want)
			}
		}
	}
	var out bytes.Buffer
	if err := run(&out, env, "config"); err != nil {
		t.Fatal(err)
	}
	want := "SPAREKEY_SMTP smtps://ann:xxxxx@mail.example.org SPAREKEY_SMTP_FILE " + file
	if !slices.Contains(rows(out.String()), want) {
		t.Errorf("got\n%s\nwant the row %q", &out, want)
	}
}

// The public URL becomes the origin that browsers send.
func TestThePublicURLIsAnOrigin(t *testing.T) {
	for _, test := range []struct{ listen, public, want, host string }{
		{"", "", "http://127.0.0.1:8080", "127.0.0.1:8080"},
		{"localhost:80", "", "http://localhost", "localhost"},
		{"[::1]:8081", "", "http://[::1]:8081", "[::1]:8081"},
		{":8080", "https://ID.Example.org", "https://id.example.org", "id.example.org"},
		{":8080", "https://id.example.org:443/", "https://id.example.org", "id.example.org"},
		{":8080", "https://id.example.org:8443", "https://id.example.org:8443", "id.example.org:8443"},
		{":8080", "http://shop.localhost:3000", "http://shop.localhost:3000", "shop.localhost:3000"},
		{":8080", "http://[::1]:80", "http://[::1]", "[::1]"},
	} {
		s := config.Settings{Listen: test.listen, PublicURL: test.public}
		if err := s.Check(); err != nil {
			t.Errorf("%+v: %v", test, err)
			continue
		}
		if got := s.Origin().String(); got != test.want || s.Host() != test.host {
			t.Errorf("%+v: got %s and host %s, want %s and %s", test, got, s.Host(), test.want, test.host)
		}
	}
}

// A program that has no command line gets the defaults of one that has.
func TestAProgramGetsTheSameDefaults(t *testing.T) {
	var program config.Settings
	if err := program.Check(); err != nil {
		t.Fatal(err)
	}
	command := parse(t, nil, "version")
	if err := command.Check(); err != nil {
		t.Fatal(err)
	}
	if program.Listen != command.Listen || program.Database != command.Database || program.KeyFile != command.KeyFile ||
		program.SiteName != command.SiteName || program.Zone() != command.Zone() || program.Admin() != command.Admin() ||
		program.Profile != command.Profile || program.SQLite() != "sparekey.db" || program.Sender() != nil || program.Site() != nil {
		t.Errorf("got %+v, want %+v", program, command)
	}
	if got := program.Source("SPAREKEY_LISTEN"); got != "default" {
		t.Errorf("source of the address: got %s, want default", got)
	}
	program.SiteName = "Example"
	if got := program.Source("SPAREKEY_SITE_NAME"); got != "program" {
		t.Errorf("source of the name: got %s, want program", got)
	}
}

// Proxies may be addresses or networks; what is one address in two dresses is
// one address.
func TestProxiesAreNetworks(t *testing.T) {
	s := config.Settings{TrustedProxies: "10.0.0.7, 192.168.3.4/16,::ffff:10.1.2.3,2001:db8::1"}
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	got, want := fmt.Sprint(s.Proxies()), "[10.0.0.7/32 192.168.0.0/16 10.1.2.3/32 2001:db8::1/128]"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A server needs a mail server and a sender; other commands do without.
func TestAServerNeedsMail(t *testing.T) {
	s := config.Settings{}
	if err := s.CheckServe(); err == nil || !strings.HasPrefix(err.Error(), "SPAREKEY_SMTP is not set: ") {
		t.Errorf("without a mail server: got %v", err)
	}
	s.SMTP = "smtp://localhost"
	if err := s.CheckServe(); err == nil || !strings.HasPrefix(err.Error(), "SPAREKEY_MAIL_FROM is not set: ") {
		t.Errorf("without a sender: got %v", err)
	}
	s.MailFrom = "Example <hello@example.org>"
	if err := s.CheckServe(); err != nil {
		t.Errorf("with both: %v", err)
	}
	if got := s.MailServer().Host; got != "localhost:587" {
		t.Errorf("mail server: got %s, want localhost:587", got)
	}
}

// Commands that need no settings work with broken ones, and help shows the
// names.
func TestCommandsWithoutSettingsDoNotCheckThem(t *testing.T) {
	var out bytes.Buffer
	if err := run(&out, []string{"SPAREKEY_LISTEN=8080", "SPAREKEY_LISTN=1"}, "version"); err != nil {
		t.Errorf("version: %v", err)
	}
	help := help(t)
	for _, want := range []string{"--listen=HOST:PORT", "SPAREKEY_LISTEN", "SPAREKEY_SMTP_FILE", "Settings\n"} {
		if !strings.Contains(help, want) {
			t.Errorf("help: got\n%s\nwant %s in it", help, want)
		}
	}
}

// What listens on other addresses than the machine's own and asks for no
// password is advised against.
func TestAnOpenAdminListenerIsAdvisedAgainst(t *testing.T) {
	for listen, want := range map[string]int{"off": 0, "127.0.0.1:9090": 0, "localhost:9090": 0, ":9090": 1, "10.0.0.1:9090": 1} {
		s := config.Settings{AdminListen: listen}
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		if got := s.Advice(); len(got) != want {
			t.Errorf("%s: got %q, want %d lines", listen, got, want)
		}
	}
}

// However a secret is printed, its password is not.
func TestSecretsHideThemselves(t *testing.T) {
	for raw, want := range map[config.Secret]string{
		"":                             "",
		"sqlite:a@b.db":                "sqlite:a@b.db",
		"smtp://localhost:25":          "smtp://localhost:25",
		"smtp://ann:sesame@mail:25":    "smtp://ann:xxxxx@mail:25",
		"smtp://sesame@mail:25":        "smtp://xxxxx@mail:25",
		"smtp://sesame:sesame@mail:25": "smtp://xxxxx:xxxxx@mail:25",
		"postgres://ann:sesame@db/x?sslmode=require":  "postgres://ann:xxxxx@db/x?sslmode=require",
		"postgres://ann:sesame@db1,db2:5433/x":        "postgres://ann:xxxxx@db1,db2:5433/x",
		"postgres://db/x?user=ann&password=sesame":    "postgres://db/x?password=xxxxx&user=ann",
		"postgres:///x?host=%2Frun&sslpassword=sesam": "postgres:///x?host=%2Frun&sslpassword=xxxxx",
		"https://sms/send?API_Key=sesame&token=sesam": "https://sms/send?API_Key=xxxxx&token=xxxxx",
		"twilio://AC1:sesame@api.twilio.com/+1500555": "twilio://AC1:xxxxx@api.twilio.com/+1500555",
		"postgres://ann:sesame;@db/x?a=1;b":           "postgres://ann:xxxxx@db/x?xxxxx",
		"postgres://ann:ses/ame@db":                   "xxxxx",
		"postgres://ann:1/sesame@db":                  "xxxxx",
		"postgres://ann:1?sesame@db":                  "xxxxx",
		"password=sesame":                             "xxxxx",
	} {
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("", "secret", raw)
		marshalled, err := json.Marshal(map[string]any{"s": raw})
		if err != nil {
			t.Fatal(err)
		}
		everywhere := fmt.Sprintf("%s %v %+v %#v %q %x %d %s %s %s", raw, raw, raw, raw, raw, raw, raw, &log, marshalled,
			errors.Join(fmt.Errorf("open %v", raw)))
		if strings.Contains(everywhere, "sesam") || strings.Contains(everywhere, "736573616d") {
			t.Errorf("%s is shown: %s", raw.Reveal(), everywhere)
		}
		if got := raw.String(); got != want {
			t.Errorf("%s: got %s, want %s", raw.Reveal(), got, want)
		}
	}
}

// Who asks for everything that is wrong gets it all, and of a source that cannot
// be read nothing but that.
func TestProblemsAreAllThereAre(t *testing.T) {
	s := parse(t, nil, "serve", "--listen", "8080", "--time-zone", "Nowhere", "--smtp", "ftp://x")
	var got []string
	for _, err := range s.Problems() {
		name, _, _ := strings.Cut(err.Error(), " ")
		got = append(got, name)
	}
	if want := "SPAREKEY_LISTEN SPAREKEY_SMTP SPAREKEY_TIME_ZONE SPAREKEY_MAIL_FROM"; strings.Join(got, " ") != want {
		t.Errorf("got problems with %q, want with %s", got, want)
	}
	if got := parse(t, nil, "serve", "--smtp-file", "nowhere").Problems(); len(got) != 1 {
		t.Errorf("got %q, want the file that is not there and nothing else", got)
	}
}

// parse reads a command line, and runs nothing.
func parse(t *testing.T, env []string, args ...string) *config.Settings {
	t.Helper()
	var cli commands
	parser, err := cli.parser(&bytes.Buffer{}, env)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(args); err != nil {
		t.Fatal(err)
	}
	return &cli.Settings
}

// help is what --help writes.
func help(t *testing.T) string {
	t.Helper()
	var cli commands
	var out bytes.Buffer
	parser, err := cli.parser(&out, nil)
	if err != nil {
		t.Fatal(err)
	}
	parser.Parse([]string{"serve", "--help"})
	return out.String()
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// rows are the lines of a table with one blank between columns.
func rows(table string) []string {
	var list []string
	for line := range strings.Lines(table) {
		list = append(list, strings.Join(strings.Fields(line), " "))
	}
	return list
}
