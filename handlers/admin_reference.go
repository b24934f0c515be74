package handlers

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/views"
)

// tagDocs introduce the groups of operations.
var tagDocs = map[string]string{
	tagConnections:  "A connection is one pair of integration and user id, with its credentials and your additionalConfig.",
	tagCredentials:  "Credentials are given out fresh, to keys that have a scope of its own; every read is counted.",
	tagConnect:      "A connect session lets one of your users connect integrations in the browser.",
	tagIntegrations: "An integration is one external API as you configured it; the catalogue of providers has what they need.",
	tagHistory:      "Who did what, and what happened to connections.",
}

// reference shows the API as a page, made from the same routes as the OpenAPI document.
func (s *server) reference(c echo.Context) error {
	groups, codes := s.referenceParts()
	page := views.ReferencePage{
		Shell: s.shell(c, "API reference", views.NavReference), BaseURL: s.RootURL.String() + apiPrefix, Spec: apiPrefix + "/openapi.json",
		Groups: groups, Errors: codes,
	}
	return render(c, http.StatusOK, views.Reference(page))
}

// referenceOf describes operations, in groups, and the codes they end in.
func referenceOf(routes []apiRoute) (groups []views.ReferenceGroup, codes []views.ReferenceError) {
	document := apiDocument(routes)
	for _, r := range routes {
		at := slices.IndexFunc(groups, func(g views.ReferenceGroup) bool { return g.Name == r.tag })
		if at < 0 {
			at = len(groups)
			id := strings.ToLower(strings.ReplaceAll(r.tag, " ", "-"))
			groups = append(groups, views.ReferenceGroup{ID: id, Name: r.tag, Doc: tagDocs[r.tag]})
		}
		groups[at].Operations = append(groups[at].Operations, r.reference(document))
	}
	for _, code := range slices.Sorted(maps.Keys(errorCodes)) {
		codes = append(codes, referenceError(code))
	}
	return groups, codes
}

func referenceError(code string) views.ReferenceError {
	e := errorCodes[code]
	return views.ReferenceError{Code: code, Status: statuses[e.kind], Doc: e.meaning}
}

func (r apiRoute) reference(document *huma.OpenAPI) views.ReferenceOperation {
	registry := document.Components.Schemas
	described := r.document(registry)
	o := views.ReferenceOperation{
		ID: r.operationID, Method: r.method, Path: strings.TrimPrefix(r.template(), apiPrefix), Summary: r.summary, Doc: r.description,
		Scope: string(r.scope), Session: r.open,
	}
	for _, p := range described.Parameters {
		o.Parameters = append(o.Parameters, views.ReferenceField{
			Name: p.Name, In: p.In, Type: typeOf(p.Schema), Required: p.Required, Doc: p.Description, Example: pathExamples[p.Name],
		})
	}
	if r.body != nil {
		schema := resolve(registry, schemaOf(registry, r.body))
		o.Body, o.Example = fieldsOf(schema), indented(cmp.Or(bodyExamples[r.operationID], exampleOf(registry, schema)))
	}
	response := views.ReferenceResponse{Status: r.status}
	if r.answer != nil {
		response.Example = indented(cmp.Or(answerExamples[r.operationID], exampleOf(registry, schemaOf(registry, r.answer))))
	}
	o.Responses = []views.ReferenceResponse{response}
	for _, code := range r.allErrors() {
		o.Errors = append(o.Errors, referenceError(code))
	}
	return o
}

// pathExamples fill the parameters of example requests.
var pathExamples = map[string]string{"integration": "slack", "userId": "42", "action": "notify", "id": "ID_OR_TOKEN", "provider": "github"}

