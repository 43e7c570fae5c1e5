package sparekeytest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sparekey/internal/sparekeytest/guard"
)

// A PostgresPair is a primary and its synchronous standby: what the primary has
// acknowledged is on the disks of both. They change places when one fails.
type PostgresPair struct {
	URL string // of the empty database, wherever the primary is

	t       testing.TB
	members [2]*member
	primary int
}

// A member is one of two servers.
type member struct {
	t     testing.TB
	dir   string
	port  int
	guard *guard.Guard
}

// memberKeeper starts a server ($1 the program, $2 the folder, $3 the port) each
// time that it reads a line, with the settings in it, and ends the last of them
// when the tests are over.
const memberKeeper = `
	trap '[ -z "$pid" ] || { kill -QUIT $pid; wait $pid; }; rm -rf "$2"' EXIT
	while read -r settings; do
		[ -z "$pid" ] || wait $pid
		"$1" -D "$2/data" -k "$2" -p "$3" -c listen_addresses=127.0.0.1 -c max_connections=200 \
			-c wal_keep_size=256MB -c timezone=UTC -c log_timezone=UTC $settings 2>>"$2/log" &
		pid=$!
	done`

// DurablePair starts a primary and a standby that end with the test. Neither
// starts again by itself.
func DurablePair(t testing.TB) *PostgresPair {
	t.Helper()
	p := &PostgresPair{t: t}
	var hosts []string
	for n := range p.members {
		p.members[n] = newMember(t)
		hosts = append(hosts, fmt.Sprintf("127.0.0.1:%d", p.members[n].port))
	}
	p.URL = "postgres://postgres@" + strings.Join(hosts, ",") + "/postgres?target_session_attrs=read-write"
	bin, cred := serverPrograms(t)
	if err := fillData(p.members[0].data(), bin, cred); err != nil {
		t.Fatal(err)
	}
	p.members[0].start("")
	p.copyTo(1)
	return p
}

// PrimaryURL is that of the server in charge alone, OtherURL of the other one.
func (p *PostgresPair) PrimaryURL() string { return p.members[p.primary].url() }

// OtherURL is that of the server which is not in charge.
func (p *PostgresPair) OtherURL() string { return p.members[1-p.primary].url() }

// Kill kills the primary, and nobody takes over.
func (p *PostgresPair) Kill() { p.members[p.primary].kill() }

// Promote has the standby take over, as whoever watches the two does.
func (p *PostgresPair) Promote() {
	p.t.Helper()
	p.primary = 1 - p.primary
	p.members[p.primary].execute(`SELECT pg_promote()`)
}

// Return starts the server that was the primary as if nothing had happened. It
// takes writes from whoever comes.
func (p *PostgresPair) Return() {
	p.t.Helper()
	p.members[1-p.primary].start("-c synchronous_standby_names=")
}

// Rebuild makes a standby of the server that was the primary. What it had is
// gone.
func (p *PostgresPair) Rebuild() {
	p.t.Helper()
	old := p.members[1-p.primary]
	old.kill()
	if err := os.RemoveAll(old.data()); err != nil {
		p.t.Fatal(err)
	}
	p.copyTo(1 - p.primary)
}

// Detach has the standby learn nothing any more, while the primary acknowledges
// what it alone has: a standby that is not synchronous, and lags.
func (p *PostgresPair) Detach() {
	p.t.Helper()
	p.members[p.primary].execute(`ALTER SYSTEM SET synchronous_standby_names = ''`)
	p.members[p.primary].execute(`SELECT pg_reload_conf()`)
	p.members[1-p.primary].execute(`ALTER SYSTEM SET primary_conninfo = ''`)
	p.members[1-p.primary].execute(`SELECT pg_reload_conf()`)
	p.await(`SELECT COUNT(*) = 0 FROM pg_stat_replication`)
}

