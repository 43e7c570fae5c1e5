package password

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// tiny is the least that Argon2id takes, so that tests are fast.
var tiny = Params{Memory: 8, Passes: 1, Lanes: 1}

// peppers keeps the pepper keys k1 and k2.
func peppers(keyID, pw string) ([]byte, error) {
	if keyID != "k1" && keyID != "k2" {
		return nil, fmt.Errorf("unknown key %s", keyID)
	}
	mac := hmac.New(sha256.New, []byte("pepper "+keyID))
	mac.Write([]byte(pw))
	return mac.Sum(nil), nil
}

func testHasher(t testing.TB, o Options) *Hasher {
	t.Helper()
	if o.Params == (Params{}) {
		o.Params = tiny
	}
	if o.Pepper == nil {
		o.Pepper = peppers
	}
	if o.PepperKey == "" {
		o.PepperKey = "k1"
	}
	h, err := New(o)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return h
}

func hash(t testing.TB, h *Hasher, pw string) string {
	t.Helper()
	text, err := h.Hash(t.Context(), Proved, netip.Prefix{}, pw)
	if err != nil {
		t.Fatalf("Hash: %v", err)
	}
	return text
}

func check(t testing.TB, h *Hasher, pw, stored string) (ok, rehash bool) {
	t.Helper()
	ok, rehash, err := h.Check(t.Context(), Question{Lane: Stranger, Password: pw, Stored: stored})
	if err != nil {
		t.Fatalf("Check: %v", err)
	}
	return ok, rehash
}

// A password opens what was made of it, and another one does not. What is
// stored names the key and the cost, and is another text each time.
func TestHashAndCheck(t *testing.T) {
	h := testHasher(t, Options{})
	const pw = "four unrelated words"
	a, b := hash(t, h, pw), hash(t, h, pw)
	if !strings.HasPrefix(a, "k1$argon2id$v=19$m=8,t=1,p=1$") {
		t.Errorf("stored: got %s, want the key's id and a PHC string", a)
	}
	if a == b {
		t.Errorf("the same password is stored as the same text twice: no salt")
	}
	for _, stored := range []string{a, b} {
		if ok, rehash := check(t, h, pw, stored); !ok || rehash {
			t.Errorf("the right password: got %v, rehash %v, want true, false", ok, rehash)
		}
		if ok, rehash := check(t, h, pw+"x", stored); ok || rehash {
			t.Errorf("a wrong password: got %v, rehash %v, want false, false", ok, rehash)
		}
	}
	if ok, _ := check(t, h, "", a); ok {
		t.Errorf("the empty password was taken")
	}
}

// A password that takes the place of another costs one hash, and the same
// password is told. What was stored under another key, or cannot be read, is
// replaced all the same.
func TestReplaceTakesOneHash(t *testing.T) {
	const was, will = "four unrelated words", "four other words"
	h := testHasher(t, Options{})
	older := testHasher(t, Options{PepperKey: "k2"})
	for name, c := range map[string]struct {
		stored, pw string
		same       bool
		hashes     uint64
	}{
		"another":           {hash(t, h, was), will, false, 1},
		"the same":          {hash(t, h, was), was, true, 1},
		"under another key": {hash(t, older, was), will, false, 2},
		"the same under it": {hash(t, older, was), was, true, 1},
		"cannot be read":    {"k1$argon2id$what", will, false, 2},
		"none":              {"", will, false, 1},
	} {
		before := h.Stats().Hashes
		same, stored, err := h.Replace(t.Context(), Question{Lane: Proved, Password: c.pw, Stored: c.stored})
		if unread := name == "cannot be read"; err != nil != unread || unread && !errors.Is(err, ErrStored) || same != c.same {
			t.Errorf("%s: got the same %v and error %v, want %v", name, same, err, c.same)
		}
		if n := h.Stats().Hashes - before; n != c.hashes {
			t.Errorf("%s: got %d hashes, want %d", name, n, c.hashes)
		}
		if same {
			continue
		}
		if ok, rehash := check(t, h, c.pw, stored); !ok || rehash {
			t.Errorf("%s: what is stored then: got %v, rehash %v, want true, false", name, ok, rehash)
		}
		if ok, _ := check(t, h, was, stored); ok {
			t.Errorf("%s: the old password: got true, want false", name)
		}
	}
}

