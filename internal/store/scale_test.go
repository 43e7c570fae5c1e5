package store_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/secret"
	"sparekey/internal/sparekeytest"
	"sparekey/internal/store"
	"sparekey/internal/way"
)

// BenchmarkAccounts registers accounts as the server does, and reports how much
// room each takes once all is swept that does not last. The numbers stand in
// docs/scaling.md:
//
//	go test -run '^$' -bench Accounts -benchtime 100000x ./internal/store
func BenchmarkAccounts(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { fill(b, "sqlite:"+b.TempDir()+"/s.db") })
	b.Run("postgres", func(b *testing.B) { fill(b, sparekeytest.Postgres(b)) })
}

// fill makes b.N accounts and measures them.
func fill(b *testing.B, url string) {
	if err := store.Migrate(background, store.Options{URL: url}); err != nil {
		b.Fatal(err)
	}
	db, err := store.Open(background, store.Options{URL: url})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	f := filling{b: b, db: db, src: secret.NewSource(nil), now: sparekeytest.Start}
	b.ResetTimer()
	for n := range b.N {
		f.register(n)
		f.now = f.now.Add(4 * time.Second) // so many mails to new addresses are let through
	}
	b.StopTimer()
	f.now = f.now.Add(48 * time.Hour)
	for {
		swept, err := db.Sweep(background, f.now)
		if err != nil {
			b.Fatal(err)
		}
		if swept.Rows == 0 {
			break
		}
	}
	total, each := 0, ""
	for _, line := range sizes(b, url) {
		table, text, _ := strings.Cut(line, "|")
		size, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			b.Fatal(err)
		}
		total += size
		each += fmt.Sprintf("%s %.1f, ", table, float64(size)/float64(b.N))
	}
	if b.N > 1 { // not the try that a benchmark begins with
		b.Logf("B/account: %s", strings.TrimSuffix(each, ", "))
	}
	b.ReportMetric(float64(total)/float64(b.N), "B/account")
}

// sizes gives "table|bytes" for each table, its indexes included.
func sizes(b *testing.B, url string) []string {
	rows := sparekeytest.OpenRows(b, url)
	if strings.HasPrefix(url, "sqlite:") {
		rows.Exec(`VACUUM`)
		return rows.List(`
			SELECT m.tbl_name || '|' || SUM(d.pgsize) FROM dbstat d JOIN sqlite_master m ON m.name = d.name
			 GROUP BY m.tbl_name ORDER BY m.tbl_name`)
	}
	rows.Exec(`VACUUM FULL`)
	return rows.List(`
		SELECT relname || '|' || pg_total_relation_size(oid) FROM pg_class
		 WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname`)
}

// A filling fills a database.
type filling struct {
	b   *testing.B
	db  *store.DB
	src *secret.Source
	now time.Time
}

// register does what the pages and the worker do for one registration.
func (f *filling) register(n int) {
	email := fmt.Sprintf("somebody.%07d@example.com", n)
	flow := &sparekey.Flow{
		ID: f.src.ID(), Purpose: sparekey.Register, Step: sparekey.Verify, Browser: f.hash(), Charge: f.src.ID(),
		TypedKind: "email", TypedKey: email, Typed: email, Lang: "en", From: "203.0.113.7", On: "Firefox on Windows",
		Started: f.now, Expires: f.now.Add(sparekey.FlowLife),
	}
	c := &sparekey.Challenge{ID: f.src.ID(), Flow: flow.ID, Way: sparekey.ByMail, Open: true, Started: f.now}
	m := sparekey.Message{
		ID: f.src.ID(), Kind: sparekey.CodeMessage, Flow: flow.ID, Challenge: c.ID, RunAt: f.now, DropAfter: flow.Expires,
	}
	_, err := f.db.StartFlow(background, store.Start{Flow: flow, Challenge: c, Message: &m})
	f.must(err)
	claimed, err := f.db.Claim(background, 1, f.now, f.now.Add(time.Minute))
	f.must(err)
	_, err = f.db.Resolve(background, store.Resolving{
		Message: claimed[0], Now: f.now, Ghost: f.src.ID(), New: f.src.ID(), Nonce: f.src.ID(), KeyID: "kabcdef",
		Caps: sparekey.MailCap(), Bind: way.Binding, Mask: func(_, shown string) string { return shown },
	})
	f.must(err)
	f.must(f.db.Sent(background, claimed[0], f.now))
	try, err := f.db.SpendTry(background, store.Step{
		Flow: flow.ID, Challenge: c.ID, Browser: flow.Browser, Key: f.hash(), Now: f.now,
	})
	if f.must(err); try.Challenge == nil {
		f.b.Fatal("got no open challenge, want one to answer")
	}
	facts := sparekey.Facts{At: f.now, From: flow.From, On: flow.On}
	_, err = f.db.Register(background, store.Registering{
		Challenge: c, Account: f.src.ID(), Identifier: f.src.ID(), Credential: f.src.ID(),
		Kind: flow.TypedKind, Key: email, Shown: email, Lang: "en",
		Password: "kabcdef$argon2id$v=19$m=19456,t=2,p=1$" + f.hash()[:22] + "$" + f.hash()[:43],
		Open: store.Opening{
			Session: f.src.ID(), TokenHash: f.hash(), Known: f.src.ID(), KnownHash: f.hash(),
			How: []sparekey.WayKind{sparekey.ByMail}, Facts: facts,
		},
		Turn:  store.Turn{Browser: flow.Browser, Next: f.hash(), Now: f.now},
		Event: sparekey.Event{ID: f.src.ID(), Kind: sparekey.AccountCreated, Facts: facts},
	})
	f.must(err)
}

// hash is as long as the hash of a token.
func (f *filling) hash() string { return way.Binding(f.src.ID(), "") }

func (f *filling) must(err error) {
	f.b.Helper()
	if err != nil {
		f.b.Fatal(err)
	}
}
