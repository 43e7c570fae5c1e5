package bench

import (
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"sparekey/internal/sparekeytest"
)

const (
	owner    = "owner@example.com"
	password = "wicker lantern 42"
)

// A site is a Sparekey as an operator runs it, with accounts in its database.
type site struct {
	t        *testing.T
	kind     string
	binary   string
	url      string
	dir      string
	postgres int // the database's process; 0 on SQLite, which has none of its own
	accounts int
	weight   int64 // bytes of one account on the disk
	office   *office
	*process
}

// newSite makes a site with so many accounts, and starts it.
func newSite(t *testing.T, binary, kind string, accounts int) *site {
	t.Helper()
	s := &site{t: t, kind: kind, binary: binary, accounts: accounts, office: newOffice(t), dir: t.TempDir()}
	s.url = "sqlite:" + filepath.Join(s.dir, "sparekey.db")
	if kind == "postgres" {
		s.url, s.postgres = sparekeytest.DurablePostgres(t)
	}
	s.command("keys", "new", filepath.Join(s.dir, "sparekey.key"))
	s.start()
	s.register(owner)
	s.process.stop()
	s.fill()
	s.start()
	return s
}

func (s *site) environment(addr, admin string) []string {
	return append(os.Environ(),
		"SPAREKEY_LISTEN="+addr, "SPAREKEY_PUBLIC_URL=http://"+addr, "SPAREKEY_DATABASE="+s.url,
		"SPAREKEY_KEY_FILE="+filepath.Join(s.dir, "sparekey.key"), "SPAREKEY_SMTP=smtp://"+s.office.addr,
		"SPAREKEY_MAIL_FROM=Sparekey <no-reply@example.com>", "SPAREKEY_SITE_NAME=Example", "SPAREKEY_ADMIN_LISTEN="+admin,
		"SPAREKEY_TRUSTED_PROXIES=127.0.0.1/32")
}