// A57 (ASVS 6.2.8, 6.2.9): no character is without effect, however far behind,
// and not behind a NUL either.
func TestA57NothingIsCutOff(t *testing.T) {
	h := testHasher(t, Options{})
	pairs := [][2]string{
		{"abc\x00x", "abc\x00y"},
		{"\x00a", "\x00b"},
		{"abcdefgh", "abcdefgh\x00"},
		{"", "\x00"},
		{strings.Repeat("ü", 40) + "a", strings.Repeat("ü", 40) + "b"},
		{strings.Repeat("x", 32<<10) + "a", strings.Repeat("x", 32<<10) + "b"},
	}
	for _, n := range []int{55, 64, 71, 72, 73, 128, 255, 256} {
		p := strings.Repeat("p", n-1)
		pairs = append(pairs, [2]string{p + "a", p + "b"}, [2]string{p + "a", p + "aa"}, [2]string{p + "a", p})
	}
	for _, pair := range pairs {
		stored := hash(t, h, pair[0])
		if ok, _ := check(t, h, pair[0], stored); !ok {
			t.Errorf("the right password of %d bytes was refused", len(pair[0]))
		}
		if ok, _ := check(t, h, pair[1], stored); ok {
			t.Errorf("%d bytes ending in %q open what was made of %d ending in %q",
				len(pair[1]), pair[1][max(0, len(pair[1])-4):], len(pair[0]), pair[0][max(0, len(pair[0])-4):])
		}
	}
}

// A60 (ASVS 6.2.8): blanks at either end and the case of letters count; only
// the two ways of writing one accented letter are the same.
func TestA60NothingIsModified(t *testing.T) {
	h := testHasher(t, Options{})
	const pw = " Grüße an Alle\t"
	stored := hash(t, h, pw)
	for typed, want := range map[string]bool{
		pw:                       true,
		" Gru\u0308ße an Alle\t": true, // u and its dots, as some keyboards send it
		strings.TrimSpace(pw):    false,
		" Grüße an Alle":         false,
		"Grüße an Alle\t":        false,
		strings.ToLower(pw):      false,
		strings.ToUpper(pw):      false,
		" Grüsse an Alle\t":      false,
		" Grüße\u00a0an Alle\t":  false,
		" Grüße  an Alle\t":      false,
		" Grüße an Alle\t\n":     false,
		" Ｇrüße an Alle\t":       false, // NFKC would make these the same
		"\u200b Grüße an Alle\t": false,
	} {
		if ok, _ := check(t, h, typed, stored); ok != want {
			t.Errorf("%q for %q: got %v, want %v", typed, pw, ok, want)
		}
	}
}

// A03: whoever asks, about whomever, costs one admission and one hash of the
// current cost; a cheaper stored hash costs the difference on top, in the same
// admission.
func TestA03EveryoneCostsTheSame(t *testing.T) {
	h := testHasher(t, Options{Params: Params{Memory: 64, Passes: 2, Lanes: 1}})
	cheap := testHasher(t, Options{})
	const pw = "four unrelated words"
	current, old := hash(t, h, pw), hash(t, cheap, pw)
	for name, c := range map[string]struct {
		q      Question
		hashes uint64
		ok     bool
	}{
		"right":               {Question{Password: pw, Stored: current}, 1, true},
		"wrong":               {Question{Password: "x", Stored: current}, 1, false},
		"nobody":              {Question{Password: pw}, 1, false},
		"nobody, blind":       {Question{Password: pw, Blind: true}, 1, false},
		"right, blind":        {Question{Password: pw, Stored: current, Blind: true}, 1, false},
		"wrong, blind":        {Question{Password: "x", Stored: current, Blind: true}, 1, false},
		"cheaper, right":      {Question{Password: pw, Stored: old}, 2, true},
		"cheaper, wrong":      {Question{Password: "x", Stored: old}, 2, false},
		"cheaper, blind":      {Question{Password: pw, Stored: old, Blind: true}, 2, false},
		"no hash at all":      {Question{Password: pw, Stored: "rubbish"}, 1, false},
		"a key that is gone":  {Question{Password: pw, Stored: "k9" + current[2:]}, 1, false},
		"nobody, no password": {Question{}, 1, false},
	} {
		before := h.Stats()
		ok, _, err := h.Check(t.Context(), c.q)
		after := h.Stats()
		if wants := name == "no hash at all" || name == "a key that is gone"; (err != nil) != wants || wants && !errors.Is(err, ErrStored) {
			t.Errorf("%s: got the error %v", name, err)
		}
		if ok != c.ok {
			t.Errorf("%s: got %v, want %v", name, ok, c.ok)
		}
		if got := after.Hashes - before.Hashes; got != c.hashes {
			t.Errorf("%s: got %d hashes, want %d", name, got, c.hashes)
		}
		if got := after.Entered[Proved] - before.Entered[Proved]; got != 1 || after.Running != 0 {
			t.Errorf("%s: got %d admissions and %d still running, want 1 and 0", name, got, after.Running)
		}
	}
}

