package web

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"sparekey"
	"sparekey/internal/flow"
	"sparekey/internal/page"
)

// getFlow shows where a flow stands. What a page says is a function of the
// flow's row: nobody is looked up for it.
func (s *Server) getFlow(r *request) error {
	f, c, err := s.Flows.Flow(r.Context(), r.visit, r.PathValue("id"))
	if err != nil {
		return s.unknown(r, err)
	}
	return s.stand(r, f, c, 0, nil)
}

// unknown answers for a flow that this browser may not see. Without cookies
// no flow can be seen, and that is said whatever the id.
func (s *Server) unknown(r *request, err error) error {
	switch {
	case errors.Is(err, sparekey.ErrNotFound) && r.cookieless:
		s.problem(r, http.StatusNotFound, "g.cookie")
		return nil
	case errors.Is(err, sparekey.ErrExpired): // with the session it was begun in
		return s.ended(r, &sparekey.Flow{Purpose: sparekey.ChangePassword}, sparekey.ErrExpired)
	}
	return err
}

// stand draws the page of where the flow stands: the one dispatcher. A note
// and its status come with what was just tried.
func (s *Server) stand(r *request, f *sparekey.Flow, c *sparekey.Challenge, status int, n *page.Note) error {
	now := s.Now()
	if status == 0 {
		status = http.StatusOK
	}
	// A saved code that was made in the flow is shown at once: whatever becomes of
	// the flow, the one before does not work any more.
	if f.Step == sparekey.Done || f.Fresh != "" {
		return s.done(r, f, nil)
	}
	if err := f.Open(now); err != nil {
		return s.ended(r, f, err)
	}
	switch {
	case f.Step == sparekey.Act && f.Purpose == sparekey.AddWay && f.Target != string(sparekey.BySaved):
		return s.enrol(r, status, f, n)
	case f.Step == sparekey.Act && confirmed(f.Purpose):
		return s.confirm(r, status, f, n)
	case f.Step == sparekey.Act:
		p, err := s.newPassword(r, f, n)
		if err != nil {
			return err
		}
		return s.show(r, status, p)
	case f.Tries >= sparekey.MaxTries:
		return s.ended(r, f, sparekey.ErrTries)
	case c == nil: // one more proof is needed
		return s.waysPage(r, status, f, nil, n)
	case c.Way == sparekey.BySaved || c.Way == sparekey.ByTOTP:
		return s.show(r, status, s.verify(r, f, c, n))
	case c.Way == sparekey.ByApp:
		screen, err := s.screen(r, f.ID, c.ID)
		if err != nil {
			return err
		}
		return s.show(r, status, &page.Scan{
			Base: s.ownBase(r, f), Flow: f.ID, Challenge: c.ID, Purpose: f.Purpose, Screen: screen, Note: n,
		})
	case c.Way == sparekey.ByPasskey:
		q, err := s.Flows.Question(f, c)
		if err != nil {
			return err
		}
		return s.show(r, status, &page.Passkey{
			Base: s.ownBase(r, f), Flow: f.ID, Challenge: c.ID, Purpose: f.Purpose, Question: string(q), Note: n,
		})
	}
	p, err := s.code(r, f, c, n)
	if err != nil {
		return err
	}
	return s.show(r, status, p)
}

// verify asks for an answer that nobody sends.
func (s *Server) verify(r *request, f *sparekey.Flow, c *sparekey.Challenge, n *page.Note) *page.Verify {
	p := &page.Verify{Base: s.ownBase(r, f), Flow: f.ID, Challenge: c.ID, Purpose: f.Purpose, Way: c.Way, Note: n}
	if n != nil && n.Field == "code" {
		p.Code = typed(r.form.text("code"))
	}
	return p
}

func (s *Server) code(r *request, f *sparekey.Flow, c *sparekey.Challenge, n *page.Note) (*page.Code, error) {
	p := &page.Code{
		Way:  c.Way,
		Base: s.ownBase(r, f), Flow: f.ID, Challenge: c.ID, Purpose: f.Purpose,
		Typed: f.Typed, TypedKind: f.TypedKind, Note: n, AskedAt: f.Started, NextAt: f.NextSend,
		Ways: f.Purpose != sparekey.Register && c.Way != sparekey.ByNew,
	}
	if c.Way == sparekey.ByNew {
		to, err := s.Flows.Pending(f)
		if err != nil {
			return nil, err
		}
		p.To = to
	}
	if f.Session != "" {
		p.TypedKind = "session"
	}
	if p.Sends = sparekey.MaxSends - f.Sends; p.Sends <= 0 {
		p.Sends, p.NextAt = 0, time.Time{}
	}
	if n == nil && f.Sends > 1 && f.AskedAt.After(c.Started) { // the code of another way is another code
		p.Note = &page.Note{ID: "code.sent", Args: []any{"At", page.Clock(f.AskedAt)}, Good: true}
	}
	if n != nil && n.Field == "code" {
		p.Code = typed(r.form.text("code"))
	}
	return p, nil
}

