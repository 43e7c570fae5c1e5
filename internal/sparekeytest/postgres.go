package sparekeytest

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sparekey/internal/sparekeytest/guard"
)

// postgresTimeout is how long a start, or the making of one database, may take
// on a machine that is busy with other tests.
const postgresTimeout = time.Minute

// Postgres makes an empty database for one test and gives its URL. The test's
// end drops it. It has a database, and not only a schema, of its own because
// advisory locks and notifications belong to a database.
//
// The database is made on the server that SPAREKEY_TEST_POSTGRES names, as a
// user who may create databases. Without that, each test binary has a server
// of its own, started by its first call and ended with the process. A machine
// without PostgreSQL fails the test with the line that mends it.
func Postgres(t testing.TB) (dsn string) {
	t.Helper()
	return postgres(t, func(*url.URL) (string, error) { return "template1", nil })
}

// postgres makes a database for one test, a copy of the one that template
// names.
func postgres(t testing.TB, template func(server *url.URL) (string, error)) (dsn string) {
	t.Helper()
	server := os.Getenv("SPAREKEY_TEST_POSTGRES")
	if server == "" {
		var err error
		if server, err = theCluster.start(); err != nil {
			t.Fatalf("start PostgreSQL: %v", err)
		}
	}
	at, err := url.Parse(server)
	if err != nil || at.Scheme != "postgres" && at.Scheme != "postgresql" {
		t.Fatal("SPAREKEY_TEST_POSTGRES: needs postgres://user:password@host/name")
	}
	from, err := template(at)
	if err != nil {
		t.Fatal(err)
	}
	name := "test_" + strings.ToLower(rand.Text())
	if err := execute(server, `CREATE DATABASE `+name+` TEMPLATE `+from); err != nil {
		t.Fatalf("create a database for the test: %v", err)
	}
	t.Cleanup(func() {
		if err := execute(server, `DROP DATABASE `+name+` WITH (FORCE)`); err != nil {
			t.Errorf("drop the database of the test: %v", err)
		}
	})
	at.Path = "/" + name
	return at.String()
}

// A PostgresServer keeps what it has acknowledged, as one in use does.
type PostgresServer struct {
	URL string // of its empty database
	dir string
}

// DurablePostgres starts a server that ends with the test. If its process is
// killed, it starts again half a second later, as a service does.
func DurablePostgres(t testing.TB) PostgresServer {
	t.Helper()
	c := cluster{parent: "/tmp", keeper: restarter, settings: "-c shared_buffers=256MB -c max_wal_size=4GB"}
	dsn, err := c.start()
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	t.Cleanup(c.stop)
	return PostgresServer{dsn, c.dir}
}

