package site

import (
	"io"
	"log"
	"net"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// An Office is a mail server that keeps of each mail what tells it from others.
type Office struct {
	Addr string

	mu      sync.Mutex
	closed  chan struct{} // while it is shut, nothing is taken
	refuse  func(to string) error
	mails   []Mail
	waiting map[string]chan Mail
}

// A Mail is one that was taken.
type Mail struct {
	To     string
	Thread string // what it is about: for a code, its flow
	Code   string
	At     time.Time
}

// NewOffice starts a mail server that takes everything. It ends with the test.
func NewOffice(t testing.TB) *Office {
	t.Helper()
	o := &Office{waiting: map[string]chan Mail{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.Addr = l.Addr().String()
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &visit{office: o}, nil }))
	server.EnableSMTPUTF8 = true
	server.ErrorLog = log.New(io.Discard, "", 0) // servers that are killed break their connections
	go server.Serve(l)                           //nolint:errcheck // it ends with the test
	t.Cleanup(func() { server.Close() })
	return o
}

// Expect gives the next mail to an address.
func (o *Office) Expect(to string) <-chan Mail {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := make(chan Mail, 1)
	o.waiting[to] = c
	return c
}

// Refuse has what is sent to some addresses refused: with what f says, if it says
// anything. nil takes everything again.
func (o *Office) Refuse(f func(to string) error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refuse = f
}

// Shut takes no mail until the function it gives is called.
func (o *Office) Shut() (reopen func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	shut := make(chan struct{})
	o.closed = shut
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.closed = nil
		close(shut)
	}
}

// Mails gives the mails that were taken, the first first, from the nth on.
func (o *Office) Mails(from int) []Mail {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]Mail(nil), o.mails[from:]...)
}

type visit struct {
	office *Office
	to     string
}

func (v *visit) Mail(string, *smtp.MailOptions) error { return nil }

func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error {
	v.to = to
	v.office.mu.Lock()
	defer v.office.mu.Unlock()
	if v.office.refuse != nil {
		return v.office.refuse(to)
	}
	return nil
}

var (
	token  = regexp.MustCompile(`(?mi)^OTP-Token: .*?(\d{8,20})`)
	thread = regexp.MustCompile(`(?mi)^References: <([^@>.]+)`)
)

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
	m := Mail{To: v.to, Thread: first(thread, raw), Code: first(token, raw)}
	o.mu.Lock()
	defer o.mu.Unlock()
	m.At = time.Now()
	o.mails = append(o.mails, m)
	if c := o.waiting[v.to]; c != nil {
		delete(o.waiting, v.to)
		c <- m
	}
	return nil
}

func first(e *regexp.Regexp, raw []byte) string {
	if m := e.FindSubmatch(raw); m != nil {
		return string(m[1])
	}
	return ""
}

func (v *visit) Reset()        {}
func (v *visit) Logout() error { return nil }
