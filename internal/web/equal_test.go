package web_test

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
	"sparekey/internal/store"
)

// An equalClass is somebody whom a stranger types, what becomes of the account
// after the stranger has asked for a code, and the mails that the owner gets.
// They are all that differs, and only the owner sees them.
type equalClass struct {
	title     string
	name      string // the login name, and the address before the @
	meanwhile string // an UPDATE for the account or the flow with the id $1

	codes   int // mails with a code to get back in
	exists  int // mails that there is an account already
	welcome int // mails with a code for a new account
}

// equalClasses are all that somebody may be. The names have one length, and so
// have the pages that repeat them. Nobody comes first: all must look like her.
func equalClasses() []equalClass {
	const known = `(SELECT account FROM identifiers WHERE kind = 'email' AND key = 'known.k7@example.com') AND $1 <> ''`
	return []equalClass{
		{title: "nobody", name: "ghost.k7", welcome: 2},
		{title: "an account", name: "known.k7", codes: 8, exists: 2},
		{title: "paused by the operator", name: "pause.k7", exists: 2},
		{title: "added by the operator and never proved", name: "added.k7", codes: 8, exists: 2},
		{title: "the same without a login name", name: "plain.k7", codes: 6, exists: 2},
		{title: "asking for two proofs", name: "twice.k7", codes: 8, exists: 2},
		{title: "with every way to verify", name: "every.k7", codes: 8, exists: 2},
		{title: "with every budget spent", name: "spent.k7", codes: 1, exists: 2},
		{title: "nobody with every budget spent", name: "waste.k7", welcome: 2},
		{
			title: "stopped by the owner meanwhile", name: "known.k7", codes: 3, exists: 2,
			meanwhile: `UPDATE flows SET stopped = TRUE WHERE id = $1`,
		},
		{
			title: "given a new password meanwhile", name: "known.k7", codes: 3, exists: 2,
			meanwhile: `UPDATE accounts SET password_epoch = password_epoch + 1 WHERE id = ` + known,
		},
		{
			title: "paused meanwhile", name: "known.k7", codes: 1, exists: 2,
			meanwhile: `UPDATE accounts SET disabled = 1 WHERE id = ` + known,
		},
	}
}

// An equalStep is what one move of a stranger makes of a Sparekey.
type equalStep struct {
	name   string
	answer []string // its status, headers and cookies, and the lines of its body
	behind []string // the statements with their rows, the hashes and comparisons, the lines of the log
}

// An equalScene is a Sparekey in which somebody of every class is, and which
// can be set back to its first moment: to the same rows, the same time and the
// same randomness. So the strangers of all classes meet one and the same, and
// what they see can be compared to the last byte.
type equalScene struct {
	app   *sparekeytest.App
	rows  sparekeytest.Rows
	began time.Time
	first map[string]string // what stands in the tables
	log   bytes.Buffer
	mu    sync.Mutex // while people come in, workers run side by side
	trace []string
}

// equalTables are those that a walk may change, each after those it refers to.
var equalTables = []string{
	"accounts", "identifiers", "credentials", "flows", "challenges", "proofs", "charges", "spends", "sessions", "browsers", "outbox", "events", "funnel",
}

func newEqualScene(t *testing.T, database string) *equalScene {
	s := &equalScene{}
	_, texts := newGateway(t)
	s.app = sparekeytest.New(t, sparekeytest.Options{
		Seed: 1, Database: database, Log: &s.log, Settings: texts.Settings,
		Trace: func(one store.Statement) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.trace = append(s.trace, fmt.Sprintf("%d rows of %s", one.Rows, one.Text))
		},
	})
	s.rows = s.app.Rows()
	s.people(t)
	s.app.Sleep(24 * time.Hour)
	s.spend()
	for _, table := range equalTables {
		s.rows.Exec(`CREATE TABLE first_` + table + ` AS SELECT * FROM ` + table)
	}
	s.began, s.first = s.app.Now(), s.rows.Dump()
	return s
}

