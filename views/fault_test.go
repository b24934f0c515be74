package views

import (
	"strings"
	"testing"
)

func TestFaultExcerpt(t *testing.T) {
	long := strings.Repeat("a", 100) + "é" + strings.Repeat("b", 100)
	for _, test := range []struct {
		line   string
		column int
		want   faultExcerpt
	}{
		{`{"a" 1}`, 6, faultExcerpt{`{"a" `, "1", "}", "     ^"}},
		{"\t}", 2, faultExcerpt{"\t", "}", "", "\t^"}},
		{"{", 2, faultExcerpt{"{", "", "", " ^"}},
		{"", 1, faultExcerpt{"", "", "", "^"}},
		{"{", 99, faultExcerpt{"{", "", "", " ^"}},
		{long, 101, faultExcerpt{"…" + strings.Repeat("a", 40), "é", strings.Repeat("b", 39) + "…", strings.Repeat(" ", 41) + "^"}},
	} {
		if got := (ConfigFault{Quoted: test.line, Column: test.column}).excerpt(); got != test.want {
			t.Errorf("%q at %d: got %q, want %q", test.line, test.column, got, test.want)
		}
	}
}
