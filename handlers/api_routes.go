package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/models"
)

// apiRoute is one operation of the JSON API. The OpenAPI document is made from it.
type apiRoute struct {
	method, path string // below [apiPrefix], in echo's syntax
	operationID  string
	scope        models.Scope // empty: any API key
	open         bool         // no API key
	handler      echo.HandlerFunc

	tag, summary, description string
	query                     []apiParam
	ifMatch                   bool // If-Match is honoured
	body                      any  // the shape of the request's body, nil where it has none
	bodyType                  string
	status                    int // of success
	answer                    any // the shape of its body, nil where it has none
	errors                    []string
}

// apiParam is a parameter of a query.
type apiParam struct {
	name, doc string
	shape     any
}

// Groups of operations.
const (
	tagConnections  = "Connections"
	tagCredentials  = "Credentials"
	tagConnect      = "Connect sessions"
	tagIntegrations = "Integrations"
	tagHistory      = "Audit and events"
	tagWebhooks     = "Webhooks"
)

var (
	queryLimit  = apiParam{"limit", "How many at most, from 1 to 500; 50 where absent.", 50}
	queryCursor = apiParam{"cursor", "nextCursor of the page before.", ""}
)

// any JSON object.
type anyObject map[string]any

const mergePatchType = "application/merge-patch+json"

