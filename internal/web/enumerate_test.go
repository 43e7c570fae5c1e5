package web_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
	"sparekey/internal/store"
)

// enumGhost is nobody's address, and as long as mara's.
const enumGhost = "gwen@example.com"

// enumSeen is all that a person can tell of an answer: its status, the names
// of its headers and what is read, with what was typed left out, and its size.
func enumSeen(p *sparekeytest.Page, typed string) string {
	var names []string
	for name := range p.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	return fmt.Sprintf("%d %v %d bytes: %s", p.Status, names, len(p.Body), strings.ReplaceAll(p.Text(), typed, "…"))
}

// enumSame fails the test unless somebody and nobody see the same.
func enumSame(t *testing.T, what string, somebody, nobody *sparekeytest.Page) {
	t.Helper()
	if got, want := enumSeen(somebody, mara), enumSeen(nobody, enumGhost); got != want {
		t.Errorf("%s:\n got %s\nwant %s, as for nobody", what, got, want)
	}
}

// A sign-in hashes once and runs the same statements with the same rows,
// whoever is typed: with an account or without, paused, added and never
// proved, without a password, with the budget spent, or no login at all
// (A03, ASVS 6.3.8).
func TestA03OneHashPerSignIn(t *testing.T) {
	trace := &enumTrace{}
	sparekeytest.EachDBWith(t, sparekeytest.Options{Trace: trace.add}, func(t *testing.T, app *sparekeytest.App) {
		ctx := context.Background()
		app.Register(mara, first)
		for _, who := range []string{"paused", "unproved", "spent"} {
			id, err := app.Accounts.Add(ctx, who+"@example.com", who, "")
			if err != nil {
				t.Fatal(err)
			}
			if who != "unproved" {
				machineRecover(app, app.Client(), who+"@example.com", first)
			}
			if who == "paused" {
				if _, err := app.Accounts.Disable(ctx, id); err != nil {
					t.Fatal(err)
				}
			}
		}
		for range sparekey.PasswordBudget()[0].Max {
			app.Client().Post("/signin", "login", "spent", "password", second).See(422)
		}
		app.Sleep(time.Minute)
		var want []string
		for _, login := range []string{
			enumGhost, "gwen", mara, "paused@example.com", "paused", "unproved@example.com", "unproved", "spent@example.com", "spent",
			"no login at all", "ma", "@", strings.Repeat("a", 300), "mara@example.com@example.com",
		} {
			form := app.Client().Get("/signin")
			trace.take()
			before := app.Hasher.Stats().Hashes
			form.Submit("/signin", "login", login, "password", second).See(422).Says("We couldn’t sign you in with that.")
			if got := app.Hasher.Stats().Hashes - before; got != 1 {
				t.Errorf("sign-in as %q: got %d hashes, want 1", login, got)
			}
			got := trace.take()
			if want == nil {
				want = got
			}
			equalLines(t, "sign-in as "+login, want, got)
		}
		// With the right password too, and with one that nothing is compared with.
		for login, status := range map[string]int{mara: 303, "paused": 403, "spent": 422} {
			before := app.Hasher.Stats().Hashes
			app.Client().Get("/signin").Submit("/signin", "login", login, "password", first).See(status)
			if got := app.Hasher.Stats().Hashes - before; got != 1 {
				t.Errorf("sign-in as %s with the right password: got %d hashes, want 1", login, got)
			}
		}
	})
}

// The request that starts a recovery or a registration looks nobody up: it
// touches no other table than those it writes. A look-up with the same rows for
// all would take its time by what it finds (A01, A02).
func TestA02StartsLookNobodyUp(t *testing.T) {
	trace := &enumTrace{}
	sparekeytest.EachDBWith(t, sparekeytest.Options{Trace: trace.add}, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		c := app.Client()
		for path, form := range map[string][]string{
			"/recover":  {"login", mara},
			"/register": {"login", mara, "password", first},
		} {
			page := c.Get(path)
			trace.take()
			page.Submit(path, form...).See(303)
			var tables []string
			for _, statement := range trace.take() {
				for _, found := range enumTable.FindAllStringSubmatch(statement, -1) {
					tables = append(tables, found[1])
				}
			}
			slices.Sort(tables)
			if got, want := slices.Compact(tables), []string{"challenges", "flows", "outbox"}; !slices.Equal(got, want) {
				t.Errorf("POST %s: got the tables %q touched, want %q", path, got, want)
			}
		}
	})
}

