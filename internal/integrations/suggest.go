package integrations

import "strings"

// unknown names the key, provider or version that was probably meant, or every one there is.
func unknown(what, word string, known []string) string {
	nearest, distance := "", 3 // two typing errors at most
	for _, candidate := range known {
		if d := editDistance(word, candidate); d < distance {
			nearest, distance = candidate, d
		}
	}
	if nearest != "" {
		return "unknown " + what + "; expected " + nearest
	}
	return "unknown " + what + "; expected one of " + strings.Join(known, ", ")
}

// editDistance counts the insertions, deletions and replacements of bytes between a and b (Levenshtein), or gives
// a large number where their lengths alone differ much.
func editDistance(a, b string) int {
	if len(a) > len(b)+2 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