func (s *server) apiRoutes() []apiRoute {
	const get, post, put, patch, del = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete
	const one = "/connections/:integration/:userId"
	const read, write = models.ScopeConnectionsRead, models.ScopeConnectionsWrite
	type codes = []string
	unknown := models.CodeUnknownConnection
	routes := []apiRoute{
		{
			method: post, path: "/connections", operationID: "registerConnection", scope: write, handler: s.registerConnection,
			tag: tagConnections, summary: "Register a connection", description: "Registers credentials that your backend has. Connections by OAuth are made by the end user in the browser, see Connect sessions.",
			body: registerRequest{}, status: http.StatusCreated, answer: apiConnection{},
			errors: codes{models.CodeInvalidUserID, models.CodeConnectionExists, models.CodeUnknownIntegration, models.CodeInvalidConfig, models.CodeInvalidTags, models.CodeInvalidCredentials, models.CodeUnsupportedAuthMode},
		},
		{
			method: get, path: "/connections", operationID: "listConnections", scope: read, handler: s.listConnections,
			tag: tagConnections, summary: "List connections",
			query: []apiParam{
				{"userId", "Those of one user id.", ""},
				{"integration", "Those of one integration.", ""},
				{"status", "Those of one status.", models.StatusConnected},
				{"q", "Part of a user id, or a whole uuid.", ""},
				{"tag", "Those with a tag.", ""},
				{"sort", "The order; a leading - is descending. -created where absent.", models.SortNewest},
				queryLimit, queryCursor,
				{"count", "Add total.", false},
			},
			status: http.StatusOK, answer: connectionList{}, errors: codes{models.CodeInvalidParameter, models.CodeInvalidCursor},
		},
		{
			method: get, path: one, operationID: "getConnection", scope: read, handler: s.getConnection,
			tag: tagConnections, summary: "Get one connection", status: http.StatusOK, answer: apiConnection{}, errors: codes{unknown},
		},
		{
			method: get, path: one + "/config", operationID: "getConnectionConfig", scope: read, handler: s.getConnectionConfig,
			tag: tagConnections, summary: "Get the additionalConfig alone", description: "The very bytes that were stored.", status: http.StatusOK, answer: anyObject{}, errors: codes{unknown},
		},
		{
			method: put, path: one + "/config", operationID: "updateConnectionConfig", scope: write, handler: s.updateConnectionConfig,
			tag: tagConnections, summary: "Replace the additionalConfig", description: "The body is the new object itself. Numbers, key order and white space are kept as they are; duplicate keys are refused.", ifMatch: true,
			body: anyObject{}, status: http.StatusOK, answer: apiConnection{}, errors: codes{unknown, models.CodeInvalidConfig, models.CodeStaleVersion, models.CodeInvalidHeader},
		},
		{
			method: patch, path: one + "/config", operationID: "patchConnectionConfig", scope: write, handler: s.patchConnectionConfig,
			tag: tagConnections, summary: "Change a part of the additionalConfig", description: "The body is a merge patch (RFC 7396): keys are added or replaced, and removed by null.", ifMatch: true,
			body: anyObject{}, bodyType: mergePatchType, status: http.StatusOK, answer: apiConnection{}, errors: codes{unknown, models.CodeInvalidConfig, models.CodeStaleVersion, models.CodeInvalidHeader},
		},
		{
			method: put, path: one + "/tags", operationID: "setConnectionTags", scope: write, handler: s.setConnectionTags,
			tag: tagConnections, summary: "Replace the tags", body: tagsRequest{}, status: http.StatusOK, answer: apiConnection{}, errors: codes{unknown, models.CodeInvalidTags},
		},
		{
			method: post, path: one + "/refresh", operationID: "refreshConnection", scope: write, handler: s.refreshConnection,
			tag: tagConnections, summary: "Refresh the credentials now", status: http.StatusOK, answer: apiConnection{},
			errors: codes{unknown, models.CodeUnknownIntegration, models.CodeNotRefreshable, models.CodeConnectionDisabled, models.CodeNeedsReconnect, models.CodeRefreshFailed, models.CodeRefreshTimeout},
		},
		{
			method: post, path: one + "/disable", operationID: "disableConnection", scope: write, handler: s.disableConnection,
			tag: tagConnections, summary: "Disable a connection", description: "Its credentials are not given out until it is enabled.", status: http.StatusOK, answer: apiConnection{}, errors: codes{unknown},
		},
		{
			method: post, path: one + "/enable", operationID: "enableConnection", scope: write, handler: s.enableConnection,
			tag: tagConnections, summary: "Enable a connection", status: http.StatusOK, answer: apiConnection{}, errors: codes{unknown},
		},
		{
			method: del, path: one, operationID: "deleteConnection", scope: write, handler: s.deleteConnection,
			tag: tagConnections, summary: "Delete a connection", description: "Deletes it with its credentials, and then revokes the grant at the provider.", status: http.StatusOK, answer: deletion{}, errors: codes{unknown},
		},
		{
			method: post, path: one + "/actions/:action", operationID: "triggerAction", scope: models.ScopeActionsRun, handler: s.triggerAction,
			tag: tagConnections, summary: "Run an action", description: "Integrations have no actions in this version.", body: anyObject{}, status: http.StatusOK, answer: anyObject{},
			errors: codes{models.CodeUnknownIntegration, unknown, models.CodeUnknownAction},
		},

		{
			method: get, path: one + "/credentials", operationID: operationGetCredentials, scope: models.ScopeCredentialsRead, handler: s.getCredentials,
			tag: tagCredentials, summary: "Get fresh credentials", description: "Refreshed first where that is due. While the provider is down, the token at hand is given as long as it lives.",
			query:  []apiParam{{"minTtl", "For how many seconds the access token must still live, where it can be refreshed.", 60}, {"forceRefresh", "Refresh in any case.", false}, {"rejected", "The SHA-256, in hexadecimal digits, of an access token that the provider's API has just answered with 401: it is refreshed unless it has been replaced already.", ""}},
			status: http.StatusOK, answer: connectionCredentials{},
			errors: codes{unknown, models.CodeUnknownIntegration, models.CodeConnectionDisabled, models.CodeNeedsReconnect, models.CodeRefreshFailed, models.CodeRefreshTimeout, models.CodeInvalidParameter},
		},
		{
			method: put, path: one + "/credentials", operationID: "updateConnectionCredentials", scope: write, handler: s.updateCredentials,
			tag: tagCredentials, summary: "Replace the credentials", description: "The body is the new credentials themselves. Ends a need to reconnect; the additionalConfig stays.", ifMatch: true,
			body: givenCredentials{}, status: http.StatusOK, answer: apiConnection{}, errors: codes{unknown, models.CodeUnknownIntegration, models.CodeInvalidCredentials, models.CodeUnsupportedAuthMode, models.CodeStaleVersion, models.CodeInvalidHeader},
		},

		{
			method: post, path: "/connect-sessions", operationID: "createConnectSession", scope: models.ScopeConnectWrite, handler: s.createConnectSession,
			tag: tagConnect, summary: "Let a user connect", description: "Makes a connect session for the user who is signed in to your application: a link, and a token for the browser library.",
			body: connectSessionRequest{}, status: http.StatusCreated, answer: newConnectSession{}, errors: codes{models.CodeInvalidUserID, models.CodeUnsupportedAuthMode, models.CodeUnknownIntegration, models.CodeInvalidReturnURL},
		},
		{
			method: post, path: "/connect-sessions/claim", operationID: "redeemClaim", scope: models.ScopeConnectWrite, handler: s.redeemClaim,
			tag: tagConnect, summary: "Redeem a claim", description: "Ends a connect flow that was started with confirm: your backend says who is signed in, and the tokens become that user's connection if the flow was started for him.",
			body: claimRequest{}, status: http.StatusOK, answer: apiConnection{}, errors: codes{models.CodeNotFound},
		},
		{
			method: get, path: "/connect-sessions/self", operationID: "getOwnConnectSession", open: true, handler: s.getOwnConnectSession,
			tag: tagConnect, summary: "See how a connect flow stands", description: "For browsers: authorized by the connect session's token instead of an API key, and open to the registered origins.",
			query: []apiParam{{"ref", "Name of the attempt that is asked for.", ""}}, status: http.StatusOK, answer: ownConnectSession{},
		},
		{
			method: get, path: "/connect-sessions/:id", operationID: "getConnectSession", scope: models.ScopeConnectWrite, handler: s.getConnectSession,
			tag: tagConnect, summary: "Get a connect session", description: "By its id or its token.", status: http.StatusOK, answer: apiConnectSession{}, errors: codes{models.CodeNotFound},
		},
		{
			method: del, path: "/connect-sessions/:id", operationID: "deleteConnectSession", scope: models.ScopeConnectWrite, handler: s.deleteConnectSession,
			tag: tagConnect, summary: "End a connect session", status: http.StatusNoContent, errors: codes{models.CodeNotFound},
		},

		{
			method: get, path: "/integrations", operationID: "listIntegrations", handler: s.listIntegrations,
			tag: tagIntegrations, summary: "List integrations", status: http.StatusOK, answer: integrationList{},
		},
		{
			method: post, path: "/integrations", operationID: "createIntegration", scope: models.ScopeIntegrationsWrite, handler: s.createIntegration,
			tag: tagIntegrations, summary: "Create an integration", description: "The keys are those of integrations.yaml. Environment variables are not replaced.",
			body: integrationRequest{}, status: http.StatusCreated, answer: apiIntegration{}, errors: codes{models.CodeIntegrationExists, models.CodeInvalidIntegration},
		},
		{
			method: get, path: "/integrations/:integration", operationID: "getIntegration", handler: s.getIntegration,
			tag: tagIntegrations, summary: "Get one integration", status: http.StatusOK, answer: apiIntegration{}, errors: codes{models.CodeUnknownIntegration},
		},
		{
			method: patch, path: "/integrations/:integration", operationID: "updateIntegration", scope: models.ScopeIntegrationsWrite, handler: s.updateIntegration,
			tag: tagIntegrations, summary: "Change an integration", description: "The body is a merge patch (RFC 7396).", body: definitionPatch{}, bodyType: mergePatchType, status: http.StatusOK, answer: apiIntegration{},
			errors: codes{models.CodeUnknownIntegration, models.CodeIntegrationManaged, models.CodeInvalidIntegration, models.CodeIntegrationInUse},
		},
		{
			method: del, path: "/integrations/:integration", operationID: "deleteIntegration", scope: models.ScopeIntegrationsWrite, handler: s.deleteIntegration,
			tag: tagIntegrations, summary: "Delete an integration", description: "One that has connections is kept.", status: http.StatusNoContent,
			errors: codes{models.CodeUnknownIntegration, models.CodeIntegrationManaged, models.CodeIntegrationInUse},
		},
		{
			method: get, path: "/providers", operationID: "listProviders", handler: s.listProviders,
			tag: tagIntegrations, summary: "List the catalogue", description: "Providers that integrations can extend.", status: http.StatusOK, answer: providerList{},
		},
		{
			method: get, path: "/providers/:provider", operationID: "getProvider", handler: s.getProvider,
			tag: tagIntegrations, summary: "Get one provider", description: "By name, its newest version, or by name and version, such as slack:v0.", status: http.StatusOK, answer: models.Provider{}, errors: codes{models.CodeUnknownProvider},
		},

		{
			method: get, path: "/audit", operationID: "listAudit", scope: models.ScopeAuditRead, handler: s.listAudit,
			tag: tagHistory, summary: "List the audit", description: "Newest first.", query: []apiParam{{"connection", "Entries about the connection with this uuid.", ""}, {"integration", "Entries about one integration.", ""}, queryLimit, queryCursor},
			status: http.StatusOK, answer: auditList{}, errors: codes{models.CodeInvalidParameter, models.CodeInvalidCursor},
		},
		{
			method: get, path: "/events", operationID: "listEvents", scope: models.ScopeAuditRead, handler: s.listEvents,
			tag: tagHistory, summary: "Follow events", description: "Oldest first: a reader that keeps the last nextCursor misses nothing.", query: []apiParam{{"type", "Events of one type.", models.EventConnectionCreated}, queryLimit, queryCursor},
			status: http.StatusOK, answer: eventList{}, errors: codes{models.CodeInvalidParameter, models.CodeInvalidCursor},
		},
	}
	return append(routes, s.webhookRoutes()...)
}