// The difference makes a cheap hash as dear as a current one, to within what
// the smallest hash costs.
func TestDifferenceMakesUpForCheapHashes(t *testing.T) {
	for _, c := range []struct{ want, was Params }{
		{Params{19456, 2, 1}, Params{8192, 1, 1}},
		{Params{19456, 2, 1}, Params{19456, 1, 1}},
		{Params{19456, 2, 1}, Params{8, 1, 1}},
		{Params{65536, 3, 4}, Params{19456, 2, 1}},
		{Params{19456, 2, 1}, Params{12288, 3, 1}},
	} {
		rest, needed := difference(c.want, c.was)
		if !needed {
			t.Errorf("%+v after %+v: no difference", c.want, c.was)
		}
		if err := rest.check(); err != nil {
			t.Errorf("%+v after %+v: %v", c.want, c.was, err)
		}
		if got, want := rest.work()+c.was.work(), c.want.work(); got > want || want-got > uint64(c.want.Passes*minMemoryPerLane*c.want.Lanes) {
			t.Errorf("%+v after %+v: together %d KiB filled, want %d", c.want, c.was, got, want)
		}
	}
	for _, was := range []Params{{19456, 2, 1}, {65536, 3, 4}, {19456, 16, 1}, {19452, 2, 1}} {
		if rest, needed := difference(DefaultParams, was); needed {
			t.Errorf("after %+v: got %+v, want none", was, rest)
		}
	}
}

// What was made at another cost or under an older key opens, and says that it
// should be made anew: to the right password only.
func TestRehash(t *testing.T) {
	const pw = "four unrelated words"
	h := testHasher(t, Options{Params: Params{Memory: 64, Passes: 2, Lanes: 1}, PepperKey: "k2"})
	for name, c := range map[string]struct {
		by     Options
		rehash bool
	}{
		"current":      {Options{Params: Params{Memory: 64, Passes: 2, Lanes: 1}, PepperKey: "k2"}, false},
		"older key":    {Options{Params: Params{Memory: 64, Passes: 2, Lanes: 1}, PepperKey: "k1"}, true},
		"less memory":  {Options{Params: Params{Memory: 32, Passes: 2, Lanes: 1}, PepperKey: "k2"}, true},
		"fewer passes": {Options{Params: Params{Memory: 64, Passes: 1, Lanes: 1}, PepperKey: "k2"}, true},
		"dearer":       {Options{Params: Params{Memory: 128, Passes: 3, Lanes: 2}, PepperKey: "k2"}, true},
	} {
		stored := hash(t, testHasher(t, c.by), pw)
		if ok, rehash := check(t, h, pw, stored); !ok || rehash != c.rehash {
			t.Errorf("%s, right: got %v, rehash %v, want true, %v", name, ok, rehash, c.rehash)
		}
		if ok, rehash := check(t, h, pw+"x", stored); ok || rehash {
			t.Errorf("%s, wrong: got %v, rehash %v, want false, false", name, ok, rehash)
		}
	}
	// Argon2 rounds memory down to four blocks a thread: such a cost is current.
	odd := testHasher(t, Options{Params: Params{Memory: 67, Passes: 1, Lanes: 2}})
	if ok, rehash := check(t, odd, pw, hash(t, odd, pw)); !ok || rehash {
		t.Errorf("a memory of 67 KiB: got %v, rehash %v, want true, false", ok, rehash)
	}
}

