package integrations

import (
	"fmt"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"
	"golang.org/x/net/http/httpguts"
)

// Bounds of times.
const (
	maxTimeout = 24 * 60 * 60       // seconds
	maxLife    = 366 * 24 * 60 * 60 // seconds
)

// expanded gives the text of a scalar with its variables replaced.
func (r *reader) expanded(v value, placeholders scope) (string, bool) {
	node := resolve(v.node)
	if node.Kind != yaml.ScalarNode || !slices.Contains(textTags, node.ShortTag()) {
		r.fault(v, "expected a text, found %s", kindOf(node))
		return "", false
	}
	expanded, fault := expand(node.Value, r.env, placeholders)
	if fault != "" {
		r.fault(v, "%s", fault)
		return "", false
	}
	if expanded != node.Value {
		if r.unexpanded == nil {
			r.unexpanded = make(map[string]string)
		}
		r.unexpanded[v.name] = node.Value
	}
	return expanded, r.spend(v, len(expanded)+1)
}

// text reads any text.
func text[T ~string](r *reader, target *T, placeholders scope) func(value) {
	return func(v value) {
		expanded, _ := r.expanded(v, placeholders)
		*target = T(expanded)
	}
}

// word reads one of a few known words. What is found instead is repeated as typed, before variables are replaced.
func word[T ~string](r *reader, target *T, known ...T) func(value) {
	return func(v value) {
		expanded, ok := r.expanded(v, nil)
		switch {
		case !ok:
		case slices.Contains(known, T(expanded)):
			*target = T(expanded)
		default:
			r.fault(v, "expected %s, found %q", oneOf(known), clip(resolve(v.node).Value))
		}
	}
}

func oneOf[T ~string](known []T) string {
	var b strings.Builder
	for i, w := range known {
		switch {
		case i == 0:
		case i == len(known)-1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(string(w)))
	}
	return b.String()
}

func (r *reader) boolean(target *bool) func(value) {
	return func(v value) {
		var typed string
		word(r, &typed, "true", "false")(v)
		if typed != "" {
			*target = typed == "true"
		}
	}
}

func (r *reader) seconds(target *time.Duration, least, most int) func(value) {
	return func(v value) {
		expanded, ok := r.expanded(v, nil)
		if !ok {
			return
		}
		seconds, err := strconv.Atoi(expanded)
		if err != nil || seconds < least || seconds > most {
			r.fault(v, "expected a whole number of seconds from %d to %d", least, most)
			return
		}
		*target = time.Duration(seconds) * time.Second
	}
}

func (r *reader) texts(target *[]string) func(value) {
	return func(v value) {
		node := resolve(v.node)
		if node.Kind != yaml.SequenceNode {
			r.fault(v, "expected a list of texts, found %s", kindOf(node))
			return
		}
		for i, item := range node.Content {
			entry := value{node: item, path: fmt.Sprintf("%s[%d]", v.path, i), name: v.name}
			if !r.spend(entry, 1) {
				return
			}
			if expanded, ok := r.expanded(entry, nil); ok {
				*target = append(*target, expanded)
			}
		}
	}
}

func (r *reader) textMap(target *map[string]string, placeholders scope) func(value) {
	return func(v value) {
		pairs, _ := r.pairs(v)
		texts := make(map[string]string, len(pairs))
		for _, pair := range pairs {
			if expanded, ok := r.expanded(pair, placeholders); ok {
				texts[pair.key.Value] = expanded
			}
		}
		*target = texts
	}
}

// headers reads header fields (RFC 9110 §5), whose names do not depend on case.
func (r *reader) headers(target *map[string]string, placeholders scope) func(value) {
	return func(v value) {
		pairs, _ := r.pairs(v)
		headers := make(map[string]string, len(pairs))
		seen := make(map[string]int, len(pairs))
		for _, pair := range pairs {
			name := textproto.CanonicalMIMEHeaderKey(pair.key.Value)
			line, again := seen[name]
			seen[name] = pair.key.Line
			expanded, ok := r.expanded(pair, placeholders)
			switch {
			case !httpguts.ValidHeaderFieldName(pair.key.Value):
				r.faultAtKey(pair, pair.path, "expected a header name of letters, digits and !#$%%&'*+-.^_`|~")
			case again:
				r.faultAtKey(pair, pair.path, "expected each header once, found it already on line %d", line)
			case ok && !httpguts.ValidHeaderFieldValue(expanded):
				r.fault(pair, "expected a header value without line breaks and control characters")
			case ok:
				headers[pair.key.Value] = expanded
			}
		}
		*target = headers
	}
}

func (r *reader) url(target *string, placeholders scope) func(value) {
	return func(v value) {
		expanded, ok := r.expanded(v, placeholders)
		if !ok {
			return
		}
		if fault := urlFault(expanded); fault != "" {
			r.fault(v, "%s", fault)
			return
		}
		*target = expanded
	}
}

var placeholder = regexp.MustCompile(`\$\{[^}]*\}`)

// urlFault says what is wrong with a URL, whose placeholders may be filled with anything.
func urlFault(text string) string {
	u, err := url.Parse(placeholder.ReplaceAllString(text, "x"))
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return "expected an absolute URL that begins with https:// or http://"
	case u.User != nil:
		return "expected a URL without user name and password"
	case strings.Contains(text, "#"):
		return "expected a URL without a fragment (#)"
	}
	return ""
}
