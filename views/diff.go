package views

import (
	"strings"
	"unicode/utf8"
)

// diffLine is one line of a comparison: Sign is ' ' for both texts, '-' for the old one only, '+' for the new one only,
// '@' for a remark in place of lines left out.
type diffLine struct {
	Sign byte
	Text string
}

// maxDiffCells bounds the work of a comparison; beyond it the differing middle is shown as replaced whole.
const maxDiffCells = 1 << 20

// Bounds of what a comparison shows.
const (
	diffContext    = 3   // unchanged lines around a change
	maxDiffLines   = 400 // in all
	maxDiffColumns = 500 // characters of a line
)

// hunks compares two texts and leaves out what is far from any change or beyond the bounds.
func hunks(before, after string) []diffLine {
	lines := diffLines(before, after)
	var shown []diffLine
	for i := 0; i < len(lines); {
		if len(shown) >= maxDiffLines {
			return append(shown, diffLine{'@', plural(int64(len(lines)-i), "more line")})
		}
		run := i
		for run < len(lines) && !changedNear(lines, run) {
			run++
		}
		if run-i > 1 {
			shown = append(shown, diffLine{'@', plural(int64(run-i), "unchanged line")})
			i = run
			continue
		}
		shown = append(shown, diffLine{lines[i].Sign, clip(lines[i].Text)})
		i++
	}
	return shown
}

// changedNear reports whether a changed line lies within the context of line i.
func changedNear(lines []diffLine, i int) bool {
	for _, line := range lines[max(0, i-diffContext):min(len(lines), i+diffContext+1)] {
		if line.Sign != ' ' {
			return true
		}
	}
	return false
}

// clip shortens an overlong line.
func clip(line string) string {
	if utf8.RuneCountInString(line) <= maxDiffColumns {
		return line
	}
	return string([]rune(line)[:maxDiffColumns]) + "…"
}

// diffLines compares two texts line by line, by their longest common subsequence.
func diffLines(before, after string) []diffLine {
	a, b := strings.Split(before, "\n"), strings.Split(after, "\n")
	var head, tail []diffLine
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		head = append(head, diffLine{' ', a[0]})
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		tail = append(tail, diffLine{' ', a[len(a)-1]})
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	lines := append(head, diffMiddle(a, b)...)
	for i := len(tail) - 1; i >= 0; i-- {
		lines = append(lines, tail[i])
	}
	return lines
}

func diffMiddle(a, b []string) []diffLine {
	var lines []diffLine
	common := commonSuffixes(a, b)
	i, j := 0, 0
	for i < len(a) && j < len(b) && common != nil {
		switch {
		case a[i] == b[j]:
			lines = append(lines, diffLine{' ', a[i]})
			i, j = i+1, j+1
		case common[i+1][j] >= common[i][j+1]:
			lines = append(lines, diffLine{'-', a[i]})
			i++
		default:
			lines = append(lines, diffLine{'+', b[j]})
			j++
		}
	}
	for ; i < len(a); i++ {
		lines = append(lines, diffLine{'-', a[i]})
	}
	for ; j < len(b); j++ {
		lines = append(lines, diffLine{'+', b[j]})
	}
	return lines
}

// commonSuffixes gives, for every i and j, the length of the longest common subsequence of a[i:] and b[j:]; nil where
// that would be too much work.
func commonSuffixes(a, b []string) [][]int {
	if len(a)*len(b) > maxDiffCells {
		return nil
	}
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	return common
}
