package models

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Merge applies an RFC 7396 merge patch. Values that the patch does not touch keep their exact text, and keys their
// order; a patch that changes nothing keeps all of the text. It fails with invalid_config for a patch that is no valid configuration, or whose result is none.
func (c Config) Merge(patch string) (Config, error) {
	if _, err := ParseConfig(patch); err != nil {
		return "", err
	}
	return ParseConfig(string(merge(jsontext.Value(c), jsontext.Value(patch))))
}

// member is a key of an object, as text with its quotes, and the text of its value.
type member struct{ name, value jsontext.Value }

// merge is the MergePatch of RFC 7396 §2, on texts that are known to be valid.
func merge(target, patch jsontext.Value) jsontext.Value {
	if patch.Kind() != jsontext.KindBeginObject {
		return patch
	}
	merged := members(target)
	places := make(map[string]int, len(merged))
	for at, m := range merged {
		places[unquoted(m.name)] = at
	}
	changed := target.Kind() != jsontext.KindBeginObject
	for _, change := range members(patch) {
		name := unquoted(change.name)
		at, found := places[name]
		if !found {
			at = len(merged)
			merged = append(merged, member{name: change.name})
			places[name] = at
		}
		before := merged[at].value
		if change.value.Kind() == jsontext.KindNull {
			merged[at].value = nil
		} else {
			merged[at].value = merge(before, change.value)
		}
		changed = changed || !bytes.Equal(before, merged[at].value)
	}
	if !changed {
		return target
	}
	text := []byte{'{'}
	for _, m := range merged {
		if m.value == nil { // removed
			continue
		}
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = append(append(append(text, m.name...), ':'), m.value...)
	}
	return append(text, '}')
}

// members gives the members of an object, in order; none for anything else.
func members(object jsontext.Value) []member {
	if object.Kind() != jsontext.KindBeginObject {
		return nil
	}
	dec := jsontext.NewDecoder(strings.NewReader(string(object)), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	var found []member
	if _, err := dec.ReadToken(); err != nil {
		return nil
	}
	for dec.PeekKind() != jsontext.KindEndObject {
		name, err := dec.ReadValue()
		if err != nil {
			return found
		}
		name = name.Clone()
		value, err := dec.ReadValue()
		if err != nil {
			return found
		}
		found = append(found, member{name, value.Clone()})
	}
	return found
}

func unquoted(name jsontext.Value) string {
	text, err := jsontext.AppendUnquote(nil, name)
	if err != nil {
		return string(name) // a lone surrogate; as typed
	}
	return string(text)
}
