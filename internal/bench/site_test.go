package bench

import (
	"database/sql"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"sparekey/internal/sparekeytest/site"
)

const owner = "owner@example.com"

// A place is a site with accounts and the one server that is measured.
type place struct {
	*site.Site
	*site.Server
	t        *testing.T
	accounts int
	weight   int64 // bytes of one account on the disk
}

// newPlace makes a site with so many accounts, and starts it.
func newPlace(t *testing.T, binary, kind string, accounts int) *place {
	t.Helper()
	s := &place{Site: site.New(t, binary, kind), t: t, accounts: accounts}
	emails := make([]string, accounts)
	for n := range emails {
		emails[n] = site.Address("account", n)
	}
	was := s.size()
	s.Fill(emails)
	s.weight = (s.size() - was) / int64(accounts)
	s.Server = s.Site.Start()
	return s
}

// cpu is what the kernel has on the server's account, and database what it has
// on PostgreSQL's.
func (s *place) cpu() time.Duration { return cpuOf(s.t, s.Pid) }

func (s *place) databaseCPU() time.Duration {
	if s.Kind == "sqlite" {
		return 0
	}
	return familyCPU(s.t, s.Postgres.Pid())
}

// size is how much room the database takes, indexes included. PostgreSQL is
// tidied up first, as autovacuum does in time.
func (s *place) size() (bytes int64) {
	driver, dsn, query := "pgx", s.URL, `SELECT pg_database_size(current_database())`
	if path, ok := strings.CutPrefix(s.URL, "sqlite:"); ok {
		driver, dsn, query = "sqlite", "file:"+path, `SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()`
	}
	db, err := sql.Open(driver, dsn)
	s.must(err)
	defer db.Close()
	if driver == "pgx" {
		_, err := db.Exec(`VACUUM ANALYZE`)
		s.must(err)
	}
	s.must(db.QueryRow(query).Scan(&bytes))
	return bytes
}

func (s *place) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// nothing starts the server that does nothing.
func nothing(t testing.TB) *site.Server {
	t.Helper()
	addr := site.FreePort(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), emptyAt+"="+addr)
	return site.Launch(t, addr, "/", cmd)
}

// The accounts are shared out, because an address may have few mails an hour.
const (
	begun     = iota // recoveries are begun for the first three fifths
	mailed           // mails are timed with the fourth
	recovered        // the last is recovered whole
)

// of gives the address of the nth account that is for one use. They come again
// in the end.
func (s *place) of(use, n int) string {
	fifth := s.accounts / 5
	if use == begun {
		return site.Address("account", n%(3*fifth))
	}
	return site.Address("account", (2+use)*fifth+n%fifth)
}

// signIn gives the cookies of a session.
func (s *place) signIn(email string) string {
	s.t.Helper()
	p := s.Person()
	s.must(p.Get("/signin"))
	s.must(p.Submit("/signin", "login", email, "password", site.Password))
	if p.Cookies["__Host-session"] == "" {
		s.t.Fatalf("sign in: got no session, want one\n%s", p.Page)
	}
	return p.Jar()
}
