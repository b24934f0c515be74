package views

import (
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/patchbay/patchbay/models"
)

// now is the time at which the samples are looked at.
var now = time.Date(2026, 11, 22, 15, 4, 5, 0, time.UTC)

// hostile are user ids that break pages which are not careful: markup, quotes, slashes, marks that turn the direction
// of writing, and 512 bytes without a space.
var hostile = []string{
	`"><script>alert(1)</script>`,
	`' onmouseover='alert(1)' x='`,
	"javascript:alert(1)//../?a=b&c=d#e",
	"\u202eevil\u202c مرحبا بالعالم",
	"  two\u200b  words\u00a0\u2028 ",
	"👩‍👩‍👧‍👦 na\u200dïve Ångström 漢字",
	strings.Repeat("x", models.MaxUserIDBytes),
}

type sample struct {
	name string // of a file, without extension
	page templ.Component
}

// samples holds every page in every state worth looking at.
func samples() []sample {
	return []sample{
		{"setup", Setup(SetupPage{Token: "token"})},
		{"setup-refused", Setup(SetupPage{Token: "token", Email: `a"b@`, Errors: []FieldError{
			{"email", "Enter an email address, such as name@example.com."}, {"password", "Use a password of at least 12 characters."},
		}})},
		{"setup-expired", Setup(SetupPage{TokenProblem: "This set-up link was used already."})},
		{"login", Login(LoginPage{Next: "/connections?q=a&status=error"})},
		{"login-refused", Login(LoginPage{Email: hostile[0], Next: "/", Error: "Email address and password do not match.", Notice: "Sign in to go on."})},
		{"overview", Overview(OverviewPage{Shell: shell("Overview", NavOverview), Counts: counts(), Integrations: 6, Users: "1,804", Recent: connectionRows()[:6]})},
		{"overview-empty", Overview(OverviewPage{Shell: shell("Overview", NavOverview), SandboxHref: "/integrations/sandbox"})},
		{"connections", Connections(connectionsPage())},
		{"connections-filtered", Connections(filteredPage())},
		{"connections-empty", Connections(ConnectionsPage{Shell: shell("Connections", NavConnections)})},
		{"connection", Connection(connectionPage("acme-corp"))},
		{"connection-refused", Connection(refusedPage())},
		{"connection-viewer", Connection(viewerPage())},
		{"connection-hostile", Connection(connectionPage(hostile[len(hostile)-1]))},
		{"conflict", ConfigConflict(conflictPage())},
		{"users", Users(usersPage())},
		{"users-empty", Users(UsersPage{Shell: shell("Users", NavUsers)})},
		{"user", User(userPage("acme-corp", connectionRows()))},
		{"user-empty", User(userPage(hostile[len(hostile)-1], nil))},
		{"user-hostile", User(userPage(hostile[4], connectionRows()))},
		{"integrations", Integrations(integrationsPage())},
		{"integrations-empty", Integrations(IntegrationsPage{Shell: shell("Integrations", NavIntegrations), File: "integrations/integrations.yaml", RootURL: sampleRoot})},
		{"integration", Integration(integrationPage())},
		{"integration-problem", Integration(problemPage())},
		{"integration-api-key", Integration(apiKeyPage())},
		{"audit", Audit(auditPage())},
		{"audit-empty", Audit(AuditPage{Shell: shell("Audit", NavAudit)})},
		{"connect-start", ConnectStart(startPage("Acme CRM", "Jana Novák (jana@acme.example)"))},
		{"connect-start-hostile", ConnectStart(startPage(hostile[0], hostile[len(hostile)-1]))},
		{"connect-start-popup", ConnectStart(ConnectStartPage{App: "Acme CRM", Integration: "slack", UserLabel: "42", Action: "/connect/token/start", Popup: true})},
		{"connect-result", ConnectResult(resultPage())},
		{"connect-waiting", ConnectWaiting(resultPage())},
		{"connect-result-alone", ConnectResult(aloneResultPage())},
		{"connect-result-failed", ConnectResult(failedPage())},
		{"connect-result-failed-popup", ConnectResult(failedPopupPage())},
		{"connect-result-lost", ConnectResult(ConnectResultPage{App: "Acme CRM", ErrorType: models.ConnectInvalidState, Message: "This sign-in was not started in this browser.", SupportCode: "8f14e45f"})},
		{"error", Error(ErrorPage{Status: 404, Title: "Page not found", Message: "There is no page at this address. A connection that was deleted has none either.", RequestID: "8f14e45f", Href: "/", HrefLabel: "Go to the overview"})},
		{"error-500", Error(ErrorPage{Status: 500, Title: "Something failed on our side", Message: "The request was not carried out. The log holds the reason under the request id.", RequestID: "8f14e45f"})},
		{"connection-disabled", Connection(disabledPage())},
		{"connection-failing", Connection(failingPage())},
		{"connection-unclear", Connection(unclearPage())},
		{"connection-tags-refused", Connection(tagsRefusedPage())},
		{"connection-api-key", Connection(apiKeyConnectionPage())},
		{"connection-delete", ConnectionDelete(deletePage())},
		{"connection-delete-hostile", ConnectionDelete(ConnectionDeletePage{Shell: shell("Delete", NavConnections), UserID: hostile[len(hostile)-1], Integration: "slack", Href: "/connections/5b0e", Action: "/connections/5b0e/delete"})},
		{"integration-database", Integration(databasePage())},
		{"connect-choose", ConnectChoose(choosePage())},
		{"connect-choose-popup", ConnectChoose(ConnectChoosePage{App: hostile[0], UserLabel: hostile[len(hostile)-1], Choices: choices(), Popup: true})},
		{"connect-choose-empty", ConnectChoose(ConnectChoosePage{App: "Acme CRM", UserLabel: "42", CancelHref: "/integrations/slack"})},
		{"me", Me(mePage())},
		{"me-hostile", Me(MePage{App: hostile[3], UserLabel: hostile[len(hostile)-1], Now: now, Flash: &Flash{Message: "slack could not be asked to revoke the grant."}, Connections: meConnections()[:1]})},
		{"me-empty", Me(MePage{App: "Acme CRM", UserLabel: "Jana Novák", Now: now, Flash: &Flash{OK: true, Message: "slack was disconnected."}})},
		{"keys", Keys(KeysPage{Shell: shell("API keys", NavKeys), Rows: keyRows()})},
		{"keys-empty", Keys(KeysPage{Shell: shell("API keys", NavKeys)})},
		{"key-new", KeyForm(keyFormPage())},
		{"key-new-refused", KeyForm(refusedKeyPage())},
		{"system", System(systemPage())},
		{"system-viewer", System(SystemPage{Shell: shell("System", NavSystem), Version: "v1.4.0", Started: before(50 * time.Hour), Database: systemPage().Database[:3], Work: systemPage().Work})},
		{"key-created", KeyText(KeyTextPage{Shell: shell("API key created", NavKeys), Name: "billing-worker", Text: sampleKey, RootURL: sampleRoot})},
		{"key-rolled", KeyText(KeyTextPage{Shell: shell("API key rolled", NavKeys), Name: hostile[4], Text: sampleKey, RootURL: sampleRoot, Rolled: true, PreviousEnds: in(24 * time.Hour)})},
		{"key-rolled-at-once", KeyText(KeyTextPage{Shell: shell("API key rolled", NavKeys), Name: "billing-worker", Text: sampleKey, RootURL: sampleRoot, Rolled: true})},
		{"key-roll", KeyRoll(KeyRollPage{Shell: shell("Roll API key", NavKeys), Key: keyRows()[0], Overlaps: overlaps()})},
		{"key-roll-again", KeyRoll(KeyRollPage{Shell: shell("Roll API key", NavKeys), Key: keyRows()[2], Overlaps: overlaps()})},
		{"webhooks", Webhooks(WebhooksPage{Shell: shell("Webhooks", NavWebhooks), Rows: webhookRows(), Full: true})},
		{"webhooks-empty", Webhooks(WebhooksPage{Shell: shell("Webhooks", NavWebhooks)})},
		{"webhook", Webhook(webhookPage(0))},
		{"webhook-failing", Webhook(webhookPage(1))},
		{"webhook-disabled", Webhook(webhookPage(2))},
		{"webhook-new", WebhookForm(webhookFormPage())},
		{"webhook-edit-refused", WebhookForm(refusedWebhookPage())},
		{"webhook-created", WebhookSecret(WebhookSecretPage{Shell: shell("Webhook endpoint created", NavWebhooks), Endpoint: webhookRows()[0], Secret: sampleSecret})},
		{"webhook-rolled", WebhookSecret(WebhookSecretPage{Shell: shell("Webhook secret rolled", NavWebhooks), Endpoint: webhookRows()[1], Secret: sampleSecret, Rolled: true})},
		{"webhook-roll", WebhookRoll(WebhookAskPage{Shell: shell("Roll webhook secret", NavWebhooks), Endpoint: webhookRows()[1], Hint: "0123"})},
		{"webhook-delete", WebhookDelete(WebhookAskPage{Shell: shell("Delete webhook endpoint", NavWebhooks), Endpoint: webhookRows()[0]})},
		{"key-revoke", KeyRevoke(KeyRevokePage{Shell: shell("Revoke API key", NavKeys), Key: keyRows()[2]})},
		{"sandbox", Sandbox(sandboxPage())},
		{"sandbox-refused", Sandbox(refusedSandboxPage())},
		{"sandbox-new", Sandbox(SandboxPage{Shell: shell("Sandbox behaviour", NavIntegrations), Integration: sandboxPage().Integration, Groups: sandboxPage().Groups})},
		{"reference", Reference(referencePage())},
		{"gallery", Gallery()},
	}
}

