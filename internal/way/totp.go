package way

import (
	"encoding/base32"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"sparekey/internal/ident"
	"sparekey/internal/secret"
	"sparekey/internal/store"
)

// TOTP is the way by an authenticator app (RFC 6238): six digits that change
// every 30 seconds. The seed is kept sealed. It is only ever a second proof.
type TOTP struct {
	Keys *secret.Ring
}

const (
	totpPeriod = 30 // seconds of a step
	totpSeed   = 20 // bytes, as RFC 4226 section 4 recommends
	totpSkew   = 1  // steps that a clock may be off, either way
)

var seedText = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewSeed makes a seed, in base 32 as apps take it.
func (w *TOTP) NewSeed(src *secret.Source) secret.Text {
	return secret.Text(seedText.EncodeToString(src.Bytes(totpSeed)))
}

// Seal is the seed as the credential of that id keeps it.
func (w *TOTP) Seal(id string, seed secret.Text, src *secret.Source) string {
	return w.Keys.Seal("totp "+id, []byte(seed.Reveal()), src)
}

// Renew is the stored seed sealed with the newest key, so that an older one may
// go one day.
func (w *TOTP) Renew(s store.Stored, src *secret.Source) (string, error) {
	if strings.HasPrefix(s.Data, w.Keys.Newest()+".") {
		return s.Data, nil
	}
	seed, err := w.Keys.Open("totp "+s.ID, s.Data)
	if err != nil {
		return "", fmt.Errorf("open the seed of an authenticator app: %w", err)
	}
	return w.Seal(s.ID, secret.Text(seed), src), nil
}

// Address is what the QR code of an enrolment holds: the seed, whose it is and
// for which site.
func (w *TOTP) Address(seed secret.Text, site, who string) secret.Text {
	u := url.URL{Scheme: "otpauth", Host: "totp", Path: "/" + site + ":" + who}
	// Not url.Values: apps take a plus sign for itself.
	u.RawQuery = "secret=" + seed.Reveal() + "&issuer=" + url.PathEscape(site)
	return secret.Text(u.String())
}

// Check reports whether answer is the code of a stored seed at now, and of which
// step. A step that was used, or one before it, is wrong (A25).
func (w *TOTP) Check(s store.Stored, answer secret.Text, now time.Time) (step int64, right bool, err error) {
	if s.ID == "" {
		return 0, false, nil
	}
	seed, err := w.Keys.Open("totp "+s.ID, s.Data)
	if err != nil {
		return 0, false, fmt.Errorf("open the seed of an authenticator app: %w", err)
	}
	return w.CheckSeed(secret.Text(seed), answer, s.Step, now)
}

// CheckSeed is Check for a seed, of which used is the last step that was used.
func (w *TOTP) CheckSeed(seed, answer secret.Text, used int64, now time.Time) (step int64, right bool, err error) {
	here := now.Unix() / totpPeriod
	for s := here - totpSkew; s <= here+totpSkew; s++ {
		code, err := totp.GenerateCodeCustom(seed.Reveal(), time.Unix(s*totpPeriod, 0), totp.ValidateOpts{
			Period: totpPeriod, Digits: otp.Digits(ident.TOTPLength), Algorithm: otp.AlgorithmSHA1,
		})
		if err != nil {
			return 0, false, fmt.Errorf("derive the code of an authenticator app: %w", err)
		}
		if secret.Equal(code, answer.Reveal()) && s > used && !right {
			step, right = s, true
		}
	}
	return step, right, nil
}
