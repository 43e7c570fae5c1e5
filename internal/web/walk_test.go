package web_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// How many random walks there are. `make prove-walks` walks 100,000.
var (
	walks    = flag.Int("walks", 300, "random walks through all pages")
	walkSeed = flag.Uint64("walk-seed", 1, "repeats the walks of a run")
)

// A walker is somebody who has an account, its mailbox, its saved code, its
// authenticator app and its phone, two browsers, and what the pages ever showed: but no secret
// of anybody else's.
type walker struct {
	app     *sparekeytest.App
	rows    sparekeytest.Rows
	rand    *rand.Rand
	mail    string // of the walker's own account
	pass    []string
	seed    string
	phone   *sparekeytest.Phone
	codes   []string // every code that the walker ever had
	places  []string // ids of ways and identifiers, the others' too
	logins  []string
	browser [2]*sparekeytest.Client
	flows   []string
	asked   []string // challenges
	said    []string // what was done, for the failure
	rounds  int
	began   string // in microseconds
}

const (
	victim = "wren@example.com"  // asks for one proof
	strong = "heron@example.com" // asks for two
)

// Whatever requests are sent in whatever order, holding cookies, flows,
// challenges, codes and sessions of one's own, nobody else's account changes
// (A42, A52): the other way's form, another flow's challenge, another account's
// code and another session's cookie prove nothing.
func TestA42WalksChangeNobodyElse(t *testing.T) {
	t.Parallel()
	app := sparekeytest.New(t, sparekeytest.Options{})
	w := newWalker(t, app)
	want := w.others()
	for n := range *walks {
		w.walk(t)
		if got := w.others(); got != want {
			t.Fatalf("walk %d of seed %d: somebody else's account changed\n%s\nto\n%s\nafter\n%s", n, *walkSeed, want, got, strings.Join(w.said, "\n"))
		}
	}
}

func newWalker(t *testing.T, app *sparekeytest.App) *walker {
	w := &walker{app: app, rows: app.Rows(), rand: rand.New(rand.NewPCG(*walkSeed, 0)), pass: []string{"two shy kestrels", "ten loud geese"}}
	addSaved(app, app.Register(victim, second), victim)
	addTOTP(app, app.Register(strong, second), strong)
	w.logins = []string{victim, strong, "nobody@example.com"}
	w.browser = [2]*sparekeytest.Client{app.Client(), app.Client()}
	w.own(t)
	w.began = strconv.FormatInt(app.Now().UnixMicro(), 10)
	app.Sleep(sparekey.YoungFor + time.Hour)
	return w
}

// own gives the walker an account, with all a person can have.
func (w *walker) own(t *testing.T) {
	w.rounds++
	w.mail = fmt.Sprintf("walker%d@example.com", w.rounds)
	c := w.app.Register(w.mail, w.pass[0])
	w.codes = append(w.codes, addSaved(w.app, c, w.mail))
	w.phone = pairs(w.app, c, w.mail)
	w.seed, _ = addTOTP(w.app, c, w.mail)
	w.browser[0] = c
	w.places = w.rows.List(`SELECT id FROM credentials UNION SELECT id FROM identifiers`)
	w.logins = append(w.logins[:3:3], w.mail)
	w.flows, w.asked = nil, nil
}

// others is all that the others have: their accounts, addresses and ways, and the
// sessions and known browsers that are new or were ended. What time ends is theirs.
func (w *walker) others() string {
	return strings.Join(w.rows.List(`
		SELECT a.id || ' ' || a.password_epoch || ' ' || a.ways_epoch || ' ' || a.two_proofs || ' ' || a.disabled || ' ' || a.delete_at
		  FROM accounts a JOIN identifiers i ON i.account = a.id WHERE i.key IN ('`+victim+`', '`+strong+`')
		UNION ALL SELECT c.id || ' ' || c.data || ' ' || c.lookup || ' ' || c.dropped || ' ' || c.asleep || ' ' || c.last_step
		  FROM credentials c JOIN identifiers i ON i.account = c.account WHERE i.key IN ('`+victim+`', '`+strong+`')
		UNION ALL SELECT x.id || ' ' || x.key || ' ' || x.dropped || ' ' || x.asleep
		  FROM identifiers x JOIN identifiers i ON i.account = x.account WHERE i.key IN ('`+victim+`', '`+strong+`')
		UNION ALL SELECT s.id || ' ' || s.ended
		  FROM sessions s JOIN identifiers i ON i.account = s.account WHERE (s.ended > 0 OR s.created > `+w.began+`) AND i.key IN ('`+victim+`', '`+strong+`')
		UNION ALL SELECT b.id
		  FROM browsers b JOIN identifiers i ON i.account = b.account WHERE b.created > `+w.began+` AND i.key IN ('`+victim+`', '`+strong+`')
		 ORDER BY 1`), "\n")
}