func shell(title string, active NavItem) Shell {
	return Shell{Title: title, Active: active, Admin: "jana.novak@acme.example", Owner: true, Path: "/connections?q=a&limit=25", Now: now}
}

func before(d time.Duration) time.Time { return now.Add(-d) }

func in(d time.Duration) *time.Time {
	t := now.Add(d)
	return &t
}

func counts() models.StatusCounts {
	return models.StatusCounts{
		models.StatusConnected: 12402, models.StatusExpiring: 38, models.StatusNeedsReconnect: 117,
		models.StatusError: 9, models.StatusDisabled: 64, models.StatusPending: 3,
	}
}

func connectionRows() []ConnectionRow {
	users := append([]string{"acme-corp", "42", "workspace_7f3a9c", "jana@acme.example"}, hostile...)
	integrations := []string{"slack", "github", "hubspot", "google-calendar", "salesforce", "sandbox"}
	details := map[models.Status]string{
		models.StatusExpiring:       "Ends in 5 hours; no refresh token is held.",
		models.StatusNeedsReconnect: "The refresh token was revoked on 3 May.",
		models.StatusError:          "slack.com answered 503.",
	}
	var rows []ConnectionRow
	for i := range 14 {
		s := models.Statuses[(i*i/2)%len(models.Statuses)]
		if i%3 != 1 {
			s = models.StatusConnected
		}
		row := ConnectionRow{
			Href:   "/connections/" + sampleUUID,
			UserID: users[i%len(users)], Integration: integrations[i%len(integrations)],
			IntegrationHref: "/integrations/" + integrations[i%len(integrations)], Status: s, Detail: details[s],
			ExpiresAt: in(time.Duration(i*i*7+4) * time.Minute), Refreshable: s != models.StatusExpiring,
			DateCreated: before(time.Duration(i*i*i+1) * time.Hour), LastModified: before(time.Duration(i*i*i) * time.Minute),
		}
		if s == models.StatusNeedsReconnect {
			row.ExpiresAt = in(-26 * time.Hour)
		}
		if i%5 == 4 {
			row.ExpiresAt, row.Refreshable = nil, false
		}
		rows = append(rows, row)
	}
	return rows
}

