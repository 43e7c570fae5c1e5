package sparekeytest

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"regexp"
	"strings"
)

// A Letter is a mail that arrived in a [Sink].
type Letter struct {
	From, To string // of the envelope, in the bytes that were sent
	Hello    string // what the client called itself
	UTF8     bool   // the client asked for SMTPUTF8
	TLS      bool
	Raw      []byte // the mail as it travelled

	Subject string
	Text    string
	HTML    string
	header  mail.Header
}

// Header gives the decoded values of a header, with line breaks between those
// of several, or "" if there is none.
func (l Letter) Header(name string) string {
	var all []string
	for _, value := range l.header[textproto.CanonicalMIMEHeaderKey(name)] {
		decoded, err := new(mime.WordDecoder).DecodeHeader(value)
		if err != nil {
			decoded = value
		}
		all = append(all, decoded)
	}
	return strings.Join(all, "\n")
}

// HeaderNames gives the names of the headers, each as often as it is there.
func (l Letter) HeaderNames() []string {
	var names []string
	for name, values := range l.header {
		for range values {
			names = append(names, name)
		}
	}
	return names
}

// Code gives the digits of the code as the text part shows it, without the
// blanks between them, or "" if there is none.
func (l Letter) Code() string {
	// Marks of direction stand around it in a text that runs right to left.
	line := regexp.MustCompile(`(?m)^[ \p{Cf}]*(\d{4}(?: \d{4})+)[ \p{Cf}]*$`).FindStringSubmatch(l.Text)
	if line == nil {
		return ""
	}
	return strings.ReplaceAll(line[1], " ", "")
}

// StopURL gives the address that stops the request, or "" if there is none.
func (l Letter) StopURL() string {
	return regexp.MustCompile(`https?://\S+/stop/[A-Za-z0-9_.-]*[A-Za-z0-9_-]`).FindString(l.Text)
}

// read fills in what Raw says. What cannot be read stays empty: a test that
// looks for it fails.
func (l *Letter) read() {
	message, err := mail.ReadMessage(bytes.NewReader(l.Raw))
	if err != nil {
		return
	}
	l.header = message.Header
	l.Subject = l.Header("Subject")
	l.readPart(textproto.MIMEHeader(message.Header), message.Body)
}

func (l *Letter) readPart(header textproto.MIMEHeader, body io.Reader) {
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return
	}
	if strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(body, params["boundary"])
		for part, err := parts.NextRawPart(); err == nil; part, err = parts.NextRawPart() {
			l.readPart(part.Header, part)
		}
		return
	}
	switch header.Get("Content-Transfer-Encoding") {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	content, err := io.ReadAll(body)
	if err != nil {
		return
	}
	switch text := strings.ReplaceAll(string(content), "\r\n", "\n"); kind {
	case "text/plain":
		l.Text = text
	case "text/html":
		l.HTML = text
	}
}
