package sparekeytest

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"sparekey/internal/secret"
)

// Fill adds an account for each address, with the password of an account that
// is there: as rows, because the pages would hash each.
func (a *App) Fill(emails []string) {
	a.t.Helper()
	Fill(a.t, a.Settings.Database.Reveal(), emails)
}

// Fill is the same for the database of a URL.
func Fill(t testing.TB, url string, emails []string) {
	t.Helper()
	driver := "pgx"
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, url = "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_txlock=immediate"
	}
	db, err := sql.Open(driver, url)
	check(t, err)
	defer db.Close()
	var stored string
	check(t, db.QueryRow(`SELECT data FROM credentials WHERE kind = 'password' LIMIT 1`).Scan(&stored))
	const batch = 500
	for len(emails) > 0 {
		n := min(batch, len(emails))
		fillSome(t, db, stored, emails[:n])
		emails = emails[n:]
	}
}

// fillSome writes one transaction. Ids are random, as the program's are: it
// matters for how full the pages of an index get.
func fillSome(t testing.TB, db *sql.DB, stored string, emails []string) {
	t.Helper()
	src, now := secret.NewSource(nil), time.Now().UnixMicro()
	var accounts, addresses, passwords []string
	for _, email := range emails {
		id := src.ID()
		accounts = append(accounts, fmt.Sprintf("('%s', 1, 1, FALSE, '', 'en', 0, 0, %d)", id, now))
		addresses = append(addresses, fmt.Sprintf("('%s', '%s', 'email', '%s', '%s', %d, %d, 0)", src.ID(), id, email, email, now, now))
		passwords = append(passwords, fmt.Sprintf("('%s', '%s', 'password', '%s', %d, %d, 0, 0, 0)", src.ID(), id, stored, now, now))
	}
	tx, err := db.Begin()
	check(t, err)
	defer tx.Rollback() //nolint:errcheck // after a commit it has nothing to do
	for _, query := range []string{
		`INSERT INTO accounts (id, password_epoch, ways_epoch, two_proofs, name, lang, disabled, delete_at, created) VALUES ` + strings.Join(accounts, ", "),
		`INSERT INTO identifiers (id, account, kind, key, shown, added, proved, dropped) VALUES ` + strings.Join(addresses, ", "),
		`INSERT INTO credentials (id, account, kind, data, added, changed, dropped, asleep, last_step) VALUES ` + strings.Join(passwords, ", "),
	} {
		_, err := tx.Exec(query)
		check(t, err)
	}
	check(t, tx.Commit())
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
