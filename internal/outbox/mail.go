package outbox

import (
	"fmt"
	"io"
	"log/slog"

	"sparekey/internal/secret"
)

// A Mail is one message to one address, written and ready to be sent.
type Mail struct {
	To      string // the address in the bytes that were proved
	Subject string
	Text    string
	HTML    string // the same for those who read HTML; may be empty
	Lang    string // BCP 47, as in "en"

	// Code is what the OTP-Token header says, so that a mail program can offer
	// it (draft-goto-otp-token). It is empty for mails without a code.
	Code secret.Text

	// Thread is the same for all mails of one request: they name it in
	// References, so that mail programs show them as one stack. It may be
	// empty.
	Thread string

	// ID is the left part of the Message-ID. A mail that is sent again keeps
	// it, so that mail servers and programs can tell a duplicate. Empty is a
	// random one.
	ID string
}

// Format prints the mail's id for every verb: its text may hold a code.
func (m Mail) Format(f fmt.State, _ rune) { io.WriteString(f, "mail "+m.ID) }

// LogValue gives the mail's id.
func (m Mail) LogValue() slog.Value { return slog.StringValue("mail " + m.ID) }
