package views

import (
	"hash/fnv"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// hues is how many classes hue-0 … hue-11 the style sheet has.
const hues = 12

// hueClass gives a name its colour, the same on every page.
func hueClass(name string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name)) // never fails
	return "hue-" + strconv.Itoa(int(h.Sum32()%hues))
}

// initial is the first letter or digit of name in upper case.
func initial(name string) string {
	at := strings.IndexFunc(name, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
	if at < 0 {
		return "?"
	}
	r, _ := utf8.DecodeRuneInString(name[at:])
	return string(unicode.ToUpper(r))
}
