package chromium

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/serviceworker"
)

// A Request is one thing that the browser asked for to show a page.
type Request struct {
	URL    string
	Method string
	Type   string // Document, Script, Stylesheet, Image, Font, …
	Status int    // 0 if there was no answer
	// Encoded is what went over the wire in bytes, with the head of the
	// answer; Decoded is the body as the browser used it.
	Encoded, Decoded int
	Failed           string // why it failed, or empty
	Stream           bool   // an answer without an end: events, as they happen
	// Redirected is the number of redirections before URL.
	Redirected int

	done bool
}

// A requestKey tells the requests of one page from those of others.
type requestKey struct {
	loader cdp.LoaderID
	id     network.RequestID
}

// hear takes every event of the tab, in the order in which they come. It must
// not block.
func (t *Tab) hear(event any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e := event.(type) {
	case *page.EventFrameStartedLoading, *page.EventFrameStoppedLoading, *page.EventFrameNavigated, *page.EventNavigatedWithinDocument:
		t.hearPage(event)
	case *network.EventRequestWillBeSent, *network.EventResponseReceived, *network.EventDataReceived,
		*network.EventLoadingFinished, *network.EventLoadingFailed:
		t.hearNetwork(event)
	case *serviceworker.EventWorkerRegistrationUpdated:
		for _, r := range e.Registrations {
			t.worker = string(r.RegistrationID)
		}
	case *log.EventEntryAdded:
		// An answer such as 404 is an error of the network too, and often what
		// a test wants: Requests has them.
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
			t.errors = append(t.errors, fmt.Sprintf("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *runtime.EventExceptionThrown:
		d := e.ExceptionDetails
		text := d.Text
		if d.Exception != nil {
			text += " " + d.Exception.Description
		}
		t.errors = append(t.errors, fmt.Sprintf("exception: %s (%s line %d)", text, d.URL, d.LineNumber+1))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning || e.Type == runtime.ConsoleAPICalledTypeAssert {
			t.errors = append(t.errors, "console: "+arguments(e.Args))
		}
	case *page.EventJavascriptDialogOpening:
		// It would hold up the page, and every command to it, for ever.
		t.errors = append(t.errors, fmt.Sprintf("%s: %s (%s)", e.Type, e.Message, e.URL))
		go call(t.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
	default:
		return
	}
	close(t.changed)
	t.changed = make(chan struct{})
}

func arguments(args []*runtime.RemoteObject) string {
	var words []string
	for _, a := range args {
		if a.Description != "" {
			words = append(words, a.Description)
		} else {
			words = append(words, string(a.Value))
		}
	}
	return strings.Join(words, " ")
}

func (t *Tab) hearPage(event any) {
	switch e := event.(type) {
	case *page.EventFrameStartedLoading:
		if e.FrameID == t.main {
			t.loading = true
		}
	case *page.EventFrameStoppedLoading:
		if e.FrameID == t.main {
			t.loading = false
		}
	case *page.EventFrameNavigated:
		if e.Frame.ParentID == "" {
			t.pages++
			t.loader = e.Frame.LoaderID
			// A page that comes back as it was left does not load.
			t.loading = e.Type != page.NavigationTypeBackForwardCacheRestore
		}
	case *page.EventNavigatedWithinDocument:
		if e.FrameID == t.main {
			t.pages++
		}
	}
}

func (t *Tab) hearNetwork(event any) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		key := requestKey{e.LoaderID, e.RequestID}
		r := t.requests[key]
		if r == nil {
			r = &Request{}
			t.requests[key] = r
			t.order = append(t.order, key)
		} else {
			r.Redirected++
		}
		r.URL, r.Method, r.Type = e.Request.URL, e.Request.Method, string(e.Type)
	case *network.EventResponseReceived:
		if r := t.requests[requestKey{e.LoaderID, e.RequestID}]; r != nil {
			r.Status = int(e.Response.Status)
			r.Stream = e.Response.MimeType == "text/event-stream"
			r.done = r.Stream // it is there, and goes on as long as the page waits
		}
	case *network.EventDataReceived:
		if r := t.request(e.RequestID); r != nil {
			r.Decoded += int(e.DataLength)
		}
	case *network.EventLoadingFinished:
		if r := t.request(e.RequestID); r != nil {
			r.Encoded, r.done = int(e.EncodedDataLength), true
		}
	case *network.EventLoadingFailed:
		if r := t.request(e.RequestID); r != nil {
			r.Failed, r.done = strings.TrimSpace(e.ErrorText+" "+string(e.BlockedReason)), true
		}
	}
}

// request is the last request with this id.
func (t *Tab) request(id network.RequestID) *Request {
	for _, key := range slices.Backward(t.order) {
		if key.id == id {
			return t.requests[key]
		}
	}
	return nil
}

// expectPage does something and waits until it has led to a page that is
// loaded whole.
func (t *Tab) expectPage(what string, do func(context.Context) error) {
	t.t.Helper()
	ctx, cancel := t.within(patience)
	defer cancel()
	t.mu.Lock()
	before := t.pages
	t.mu.Unlock()
	if err := do(ctx); err != nil {
		t.t.Fatalf("%s: %v\n%s", what, err, t.shows())
	}
	if !t.await(ctx, func() bool { return t.pages > before && !t.loading }) {
		t.t.Fatalf("%s: no page came within %v\n%s", what, patience, t.shows())
	}
}

// await waits until what the events have told is so.
func (t *Tab) await(ctx context.Context, so func() bool) bool {
	for {
		t.mu.Lock()
		ok, changed := so(), t.changed
		t.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// Requests are what the browser asked for to show the current page, in that
// order, once all have their answers. Of a stream the beginning is enough.
func (t *Tab) Requests() []Request {
	t.t.Helper()
	ctx, cancel := t.within(patience)
	defer cancel()
	var list []Request
	ok := t.await(ctx, func() bool {
		list = nil
		for _, key := range t.order {
			if key.loader != t.loader {
				continue
			}
			if !t.requests[key].done {
				return false
			}
			list = append(list, *t.requests[key])
		}
		return true
	})
	if !ok {
		t.t.Fatalf("the requests of the page did not end within %v", patience)
	}
	return list
}

// ConsoleErrors are the errors and warnings that pages have caused since the
// tab was opened: what the Content-Security-Policy refused, exceptions of
// scripts, dialogs, console.error and console.warn.
func (t *Tab) ConsoleErrors() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.errors)
}