// login is what the person of a proved flow signs in with: what they typed, or
// the account's address where the flow began with a link.
func (s *Server) login(r *request, f *sparekey.Flow) (string, error) {
	if f.TypedKind != sparekey.ByNotice {
		return f.Typed, nil
	}
	v, err := s.Accounts.Of(r.Context(), f.Account)
	if err != nil {
		return "", err
	}
	return v.Email(), nil
}

func (s *Server) newPassword(r *request, f *sparekey.Flow, n *page.Note) (*page.NewPassword, error) {
	login, err := s.login(r, f)
	if err != nil {
		return nil, err
	}
	p := &page.NewPassword{
		Base: s.ownBase(r, f), Flow: f.ID, Purpose: f.Purpose, Username: login, Min: s.Min, Note: n,
	}
	if n != nil && n.ID == "pw.same" {
		p.Note, p.Same = nil, true
	}
	return p, nil
}

// flowBase is the base of a flow's pages, which are reached by their address
// whatever was posted.
func (s *Server) flowBase(r *request, f *sparekey.Flow) page.Base {
	b := s.base(r)
	b.Self, b.ReturnTo, b.Step, b.Expires = "/flow/"+f.ID, f.ReturnTo, f.Step, f.Expires
	return b
}

// ownBase is flowBase for pages of a flow that may have been begun in a session:
// they say who is signed in.
func (s *Server) ownBase(r *request, f *sparekey.Flow) page.Base {
	b := s.flowBase(r, f)
	if f.Session != "" {
		b.SignedInAs = f.Typed
	}
	return b
}

// done draws the last page, or that of a saved code which was made on the way.
// Some flows have none: they lead on.
func (s *Server) done(r *request, f *sparekey.Flow, n *page.Note) error {
	fresh, err := s.Flows.Fresh(f)
	if err != nil {
		return err
	}
	next, told := s.next(f)
	if fresh != "" { // it is shown first
		next, told = "", ""
	}
	switch {
	case r.api:
	case told != "":
		return s.tell(r, next, told, 0)
	case next != "":
		return s.see(r, next)
	}
	login, err := s.login(r, f)
	if err != nil {
		return err
	}
	p := &page.Done{
		Base: s.flowBase(r, f), Purpose: f.Purpose, Midway: f.Step != sparekey.Done,
		Flow: f.ID, Login: login, Others: f.Others, At: f.Closed.Add(sparekey.EraseAfter),
		SignedIn: f.Session != "" || r.account != nil && (r.account.ID == f.Account || f.Purpose == sparekey.Register),
		Same:     f.Same, Fresh: fresh.Reveal(), Next: next, Note: n,
		Two: f.Purpose == sparekey.TwoProofs || f.Purpose == sparekey.AddWay && f.Target == string(sparekey.ByTOTP),
	}
	if n == nil && told != "" {
		p.Note = toldNote(told, 0)
	}
	if p.SignedIn && f.Session != "" && !p.Left() {
		p.SignedInAs = f.Typed
	}
	if p.SignedIn && f.Purpose == sparekey.ChangePassword {
		if p.Easier, err = s.easier(r, f.Account); err != nil {
			return err
		}
	}
	status := http.StatusOK
	if n != nil {
		status = http.StatusUnprocessableEntity
	}
	return s.show(r, status, p)
}

// next is where a flow leads on that has no last page of its own, and what is
// told there; empty for other flows.
func (s *Server) next(f *sparekey.Flow) (to, told string) {
	switch {
	case f.Purpose == sparekey.Register && s.High: // a mailbox alone does not get them back in
		return "/account/check", ""
	case f.Purpose == sparekey.Register || f.Purpose == sparekey.SignIn:
		return onward(f.ReturnTo), ""
	}
	if f.Purpose == sparekey.AddWay && f.Target == string(sparekey.ByApp) {
		return "/app", "app.paired"
	}
	if told = keptNote(f.Purpose); told != "" {
		to = "/account/ways"
	}
	return to, told
}

// keptNote is what the list of ways says after a flow that changed it; empty for
// other flows.
func keptNote(p sparekey.Purpose) string {
	switch p {
	case sparekey.AddIdentifier, sparekey.AddWay:
		return "way.add"
	case sparekey.DropWay:
		return "way.gone"
	case sparekey.KeepWay:
		return "way.kept"
	case sparekey.TwoProofs:
		return "way.two"
	}
	return ""
}

// ended draws the page of a flow that cannot go on.
func (s *Server) ended(r *request, f *sparekey.Flow, err error) error {
	p := &page.Ended{Base: s.base(r), Kind: "expired", Purpose: f.Purpose, Login: f.Typed, Flow: f.ID}
	if f.ID != "" {
		p.Base = s.flowBase(r, f)
	}
	status := http.StatusGone
	switch {
	case errors.Is(err, sparekey.ErrTries):
		p.Kind = "exhausted"
	case errors.Is(err, sparekey.ErrUsed):
		p.Kind, status = "used", http.StatusConflict
	case errors.Is(err, sparekey.ErrStopped):
		p.Kind = "stopped"
	case errors.Is(err, sparekey.ErrDeclined):
		p.Kind = "declined"
	case errors.Is(err, sparekey.ErrChanged):
		p.Kind = "changed"
	}
	return s.show(r, status, p)
}