var enumTable = regexp.MustCompile(`\b(?:FROM|JOIN|INTO|UPDATE) (\w+)`)

// An enumTrace keeps what a database was told.
type enumTrace struct {
	mu   sync.Mutex
	list []string
}

func (e *enumTrace) add(s store.Statement) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, fmt.Sprintf("%d rows of %s", s.Rows, s.Text))
}

// take gives what was told since the last take.
func (e *enumTrace) take() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := e.list
	e.list = nil
	return list
}

// A registration never says whether the address is taken: the pages are the
// same, and its owner is told by mail, without a code, that there is an account
// already. Nothing about that account changes, nor can whoever typed it go on
// (A04, A52; PAGES 7.9).
func TestA04OnlyTheOwnerIsToldOfAnAccount(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		rows, ctx := app.Rows(), context.Background()
		app.Register(mara, first)
		app.Register("paused@example.com", first)
		v, err := app.Accounts.Find(ctx, "paused@example.com")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := app.Accounts.Disable(ctx, v.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := app.Accounts.Add(ctx, "added@example.com", "", ""); err != nil {
			t.Fatal(err)
		}
		app.Sleep(24 * time.Hour)
		app.Deliver()
		app.Sink.Reset()
		before := rows.Dump(machineRights...)
		somebody, nobody := app.Client(), app.Client()
		form := func(c *sparekeytest.Client, login string) *sparekeytest.Page {
			return c.Get("/register").Submit("/register", "login", login, "password", second).See(303)
		}
		enumSame(t, "the form", form(somebody, mara), form(nobody, enumGhost))
		enumSame(t, "its next page", somebody.Get(somebody.At()), nobody.Get(nobody.At()))
		app.Deliver()
		enumSame(t, "later", somebody.Get(somebody.At()), nobody.Get(nobody.At()))
		enumSame(t, "a wrong code",
			somebody.Get(somebody.At()).Submit("/answer", "code", "00000000"), nobody.Get(nobody.At()).Submit("/answer", "code", "00000000"))
		for _, taken := range []string{"paused@example.com", "added@example.com"} {
			form(app.Client(), taken)
		}
		app.Deliver()
		for _, taken := range []string{mara, "paused@example.com", "added@example.com"} {
			mail := app.Sink.Wait(t, taken, 1)
			if mail.Subject != "You already have a Lantern Market account" || mail.Code() != "" || mail.StopURL() != "" {
				t.Errorf("got mail %q with code %q and link %q to %s, want 7.9 and neither", mail.Subject, mail.Code(), mail.StopURL(), taken)
			}
			for _, want := range []string{"There is one already.", "Forgot password?", "Nothing has changed.", "203.0.113.7", "Firefox on Windows"} {
				if !strings.Contains(strings.Join(strings.Fields(mail.Text), " "), want) {
					t.Errorf("got mail %q to %s, want it to say %q", mail.Text, taken, want)
				}
			}
		}
		if mail := app.Sink.Wait(t, enumGhost, 1); mail.Code() == "" {
			t.Errorf("got mail %q to the free address, want one with a code", mail.Text)
		}
		if got := len(app.Sink.Mails("")); got != 4 {
			t.Errorf("got %d mails, want 4: one to each address", got)
		}
		if got := sparekeytest.Changed(before, rows.Dump(machineRights...)); got != nil {
			t.Errorf("got changes in %v, want none", got)
		}
		app.Client().Post("/signin", "login", mara, "password", second).See(422)
		machineSignIn(app, mara, first)
	})
}