// A61: a stored hash that would take more memory or time than is reasonable, or
// that is no hash, is refused without being computed, and the error shows
// nothing of it.
func TestA61MonstrousHashesAreRefused(t *testing.T) {
	h := testHasher(t, Options{})
	good := hash(t, h, "four unrelated words")
	salt := "$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for _, stored := range []string{
		"k1$argon2id$v=19$m=1048576,t=2,p=1" + salt, "k1$argon2id$v=19$m=262145,t=1,p=1" + salt,
		"k1$argon2id$v=19$m=4294967295,t=4294967295,p=4294967295" + salt, "k1$argon2id$v=19$m=8,t=17,p=1" + salt,
		"k1$argon2id$v=19$m=72,t=1,p=9" + salt, "k1$argon2id$v=19$m=8,t=1,p=2" + salt, "k1$argon2id$v=19$m=7,t=1,p=1" + salt,
		"k1$argon2id$v=19$m=99999999999999999999,t=1,p=1" + salt, "k1$argon2id$v=19$m=-8,t=1,p=1" + salt,
		"k1$argon2id$v=16$m=8,t=1,p=1" + salt, "k1$argon2i$v=19$m=8,t=1,p=1" + salt, "k1$argon2d$v=19$m=8,t=1,p=1" + salt,
		"k1$argon2id$v=19$m=8,t=1,p=1$AAAA$" + strings.Repeat("A", 43),                    // a short salt
		"k1$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",                        // a short hash
		"k1$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$" + strings.Repeat("A", 400), // a long one
		"k1$argon2id$v=19$m=8,t=1,p=1$$", "k1$2b$12$abcdefghijklmnopqrstuv", "k1$", "k1", "$", " ",
		"$argon2id$v=19$m=8,t=1,p=1" + salt, "K1$argon2id$v=19$m=8,t=1,p=1" + salt, "k 1" + good[2:], "\x00" + good,
	} {
		before := h.Stats().Hashes
		ok, rehash, err := h.Check(t.Context(), Question{Password: "four unrelated words", Stored: stored})
		if ok || rehash || !errors.Is(err, ErrStored) {
			t.Errorf("%.60q: got %v, %v, %v, want no and ErrStored", stored, ok, rehash, err)
		}
		if err != nil && (strings.Contains(err.Error(), "AAAAAAAA") || strings.Contains(err.Error(), good[30:])) {
			t.Errorf("the error shows what is stored: %v", err)
		}
		if got := h.Stats().Hashes - before; got != 1 {
			t.Errorf("%.60q: got %d hashes, want 1, nobody's", stored, got)
		}
	}
}

// A58: with many asking at once over all lanes no more hash at a time than
// there are slots, and every answer is right.
func TestA58ManyAtOnce(t *testing.T) {
	const slots = 2
	h := testHasher(t, Options{Slots: slots, Queues: Queues{Stranger: 1000}})
	const pw = "four unrelated words"
	stored := hash(t, h, pw)
	var mu sync.Mutex
	inside, most := 0, 0
	h.pepper = func(keyID, pw string) ([]byte, error) { // runs inside a slot
		mu.Lock()
		inside++
		most = max(most, inside)
		mu.Unlock()
		runtime.Gosched()
		mu.Lock()
		inside--
		mu.Unlock()
		return peppers(keyID, pw)
	}
	var wait sync.WaitGroup
	for i := range 200 {
		wait.Go(func() {
			typed, want := pw, true
			if i%2 == 0 {
				typed, want = "x", false
			}
			ok, _, err := h.Check(t.Context(), Question{Lane: Lane(i % 3), From: from(byte(i % 7)), Password: typed, Stored: stored})
			if err != nil || ok != want {
				t.Errorf("question %d: got %v, %v, want %v", i, ok, err, want)
			}
		})
	}
	wait.Wait()
	if s := h.Stats(); most > slots || s.Slots != slots || s.Running != 0 || s.Hashes != 201 {
		t.Errorf("at once: got %d, and %+v, want at most %d, 201 hashes, none running", most, s, slots)
	}
}

// A request that ends while it waits gets its own end, and one that finds the
// lane full gets the time to come again; neither is hashed.
func TestWaitingEndsWithTheRequest(t *testing.T) {
	h := testHasher(t, Options{Slots: 1, Queues: Queues{Stranger: 1}})
	leave, err := h.admission.enter(t.Context(), Proved, from(1))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := h.Hash(ctx, Stranger, from(1), "x")
		ended <- err
	}()
	for h.Stats().Waiting[Stranger] == 0 {
		select {
		case err := <-ended:
			t.Fatalf("it did not wait: %v", err)
		default:
			runtime.Gosched()
		}
	}
	_, _, err = h.Check(t.Context(), Question{Lane: Stranger, From: from(1), Password: "x"})
	if _, ok := errors.AsType[*BusyError](err); !ok {
		t.Errorf("a full lane: got %v, want a *BusyError", err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("a request that ended: got %v, want context.Canceled", err)
	}
	leave()
	if s := h.Stats(); s.Hashes != 0 || s.Running != 0 || s.Waiting != [LaneCount]int{} {
		t.Errorf("afterwards: %+v, want nothing", s)
	}
}