func connectionsPage() ConnectionsPage {
	return ConnectionsPage{
		Shell: shell("Connections", NavConnections), Sorts: []Option{{Label: "Newest first", Selected: true}, {Value: "modified", Label: "Last modified last"}}, AnyExist: true, Total: "3,045", Rows: connectionRows(),
		Integrations: []Option{{"", "Any", true}, {"slack", "slack", false}, {"github", "github", false}},
		Statuses:     []Option{{"", "Any", true}, {"connected", "Connected", false}, {"needs_reconnect", "Needs reconnect", false}},
		Created:      SortLink{"/connections?sort=created", "descending"}, Modified: SortLink{"/connections?sort=-modified", "none"},
		Pager: samplePager(),
	}
}

func samplePager() Pager {
	return Pager{NextHref: "/connections?cursor=abc", Sizes: []Option{
		{"/connections?limit=25", "25", false}, {"/connections", "50", true}, {"/connections?limit=100", "100", false},
	}}
}

func filteredPage() ConnectionsPage {
	p := connectionsPage()
	p.Flash = &Flash{OK: true, Message: "Connection of " + hostile[0] + " to slack was created."}
	p.Filter = models.ConnectionFilter{Query: hostile[0], UserID: hostile[1], Status: models.StatusError}
	p.Limit, p.Rows, p.Total = "25", nil, "0"
	p.Chips = []Link{{"Search: " + hostile[0], "/connections?status=error"}, {"User: " + hostile[4], "/connections?q=x"}, {"Status: Error", "/connections?q=x"}}
	p.Pager = Pager{}
	return p
}

