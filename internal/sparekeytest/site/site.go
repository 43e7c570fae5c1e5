// Package site runs Sparekey as an operator does: the program that is built, in
// a process of its own, on a database that keeps what it has acknowledged, with
// a mail server and people who walk through the pages.
package site

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sparekey/internal/sparekeytest"
)

// Password is that of every account that Fill makes.
const Password = "wicker lantern 42"

// Build builds the program as `make build` does, but for the paths in it, which
// would have all of it compiled anew. More flags are for go build.
func Build(t testing.TB, flags ...string) (binary string) {
	t.Helper()
	binary = filepath.Join(t.TempDir(), "sparekey")
	cmd := exec.Command("go", append(append([]string{"build", "-ldflags=-s -w", "-o", binary}, flags...), "sparekey/cmd/sparekey")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// A Site is a database, its keys, a mail server, and as many servers as are
// started on them.
type Site struct {
	T        testing.TB
	Binary   string
	Kind     string                      // "sqlite" or "postgres"
	URL      string                      // of the database
	Postgres sparekeytest.PostgresServer // if that is its database
	Office   *Office
	Env      []string // more of the environment of each server

	dir string
}

// New makes a site without accounts. It ends with the test.
func New(t testing.TB, binary, kind string) *Site {
	t.Helper()
	s := &Site{T: t, Binary: binary, Kind: kind, Office: NewOffice(t), dir: t.TempDir()}
	s.URL = "sqlite:" + filepath.Join(s.dir, "sparekey.db")
	if kind == "postgres" {
		s.Postgres = sparekeytest.DurablePostgres(t)
		s.URL = s.Postgres.URL
	}
	s.prepare()
	return s
}

// NewOn makes a site on an empty PostgreSQL database that is there.
func NewOn(t testing.TB, binary, url string) *Site {
	t.Helper()
	s := &Site{T: t, Binary: binary, Kind: "postgres", URL: url, Office: NewOffice(t), dir: t.TempDir()}
	s.prepare()
	return s
}

func (s *Site) prepare() {
	s.T.Helper()
	s.command("keys", "new", s.keys())
	s.command("migrate")
}

func (s *Site) keys() string { return filepath.Join(s.dir, "sparekey.key") }

// Fill adds an account for each address, with one password.
func (s *Site) Fill(emails []string) {
	s.T.Helper()
	node := s.Start()
	s.Register(node, "owner@example.com")
	node.Kill() // on PostgreSQL its proper end takes five seconds
	sparekeytest.Fill(s.T, s.URL, emails)
}

// Register makes an account with an address by the pages of a server.
func (s *Site) Register(node *Server, email string) {
	s.T.Helper()
	person, code := node.Person(), s.Office.Expect(email)
	err := person.Get("/register")
	if err == nil {
		err = person.Submit("/register", "login", email, "password", Password)
	}
	if err == nil {
		err = person.Submit(person.At+"/answer", "code", (<-code).Code)
	}
	if err != nil {
		s.T.Fatalf("register: %v", err)
	}
}

func (s *Site) environment(addr, admin string) []string {
	return append(os.Environ(),
		"SPAREKEY_LISTEN="+addr, "SPAREKEY_PUBLIC_URL="+Origin, "SPAREKEY_DATABASE="+s.URL,
		"SPAREKEY_KEY_FILE="+s.keys(), "SPAREKEY_SMTP=smtp://"+s.Office.Addr,
		"SPAREKEY_MAIL_FROM=Sparekey <hello@example.com>", "SPAREKEY_SITE_NAME=Example", "SPAREKEY_ADMIN_LISTEN="+admin,
		"SPAREKEY_TRUSTED_PROXIES=127.0.0.1/32")
}

// Host is what every server of a site is called, wherever it listens.
const Host = "localhost:8080"

// Origin is the same as pages and apps have it.
const Origin = "http://" + Host

// command runs the program to its end.
func (s *Site) command(args ...string) {
	s.T.Helper()
	cmd := exec.Command(s.Binary, args...)
	cmd.Env = s.environment("127.0.0.1:1", "")
	if out, err := cmd.CombinedOutput(); err != nil {
		s.T.Fatalf("sparekey %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// A Server is a process that answers.
type Server struct {
	Addr  string // host:port
	Admin string // likewise, of the operator's listener
	Pid   int
	Ready time.Duration // from its start to its first answer

	t    testing.TB
	cmd  *exec.Cmd
	done chan struct{}
	err  error
	log  bytes.Buffer
}

// AwaitDatabase waits until the database takes connections.
func (s *Site) AwaitDatabase() {
	s.T.Helper()
	if s.Kind == "sqlite" {
		return
	}
	for range 600 {
		conn, err := pgx.Connect(context.Background(), s.URL)
		if err == nil {
			conn.Close(context.Background())
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.T.Fatal("got no database within half a minute, want it to start again")
}

// Start starts a server on the site's database.
func (s *Site) Start() *Server {
	s.T.Helper()
	addr, admin := FreePort(s.T), FreePort(s.T)
	cmd := exec.Command(s.Binary, "serve")
	cmd.Env = append(s.environment(addr, admin), s.Env...)
	server := Launch(s.T, addr, "/readyz", cmd)
	server.Admin = admin
	return server
}

// Launch starts a program that serves at addr, and waits until it answers path.
// It ends with the test, if not before.
func Launch(t testing.TB, addr, path string, cmd *exec.Cmd) *Server {
	t.Helper()
	p := &Server{t: t, cmd: cmd, Addr: addr, done: make(chan struct{})}
	cmd.Stderr = &p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.Pid = cmd.Process.Pid
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(p.Kill)
	for {
		res, err := http.Get("http://" + addr + path)
		if err == nil {
			res.Body.Close()
			p.Ready = time.Since(began)
			return p
		}
		select {
		case <-p.done:
			t.Fatalf("%s ended: %v\n%s", cmd.Path, p.err, p.log.String())
		case <-time.After(500 * time.Microsecond):
		}
		if time.Since(began) > time.Minute {
			p.Kill()
			t.Fatalf("%s does not answer\n%s", cmd.Path, p.log.String())
		}
	}
}

// Kill ends the process without a word, and returns when it has ended.
func (p *Server) Kill() {
	p.cmd.Process.Kill() //nolint:errcheck // it has gone
	<-p.done
}

// Done is closed when the process has ended.
func (p *Server) Done() <-chan struct{} { return p.done }

// Signal sends the process a signal.
func (p *Server) Signal(s syscall.Signal) { p.cmd.Process.Signal(s) } //nolint:errcheck // it has gone

// Memory is a line of what the kernel says of the process, in bytes: VmRSS is what
// it holds, VmHWM the most that it ever held.
func (p *Server) Memory(line string) int64 {
	p.t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), "\n"+line+":")
	var kb int64
	if _, err := fmt.Sscan(rest, &kb); err != nil {
		p.t.Fatal(err)
	}
	return kb << 10
}

// Stop ends the process as an operator does.
func (p *Server) Stop() {
	p.t.Helper()
	p.Signal(syscall.SIGTERM)
	<-p.done
	if p.err != nil {
		p.t.Errorf("the server ended with %v\n%s", p.err, p.log.String())
	}
}

// FreePort gives an address of this machine that nobody listens at.
func FreePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Address is as long for each who and n.
func Address(who string, n int) string { return fmt.Sprintf("%s.%07d@example.com", who, n) }
