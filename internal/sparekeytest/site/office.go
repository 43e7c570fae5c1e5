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
// Whatever can go wrong with one goes wrong here on demand.
type Office struct {
	Addr string

	t       testing.TB
	mu      sync.Mutex
	server  *smtp.Server
	closed  chan struct{} // while it is shut, nothing is taken
	refuse  func(to string) error
	answer  func(m Mail) Answer
	pace    time.Duration // between the bytes of what it says
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

// An Answer is what an office does about a mail that has come whole. The zero
// value takes it and says so.
type Answer struct {
	Refuse error  // the mail is not taken, and this is said
	Cut    bool   // the mail is taken, and the connection breaks before a word of that
	After  func() // called when it was said, before anything else is; then the connection ends
}

// NewOffice starts a mail server that takes everything. It ends with the test.
func NewOffice(t testing.TB) *Office {
	t.Helper()
	o := &Office{t: t, waiting: map[string]chan Mail{}}
	o.open("127.0.0.1:0")
	t.Cleanup(o.Close)
	return o
}

func (o *Office) open(addr string) {
	o.t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		o.t.Fatal(err)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &visit{office: o, conn: c.Conn()}, nil }))
	server.EnableSMTPUTF8 = true
	server.ErrorLog = log.New(io.Discard, "", 0) // servers that are killed break their connections
	o.mu.Lock()
	defer o.mu.Unlock()
	o.Addr, o.server = l.Addr().String(), server
	go server.Serve(counter{l, o}) //nolint:errcheck // it ends with the test
}

// Close takes the mail server away: its connections break, and nobody gets
// another.
func (o *Office) Close() {
	o.mu.Lock()
	server := o.server
	o.mu.Unlock()
	server.Close()
}

// Open brings back the mail server that Close took away.
func (o *Office) Open() {
	o.t.Helper()
	o.open(o.Addr)
}

// Expect gives the next code that is mailed to an address. Notices may come in
// between: they are not what anyone types.
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

// Answer has f decide what becomes of each mail that has come whole. nil takes
// everything again.
func (o *Office) Answer(f func(m Mail) Answer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer = f
}

// Pace has the office wait before each byte that it says.
func (o *Office) Pace(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pace = d
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
	conn   net.Conn
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
	shut, answer := o.closed, o.answer
	o.mu.Unlock()
	if shut != nil {
		<-shut
	}
	m := Mail{To: v.to, Thread: first(thread, raw), Code: first(token, raw)}
	var a Answer
	if answer != nil {
		a = answer(m)
	}
	if a.Refuse != nil {
		return a.Refuse
	}
	o.take(m)
	switch {
	case a.Cut:
		v.conn.Close()
	case a.After != nil:
		v.conn.(*line).last(a.After) // the listener gives no others
	}
	return nil
}

func (o *Office) take(m Mail) {
	o.mu.Lock()
	defer o.mu.Unlock()
	m.At = time.Now()
	o.mails = append(o.mails, m)
	if c := o.waiting[m.To]; c != nil && m.Code != "" {
		delete(o.waiting, m.To)
		c <- m
	}
}

func first(e *regexp.Regexp, raw []byte) string {
	if m := e.FindSubmatch(raw); m != nil {
		return string(m[1])
	}
	return ""
}

func (v *visit) Reset()        {}
func (v *visit) Logout() error { return nil }

// A counter is where an office takes connections.
type counter struct {
	net.Listener
	office *Office
}

// Accept waits for a connection.
func (c counter) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &line{Conn: conn, office: c.office}, nil
}

// A line is a connection to an office, which may be slow and may end.
type line struct {
	net.Conn
	office *Office

	mu    sync.Mutex
	after func()
}

// last has the connection end behind the next answer.
func (l *line) last(after func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.after = after
}

// Write says something.
func (l *line) Write(p []byte) (int, error) {
	l.mu.Lock()
	after := l.after
	l.mu.Unlock()
	l.office.mu.Lock()
	pace := l.office.pace
	l.office.mu.Unlock()
	step := len(p)
	if pace > 0 {
		step = 1
	}
	for n := 0; n < len(p); n += step {
		time.Sleep(pace)
		if _, err := l.Conn.Write(p[n : n+step]); err != nil {
			return n, err
		}
	}
	if after != nil {
		after()
		l.Conn.Close()
	}
	return len(p), nil
}