// Whoever types a login name sees that name and nothing else: no address,
// masked or not, not even after the code; and the list of other ways is the
// same for everybody, to the word (A05).
func TestA05PagesShowWhatWasTyped(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		const wren, login, typed = "quill@feathers.example", "wrenbird", "WrenBird"
		if _, err := app.Accounts.Add(context.Background(), wren, login, ""); err != nil {
			t.Fatal(err)
		}
		c := app.Client()
		shows := func(what string, p *sparekeytest.Page) *sparekeytest.Page {
			t.Helper()
			p.See(200)
			for _, part := range []string{"quill", "feathers", "•••", "***"} {
				if strings.Contains(strings.ToLower(p.Body), part) {
					t.Errorf("%s: got %q on the page, want nothing but %q", what, part, typed)
				}
			}
			return p
		}
		flow := machineStart(c, "/recover", "login", typed)
		shows("before the worker", c.Get("/flow/"+flow)).Says("If that username exists, we’ve sent a code to its email.")
		code := app.Code(wren)
		p := shows("after it", c.Get("/flow/"+flow))
		_, form := p.Fields("/recover")
		if got := form.Get("login"); got != typed {
			t.Errorf("got %q to be changed, want %q as it was typed", got, typed)
		}
		ways := shows("other ways", c.Get("/flow/"+flow+"/ways"))
		shows("another way", c.Get("/flow/"+flow+"/ways")).Submit("/ways", "way", "mail").See(303)
		p.Submit("/answer", "code", code).See(303)
		shows("the new password", c.Get("/flow/"+flow)).Submit("/act", "password", second, "password_again", second).See(303)
		shows("the end", c.Get("/flow/"+flow)).Submit("/signin").See(200)

		for _, other := range []string{wren, login, mara, enumGhost, "nobodyatall"} {
			c := app.Client()
			flow := machineStart(c, "/recover", "login", other)
			app.Deliver()
			if got := c.Get("/flow/" + flow + "/ways").See(200).Text(); got != ways.Text() {
				t.Errorf("other ways of %s: got %q, want %q as for everybody", other, got, ways.Text())
			}
		}
	})
}

// enumToken is whatever is random in an answer: ids, keys, nonces and secrets.
var enumToken = regexp.MustCompile(`[a-z2-7]{26}|=[A-Za-z0-9_-]{43};`)

// On the wire too nothing differs: the status line, the headers in their order,
// the names and lengths of the cookies, the length of the body, and the number
// and the sizes of the writes, which TLS makes records of (A06, CWE-204).
func TestA06NothingDiffersOnTheWire(t *testing.T) {
	sparekeytest.EachDBWith(t, sparekeytest.Options{Seed: 1}, func(t *testing.T, app *sparekeytest.App) {
		if _, err := app.Accounts.Add(context.Background(), mara, "", ""); err != nil {
			t.Fatal(err)
		}
		wire := &enumWire{}
		server := httptest.NewUnstartedServer(app.Web)
		wire.Listener, server.Listener = server.Listener, wire
		server.Start()
		defer server.Close()
		walk := func(login string) (all []string) {
			cookie := ""
			send := func(method, path string, fields ...string) http.Header {
				form := url.Values{}
				for i := 0; i < len(fields); i += 2 {
					form.Set(fields[i], fields[i+1])
				}
				header, seen := enumSend(t, server.Listener.Addr().String(), method, path, cookie, form.Encode())
				if set := header.Get("Set-Cookie"); cookie == "" && set != "" {
					cookie, _, _ = strings.Cut(set, ";")
				}
				all = append(all, strings.Split(strings.ReplaceAll(seen, login, "…"), "\n")...)
				all = append(all, fmt.Sprint(method, " ", len(path), ": writes of ", wire.take()))
				return header
			}
			for _, path := range []string{"/recover", "/register"} {
				send("GET", path)
				at := send("POST", path, "login", login, "password", first).Get("Location")
				if !strings.HasPrefix(at, "/flow/") {
					t.Fatalf("POST %s: got location %q, want a flow", path, at)
				}
				send("GET", at)
				app.Deliver()
				send("GET", at)
				send("GET", at+"/ways")
				send("POST", at+"/answer", "code", "0000")
			}
			app.Reseed(2) // a code to scan, which is as long as its squares happen to be, is made for a browser
			cookie = ""
			send("POST", "/signin", "login", login, "password", first)
			return all
		}
		equalLines(t, "on the wire", walk(enumGhost), walk(mara))
	})
}

