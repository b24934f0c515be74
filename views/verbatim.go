package views

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// textPart is a piece of a text. With a Code it is one character that cannot be seen, and Code names it.
type textPart struct{ Text, Code string }

// textParts sets the characters apart that are invisible or turn the direction of writing, and spaces at the edges:
// with them one user id could pass for another.
func textParts(text string) []textPart {
	first, last := len(text)-len(strings.TrimLeft(text, " ")), len(strings.TrimRight(text, " ")) // beyond are edges
	var parts []textPart
	seen, before := 0, rune(0) // seen is up to where parts reach
	for i, r := range text {
		if i < first || i >= last || isUnseen(r, before) {
			if seen < i {
				parts = append(parts, textPart{Text: text[seen:i]})
			}
			seen = i + utf8.RuneLen(r)
			parts = append(parts, textPart{text[i:seen], fmt.Sprintf("U+%04X", r)})
		}
		before = r
	}
	if seen < len(text) {
		parts = append(parts, textPart{Text: text[seen:]})
	}
	return parts
}

// isUnseen reports whether r leaves no mark of its own. Joiners and variation selectors shape the character before
// them in emoji and many scripts, but not in ASCII.
func isUnseen(r, before rune) bool {
	const zeroWidthNonJoiner, zeroWidthJoiner = '\u200c', '\u200d'
	switch {
	case r == ' ':
		return false
	case r == zeroWidthNonJoiner, r == zeroWidthJoiner, unicode.Is(unicode.Variation_Selector, r):
		return before <= unicode.MaxASCII
	}
	return unicode.In(r, unicode.Z, unicode.Cc, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point)
}
