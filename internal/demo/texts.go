package demo

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// maxTextCall is the most that a call with a text message may have, in bytes.
	maxTextCall = 16 << 10
	// signedFor is how old a signature may be, and how far ahead its clock: a
	// call that was overheard is of no use later.
	signedFor = 5 * time.Minute
)

// A Text is a text message that arrived in the mailbox.
type Text struct {
	ID   string // as the sender has it
	To   string // the number
	Body string
	At   time.Time
}

// TextHandler takes text messages at POST /texts as a webhook does (see
// docs/text-messages.md), if they are signed with the secret. One that comes
// again is kept once.
func (m *Mailbox) TextHandler(secret string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /texts", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxTextCall))
		if err != nil {
			http.Error(w, "The call is too long.", http.StatusRequestEntityTooLarge)
			return
		}
		if !signed(r.Header.Get("Sparekey-Signature"), body, secret, m.now()) {
			http.Error(w, "The signature is not right.", http.StatusUnauthorized)
			return
		}
		var text struct {
			ID   string `json:"id"`
			To   string `json:"to"`
			Text string `json:"text"`
		}
		if err := json.Unmarshal(body, &text); err != nil || text.ID == "" || text.To == "" {
			http.Error(w, "This is no text message.", http.StatusBadRequest)
			return
		}
		m.addText(Text{ID: text.ID, To: text.To, Body: text.Text})
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

// signed reports whether a call was signed with the secret, and lately. The
// header is t=TIME,v1=SUM, the sum that of the time, a dot and the body.
func signed(header string, body []byte, secret string, now time.Time) bool {
	at, sum, _ := strings.Cut(strings.TrimPrefix(header, "t="), ",v1=")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > signedFor {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%s.%s", at, body)
	return hmac.Equal([]byte(sum), []byte(hex.EncodeToString(mac.Sum(nil))))
}

// addText puts a text message into the box, unless it is there. The oldest
// makes room.
func (m *Mailbox) addText(one Text) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.ContainsFunc(m.texts, func(other Text) bool { return other.ID == one.ID }) {
		return
	}
	one.At = m.now()
	if len(m.texts) == maxMails {
		m.texts = append(m.texts[:0:0], m.texts[1:]...)
	}
	m.texts = append(m.texts, one)
	close(m.arrived)
	m.arrived = make(chan struct{})
}

// Texts gives the text messages to a number, or all if it is empty, in the
// order in which they arrived.
func (m *Mailbox) Texts(to string) []Text {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.textsTo(to)
}

// textsTo is Texts for those who hold the lock.
func (m *Mailbox) textsTo(to string) []Text {
	return meant(m.texts, to, func(one Text) string { return one.To })
}

// WaitText is Wait for text messages.
func (m *Mailbox) WaitText(ctx context.Context, to string, n int) (Text, error) {
	return wait(ctx, m, n, func() []Text { return m.textsTo(to) })
}

// wait waits until list, which is called under the lock, has n messages.
func wait[T any](ctx context.Context, m *Mailbox, n int, list func() []T) (one T, err error) {
	for {
		m.mu.Lock()
		all, arrived := list(), m.arrived
		m.mu.Unlock()
		if n >= 1 && len(all) >= n {
			return all[n-1], nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return one, fmt.Errorf("wait for message %d: %d arrived: %w", n, len(all), ctx.Err())
		}
	}
}
