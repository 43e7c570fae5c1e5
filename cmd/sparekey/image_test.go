package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sparekey/internal/sparekeytest"
)

// nonroot is the user of the image.
const nonroot = 65532

// The program is one file: in a root that holds nothing else, and as an
// ordinary user, it serves, keeps its data and sends mail. All that it misses
// there are the certificates of those whom it shall trust, and it says so.
func TestRunsInAnEmptyRoot(t *testing.T) {
	root := emptyRoot(t)
	sink := sparekeytest.NewSinkWith(t, sparekeytest.SinkOptions{TLSOnly: true})

	page, log := start(t, root, sink)
	ready(t, page, log)
	register(t, page, "mara@example.com")
	until(t, log, func() bool {
		return strings.Contains(log.String(), "the certificate of the mail server") && strings.Contains(log.String(), "is not trusted")
	})

	// Where the base of the image has them.
	put(t, filepath.Join(root, "etc/ssl/certs/ca-certificates.crt"), authority(t, sink))
	page, log = start(t, root, sink)
	ready(t, page, log)
	register(t, page, "noor@example.com")
	until(t, log, func() bool { return len(sink.Mails("noor@example.com")) > 0 })
	if code := sink.Mails("noor@example.com")[0].Code(); len(code) != 8 {
		t.Errorf("got a code of %d digits in the mail, want 8", len(code))
	}
}

// emptyRoot makes a folder with the program, as the Dockerfile builds it, and a
// folder for its data.
func emptyRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(root, "sparekey"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	data := filepath.Join(root, "data")
	if err := errors.Join(os.Mkdir(data, 0o700), os.Chmod(root, 0o755)); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := os.Chown(data, nonroot, nonroot); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// start runs the program with root as its root. It ends with the test, or with
// the next start. It gives the address of its pages, and its log.
func start(t *testing.T, root string, sink *sparekeytest.Sink) (page string, log *safeBuffer) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	l.Close()
	ctx, stop := context.WithCancel(t.Context())
	log = new(safeBuffer)
	cmd := exec.CommandContext(ctx, "/sparekey", "serve")
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = "/data", log, log, inside(root)
	cmd.Env = []string{
		"SPAREKEY_LISTEN=" + at, "SPAREKEY_SMTP=" + sink.URL(), "SPAREKEY_MAIL_FROM=hello@example.org", "SPAREKEY_DATABASE=sqlite:/data/" + at + ".db",
	}
	if err := cmd.Start(); err != nil {
		stop()
		if os.Getuid() != 0 && errors.Is(err, syscall.EPERM) {
			t.Skip("this machine gives ordinary users no name space of their own")
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		cmd.Wait() //nolint:errcheck // it was killed
	})
	return "http://" + at, log
}

// inside is how a program starts within root as an ordinary user. Who is not
// root gets a name space in which to be it for as long as that takes.
func inside(root string) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: nonroot, Gid: nonroot}}
	if os.Getuid() != 0 {
		attr.Cloneflags = syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: nonroot, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: nonroot, HostID: os.Getgid(), Size: 1}}
		attr.Credential.NoSetGroups = true
	}
	return attr
}

func ready(t *testing.T, page string, log *safeBuffer) {
	t.Helper()
	until(t, log, func() bool {
		res, err := http.Get(page + "/readyz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

func register(t *testing.T, page, email string) {
	t.Helper()
	stay := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := stay.PostForm(page+"/register", url.Values{"login": {email}, "password": {"quiet lantern 41"}})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		t.Fatalf("register: got %d, want 303", res.StatusCode)
	}
}

// until waits until something is so.
func until(t *testing.T, log *safeBuffer, so func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it did not happen in 20 s; the log:\n%s", log.String())
		}
	}
}

// authority is the certificate of who vouches for the sink.
func authority(t *testing.T, sink *sparekeytest.Sink) []byte {
	t.Helper()
	conn, err := tls.Dial("tcp", sink.Addr(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	chain := conn.ConnectionState().PeerCertificates
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: chain[len(chain)-1].Raw})
}

func put(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, text, 0o644)); err != nil {
		t.Fatal(err)
	}
}

// A safeBuffer is written by a program while a test reads it.
type safeBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds to the text.
func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String is what was written so far.
func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