// bodyExamples are requests of which the schema alone makes no good example.
var bodyExamples = map[string]string{
	"registerConnection":          `{"integration":"slack","userId":"42","credentials":{"access_token":"…","refresh_token":"…","expires_in":3600},"additionalConfig":{"channelId":"C1"},"tags":["vip"]}`,
	"updateConnectionConfig":      `{"channelId":"C1"}`,
	"patchConnectionConfig":       `{"channelId":"C2","obsolete":null}`,
	"setConnectionTags":           `["vip","eu"]`,
	"updateConnectionCredentials": `{"access_token":"…","refresh_token":"…","expires_in":3600}`,
	"triggerAction":               `{"msg":"hello"}`,
	"createConnectSession":        `{"userId":"42","userLabel":"Ada","integrations":["slack"],"returnUrl":"https://app.example.com/connected"}`,
	"redeemClaim":                 `{"claim":"…","userId":"42"}`,
	"createIntegration":           `{"name":"github","provider":"github","oauth_client_id":"…","oauth_client_secret":"…","oauth_scopes":["repo"]}`,
	"updateIntegration":           `{"oauth_scopes":["repo","read:user"]}`,
}

// answerExamples are answers of which the schema alone makes no good example.
var answerExamples = map[string]string{
	operationGetCredentials: `{"uuid":"5f0c6a2e-9a0b-4c1d-8e2f-3a4b5c6d7e8f","integration":"slack","userId":"42","credentials":` +
		`{"type":"OAUTH2","access_token":"…","expires_at":"2026-03-01T12:00:00Z","refresh_token":"…","raw":{"access_token":"…"}}}`,
	"getConnectionConfig": `{"channelId":"C1"}`,
	"triggerAction":       `{"result":{"ok":true},"runId":"…"}`,
}

func resolve(registry huma.Registry, s *huma.Schema) *huma.Schema {
	if s.Ref != "" {
		return registry.SchemaFromRef(s.Ref)
	}
	return s
}

func fieldsOf(s *huma.Schema) []views.ReferenceField {
	var fields []views.ReferenceField
	for _, name := range propertyOrder(s) {
		property := s.Properties[name]
		fields = append(fields, views.ReferenceField{
			Name: name, Type: typeOf(property), Required: slices.Contains(s.Required, name), Doc: property.Description,
		})
	}
	return fields
}

// propertyOrder gives the properties of a schema: the required ones first.
func propertyOrder(s *huma.Schema) []string {
	return slices.SortedFunc(maps.Keys(s.Properties), func(a, b string) int {
		rank := func(name string) int {
			if at := slices.Index(s.Required, name); at >= 0 {
				return at
			}
			return len(s.Required)
		}
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
	})
}

func typeOf(s *huma.Schema) string {
	switch {
	case s.Ref != "":
		return "object"
	case len(s.OneOf) > 0:
		return "object or null"
	case s.Type == huma.TypeArray:
		return "list of " + typeOf(s.Items) + "s"
	case s.Format == "date-time":
		return "time"
	case s.Type == "":
		return "any"
	}
	return s.Type
}

// exampleOf makes a value that a schema describes, as JSON.
func exampleOf(registry huma.Registry, s *huma.Schema) string {
	s = resolve(registry, s)
	switch {
	case len(s.Examples) > 0:
		return encoded(s.Examples[0])
	case len(s.OneOf) > 0:
		return "null"
	case len(s.Enum) > 0:
		return encoded(s.Enum[0])
	case s.Type == huma.TypeArray:
		return "[" + exampleOf(registry, s.Items) + "]"
	case s.Type == huma.TypeObject:
		var members []string
		for _, name := range propertyOrder(s) {
			if slices.Contains(s.Required, name) {
				members = append(members, encoded(name)+":"+exampleOf(registry, s.Properties[name]))
			}
		}
		return "{" + strings.Join(members, ",") + "}"
	case s.Type == huma.TypeBoolean:
		return "false"
	case s.Type == huma.TypeInteger || s.Type == huma.TypeNumber:
		return "1"
	}
	return encoded(formatExamples[s.Format])
}

var formatExamples = map[string]string{
	"": "…", "date-time": "2026-03-01T12:00:00Z", "uuid": "5f0c6a2e-9a0b-4c1d-8e2f-3a4b5c6d7e8f", "uri": "https://connect.example.com/…",
}

func encoded(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Errorf("encode an example: %w", err)) // examples are made of words
	}
	return string(text)
}

func indented(text string) string {
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(text), "", "  "); err != nil {
		panic(fmt.Errorf("indent an example: %w", err))
	}
	return b.String()
}
