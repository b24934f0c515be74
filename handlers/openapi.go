package handlers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/models"
)

// apiVersion is the version of the API's description (semantic versioning): it moves with every change of the document.
const apiVersion = "1.2.0"

var pathParameter = regexp.MustCompile(`:(\w+)`)

// template gives the route's path as OpenAPI writes it.
func (r apiRoute) template() string {
	return apiPrefix + pathParameter.ReplaceAllString(r.path, "{$1}")
}

var pathDocs = map[string]string{
	"action":      "Name of the action.",
	"delivery":    "Id of the delivery.",
	"id":          "Id or token of the connect session.",
	"integration": "Name of the integration.",
	"provider":    "Name of the provider, with or without a version.",
	"userId":      "The user's id in your application, percent-encoded: / is %2F.",
	"webhook":     "Id of the webhook endpoint.",
}

// apiDocument describes the API as OpenAPI 3.1, from the route table and the types of bodies.
func apiDocument(routes []apiRoute) *huma.OpenAPI {
	registry := huma.NewMapRegistry("#/components/schemas/", schemaName)
	document := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Patchbay", Version: apiVersion, License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			Description: "Connections of your users to external APIs: their credentials, fresh, and your configuration for each.",
		},
		Servers:  []*huma.Server{{URL: "/"}},
		Security: []map[string][]string{{"apiKey": {}}},
		Paths:    map[string]*huma.PathItem{},
		Components: &huma.Components{
			Schemas: registry,
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"apiKey":         {Type: "http", Scheme: "bearer", Description: "An API key of the dashboard, of the command apikey create, or of PATCHBAY_API_KEY."},
				"connectSession": {Type: "http", Scheme: "bearer", Description: "The token of a connect session, in the browser of its user."},
			},
		},
	}
	for _, r := range routes {
		item := document.Paths[r.template()]
		if item == nil {
			item = &huma.PathItem{}
			document.Paths[r.template()] = item
		}
		operation := r.document(registry)
		switch r.method {
		case http.MethodGet:
			item.Get = operation
		case http.MethodPost:
			item.Post = operation
		case http.MethodPut:
			item.Put = operation
		case http.MethodPatch:
			item.Patch = operation
		case http.MethodDelete:
			item.Delete = operation
		}
	}
	return document
}

func (r apiRoute) document(registry huma.Registry) *huma.Operation {
	o := &huma.Operation{
		OperationID: r.operationID, Tags: []string{r.tag}, Summary: r.summary, Description: r.description, Responses: map[string]*huma.Response{},
	}
	switch {
	case r.open:
		o.Security = []map[string][]string{{"connectSession": {}}}
	case r.scope != "":
		o.Description = strings.TrimSpace(o.Description + "\n\nScope: `" + string(r.scope) + "`")
	}
	r.documentParameters(o, registry)
	if r.body != nil {
		kind := r.bodyType
		if kind == "" {
			kind = echo.MIMEApplicationJSON
		}
		o.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{kind: {Schema: schemaOf(registry, r.body)}}}
	}
	success := &huma.Response{Description: http.StatusText(r.status)}
	if r.answer != nil {
		success.Content = map[string]*huma.MediaType{echo.MIMEApplicationJSON: {Schema: schemaOf(registry, r.answer)}}
	}
	if _, ok := r.answer.(apiConnection); ok {
		success.Headers = map[string]*huma.Param{"ETag": {Description: "Version of the connection, for If-Match.", Schema: &huma.Schema{Type: huma.TypeString}}}
	}
	o.Responses[strconv.Itoa(r.status)] = success
	for status, codes := range r.errorsByStatus() {
		lines := make([]string, len(codes))
		for i, code := range codes {
			lines[i] = fmt.Sprintf("`%s`: %s", code, errorCodes[code].meaning)
		}
		o.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: strings.Join(lines, "\n\n"), Content: map[string]*huma.MediaType{echo.MIMEApplicationJSON: {Schema: schemaOf(registry, errorBody{})}},
		}
	}
	return o
}

func (r apiRoute) documentParameters(o *huma.Operation, registry huma.Registry) {
	for _, match := range pathParameter.FindAllStringSubmatch(r.path, -1) {
		o.Parameters = append(o.Parameters, &huma.Param{Name: match[1], In: "path", Required: true, Description: pathDocs[match[1]], Schema: &huma.Schema{Type: huma.TypeString}})
	}
	for _, p := range r.query {
		schema := schemaOf(registry, p.shape)
		schema.Enum = enumOf(p.shape)
		o.Parameters = append(o.Parameters, &huma.Param{Name: p.name, In: "query", Description: p.doc, Schema: schema})
	}
	header := func(name, description string) {
		o.Parameters = append(o.Parameters, &huma.Param{Name: name, In: "header", Description: description, Schema: &huma.Schema{Type: huma.TypeString}})
	}
	if r.ifMatch {
		header("If-Match", "The ETag that the change was made for; where it is stale, nothing is changed.")
	}
	if r.method == http.MethodPost {
		header(headerIdempotencyKey, "The same key with the same request within 24 hours gives the same answer, without doing it again.")
	}
}

func schemaOf(registry huma.Registry, shape any) *huma.Schema {
	if _, ok := shape.(anyObject); ok {
		return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
	}
	return registry.Schema(reflect.TypeOf(shape), true, "")
}

// TransformSchema lets error be null, which no tag can say of a reference.
func (apiAttempt) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return withNull(s, "error")
}

// TransformSchema lets attempt be null.
func (ownConnectSession) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return withNull(s, "attempt")
}

// TransformSchema says that additionalConfig is an object that is always there.
func (apiConnection) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return withObject(s, fieldConfig, true)
}

// TransformSchema says that credentials are an object that is always there.
func (connectionCredentials) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return withObject(s, "credentials", true)
}

// TransformSchema says that credentials and additionalConfig are objects.
func (registerRequest) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return withObject(withObject(s, "credentials", false), fieldConfig, false)
}

// withObject makes a property of any value one that is an object.
func withObject(s *huma.Schema, property string, required bool) *huma.Schema {
	s.Properties[property] = &huma.Schema{Description: s.Properties[property].Description, Type: huma.TypeObject, AdditionalProperties: true}
	if required {
		s.Required = append(s.Required, property)
	}
	return s
}

func withNull(s *huma.Schema, property string) *huma.Schema {
	s.Properties[property] = &huma.Schema{Description: s.Properties[property].Description, OneOf: []*huma.Schema{s.Properties[property], {Type: "null"}}}
	return s
}

// enumOf lists the values of a word.
func enumOf(shape any) []any {
	list := func(words any) []any {
		values := reflect.ValueOf(words)
		enum := make([]any, values.Len())
		for i := range enum {
			enum[i] = values.Index(i).Interface()
		}
		return enum
	}
	switch shape.(type) {
	case models.Status:
		return list(models.Statuses)
	case models.ConnectionSort:
		return list(models.ConnectionSorts)
	case models.EventType:
		return list(models.EventTypes)
	}
	return nil
}

// schemaName names a type in the document: apiConnection is Connection.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	if rest, ok := strings.CutPrefix(name, "Api"); ok {
		return rest
	}
	return name
}

// openAPI serves the document.
func (s *server) openAPI(c echo.Context) error {
	text, err := s.openAPIText()
	if err != nil {
		return err
	}
	return c.JSONBlob(http.StatusOK, text)
}

// encodeDocument writes a document for people and for diffs.
func encodeDocument(document *huma.OpenAPI) ([]byte, error) {
	text, err := json.MarshalIndent(document, "", "  ")
	return append(text, '\n'), err
}