// copyTo makes the member a copy of the primary that follows it, and has the
// primary wait for it at every commit.
func (p *PostgresPair) copyTo(n int) {
	p.t.Helper()
	from, to := p.members[p.primary], p.members[n]
	bin, cred := serverPrograms(p.t)
	cmd := exec.Command(filepath.Join(bin, "pg_basebackup"), "--no-sync", "--checkpoint=fast", "--write-recovery-conf", "--wal-method=stream",
		"--dbname="+from.url(), "--pgdata="+to.data())
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("copy the primary: %v\n%s", err, out)
	}
	to.start("") // it was copied before the next line: should it take over, it waits for nobody
	from.execute(`ALTER SYSTEM SET synchronous_standby_names = '*'`)
	from.execute(`SELECT pg_reload_conf()`)
	p.await(`SELECT COUNT(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'`)
}

// await asks the primary until it is so.
func (p *PostgresPair) await(query string) {
	p.t.Helper()
	for end := time.Now().Add(postgresTimeout); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if p.members[p.primary].holds(query) {
			return
		}
	}
	p.t.Fatalf("waited %v until %s", postgresTimeout, query)
}

func newMember(t testing.TB) *member {
	t.Helper()
	bin, cred := serverPrograms(t)
	dir, err := os.MkdirTemp("/tmp", "sparekey-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &member{t: t, dir: dir, port: l.Addr().(*net.TCPAddr).Port}
	l.Close()
	if err := own(dir, cred); err != nil {
		t.Fatal(err)
	}
	m.guard, err = guard.Start(cred, memberKeeper, filepath.Join(bin, "postgres"), dir, strconv.Itoa(m.port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.guard.Stop)
	return m
}

func serverPrograms(t testing.TB) (bin string, cred *syscall.Credential) {
	t.Helper()
	bin, err := postgresFolder()
	if err != nil {
		t.Fatal(err)
	}
	cred, err = unprivileged()
	if err != nil {
		t.Fatal(err)
	}
	return bin, cred
}

func (m *member) data() string { return filepath.Join(m.dir, "data") }

func (m *member) url() string {
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Host: fmt.Sprintf("127.0.0.1:%d", m.port), Path: "/postgres"}
	return u.String()
}

// start starts the server with more settings, and waits until it answers.
func (m *member) start(settings string) {
	m.t.Helper()
	if _, err := m.guard.Input.Write([]byte(settings + "\n")); err != nil {
		m.t.Fatal(err)
	}
	for end := time.Now().Add(postgresTimeout); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if m.holds(`SELECT TRUE`) {
			return
		}
	}
	log, _ := os.ReadFile(filepath.Join(m.dir, "log"))
	m.t.Fatalf("the server was not ready within %v:\n%s", postgresTimeout, log)
}

// kill kills the server and all its processes, as the end of its machine does,
// and waits until they are gone: it would not start again before.
func (m *member) kill() {
	m.t.Helper()
	pid := PostgresServer{dir: m.dir}.Pid()
	if pid == 0 {
		return
	}
	all := append([]int{pid}, childrenOf(pid)...)
	for _, one := range all {
		syscall.Kill(one, syscall.SIGKILL) //nolint:errcheck // it may be gone
	}
	for end := time.Now().Add(postgresTimeout); ; time.Sleep(5 * time.Millisecond) {
		if !slices.ContainsFunc(all, func(one int) bool { state, _ := process(one); return state != "" && state != "Z" }) {
			return
		}
		if time.Now().After(end) {
			m.t.Fatal("got a server that lives, want it to be killed")
		}
	}
}

// process gives the state of a process, a letter, and its parent. The state is
// empty if there is no such process.
func process(pid int) (state string, parent int) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", 0
	}
	// What stands in brackets is its name, which may hold anything.
	fmt.Sscan(string(stat[bytes.LastIndexByte(stat, ')')+1:]), &state, &parent) //nolint:errcheck // the kernel writes it
	return state, parent
}

func childrenOf(pid int) (list []int) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		child, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if state, parent := process(child); state != "" && parent == pid {
			list = append(list, child)
		}
	}
	return list
}

// holds reports whether the server answers that it is so.
func (m *member) holds(query string) (so bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, m.url())
	if err != nil {
		return false
	}
	defer conn.Close(ctx)
	return conn.QueryRow(ctx, query).Scan(&so) == nil && so
}

func (m *member) execute(statement string) {
	m.t.Helper()
	if err := execute(m.url(), statement); err != nil {
		m.t.Fatalf("%s: %v", statement, err)
	}
}
