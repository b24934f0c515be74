package integrations

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/patchbay/patchbay/models"
)

// Registry holds the integrations in force. It does not change and is safe for concurrent use.
type Registry struct {
	byName map[string]*models.Integration
	sorted []*models.Integration
}

// NewRegistry refuses a name that comes twice.
func NewRegistry(list ...models.Integration) (*Registry, error) {
	r := &Registry{byName: make(map[string]*models.Integration, len(list))}
	for i := range list {
		integration := &list[i]
		if other, ok := r.byName[integration.Name]; ok {
			return nil, fmt.Errorf("integration %q: expected one source, found %s and %s",
				integration.Name, place(other.Source), place(integration.Source))
		}
		r.byName[integration.Name] = integration
		r.sorted = append(r.sorted, integration)
	}
	slices.SortFunc(r.sorted, func(a, b *models.Integration) int { return cmp.Compare(a.Name, b.Name) })
	return r, nil
}

func place(s models.Source) string {
	if s.File == "" {
		return string(s.Kind)
	}
	return fmt.Sprintf("%s:%d", s.File, s.Line)
}

// Find gives the integration called name.
func (r *Registry) Find(name string) (*models.Integration, bool) {
	integration, ok := r.byName[name]
	return integration, ok
}

// List gives every integration, sorted by name.
func (r *Registry) List() []*models.Integration { return slices.Clone(r.sorted) }
