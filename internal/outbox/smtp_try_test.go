package outbox_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"sparekey/internal/outbox"
	"sparekey/internal/sparekeytest"
)

// Who tries the mail server is told how it lets us in, or why it does not, and
// no mail is sent.
func TestTrySendsNothing(t *testing.T) {
	sink := sparekeytest.NewSinkWith(t, sparekeytest.SinkOptions{TLS: true, User: "site", Password: "hunter2"})
	s := newSender(t, sink, func(o *outbox.SMTPOptions) { o.RootCAs = sink.CA() })
	w, err := s.Try(context.Background())
	if err != nil || w.At != sink.Addr() || !w.SignedIn || w.TLS != "TLS 1.3" || time.Until(w.Until) < time.Hour {
		t.Errorf("got %+v, %v, want in by name over TLS 1.3, with a certificate for a day", w, err)
	}
	sink = sparekeytest.NewSink(t)
	if w, err := newSender(t, sink, nil).Try(context.Background()); err != nil || w.SignedIn || w.TLS != "" || !w.Until.IsZero() {
		t.Errorf("got %+v, %v, want in without a name and in the clear", w, err)
	}
	s = newSender(t, sink, elsewhere(sink, "mail.example.com"))
	if w, err := s.Try(context.Background()); err == nil || !strings.Contains(err.Error(), "STARTTLS") {
		t.Errorf("got %+v, %v, want a refusal: no STARTTLS", w, err)
	}
	wantMails(t, sink, 0)
}
