package integrations

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	yaml "go.yaml.in/yaml/v4"

	"github.com/patchbay/patchbay/models"
)

// Bounds of what one file can grow to: aliases and variables can make a small file huge, and its faults countless.
const (
	maxTotalBytes = 4 << 20
	maxFaults     = 100
)

// reader turns the nodes of one text into integrations and collects every fault on the way.
type reader struct {
	file         string
	env          func(string) (string, bool) // nil where no environment variable may be read
	definition   bool                        // the text is a definition, not a file
	catalogue    catalogue
	integrations []models.Integration
	unexpanded   map[string]string // of the integration being read
	faults       []Fault
	totalBytes   int
	stopped      bool // by a bound; what comes after is neither read nor reported
}

// value is the value of one key. Its path is what messages call it; name is the same with every key in full.
type value struct {
	node *yaml.Node
	key  *yaml.Node
	path string
	name string
}

func (v value) child(key, node *yaml.Node) value {
	path, name := shown(key.Value), key.Value
	if v.path != "" {
		path, name = v.path+"."+path, v.name+"."+name
	}
	return value{node: node, key: key, path: path, name: name}
}

func (r *reader) faultAt(line, column int, format string, args ...any) {
	r.add(Fault{Line: line, Column: column, Message: fmt.Sprintf(format, args...)})
}

func (r *reader) add(f Fault) {
	if r.stopped {
		return
	}
	f.File = r.file
	r.faults = append(r.faults, f)
	if len(r.faults) == maxFaults {
		r.stopped = true
		f.Path, f.Message = "", fmt.Sprintf("expected fewer than %d faults; reading stopped here", maxFaults)
		r.faults = append(r.faults, f)
	}
}

func (r *reader) fault(v value, format string, args ...any) {
	r.add(Fault{Line: v.node.Line, Column: v.node.Column, Path: v.path, Message: fmt.Sprintf(format, args...)})
}

// faultAtKey reports a fault at the key of v: of the key itself, or of something that v lacks.
func (r *reader) faultAtKey(v value, path, format string, args ...any) {
	r.fault(value{node: v.key, path: path}, format, args...)
}

func (r *reader) sortedFaults() *Faults {
	slices.SortStableFunc(r.faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return &Faults{List: r.faults}
}

// spend reports whether n more bytes are within the bounds of the file.
func (r *reader) spend(v value, n int) bool {
	r.totalBytes += n
	if r.totalBytes > maxTotalBytes {
		r.fault(v, "expected at most %d bytes in all, with aliases and variables replaced", maxTotalBytes)
		r.stopped = true
	}
	return !r.stopped
}

// pairs gives the keys of a mapping with their values, each key once. ok is false where v is no mapping.
func (r *reader) pairs(v value) (pairs []value, ok bool) {
	node := resolve(v.node)
	if node.Kind != yaml.MappingNode {
		r.fault(v, "expected a mapping, found %s", kindOf(node))
		return nil, false
	}
	seen := make(map[string]int)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := resolve(node.Content[i])
		pair := v.child(key, node.Content[i+1])
		first, again := seen[key.Value]
		switch {
		case !r.spend(pair, len(key.Value)+1):
			return pairs, true
		case key.Kind != yaml.ScalarNode:
			r.fault(value{node: key, path: v.path}, "expected a text as the key, found %s", kindOf(key))
		case again:
			r.faultAtKey(pair, pair.path, "expected each key once, found it already on line %d", first)
		default:
			seen[key.Value] = key.Line
			pairs = append(pairs, pair)
		}
	}
	return pairs, true
}

// mapping reads each key of v with the function known for it. The keys it found are nil where v is no mapping.
func (r *reader) mapping(v value, known map[string]func(value)) (found map[string]bool) {
	pairs, ok := r.pairs(v)
	if !ok {
		return nil
	}
	found = make(map[string]bool, len(pairs))
	for _, pair := range pairs {
		read, ok := known[pair.key.Value]
		if !ok {
			r.faultAtKey(pair, pair.path, "%s", unknown("key", pair.key.Value, slices.Sorted(maps.Keys(known))))
			continue
		}
		found[pair.key.Value] = true
		read(pair)
	}
	return found
}

// textTags are the types whose exact text is kept: an unquoted 0123 or 1.0 stays as typed.
var textTags = []string{"!!str", "!!int", "!!float", "!!bool", "!!timestamp"}

func resolve(node *yaml.Node) *yaml.Node {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}

func kindOf(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.MappingNode:
		return "a mapping"
	case node.Kind == yaml.SequenceNode:
		return "a list"
	case node.ShortTag() == "!!null":
		return "nothing"
	case slices.Contains(textTags, node.ShortTag()):
		return "a text"
	}
	return "a text with a tag; quote one that begins with !"
}

// shown is a word from the file as messages repeat it: short, and quoted where it would not stay on its line.
func shown(word string) string {
	word = clip(word)
	if strings.ContainsFunc(word, func(c rune) bool { return !unicode.IsGraphic(c) }) {
		return strconv.Quote(word)
	}
	return word
}

func clip(word string) string {
	if runes := []rune(word); len(runes) > 40 {
		return string(runes[:40]) + "…"
	}
	return word
}