// walk is a walk of a dozen steps, an hour after the one before.
func (w *walker) walk(t *testing.T) {
	w.said = w.said[:0]
	w.app.Sleep(time.Hour)
	if w.rand.IntN(20) == 0 {
		w.app.Sweep()
	}
	addr := fmt.Sprintf("11.%d.%d.%d:4711", w.rand.IntN(256), w.rand.IntN(256), w.rand.IntN(256))
	for _, c := range w.browser {
		c.Addr = addr
	}
	if w.browser[0].Get("/account").Status != 200 && w.rand.IntN(3) == 0 {
		w.own(t)
	}
	w.flows, w.asked = nil, nil
	w.step(w.start)
	for range 6 + w.rand.IntN(8) {
		moves := []func(*sparekeytest.Client) string{w.start, w.look, w.look, w.choose, w.answer, w.answer, w.answer, w.act, w.again, w.setting, w.signIn, w.approve}
		w.step(moves[w.rand.IntN(len(moves))])
	}
}

// step does something in one of the browsers, and sees that it is not answered
// by a 5xx.
func (w *walker) step(do func(*sparekeytest.Client) string) {
	c := w.browser[w.rand.IntN(2)]
	c.Watch = func(p *sparekeytest.Page) {
		if p.Status >= 500 {
			w.said = append(w.said, fmt.Sprintf("got status %d", p.Status))
			panic(strings.Join(w.said, "\n"))
		}
		w.note(p)
	}
	w.said = append(w.said, do(c))
}

var (
	flowShape      = regexp.MustCompile(`^/(?:flow|api/v1/flows)/([a-z0-9]+)`)
	challengeShape = regexp.MustCompile(`name="challenge" value="([^"]+)"|"challenge":\{"id":"([^"]+)"`)
)

// note keeps what an answer shows.
func (w *walker) note(p *sparekeytest.Page) {
	if found := flowShape.FindStringSubmatch(p.Header.Get("Location")); found != nil {
		w.flows = append(w.flows, "/flow/"+found[1])
	}
	if found := challengeShape.FindStringSubmatch(p.Body); found != nil {
		w.asked = append(w.asked, found[1]+found[2])
	}
	if code := sparekeytest.SavedCode(p.Text()); code != "" {
		w.codes = append(w.codes, code)
	}
}

func pick[T any](w *walker, list []T) (one T) {
	if len(list) > 0 {
		one = list[w.rand.IntN(len(list))]
	}
	return one
}

// taken are the members that programs may send where a form is posted, and
// where they send them.
var taken = map[string][]string{
	"recover": {"login"}, "signin": {"login", "password"}, "answer": {"challenge", "code", "screen"}, "again": {"challenge"}, "saved": {"kept"},
	"ways": {"do", "way", "place", "id", "email"}, "act": {"password", "password_again", "code", "same"}, "password": {}, "check": {},
}

// send posts a form, or as often has a program send the same in JSON.
func (w *walker) send(c *sparekeytest.Client, path string, fields ...string) {
	if w.rand.IntN(2) == 0 {
		c.Post(path, fields...)
		return
	}
	may := taken[path[strings.LastIndex(path, "/")+1:]]
	var members []any
	for n := 0; n < len(fields); n += 2 {
		name, value := fields[n], any(fields[n+1])
		if name == "same" || name == "kept" {
			value = true
		}
		if slices.Contains(may, name) {
			members = append(members, name, value)
		}
	}
	c.Ask(strings.NewReplacer("/flow/", "/api/v1/flows/", "/account/", "/api/v1/", "/recover", "/api/v1/recover", "/signin", "/api/v1/signin").Replace(path), members...)
}

func (w *walker) start(c *sparekeytest.Client) string {
	login := pick(w, w.logins)
	w.send(c, "/recover", "login", login)
	w.app.Deliver()
	if mails := w.app.Sink.Mails(w.mail); len(mails) > 0 {
		if code := mails[len(mails)-1].Code(); code != "" {
			w.codes = append(w.codes, code)
		}
	}
	w.app.Sink.Reset()
	return "recover " + login
}

