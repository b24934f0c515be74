package integrations

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	yaml "go.yaml.in/yaml/v4"

	"github.com/patchbay/patchbay/models"
)

// jsonDocument gives the nodes of a JSON object, or nil where it cannot be read. The YAML parser would refuse some valid
// JSON: surrogate pairs such as \ud83d\ude00, and long keys.
func (r *reader) jsonDocument(data []byte) *yaml.Node {
	object, err := models.ParseConfig(string(data)) // bounds size and depth, and finds duplicate keys
	if err != nil {
		for _, f := range models.AsError(err).Fields {
			place := fmt.Sprintf("line %d, column %d: ", f.Line, f.Column)
			r.faultAt(f.Line, f.Column, "%s", strings.TrimPrefix(f.Message, place))
		}
		return nil
	}
	text := string(object)
	n := &jsonNodes{decoder: jsontext.NewDecoder(strings.NewReader(text)), text: text, line: 1, column: 1}
	root, err := n.next()
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		line, column := models.Position(text, int(syntax.ByteOffset))
		r.faultAt(line, column, "expected no half of a surrogate pair")
		return nil
	}
	return root
}

// jsonNodes makes nodes of JSON text, in one pass.
type jsonNodes struct {
	decoder      *jsontext.Decoder
	text         string
	at           int // the byte offset of line and column
	line, column int
}

// next gives the next value, or the next key of an object. The only error of text that ParseConfig has accepted is half of
// a surrogate pair.
func (n *jsonNodes) next() (*yaml.Node, error) {
	switch n.decoder.PeekKind() {
	case jsontext.KindBeginObject:
		return n.collection(yaml.MappingNode, "!!map", jsontext.KindEndObject)
	case jsontext.KindBeginArray:
		return n.collection(yaml.SequenceNode, "!!seq", jsontext.KindEndArray)
	}
	return n.scalar()
}

func (n *jsonNodes) collection(kind yaml.Kind, tag string, end jsontext.Kind) (*yaml.Node, error) {
	if _, err := n.decoder.ReadToken(); err != nil {
		return nil, err
	}
	node := n.node(1)
	node.Kind, node.Tag = kind, tag
	for n.decoder.PeekKind() != end {
		element, err := n.next()
		if err != nil {
			return nil, err
		}
		node.Content = append(node.Content, element)
	}
	_, err := n.decoder.ReadToken()
	return node, err
}

func (n *jsonNodes) scalar() (*yaml.Node, error) {
	raw, err := n.decoder.ReadValue()
	if err != nil {
		return nil, err
	}
	node := n.node(len(raw))
	node.Kind, node.Value = yaml.ScalarNode, string(raw)
	switch raw.Kind() {
	case jsontext.KindString:
		unquoted, err := jsontext.AppendUnquote(nil, raw)
		node.Tag, node.Value = "!!str", string(unquoted)
		return node, err
	case jsontext.KindNumber:
		node.Tag = "!!float"
	case jsontext.KindNull:
		node.Tag = "!!null"
	default:
		node.Tag = "!!bool"
	}
	return node, nil
}

// node gives a node with the place of the token of the given length that was read last.
func (n *jsonNodes) node(length int) *yaml.Node {
	at := int(n.decoder.InputOffset()) - length
	passed := n.text[n.at:at]
	n.at = at
	if newline := strings.LastIndexByte(passed, '\n'); newline >= 0 {
		n.line += strings.Count(passed, "\n")
		n.column = 1
		passed = passed[newline+1:]
	}
	n.column += utf8.RuneCountInString(passed)
	return &yaml.Node{Line: n.line, Column: n.column}
}