const sampleUUID = "5b0e2f6a-8f4d-4c3b-9a55-1f1f7f1c0a3e"

const sampleConfig = `{
  "workspace": "acme",
  "channels": ["alerts", "deploys"],
  "limits": { "perMinute": 60, "burst": 12345678901234567890 },
  "ratio": 1.0
}`

func connectionPage(user string) ConnectionPage {
	return ConnectionPage{
		Shell: shell("acme-corp · slack", NavConnections), UUID: sampleUUID,
		UserID: user, UserHref: "/users/acme-corp", Integration: "slack", IntegrationHref: "/integrations/slack",
		AuthMode: models.AuthOAuth2, Status: models.StatusConnected, Sentence: "Access is granted, and a refresh token is held.",
		DateCreated: before(2000 * time.Hour), LastModified: before(3 * time.Minute), ExpiresAt: in(52 * time.Minute), Refreshable: true,
		Credentials: []CredentialRow{{"Access token", "xoxb-…4f2a", "Ends in 52 minutes"}, {"Refresh token", "", "The provider gave none."}},
		Editor:      ConfigEditor{Action: "/connections/5b0e/config", Version: 7, Text: sampleConfig},
		Reconnect:   ConnectForm{Label: "Reconnect", Integration: "slack", UserID: user, ReturnTo: "/connections/5b0e"},
		Activity:    activity(),
		Tags:        TagsForm{Tags: []string{"eu", "enterprise plan"}, Text: "eu, enterprise plan"},
		APICalls: []APICallsRow{
			{"billing-worker", "getCredentials", 1204, before(4 * time.Minute)},
			{"billing-worker", "getConnection", 1, before(14 * time.Minute)},
			{hostile[0], "listConnections", 17, before(26 * time.Hour)},
		},
	}
}

