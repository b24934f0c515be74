package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/static"
)

// access says who may use a route.
type access int

const (
	accessPublic   access = iota // anybody, without a session
	accessVisitor                // anybody, with a session
	accessAdmin                  // whoever is signed in
	accessOperator               // who may also change connections
	accessOwner                  // who may do everything: the role admin
)

// route is one line of the table below. Routes that change anything use POST,
// but for the callback, which a provider answers to by a redirect.
type route struct {
	method, path string
	access       access
	handler      echo.HandlerFunc
}

func (s *server) routes() []route {
	const get, post = http.MethodGet, http.MethodPost
	routes := []route{
		// The dashboard.
		{get, "/", accessAdmin, s.overview},
		{get, "/audit", accessAdmin, s.audit},
		{post, "/connect", accessOperator, s.createConnectLink},
		{get, "/connections", accessAdmin, s.connections},
		{get, "/connections/:uuid", accessAdmin, s.connection},
		{get, "/connections/:uuid/config", accessAdmin, s.backToConnection},
		{post, "/connections/:uuid/config", accessOperator, s.updateConfig},
		{get, "/connections/:uuid/delete", accessOperator, s.deleteForm},
		{post, "/connections/:uuid/delete", accessOperator, s.deleteFromDashboard},
		{get, "/connections/:uuid/disable", accessAdmin, s.backToConnection},
		{post, "/connections/:uuid/disable", accessOperator, s.disableFromDashboard},
		{get, "/connections/:uuid/enable", accessAdmin, s.backToConnection},
		{post, "/connections/:uuid/enable", accessOperator, s.enableFromDashboard},
		{get, "/connections/:uuid/refresh", accessAdmin, s.backToConnection},
		{post, "/connections/:uuid/refresh", accessOperator, s.refreshFromDashboard},
		{get, "/connections/:uuid/tags", accessAdmin, s.backToConnection},
		{post, "/connections/:uuid/tags", accessOperator, s.updateTags},
		{get, "/integrations", accessAdmin, s.integrations},
		{get, "/integrations/:name", accessAdmin, s.integration},
		{get, "/keys", accessOwner, s.keys},
		{post, "/keys", accessOwner, s.createKey},
		{get, "/keys/new", accessOwner, s.keyForm},
		{get, "/keys/:id/revoke", accessOwner, s.revokeKeyForm},
		{post, "/keys/:id/revoke", accessOwner, s.revokeKey},
		{get, "/keys/:id/roll", accessOwner, s.rollKeyForm},
		{post, "/keys/:id/roll", accessOwner, s.rollKey},
		{get, "/login", accessVisitor, s.loginForm},
		{post, "/login", accessVisitor, s.login},
		{post, "/logout", accessVisitor, s.logout},
		{get, "/reference", accessAdmin, s.reference},
		{get, "/setup", accessVisitor, s.setupForm},
		{post, "/setup", accessVisitor, s.setup},
		{get, "/system", accessAdmin, s.system},
		{post, "/theme", accessPublic, s.chooseTheme},
		{get, "/users", accessAdmin, s.users},
		{get, "/users/*", accessAdmin, s.user}, // a user id may hold slashes
		{get, "/webhooks", accessOwner, s.webhooks},
		{post, "/webhooks", accessOwner, s.createWebhookFromDashboard},
		{get, "/webhooks/new", accessOwner, s.webhookForm},
		{get, "/webhooks/:id", accessOwner, s.webhook},
		{get, "/webhooks/:id/delete", accessOwner, s.deleteWebhookForm},
		{post, "/webhooks/:id/delete", accessOwner, s.deleteWebhookFromDashboard},
		{get, "/webhooks/:id/deliveries/:delivery/redeliver", accessOwner, s.backToWebhook},
		{post, "/webhooks/:id/deliveries/:delivery/redeliver", accessOwner, s.redeliverFromDashboard},
		{get, "/webhooks/:id/disable", accessOwner, s.backToWebhook},
		{post, "/webhooks/:id/disable", accessOwner, s.disableWebhook},
		{get, "/webhooks/:id/edit", accessOwner, s.webhookEditForm},
		{post, "/webhooks/:id/edit", accessOwner, s.updateWebhook},
		{get, "/webhooks/:id/enable", accessOwner, s.backToWebhook},
		{post, "/webhooks/:id/enable", accessOwner, s.enableWebhook},
		{get, "/webhooks/:id/roll", accessOwner, s.rollWebhookForm},
		{post, "/webhooks/:id/roll", accessOwner, s.rollWebhook},
		{get, "/webhooks/:id/test", accessOwner, s.backToWebhook},
		{post, "/webhooks/:id/test", accessOwner, s.testWebhookFromDashboard},

		// End users.
		{get, "/connect/:token", accessPublic, s.connectPage},
		{post, "/connect/:token/start", accessPublic, s.startConnect},
		{get, "/me/:token", accessPublic, s.mine},
		{post, "/me/:token/disconnect", accessPublic, s.disconnect},
		{get, "/oauth/callback", accessVisitor, s.callback},
		{get, "/oauth/callback/:integration", accessVisitor, s.callback},
		{get, "/oauth/connect", accessVisitor, s.openConnect},
		{get, "/oauth/connect/:integration", accessVisitor, s.openConnect},

		// Operations.
		{get, "/healthz", accessPublic, s.health},
		{get, "/readyz", accessPublic, s.ready},
		{get, "/static/*", accessPublic, echo.WrapHandler(static.Handler())},
	}
	if s.Development {
		routes = append(routes, route{get, "/dev/gallery", accessPublic, s.gallery})
	}
	if s.Sandbox != nil {
		provider := echo.WrapHandler(s.Sandbox)
		routes = append(routes, route{get, "/sandbox/*", accessPublic, provider}, route{post, "/sandbox/*", accessPublic, provider})
		routes = append(routes, route{get, sandboxPath, accessOperator, s.sandboxPage}, route{post, sandboxPath, accessOperator, s.changeSandbox})
	}
	return routes
}
