package web_test

import (
	"fmt"
	"testing"
	"time"

	"sparekey"
	"sparekey/internal/sparekeytest"
)

// F10 (THREATS 4): however the clock jumps, nothing that was used or has ended
// comes back: no code, no flow, no session, no password, no try. Whoever is
// signed in stays so when the clock is put right by a few minutes, and gets in
// with the password whatever it says.
func TestF10ClockJumps(t *testing.T) {
	jumps := map[string]time.Duration{
		"an hour on":         time.Hour,
		"an hour back":       -time.Hour,
		"five minutes on":    5 * time.Minute,
		"five minutes back":  -5 * time.Minute,
		"ten years on":       10 * 365 * 24 * time.Hour,
		"to 1970":            time.Unix(1, 0).Sub(sparekeytest.Start),
		"a leap second back": -time.Second,
	}
	for name, jump := range jumps {
		t.Run(name, func(t *testing.T) {
			sparekeytest.EachDB(t, func(t *testing.T, app *sparekeytest.App) {
				app.Register(mara, first)
				in, out := machineSignIn(app, mara, first), machineSignIn(app, mara, first)
				left := out.Clone()
				out.Get("/account").Submit("/signout")

				c := app.Client()
				flow := machineStart(c, "/recover", "login", mara)
				code := app.Code(mara)
				asked := c.Get("/flow/" + flow)
				for range sparekey.MaxTries - 1 {
					c.Get("/flow/"+flow).Submit("/answer", "code", "00000000").See(422)
				}
				before := c.Clone()
				c.Get("/flow/"+flow).Submit("/answer", "code", code).See(303)
				last := c.Get("/flow/" + flow).See(200)
				last.Submit("/act", "password", second, "password_again", second).See(303)
				in.Get("/account").See(303) // ended by the new password
				in = machineSignIn(app, mara, second)

				from := 0
				signsIn := func(password string, status int) { // from ever new addresses
					t.Helper()
					from++
					stranger := app.Client()
					stranger.Addr = fmt.Sprintf("198.51.100.%d:4711", from)
					stranger.Get("/signin").Submit("/signin", "login", mara, "password", password).See(status)
				}

				app.Sleep(jump)
				left.Get("/api/v1/session").See(401)
				asked.Submit("/answer", "code", code)
				before.Post("/flow/"+flow+"/answer", "code", code)
				last.Submit("/act", "password", third, "password_again", third)
				c.Post("/flow/"+flow+"/act", "password", third, "password_again", third)
				app.Deliver()
				app.Sweep()
				signsIn(third, 422)
				signsIn(first, 422)
				signsIn(second, 303)
				if jump.Abs() <= 5*time.Minute {
					in.Get("/api/v1/session").See(200)
				}

				app.Sleep(-jump) // and right again
				left.Get("/api/v1/session").See(401)
				signsIn(third, 422)
				signsIn(second, 303)
			})
		})
	}
}
