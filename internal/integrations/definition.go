package integrations

import (
	"fmt"

	yaml "go.yaml.in/yaml/v4"

	"github.com/patchbay/patchbay/internal/providers"
	"github.com/patchbay/patchbay/models"
)

// ParseDefinition reads the definition of one integration: a JSON object of at most 256 KiB with the keys that it would
// have in integrations.yaml. Environment variables are out of its reach: a ${NAME} that is no placeholder is a fault. The
// two flags by which [models.Definition] tells of secrets are allowed and change nothing. It fails with
// invalid_integration, which holds every fault with its place in the text.
func ParseDefinition(name string, definition []byte) (models.Integration, error) {
	if !models.ValidIntegrationName(name) {
		return models.Integration{}, invalidDefinition(models.FieldError{Field: "name", Message: expectedName})
	}
	r := &reader{definition: true, catalogue: catalogue{providers.Files}}
	var in models.Integration
	if root := r.jsonDocument(definition); root != nil {
		in = r.integration(value{node: root, key: &yaml.Node{Value: name, Line: 1, Column: 1}})
		in.Source = models.Source{Kind: models.SourceDatabase}
	}
	if r.faults == nil {
		return in, nil
	}
	var fields []models.FieldError
	for _, f := range r.sortedFaults().List {
		fields = append(fields, models.FieldError{Field: f.Path, Message: f.Message, Line: f.Line, Column: f.Column})
	}
	return models.Integration{}, invalidDefinition(fields...)
}

// invalidDefinition tells of the first fault in its message, and of all in its fields.
func invalidDefinition(fields ...models.FieldError) error {
	first, more := fields[0], ""
	if first.Field != "" {
		first.Message = first.Field + ": " + first.Message
	}
	if n := len(fields) - 1; n > 0 {
		more = fmt.Sprintf("; faults besides this one: %d", n)
	}
	return &models.Error{
		Kind: models.KindInvalid, Code: models.CodeInvalidIntegration,
		Message: "The definition of the integration is not valid: " + first.Message + more + ".",
		Fields:  fields,
	}
}
