package sandbox

import (
	"math"
	"regexp"
	"strconv"
	"testing"
)

// TestContrast holds the colours to WCAG 2.2 AA: 4.5:1 for text (1.4.3), 3:1 for borders and focus (1.4.11).
func TestContrast(t *testing.T) {
	colours := map[string][2]string{} // light, dark
	for _, m := range regexp.MustCompile(`--([a-z-]+): light-dark\((#\w{6}), (#\w{6})\)`).FindAllStringSubmatch(string(styleCSS), -1) {
		colours[m[1]] = [2]string{m[2], m[3]}
	}
	for _, pair := range []struct {
		front, back string
		least       float64
	}{
		{"text", "card", 4.5},
		{"muted", "card", 4.5},
		{"muted", "page", 4.5},
		{"brand", "page", 4.5},
		{"brand", "card", 4.5},
		{"on-brand", "brand", 4.5},
		{"line", "card", 3},
	} {
		for theme, name := range []string{"light", "dark"} {
			front, back := luminance(t, colours[pair.front][theme]), luminance(t, colours[pair.back][theme])
			if ratio := (max(front, back) + 0.05) / (min(front, back) + 0.05); ratio < pair.least {
				t.Errorf("%s on %s in the %s theme: %.2f, want %.1f", pair.front, pair.back, name, ratio, pair.least)
			}
		}
	}
}

// luminance is the relative luminance of WCAG 2.2.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	if len(colour) != 7 {
		t.Fatalf("colour %q, want #rrggbb", colour)
	}
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		if c := float64(n) / 255; c <= 0.04045 {
			sum += weight * c / 12.92
		} else {
			sum += weight * math.Pow((c+0.055)/1.055, 2.4)
		}
	}
	return sum
}
