package web

import (
	"net/http"
	"strings"
	"time"

	"sparekey"
	"sparekey/internal/flow"
	"sparekey/internal/page"
)

// getApp draws the companion app. It opens without a session: what a phone may do
// it shows by its key.
func (s *Server) getApp(r *request) error { return s.appPage(r, "") }

// getSeen is where the camera of a phone leads that has read a code of ours
// without the app. A browser that is paired goes on as the app does; any other is
// told to pair first, and can do nothing.
func (s *Server) getSeen(r *request) error { return s.appPage(r, r.PathValue("id")) }

func (s *Server) appPage(r *request, seen string) error {
	p := &page.App{Base: s.base(r), Seen: seen, Note: told(r, "app.paired")}
	p.Self = "/app"
	if r.account != nil {
		v, err := s.Accounts.Of(r.Context(), r.account.ID)
		if err != nil {
			return err
		}
		p.Email = v.Email()
	}
	h := r.w.Header()
	h.Set("Permissions-Policy", strings.Replace(h.Get("Permissions-Policy"), "camera=()", "camera=(self)", 1))
	h.Set("Content-Security-Policy", h.Get("Content-Security-Policy")+"; manifest-src 'self'; worker-src 'self'; img-src 'self'")
	return s.show(r, http.StatusOK, p)
}

// appFile serves a file of the app: its description, its icon, and its worker,
// which may look after all of it.
func (s *Server) appFile(w http.ResponseWriter, r *http.Request) {
	kind, body := s.Pages.AppFile(r.PathValue("name"))
	if kind == "" {
		plain(w, http.StatusNotFound, "Nothing here.\n")
		return
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-cache")
	h.Set("Service-Worker-Allowed", "/app")
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(body)))
}

// getOffline is the page that the app's worker keeps for a phone that is offline.
func (s *Server) getOffline(r *request) error {
	p := &page.Problem{Base: s.base(r), Status: http.StatusOK, ID: "app.offline", Again: "/app"}
	p.Self = "/app"
	return s.show(r, http.StatusOK, p)
}

// postAppQuestion gives what a phone signs to be told about its account.
func (s *Server) postAppQuestion(r *request) error {
	question, sign, err := s.Flows.AppQuestion(r.visit)
	if err != nil {
		return err
	}
	return writeJSON(r.w, http.StatusOK, "application/json", appQuestionView{question, sign})
}

// appHappened is how much of what happened the app tells.
const appHappened = 5

// postAppHome tells a paired phone about its account.
func (s *Server) postAppHome(r *request) error {
	ctx := r.Context()
	app, err := s.Flows.AppHome(ctx, r.visit, r.form.text("device"), r.form.text("question"), r.form.text("signature"))
	if err != nil {
		return err
	}
	v, err := s.Accounts.Of(ctx, app.Account)
	if err != nil {
		return err
	}
	list, err := s.Accounts.Activity(ctx, app.Account)
	if err != nil {
		return err
	}
	told, err := s.Flows.Told(ctx, app.ID)
	if err != nil {
		return err
	}
	out := appHomeView{Push: s.Flows.Push.Key, Told: told, Name: app.Name, Email: v.Email(), Happened: []appHappenedView{}}
	p := &page.Activity{Base: s.base(r)}
	for _, a := range list[:min(len(list), appHappened)] {
		out.Happened = append(out.Happened, appHappenedView{second(a.Facts.At), p.Told(happened(a))})
	}
	return writeJSON(r.w, http.StatusOK, "application/json", out)
}

// postAppPush has a paired phone told what happens, or told no more.
func (s *Server) postAppPush(r *request) error {
	device, question, signature := r.form.text("device"), r.form.text("question"), r.form.text("signature")
	if at := r.form.text("push"); at != "" {
		if err := s.Flows.Subscribe(r.Context(), r.visit, device, question, signature, at); err != nil {
			return err
		}
	} else if err := s.Flows.Unsubscribe(r.Context(), r.visit, device, question, signature); err != nil {
		return err
	}
	r.w.WriteHeader(http.StatusNoContent)
	return nil
}

// postAppScan takes what a phone has seen of a screen.
func (s *Server) postAppScan(r *request) error {
	id, err := s.Flows.Scan(r.Context(), r.visit, flow.Scan{
		Device: r.form.text("device"), Seen: r.form.text("seen"), Signature: r.form.text("signature"),
	})
	if err != nil {
		return err
	}
	r.w.Header().Set("Location", "/api/v1/app/requests/"+id)
	return writeJSON(r.w, http.StatusCreated, "application/json", appRequestView{ID: id, State: sparekey.AppScanned})
}

// getAppRequest tells a phone what it is asked.
func (s *Server) getAppRequest(r *request) error {
	a, err := s.Flows.Approval(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return s.appRequest(r, a)
}

func (s *Server) appRequest(r *request, a *sparekey.Approval) error {
	v := appRequestView{ID: a.ID, State: a.State}
	if a.State == sparekey.AppUsed { // the phone has approved it; what the screen did since is its own
		v.State = sparekey.AppApproved
	}
	if a.State != sparekey.AppScanned {
		v.Flow, v.Purpose, v.Browser, v.Address, v.Asked = a.Flow, a.Purpose, a.On, a.From, a.Asked.Unix()
		v.Network = "another"
		if flow.Near(a) {
			v.Network = "same"
		}
		v.Shown = r.printer.Browser(a.On)
	}
	return writeJSON(r.w, http.StatusOK, "application/json", v)
}

// postAppAnswer takes what the person has decided.
func (s *Server) postAppAnswer(r *request) error {
	answer, id := r.form.text("answer"), r.PathValue("id")
	if answer != "approve" && answer != "decline" {
		return &sparekey.Error{Kind: sparekey.KindShape, Code: "g.bad", Field: "answer"}
	}
	if err := s.Flows.AppAnswer(r.Context(), r.visit, id, answer == "approve", r.form.text("signature")); err != nil {
		return err
	}
	return s.getAppRequest(r)
}
