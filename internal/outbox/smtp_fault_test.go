package outbox_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"sparekey/internal/outbox"
	"sparekey/internal/sparekeytest"
)

// once misbehaves at the first mail that gets to a stage.
func once(stage string, fault error) func(at, to string) error {
	var done atomic.Bool
	return func(at, _ string) error {
		if at == stage && !done.Swap(true) {
			return fault
		}
		return nil
	}
}

// What the server refuses for good is not tried again, the rest is; the reason
// repeats neither the recipient nor what the server says; and the mail after
// it gets through.
func TestRefusalsAreTemporaryOrNot(t *testing.T) {
	for _, c := range []struct {
		code      int
		temporary bool
	}{{421, true}, {450, true}, {451, true}, {452, true}, {530, true}, {535, true}, {550, false}, {552, false}, {553, false}, {554, false}} {
		for _, stage := range []string{sparekeytest.StageMail, sparekeytest.StageRcpt, sparekeytest.StageData, sparekeytest.StageEnd} {
			sink := sparekeytest.NewSink(t)
			s := newSender(t, sink, nil)
			sink.Fail(once(stage, &smtp.SMTPError{Code: c.code, Message: "no " + reader + " with 12345678"}))
			failed := refused(t, t.Context(), s, letter("m1"))
			if failed.Temporary != c.temporary || !strings.Contains(failed.Reason, fmt.Sprint(c.code)) {
				t.Errorf("%d to %s: got %+v, want temporary %v and the code", c.code, stage, failed, c.temporary)
			}
			if strings.Contains(failed.Reason, "anna") || strings.Contains(failed.Reason, "12345678") {
				t.Errorf("%d to %s: got %q, want nothing of the mail", c.code, stage, failed.Reason)
			}
			wantMails(t, sink, 0)
			send(t, s, letter("m2"))
			wantMails(t, sink, 1)
		}
	}
}

// A server that is not there is a reason to try again.
func TestUnreachableServerIsTemporary(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	s := newSender(t, sparekeytest.NewSink(t), func(o *outbox.SMTPOptions) { o.URL.Host = closed.Addr().String() })
	if failed := refused(t, t.Context(), s, letter("m1")); !failed.Temporary {
		t.Errorf("got %+v, want a temporary failure", failed)
	}
}

// A server that takes too long holds nobody longer than the context, or than
// the timeout where the context has no end.
func TestSlowServer(t *testing.T) {
	for _, end := range []string{"context", "timeout"} {
		sink := sparekeytest.NewSink(t)
		sink.Delay(time.Hour)
		s := newSender(t, sink, func(o *outbox.SMTPOptions) {
			if end == "timeout" {
				o.Timeout = 200 * time.Millisecond
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		if end == "context" {
			ctx, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond)
		}
		start := time.Now()
		failed := refused(t, ctx, s, letter("m1"))
		cancel()
		if took := time.Since(start); !failed.Temporary || took > 10*time.Second {
			t.Errorf("%s: got %+v after %v, want a temporary failure at once", end, failed, took)
		}
		sink.Delay(0)
		send(t, s, letter("m2"))
	}
}

// Sends that wait for a connection give up with their context too.
func TestWaitingForAConnectionEnds(t *testing.T) {
	sink := sparekeytest.NewSink(t)
	stuck := make(chan struct{}, 4)
	free := make(chan struct{})
	sink.Fail(func(stage, _ string) error {
		if stage == sparekeytest.StageRcpt {
			stuck <- struct{}{}
			<-free
		}
		return nil
	})
	s := newSender(t, sink, nil)
	var sends sync.WaitGroup
	for i := range 4 {
		sends.Go(func() {
			if err := s.Send(context.Background(), letter(fmt.Sprint("m", i))); err != nil {
				t.Errorf("got %v, want the mail sent", err)
			}
		})
	}
	for range 4 {
		<-stuck
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if failed := refused(t, ctx, s, letter("m5")); !failed.Temporary {
		t.Errorf("got %+v, want a temporary failure", failed)
	}
	close(free)
	sends.Wait()
	wantMails(t, sink, 4)
}

// A connection that breaks before the answer may have lost the mail: it is a
// temporary failure, nothing is sent twice by itself, and the next attempt has
// the same Message-ID.
func TestCutBeforeTheAnswer(t *testing.T) {
	sink := sparekeytest.NewSink(t)
	s := newSender(t, sink, nil)
	send(t, s, letter("m0")) // so that the connection is a kept one
	sink.Fail(once(sparekeytest.StageEnd, sparekeytest.CutBefore250))
	failed := refused(t, t.Context(), s, letter("m1"))
	if !failed.Temporary || !strings.Contains(failed.Reason, "may have taken it") {
		t.Errorf("got %+v, want a temporary failure that says so", failed)
	}
	wantMails(t, sink, 2)
	send(t, s, letter("m1"))
	first, again := sink.Wait(t, reader, 2), sink.Wait(t, reader, 3)
	if first.Header("Message-Id") != again.Header("Message-Id") {
		t.Errorf("got %q and %q, want one id", first.Header("Message-Id"), again.Header("Message-Id"))
	}
}

// A connection that breaks after the answer is a mail that was sent, once.
// That the kept connection is gone shows with the next mail, which gets
// another.
func TestCutAfterTheAnswer(t *testing.T) {
	sink := sparekeytest.NewSink(t)
	s := newSender(t, sink, nil)
	sink.Fail(once(sparekeytest.StageEnd, sparekeytest.CutAfter250))
	send(t, s, letter("m1"))
	wantMails(t, sink, 1)
	send(t, s, letter("m2"))
	wantMails(t, sink, 2)
	if n := sink.Conns(); n != 2 {
		t.Errorf("got %d connections, want 2", n)
	}
}

// Mails one after the other share a connection.
func TestConnectionIsKept(t *testing.T) {
	sink := sparekeytest.NewSink(t)
	s := newSender(t, sink, nil)
	for i := range 10 {
		send(t, s, letter(fmt.Sprint("m", i)))
	}
	wantMails(t, sink, 10)
	if n := sink.Conns(); n != 1 {
		t.Errorf("got %d connections for 10 mails, want 1", n)
	}
}

// A kept connection that the server says goodbye on is replaced before it
// counts as a failure.
func TestGoodbyeOnAKeptConnection(t *testing.T) {
	for _, stage := range []string{sparekeytest.StageMail, sparekeytest.StageRcpt} {
		sink := sparekeytest.NewSink(t)
		s := newSender(t, sink, nil)
		send(t, s, letter("m1"))
		sink.Fail(once(stage, sparekeytest.Reply(421)))
		send(t, s, letter("m2"))
		wantMails(t, sink, 2)
		if n := sink.Conns(); n != 2 {
			t.Errorf("421 to %s: got %d connections, want 2", stage, n)
		}
	}
}

// Many sends at a time all get through, on eight connections at most.
func TestManySendsAtATime(t *testing.T) {
	sink := sparekeytest.NewSink(t)
	s := newSender(t, sink, nil)
	var sends sync.WaitGroup
	for i := range 60 {
		sends.Go(func() {
			if err := s.Send(context.Background(), letter(fmt.Sprint("m", i))); err != nil {
				t.Errorf("got %v, want the mail sent", err)
			}
		})
	}
	sends.Wait()
	ids := map[string]bool{}
	for _, l := range sink.Mails(reader) {
		ids[l.Header("Message-Id")] = true
	}
	if len(ids) != 60 {
		t.Errorf("got %d different mails, want 60", len(ids))
	}
	if n := sink.Conns(); n > 8 {
		t.Errorf("got %d connections, want 8 at most", n)
	}
}
