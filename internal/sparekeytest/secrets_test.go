package sparekeytest

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// A probe is a test that may fail: it keeps what went wrong, and ends when it
// is told to.
type probe struct {
	testing.TB
	wrong []string
	ends  []func()
}

func (p *probe) Errorf(format string, args ...any) {
	p.wrong = append(p.wrong, fmt.Sprintf(format, args...))
}

func (p *probe) Cleanup(end func()) { p.ends = append(p.ends, end) }

func (p *probe) end() {
	for _, end := range slices.Backward(p.ends) {
		end()
	}
}

// inAllForms writes a secret in the forms in which it could leak, by name; each
// with others around it.
func inAllForms(secret string) map[string]string {
	std, web := base64.StdEncoding, base64.RawURLEncoding
	return map[string]string{
		"plain":        "a " + secret + ".",
		"hex":          "a" + hex.EncodeToString([]byte(secret)) + "f",
		"HEX":          strings.ToUpper(hex.EncodeToString([]byte("a" + secret))),
		"base64":       std.EncodeToString([]byte(secret)),
		"base64 later": std.EncodeToString([]byte("k" + secret + "~~~")),
		"base64 last":  web.EncodeToString([]byte("ke" + secret + "?")),
		"base64 URL":   web.EncodeToString([]byte("key" + secret + "??")),
		"URL":          "a=" + url.QueryEscape(secret) + "&b=c",
		"path":         "/" + url.PathEscape(secret) + "/",
	}
}

// A31, A34: whatever secret of a test stands in the database, in rows or in what
// is left of them, or in the log, and however it is written there, the test
// that owns the Sparekey fails. Cookies, passwords, codes, links and keys are
// its secrets; without a leak nothing fails.
func TestA31SecretsThatLeakAreFound(t *testing.T) {
	const email, password = "mara@example.com", `seven "quiet" herons & 1`
	for name, database := range map[string]string{"sqlite": "", "postgres": theSchemas.newPostgres(t)} {
		t.Run(name, func(t *testing.T) {
			p := &probe{TB: t}
			a := New(p, Options{Database: database})
			c := a.Register(email, password)
			c.Get("/account/password").Submit("/account/password").See(303)
			other := a.Client()
			other.Get("/recover").Submit("/recover", "login", email).See(303)
			secrets := map[string]string{"password": password, "code": a.Code(email), "session": c.Cookies["__Host-session"], "browser": other.Cookies["__Host-browser"]}
			letters := a.Sink.Mails(email)
			secrets["link"] = letters[len(letters)-1].StopURL()
			secrets["link"] = secrets["link"][strings.LastIndex(secrets["link"], ".")+1:]
			known, err := a.secrets()
			if err != nil {
				t.Fatal(err)
			}
			secrets["key"] = known[len(known)-1]
			if list, err := a.leaks(); err != nil || list != nil {
				t.Fatalf("got %q, %v, want nothing yet", list, err)
			}
			var want []string
			place, rows := "the table meta", a.Rows()
			if database == "" {
				place = "the database's file sparekey.db"
			}
			for kind, secret := range secrets {
				if !slices.Contains(known, secret) || len(secret) < 8 {
					t.Errorf("got secrets %q, want the %s %q among them", known, kind, secret)
				}
				for form, planted := range inAllForms(secret) {
					rows.Exec(`INSERT INTO meta (key, value) VALUES ($1, $2)`, kind+form, planted)
					a.built.Log.Info("planted", "value", planted)
				}
				for _, form := range []string{"plain", "hex", "base64", "URL"} {
					want = append(want, fmt.Sprintf("%q stands in %s as %s", secret, place, form))
					want = append(want, fmt.Sprintf("%q stands in the log as %s", secret, strings.Replace(form, "plain", "JSON", 1)))
				}
			}
			p.end()
			said := strings.ReplaceAll(strings.Join(p.wrong, "\n"), "sparekey.db-wal", "sparekey.db")
			for _, leak := range want {
				if !strings.Contains(said, leak) {
					t.Errorf("got a test that does not fail because %s, want it to", leak)
				}
			}
		})
	}
}

// Each form is found by itself and under its name, in pieces of any size; what
// is not there, or is a part of a longer number, is not.
func TestSearch(t *testing.T) {
	for _, secret := range []string{"41830977", "41830977418309774183", "seven quiet herons", "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE", "åß✓ & ü"} {
		for form, planted := range inAllForms(secret) {
			s := newSearch()
			s.want("another secret")
			s.want(secret)
			for step := 1; step < 64; step += 9 {
				for piece := range slices.Chunk([]byte("before"+strings.Repeat(".", step)+planted+" after"), step) {
					s.Write(piece)
				}
				kind, _, _ := strings.Cut(strings.Replace(strings.Replace(form, "HEX", "hex", 1), "path", "URL", 1), " ")
				found := s.end()
				if !slices.ContainsFunc(found, func(w wanted) bool { return w.secret == secret && w.form == kind }) {
					t.Errorf("%q as %s, in pieces of %d: got %v, want it found", secret, form, step, found)
				}
			}
		}
	}
	s := newSearch()
	s.want("41830977")
	s.want("seven quiet herons")
	fmt.Fprint(s, "1777411418309770000 418309771 941830977 seven  quiet herons 4183 097 41830977")
	s.Write([]byte("5 seven quiet heron"))
	if found := s.end(); found != nil {
		t.Errorf("got %v, want nothing", found)
	}
	s.Write([]byte("s 4183 0977"))
	if found := s.end(); len(found) == 0 || slices.ContainsFunc(found, func(w wanted) bool { return w.secret != "41830977" }) {
		t.Errorf("got %v, want the code alone: what was written before an end is over", found)
	}
}

// The series of metrics that are Sparekey's own are searched, their labels too.
func TestMetricsAreSearched(t *testing.T) {
	s := newSearch()
	s.want("41830977")
	s.Write(ownSeries("go_x 1.41830977e+08\n# HELP sparekey_x\nsparekey_x{route=\"/stop/1234\"} 5\n"))
	if found := s.end(); found != nil {
		t.Errorf("got %v, want nothing", found)
	}
	s.Write(ownSeries("go_x 1\nsparekey_x{route=\"/stop/41830977\"} 5\n"))
	if found := s.end(); len(found) == 0 {
		t.Error("got nothing, want the label that holds a code")
	}
	a := New(t, Options{})
	if own := string(ownSeries(a.metricsText())); !strings.Contains(own, `sparekey_flows_total{`) {
		t.Errorf("got %q, want the series of Sparekey", own)
	}
}

// A password that is a word of the program's own, or that was typed as a name
// too, is not looked for; any other is.
func TestSecretPasswords(t *testing.T) {
	m := newMinted()
	m.sent(strings.NewReader("login=Mara.Keller%40example.com&password=mara.keller&key=abcd+efgh&challenge=x"))
	m.sent(strings.NewReader("password=change-password&password_again=seven+quiet+herons"))
	m.sent(strings.NewReader("password=abcd+efgh"))
	got := m.secretPasswords()
	slices.Sort(got)
	if want := []string{"abcd efgh", "seven quiet herons"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
