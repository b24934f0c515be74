package views

import "strings"

// faultWindow is how many characters of the line at fault are shown on either side of the fault.
const faultWindow = 40

// faultExcerpt is the part of a line around a fault.
type faultExcerpt struct{ Before, At, After, Caret string }

// excerpt cuts the window around the fault out of its line. Caret is the line below it: blanks as wide as Before,
// then "^".
func (f ConfigFault) excerpt() faultExcerpt {
	line := []rune(f.Quoted)
	at := min(max(f.Column-1, 0), len(line))
	from, to := max(at-faultWindow, 0), min(at+faultWindow, len(line))
	e := faultExcerpt{Before: string(line[from:at])}
	if at < to {
		e.At, e.After = string(line[at]), string(line[at+1:to])
	}
	if from > 0 {
		e.Before = "…" + e.Before
	}
	if to < len(line) {
		e.After += "…"
	}
	e.Caret = strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, e.Before) + "^"
	return e
}
