package web_test

import (
	"strings"
	"testing"

	"sparekey/internal/sparekeytest"
)

// While the database does not answer, people are told kindly that it is worth
// coming again, and when (F5): no page is broken, and nothing is taken for done.
func TestDatabaseDown(t *testing.T) {
	app := sparekeytest.New(t, sparekeytest.Options{Database: sparekeytest.Postgres(t)})
	in := app.Register(mara, first)
	form, door := app.Client().Get("/recover"), app.Client().Get("/signin")
	url := app.Settings.Database.Reveal()
	name := app.Rows().Text(`SELECT current_database()`)
	server := sparekeytest.OpenRows(t, strings.Replace(url, "/"+name, "/postgres", 1))
	server.Exec(`ALTER DATABASE ` + name + ` ALLOW_CONNECTIONS false`)
	server.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, name)
	for name, ask := range map[string]func() *sparekeytest.Page{
		"recovery": func() *sparekeytest.Page { return form.Submit("/recover", "login", mara) },
		"sign-in":  func() *sparekeytest.Page { return door.Submit("/signin", "login", mara, "password", first) },
		"account":  func() *sparekeytest.Page { return in.Get("/account") },
		"api":      func() *sparekeytest.Page { return in.Get("/api/v1/session") },
	} {
		if page := ask(); page.Status != 503 || page.Header.Get("Retry-After") == "" {
			t.Errorf("%s: got %d with Retry-After %q, want 503 and when to come again", name, page.Status, page.Header.Get("Retry-After"))
		}
	}
	app.Client().Get("/readyz").See(503)
	app.Client().Get("/livez").See(200)

	server.Exec(`ALTER DATABASE ` + name + ` ALLOW_CONNECTIONS true`)
	in.Get("/account").See(200)
	form.Submit("/recover", "login", mara).See(303)
	app.Rows().Exec(`ALTER TABLE flows RENAME TO elsewhere`) // that is broken, not down
	app.Client().Get("/recover").Submit("/recover", "login", mara).See(500)
}