// Pid is the server's process, whose children are the connections. It is 0 while
// there is none.
func (p PostgresServer) Pid() int {
	lock, err := os.ReadFile(filepath.Join(p.dir, "data", "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(lock), "\n")
	pid, _ := strconv.Atoi(first)
	return pid
}

// execute runs one statement on a connection of its own.
func execute(dsn, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), postgresTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

// theCluster is the one server of this process. Tests of a binary share it
// because a start takes longer than most of them; that is what a variable of
// the package is for.
var theCluster = cluster{
	parent: memory(),
	keeper: keeper,
	settings: "-c shared_buffers=16MB -c fsync=off -c synchronous_commit=off -c full_page_writes=off" +
		" -c autovacuum=off",
}

// A cluster is a private PostgreSQL server, on a socket in a folder of its
// own.
type cluster struct {
	parent   string // the folder for its own
	keeper   string // the script that runs it
	settings string

	mu    sync.Mutex
	dir   string
	guard *guard.Guard
	url   string
	err   error // of the first start: it is not tried again
}

// start starts the server unless it runs, and gives its URL.
func (c *cluster) start() (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.url == "" && c.err == nil {
		c.err = c.launch()
	}
	return c.url, c.err
}

// stop ends the server if it runs.
func (c *cluster) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.guard != nil {
		c.guard.Stop()
	}
	c.guard, c.url = nil, ""
}

// keeper starts the server once the data are there ($1 the program, $2 the
// folder, $3 the settings) and ends it when the tests are over. What is lost by
// that is meant to be lost.
const keeper = `
	trap '[ -z "$pid" ] || { kill -QUIT $pid; wait $pid; }; rm -rf "$2"' EXIT
	read -r ready || exit
	"$1" -D "$2/data" -k "$2" \
		-c listen_addresses= -c max_connections=200 \
		-c timezone=UTC -c log_timezone=UTC -c log_min_messages=log $3 &
	pid=$!
	cat >/dev/null`

// restarter is keeper for a server that is started again when it dies.
const restarter = `
	trap 'kill $pid; kill -QUIT $(head -n 1 "$2/data/postmaster.pid"); sleep 1; rm -rf "$2"' EXIT
	read -r ready || exit
	while :; do
		"$1" -D "$2/data" -k "$2" \
			-c listen_addresses= -c max_connections=200 \
			-c timezone=UTC -c log_timezone=UTC -c log_min_messages=log $3
		sleep 0.5
	done &
	pid=$!
	cat >/dev/null`

func (c *cluster) launch() (err error) {
	bin, err := postgresFolder()
	if err != nil {
		return err
	}
	cred, err := unprivileged()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(c.parent, "sparekey-postgres-")
	if err != nil {
		return err
	}
	if err := own(dir, cred); err != nil {
		os.RemoveAll(dir)
		return err
	}
	g, err := guard.Start(cred, c.keeper, filepath.Join(bin, "postgres"), dir, c.settings)
	if err != nil {
		os.RemoveAll(dir)
		return err
	}
	defer func() {
		if err != nil {
			g.Stop()
		}
	}()
	if err := fillData(filepath.Join(dir, "data"), bin, cred); err != nil {
		return err
	}
	if _, err := g.Input.Write([]byte("ready\n")); err != nil {
		return err
	}
	if err := awaitReady(g); err != nil {
		return err
	}
	at := url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/postgres", RawQuery: url.Values{"host": {dir}}.Encode()}
	c.guard, c.url, c.dir = g, at.String(), dir
	return nil
}

// memory is where databases of tests go: a new one on the server is some 900
// files. Where less than a gigabyte of memory is free it is /tmp and not TMPDIR,
// which may be long, or closed to other users: the path of a socket has 107
// bytes at most.
func memory() string {
	const shm = "/dev/shm"
	var fs syscall.Statfs_t
	if err := syscall.Statfs(shm, &fs); err == nil && fs.Bavail*uint64(fs.Bsize) > 1<<30 {
		return shm
	}
	return "/tmp"
}

// awaitReady reads the server's log until the line that says so. The rest of
// the log is read and thrown away: the server must not wait for a reader.
func awaitReady(g *guard.Guard) error {
	ready := make(chan error, 1)
	go func() {
		var log []string
		for lines := bufio.NewScanner(g.Tell); lines.Scan(); {
			if len(log) < 50 {
				log = append(log, lines.Text())
			}
			if strings.Contains(lines.Text(), "ready to accept connections") {
				select {
				case ready <- nil:
				default:
				}
			}
		}
		select {
		case ready <- fmt.Errorf("the server ended:\n%s", strings.Join(log, "\n")):
		default:
		}
	}()
	select {
	case err := <-ready:
		return err
	case <-time.After(postgresTimeout):
		return fmt.Errorf("the server was not ready within %v", postgresTimeout)
	}
}

// postgresFolder finds the newest server's programs: where Debian puts them,
// or in the PATH.
func postgresFolder() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	version := func(file string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(file))))
		return n
	}
	if len(found) > 0 {
		return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
	}
	file, err := exec.LookPath("initdb")
	if err != nil {
		return "", errors.New("the server is not installed; as root: make setup")
	}
	// What lies beside it are its programs; it may be a link to the real ones.
	file, err = filepath.EvalSymlinks(file)
	return filepath.Dir(file), err
}

// unprivileged is whom the server runs as: it refuses root. It is nil, this
// user, for everybody else.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("root may not run it, and there is neither a user postgres nor nobody")
}

// own gives dir and what is in it to the user of cred.
func own(dir string, cred *syscall.Credential) error {
	if cred == nil {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(cred.Uid), int(cred.Gid))
	})
}

// fillData puts the files of an empty server into data. They are made once a
// machine and copied from then on: a tenth of a second, and not a whole one.
func fillData(data, bin string, cred *syscall.Credential) error {
	home, err := os.UserCacheDir()
	if err != nil {
		return initdb(data, bin, cred) // nowhere to keep them
	}
	version, err := exec.Command(filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return fmt.Errorf("ask for the version: %w", err)
	}
	key := sha256.Sum256(append(version, initdbOptions...))
	kept := filepath.Join(home, "sparekey", fmt.Sprintf("postgres-%x", key[:6]))
	if err := os.MkdirAll(filepath.Dir(kept), 0o700); err != nil {
		return initdb(data, bin, cred)
	}
	if err := keepData(kept, data, bin, cred); err != nil {
		return err
	}
	if _, err := os.Stat(data); err == nil {
		return nil // made here, just now
	}
	if err := os.CopyFS(data, os.DirFS(kept)); err != nil {
		return fmt.Errorf("copy the files of an empty server: %w", err)
	}
	if err := os.Chmod(data, 0o700); err != nil {
		return err
	}
	return own(data, cred)
}

// keepData makes kept unless it is there: in data, and then a copy. Of several
// processes one makes it while the others wait.
func keepData(kept, data, bin string, cred *syscall.Credential) error {
	lock, err := os.OpenFile(kept+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close() // and so unlock
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	if _, err := os.Stat(kept); err == nil {
		return nil
	}
	if err := initdb(data, bin, cred); err != nil {
		return err
	}
	// Copied beside and renamed: what has the name is whole.
	part := kept + ".part"
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	if err := os.CopyFS(part, os.DirFS(data)); err != nil {
		return fmt.Errorf("keep the files of an empty server: %w", err)
	}
	return os.Rename(part, kept)
}

// initdbOptions make a server that sorts by bytes, wherever it runs.
const initdbOptions = "--no-sync --auth=trust --username=postgres --no-locale --encoding=UTF8 --wal-segsize=1"

func initdb(data, bin string, cred *syscall.Credential) error {
	cmd := exec.Command(filepath.Join(bin, "initdb"), append(strings.Fields(initdbOptions), "-D", data)...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w:\n%s", err, out)
	}
	return nil
}
