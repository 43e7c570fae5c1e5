package web_test

import (
	"context"
	"crypto/hmac"
	"crypto/md5"  //nolint:gosec // what others have hashed codes with
	"crypto/sha1" //nolint:gosec // likewise
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sparekey/internal/sparekeytest"
)

// A thief has read the database, and looks for what opens something.
type thief struct {
	text   string   // all that was read
	values []string // its single values, to be used as salts and keys
}

// steals reads every row, and every file of an SQLite database, the parts that
// were deleted and the log that was not yet written back included.
func steals(t *testing.T, app *sparekeytest.App) thief {
	t.Helper()
	var th thief
	for _, rows := range app.Rows().Dump() {
		th.text += rows + "\n"
	}
	th.values = strings.FieldsFunc(th.text, func(r rune) bool { return r == '|' || r == '\n' })
	slices.Sort(th.values)
	th.values = slices.Compact(th.values)
	if path := app.Settings.SQLite(); path != "" {
		files, err := filepath.Glob(path + "*")
		if err != nil || len(files) == 0 {
			t.Fatalf("got no files of %s, %v, want some", path, err)
		}
		for _, file := range files {
			if file == app.Settings.KeyFile {
				continue
			}
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			th.text += string(raw)
		}
	}
	return th
}

// finds tells how a secret stands in what was stolen: as it is, or hashed in
// one of the ways that a thief can try on every code there is. Empty if it
// does not.
func (th thief) finds(secret string) string {
	if th.stands([]byte(secret)) {
		return "as it is"
	}
	hashes := map[string]func() hash.Hash{"MD5": md5.New, "SHA-1": sha1.New, "SHA-256": sha256.New, "SHA-512": sha512.New}
	for name, make := range hashes {
		sum := func(text string) []byte {
			h := make()
			h.Write([]byte(text))
			return h.Sum(nil)
		}
		if th.stands(sum(secret)) {
			return name
		}
		for _, value := range th.values {
			mac := hmac.New(make, []byte(value))
			mac.Write([]byte(secret))
			if th.stands(mac.Sum(nil)) || th.stands(sum(value+secret)) || th.stands(sum(secret+value)) ||
				th.stands(sum(value+":"+secret)) || th.stands(sum(secret+":"+value)) {
				return fmt.Sprintf("%s with %q", name, value)
			}
		}
	}
	return ""
}

// stands reports whether bytes stand in what was stolen, written in any way.
func (th thief) stands(b []byte) bool {
	for _, written := range []string{
		string(b), hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b)),
		strings.TrimRight(base64.StdEncoding.EncodeToString(b), "="), strings.TrimRight(base64.URLEncoding.EncodeToString(b), "="),
		strings.TrimRight(base32.StdEncoding.EncodeToString(b), "="), strings.ToLower(strings.TrimRight(base32.StdEncoding.EncodeToString(b), "=")),
	} {
		if strings.Contains(th.text, written) {
			return true
		}
	}
	return false
}

