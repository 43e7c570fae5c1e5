package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

const (
	maxMails    = 500
	maxMailSize = 1 << 20
)

// A Mail is one that arrived in the mailbox.
type Mail struct {
	ID       string // a number, counted from 1
	From, To string // of the envelope
	Subject  string
	Text     string
	HTML     string
	Code     string // what the OTP-Token header says
	At       time.Time
}

// A Mailbox is a mail server that delivers to a page: whatever is sent to it,
// to any address, it keeps in memory and shows, and text messages beside it. It
// keeps the newest 500 of each. It is for this machine only and asks nobody for
// a password.
type Mailbox struct {
	publicURL string
	now       func() time.Time
	smtp      *smtp.Server

	mu      sync.Mutex
	l       []net.Listener
	closed  bool
	mails   []Mail
	texts   []Text
	count   int           // of mails
	arrived chan struct{} // closed and replaced whenever a message arrives
}

// NewMailbox makes an empty mailbox. Only addresses that begin with publicURL,
// scheme and host, become links in the text of mails.
func NewMailbox(publicURL string, now func() time.Time) *Mailbox {
	m := &Mailbox{publicURL: publicURL, now: now, arrived: make(chan struct{})}
	m.smtp = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &delivery{box: m}, nil
	}))
	m.smtp.Domain = "localhost"
	m.smtp.EnableSMTPUTF8 = true
	m.smtp.MaxMessageBytes = maxMailSize
	m.smtp.MaxRecipients = 100
	m.smtp.ReadTimeout = time.Minute
	m.smtp.WriteTimeout = time.Minute
	m.smtp.ErrorLog = log.New(io.Discard, "", 0) // what a client does wrong it is told
	return m
}

// ServeSMTP takes mail from l until Close, and closes l. It then returns nil,
// at once if Close came first.
func (m *Mailbox) ServeSMTP(l net.Listener) error {
	defer l.Close()
	m.mu.Lock()
	m.l = append(m.l, l)
	closed := m.closed
	m.mu.Unlock()
	if closed {
		return nil
	}
	err := m.smtp.Serve(l)
	if errors.Is(err, smtp.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("take mail: %w", err)
	}
	return nil
}

// Close ends ServeSMTP and every connection. The mails stay.
func (m *Mailbox) Close() error {
	m.mu.Lock()
	m.closed = true
	for _, l := range m.l {
		l.Close() // the server does not know one that has only begun
	}
	m.mu.Unlock()
	if err := m.smtp.Close(); err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close mail server: %w", err)
	}
	return nil
}

// Mails gives the mails to an address, or all if it is empty, in the order in
// which they arrived.
func (m *Mailbox) Mails(to string) []Mail {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.to(to)
}

// to is Mails for those who hold the lock.
func (m *Mailbox) to(to string) []Mail {
	return meant(m.mails, to, func(one Mail) string { return one.To })
}

// meant gives the messages to whoever it is, or all if it is empty.
func meant[T any](all []T, to string, of func(T) string) (list []T) {
	for _, one := range all {
		if to == "" || of(one) == to {
			list = append(list, one)
		}
	}
	return list
}

// Wait waits until n mails to an address are there, or to any if it is empty,
// and gives the nth in the order of arrival, counted from 1. It ends with ctx.
func (m *Mailbox) Wait(ctx context.Context, to string, n int) (Mail, error) {
	return wait(ctx, m, n, func() []Mail { return m.to(to) })
}

// mail gives the mail of an id.
func (m *Mailbox) mail(id string) (Mail, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, one := range m.mails {
		if one.ID == id {
			return one, true
		}
	}
	return Mail{}, false
}

// add puts a mail into the box. The oldest makes room.
func (m *Mailbox) add(one Mail) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count++
	one.ID = strconv.Itoa(m.count)
	one.At = m.now()
	if len(m.mails) == maxMails {
		m.mails = append(m.mails[:0:0], m.mails[1:]...)
	}
	m.mails = append(m.mails, one)
	close(m.arrived)
	m.arrived = make(chan struct{})
}

// A delivery is a conversation with a mail client.
type delivery struct {
	box  *Mailbox
	from string
	to   []string
}

// Mail begins a mail.
func (d *delivery) Mail(from string, _ *smtp.MailOptions) error {
	d.from = from
	return nil
}

// Rcpt adds an address.
func (d *delivery) Rcpt(to string, _ *smtp.RcptOptions) error {
	d.to = append(d.to, to)
	return nil
}

// Data takes the mail itself.
func (d *delivery) Data(r io.Reader) error {
	one, err := readMail(r)
	if err != nil {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "This is not a mail that can be read"}
	}
	one.From = d.from
	for _, to := range d.to {
		one.To = to
		d.box.add(one)
	}
	return nil
}

// Reset forgets a mail that was begun.
func (d *delivery) Reset() { d.from, d.to = "", nil }

// Logout ends the conversation.
func (d *delivery) Logout() error { return nil }