// command runs the program to its end.
func (s *site) command(args ...string) {
	s.t.Helper()
	cmd := exec.Command(s.binary, args...)
	cmd.Env = s.environment("127.0.0.1:1", "")
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("sparekey %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// start starts the server.
func (s *site) start() { s.process = s.node() }

// node starts a server on the site's database.
func (s *site) node() *process {
	s.t.Helper()
	addr, admin := freePort(s.t), freePort(s.t)
	cmd := exec.Command(s.binary, "serve")
	cmd.Env = s.environment(addr, admin)
	p := launch(s.t, addr, "/readyz", cmd)
	p.admin = admin
	return p
}

// databaseCPU is what PostgreSQL used so far.
func (s *site) databaseCPU() time.Duration {
	if s.postgres == 0 {
		return 0
	}
	return familyCPU(s.t, s.postgres)
}

// fill adds accounts with one address and one password each, the owner's.
func (s *site) fill() {
	s.t.Helper()
	driver, dsn := "pgx", s.url
	if path, ok := strings.CutPrefix(s.url, "sqlite:"); ok {
		driver, dsn = "sqlite", "file:"+path
	}
	db, err := sql.Open(driver, dsn)
	s.must(err)
	defer db.Close()
	was := s.size(db)
	emails := make([]string, s.accounts)
	for n := range emails {
		emails[n] = address("account", n)
	}
	sparekeytest.Fill(s.t, s.url, emails)
	s.weight = (s.size(db) - was) / int64(s.accounts)
	if s.kind == "postgres" { // as autovacuum would have done meanwhile
		_, err := db.Exec(`VACUUM ANALYZE`)
		s.must(err)
	}
}

// size is how much room the database takes, indexes included.
func (s *site) size(db *sql.DB) (bytes int64) {
	query := `SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()`
	if s.kind == "postgres" {
		query = `SELECT pg_database_size(current_database())`
	}
	s.must(db.QueryRow(query).Scan(&bytes))
	return bytes
}

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// The accounts are shared out, because an address may have few mails an hour.
const (
	begun     = iota // recoveries are begun for the first three fifths
	mailed           // mails are timed with the fourth
	recovered        // the last is recovered whole
)

// of gives the nth account that is for one use. They come again in the end.
func (s *site) of(use, n int) int {
	fifth := s.accounts / 5
	if use == begun {
		return n % (3 * fifth)
	}
	return (2+use)*fifth + n%fifth
}

// address is as long for each who and n.
func address(who string, n int) string { return fmt.Sprintf("%s.%07d@example.com", who, n) }

// A person is a browser that walks through the pages.
type person struct {
	t       *testing.T
	addr    string
	cookies map[string]string
	last    string // the page
	at      string // its path
}

func (s *site) person() *person { return &person{t: s.t, addr: s.addr, cookies: map[string]string{}} }

func (p *person) jar() string {
	var all []string
	for name, value := range p.cookies {
		all = append(all, name+"="+value)
	}
	return strings.Join(all, "; ")
}

// do asks for a page, follows where it leads, and wants the end of it to be a
// page that is all right.
func (p *person) do(method, path string, fields url.Values) {
	p.t.Helper()
	for range 5 {
		req, err := http.NewRequest(method, "http://"+p.addr+path, strings.NewReader(fields.Encode()))
		if err != nil {
			p.t.Fatal(err)
		}
		req.Header.Set("User-Agent", agent)
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Cookie", p.jar())
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			p.t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			p.t.Fatal(err)
		}
		for _, c := range res.Cookies() {
			p.cookies[c.Name] = c.Value
		}
		p.last, p.at = string(body), path
		if res.StatusCode != http.StatusSeeOther {
			if res.StatusCode != http.StatusOK {
				p.t.Fatalf("%s %s: got %d, want a page\n%s", method, path, res.StatusCode, body)
			}
			return
		}
		method, path, fields = "GET", res.Header.Get("Location"), nil
	}
}

var hidden = regexp.MustCompile(`name="(key|challenge)" value="([^"]*)"`)

// submit fills in the form of the page and sends it.
func (p *person) submit(path string, fields ...string) {
	p.t.Helper()
	form := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(p.last, -1) {
		form.Set(m[1], m[2])
	}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	p.do("POST", path, form)
}

// register makes an account as people do.
func (s *site) register(email string) {
	s.t.Helper()
	p := s.person()
	p.do("GET", "/register", nil)
	waiting := s.office.expect(email)
	p.submit("/register", "login", email, "password", password)
	p.submit(p.at+"/answer", "code", (<-waiting).code)
}

// signIn gives the cookies of a session.
func (s *site) signIn(email string) string {
	s.t.Helper()
	p := s.person()
	p.do("GET", "/signin", nil)
	p.submit("/signin", "login", email, "password", password)
	if p.cookies["__Host-session"] == "" {
		s.t.Fatalf("sign in: got no session, want one\n%s", p.last)
	}
	return p.jar()
}

// An office is a mail server that keeps nothing but what somebody waits for.
type office struct {
	addr string

	mu       sync.Mutex
	closed   chan struct{} // while it is shut, nothing is taken
	total    int
	arrivals []time.Time
	waiting  map[string]chan arrival
}

// An arrival is a mail that was taken.
type arrival struct {
	at   time.Time
	code string
}

func newOffice(t testing.TB) *office {
	t.Helper()
	o := &office{waiting: map[string]chan arrival{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.addr = l.Addr().String()
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &visit{office: o}, nil }))
	server.EnableSMTPUTF8 = true
	go server.Serve(l) //nolint:errcheck // it ends with the test
	t.Cleanup(func() { server.Close() })
	return o
}

// expect gives the next mail to an address.
func (o *office) expect(to string) <-chan arrival {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := make(chan arrival, 1)
	o.waiting[to] = c
	return c
}

// shut takes no mail until the function it gives is called.
func (o *office) shut() (reopen func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	shut := make(chan struct{})
	o.closed = shut
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.closed, o.arrivals = nil, nil
		close(shut)
	}
}

// came gives when mails arrived since the last shut, and how many there ever were.
func (o *office) came() ([]time.Time, int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]time.Time(nil), o.arrivals...), o.total
}

type visit struct {
	office *office
	to     string
}

func (v *visit) Mail(string, *smtp.MailOptions) error { return nil }

func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error {
	v.to = to
	return nil
}

var token = regexp.MustCompile(`(?mi)^OTP-Token: .*?(\d{8,20})`)

func (v *visit) Data(r io.Reader) error {
	o := v.office
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	o.mu.Lock()
	shut := o.closed
	o.mu.Unlock()
	if shut != nil {
		<-shut
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	o.total++
	o.arrivals = append(o.arrivals, now)
	if c := o.waiting[v.to]; c != nil {
		a := arrival{at: now}
		if m := token.FindSubmatch(raw); m != nil {
			a.code = string(m[1])
		}
		delete(o.waiting, v.to)
		c <- a
	}
	return nil
}

func (v *visit) Reset()        {}
func (v *visit) Logout() error { return nil }
