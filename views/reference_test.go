package views

import (
	"strings"
	"testing"
)

func TestEveryOperationAndErrorHasItsAnchor(t *testing.T) {
	p := referencePage()
	page := parse(t, Reference(p))
	contents := page.with(t, "class", "toc")
	for _, group := range p.Groups {
		for _, op := range group.Operations {
			if heading := page.with(t, "id", op.ID); heading.Data != "h3" || strings.TrimSpace(heading.text()) != op.Summary {
				t.Errorf("%s is the anchor of <%s>", op.ID, heading.Data)
			}
			contents.with(t, "href", "#"+op.ID)
		}
	}
	for _, e := range p.Errors {
		if row := page.with(t, "id", "error-"+e.Code); !strings.Contains(row.text(), e.Doc) {
			t.Errorf("%s does not say what it means", e.Code)
		}
	}
}

func TestParagraphs(t *testing.T) {
	for doc, want := range map[string]int{"": 0, "one": 1, "one\nline": 1, "one\n\ntwo": 2} {
		if got := paragraphs(doc); len(got) != want {
			t.Errorf("%q: got %q", doc, got)
		}
	}
}
