package sparekeytest

import (
	"regexp"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"
)

// What a page shows once: a saved code in five groups, and the key of an
// authenticator app in eight.
var (
	savedShape = regexp.MustCompile(`\b(?:[0-9A-HJKMNP-TV-Z]{5}-){4}[0-9A-HJKMNP-TV-Z]{5}\b`)
	seedShape  = regexp.MustCompile(`\b(?:[A-Z2-7]{4} ?){7}[A-Z2-7]{4}\b`)
)

// SavedCode gives the saved code that a page shows; empty if it shows none.
func SavedCode(page string) string { return savedShape.FindString(page) }

// Seed gives the key of an authenticator app that a page shows, in one run; empty
// if it shows none.
func Seed(page string) string { return strings.ReplaceAll(seedShape.FindString(page), " ", "") }

// AppCode is what an authenticator app with that key shows at a moment.
func (a *App) AppCode(seed string, at time.Time) string {
	a.t.Helper()
	code, err := totp.GenerateCode(seed, at)
	if err != nil {
		a.t.Fatal(err)
	}
	return code
}
