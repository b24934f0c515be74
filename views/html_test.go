package views

import (
	"flag"
	"slices"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"golang.org/x/net/html"
)

// out is where TestPagesAreSound also writes the samples, to be looked at: go test ./views -args -out=tmp/pages
var out = flag.String("out", "", "directory to write every sample page to")

func render(t *testing.T, page templ.Component) string {
	t.Helper()
	var text strings.Builder
	if err := page.Render(t.Context(), &text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// node is an element of a parsed page.
type node struct{ *html.Node }

func parse(t *testing.T, page templ.Component) node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(render(t, page)))
	if err != nil {
		t.Fatal(err)
	}
	return node{root}
}

// all gives the elements with one of the given names below n, in order; every element where no name is given.
func (n node) all(names ...string) []node {
	var found []node
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && (len(names) == 0 || slices.Contains(names, d.Data)) {
			found = append(found, node{d})
		}
	}
	return found
}

// with gives the first element below n whose attribute has the given value.
func (n node) with(t *testing.T, key, value string) node {
	t.Helper()
	for _, e := range n.all() {
		if got, ok := e.attr(key); ok && got == value {
			return e
		}
	}
	t.Fatalf("found no element with %s=%q", key, value)
	return node{}
}

func (n node) attr(key string) (value string, ok bool) {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val, true
		}
	}
	return "", false
}

// get is the value of an attribute, or empty.
func (n node) get(key string) string {
	value, _ := n.attr(key)
	return value
}

func (n node) text() string {
	var text strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			text.WriteString(d.Data)
		}
	}
	return text.String()
}
