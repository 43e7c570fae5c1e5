package web_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"html"
	"net/http"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// A device keeps a passkey and counts its uses, as a key on a ring does, so that
// the same answer is never good twice.
type device struct {
	t          *testing.T
	key        *ecdsa.PrivateKey
	id, handle []byte
	count      uint32
}

func newDevice(t *testing.T) *device {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d := &device{t: t, key: key, id: make([]byte, 32)}
	rand.Read(d.id) //nolint:errcheck // it never fails
	return d
}

// create answers the question for a new passkey.
func (d *device) create(question string) string {
	d.t.Helper()
	var o struct {
		Challenge string
		User      struct{ ID string }
	}
	d.must(json.Unmarshal([]byte(question), &o))
	handle, err := base64.RawURLEncoding.DecodeString(o.User.ID)
	d.must(err)
	d.handle = handle
	point, err := d.key.PublicKey.Bytes()
	d.must(err)
	public, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	d.must(err)
	data := append(d.data(0x45), make([]byte, 16)...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(d.id)))
	data = append(append(data, d.id...), public...)
	object, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	d.must(err)
	return d.answer(map[string]any{
		"clientDataJSON": encode(d.client("webauthn.create", o.Challenge)), "attestationObject": encode(object),
	})
}

// get answers a question for a passkey.
func (d *device) get(question string) string {
	d.t.Helper()
	var o struct{ Challenge string }
	d.must(json.Unmarshal([]byte(question), &o))
	d.count++
	data, client := d.data(0x05), d.client("webauthn.get", o.Challenge)
	hash := sha256.Sum256(client)
	sum := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, d.key, sum[:])
	d.must(err)
	return d.answer(map[string]any{
		"clientDataJSON": encode(client), "authenticatorData": encode(data), "signature": encode(signature), "userHandle": encode(d.handle),
	})
}

// data is what the device says of itself: for which host, that a person is there
// and was recognised, and how often it was used.
func (d *device) data(flags byte) []byte {
	host := sha256.Sum256([]byte(sparekeytest.Host))
	return binary.BigEndian.AppendUint32(append(host[:], flags), d.count)
}

func (d *device) client(kind, challenge string) []byte {
	text, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": sparekeytest.URL, "crossOrigin": false})
	d.must(err)
	return text
}

func (d *device) answer(response map[string]any) string {
	text, err := json.Marshal(map[string]any{
		"id": encode(d.id), "rawId": encode(d.id), "type": "public-key", "response": response, "clientExtensionResults": map[string]any{},
	})
	d.must(err)
	return string(text)
}

func (d *device) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// question is what a page puts to the browser.
func question(t *testing.T, p *sparekeytest.Page) string {
	t.Helper()
	found := regexp.MustCompile(`data-options="([^"]*)"`).FindStringSubmatch(p.Body)
	if found == nil {
		t.Fatalf("got no question for a passkey in %s, want one", p.Text())
	}
	return html.UnescapeString(found[1])
}

// addPasskey adds a passkey and gives the device that keeps it.
func addPasskey(t *testing.T, app *sparekeytest.App, c *sparekeytest.Client, email string) *device {
	t.Helper()
	d := newDevice(t)
	page := newWay(app, c, email, "way", "passkey").See(200)
	page.Submit("/act", "passkey", d.create(question(t, page))).See(303)
	return d
}

// byPasskey gives the form of a sign-in page that a passkey has answered.
func byPasskey(t *testing.T, c *sparekeytest.Client, d *device) (fields []string) {
	t.Helper()
	c.Get("/signin").See(200)
	var asked struct {
		Options   json.RawMessage
		Challenge string
	}
	d.must(json.Unmarshal([]byte(c.Post("/signin/passkey").See(200).Body), &asked))
	return []string{"challenge", asked.Challenge, "passkey", d.get(string(asked.Options))}
}

// A47, A25: one answer of a passkey is one sign-in. The exact repeat of the form is
// answered as it was, for a minute, though the device counts and the same answer
// is not right any more; in another form, or later, it opens nothing.
func TestA47PasskeyAnswersOnce(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		d := addPasskey(t, app, app.Register(mara, first), mara)
		c := app.Client()
		fields := byPasskey(t, c, d)
		old := c.Clone()
		c.Post("/signin", append(fields, "key", "one")...).See(303)
		c.Get("/account").See(200)

		again := old.Clone()
		again.Post("/signin", append(fields, "key", "one")...).See(303)
		if again.Cookies["__Host-session"] != c.Cookies["__Host-session"] {
			t.Error("got another session for the same form sent twice, want the same")
		}
		other := old.Clone()
		other.Post("/signin", append(fields, "key", "two")...).See(422)
		machineOut(t, other, "another form with the same answer")
		app.Sleep(sparekey.RepeatLife)
		late := old.Clone()
		late.Post("/signin", append(fields, "key", "one")...).See(422)
		machineOut(t, late, "the same form a minute later")
	})
}

// A47: an answer of a passkey that does not count, as those of keychains do not, is
// one sign-in as well.
func TestA47PasskeyThatDoesNotCount(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		d := addPasskey(t, app, app.Register(mara, first), mara)
		c := app.Client()
		d.count-- // it says 0 each time
		fields := byPasskey(t, c, d)
		old := c.Clone()
		c.Post("/signin", append(fields, "key", "one")...).See(303)
		other := old.Clone()
		other.Post("/signin", append(fields, "key", "two")...).See(422)
		machineOut(t, other, "another form with the same answer")
		app.Sleep(sparekey.RepeatLife)
		late := old.Clone()
		late.Post("/signin", append(fields, "key", "one")...).See(403)
		machineOut(t, late, "the same form a minute later")
	})
}

