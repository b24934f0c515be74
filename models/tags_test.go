package models

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// numbered gives n different tags.
func numbered(n int) []string {
	tags := make([]string, n)
	for i := range tags {
		tags[i] = fmt.Sprint(i)
	}
	return tags
}

func TestParseTagsKeepsOrderAndDropsRepetitions(t *testing.T) {
	for name, test := range map[string]struct{ given, want []string }{
		"none":        {nil, []string{}},
		"empty":       {[]string{}, []string{}},
		"some":        {[]string{"b", "a"}, []string{"b", "a"}},
		"repeated":    {[]string{"b", "a", "b", "B"}, []string{"b", "a", "B"}},
		"other texts": {[]string{"a b", "é", "e\u0301", "日本", "🦊", `"'<&>`, "50%"}, []string{"a b", "é", "e\u0301", "日本", "🦊", `"'<&>`, "50%"}},
		"the longest": {[]string{strings.Repeat("x", MaxTagBytes)}, []string{strings.Repeat("x", MaxTagBytes)}},
		"the most":    {numbered(MaxTags), numbered(MaxTags)},
	} {
		got, err := ParseTags(test.given)
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v, -want +got\n%s", name, err, diff)
		}
	}
}

func TestParseTagsNamesEachFault(t *testing.T) {
	for _, test := range []struct {
		tags   []string
		fields string
	}{
		{[]string{"a", ""}, "tags[1]"},
		{[]string{" "}, "tags[0]"},
		{[]string{"a ", "b", "\u00a0c"}, "tags[0] tags[2]"},
		{[]string{"a\n"}, "tags[0]"},
		{[]string{"a\x00b"}, "tags[0]"},
		{[]string{"a\u0085b"}, "tags[0]"},
		{[]string{"a,b"}, "tags[0]"},
		{[]string{"\xff"}, "tags[0]"},
		{[]string{strings.Repeat("x", MaxTagBytes+1)}, "tags[0]"},
		{[]string{strings.Repeat("é", MaxTagBytes/2+1)}, "tags[0]"},
		{numbered(MaxTags + 1), "tags"},
		{append([]string{""}, numbered(MaxTags)...), "tags tags[0]"},
	} {
		got, err := ParseTags(test.tags)
		e := AsError(err)
		if e == nil || e.Code != CodeInvalidTags || e.Kind != KindInvalid || got != nil {
			t.Errorf("%.100q: %v, %v", test.tags, got, err)
			continue
		}
		var fields []string
		for _, f := range e.Fields {
			fields = append(fields, f.Field)
		}
		if strings.Join(fields, " ") != test.fields {
			t.Errorf("%.100q: faults of %s, want %s", test.tags, fields, test.fields)
		}
	}
}