// A hasher that would lock everybody out, or run without a pepper, is not made.
func TestNewMindsItsOptions(t *testing.T) {
	good := Options{Params: tiny, Pepper: peppers, PepperKey: "k1"}
	for name, change := range map[string]func(*Options){
		"no pepper":         func(o *Options) { o.Pepper = nil },
		"no key":            func(o *Options) { o.PepperKey = "" },
		"an odd key":        func(o *Options) { o.PepperKey = "k$1" },
		"too much memory":   func(o *Options) { o.Params.Memory = maxMemory + 4 },
		"too little memory": func(o *Options) { o.Params.Memory = 4 },
		"too many passes":   func(o *Options) { o.Params.Passes = maxPasses + 1 },
		"no passes":         func(o *Options) { o.Params.Passes = 0 },
		"too many lanes":    func(o *Options) { o.Params.Lanes = maxLanes + 1 },
	} {
		o := good
		change(&o)
		if h, err := New(o); err == nil || h != nil {
			t.Errorf("%s: got a hasher", name)
		}
	}
	h, err := New(Options{Pepper: peppers, PepperKey: "k1"})
	if err != nil || h.params != DefaultParams || h.Stats().Slots != max(1, runtime.GOMAXPROCS(0)-1) {
		t.Errorf("the defaults: got %v, %+v", err, h.Stats())
	}
	broken := testHasher(t, Options{Pepper: func(string, string) ([]byte, error) { return nil, errors.New("no keys") }})
	if _, err := broken.Hash(t.Context(), Proved, from(1), "x"); err == nil {
		t.Errorf("Hash without a pepper: got no error")
	}
	if ok, _, err := broken.Check(t.Context(), Question{Password: "x"}); ok || err == nil || errors.Is(err, ErrStored) {
		t.Errorf("Check without a pepper: got %v, %v, want an error that is not about what is stored", ok, err)
	}
}

// At the cost that is shipped, a check for nobody is no quicker than one that is
// right: of seven each in turn, the quickest differ by less than a factor of two.
// A hash that was left out would be a factor of thousands.
func TestA03ShippedCost(t *testing.T) {
	h := testHasher(t, Options{Params: DefaultParams})
	const pw = "four unrelated words"
	stored := hash(t, h, pw)
	if !strings.HasPrefix(stored, "k1$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("stored: got %s, want the shipped cost", stored)
	}
	best := map[string]time.Duration{}
	for range 7 {
		for name, s := range map[string]string{"somebody": stored, "nobody": ""} {
			start := time.Now()
			ok, _ := check(t, h, pw, s)
			took := time.Since(start)
			if ok != (s != "") {
				t.Errorf("%s: got %v", name, ok)
			}
			if best[name] == 0 || took < best[name] {
				best[name] = took
			}
		}
	}
	a, b := best["somebody"], best["nobody"]
	if a > 2*b || b > 2*a {
		t.Errorf("the quickest of seven: somebody %v, nobody %v, want them alike", a, b)
	}
}

func FuzzParseStored(f *testing.F) {
	f.Add("k1$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("k1$argon2id$v=19$m=4294967295,t=4294967295,p=4294967295$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$2b$12$x")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseStored(text)
		if err != nil {
			if !errors.Is(err, ErrStored) {
				t.Errorf("parseStored(%q): got %v, want ErrStored", text, err)
			}
			return
		}
		if s.params.check() != nil || s.digest == nil || !validKeyID(s.keyID) {
			t.Errorf("parseStored(%q): got %+v", text, s.params)
		}
		if again, err := parseStored(s.keyID + s.digest.Encode()); err != nil || again.params != s.params {
			t.Errorf("parseStored(%q) does not read what it wrote: %+v, %v", text, again.params, err)
		}
	})
}

func BenchmarkCheckShippedCost(b *testing.B) {
	h := testHasher(b, Options{Params: DefaultParams})
	for b.Loop() {
		check(b, h, "x", "")
	}
}