func failingPage() ConnectionPage {
	p := connectionPage("42")
	p.Status, p.Sentence = models.StatusError, "slack is in trouble."
	p.Trouble = RefreshTrouble{Answer: "503 Service Unavailable, " + hostile[1], Failures: 3, Again: in(2 * time.Minute)}
	return p
}

func unclearPage() ConnectionPage {
	p := connectionPage("42")
	p.Status, p.Sentence = models.StatusNeedsReconnect, "slack refused to refresh the access token. Refresh now to ask it once more, or let the user reconnect."
	p.Trouble = RefreshTrouble{Answer: "400 " + hostile[1], Failures: 5, Unclear: true}
	return p
}

func disabledPage() ConnectionPage {
	p := connectionPage(hostile[2])
	p.Status, p.Sentence = models.StatusDisabled, "The connection is switched off."
	return p
}

func tagsRefusedPage() ConnectionPage {
	p := connectionPage("acme-corp")
	p.Tags = TagsForm{Tags: []string{hostile[len(hostile)-1], hostile[4]}, Text: hostile[0] + ",,", Error: "A tag is not empty and has no space around it."}
	return p
}

func apiKeyConnectionPage() ConnectionPage {
	p := connectionPage("acme-corp")
	p.AuthMode, p.Refreshable, p.ExpiresAt, p.Tags, p.APICalls = models.AuthAPIKey, false, nil, TagsForm{}, nil
	p.Credentials = []CredentialRow{{"API key", "••••••••••••", "Registered by the application."}}
	p.Reconnect.Disabled = "Your backend registers the credentials of this integration."
	return p
}

func deletePage() ConnectionDeletePage {
	return ConnectionDeletePage{
		Shell: shell("Delete connection", NavConnections), UserID: hostile[0], Integration: "slack", Href: "/connections/5b0e", Action: "/connections/5b0e/delete",
		Credentials: []string{"Access token", "Refresh token"}, Config: sampleConfig, Tags: []string{"eu", "enterprise plan"}, Granted: true, Revocable: true,
	}
}

func choices() []ConnectChoice {
	return []ConnectChoice{{"slack", "/connect/token?integration=slack", true}, {"github", "/connect/token?integration=github", false}, {strings.Repeat("very-long-name-", 4), "/connect/token?integration=x", true}}
}

func choosePage() ConnectChoosePage {
	return ConnectChoosePage{App: "Acme CRM", UserLabel: "Jana Novák (jana@acme.example)", Choices: choices(), CancelHref: "/integrations/slack"}
}

func meConnections() []MeConnection {
	var list []MeConnection
	for i, status := range models.Statuses {
		list = append(list, MeConnection{
			Integration: []string{"slack", "github", "hubspot", "google-calendar", "salesforce", strings.Repeat("very-long-name-", 4)}[i], Status: status,
			Since: before(time.Duration(i*i*100) * time.Hour), ReconnectHref: "/connect/token?integration=slack", DisconnectAction: "/me/token/disconnect",
		})
	}
	return list
}

func mePage() MePage {
	return MePage{App: "Acme CRM", UserLabel: "Jana Novák (jana@acme.example)", Connections: meConnections(), Offers: choices()[1:2], ReturnHref: "/back", Now: now}
}

func activity() []ActivityRow {
	return []ActivityRow{
		{Time: before(3 * time.Minute), Actor: "admin:jana.novak@acme.example", What: "Configuration changed", IP: "203.0.113.7", Before: `{"workspace": "acme"}`, After: sampleConfig},
		{Time: before(26 * time.Hour), Actor: "end-user:" + hostile[4], What: "Reconnected", IP: "2001:db8::7"},
		{Time: before(2000 * time.Hour), Actor: "end-user:" + hostile[0], What: "Connected", IP: "203.0.113.9"},
	}
}

