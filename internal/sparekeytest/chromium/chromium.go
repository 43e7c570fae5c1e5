// Package chromium is a real browser in a test: a Tab presses, types, reads and
// takes pictures as a person would. It stands apart from sparekeytest because
// the browser's protocol takes long to compile and most tests need none of it.
package chromium

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"sparekey/internal/sparekeytest/guard"
)

const (
	// patience is how long a page, or something on it, may take to come. A
	// test waits for it only when it fails.
	patience = 30 * time.Second
	// browserTimeout is for the start of Chromium on a busy machine.
	browserTimeout = time.Minute
)

// A Browser is a Chromium that runs without a screen. One serves all tests of
// a binary: see Open.
type Browser struct {
	ctx   context.Context
	end   context.CancelFunc
	guard *guard.Guard
	// folder holds the profiles.
	folder string
	agent  string // what it calls itself, on a desktop
}

// Open gives the Chromium of this test binary. The first call starts it,
// and it ends with the process. A machine without Chromium fails the test with
// the line that mends it.
func Open(t testing.TB) *Browser {
	t.Helper()
	b, err := theBrowser.start()
	if err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return b
}

// Stop ends it, if it runs. It is for the end of all tests; without it the same
// happens when the process is over.
func Stop() { theBrowser.stop() }

// theBrowser is the one Chromium of this process: a start takes longer than
// most tests.
var theBrowser sharedBrowser

type sharedBrowser struct {
	mu      sync.Mutex
	browser *Browser
	err     error // of the first start: it is not tried again
}

func (s *sharedBrowser) start() (*Browser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.browser == nil && s.err == nil {
		s.browser, s.err = launchBrowser()
	}
	return s.browser, s.err
}

func (s *sharedBrowser) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.browser != nil {
		s.browser.end()
		s.browser.guard.Stop()
	}
	s.browser = nil
}

// sweeper removes Chromium's folder $1 when the tests are over. Its processes
// end by themselves, perhaps a moment later, and write until then.
const sweeper = `cat >/dev/null; for i in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$1" 2>/dev/null; sleep 0.2; [ -e "$1" ] || exit 0; done`

func launchBrowser() (*Browser, error) {
	program, err := chromiumProgram()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "sparekey-chromium-")
	if err != nil {
		return nil, err
	}
	g, err := guard.Start(nil, sweeper, dir)
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	// The browser dies with this process: the allocator asks the kernel for
	// that, and starts it from a thread that stays.
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program),
		chromedp.UserDataDir(dir),
		chromedp.Flag("headless", "new"),
		chromedp.NoSandbox, // the sandbox refuses root, and only our own pages are loaded
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("lang", "en"),
		chromedp.Flag("use-fake-device-for-media-stream", true),
		chromedp.Flag("use-file-for-fake-video-capture", filepath.Join(dir, cameraFile)),
	)...)
	ctx, end := chromedp.NewContext(allocator)
	b := &Browser{ctx: ctx, guard: g, folder: dir, end: func() { end(); endAllocator() }}
	if err := b.begin(); err != nil {
		b.end()
		g.Stop()
		return nil, fmt.Errorf("%s: %w", program, err)
	}
	return b, nil
}

// begin starts the process. Its life must not hang on a context with a
// deadline: the browser would end with it.
func (b *Browser) begin() error {
	done := make(chan error, 1)
	go func() {
		version, err := chromedp.CallBrowser(b.ctx, browser.GetVersion, cdp.Empty{})
		b.agent = strings.ReplaceAll(version.UserAgent, "HeadlessChrome", "Chrome")
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(browserTimeout):
		b.end()
		<-done
		return fmt.Errorf("it did not answer within %v", browserTimeout)
	}
}

func chromiumProgram() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome-stable", "google-chrome"} {
		if file, err := exec.LookPath(name); err == nil {
			return file, nil
		}
	}
	return "", errors.New("it is not installed; as root: make setup")
}

// TabOptions say whose browser a tab is in. The zero value is a desktop with
// scripts off, in light colours, that asks for English.
type TabOptions struct {
	Base   string // the origin of the pages: http://127.0.0.1:8080
	Script bool   // run the scripts of pages
	Phone  bool   // 390 by 844 at two pixels a point, and not 1280 by 800
	Dark   bool   // the person prefers dark colours
	Lang   string // Accept-Language, for example "ar,en;q=0.5"
}

