package views

import (
	"time"

	"github.com/patchbay/patchbay/models"
)

// Shell is what every page of the dashboard shares.
type Shell struct {
	Title  string // of the document; the product's name is appended
	Active NavItem
	Admin  string // email of who is signed in
	Owner  bool   // who is signed in has the role admin, and may manage API keys
	Theme  Theme
	Flash  *Flash
	Path   string // of this page with its query, to come back to
	Now    time.Time
}

// NavItem is an entry of the navigation.
type NavItem string

// The entries of the navigation.
const (
	NavOverview     NavItem = "overview"
	NavConnections  NavItem = "connections"
	NavUsers        NavItem = "users"
	NavIntegrations NavItem = "integrations"
	NavAudit        NavItem = "audit"
	NavKeys         NavItem = "keys"
	NavReference    NavItem = "reference"
	NavWebhooks     NavItem = "webhooks"
	NavSystem       NavItem = "system"
)

// Theme is the colour scheme a visitor chose.
type Theme string

// The themes; the empty one follows the system.
const (
	ThemeSystem Theme = ""
	ThemeLight  Theme = "light"
	ThemeDark   Theme = "dark"
)

// Flash is the outcome of the last action, shown once.
type Flash struct {
	OK      bool // success is role=status, failure role=alert
	Message string
}

// Link is a labelled address.
type Link struct {
	Label string
	Href  string
}

// Option is one choice of a select.
type Option struct {
	Value, Label string
	Selected     bool
}

// Pager leads to the neighbouring pages; an empty Href is an end of the list.
type Pager struct {
	FirstHref, PrevHref, NextHref string
	Sizes                         []Option // rows per page; Value is the address
}

// FieldError is a fault of one field of a form, keyed by the field's name.
type FieldError struct{ Field, Message string }

// SetupPage creates the first admin. Token is the one-time token of the set-up link.
type SetupPage struct {
	Theme  Theme
	Token  string
	Email  string
	Errors []FieldError // fields: email, password
	// TokenProblem is why the link cannot be used; the form is then left out.
	TokenProblem string
}

// LoginPage signs in. Next is where to go afterwards.
type LoginPage struct {
	Theme  Theme
	Email  string
	Next   string
	Error  string // one message for any wrong combination
	Notice string
}

// OverviewPage is the first page after signing in.
type OverviewPage struct {
	Shell
	Counts       models.StatusCounts
	Integrations int
	Users        string // "1,804", "10,000+"
	Recent       []ConnectionRow
	// SandboxHref is the page of the built-in provider's integration while it is offered, for the first connection.
	SandboxHref string
}

// ConnectionRow is one line in a list of connections.
type ConnectionRow struct {
	Href            string
	UserID          string
	Integration     string
	IntegrationHref string
	Status          models.Status
	Detail          string // one sentence about the status, or empty
	ExpiresAt       *time.Time
	Refreshable     bool
	DateCreated     time.Time
	LastModified    time.Time
}

// ConnectionsPage lists connections under filters that live in the address.
type ConnectionsPage struct {
	Shell
	Filter       models.ConnectionFilter
	Integrations []Option // "any" first
	Statuses     []Option // "any" first
	Chips        []Link   // an active filter each; Href is the page without it
	Sorts        []Option // the orders, for narrow windows, where the columns have no headers
	Created      SortLink
	Modified     SortLink
	Rows         []ConnectionRow
	Pager        Pager
	AnyExist     bool   // false: there is no connection at all yet
	Total        string // how many match the filters: "3,045", "10,000+"
	Limit        string
}

// SortLink is a sortable column: AriaSort is "ascending", "descending" or "none".
type SortLink struct{ Href, AriaSort string }

// CredentialRow is one masked credential. Masked never contains more than a hint of the secret.
type CredentialRow struct {
	Name   string
	Masked string
	Note   string
}

// ConfigEditor is the form that edits an additionalConfig. Text is shown exactly as given.
type ConfigEditor struct {
	Action   string // address the form posts to
	Version  int64  // of the configuration that the text was read from
	Text     string
	Fault    *ConfigFault // nil unless the text was refused
	ReadOnly bool
}

// ConfigFault is where and why a text was refused. Line and Column are 1-based; Quoted is the line at fault.
type ConfigFault struct {
	Line, Column int
	Message      string // begins with "line L, column C: "
	Quoted       string
}

// ActivityRow is one entry of a history.
type ActivityRow struct {
	Time   time.Time
	Actor  string
	What   string // a sentence
	IP     string
	Before string // additionalConfig before and after; both empty unless the entry is about it
	After  string
}

// ConnectForm is a Connect or Reconnect button. With Integrations it offers a choice of integration, with AskUser it
// asks for the user id; otherwise both are fixed.
type ConnectForm struct {
	Label        string // "Connect", "Reconnect"
	Integration  string
	UserID       string
	Integrations []Option
	AskUser      bool
	ReturnTo     string
	Disabled     string // the reason why it cannot be used, or empty
	UserError    string // why the user id was refused
}

// TagsForm shows the tags of a connection and edits them.
type TagsForm struct {
	Tags  []string
	Text  string // what the field holds: the tags, separated by commas, or the text that was refused
	Error string // why it was refused
}

// APICallsRow counts the calls of one operation that one API key made about a connection in one window of time.
type APICallsRow struct {
	Key       string
	Operation string // operationId
	Calls     int64
	Window    time.Time // its beginning; it lasts [models.APICallWindow]
}

