package views

import (
	"strings"
	"testing"

	"github.com/a-h/templ"
)

func TestUnseenCharactersAreSetApart(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "",
		"acme corp  42":               "acme corp  42",
		" a b  ":                      "[U+0020]a b[U+0020][U+0020]",
		"  ":                          "[U+0020][U+0020]",
		"a\u00a0b\u3000c\u2028":       "a[U+00A0]b[U+3000]c[U+2028]",
		"\u202ertl \u200fmarks\u2069": "[U+202E]rtl [U+200F]marks[U+2069]",
		"\u061ca\u200bb\u2060\ufeff":  "[U+061C]a[U+200B]b[U+2060][U+FEFF]",
		"soft\u00adhyphen":            "soft[U+00AD]hyphen",
		"a\u200db\u200cc\ufe0f":       "a[U+200D]b[U+200C]c[U+FE0F]",
		"\u200cstart":                 "[U+200C]start",
		"👩‍👧 🤷🏽‍♀️ می\u200cخواهم": "👩‍👧 🤷🏽‍♀️ می\u200cخواهم",
		"e\u0301 日本語 مرحبا":       "e\u0301 日本語 مرحبا",
		"\u3164\u034f\U000e0041":  "[U+3164][U+034F][U+E0041]",
		"a\tb\xff":                "a[U+0009]b\xff",
	} {
		shown, joined := "", ""
		for _, part := range textParts(text) {
			joined += part.Text
			if part.Code == "" {
				shown += part.Text
			} else {
				shown += "[" + part.Code + "]"
			}
		}
		if shown != want || joined != text {
			t.Errorf("%q: got %q of %q, want %q", text, shown, joined, want)
		}
	}
}

// Nothing may stand before or after a user id, not even a space, lest it be taken for part of it.
func TestVerbatimKeepsTheText(t *testing.T) {
	for _, id := range append(hostile, " ", "a  b", "\u200b") {
		page := parse(t, User(userPage(id, nil)))
		if got := page.all("h1")[0].text(); got != id {
			t.Errorf("heading: got %q, want %q", got, id)
		}
		if got := page.with(t, "data-copy-text", id).get("title"); got != "Copy user id" {
			t.Errorf("%q cannot be copied", id)
		}
		for _, unseen := range page.all("h1")[0].all("span") {
			if code := unseen.get("data-code"); !strings.HasPrefix(code, "U+") {
				t.Errorf("%q: %q is named %q", id, unseen.text(), code)
			}
		}
	}
}

// What a provider or an endpoint answers is as little to be trusted as a user id.
func TestAnswersOfOthersAreShownVerbatim(t *testing.T) {
	const text = "denied \u202eby\u200b"
	for name, page := range map[string]templ.Component{
		"connect": ConnectResult(ConnectResultPage{Message: text}),
		"webhook": deliveryResult(DeliveryRow{Excerpt: text}),
	} {
		if html := render(t, page); !strings.Contains(html, `data-code="U+202E"`) || !strings.Contains(html, `data-code="U+200B"`) {
			t.Errorf("%s: %s", name, html)
		}
	}
}
