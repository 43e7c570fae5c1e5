package prove

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// A Wire is one connection to a server that is used again and again, by a client
// that does as little as it can between writing and reading.
type Wire struct {
	Addr string      // host:port
	TLS  *tls.Config // nil speaks without

	conn net.Conn
	in   *bufio.Reader
}

// An Answer is what a Wire keeps of one.
type Answer struct {
	Status   int
	Location string
	Cookies  []string // "name=value"
	Retry    bool     // it says when to come again
	Body     []byte   // if it was asked for
	Took     time.Duration
}

// Send writes a request and reads its answer. The body is thrown away.
func (w *Wire) Send(request []byte) (Answer, error) { return w.send(request, io.Discard) }

// Fetch is Send, and keeps the body.
func (w *Wire) Fetch(request []byte) (Answer, error) {
	var body bytes.Buffer
	a, err := w.send(request, &body)
	a.Body = body.Bytes()
	return a, err
}

// Close closes the connection. The next request opens a new one.
func (w *Wire) Close() {
	if w.conn != nil {
		w.conn.Close()
		w.conn = nil
	}
}

func (w *Wire) send(request []byte, body io.Writer) (Answer, error) {
	if w.conn == nil {
		conn, err := w.dial()
		if err != nil {
			return Answer{}, err
		}
		w.conn, w.in = conn, bufio.NewReaderSize(conn, 16<<10)
	}
	began := time.Now()
	_, err := w.conn.Write(request)
	var a Answer
	if err == nil {
		a, err = w.read(body)
	}
	if err != nil {
		w.Close()
		return Answer{}, err
	}
	a.Took = time.Since(began)
	return a, nil
}

func (w *Wire) dial() (net.Conn, error) {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	if w.TLS == nil {
		return dialer.Dial("tcp", w.Addr)
	}
	return tls.DialWithDialer(dialer, "tcp", w.Addr, w.TLS)
}

// read reads an answer. Nothing of a header is kept that is not needed.
func (w *Wire) read(body io.Writer) (a Answer, err error) {
	length, chunked, shut := int64(-1), false, false
	for line := 0; ; line++ {
		raw, err := w.in.ReadSlice('\n')
		if err != nil {
			return a, err
		}
		raw = bytes.TrimRight(raw, "\r\n")
		if len(raw) == 0 {
			break
		}
		if line == 0 {
			if len(raw) < 12 || !bytes.HasPrefix(raw, []byte("HTTP/1.")) {
				return a, errors.New("the answer is not one of HTTP/1.1")
			}
			a.Status, err = strconv.Atoi(string(raw[9:12]))
			if err != nil {
				return a, errors.New("the answer has no status")
			}
			continue
		}
		name, value, _ := bytes.Cut(raw, []byte(":"))
		value = bytes.TrimSpace(value)
		switch strings.ToLower(string(name)) {
		case "content-length":
			if length, err = strconv.ParseInt(string(value), 10, 64); err != nil {
				return a, errors.New("the answer's length cannot be read")
			}
		case "transfer-encoding":
			chunked = true
		case "connection":
			shut = bytes.EqualFold(value, []byte("close"))
		case "location":
			a.Location = string(value)
		case "retry-after":
			a.Retry = true
		case "set-cookie":
			pair, _, _ := strings.Cut(string(value), ";")
			a.Cookies = append(a.Cookies, pair)
		}
	}
	switch {
	case chunked:
		err = w.chunks(body)
	case length >= 0:
		_, err = io.CopyN(body, w.in, length)
	case a.Status != 204 && a.Status != 304:
		_, err = io.Copy(body, w.in)
		shut = true
	}
	if shut {
		w.Close()
	}
	return a, err
}

// chunks reads a body that came in chunks.
func (w *Wire) chunks(body io.Writer) error {
	for {
		line, err := w.in.ReadString('\n')
		if err != nil {
			return err
		}
		size, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		n, err := strconv.ParseInt(size, 16, 64)
		if err != nil {
			return errors.New("the answer's chunks cannot be read")
		}
		if _, err := io.CopyN(body, w.in, n); err != nil {
			return err
		}
		if _, err := w.in.ReadString('\n'); err != nil { // the line's end, or the last one of all
			return err
		}
		if n == 0 {
			return nil
		}
	}
}