// ConnectionPage shows one connection. An Editor that is read-only is one of an admin who may change nothing here.
type ConnectionPage struct {
	Shell
	UUID            string
	UserID          string
	UserHref        string
	Integration     string
	IntegrationHref string
	AuthMode        models.AuthMode
	Status          models.Status
	Sentence        string // what the status means here, and what to do
	Trouble         RefreshTrouble
	DateCreated     time.Time
	LastModified    time.Time
	ExpiresAt       *time.Time
	Refreshable     bool
	ObtainedAt      time.Time  // of the credentials
	AheadAt         *time.Time // when they are refreshed next without being asked for
	Credentials     []CredentialRow
	Tags            TagsForm
	Editor          ConfigEditor
	Reconnect       ConnectForm
	Activity        []ActivityRow
	APICalls        []APICallsRow // the newest windows first
}

// RefreshTrouble tells of refreshes that failed; the zero value that none did since the last that worked.
type RefreshTrouble struct {
	Answer   string     // the provider's own words
	Failures int        // in a row
	Again    *time.Time // when it is tried next; nil for never
	Unclear  bool       // access counts as lost only because of so many refusals: to ask once more may help
}

// ConfigConflictPage is shown when a configuration changed between reading and saving. Mine keeps the refused text in
// an editor whose version is the current one; Base is the text both started from.
type ConfigConflictPage struct {
	Shell
	ConnectionHref string
	UserID         string
	Integration    string
	Mine           ConfigEditor
	Theirs         string
	TheirsBy       string // who saved it
	TheirsAt       time.Time
	Base           string
}

// UserRow is one line in the list of users.
type UserRow struct {
	UserID       string
	Href         string
	Connections  int64
	LastModified time.Time
}

// UsersPage lists user ids that have connections.
type UsersPage struct {
	Shell
	Rows  []UserRow
	Pager Pager
}

// UserPage shows one user id with its connections.
type UserPage struct {
	Shell
	UserID  string
	Counts  models.StatusCounts
	Rows    []ConnectionRow
	Pager   Pager
	Connect ConnectForm
}

// IntegrationRow is one line in the list of integrations.
type IntegrationRow struct {
	Name        string
	Href        string // its page; the list of its connections where it is configured no longer
	AuthMode    models.AuthMode
	Source      string // "integrations.yaml, line 3", "Database", "Built in"
	Problem     string // why users cannot connect, or empty
	Connections int64
}

// IntegrationsPage lists the integrations. File is the path an operator edits to add one; RootURL is the public root, for
// the way by API.
type IntegrationsPage struct {
	Shell
	Rows    []IntegrationRow
	File    string
	RootURL string
}

// Fact is one line of a key/value list. Copy adds a copy button, Mono sets the value in the fixed-width face.
type Fact struct {
	Name  string
	Value string
	Copy  bool
	Mono  bool
}

// IntegrationPage shows one integration.
type IntegrationPage struct {
	Shell
	Name        string
	AuthMode    models.AuthMode
	Source      string // "Managed by integrations.yaml, line 3", "Kept in the database", "Built in"
	Sandbox     bool
	Database    bool   // it is changed by API
	RootURL     string // the public root, for the snippets
	Problem     string
	CallbackURL string
	Scopes      []string
	OAuth       []Fact // client id, masked secret, addresses
	Requests    []Fact // base URL, headers, params with their placeholders
	Counts      models.StatusCounts
	Rows        []ConnectionRow
	AllHref     string // the list of this integration's connections
	Connect     ConnectForm
	VicesHref   string // where the sandbox is made to misbehave; empty where that is not offered
}

// AuditPage lists what was done, newest first.
type AuditPage struct {
	Shell
	Rows  []AuditRow
	Pager Pager
}

// AuditRow is one line of the audit list.
type AuditRow struct {
	ActivityRow
	Object Link // what it was done to; the label alone where there is no page
}

// ConnectStartPage is the end user's page before the provider: who asks, for what, and whose account it will be bound
// to.
type ConnectStartPage struct {
	Theme       Theme
	App         string // the application's name
	Integration string
	UserLabel   string
	Scopes      []string
	Action      string // address of the Continue button's form
	Hidden      []HiddenField
	CancelHref  string // empty where there is nowhere to go back to
	Popup       bool
}

// HiddenField is a value that a form sends along.
type HiddenField struct{ Name, Value string }

// ConnectResultPage is the end of a connect flow.
type ConnectResultPage struct {
	Theme       Theme
	App         string
	Integration string
	UserLabel   string
	UserID      string
	OK          bool
	ErrorType   string // one of the models.Connect types
	Message     string // what happened, in a sentence
	Advice      string // what to do next
	SupportCode string // of the attempt, or of the request where there is none; empty on success
	ReturnHref  string // where to go on; empty where there is nowhere
	RetryHref   string // where to try again; empty where that is pointless
	Popup       bool   // report to the opener and close
	Origin      string // the only origin whose opener is told; empty for the dashboard
	Ref         string // the opener's name for the attempt
	Claim       string // what the application redeems, in confirm mode
}

// ErrorPage is any failed request. Href and HrefLabel are a link out of it; empty means none.
type ErrorPage struct {
	Theme     Theme
	Status    int
	Title     string
	Message   string
	RequestID string
	Href      string
	HrefLabel string
}