// postAnswer takes the answer to the open challenge.
func (s *Server) postAnswer(r *request) error {
	out, err := s.Flows.Answer(r.Context(), r.visit, r.PathValue("id"), flow.Answer{
		Challenge: r.form.text("challenge"), Code: r.form.text("code"), Passkey: r.form.text("passkey"),
		Screen: r.form.text("screen"),
	})
	return s.moved(r, out, err)
}

// postAct takes the flow's last form.
func (s *Server) postAct(r *request) error {
	out, err := s.Flows.Act(r.Context(), r.visit, r.PathValue("id"), flow.Form{
		Password: r.form.text("password"), Again: r.form.text("password_again"), SignIn: r.form.has("same"),
		Code: r.form.text("code"), Passkey: r.form.text("passkey"), Name: r.form.text("name"),
		App: r.form.text("app"), Signature: r.form.text("signature"),
	})
	if err == nil && out.Flow.Same && out.Flow.Fresh == "" && !r.api {
		give(r, out.Cookies)
		return s.see(r, onward(out.Flow.ReturnTo))
	}
	return s.moved(r, out, err)
}

// moved answers for a move: it leads to the page where the flow stands now, or
// draws the page where it still stands, with what went wrong.
func (s *Server) moved(r *request, out flow.Outcome, err error) error {
	id := r.PathValue("id")
	if err == nil {
		give(r, out.Cookies)
		return s.see(r, "/flow/"+id)
	}
	if out.Flow == nil {
		return s.unknown(r, err)
	}
	var e *sparekey.Error
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case errors.Is(err, sparekey.ErrDeclined): // which stopped it
		return s.ended(r, out.Flow, err)
	case errors.Is(err, sparekey.ErrOutOfStep):
		return s.see(r, "/flow/"+id) // it stands elsewhere by now
	case errors.Is(err, sparekey.ErrUsed) && out.Flow.Step == sparekey.Verify:
		return s.see(r, "/flow/"+id) // another answer was faster
	case errors.Is(err, sparekey.ErrTaken):
		return err
	case e.Kind == sparekey.KindGone || e.Kind == sparekey.KindConflict:
		return s.ended(r, out.Flow, err)
	case e.Field == "" && e.Kind != sparekey.KindEarly:
		return err
	}
	f, c, ferr := s.Flows.Flow(r.Context(), r.visit, id)
	if ferr != nil {
		return s.unknown(r, ferr)
	}
	n := note(e, s.Now())
	if n.ID == "code.old" && c != nil {
		n.Action = page.CodeAgain(f.ID, c.ID)
	}
	return s.stand(r, f, c, statusOf(e.Kind), n)
}

// postAgain asks for the code once more.
func (s *Server) postAgain(r *request) error {
	f, err := s.Flows.Again(r.Context(), r.visit, r.PathValue("id"), r.form.text("challenge"))
	if errors.Is(err, sparekey.ErrSends) {
		err = nil // the page says so by itself
	}
	return s.moved(r, flow.Outcome{Flow: f}, err)
}

// getWays lists the ways to verify: the same for everybody, but for those who
// have shown who they are.
func (s *Server) getWays(r *request) error {
	f, c, err := s.Flows.Flow(r.Context(), r.visit, r.PathValue("id"))
	if err != nil {
		return s.unknown(r, err)
	}
	if f.MayChoose(s.Now()) != nil || f.Purpose == sparekey.Register || c != nil && c.Way == sparekey.ByNew {
		return s.stand(r, f, c, 0, nil)
	}
	return s.waysPage(r, http.StatusOK, f, c, nil)
}

func (s *Server) waysPage(r *request, status int, f *sparekey.Flow, c *sparekey.Challenge, n *page.Note) error {
	offer, err := s.Flows.Ways(r.Context(), f)
	if err != nil {
		return err
	}
	p := &page.Ways{
		Base: s.ownBase(r, f), Flow: f.ID, Purpose: f.Purpose, Known: offer.Own, More: offer.More, Open: c != nil, Note: n,
	}
	p.Self += "/ways"
	for _, w := range offer.Rows {
		row := page.WayRow{Kind: w.Way, Masked: w.Masked}
		if w.Masked != "" {
			row.Place = w.Place
		}
		p.Rows = append(p.Rows, row)
	}
	return s.show(r, status, p)
}

// postWays goes on with another way.
func (s *Server) postWays(r *request) error {
	way, place, _ := strings.Cut(r.form.text("way"), " ") // of a page's button, which has one value
	if r.form.has("place") {
		place = r.form.text("place")
	}
	f, err := s.Flows.Choose(r.Context(), r.visit, r.PathValue("id"), sparekey.WayKind(way), place)
	if errors.Is(err, sparekey.ErrSends) {
		err = nil // the page says so by itself
	}
	return s.moved(r, flow.Outcome{Flow: f}, err)
}
