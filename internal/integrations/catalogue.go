package integrations

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v4"

	"github.com/patchbay/patchbay/internal/providers"
	"github.com/patchbay/patchbay/models"
)

// Providers gives every version of every provider of the catalogue: sorted by name, the newest version first.
func Providers() ([]models.Provider, error) {
	c := catalogue{providers.Files}
	var list []models.Provider
	for _, name := range c.names() {
		blueprints, err := c.read(name)
		if err != nil {
			return nil, fmt.Errorf("read the provider catalogue: %w", err)
		}
		for _, b := range blueprints {
			list = append(list, b.Provider)
		}
	}
	return list, nil
}

// catalogue finds providers in a folder that holds one file for each.
type catalogue struct{ files fs.FS }

const catalogueExtension = ".yaml"

// blueprint is one version of a provider, with the sections that integrations are laid over.
type blueprint struct {
	models.Provider
	number         int // of the version: 10 for v10
	auth, requests *yaml.Node
}

func (c catalogue) names() []string {
	files, _ := fs.Glob(c.files, "*"+catalogueExtension) // fails for bad patterns only
	for i, file := range files {
		files[i] = strings.TrimSuffix(file, catalogueExtension)
	}
	slices.Sort(files) // anew: google-drive.yaml comes before google.yaml
	return files
}

// find gives the blueprint that ref names, such as slack:v0, or its newest version for slack.
func (c catalogue) find(ref string) (*blueprint, error) {
	name, version, versioned := strings.Cut(ref, ":")
	names := c.names()
	if !slices.Contains(names, name) {
		return nil, errors.New(unknown("provider", name, names))
	}
	blueprints, err := c.read(name)
	if err != nil {
		return nil, err
	}
	var versions []string
	for i := range blueprints {
		if !versioned || blueprints[i].Version == version {
			return &blueprints[i], nil
		}
		versions = append(versions, blueprints[i].Version)
	}
	return nil, fmt.Errorf("%s of %s", unknown("version", version, versions), name)
}

// read gives every version of a provider, the newest first. It fails with *[Faults].
func (c catalogue) read(name string) ([]blueprint, error) {
	file := name + catalogueExtension
	data, err := fs.ReadFile(c.files, file)
	if err != nil {
		return nil, err
	}
	r := &reader{file: file}
	var blueprints []blueprint
	if root := r.document(data); root != nil {
		blueprints = r.provider(name, value{node: root, key: root})
	}
	if r.faults == nil && len(blueprints) == 0 {
		r.faultAt(1, 1, "expected a provider with at least one version, found none")
	}
	if r.faults != nil {
		return nil, r.sortedFaults()
	}
	return blueprints, nil
}

// provider reads a file of the catalogue.
func (r *reader) provider(name string, v value) []blueprint {
	about := models.Provider{Name: name, Scopes: []string{}}
	var versions value
	found := r.mapping(v, map[string]func(value){
		"display_name": text(r, &about.DisplayName, nil),
		"docs_url":     r.url(&about.DocsURL, nil),
		"console_url":  r.url(&about.ConsoleURL, nil),
		"setup_notes":  text(r, &about.SetupNotes, nil),
		"scopes":       r.texts(&about.Scopes),
		"versions":     keep(&versions),
	})
	r.require(v, found, "display_name", "docs_url", "console_url", "setup_notes", "versions")
	if versions.node == nil {
		return nil
	}
	var blueprints []blueprint
	pairs, _ := r.pairs(versions)
	for _, pair := range pairs {
		blueprints = append(blueprints, r.blueprint(pair, about))
	}
	slices.SortFunc(blueprints, func(a, b blueprint) int { return cmp.Compare(b.number, a.number) })
	return blueprints
}

var versionName = regexp.MustCompile(`^v(0|[1-9][0-9]{0,3})$`)

// blueprint reads one version: auth and requests, as integrations have them.
func (r *reader) blueprint(v value, about models.Provider) blueprint {
	if !versionName.MatchString(v.key.Value) {
		r.faultAtKey(v, v.path, "expected v and a number, such as v0")
	}
	var auth, requests value
	found := r.mapping(v, map[string]func(value){"auth": keep(&auth), "requests": keep(&requests)})
	r.require(v, found, "auth", "requests")

	var in models.Integration
	r.sections(&in, auth, requests)
	definition := in.Definition()
	about.Version, about.Auth, about.Requests = v.key.Value, definition.Auth, definition.Requests
	number, _ := strconv.Atoi(strings.TrimPrefix(about.Version, "v")) // 0 where that is a fault already
	return blueprint{Provider: about, number: number, auth: auth.node, requests: requests.node}
}