func (w *walker) look(c *sparekeytest.Client) string {
	at := pick(w, w.flows) + pick(w, []string{"", "", "/ways"})
	c.Get(strings.Replace(at, "/flow/", pick(w, []string{"/flow/", "/api/v1/flows/"}), 1))
	return "look " + at
}

func (w *walker) choose(c *sparekeytest.Client) string {
	at, way := pick(w, w.flows), pick(w, []string{"mail", "saved", "totp", "text", "passkey", "app", "password", "new", ""})
	place := []string{}
	if w.rand.IntN(3) == 0 {
		place = []string{"place", pick(w, w.places)}
	}
	w.send(c, at+"/ways", append(place, "way", way)...)
	w.app.Deliver()
	return "choose " + at + " " + way + " " + strings.Join(place, " ")
}

func (w *walker) answer(c *sparekeytest.Client) string {
	at, challenge := pick(w, w.flows), pick(w, w.asked)
	if w.rand.IntN(2) == 0 { // the one that is open there
		if found := challengeShape.FindStringSubmatch(c.Get(at).Body); found != nil {
			challenge = found[1] + found[2]
		}
	}
	code := pick(w, w.codes)
	switch w.rand.IntN(4) {
	case 0:
		code = appCode(w.app, w.seed)
	case 1:
		if len(w.codes) > 0 {
			code = w.codes[len(w.codes)-1]
		}
	}
	w.send(c, at+"/answer", "challenge", challenge, "code", code, "way", pick(w, []string{"mail", "totp", "saved"}))
	return "answer " + at + " " + challenge + " " + code
}

func (w *walker) act(c *sparekeytest.Client) string {
	at, pass := pick(w, w.flows), pick(w, w.pass)
	w.send(c, at+"/act", "password", pass, "password_again", pass, "code", appCode(w.app, w.seed), "same", "1")
	w.send(c, at+"/act", "password", pass, "password_again", pass)
	return "act " + at
}

func (w *walker) again(c *sparekeytest.Client) string {
	at := pick(w, w.flows)
	w.send(c, at+"/again", "challenge", pick(w, w.asked))
	w.send(c, at+"/saved", "kept", "1")
	return "again " + at
}

func (w *walker) setting(c *sparekeytest.Client) string {
	path, fields := "/account/ways", []string{"do", pick(w, []string{"add", "drop", "keep", "two-on", "two-off"}), "way", pick(w, []string{"totp", "saved"}), "id", pick(w, w.places)}
	switch w.rand.IntN(4) {
	case 0:
		path, fields = "/account/password", nil
	case 1:
		fields = append(fields, "email", pick(w, []string{victim, "walker@example.net"}))
	case 2:
		path, fields = "/account/check", nil
	}
	w.send(c, path, fields...)
	w.app.Deliver()
	return "setting " + path + " " + strings.Join(fields, " ")
}

func (w *walker) signIn(c *sparekeytest.Client) string {
	login, pass := pick(w, w.logins), pick(w, w.pass)
	w.send(c, "/signin", "login", login, "password", pass)
	return "sign in " + login
}

// approve has the walker's phone approve what a page shows, of whatever flow, or
// that of a sign-in.
func (w *walker) approve(c *sparekeytest.Client) string {
	at := pick(w, append([]string{"/signin/qr"}, w.flows...))
	page := c.Get(at)
	nonce, short, ok := sparekeytest.FindScreen(page)
	if !ok {
		c.Post(at+"/ways", "way", "app")
		if nonce, short, ok = sparekeytest.FindScreen(c.Get(at)); !ok {
			return "approve nothing at " + at
		}
	}
	var r sparekeytest.Request
	w.phone.Read(w.phone.Scan(short), &r)
	watch, answer := at+"/screen", at+"/answer"
	if at == "/signin/qr" {
		watch, answer = "/signin/screen", "/signin"
	}
	c.Post(watch, "screen", nonce, "once", "1")
	w.phone.Read(w.phone.Get("/api/v1/app/requests/"+r.ID), &r)
	w.phone.Answer(pick(w, []string{"approve", "approve", "decline"}), r)
	challenge := pick(w, w.asked)
	if found := challengeShape.FindStringSubmatch(c.Get(at).Body); found != nil {
		challenge = found[1] + found[2]
	}
	w.send(c, answer, "screen", nonce, "challenge", challenge)
	return "approve " + at + " " + r.State
}