func refusedPage() ConnectionPage {
	p := connectionPage(hostile[0])
	p.Status, p.Sentence = models.StatusNeedsReconnect, "The provider revoked the refresh token on 3 May. The user has to grant access again."
	p.Editor.Text = "\n{\n\t\"workspace\": \"</textarea><script>alert(1)</script>\",\n\t\"limits\": { \"perMinute\": 60 \"burst\": 1 }\n}"
	p.Editor.Fault = &ConfigFault{Line: 4, Column: 30, Message: "line 4, column 30: expected ',' or '}' after a value, found '\"'", Quoted: "\t\"limits\": { \"perMinute\": 60 \"burst\": 1 }"}
	return p
}

func viewerPage() ConnectionPage {
	p := connectionPage(hostile[3])
	p.Theme = ThemeDark
	p.Flash = &Flash{Message: "Your role does not allow this."}
	p.Status, p.Sentence = models.StatusExpiring, "The access token ends in 5 hours, and no refresh token is held. Reconnect before then."
	p.Editor.ReadOnly = true
	p.Reconnect.Disabled = "Reconnecting takes the role operator or admin."
	p.Activity, p.Credentials, p.ExpiresAt = nil, nil, nil
	return p
}

func conflictPage() ConfigConflictPage {
	return ConfigConflictPage{
		Shell: shell("Configuration changed", NavConnections), ConnectionHref: "/connections/5b0e", UserID: hostile[2], Integration: "slack",
		Mine:   ConfigEditor{Action: "/connections/5b0e/config", Version: 8, Text: strings.Replace(sampleConfig, "60", "90", 1)},
		Theirs: strings.Replace(sampleConfig, `"deploys"`, `"deploys", "</pre><script>alert(1)</script>"`, 1), TheirsBy: "admin:" + hostile[0], TheirsAt: before(2 * time.Minute),
		Base: sampleConfig,
	}
}

func usersPage() UsersPage {
	p := UsersPage{Shell: shell("Users", NavUsers), Pager: samplePager()}
	for i, row := range connectionRows() {
		p.Rows = append(p.Rows, UserRow{row.UserID, "/users/acme%2Fcorp", int64(1 + i*i*11), row.LastModified})
	}
	return p
}

func userPage(user string, rows []ConnectionRow) UserPage {
	p := UserPage{
		Shell: shell("User", NavUsers), UserID: user, Rows: rows,
		Connect: ConnectForm{Label: "Connect", UserID: user, Integrations: []Option{{"slack", "slack", true}, {"github", "github", false}}, ReturnTo: "/users/acme-corp"},
	}
	if len(rows) > 0 {
		p.Counts = models.StatusCounts{models.StatusConnected: 4, models.StatusError: 1}
	}
	return p
}

func integrationsPage() IntegrationsPage {
	return IntegrationsPage{
		Shell: shell("Integrations", NavIntegrations), File: "integrations/integrations.yaml", RootURL: sampleRoot,
		Rows: []IntegrationRow{
			{"github", "/integrations/github", models.AuthOAuth2, "integrations.yaml, line 3", "", 4210},
			{"google-calendar", "/integrations/google-calendar", models.AuthOAuth2, "integrations.yaml, line 17", "oauth_client_id is missing: register an OAuth app at the provider and add its client id.", 0},
			{"sandbox", "/integrations/sandbox", models.AuthOAuth2, "Built in", "", 2},
			{"slack", "/integrations/slack", models.AuthOAuth2, "integrations.yaml, line 31", "", 8203},
			{"zendesk", "/integrations/zendesk", models.AuthOAuth2, "Database", "", 31},
			{strings.Repeat("very-long-name-", 4), "/integrations/long", models.AuthAPIKey, "integrations.yaml, line 44", "Connecting in the browser is not available for auth mode API_KEY yet.", 17},
		},
	}
}

