package account_test

import (
	"strconv"
	"strings"
	"testing"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

func TestMain(m *testing.M) { sparekeytest.Main(m) }

// What an operator does is mailed to the addresses that are proved and to no
// other, and their number is what the operator is told.
func TestOperatorKnowsWhoIsTold(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		app.Register("mara@example.com", "seven quiet herons")
		mara, err := app.Accounts.Find(t.Context(), "mara@example.com")
		if err != nil {
			t.Fatal(err)
		}
		added, err := app.Accounts.Add(t.Context(), "wren@example.com", "wren", "en")
		if err != nil {
			t.Fatal(err)
		}
		for id, want := range map[string]int{mara.ID: 1, added: 0} {
			says := func(what string, told int, err error) {
				if err != nil || told != want {
					t.Errorf("%s: got %d told, %v, want %d", what, told, err, want)
				}
			}
			_, told, err := app.Accounts.SignOutAll(t.Context(), id)
			says("sign out", told, err)
			told, err = app.Accounts.Disable(t.Context(), id)
			says("disable", told, err)
			told, err = app.Accounts.Enable(t.Context(), id)
			says("enable", told, err)
			_, told, err = app.Accounts.Delete(t.Context(), id)
			says("delete", told, err)
			mails := app.Rows().Text(`SELECT CAST(COUNT(*) AS TEXT) FROM outbox WHERE account = $1 AND event <> ''`, id)
			if mails != strconv.Itoa(4*want) {
				t.Errorf("got %s mails, want %d", mails, 4*want)
			}
		}
	})
}

// An operator gives nobody a login name that its owner could not choose: one
// that is reserved, in use, or was given up less than a year ago.
func TestAddRefusesALoginName(t *testing.T) {
	sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
		left, err := app.Accounts.Add(t.Context(), "left@example.com", "heron", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := app.Accounts.Delete(t.Context(), left); err != nil {
			t.Fatal(err)
		}
		refused := func(login, want string) {
			t.Helper()
			_, err := app.Accounts.Add(t.Context(), "new@example.com", login, "")
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want it refused: %s", login, err, want)
			}
		}
		refused("heron", "already")
		app.Sleep(sparekey.EraseAfter + 1)
		if _, err := app.Store.Erase(t.Context(), app.Now()); err != nil {
			t.Fatal(err)
		}
		refused("Heron", "given up less than a year ago")
		refused("Admin", "reserved")
		app.Sleep(sparekey.NameKept + 1)
		if _, err := app.Accounts.Add(t.Context(), "new@example.com", "heron", ""); err != nil {
			t.Errorf("got %v a year later, want the name given", err)
		}
	})
}
