package integrations

import (
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// extend lays auth and requests over those of the provider that v names, and gives its name and version (slack:v0). It
// gives neither section where there is no such provider, because the rest of them would be reported as missing.
func (r *reader) extend(v, auth, requests value) (provider string, extendedAuth, extendedRequests value) {
	ref, ok := r.expanded(v, nil)
	if !ok {
		return "", value{}, value{}
	}
	b, err := r.catalogue.find(ref)
	if err != nil {
		r.fault(v, "%s", err)
		return "", value{}, value{}
	}
	return b.Ref(), v.extended("auth", auth, b.auth), v.extended("requests", requests, b.requests)
}

// extended lays a section of an integration, if it has one, over that of the provider named by v. What comes from the
// provider has its place in the file at v.
func (v value) extended(name string, section value, base *yaml.Node) value {
	move(base, v.node)
	if section.node == nil {
		return value{node: base, key: v.key, path: name, name: name}
	}
	section.node = over(section.node, base, exactly)
	return section
}

// move gives a node of the catalogue, and all below it, the place of another node. The catalogue is read anew for each
// use, so that its nodes belong to nobody else.
func move(node, place *yaml.Node) {
	node.Line, node.Column = place.Line, place.Column
	for _, child := range node.Content {
		move(child, place)
	}
}

// exactly compares keys as they are written.
func exactly(key string) string { return key }

// over lays one node over another: mappings key by key, anything else as a whole. Keys are compared as folded by fold.
// Neither node is changed, because aliases share them.
func over(node, base *yaml.Node, fold func(string) string) *yaml.Node {
	top := resolve(node)
	if top.Kind != yaml.MappingNode || base.Kind != yaml.MappingNode {
		return node
	}
	merged := *top
	merged.Content = nil
	below := make(map[string]*yaml.Node)
	for i := 0; i+1 < len(base.Content); i += 2 {
		below[fold(base.Content[i].Value)] = base.Content[i+1]
	}
	taken := make(map[string]bool)
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, node := top.Content[i], top.Content[i+1]
		name := resolve(key).Value
		if beneath := below[fold(name)]; beneath != nil {
			inner := exactly
			if name == "headers" { // whose names do not depend on case
				inner = strings.ToLower
			}
			node = over(node, beneath, inner)
			taken[fold(name)] = true
		}
		merged.Content = append(merged.Content, key, node)
	}
	for i := 0; i+1 < len(base.Content); i += 2 {
		if !taken[fold(base.Content[i].Value)] {
			merged.Content = append(merged.Content, base.Content[i], base.Content[i+1])
		}
	}
	return &merged
}
