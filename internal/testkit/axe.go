package testkit

import (
	_ "embed" // for axe-core
	"strings"

	"github.com/chromedp/chromedp"
)

// axeSource is axe-core 4.14.1, under the MPL-2.0 of axe/LICENSE.
//
//go:embed axe/axe.min.js
var axeSource string

// Axe checks the page as it is now against WCAG 2.2 AA and axe-core's best practices and gives a line for each
// violation. It needs JavaScript; the page's content security policy does not hinder it.
func (b *Browser) Axe() []string {
	b.t.Helper()
	const script = `axe.run(document, {
		runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
		resultTypes: ['violations'],
	}).then(result => result.violations.flatMap(rule => rule.nodes.map(node =>
		rule.id + ' (' + rule.impact + '): ' + node.target.join(' ') + ': ' + node.failureSummary.replace(/\s+/g, ' '))))`
	if !run(b, "look for axe-core", chromedp.Evaluate[bool](`'axe' in window`)) {
		run(b, "load axe-core", chromedp.Evaluate[chromedp.Void](axeSource+";0"))
	}
	lines := run(b, "run axe-core", chromedp.Evaluate[[]string](script, chromedp.EvalAwaitPromise))
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return lines
}
