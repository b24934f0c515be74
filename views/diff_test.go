package views

import (
	"strings"
	"testing"
)

func show(lines []diffLine) string {
	var text strings.Builder
	for _, line := range lines {
		text.WriteString(string(line.Sign) + line.Text + "\n")
	}
	return text.String()
}

func TestHunks(t *testing.T) {
	far := strings.Repeat("same\n", 20)
	for name, test := range map[string]struct{ before, after, want string }{
		"equal":           {"a\nb", "a\nb", "@2 unchanged lines\n"},
		"changed line":    {"a\nb\nc", "a\nB\nc", " a\n-b\n+B\n c\n"},
		"inserted line":   {"a\nc", "a\nb\nc", " a\n+b\n c\n"},
		"interleaved":     {"a\nb\nc\nd", "x\nb\ny\nd", "-a\n+x\n b\n-c\n+y\n d\n"},
		"from nothing":    {"", "{}", "-\n+{}\n"},
		"far context":     {far + "a", far + "b", "@17 unchanged lines\n same\n same\n same\n-a\n+b\n"},
		"overlong line":   {"", strings.Repeat("x", maxDiffColumns+1), "-\n+" + strings.Repeat("x", maxDiffColumns) + "…\n"},
		"too much to ask": {strings.Repeat("a\n", 1100), strings.Repeat("b\n", 1100), ""},
	} {
		got := hunks(test.before, test.after)
		if test.want != "" && show(got) != test.want {
			t.Errorf("%s: got\n%swant\n%s", name, show(got), test.want)
		}
		if len(got) > maxDiffLines+1 {
			t.Errorf("%s: got %d lines, want at most %d", name, len(got), maxDiffLines+1)
		}
	}
}

// FuzzDiffRestoresBothTexts holds for any two texts: without the added lines it is the old one, without the removed
// lines the new one.
func FuzzDiffRestoresBothTexts(f *testing.F) {
	f.Add("a\nb\nc", "b\nd\nc\n")
	f.Add("", "\n\n")
	f.Fuzz(func(t *testing.T, before, after string) {
		var a, b []string
		for _, line := range diffLines(before, after) {
			if line.Sign != '+' {
				a = append(a, line.Text)
			}
			if line.Sign != '-' {
				b = append(b, line.Text)
			}
		}
		if strings.Join(a, "\n") != before || strings.Join(b, "\n") != after {
			t.Errorf("%q and %q became %q and %q", before, after, a, b)
		}
	})
}