// people brings in those who have an account.
func (s *equalScene) people(t *testing.T) {
	ctx := context.Background()
	for _, name := range []string{"known.k7", "pause.k7", "added.k7", "plain.k7", "twice.k7", "every.k7", "spent.k7"} {
		login, lang := name, ""
		switch name {
		case "plain.k7":
			login = ""
		case "added.k7":
			lang = "ar" // which no page may show
		}
		if _, err := s.app.Accounts.Add(ctx, name+"@example.com", login, lang); err != nil {
			t.Fatal(err)
		}
		if name == "added.k7" || name == "plain.k7" {
			continue
		}
		machineRecover(s.app, s.app.Client(), name+"@example.com", first)
		v, err := s.app.Accounts.Find(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		switch name {
		case "pause.k7":
			_, err = s.app.Accounts.Disable(ctx, v.ID)
		case "every.k7":
			s.everyWay(v.ID)
		case "twice.k7":
			s.rows.Exec(`UPDATE accounts SET two_proofs = TRUE WHERE id = $1`, v.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// everyWay gives an account one way of each kind. Nobody answers by them: what
// they are checked with need not be right.
func (s *equalScene) everyWay(account string) {
	for i, kind := range []string{"saved", "totp", "passkey"} {
		s.rows.Exec(`INSERT INTO credentials (id, account, kind, name, data, lookup, added, changed, dropped, asleep, last_step)
			VALUES ($1, $2, $3, '', '', $4, 1, 1, 0, 0, 0)`, "way"+strings.Repeat("y", 22)+digit(i), account, kind, kind+" of every.k7")
	}
	s.rows.Exec(`INSERT INTO identifiers (id, account, kind, key, shown, added, proved, dropped)
		VALUES ($1, $2, 'phone', $3, '+351 912 345 204', 1, 1, 0)`, "phone"+strings.Repeat("y", 21), account, phone)
}

// spend uses up the mails, the short codes and the passwords of some. It takes
// less than a day, and the walks fit into the rest.
func (s *equalScene) spend() {
	for range sparekey.MailCap()[1].Max {
		machineStart(s.app.Client(), "/recover", "login", "spent.k7@example.com")
		s.app.Deliver()
		s.app.Sleep(13 * time.Minute)
	}
	for range sparekey.PasswordBudget()[0].Max {
		for _, login := range []string{"spent.k7", "waste.k7", "waste.k7@example.com"} {
			s.app.Client().Post("/signin", "login", login, "password", "not it at all").See(422)
		}
		s.app.Sleep(10 * time.Second)
	}
	s.app.Sweep()
}

// rewind sets everything back.
func (s *equalScene) rewind(t *testing.T) {
	t.Helper()
	for i := range equalTables {
		s.rows.Exec(`DELETE FROM ` + equalTables[len(equalTables)-1-i])
	}
	for _, table := range equalTables {
		s.rows.Exec(`INSERT INTO ` + table + ` SELECT * FROM first_` + table)
	}
	if got := sparekeytest.Changed(s.first, s.rows.Dump()); got != nil {
		t.Fatalf("set back: got other rows in %v, want the first ones", got)
	}
	s.app.Sleep(s.began.Sub(s.app.Now()))
	s.app.Reseed(2)
	s.app.Sink.Reset()
}

// An equalWalk is a stranger who does all that a stranger can, with a login
// and without a code or a password.
type equalWalk struct {
	*equalScene
	t     *testing.T
	class equalClass
	c     *sparekeytest.Client
	typed string // echoed by the pages
	flow  string // its id, where it is made of what was typed
	steps []equalStep
}

// walk goes through everything as one of the classes, from an address of its
// own: budgets of addresses are not set back.
func (s *equalScene) walk(t *testing.T, nth int, class equalClass) []equalStep {
	s.rewind(t)
	w := &equalWalk{equalScene: s, t: t, class: class, c: s.app.Client()}
	w.c.Addr = fmt.Sprintf("203.0.113.%d:4711", 100+nth)
	address := class.name + "@example.com"
	w.typed = address
	w.signsIn()
	w.recovers(sparekey.MaxSends)
	w.tooLate()
	w.app.Sleep(sparekey.FlowLife)
	w.typed = class.name
	w.c.Header.Set("Accept-Language", "ar")
	w.signsIn()
	w.recovers(2)
	w.c.Header.Del("Accept-Language")
	w.app.Sleep(24 * time.Hour)
	w.typed = address
	w.chooses()
	w.registers()
	w.mails(address)
	return w.steps
}

// mails fails the test if the owner got others than those of the class, or
// anybody else got one.
func (w *equalWalk) mails(address string) {
	w.t.Helper()
	got := equalClass{title: w.class.title, name: w.class.name, meanwhile: w.class.meanwhile}
	for _, l := range w.app.Sink.Mails("") {
		switch back := strings.Contains(l.Text, "/stop/"); {
		case l.To != address:
			w.t.Errorf("got a mail to %s, want none but to %s", l.To, address)
		case l.Code() == "":
			got.exists++
		case back:
			got.codes++
		default:
			got.welcome++
		}
	}
	if got != w.class {
		w.t.Errorf("got mails %+v, want %+v", got, w.class)
	}
}

// equalQuestion is what a passkey is asked, a keyed hash of the flow's id too.
var equalQuestion = regexp.MustCompile(`&#34;challenge&#34;:&#34;[A-Za-z0-9_-]{43}&#34;`)

var equalTook = regexp.MustCompile(`"time":"[^"]*"|"took":\d+`)

// step keeps what a move makes. In an answer the echo of what was typed is
// left out, and so is the id of a flow that was made of it, a keyed hash.
func (w *equalWalk) step(name string, move func() *sparekeytest.Page) *sparekeytest.Page {
	w.t.Helper()
	w.trace = nil
	w.log.Reset()
	hashes, compared := w.app.Hasher.Stats().Hashes, w.app.Flows.Compared()
	p := move()
	s := equalStep{name: fmt.Sprintf("%d, %s, %s", len(w.steps), name, w.typed)}
	if p != nil {
		said := fmt.Sprintf("%d\n%q\n%s", p.Status, p.Header, p.Body)
		said = strings.ReplaceAll(said, w.typed, strings.Repeat("~", len(w.typed)))
		said = equalQuestion.ReplaceAllString(said, "~")
		if w.flow != "" {
			said = strings.ReplaceAll(said, w.flow, strings.Repeat("~", len(w.flow)))
		}
		s.answer = strings.Split(said, "\n")
	}
	s.behind = append(w.trace,
		fmt.Sprintf("%d hashes, %d comparisons", w.app.Hasher.Stats().Hashes-hashes, w.app.Flows.Compared()-compared))
	s.behind = append(s.behind, strings.Split(equalTook.ReplaceAllString(w.log.String(), ""), "\n")...)
	w.steps = append(w.steps, s)
	return p
}

func (w *equalWalk) get(path string, status int) *sparekeytest.Page {
	w.t.Helper()
	return w.step("GET "+path, func() *sparekeytest.Page { return w.c.Get(path) }).See(status)
}

func (w *equalWalk) post(path string, status int, fields ...string) *sparekeytest.Page {
	w.t.Helper()
	return w.step("POST "+path, func() *sparekeytest.Page { return w.c.Post(path, fields...) }).See(status)
}

func (w *equalWalk) submit(p *sparekeytest.Page, action string, status int, fields ...string) *sparekeytest.Page {
	w.t.Helper()
	return w.step("submit "+action, func() *sparekeytest.Page {
		answer := p.Submit(action, fields...)
		if action == "/recover" || action == "/register" {
			w.flow = strings.TrimPrefix(answer.Header.Get("Location"), "/flow/")
		}
		return answer
	}).See(status)
}

// deliver lets the worker resolve the one message that waits, and send it if
// it has somebody to go to.
func (w *equalWalk) deliver() {
	w.t.Helper()
	w.step("the worker", func() *sparekeytest.Page {
		w.app.Deliver()
		return nil
	})
}

// signsIn tries wrong passwords, as long as the page changes.
func (w *equalWalk) signsIn() {
	w.t.Helper()
	delete(w.c.Cookies, "__Host-misses")
	w.get("/signin", 200)
	p := w.post("/signin", 200, "login", w.typed)
	for range 3 {
		p = w.submit(p, "/signin", 422, "login", w.typed, "password", "not it at all")
	}
	w.app.Sleep(time.Minute)
}

// recovers walks through a recovery, to its nth message with a code and to the
// end of its tries.
func (w *equalWalk) recovers(messages int) {
	w.t.Helper()
	w.submit(w.get("/recover", 200), "/recover", 303, "login", w.typed)
	at := w.c.At()
	p := w.get(at, 200)
	_, form := p.Fields("/answer")
	p = w.submit(p, "/answer", 422, "code", "11111111") // before the worker has found out anything
	w.deliver()
	w.submit(p, "/again", 200) // at 0 s
	if w.class.meanwhile != "" {
		w.rows.Exec(w.class.meanwhile, w.flow)
	}
	w.submit(w.get(at+"/ways", 200), "/ways", 303, "way", "mail")
	for sent := 1; sent < messages; sent++ {
		w.app.Sleep(sparekey.SendWait(sent) - time.Second)
		p = w.submit(p, "/again", 200) // at 59 s
		w.app.Sleep(2 * time.Second)
		w.submit(p, "/again", 303) // at 61 s
		p = w.get(at, 200)
		w.deliver()
	}
	if messages == sparekey.MaxSends {
		w.post(at+"/again", 303, "challenge", form.Get("challenge")) // never again
	}
	p = w.submit(p, "/answer", 422, "code", "1111")
	for range sparekey.MaxTries - 2 {
		p = w.submit(p, "/answer", 422, "code", "22222222")
	}
	w.submit(p, "/answer", 410, "code", "33333333")
	w.ended(at, form.Get("challenge"))
}

// chooses goes through every way that is offered, in both directions, and answers
// by each what cannot be right.
func (w *equalWalk) chooses() {
	w.t.Helper()
	w.submit(w.get("/recover", 200), "/recover", 303, "login", w.typed)
	at := w.c.At()
	w.deliver()
	for _, way := range []string{"saved", "passkey", "text", "totp", "app", "mail", "saved"} {
		status := 303
		if way == "totp" {
			status = 200 // first another proof
		}
		w.submit(w.get(at+"/ways", 200), "/ways", status, "way", way)
		p := w.get(at, 200)
		if way == "text" {
			w.deliver()
			p = w.get(at, 200)
		}
		switch way {
		case "saved":
			w.submit(p, "/answer", 422, "code", "none")
			w.submit(p, "/answer", 422, "code", "7KQTM-4R7WX-01234-56789-ABCDE")
		case "passkey":
			w.submit(p, "/answer", 422, "passkey", "{}")
			w.submit(p, "/answer", 422, "passkey", nobodysPasskey)
		case "text":
			w.submit(p, "/answer", 422, "code", "22222222")
		case "app":
			nonce, _ := sparekeytest.ScreenOf(p)
			w.post(at+"/screen", 200, "screen", nonce, "once", "1")
			w.submit(p, "/answer", 200) // not yet
			w.submit(p, "/answer", 422, "screen", "of another")
		}
	}
	w.post(at+"/ways", 422, "way", "letter")
	w.post(at+"/act", 303, "password", first, "password_again", first)
	w.app.Sleep(sparekey.FlowLife)
	w.get(at, 410)
}

// nobodysPasskey has the shape of an answer by a passkey that nobody has.
const nobodysPasskey = `{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{` +
	`"clientDataJSON":"eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoiQUFBQSIsIm9yaWdpbiI6Imh0dHBzOi8vaWQubGFudGVybi50ZXN0In0",` +
	`"authenticatorData":"SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MFAAAAAA","signature":"AAAA","userHandle":"AAAA"}}`

// tooLate walks through a recovery to the end of its time. Without its key a
// form is a new one each time, and the flow's id is not made of what was typed:
// nothing but the echo is left out.
func (w *equalWalk) tooLate() {
	w.t.Helper()
	w.flow = ""
	w.post("/recover", 303, "login", w.typed)
	at := w.c.At()
	_, form := w.get(at, 200).Fields("/answer")
	w.app.Sleep(sparekey.FlowLife)
	w.ended(at, form.Get("challenge"))
	w.deliver() // too late for a mail
	w.app.Sleep(sparekey.FlowKept + time.Second)
	// The sweep is no move of anybody's: it comes once a minute, for all flows
	// together. What a ghost's codes might have cost goes with it.
	w.app.Sweep()
	w.get(at, 404)
}

// ended asks a flow that has ended for everything there is.
func (w *equalWalk) ended(at, challenge string) {
	w.t.Helper()
	w.get(at, 410)
	w.get(at+"/ways", 410)
	w.post(at+"/answer", 410, "challenge", challenge, "code", "44444444")
	w.post(at+"/again", 410, "challenge", challenge)
}

// registers registers the address, and never learns a code.
func (w *equalWalk) registers() {
	w.t.Helper()
	p := w.submit(w.get("/register", 200), "/register", 422, "login", w.typed, "password", "12345678")
	w.submit(p, "/register", 303, "login", w.typed, "password", first)
	at := w.c.At()
	_, form := w.get(at, 200).Fields("/answer")
	w.deliver()
	w.app.Sleep(61 * time.Second)
	w.submit(w.get(at, 200), "/again", 303)
	w.deliver()
	p = w.get(at, 200)
	for range sparekey.MaxTries - 1 {
		p = w.submit(p, "/answer", 422, "code", "55555555")
	}
	w.submit(p, "/answer", 410, "code", "55555555")
	w.ended(at, form.Get("challenge"))

	w.flow = ""
	w.post("/register", 303, "login", w.typed, "password", first)
	w.get(w.c.At(), 200)
	w.app.Sleep(sparekey.FlowLife)
	w.get(w.c.At(), 410)
	w.deliver()
}

// Nobody can tell who has an account here, or what becomes of one (THREATS 5,
// layer 1; A01, A04, A05, A06, A07; ASVS 6.3.8). For nobody, and for accounts
// of every kind, by address and by login name, in two languages, on the way in,
// the way back in and the way to a new account, a stranger gets the same
// answers to the byte: status, headers, cookies, body. Behind them run the same
// statements with the same rows, in the requests and in the worker, as many
// hashes and comparisons, and the log has the same lines.
func TestA01AllAreEqual(t *testing.T) { equalForAll(t, (*equalScene).walk) }

// equalForAll has the stranger of every class walk, on both databases, and fails
// the test where one is not told what all are told.
func equalForAll(t *testing.T, walk func(s *equalScene, t *testing.T, nth int, class equalClass) []equalStep) {
	t.Helper()
	for name, database := range map[string]func(testing.TB) string{
		"sqlite":   func(testing.TB) string { return "" },
		"postgres": sparekeytest.Postgres,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scene := newEqualScene(t, database(t))
			var nobody []equalStep
			for nth, class := range equalClasses() {
				t.Run(class.title, func(t *testing.T) {
					steps := walk(scene, t, nth, class)
					if nobody == nil {
						nobody = steps
					}
					equalSteps(t, nobody, steps)
				})
			}
		})
	}
}

// equalSteps fails the test at every step in which two walks differ.
func equalSteps(t *testing.T, want, got []equalStep) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d steps, want %d", len(got), len(want))
	}
	for i := range got {
		equalLines(t, got[i].name+": answer", want[i].answer, got[i].answer)
		equalLines(t, got[i].name+": behind it", want[i].behind, got[i].behind)
	}
}

// equalLines shows the first line that differs.
func equalLines(t *testing.T, what string, want, got []string) {
	t.Helper()
	for i := range max(len(want), len(got)) {
		w, g := "nothing", "nothing"
		if i < len(want) {
			w = want[i]
		}
		if i < len(got) {
			g = got[i]
		}
		if w != g {
			t.Errorf("%s, line %d:\n got %.400s\nwant %.400s", what, i+1, g, w)
			return
		}
	}
}
