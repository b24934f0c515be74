package testkit

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The roles (WAI-ARIA, and Chromium's own for <summary>) of what a person can click, and of what takes text.
var (
	clickable = []string{"button", "link", "checkbox", "radio", "tab", "menuitem", "DisclosureTriangle"}
	fillable  = []string{"textbox", "searchbox", "combobox", "spinbutton"}
)

// visibleText reads the text of the page, with white space as single spaces.
var visibleText = chromedp.Evaluate[string](`(document.body?.innerText ?? '').replace(/\s+/g, ' ').trim()`)

// Goto opens an address, or a path at the browser's origin, and gives the status it was answered with.
func (b *Browser) Goto(address string) int {
	b.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.origin + address
	}
	return int(run(b, "open "+address, chromedp.NavigateResponse(address)).Status)
}

// Click clicks the first button, link or other control with the given accessible name. It does not wait for a page that
// this leads to; the click may close the window.
func (b *Browser) Click(name string) {
	b.t.Helper()
	x, y := b.locate(clickable, name)
	if _, err := attempt(b, chromedp.MouseClickXY(x, y)); err != nil && !errors.Is(err, chromedp.ErrTargetDetached) {
		b.t.Fatalf("click %q: %v", name, err)
	}
}

// Follow clicks like [Browser.Click], waits for the page this leads to, and gives the status it was answered with.
func (b *Browser) Follow(name string) int {
	b.t.Helper()
	return b.follow(clickable, name)
}

// Submit follows a button: where what asks for it, such as a link or a disclosure, has the same name.
func (b *Browser) Submit(name string) int {
	b.t.Helper()
	return b.follow([]string{"button"}, name)
}

func (b *Browser) follow(roles []string, name string) int {
	b.t.Helper()
	x, y := b.locate(roles, name)
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	response, err := chromedp.RunResponse(ctx, chromedp.MouseClickXY(x, y))
	if err != nil {
		b.t.Fatalf("follow %q: %v; %s", name, err, b.describe())
	}
	return int(response.Status)
}

// Fill replaces the text of the field with the given label, as typing would.
func (b *Browser) Fill(label, text string) {
	b.t.Helper()
	field := b.find(fillable, label)
	call(b, dom.Focus, dom.FocusParams{BackendNodeID: field})
	run(b, "select all", chromedp.KeyEvent("a", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	run(b, "clear", chromedp.KeyEvent(kb.Delete))
	if text != "" {
		call(b, input.InsertText, input.InsertTextParams{Text: text})
	}
}

// Choose picks an option of the select with the given label by the option's text.
func (b *Browser) Choose(label, option string) {
	b.t.Helper()
	const script = `function(text) {
		const found = [...this.options].find(o => o.text.trim() === text);
		if (!found) return false;
		this.value = found.value;
		this.dispatchEvent(new Event('input', {bubbles: true}));
		this.dispatchEvent(new Event('change', {bubbles: true}));
		return true;
	}`
	if !on[bool](b, b.find([]string{"combobox", "listbox"}, label), script, option) {
		b.t.Fatalf("%q has no option %q", label, option)
	}
}

// Value gives the text of the field with the given label.
func (b *Browser) Value(label string) string {
	b.t.Helper()
	return on[string](b, b.find(fillable, label), `function() { return this.value ?? this.innerText }`)
}

// Text gives the visible text of the page, with white space as single spaces.
func (b *Browser) Text() string {
	b.t.Helper()
	return run(b, "read the page", visibleText)
}

// Title gives the title of the page.
func (b *Browser) Title() string {
	b.t.Helper()
	return run(b, "read the title", chromedp.Title())
}

// URL gives the address of the page.
func (b *Browser) URL() string {
	b.t.Helper()
	return run(b, "read the address", chromedp.Location())
}

// See waits until the page shows text.
func (b *Browser) See(text string) {
	b.t.Helper()
	text = strings.Join(strings.Fields(text), " ")
	if !b.until(func() bool {
		shown, err := attempt(b, visibleText) // which fails between two pages
		return err == nil && strings.Contains(shown, text)
	}) {
		b.t.Fatalf("the page never showed %q; %s", text, b.describe())
	}
}

// Has reports whether the page has a control with the given accessible name now.
func (b *Browser) Has(name string) bool {
	b.t.Helper()
	return len(b.query(slices.Concat(clickable, fillable), name)) > 0
}

// Cookies gives the cookies that requests to the page's address carry.
func (b *Browser) Cookies() []*network.Cookie {
	b.t.Helper()
	return call(b, network.GetCookies, network.GetCookiesParams{}).Cookies
}

// Viewport sets the width of the window in CSS pixels.
func (b *Browser) Viewport(width int) {
	b.t.Helper()
	run(b, "resize", chromedp.EmulateViewport(int64(width), 900))
}

// Theme sets the colour scheme that the person's system asks for: "light" or "dark". The person also asks for reduced
// motion, so that nothing is looked at or clicked in mid-transition.
func (b *Browser) Theme(scheme string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme},
		{Name: "prefers-reduced-motion", Value: "reduce"},
	}})
}

// Screenshot writes the whole page as a PNG file.
func (b *Browser) Screenshot(path string) {
	b.t.Helper()
	picture := run(b, "take a screenshot", chromedp.FullScreenshot(100))
	if err := os.WriteFile(path, picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// Overflow gives by how many CSS pixels the page is wider than the window.
func (b *Browser) Overflow() int {
	b.t.Helper()
	const script = `document.documentElement.scrollWidth - document.documentElement.clientWidth`
	return run(b, "measure the page", chromedp.Evaluate[int](script))
}

// Evaluate runs a script in the page, once it has loaded, and gives what its last expression is: for tests of what people
// do not see.
func (b *Browser) Evaluate(script string) string {
	b.t.Helper()
	const loaded = `new Promise(resolve => document.readyState === 'complete' ? resolve() : addEventListener('load', resolve))`
	run(b, "wait for the page", chromedp.Evaluate[chromedp.Void](loaded+".then(() => 0)", chromedp.EvalAwaitPromise))
	return run(b, "evaluate "+script, chromedp.Evaluate[string](script))
}

// Output waits until the page's <output> holds text, and gives it: where pages of tests write what their scripts came to.
func (b *Browser) Output() string {
	b.t.Helper()
	var text string
	if !b.until(func() bool {
		text, _ = attempt(b, chromedp.Evaluate[string](`document.querySelector('output')?.textContent ?? ''`)) // fails between two pages
		return text != ""
	}) {
		b.t.Fatalf("the page wrote no output; %s", b.describe())
	}
	return text
}
