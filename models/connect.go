package models

import "time"

// ConnectSession is a link that lets one end user connect one integration for one user id. Only the hash of its
// token is stored.
type ConnectSession struct {
	ID          int64 `gorm:"primaryKey"`
	TokenHash   string
	Integration string
	UserID      string
	UserLabel   string // how the user is called on the page; the user id where empty
	ReturnURL   string // where "back" leads; a path of this server
	Popup       bool   // the page runs in a window of its own and reports to its opener
	CreatedBy   string // the actor who made it
	DateCreated time.Time
	ExpiresAt   time.Time
}

// ConnectSessionLife is how long a connect link works.
const ConnectSessionLife = 30 * time.Minute

// Attempt is one run of the browser flow, from the button to the result. What the end user sees next is always decided
// from the stored attempt. State and the browser's secret are stored as hashes, Secrets sealed.
type Attempt struct {
	ID               int64 `gorm:"primaryKey"`
	UUID             string
	ConnectSessionID int64
	Integration      string
	UserID           string
	StateHash        string
	BrowserHash      string
	RedirectURI      string
	Status           AttemptStatus
	ErrorType        string // one of the error types below, when failed
	ErrorMessage     string // readable, free of secrets
	ConnectionUUID   string // when succeeded
	DateCreated      time.Time
	LastMoved        time.Time // when Status last changed
	ExpiresAt        time.Time

	Secrets AttemptSecrets `gorm:"-"`
}

// ExchangeTime is how long a callback may take, from the moment it arrives.
const ExchangeTime = 30 * time.Second

// ExchangeDeadline gives when an attempt that was consumed must have come to an end, if the server lives.
func (a *Attempt) ExchangeDeadline() time.Time { return a.LastMoved.Add(ExchangeTime) }

// AttemptSecrets is what the callback needs again.
type AttemptSecrets struct {
	Verifier  Secret // RFC 7636 §4.1
	LinkToken Secret // of the connect session, to come back to its page
}

// AttemptStatus is how far an attempt has come.
type AttemptStatus string

// The stages of an attempt. Leaving AttemptStarted happens once and is what makes a state single-use.
const (
	AttemptStarted   AttemptStatus = "started"   // the browser was sent to the provider
	AttemptConsumed  AttemptStatus = "consumed"  // the callback arrived and is being worked on
	AttemptSucceeded AttemptStatus = "succeeded" // the connection is stored
	AttemptFailed    AttemptStatus = "failed"
)

// MaxAttempts is how often one connect link may be tried.
const MaxAttempts = 20

// AttemptLife is how long a state is accepted.
const AttemptLife = 10 * time.Minute

// The error types of the connect flow: shown on its page and sent to the opener.
const (
	ConnectMissingUserID        = "missing_user_id"
	ConnectMissingIntegration   = "missing_integration"
	ConnectInvalidConfiguration = "invalid_integration_configuration"
	ConnectUnsupportedGrant     = "unsupported_grant_type"
	ConnectUnsupportedAuthMode  = "unsupported_auth_mode"
	ConnectInvalidState         = "invalid_state_callback"
	ConnectExternalError        = "external_callback_error"
	ConnectUnknownExternalError = "unknown_external_callback_error"
	ConnectTokenRetrieval       = "token_retrieval_error"
	ConnectTokenStorage         = "token_storage_error"
)
