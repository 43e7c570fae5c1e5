package web_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"sparekey/internal/sparekeytest"
)

// keyLine is a line for the key file.
func keyLine(id string, made time.Time, fill byte) string {
	key := strings.Repeat(string(rune(fill)), 32)
	return fmt.Sprintf("%s %s %s\n", id, made.Format(time.RFC3339), base64.StdEncoding.EncodeToString([]byte(key)))
}

func rewrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A new key takes over without anybody noticing: what the old one made still
// works, codes, links, passwords and registrations under way, and the newest
// one writes from then on.
func TestRotation(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		in := app.Register(mara, first)
		app.Sleep(48 * time.Hour)
		stopped, _ := recovering(app, mara)
		other := app.Code(mara)
		letters := app.Sink.Mails(mara)
		link := strings.TrimPrefix(letters[len(letters)-1].StopURL(), sparekeytest.URL)
		c, _ := recovering(app, mara)
		code := app.Code(mara)
		fresh := app.Client()
		fresh.Get("/register").Submit("/register", "login", "new@example.com", "password", second).See(303)
		old := app.Keys.Newest()

		lines, err := os.ReadFile(app.Settings.KeyFile)
		if err != nil {
			t.Fatal(err)
		}
		rewrite(t, app.Settings.KeyFile, string(lines)+keyLine("k2", time.Now().Add(time.Hour), 'b'))
		if err := app.Restart(); err != nil {
			t.Fatal(err)
		}
		if got := app.Keys.Newest(); got != "k2" {
			t.Fatalf("got key %s as the newest, want k2", got)
		}
		in.Get("/account").See(200)
		app.Sleep(time.Minute)
		c.Get(c.At()).Submit("/again").See(303)
		if again := app.Code(mara); again != code {
			t.Errorf("got code %s after the rotation, want %s as before", again, code)
		}
		answered(c, c.At(), code).See(303)
		app.Client().Get(link).See(200).Submit(link).See(303)
		answered(stopped, stopped.At(), other).See(422)
		answered(fresh, fresh.At(), app.Code("new@example.com")).See(303)

		made := func(email string) string {
			return app.Rows().Text(`
				SELECT c.data FROM credentials c JOIN identifiers i ON i.account = c.account
				 WHERE c.kind = 'password' AND c.dropped = 0 AND i.shown = $1`, email)
		}
		if got := made(mara); !strings.HasPrefix(got, old+"$") {
			t.Errorf("got a hash made with %q before the next sign-in, want the old key %s", got, old)
		}
		app.Client().Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		app.Client().Get("/signin").Submit("/signin", "login", "new@example.com", "password", second).See(303)
		for _, email := range []string{mara, "new@example.com"} {
			if got := made(email); !strings.HasPrefix(got, "k2$") {
				t.Errorf("%s: got a hash made with %q, want the newest key k2", email, got)
			}
		}
		app.Client().Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)

		// Once nothing of the old key is left it may go, and its going stops no
		// start; a file without the keys of the database does.
		rewrite(t, app.Settings.KeyFile, keyLine("k2", time.Now().Add(time.Hour), 'b'))
		if err := app.Restart(); err != nil {
			t.Fatal(err)
		}
		app.Client().Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
		rewrite(t, app.Settings.KeyFile, keyLine("k2", time.Now(), 'c'))
		if err := app.Restart(); err == nil || !strings.Contains(err.Error(), "not the keys of this database") {
			t.Errorf("got %v with the keys of another installation, want the start refused", err)
		}
	})
}
