package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"sparekey"
	"sparekey/internal/page"
)

// showJSON tells a program what a page says. A page that refuses is a problem.
func (s *Server) showJSON(r *request, status int, p page.Page) error {
	n, text := s.Pages.Say(p)
	if status >= http.StatusBadRequest {
		v := problemView{Status: status, Detail: text}
		if n != nil {
			v.Code, v.Field, v.Tries = n.ID, n.Field, triesLeft(n)
		}
		return writeProblem(r, v)
	}
	v := viewOf(p, noteOf(n, text))
	if v == nil {
		return fmt.Errorf("a program was shown a page that has no view: %T", p)
	}
	return writeJSON(r.w, status, "application/json", v)
}

func noteOf(n *page.Note, text string) *noteView {
	if n == nil {
		return nil
	}
	return &noteView{n.ID, text}
}

// triesLeft is how many answers a page says that the flow still takes; zero if it
// says nothing of them.
func triesLeft(n *page.Note) int {
	switch {
	case n.Field != "code" && n.Field != "passkey" && n.Field != "screen":
	case strings.HasSuffix(n.ID, ".last"):
		return 1
	case strings.HasSuffix(n.ID, ".wrong") && len(n.Args) == 2:
		left, _ := n.Args[1].(int)
		return left
	}
	return 0
}

// viewOf is what a page says, for programs; nil for pages that programs draw by
// themselves, with nothing of ours in them.
func viewOf(p page.Page, n *noteView) any {
	switch p := p.(type) {
	case *page.Devices:
		return devicesView(p, n)
	case *page.MyWays:
		v := myWaysView{List: []myWayView{}, Two: p.Two, Drops: second(p.Drops), Texts: p.Texts, Good: json.RawMessage(p.Passkeys), Note: n}
		for _, w := range p.Rows {
			v.List = append(v.List, ownWay(w))
		}
		return v
	case *page.Check:
		return checkOf(p)
	case *page.Profile:
		return profileView{p.Name, p.Lang, p.Login, n}
	case *page.Activity:
		return activityOf(p)
	}
	v := flowOf(p)
	if v.ID == "" {
		return nil
	}
	v.Note = n
	return v
}

// flowOf is what a page of a flow says.
func flowOf(p page.Page) flowView {
	switch p := p.(type) {
	case *page.Code:
		v := viewIn(&p.Base, p.Flow, p.Purpose)
		v.Challenge = &challengeView{
			ID: p.Challenge, Way: p.Way, To: p.To, AskedAt: second(p.AskedAt), NextSend: nextSecond(p.NextAt), Sends: &p.Sends,
		}
		if p.TypedKind != "" {
			v.Typed = &typedView{p.TypedKind, p.Typed}
		}
		if p.Ways {
			v.OtherWays = apiFlow(p.Flow) + "/ways"
		}
		return v
	case *page.Verify:
		v := viewIn(&p.Base, p.Flow, p.Purpose)
		v.Challenge, v.OtherWays = &challengeView{ID: p.Challenge, Way: p.Way}, apiFlow(p.Flow)+"/ways"
		return v
	case *page.Passkey:
		v := viewIn(&p.Base, p.Flow, p.Purpose)
		v.Challenge = &challengeView{ID: p.Challenge, Way: sparekey.ByPasskey, Options: json.RawMessage(p.Question)}
		v.OtherWays = apiFlow(p.Flow) + "/ways"
		return v
	case *page.Scan:
		if p.Flow == "" {
			return flowView{}
		}
		v := viewIn(&p.Base, p.Flow, p.Purpose)
		v.Challenge = &challengeView{ID: p.Challenge, Way: sparekey.ByApp, Screen: p.Screen.Renew}
		v.OtherWays = apiFlow(p.Flow) + "/ways"
		return v
	case *page.Ways:
		v := viewIn(&p.Base, p.Flow, p.Purpose)
		v.Ways = &choiceView{List: []wayView{}, Own: p.Known, More: p.More, Open: p.Open}
		for _, w := range p.Rows {
			v.Ways.List = append(v.Ways.List, wayView{w.Kind, w.Place, w.Masked})
		}
		return v
	case *page.NewPassword:
		v := viewIn(&p.Base, p.Flow, p.Purpose)
		v.Password = &passwordView{p.Username, p.Fewest()}
		return v
	}
	return settingView(p)
}