// A08, A42: a passkey of one account opens nothing of another, and nothing of
// nobody.
func TestA42PasskeyOfAnother(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		d := addPasskey(t, app, app.Register(mara, first), mara)
		app.Register("wren@example.com", second)
		app.Sleep(sparekey.YoungFor + time.Hour)
		for login, status := range map[string]int{"wren@example.com": 422, "nobody@example.com": 422, mara: 303} {
			c, _ := recovering(app, login)
			at := c.At()
			app.Deliver()
			choose(c, at, "passkey").See(303)
			page := c.Get(at).See(200)
			page.Submit("/answer", "passkey", d.get(question(t, page))).See(status)
		}
	})
}

// Of clicks that come at once each is answered as the first: also where the answer
// is good for once, and wrong for whoever comes second (A25).
func TestA25TheSecondClickIsTheFirst(t *testing.T) {
	for kind, answer := range map[string]func(t *testing.T, app *sparekeytest.App, owner *sparekeytest.Client) (at string, c *sparekeytest.Client, send func(*sparekeytest.Client) *sparekeytest.Page){
		"authenticator app": func(_ *testing.T, app *sparekeytest.App, owner *sparekeytest.Client) (string, *sparekeytest.Client, func(*sparekeytest.Client) *sparekeytest.Page) {
			seed, _ := addTOTP(app, owner, mara)
			app.Sleep(time.Hour)
			c := app.Client()
			at := halfIn(c)
			return at, c, filled(c.Get(at), "/answer", "code", appCode(app, seed))
		},
		"saved code": func(_ *testing.T, app *sparekeytest.App, owner *sparekeytest.Client) (string, *sparekeytest.Client, func(*sparekeytest.Client) *sparekeytest.Page) {
			_, saved := addTOTP(app, owner, mara)
			c := app.Client()
			at := halfIn(c)
			choose(c, at, "saved").See(303)
			return at, c, filled(c.Get(at), "/answer", "code", saved)
		},
		"passkey": func(t *testing.T, app *sparekeytest.App, owner *sparekeytest.Client) (string, *sparekeytest.Client, func(*sparekeytest.Client) *sparekeytest.Page) {
			d := addPasskey(t, app, owner, mara)
			app.Sleep(sparekey.YoungFor + time.Hour)
			c, _ := recovering(app, mara)
			app.Deliver()
			choose(c, c.At(), "passkey").See(303)
			page := c.Get(c.At())
			return c.At(), c, filled(page, "/answer", "passkey", d.get(question(t, page)))
		},
		"passkey at the sign-in": func(t *testing.T, app *sparekeytest.App, owner *sparekeytest.Client) (string, *sparekeytest.Client, func(*sparekeytest.Client) *sparekeytest.Page) {
			d := addPasskey(t, app, owner, mara)
			c := app.Client()
			fields := append(byPasskey(t, c, d), "key", "one")
			return "", c, func(c *sparekeytest.Client) *sparekeytest.Page { return c.Post("/signin", fields...) }
		},
	} {
		t.Run(kind, func(t *testing.T) {
			sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
				at, c, send := answer(t, app, app.Register(mara, first))
				const clicks = 12
				pages, secrets := make([]*sparekeytest.Page, clicks), map[string]bool{}
				twins := make([]*sparekeytest.Client, clicks)
				var all sync.WaitGroup
				gun := make(chan struct{})
				for i := range clicks {
					twins[i] = c.Clone()
					all.Go(func() {
						<-gun
						pages[i] = send(twins[i])
					})
				}
				close(gun)
				all.Wait()
				for i, p := range pages {
					if p.Status != http.StatusSeeOther {
						t.Errorf("click %d: got status %d, want 303 for all", i+1, p.Status)
					}
					secrets[twins[i].Cookies["__Host-browser"]+twins[i].Cookies["__Host-session"]] = true
				}
				if len(secrets) != 1 {
					t.Errorf("got %d different sets of cookies, want one", len(secrets))
				}
				if at != "" && twins[0].Get(at).Status == http.StatusNotFound {
					t.Error("got the flow lost, want it seen by whoever clicked twice")
				}
			})
		})
	}
}

// What a passkey is checked with cannot be replaced in the database alone: a key
// that was moved to another account, and one in which a letter was changed, open
// nothing (ASVS 6.7.1).
func TestPasskeysAreSealed(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		owner, thief := app.Register(mara, first), app.Register(wren, second)
		addPasskey(t, app, owner, mara)
		d := addPasskey(t, app, thief, wren)
		stolen := app.Client()
		stolen.Post("/signin", byPasskey(t, stolen, d)...).See(303)
		app.Rows().Exec(`UPDATE credentials SET account = '` + idOf(app, mara) + `' WHERE kind = 'passkey' AND account = '` + idOf(app, wren) + `'`)
		stolen = app.Client()
		stolen.Post("/signin", byPasskey(t, stolen, d)...).See(422).Says("We don’t know that passkey.")
		owner.Get("/account/ways").See(200)
		app.Rows().Exec(`UPDATE credentials SET account = '` + idOf(app, wren) + `', data = REPLACE(data, 'A', 'B') WHERE kind = 'passkey'`)
		stolen.Post("/signin", byPasskey(t, stolen, d)...).See(422)
		thief.Get("/account/ways").See(200)
	})
}