// Tab opens a tab in a profile of its own: no cookies, no cache, no history.
// It is closed when the test ends. When the test has failed by then, what the
// tab shows is kept in out/screens.
func (b *Browser) Tab(t testing.TB, o TabOptions) *Tab {
	t.Helper()
	return b.open(t, b.ctx, o, chromedp.WithNewBrowserContext())
}

func (b *Browser) open(t testing.TB, parent context.Context, o TabOptions, options ...chromedp.ContextOption) *Tab {
	t.Helper()
	tab := &Tab{t: t, b: b, o: o, requests: map[requestKey]*Request{}, changed: make(chan struct{})}
	var end context.CancelFunc
	tab.ctx, end = chromedp.NewContext(parent, append(options, chromedp.WithListener(tab.hear))...)
	t.Cleanup(end)
	// The first action makes the tab. The tab's life hangs on its context, so
	// that one has no deadline.
	if err := chromedp.Do(tab.ctx); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	tab.main = cdp.FrameID(chromedp.FromContext(tab.ctx).Target.TargetID)
	t.Cleanup(tab.keepFailure)
	tab.dress()
	return tab
}

// dress makes the tab look like the browser of its options.
func (t *Tab) dress() {
	t.t.Helper()
	ctx, cancel := t.within(patience)
	defer cancel()
	if t.o.Lang == "" {
		t.o.Lang = "en"
	}
	metrics := emulation.SetDeviceMetricsOverrideParams{Width: 1280, Height: 800, DeviceScaleFactor: 1}
	agent := emulation.SetUserAgentOverrideParams{UserAgent: t.b.agent, AcceptLanguage: t.o.Lang}
	if t.o.Phone {
		metrics = emulation.SetDeviceMetricsOverrideParams{Width: 390, Height: 844, DeviceScaleFactor: 2, Mobile: true}
		version := t.b.agent[strings.LastIndex(t.b.agent, "Chrome/"):]
		agent.UserAgent = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) " +
			strings.Replace(version, " Safari", " Mobile Safari", 1)
	}
	locale, _, _ := strings.Cut(strings.ReplaceAll(t.o.Lang, ";", ","), ",")
	for _, err := range []error{
		call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !t.o.Script}),
		call(ctx, emulation.SetDeviceMetricsOverride, metrics),
		call(ctx, emulation.SetUserAgentOverride, agent),
		call(ctx, emulation.SetLocaleOverride, emulation.SetLocaleOverrideParams{Locale: strings.ReplaceAll(locale, "-", "_")}),
		// Tabs of tests that run side by side each believe to be in front.
		call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}),
		t.colours(ctx),
	} {
		if err != nil {
			t.t.Fatalf("open a tab: %v", err)
		}
	}
}

// Dark says whether the person prefers dark colours from now on.
func (t *Tab) Dark(dark bool) {
	t.t.Helper()
	t.o.Dark = dark
	ctx, cancel := t.within(patience)
	defer cancel()
	if err := t.colours(ctx); err != nil {
		t.t.Fatalf("change colours: %v", err)
	}
}

func (t *Tab) colours(ctx context.Context) error {
	colours := "light"
	if t.o.Dark {
		colours = "dark"
	}
	return call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: colours},
		{Name: "prefers-reduced-motion", Value: "reduce"}, // pictures of a page must not differ
	}})
}

// call runs a command of the protocol that has no answer.
func call[P any](ctx context.Context, command cdp.Command[P, cdp.Empty], params P) error {
	_, err := chromedp.Call(ctx, command, params)
	return err
}

// outFolder is the folder out/NAME of the module the tests run in.
func outFolder(name string) (string, error) {
	root, err := moduleFolder()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, "out", name)
	return dir, os.MkdirAll(dir, 0o755)
}

// moduleFolder is the folder of go.mod, from that of the package under test
// upwards.
func moduleFolder() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if filepath.Dir(dir) == dir {
			return "", errors.New("no folder above holds a go.mod")
		}
		dir = filepath.Dir(dir)
	}
}
