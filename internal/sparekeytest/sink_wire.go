package sparekeytest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"sync"
	"time"
)

// counted counts a sink's connections and wraps them.
type counted struct {
	net.Listener
	sink *Sink
}

// Accept waits for a connection.
func (c *counted) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c.sink.mu.Lock()
	c.sink.conns++
	c.sink.mu.Unlock()
	return &wire{Conn: conn}, nil
}

// A wire is a connection to a sink, which can be cut right behind an answer.
type wire struct {
	net.Conn

	mu  sync.Mutex
	v   *visit
	cut bool
}

func (w *wire) visit(v *visit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.v = v
}

// cutAfterWrite ends the connection behind the next answer.
func (w *wire) cutAfterWrite() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = true
}

// reset ends the connection with an RST, as a server that dies does.
func (w *wire) reset() {
	if tcp, ok := w.Conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	w.Conn.Close()
}

// Write sends an answer.
func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	v, cut := w.v, w.cut
	w.mu.Unlock()
	answer := p
	// Only a server in the clear is overheard here: the answer to DATA.
	if v != nil && bytes.HasPrefix(p, []byte("354 ")) {
		if refusal := v.refuseData(); refusal != "" {
			answer, cut = []byte(refusal), true
		}
	}
	if _, err := w.Conn.Write(answer); err != nil {
		return 0, err
	}
	if cut {
		w.Conn.Close()
	}
	return len(p), nil
}

// outermost gives the wire below TLS, or the connection itself.
func outermost(c net.Conn) *wire {
	if secured, ok := c.(*tls.Conn); ok {
		c = secured.NetConn()
	}
	return c.(*wire) // the listener gives no others
}

// certificate makes a CA and a server's certificate signed by it.
func certificate() (*tls.Config, *x509.CertPool, error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make key: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make key: %w", err)
	}
	from, to := time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Sink CA"}, NotBefore: from, NotAfter: to,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Sink"}, NotBefore: from, NotAfter: to,
		DNSNames: []string{"localhost", "mail.example.com"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, server, ca, key.Public(), caKey)
	if err != nil {
		return nil, nil, fmt.Errorf("make certificate: %w", err)
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return nil, nil, fmt.Errorf("make certificate: %w", err)
	}
	root, err := x509.ParseCertificate(caDER)
	if err != nil {
		return nil, nil, fmt.Errorf("read certificate: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(root)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der, caDER}, PrivateKey: key}}}, pool, nil
}
