package static

import (
	"math"
	"regexp"
	"strconv"
	"testing"
)

// color is linear sRGB.
type color [3]float64

// oklch converts from OKLCH (CSS Color 4 §8.3, §10.11): lightness and chroma as given there, hue in degrees. What sRGB
// cannot show is clipped.
func oklch(l, c, h float64) color {
	a, b := c*math.Cos(h*math.Pi/180), c*math.Sin(h*math.Pi/180)
	cube := func(v float64) float64 { return v * v * v }
	long := cube(l + 0.3963377774*a + 0.2158037573*b)
	medium := cube(l - 0.1055613458*a - 0.0638541728*b)
	short := cube(l - 0.0894841775*a - 1.2914855480*b)
	clip := func(v float64) float64 { return min(max(v, 0), 1) }
	return color{
		clip(4.0767416621*long - 3.3077115913*medium + 0.2309699292*short),
		clip(-1.2684380046*long + 2.6097574011*medium - 0.3413193965*short),
		clip(-0.0041960863*long - 0.7034186147*medium + 1.7076147010*short),
	}
}

// contrast is the ratio of WCAG 2.2, from 1 to 21.
func contrast(a, b color) float64 {
	luminance := func(c color) float64 { return 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2] }
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

var token = regexp.MustCompile(`--([a-z-]+): light-dark\(oklch\(([\d.]+)% ([\d.]+) ([\d.]+)\), oklch\(([\d.]+)% ([\d.]+) ([\d.]+)\)\)`)

// themes reads the colours of the light and the dark theme from the style sheet.
func themes(t *testing.T) map[string]map[string]color {
	t.Helper()
	found := map[string]map[string]color{"light": {}, "dark": {}}
	for _, match := range token.FindAllStringSubmatch(string(read("css/tokens.css")), -1) {
		var n [6]float64
		for i := range n {
			v, err := strconv.ParseFloat(match[i+2], 64)
			if err != nil {
				t.Fatal(err)
			}
			n[i] = v
		}
		found["light"][match[1]] = oklch(n[0]/100, n[1], n[2])
		found["dark"][match[1]] = oklch(n[3]/100, n[4], n[5])
	}
	return found
}

// Contrast demanded by WCAG 2.2, level AA.
const (
	textContrast    = 4.5 // §1.4.3
	graphicContrast = 3.0 // §1.4.11: edges of inputs, focus, lights
)

func TestContrast(t *testing.T) {
	type pair struct {
		front, back string
		least       float64
	}
	var pairs []pair
	for _, back := range []string{"bg", "surface", "raised"} {
		pairs = append(pairs, pair{"text", back, textContrast}, pair{"muted", back, textContrast}, pair{"focus", back, graphicContrast})
	}
	pairs = append(pairs,
		pair{"accent-text", "accent", textContrast}, pair{"accent-text", "accent-hover", textContrast},
		pair{"control", "surface", graphicContrast}, pair{"control", "bg", graphicContrast})
	for _, tone := range []string{"ok", "warn", "bad", "info", "idle"} {
		pairs = append(pairs,
			pair{tone, tone + "-tint", textContrast}, pair{tone, "surface", textContrast}, pair{tone, "bg", textContrast},
			pair{"text", tone + "-tint", textContrast}, pair{"muted", tone + "-tint", textContrast},
			pair{tone + "-light", "surface", graphicContrast}, pair{tone + "-light", tone + "-tint", graphicContrast})
	}
	for theme, colors := range themes(t) {
		for _, p := range pairs {
			front, okFront := colors[p.front]
			back, okBack := colors[p.back]
			if !okFront || !okBack {
				t.Fatalf("tokens.css has no colour %s or %s", p.front, p.back)
			}
			if got := contrast(front, back); got < p.least {
				t.Errorf("%s: %s on %s has %.2f, want %.1f", theme, p.front, p.back, got, p.least)
			}
		}
	}
}

func TestContrastOfMonograms(t *testing.T) {
	monogram := regexp.MustCompile(`(background|color): light-dark\(oklch\(([\d.]+)% ([\d.]+) var\(--hue\)\), oklch\(([\d.]+)% ([\d.]+) var\(--hue\)\)\)`)
	css := string(read("css/components.css"))
	parts := monogram.FindAllStringSubmatch(css, -1)
	if len(parts) != 2 {
		t.Fatalf("found %d colours of monograms, want 2", len(parts))
	}
	number := func(s string) float64 {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, match := range regexp.MustCompile(`--hue: (\d+)`).FindAllStringSubmatch(css, -1) {
		for theme, at := range map[string]int{"light": 2, "dark": 4} {
			var c [2]color
			for i, part := range parts {
				c[i] = oklch(number(part[at])/100, number(part[at+1]), number(match[1]))
			}
			if got := contrast(c[0], c[1]); got < textContrast {
				t.Errorf("%s, hue %s: got %.2f, want %.1f", theme, match[1], got, textContrast)
			}
		}
	}
}