func integrationPage() IntegrationPage {
	return IntegrationPage{
		Shell: shell("slack", NavIntegrations), Name: "slack", AuthMode: models.AuthOAuth2, Source: "Managed by integrations.yaml, line 31",
		CallbackURL: "https://patchbay.acme.example/oauth/callback/slack", Scopes: []string{"chat:write", "channels:read", "users:read.email"},
		OAuth: []Fact{
			{Name: "Client id", Value: "2718281828.3141592653", Copy: true},
			{Name: "Client secret", Value: "…9f31", Mono: true},
			{Name: "Authorization URL", Value: "https://slack.com/oauth/v2/authorize?user_scope=" + strings.Repeat("identity.basic,", 6), Mono: true},
			{Name: "Token URL", Value: "https://slack.com/api/oauth.v2.access", Mono: true},
		},
		Requests: []Fact{{Name: "Base URL", Value: "https://slack.com/api/", Mono: true}, {Name: "Authorization", Value: "Bearer ${access_token}", Mono: true}},
		Counts:   counts(), Rows: connectionRows()[:8], AllHref: "/connections?integration=slack",
		Connect: ConnectForm{Label: "Connect", Integration: "slack", AskUser: true, ReturnTo: "/integrations/slack"},
		RootURL: sampleRoot,
	}
}

func databasePage() IntegrationPage {
	p := integrationPage()
	p.Source, p.Database = "Kept in the database", true
	return p
}

func problemPage() IntegrationPage {
	p := integrationPage()
	p.Title, p.Name, p.Sandbox, p.Scopes, p.Rows, p.Counts, p.Requests = "sandbox", "sandbox", true, nil, nil, nil, nil
	p.Problem = "oauth_client_id is missing: register an OAuth app at the provider and add its client id."
	p.Connect.UserID, p.Connect.UserError = strings.Repeat("y", 513), "The user id is longer than 512 bytes."
	return p
}

func apiKeyPage() IntegrationPage {
	p := integrationPage()
	p.AuthMode, p.Rows, p.Counts, p.OAuth, p.Scopes, p.CallbackURL = models.AuthAPIKey, nil, nil, nil, nil, ""
	p.Problem = "Connecting in the browser is not available for auth mode API_KEY yet."
	p.Connect.Disabled = p.Problem
	return p
}

func auditPage() AuditPage {
	p := AuditPage{Shell: shell("Audit", NavAudit), Pager: samplePager()}
	objects := []Link{{hostile[len(hostile)-1], "/connections/5b0e"}, {"slack · " + hostile[0], "/connections/5b0e"}, {"jana.novak@acme.example", ""}}
	for i, row := range append(activity(), activity()...) {
		p.Rows = append(p.Rows, AuditRow{row, objects[i%len(objects)]})
	}
	return p
}

func startPage(app, label string) ConnectStartPage {
	return ConnectStartPage{App: app, Integration: "slack", UserLabel: label, Scopes: []string{"chat:write", "channels:read"}, Action: "/connect/token/start", CancelHref: "/integrations/slack"}
}

func resultPage() ConnectResultPage {
	return ConnectResultPage{
		App: "Acme CRM", Integration: "slack", UserLabel: "Jana Novák", UserID: hostile[0], OK: true, Message: "Acme CRM can now use your slack account.",
		ReturnHref: "/connections/5b0e", Popup: true,
	}
}

func aloneResultPage() ConnectResultPage {
	p := resultPage()
	p.Popup = false
	return p
}

func failedPopupPage() ConnectResultPage {
	p := failedPage()
	p.Popup = true
	return p
}

func failedPage() ConnectResultPage {
	return ConnectResultPage{
		App: "Acme CRM", Integration: "slack", UserLabel: hostile[3], UserID: hostile[1], ErrorType: models.ConnectExternalError,
		Message: `slack refused: access_denied "</p><script>alert(1)</script>"`, Advice: "Try again and allow access, or ask your slack administrator.",
		SupportCode: "8f14e45f", ReturnHref: "/integrations/slack", RetryHref: "/connect/token",
	}
}
