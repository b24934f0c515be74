package testkit

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// patience bounds everything a browser is asked for; a page that needs longer is broken.
const patience = 10 * time.Second

// chromium is the one process of the test binary: starting it takes longer than most journeys.
var chromium struct {
	sync.Mutex
	ctx   context.Context
	close func()
}

// Browser is a person's browser: a window with cookies of its own, driven by what a person sees. Every method fails
// the test when the page does not come to show what is expected. At the end of the test, uncaught exceptions, errors on
// the console, failed resources and violations of the content security policy of pages at its origin fail it too.
type Browser struct {
	t      testing.TB
	ctx    context.Context // of the window
	origin string
	faults *faults
}

// OpenBrowser opens a window for the application at origin, such as http://localhost:3003. It shares nothing with the
// windows opened before. Faults of pages at the other origins fail the test, too. TestMain of the package must end with
// [CloseChromium].
func OpenBrowser(t testing.TB, origin string, others ...string) *Browser {
	t.Helper()
	ctx, cancel := chromedp.NewContext(startChromium(t), chromedp.WithNewBrowserContext())
	b := &Browser{t: t, origin: origin, faults: &faults{origins: append(others, origin)}}
	t.Cleanup(func() {
		cancel()
		for _, fault := range b.faults.seen {
			t.Error("browser: " + fault)
		}
	})
	b.attach(ctx)
	return b
}

// CloseChromium ends the browser process, if any test started it.
func CloseChromium() {
	chromium.Lock()
	defer chromium.Unlock()
	if chromium.close != nil {
		chromium.close()
	}
	chromium.ctx, chromium.close = nil, nil
}

func startChromium(t testing.TB) context.Context {
	t.Helper()
	path := Need(t, "chromium")
	chromium.Lock()
	defer chromium.Unlock()
	if chromium.ctx != nil {
		return chromium.ctx
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		// Nothing but this machine exists, whatever a page of a counterparty refers to. By the names that RFC 6761 §6.2 keeps
		// for tests it looks like another one.
		chromedp.Flag("host-resolver-rules", "MAP *.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"),
		chromedp.Flag("disable-popup-blocking", false), // as in people's browsers
		chromedp.Flag("disable-component-update", true),
	)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	if err := chromedp.Do(ctx); err != nil {
		cancel()
		stop()
		t.Fatalf("start %s: %v", path, err)
	}
	chromium.ctx, chromium.close = ctx, func() { cancel(); stop() }
	return ctx
}

// attach makes b the window of ctx. The question whether to leave unsaved text is answered with yes; any other dialog is a
// fault: pages have none of their own.
func (b *Browser) attach(ctx context.Context) {
	b.t.Helper()
	b.ctx = ctx
	// The first action binds the window's life to its context, so it has no deadline.
	if err := chromedp.Do(ctx); err != nil {
		b.t.Fatalf("open a window: %v", err)
	}
	if err := chromedp.Listen(ctx, b.faults.listen); err != nil {
		b.t.Fatal(err)
	}
	dialogs := chromedp.Events(ctx, page.JavascriptDialogOpening)
	go func() {
		for dialog := range dialogs {
			switch dialog.Type {
			case page.DialogTypeAlert, page.DialogTypeConfirm, page.DialogTypePrompt:
				b.faults.add(dialog.URL, "dialog: "+dialog.Message)
			}
			// An error is the window's end, which every other action reports as well.
			_, _ = chromedp.Call(ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
		}
	}()
	b.Theme("light")
}

// DisableJavaScript makes pages run no script from the next one on.
func (b *Browser) DisableJavaScript() {
	b.t.Helper()
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

// Popup does what opens a window and gives the new window. It shares cookies and faults with b.
func (b *Browser) Popup(open func()) *Browser {
	b.t.Helper()
	// Windows of other tests open meanwhile, and what is told of one that closes looks as if it were new.
	known := run(b, "list the windows", func(ctx context.Context, _ *chromedp.Target) ([]*target.Info, error) { return chromedp.Targets(ctx) })
	own := chromedp.FromContext(b.ctx).Target.TargetID
	opened := chromedp.WaitNewTarget(b.ctx, func(window *target.Info) bool {
		same := func(other *target.Info) bool { return other.TargetID == window.TargetID }
		return window.OpenerID == own && !slices.ContainsFunc(known, same)
	})
	open()
	popup := &Browser{t: b.t, origin: b.origin, faults: b.faults}
	select {
	case id := <-opened:
		ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithTargetID(id))
		b.t.Cleanup(cancel)
		popup.attach(ctx)
	case <-time.After(patience):
		b.t.Fatal("no window opened")
	}
	return popup
}

// Close closes the window.
func (b *Browser) Close() {
	b.t.Helper()
	call(b, page.Close, cdp.Empty{})
}

// WaitClosed waits until the window closes itself.
func (b *Browser) WaitClosed() {
	b.t.Helper()
	closed, err := chromedp.Detached(b.ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	select {
	case <-closed:
	case <-time.After(patience):
		b.t.Fatalf("the window stayed open; %s", b.describe())
	}
}

// faults collects what went wrong in the windows of one browser. It is called on the goroutine that reads from the
// browser.
type faults struct {
	origins []string

	mu        sync.Mutex
	documents map[network.RequestID]bool
	seen      []string
}

func (f *faults) listen(event any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		// A page that answers 422 is no fault; a script or a picture that does is one.
		if e.Type == network.ResourceTypeDocument {
			if f.documents == nil {
				f.documents = map[network.RequestID]bool{}
			}
			f.documents[e.RequestID] = true
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && !f.documents[e.Entry.NetworkRequestID] {
			f.add(e.Entry.URL, string(e.Entry.Source)+": "+e.Entry.Text)
		}
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		f.add(e.ExceptionDetails.URL, text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError && len(e.Args) > 0 {
			f.add("", "console.error: "+string(e.Args[0].Value)+e.Args[0].Description)
		}
	}
}

// add notes a fault unless it is of a page that is not looked after.
func (f *faults) add(url, text string) {
	ours := func(origin string) bool { return strings.HasPrefix(url, origin+"/") }
	if url == "" || slices.ContainsFunc(f.origins, ours) {
		f.seen = append(f.seen, text+" ("+url+")")
	}
}
