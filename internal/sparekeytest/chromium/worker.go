package chromium

import (
	"errors"
	"fmt"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/serviceworker"
	"github.com/chromedp/chromedp"
)

// InstallErrors are what keeps the browser from offering to install the page as an
// app. That profiles of tests are kept nowhere is none of it.
func (t *Tab) InstallErrors() (ids []string) {
	t.t.Helper()
	ctx, cancel := t.within(patience)
	defer cancel()
	answer, err := chromedp.Call(ctx, page.GetInstallabilityErrors, cdp.Empty{})
	if err != nil {
		t.t.Fatalf("ask whether the page can be installed: %v", err)
	}
	for _, e := range answer.InstallabilityErrors {
		if e.ErrorID != "in-incognito" {
			ids = append(ids, e.ErrorID)
		}
	}
	return ids
}

// Hurry has time pass faster, so many times, for the scripts of the pages that come
// after this.
func (t *Tab) Hurry(times int) {
	t.t.Helper()
	ctx, cancel := t.within(patience)
	defer cancel()
	_, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		Source: fmt.Sprintf(`{
			const times = %d, wait = setTimeout, now = Date.now, began = now()
			self.setTimeout = (f, ms, ...rest) => wait(f, ms / times, ...rest)
			Date.now = () => began + (now() - began) * times
		}`, times),
	})
	if err != nil {
		t.t.Fatalf("hurry: %v", err)
	}
}

// Push delivers a message to the worker of the pages, as the service of a browser
// does.
func (t *Tab) Push(message string) {
	t.t.Helper()
	ctx, cancel := t.within(patience)
	defer cancel()
	if err := call(ctx, serviceworker.Enable, cdp.Empty{}); err != nil {
		t.t.Fatalf("look for the worker: %v", err)
	}
	worker := ""
	ok := t.await(ctx, func() bool {
		worker = t.worker
		return worker != ""
	})
	err := errors.New("there is none")
	if ok {
		err = call(ctx, serviceworker.DeliverPushMessage, serviceworker.DeliverPushMessageParams{
			Origin: t.o.Base, RegistrationID: serviceworker.RegistrationID(worker), Data: message,
		})
	}
	if err != nil {
		t.t.Fatalf("push to the worker: %v", err)
	}
}