// settingView is what a page says that only some flows have.
func settingView(p page.Page) flowView {
	switch p := p.(type) {
	case *page.Confirm:
		v := viewIn(&p.Base, p.Flow, p.Purpose)
		v.Confirm = confirmOf(p)
		return v
	case *page.Enrol:
		v := viewIn(&p.Base, p.Flow, sparekey.AddWay)
		v.Enrol = &enrolView{p.Seed, p.Address, p.Two}
		return v
	case *page.NewPasskey:
		v := viewIn(&p.Base, p.Flow, sparekey.AddWay)
		v.Passkey = &makingView{json.RawMessage(p.Question)}
		return v
	case *page.Pair:
		v := viewIn(&p.Base, p.Flow, sparekey.AddWay)
		v.Pair = &pairView{p.Sign}
		return v
	case *page.Done:
		v := viewIn(&p.Base, p.Flow, p.Purpose)
		if v.Saved = p.Fresh; !p.Midway {
			v.Done, v.Expires = doneOf(p), time.Time{}
		}
		return v
	}
	return flowView{}
}

// viewIn is what all pages of a flow say.
func viewIn(b *page.Base, id string, p sparekey.Purpose) flowView {
	return flowView{ID: id, Purpose: p, Step: b.Step, Expires: second(b.Expires)}
}

func screenOf(s page.Screen) (v screenView, err error) {
	v = screenView{Screen: s.Nonce, Address: s.Address, Code: s.Short, Until: second(time.Time(s.Until))}
	v.Path, v.Size, err = s.Path()
	return v, err
}

func confirmOf(p *page.Confirm) *confirmView {
	v := &confirmView{Login: p.Login}
	switch p.Purpose {
	case sparekey.DeleteAccount:
		v.Erase = second(p.At)
	case sparekey.TwoProofs:
		v.Two = &p.On
	case sparekey.DropWay, sparekey.KeepWay:
		way := ownWay(p.Way)
		v.Way = &way
	}
	return v
}

func doneOf(p *page.Done) *doneView {
	v := &doneView{Same: p.Same, Next: p.Next}
	switch {
	case p.Left():
		v.Erase = second(p.At)
	case p.SignedIn:
		v.SignedIn, v.Others = true, p.Others
	default:
		v.Login = p.Login
	}
	if p.Download() != "" {
		v.Data = apiFlow(p.Flow) + "/data"
	}
	return v
}

func devicesView(p *page.Devices, n *noteView) sessionsView {
	v := sessionsView{List: []deviceView{}, Note: n}
	for _, d := range p.Rows {
		one := deviceView{d.ID, d.Browser, d.Address, second(d.First), second(d.Last), d.Current, d.Shared}
		if d.Current { // it is signed out of, not ended by its id
			one.ID = ""
		}
		v.List = append(v.List, one)
	}
	for _, p := range p.Phones {
		v.Apps = append(v.Apps, appView{p.ID, p.Name, second(p.Added), second(p.Used), p.Sleep})
	}
	return v
}

func ownWay(w page.MyWay) myWayView {
	v := myWayView{
		ID: w.ID, Way: w.Kind, Value: w.Value, Since: second(w.Since), Alone: second(w.Alone), Until: second(w.Until), Sleep: w.Sleep,
	}
	if w.Fixed || w.Kind == sparekey.ByPassword { // there is nothing to do about it in the list
		v.ID = ""
	}
	return v
}

func checkOf(p *page.Check) checkView {
	v := checkView{State: p.State(), Losses: []lossView{}}
	for _, l := range p.Losses {
		loss := lossView{ID: l.ID, Safe: l.Safe, Left: []leftView{}}
		for _, w := range l.Left {
			loss.Left = append(loss.Left, leftView{w.Kind, w.Value})
		}
		v.Losses = append(v.Losses, loss)
	}
	return v
}

func activityOf(p *page.Activity) activityView {
	v := activityView{List: []happenedView{}}
	for _, a := range p.Rows {
		v.List = append(v.List, happenedView{
			second(a.At), a.Kind, a.Failed, a.How, a.About.Kind, a.About.Value, a.Browser, a.Address,
		})
	}
	return v
}

// second is a moment as exactly as pages say it.
func second(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// nextSecond is a moment from which on something is possible.
func nextSecond(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return second(t.Add(time.Second - 1))
}
