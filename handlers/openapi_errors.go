package handlers

import (
	"net/http"
	"slices"
	"strings"

	"github.com/patchbay/patchbay/models"
)

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
	models.CodeInvalidWebhook:      {models.KindInvalid, "The webhook endpoint is not valid; fields names each fault."},
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
	models.CodeUnsupportedAuthMode: {models.KindInvalid, "The integration's auth mode does not allow that: its connections are made in another way."},
	models.CodeWebhookDisabled:     {models.KindConflict, "The webhook endpoint is disabled: nothing is sent to it."},
	models.CodeWebhookLimit:        {models.KindConflict, "There are 50 webhook endpoints, which is as many as there can be."},
	codePayloadTooLarge:            {models.KindTooLarge, "The body is larger than 1 MiB."},
	codeUnavailable:                {models.KindUnavailable, "The database is away, locked or full; try again after Retry-After."},
}

// allErrors lists the codes that a route can end in, beside unavailable and a failure of the server.
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

func (r apiRoute) errorsByStatus() map[int][]string {
	byStatus := map[int][]string{http.StatusServiceUnavailable: {codeUnavailable}}
	for _, code := range r.allErrors() {
		status := statuses[errorCodes[code].kind]
		byStatus[status] = append(byStatus[status], code)
	}
	return byStatus
}
