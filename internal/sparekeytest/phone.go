package sparekeytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A Phone is one with the companion app, without its screen: it does what
// assets/app.js does in a browser, with a key of its own.
type Phone struct {
	*Client
	AppKey
}

// A Request is what a phone is asked.
type Request struct {
	ID, State, Flow, Purpose, Browser, Address, Network string
	Asked                                               int64
}

var text64 = base64.RawURLEncoding

// An AppKey is the key of a phone.
type AppKey struct {
	Device string // the hash of it, by which the phone is known
	Public string

	key *ecdsa.PrivateKey
}

// NewAppKey makes a key.
func NewAppKey(t testing.TB) AppKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(public)
	return AppKey{text64.EncodeToString(sum[:]), text64.EncodeToString(public), key}
}

// Sign signs words for a site, as the app does.
func (k AppKey) Sign(t testing.TB, origin string, words ...string) string {
	t.Helper()
	sum := sha256.Sum256([]byte(strings.Join(append([]string{"sparekey app 1", origin}, words...), "\n")))
	r, s, err := ecdsa.Sign(rand.Reader, k.key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, 64)
	r.FillBytes(raw[:32])
	s.FillBytes(raw[32:])
	return text64.EncodeToString(raw)
}

// Words are what the app signs of a request that it has shown.
func (r Request) Words(answer string) []string {
	return []string{answer, r.ID, r.Flow, r.Purpose, r.Browser, r.Address, r.Network, strconv.FormatInt(r.Asked, 10)}
}

// Phone gives a phone with a new key, whose browser is c.
func (a *App) Phone(c *Client) *Phone {
	a.t.Helper()
	return &Phone{Client: c, AppKey: NewAppKey(a.t)}
}

// Sign signs words as the app does.
func (p *Phone) Sign(words ...string) string {
	p.t.Helper()
	return p.AppKey.Sign(p.t, p.base, words...)
}

var (
	pairShape   = regexp.MustCompile(`data-pair="([^"]+)" data-sign="([^"]+)"`)
	screenShape = regexp.MustCompile(`data-screen="([^"]+)"`)
	shortShape  = regexp.MustCompile(`\b[2-9A-HJKMNP-Z]{4}-[2-9A-HJKMNP-Z]{4}\b`)
)

// Pair fills in the page that pairs a phone.
func (p *Phone) Pair(page *Page, name string) *Page {
	p.t.Helper()
	words, ok := PairWords(page.Body)
	if !ok {
		p.t.Fatalf("got %q, want the page that pairs a phone", page.Text())
	}
	return page.Submit("/act", "app", p.Public, "signature", p.Sign(words...), "name", name)
}

// PairWords are what a phone signs for the page that pairs it.
func PairWords(page string) (words []string, ok bool) {
	found := pairShape.FindStringSubmatch(page)
	if found == nil {
		return nil, false
	}
	return []string{"pair", found[1], found[2]}, true
}

// Scan says what the phone has seen.
func (p *Phone) Scan(seen string) *Page {
	p.t.Helper()
	return p.Ask("/api/v1/app/scan", "device", p.Device, "seen", seen, "signature", p.Sign("scan", p.Device, seen))
}

// Question asks for a question, and signs it: that is how the app shows who it is
// where no screen asks.
func (p *Phone) Question() (question, signature string) {
	p.t.Helper()
	var q struct{ Question, Sign string }
	p.Read(p.Ask("/api/v1/app/question").See(200), &q)
	return q.Question, p.Sign("home", p.Device, q.Sign)
}

// Request gives what the phone is asked.
func (p *Phone) Request(id string) (r Request) {
	p.t.Helper()
	p.Read(p.Get("/api/v1/app/requests/"+id).See(200), &r)
	return r
}

// Read reads an answer.
func (p *Phone) Read(page *Page, into any) {
	p.t.Helper()
	if err := json.Unmarshal([]byte(page.Body), into); err != nil {
		p.t.Fatalf("got %q: %v", page.Body, err)
	}
}

// Answer says what the person has decided, having been shown r.
func (p *Phone) Answer(word string, r Request) *Page {
	p.t.Helper()
	return p.Ask("/api/v1/app/requests/"+r.ID, "answer", word, "signature", p.Sign(r.Words(word)...))
}

// FindScreen gives the nonce of the screen that a page shows, and its short code, if
// it shows one.
func FindScreen(page *Page) (nonce, short string, ok bool) {
	found := screenShape.FindStringSubmatch(page.Body)
	if short = shortShape.FindString(page.Text()); found == nil || short == "" {
		return "", "", false
	}
	return found[1], short, true
}

// ScreenOf is FindScreen for a page that shows one.
func ScreenOf(page *Page) (nonce, short string) {
	page.client.t.Helper()
	nonce, short, ok := FindScreen(page)
	if !ok {
		page.client.t.Fatalf("got %q, want a code to scan and one to type", page.Text())
	}
	return nonce, short
}
