package views

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/static"
	"golang.org/x/net/html"
)

func TestPagesAreSound(t *testing.T) {
	for _, s := range samples() {
		t.Run(s.name, func(t *testing.T) {
			text := render(t, s.page)
			if *out != "" {
				if err := os.WriteFile(filepath.Join(*out, s.name+".html"), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			checkNesting(t, text)
			page := parse(t, s.page)
			if got := len(page.all("h1")); got != 1 {
				t.Errorf("got %d h1, want 1", got)
			}
			if got := page.all("title")[0].text(); !strings.HasSuffix(got, " · Patchbay") {
				t.Errorf("title %q does not name the product", got)
			}
			checkReferences(t, page)
			checkControls(t, page)
			checkTables(t, page)
			checkPolicy(t, page)
		})
	}
}

// checkNesting finds elements that are closed in another order than they were opened, which a parser mends silently.
func checkNesting(t *testing.T, text string) {
	void := []string{"meta", "link", "input", "br"}
	var open []string
	for z := html.NewTokenizer(strings.NewReader(text)); ; {
		switch z.Next() {
		case html.ErrorToken:
			if len(open) > 0 {
				t.Errorf("never closed: %q", open)
			}
			return
		case html.StartTagToken:
			if name, _ := z.TagName(); !slices.Contains(void, string(name)) {
				open = append(open, string(name))
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if len(open) == 0 || open[len(open)-1] != string(name) {
				t.Fatalf("</%s> closes %q", name, open)
			}
			open = open[:len(open)-1]
		}
	}
}

// checkReferences finds ids given twice and references to none.
func checkReferences(t *testing.T, page node) {
	ids := map[string]bool{}
	for _, e := range page.all() {
		if id, ok := e.attr("id"); ok {
			if ids[id] {
				t.Errorf("the id %q is given twice", id)
			}
			ids[id] = true
		}
	}
	for _, e := range page.all() {
		targets := append(strings.Fields(e.get("aria-describedby")), e.get("for"), e.get("form"))
		if href := e.get("href"); strings.HasPrefix(href, "#") {
			targets = append(targets, href[1:])
		}
		for _, target := range targets {
			if target != "" && !ids[target] {
				t.Errorf("<%s> refers to %q, which is nowhere", e.Data, target)
			}
		}
	}
}

// checkControls finds inputs without a label, buttons without a name or type, and forms that lead nowhere.
func checkControls(t *testing.T, page node) {
	labelled := map[string]bool{}
	for _, label := range page.all("label") {
		labelled[label.get("for")] = strings.TrimSpace(label.text()) != ""
	}
	for _, e := range page.all("input", "select", "textarea") {
		if e.get("type") != "hidden" && !labelled[e.get("id")] {
			t.Errorf("%s %q has no label", e.Data, e.get("name"))
		}
	}
	for _, b := range page.all("button") {
		if strings.TrimSpace(b.text()) == "" || b.get("type") == "" {
			t.Errorf("button %q has no name or no type", b.text())
		}
	}
	for _, f := range page.all("form") {
		if !strings.HasPrefix(f.get("action"), "/") || (f.get("method") != "post" && f.get("method") != "get") {
			t.Errorf("form leads to %q by %q", f.get("action"), f.get("method"))
		}
	}
}

func checkTables(t *testing.T, page node) {
	for _, table := range page.all("table") {
		if len(table.all("caption")) != 1 {
			t.Error("a table has no caption")
		}
		for _, th := range table.all("th") {
			if th.get("scope") == "" {
				t.Errorf("header %q has no scope", th.text())
			}
		}
		for _, row := range table.all("tbody")[0].all("td", "th") {
			if row.get("data-label") == "" {
				t.Errorf("cell %q has no label for narrow screens", row.text())
			}
		}
	}
}

// checkPolicy finds what the Content-Security-Policy would block, and addresses that are not ours or https.
func checkPolicy(t *testing.T, page node) {
	for _, e := range page.all() {
		for _, a := range e.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				t.Errorf("<%s> has %s=%q", e.Data, a.Key, a.Val)
			}
			if a.Key == "href" && !regexp.MustCompile(`^(/[^/]|/$|#)`).MatchString(a.Val) {
				t.Errorf("<%s> leads to %q", e.Data, a.Val)
			}
		}
		if e.Data == "script" && (e.text() != "" || !strings.HasPrefix(e.get("src"), "/static/")) {
			t.Errorf("a script from %q holds %q", e.get("src"), e.text())
		}
		if e.Data == "style" {
			t.Error("a style sheet is inline")
		}
	}
}

func TestSpriteHoldsTheIconsInUse(t *testing.T) {
	w := httptest.NewRecorder()
	static.Handler().ServeHTTP(w, httptest.NewRequest("GET", static.URL("icons.svg"), nil))
	drawn, used := map[string]bool{}, map[string]bool{}
	for _, match := range regexp.MustCompile(`<symbol id="([^"]+)"`).FindAllStringSubmatch(w.Body.String(), -1) {
		drawn[match[1]] = true
	}
	for _, s := range samples() {
		for _, use := range parse(t, s.page).all("use") {
			_, name, _ := strings.Cut(use.get("href"), "#")
			used[name] = true
			if !drawn[name] {
				t.Errorf("%s: there is no icon %q", s.name, name)
			}
		}
	}
	for name := range drawn {
		if !used[name] {
			t.Errorf("no page uses the icon %q", name)
		}
	}
}