// enumSend sends one request on a connection of its own, and gives the answer's
// header and its bytes, without what is random.
func enumSend(t *testing.T, addr, method, path, cookie, form string) (http.Header, string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	head := method + " " + path + " HTTP/1.1\r\nHost: " + sparekeytest.Host + "\r\nSec-Fetch-Site: same-origin\r\nConnection: close\r\n"
	if cookie != "" {
		head += "Cookie: " + cookie + "\r\n"
	}
	if method == "POST" {
		head += fmt.Sprintf("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n", len(form))
	} else {
		form = ""
	}
	if _, err := fmt.Fprint(conn, head, "\r\n", form); err != nil {
		t.Fatal(err)
	}
	var raw strings.Builder
	if _, err := bufio.NewReader(conn).WriteTo(&raw); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(raw.String())), nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	said := enumToken.ReplaceAllStringFunc(raw.String(), func(s string) string { return strings.Repeat("~", len(s)) })
	return res.Header, regexp.MustCompile(`\r\nDate: [^\r]{29}\r`).ReplaceAllString(said, "\r\nDate: …\r")
}

// An enumWire is a listener that knows how long each write of its connections
// is.
type enumWire struct {
	net.Listener
	mu     sync.Mutex
	writes []int
}

func (w *enumWire) Accept() (net.Conn, error) {
	c, err := w.Listener.Accept()
	return enumConn{c, w}, err
}

// take gives the sizes of the writes since the last take.
func (w *enumWire) take() []int {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.writes
	w.writes = nil
	return list
}

type enumConn struct {
	net.Conn
	wire *enumWire
}

func (c enumConn) Write(b []byte) (int, error) {
	c.wire.mu.Lock()
	c.wire.writes = append(c.wire.writes, len(b))
	c.wire.mu.Unlock()
	return c.Conn.Write(b)
}

// "Get code" comes at the same moments and as often for everybody, and is
// refused with the same words: after 60 s, 60 s, 2 min and 5 min, and then no
// more. Nobody's mailbox gets anything (A07, A36).
func TestA07CodesAreSentAtTheSameTimes(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register(mara, first)
		app.Sleep(24 * time.Hour)
		app.Sink.Reset()
		somebody, nobody := app.Client(), app.Client()
		machineStart(somebody, "/recover", "login", mara)
		machineStart(nobody, "/recover", "login", enumGhost)
		ask := func(at string, status int, says string) {
			t.Helper()
			a, b := somebody.Get(somebody.At()).See(200), nobody.Get(nobody.At()).See(200)
			enumSame(t, at+": page", a, b)
			_, form := a.Fields("/answer")
			_, other := b.Fields("/answer")
			a = somebody.Post(somebody.At()+"/again", "challenge", form.Get("challenge")).See(status)
			b = nobody.Post(nobody.At()+"/again", "challenge", other.Get("challenge")).See(status)
			enumSame(t, at+": answer", a, b)
			if status == 303 {
				a, b = somebody.Get(somebody.At()), nobody.Get(nobody.At())
				enumSame(t, at+": page after it", a, b)
			}
			a.See(200).Says(says)
			app.Deliver()
		}
		app.Deliver()
		ask("at 0 s", 200, "You can get a new code in 60 seconds, at 12:32:00")
		for n, wait := range []time.Duration{time.Minute, time.Minute, 2 * time.Minute, 5 * time.Minute} {
			at := fmt.Sprintf("%v after message %d", wait, n+1)
			app.Sleep(wait - time.Second)
			ask("1 s before "+at, 200, "Not quite yet. You can get a new code")
			app.Sleep(time.Second)
			ask(at, 303, "Sent again at ")
			if got := len(app.Sink.Mails(mara)); got != n+2 {
				t.Errorf("%s: got %d mails, want %d", at, got, n+2)
			}
		}
		for range 3 {
			app.Sleep(5 * time.Minute)
			ask("after the last message", 303, "That’s all the messages for now.")
		}
		if got, nothing := len(app.Sink.Mails(mara)), len(app.Sink.Mails(enumGhost)); got != sparekey.MaxSends || nothing != 0 {
			t.Errorf("got %d mails and %d to nobody, want %d and 0", got, nothing, sparekey.MaxSends)
		}
	})
}
