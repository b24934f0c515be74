package handlers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/models"
)

// apiVersion is the version of the API's description (semantic versioning): it moves with every change of the document.
const apiVersion = "1.0.0"

// errorCode is what a code means to who calls the API.
type errorCode struct {
	kind    models.Kind
	meaning string
}

// errorCodes are the codes of the API. apiRoute.allErrors adds those that can end any call.
var errorCodes = map[string]errorCode{
	models.CodeConnectionDisabled:  {models.KindConflict, "The connection is disabled."},
	models.CodeConnectionExists:    {models.KindConflict, "The user already has a connection of this integration."},
	models.CodeForbidden:           {models.KindForbidden, "The API key lacks the scope, or is limited to other integrations."},
	models.CodeIdempotencyProgress: {models.KindConflict, "The first request with this Idempotency-Key is still under way; try again after Retry-After."},
	models.CodeIdempotencyReused:   {models.KindInvalid, "The Idempotency-Key was used for another request."},
	models.CodeIntegrationExists:   {models.KindConflict, "There is an integration of this name."},
	models.CodeIntegrationInUse:    {models.KindConflict, "The integration has connections: it cannot be deleted, nor its tokens sent to another host."},
	models.CodeIntegrationManaged:  {models.KindConflict, "The integration is managed by integrations.yaml, or built in."},
	models.CodeInvalidBody:         {models.KindInvalid, "A key of the body is unknown, missing or of another type; fields names it."},
	models.CodeInvalidConfig:       {models.KindInvalid, "The additionalConfig is not one JSON object of at most 256 KiB and 64 levels with each key once; fields has line and column."},
	models.CodeInvalidCredentials:  {models.KindInvalid, "The credentials lack a property of the auth mode; fields names it."},
	models.CodeInvalidCursor:       {models.KindMalformed, "The cursor is not one of this list in this order."},
	models.CodeInvalidHeader:       {models.KindMalformed, "If-Match or Idempotency-Key cannot be read."},
	models.CodeInvalidIntegration:  {models.KindInvalid, "The definition is not valid; fields names each fault."},
	models.CodeInvalidParameter:    {models.KindInvalid, "A parameter of the query is unknown or not valid; fields names it."},
	models.CodeInvalidReturnURL:    {models.KindInvalid, "The returnUrl is not on a registered origin."},
	models.CodeInvalidTags:         {models.KindInvalid, "A tag is empty, too long or holds characters that it may not; fields names it."},
	models.CodeInvalidUserID:       {models.KindInvalid, "The user id is not 1 to 512 bytes of UTF-8 without control characters."},
	models.CodeMalformedBody:       {models.KindMalformed, "The body is not JSON; fields has line and column."},
	models.CodeNeedsReconnect:      {models.KindReauthRequired, "The end user has to connect again: the grant was revoked or has ended."},
	models.CodeNotFound:            {models.KindNotFound, "There is no such object, or none at this address."},
	models.CodeNotRefreshable:      {models.KindInvalid, "The connection has no refresh token."},
	models.CodeRefreshFailed:       {models.KindProviderFailed, "The provider failed at the refresh; trying again may help."},
	models.CodeRefreshTimeout:      {models.KindProviderTimeout, "The provider did not answer in time; trying again may help."},
	models.CodeStaleVersion:        {models.KindConflict, "Someone else changed the connection since the ETag in If-Match."},
	models.CodeTooMany:             {models.KindTooMany, "Too many unknown API keys came from this address; try again after Retry-After."},
	models.CodeUnauthenticated:     {models.KindUnauthenticated, "The API key is missing, unknown, revoked or expired."},
	models.CodeUnknownAction:       {models.KindNotFound, "The integration has no such action."},
	models.CodeUnknownConnection:   {models.KindNotFound, "The user has no connection of this integration."},
	models.CodeUnknownIntegration:  {models.KindNotFound, "There is no integration of this name."},
	models.CodeUnknownProvider:     {models.KindNotFound, "There is no such provider in the catalogue."},
	models.CodeUnsupportedAuthMode: {models.KindInvalid, "Connections of the integration's auth mode cannot be registered."},
	codePayloadTooLarge:            {models.KindTooLarge, "The body is larger than 1 MiB."},
}

// allErrors lists the codes that a route can end in, beside a failure of the server.
func (r apiRoute) allErrors() []string {
	codes := slices.Clone(r.errors)
	add := func(more ...string) {
		for _, code := range more {
			if !slices.Contains(codes, code) {
				codes = append(codes, code)
			}
		}
	}
	add(models.CodeUnauthenticated, models.CodeInvalidParameter)
	if !r.open {
		add(models.CodeTooMany)
	}
	if r.scope != "" || strings.Contains(r.path, ":integration") {
		add(models.CodeForbidden)
	}
	if r.body != nil || r.method == http.MethodPost {
		add(codePayloadTooLarge)
	}
	switch r.body.(type) {
	case nil, anyObject, givenCredentials, definitionPatch:
	default:
		add(models.CodeMalformedBody, models.CodeInvalidBody)
	}
	if r.method == http.MethodPost {
		add(models.CodeIdempotencyProgress, models.CodeIdempotencyReused, models.CodeInvalidHeader)
	}
	slices.Sort(codes)
	return codes
}

var pathParameter = regexp.MustCompile(`:(\w+)`)

// template gives the route's path as OpenAPI writes it.
func (r apiRoute) template() string {
	return apiPrefix + pathParameter.ReplaceAllString(r.path, "{$1}")
}

var pathDocs = map[string]string{
	"action":      "Name of the action.",
	"id":          "Id or token of the connect session.",
	"integration": "Name of the integration.",
	"provider":    "Name of the provider, with or without a version.",
	"userId":      "The user's id in your application, percent-encoded: / is %2F.",
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
	if r.ifMatch {
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

func (r apiRoute) errorsByStatus() map[int][]string {
	byStatus := map[int][]string{}
	for _, code := range r.allErrors() {
		status := statuses[errorCodes[code].kind]
		byStatus[status] = append(byStatus[status], code)
	}
	return byStatus
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
	if r.ifMatch && r.method != http.MethodGet {
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
