package bound

import (
	"regexp"
	"time"

	"sparekey/internal/sparekeytest"
)

// ownerGetsIn walks the rightful owner in by every way there is, after
// strangers have used up every budget: mails, short codes and passwords.
func (s *siege) ownerGetsIn() {
	s.t.Helper()
	app, known := s.app, s.owner
	s.exhausts() // a known browser and the password
	if page := known.Get("/account"); page.Status == 200 {
		page.Submit("/signout")
	}
	known.Get("/signin").Submit("/signin", "login", mara, "password", first).See(303)
	known.Get("/account").See(200).Says(mara)

	s.exhausts() // a new browser and the password: the link of the last mail, and it is found to be right
	c := app.Client()
	c.Get("/signin").Submit("/signin", "login", mara, "password", first).See(422).Says("Email me a code")
	s.opens(c)
	c.Get(c.At()).Submit("/act", "password", first, "password_again", first).See(422).
		Says("That’s your current password.").Submit("/act", "same", "1").See(303)
	c.Get("/account").See(200).Says(mara)

	s.exhausts() // a known browser, and the password forgotten: mails of its own
	app.Sleep(24 * time.Hour)
	s.exhausts()
	known.Get("/account").Submit("/signout")
	known.Get("/recover").Submit("/recover", "login", mara).See(303)
	known.Get(known.At()).Submit("/answer", "code", app.Code(mara)).See(303)
	known.Get(known.At()).Submit("/act", "password", second, "password_again", second).See(303)
	known.Get(known.At()).See(200).Says("Your password is updated")

	s.exhausts() // a new browser, the password forgotten, the mailbox lost: the saved code
	c = app.Client()
	c.Get("/recover").Submit("/recover", "login", mara).See(303)
	c.Get(c.At()+"/ways").Submit("/ways", "way", "saved").See(303)
	app.Deliver()
	c.Get(c.At()).Submit("/answer", "code", s.saved).See(303)
	c.Get(c.At()).Submit("/saved", "kept", "1").See(303) // the one that replaces it
	c.Get(c.At()).Submit("/act", "password", first, "password_again", first).See(303)
	c.Get(c.At()).See(200).Says("Your password is updated")

	s.exhausts() // a new browser, and the password forgotten: the link of the last mail
	c = app.Client()
	s.opens(c)
	c.Get(c.At()).Submit("/act", "password", third, "password_again", third).See(303)
	c.Get(c.At()).See(200).Says("Your password is updated")
}

// strongGetsIn signs in who asks for two proofs, in the browser that is known,
// after strangers have used up what they may guess of the authenticator app.
func (s *siege) strongGetsIn() {
	s.t.Helper()
	s.app.Sleep(time.Minute)
	c := s.strong
	c.Get("/signin").Submit("/signin", "login", wren, "password", first).See(303)
	c.Get(c.At()).Submit("/answer", "code", s.app.AppCode(s.seed, s.app.Now())).See(303)
	c.Get("/account").See(200).Says(wren)
}

// exhausts uses up what strangers may have mailed, and tries the password as
// often as it is compared.
func (s *siege) exhausts() {
	for hour := range 2 {
		s.app.Sleep(time.Duration(hour) * (time.Hour + time.Minute))
		for range 6 {
			s.asks()
		}
	}
	for range 16 {
		s.signsIn()
	}
}

// opens presses the button of the last mail that carries the link.
func (s *siege) opens(c *sparekeytest.Client) {
	s.t.Helper()
	mails := s.app.Sink.Mails(mara)
	for i := len(mails) - 1; i >= 0; i-- {
		if link := regexp.MustCompile(`/open/\S+`).FindString(mails[i].Text); link != "" {
			c.Get(link).See(200).Submit(link).See(303)
			return
		}
	}
	s.t.Fatal("got no mail with the link that stands in for a code, want one")
}
