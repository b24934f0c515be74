package testkit

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// pollInterval is how often a page is looked at while something is awaited.
const pollInterval = 20 * time.Millisecond

// find waits for a control with the accessible name and one of the roles, and gives the first.
func (b *Browser) find(roles []string, name string) cdp.BackendNodeID {
	b.t.Helper()
	var found []cdp.BackendNodeID
	b.until(func() bool {
		found = b.query(roles, name)
		return len(found) > 0
	})
	if len(found) == 0 {
		b.t.Fatalf("the page has no %s called %q; %s", strings.Join(roles, " or "), name, b.describe())
	}
	return found[0]
}

// query lists the controls with the accessible name and one of the roles, as assistive technology finds them.
func (b *Browser) query(roles []string, name string) []cdp.BackendNodeID {
	b.t.Helper()
	tree, err := attempt(b, func(ctx context.Context, t *chromedp.Target) (accessibility.QueryAXTreeResult, error) {
		document, err := chromedp.Evaluate[*runtime.RemoteObject]("document")(ctx, t)
		if err != nil {
			return accessibility.QueryAXTreeResult{}, err
		}
		return cdp.Call(ctx, t, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{ObjectID: document.ObjectID, AccessibleName: name})
	})
	if err != nil {
		return nil // between two pages there are no controls
	}
	var found []cdp.BackendNodeID
	for _, node := range tree.Nodes {
		for _, role := range roles {
			if !node.Ignored && fmt.Sprintf("%q", role) == string(node.Role.Value) {
				found = append(found, node.BackendDOMNodeID)
			}
		}
	}
	return found
}

// locate gives the middle of a control after scrolling it into view. It fails when something covers the control.
func (b *Browser) locate(roles []string, name string) (x, y float64) {
	b.t.Helper()
	const script = `function() {
		this.scrollIntoView({block: 'center', behavior: 'instant'});
		const box = this.getClientRects()[0];
		if (!box) return {};
		const x = box.x + box.width / 2, y = box.y + box.height / 2;
		const hit = this.getRootNode().elementFromPoint(x, y);
		return {x, y, free: this.contains(hit), hit: hit?.outerHTML.slice(0, 200)};
	}`
	type place struct {
		X, Y float64
		Free bool
		Hit  string
	}
	at := on[place](b, b.find(roles, name), script)
	if !at.Free {
		b.t.Fatalf("%q cannot be clicked: it is hidden or covered by %s", name, at.Hit)
	}
	return at.X, at.Y
}

// until looks again until done, for as long as b's patience lasts.
func (b *Browser) until(done func() bool) bool {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-ticker.C {
		if done() {
			return true
		}
	}
	return false
}

// describe says where the browser is, for messages.
func (b *Browser) describe() string {
	return fmt.Sprintf("%s shows:\n%s", b.URL(), b.Text())
}

// run does one thing in the window within b's patience.
func run[T any](b *Browser, what string, action chromedp.Action[T]) T {
	b.t.Helper()
	result, err := attempt(b, action)
	if err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
	return result
}

// attempt does what run does, and leaves it to the caller to fail.
func attempt[T any](b *Browser, action chromedp.Action[T]) (T, error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, action)
}

// call runs one protocol command.
func call[P, R any](b *Browser, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	return run(b, command.Method, func(ctx context.Context, t *chromedp.Target) (R, error) {
		return cdp.Call(ctx, t, command, params)
	})
}

// on calls a function with a control as its this.
func on[T any](b *Browser, node cdp.BackendNodeID, function string, args ...any) T {
	b.t.Helper()
	object := call(b, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: node}).Object
	withThis := func(p *runtime.CallFunctionOnParams) { p.ObjectID = object.ObjectID }
	return run(b, "look at a control", chromedp.CallFunctionOn[T](function, withThis, args...))
}