// A34, ASVS 6.5.3, 14.2.1: a thief with the whole database has nothing that
// opens anything: no code, not even as a hash that could be tried on all the
// codes there are, no link, no password, waiting ones of registrations
// included. What browsers hold stands there as hashes of 256 random bits.
func TestA34StolenDatabase(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		in := app.Register(mara, first)
		secrets := map[string]string{"password": first, "waiting password": second}
		fresh := app.Client()
		fresh.Get("/register").Submit("/register", "login", "new@example.com", "password", second).See(303)
		c, _ := recovering(app, mara)
		secrets["code"] = app.Code(mara)
		secrets["code of a registration"] = app.Code("new@example.com")
		letters := app.Sink.Mails(mara)
		secrets["link"] = strings.TrimPrefix(letters[len(letters)-1].StopURL(), sparekeytest.URL+"/stop/")
		answered(c, c.At(), "00000000").See(422)
		bearers := map[string]string{}
		for name, browser := range map[string]*sparekeytest.Client{"signed in": in, "recovering": c} {
			for cookie, value := range browser.Cookies {
				if !strings.HasSuffix(cookie, "-lang") && !strings.HasSuffix(cookie, "-misses") {
					bearers[name+": "+cookie] = value
				}
			}
		}
		if len(bearers) < 3 {
			t.Errorf("got cookies %v, want those of a session and of both browsers", bearers)
		}
		th := steals(t, app)
		for name, secret := range secrets {
			if how := th.finds(secret); how != "" || len(secret) < 8 {
				t.Errorf("%s %q: got it found %s, want it nowhere", name, secret, how)
			}
		}
		for name, secret := range bearers {
			if len(secret) < 43 || strings.Contains(th.text, secret) {
				t.Errorf("%s: got %d characters, found %v, want 256 bits, and nowhere", name, len(secret), strings.Contains(th.text, secret))
			}
		}
		// The thief does find what is there to be found.
		mac := hmac.New(sha256.New, []byte("a salt beside it"))
		mac.Write([]byte("41830977"))
		app.Rows().Exec(`INSERT INTO meta (key, value) VALUES ($1, $2)`, "a salt beside it", hex.EncodeToString(mac.Sum(nil)))
		if th := steals(t, app); th.finds("41830977") == "" {
			t.Error("got a keyed hash with its key beside it not found, want it found")
		}
	})
}

// A02: a mail server that is down, or that holds on to every mail, changes no
// page and keeps nobody waiting: the pages are the same to the byte, and they
// are there while the server still holds the mail.
func TestA02MailServerChangesNoPage(t *testing.T) {
	walk := func(t *testing.T, fault func(stage, to string) error) string {
		app := sparekeytest.New(t, sparekeytest.Options{Seed: 11})
		app.Register(mara, first)
		app.Sleep(48 * time.Hour)
		app.Sink.Fail(fault)
		var seen strings.Builder
		c := app.Client()
		seed := uint64(0)
		do := func(ask func() *sparekeytest.Page) *sparekeytest.Page {
			seed++
			app.Reseed(seed) // the worker draws more where it has to try again
			p := ask()
			fmt.Fprintf(&seen, "%d %v\n%s\n", p.Status, p.Header, p.Body)
			app.Deliver()
			return p
		}
		start := do(func() *sparekeytest.Page { return c.Get("/recover") })
		do(func() *sparekeytest.Page { return start.Submit("/recover", "login", mara) })
		for range 3 {
			page := do(func() *sparekeytest.Page { return c.Get(c.At()) })
			page = do(func() *sparekeytest.Page { return page.Submit("/answer", "code", "00000000") })
			app.Sleep(2 * time.Minute)
			do(func() *sparekeytest.Page { return page.Submit("/again") })
			do(func() *sparekeytest.Page { return c.Get(c.At() + "/ways") })
		}
		return seen.String()
	}
	well := walk(t, nil)
	for name, fault := range map[string]func(stage, to string) error{
		"down":     func(string, string) error { return sparekeytest.Reply(421) },
		"refusing": func(string, string) error { return sparekeytest.Reply(550) },
	} {
		equalLines(t, "a server that is "+name, strings.Split(well, "\n"), strings.Split(walk(t, fault), "\n"))
	}

	app := sparekeytest.New(t, sparekeytest.Options{})
	app.Register(mara, first)
	held, let := make(chan struct{}, 16), make(chan struct{})
	app.Sink.Fail(func(string, string) error {
		held <- struct{}{}
		<-let
		return nil
	})
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan struct{})
	go func() { app.Run(ctx); close(ran) }()
	c, _ := recovering(app, mara)
	<-held
	page := c.Get(c.At()).See(200)
	page.Submit("/answer", "code", "00000000").See(422)
	app.Sleep(time.Minute)
	page.Submit("/again").See(303)
	close(let)
	stop()
	<-ran
}
