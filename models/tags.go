package models

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a connection's tags.
const (
	MaxTags     = 50
	MaxTagBytes = 100
)

// ParseTags checks tags and drops repetitions, keeping the order. It fails with invalid_tags and a field, such as tags[2],
// for each fault.
func ParseTags(tags []string) ([]string, error) {
	var fields []FieldError
	fault := func(field, message string) {
		fields = append(fields, FieldError{Field: field, Message: message})
	}
	if len(tags) > MaxTags {
		fault("tags", fmt.Sprintf("A connection has at most %d tags, these are %d.", MaxTags, len(tags)))
		tags = tags[:MaxTags]
	}
	kept, seen := []string{}, map[string]bool{}
	for i, tag := range tags {
		switch {
		case tag == "" || strings.TrimSpace(tag) != tag:
			fault(fmt.Sprintf("tags[%d]", i), "A tag is not empty and has no space around it.")
		case len(tag) > MaxTagBytes:
			fault(fmt.Sprintf("tags[%d]", i), fmt.Sprintf("A tag has at most %d bytes.", MaxTagBytes))
		case !utf8.ValidString(tag) || strings.ContainsFunc(tag, unicode.IsControl) || strings.Contains(tag, ","):
			fault(fmt.Sprintf("tags[%d]", i), "A tag is valid UTF-8 without control characters and commas.")
		case !seen[tag]:
			seen[tag] = true
			kept = append(kept, tag)
		}
	}
	if fields != nil {
		return nil, &Error{Kind: KindInvalid, Code: CodeInvalidTags, Message: "The tags are not valid: " + fields[0].Field + ": " + fields[0].Message, Fields: fields}
	}
	return kept, nil
}
