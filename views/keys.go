package views

import (
	"time"

	"github.com/patchbay/patchbay/models"
)

// KeysPage lists the API keys.
type KeysPage struct {
	Shell
	Rows []KeyRow
}

// KeyRow is one API key, without its text.
type KeyRow struct {
	Name         string
	Hint         string // its first and last characters
	Scopes       []models.Scope
	Integrations []string // the only ones it may touch; all where empty
	CreatedBy    string
	DateCreated  time.Time
	LastUsed     *time.Time // nil: never
	ExpiresAt    *time.Time // nil: never
	PreviousEnds *time.Time // when the text before the last roll ends; nil where there is none that works
	RollHref     string     // its confirmation page; empty for the key that the settings give
	RevokeHref   string     // likewise
}

// KeyFormPage creates an API key. Option values are what is posted, and Selected is what was chosen.
type KeyFormPage struct {
	Shell
	Presets      []Link // each leads to this page with some scopes chosen
	Name         string
	Scopes       []models.Scope // chosen
	Integrations []Option
	Expiries     []Option     // the last one is the date in ExpiresAt
	ExpiresAt    string       // a date, as typed
	Errors       []FieldError // fields: name, scopes, integrations, expires, expiresAt
}

// KeyTextPage shows the text of an API key, this once.
type KeyTextPage struct {
	Shell
	Name         string
	Text         string
	Rolled       bool       // the key had another text before
	PreviousEnds *time.Time // when that ends; nil where it has ended
	RootURL      string
}

// KeyRollPage asks before a key is given a new text.
type KeyRollPage struct {
	Shell
	Key      KeyRow
	Overlaps []Option // how long the present text goes on working
}

// KeyRevokePage asks before a key is ended.
type KeyRevokePage struct {
	Shell
	Key KeyRow
}

// scopeGroup is a part of the scopes with what each one allows.
type scopeGroup struct {
	Name   string
	Scopes []scopeMeaning
}

type scopeMeaning struct {
	Scope   models.Scope
	Meaning string
}

// scopeGroups holds every scope once.
var scopeGroups = []scopeGroup{
	{"Connections", []scopeMeaning{
		{models.ScopeConnectionsRead, "See connections with status, tags and additionalConfig, but without credentials."},
		{models.ScopeConnectionsWrite, "Register and change connections, refresh, disable and delete them."},
		{models.ScopeCredentialsRead, "Read access tokens, API keys and passwords of connections."},
	}},
	{"Connecting users", []scopeMeaning{
		{models.ScopeConnectWrite, "Make connect sessions. Who holds the link of one can connect, see and end the connections of its user."},
	}},
	{"Calls to the integration's API", []scopeMeaning{
		{models.ScopeActionsRun, "Run actions for a connection."},
		{models.ScopeProxy, "Send requests that are authorized with a connection's credentials."},
	}},
	{"Server", []scopeMeaning{
		{models.ScopeIntegrationsWrite, "Create, change and delete integrations that integrations.yaml does not manage."},
		{models.ScopeWebhooksWrite, "See and manage webhook endpoints, which are told of the events of every user."},
		{models.ScopeAuditRead, "Read the audit and the events."},
	}},
}

// scopeNames gives scopes as texts.
func scopeNames(scopes []models.Scope) []string {
	names := make([]string, len(scopes))
	for i, s := range scopes {
		names[i] = string(s)
	}
	return names
}
