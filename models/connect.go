package models

import (
	"crypto/subtle"
	"slices"
	"time"
)

// ConnectSession lets one end user connect integrations for one user id, by a link. Only the hash of its token is stored.
type ConnectSession struct {
	ID           int64 `gorm:"primaryKey"`
	UUID         string
	TokenHash    string
	Integrations []string `gorm:"serializer:json"` // all where empty
	UserID       string
	UserLabel    string // how the user is called on the page; the user id where empty
	ReturnURL    string // where the flow ends: a path of this server, or an address of a registered origin
	Confirm      bool   // tokens wait until the application redeems the claim
	CreatedBy    string // the actor who made it
	DateCreated  time.Time
	ExpiresAt    time.Time
}

// Covers reports whether the session is for an integration.
func (s *ConnectSession) Covers(integration string) bool {
	return len(s.Integrations) == 0 || slices.Contains(s.Integrations, integration)
}

// Bounds of how long a connect session lasts.
const (
	ConnectSessionLife    = 30 * time.Minute // where nothing else is asked for
	MinConnectSessionLife = time.Minute
	MaxConnectSessionLife = 24 * time.Hour
)

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
	AttemptDisplay
	Status         AttemptStatus
	ErrorType      string // one of the error types below, when failed
	ErrorMessage   string // readable, free of secrets
	ConnectionUUID string // when succeeded
	DateCreated    time.Time
	LastMoved      time.Time // when Status last changed
	ExpiresAt      time.Time

	ClaimHash string // of the claim, while the attempt is pending

	Secrets AttemptSecrets `gorm:"-"`
}

// StartedBy reports whether one of a browser's secrets is the one it was given when it started the attempt.
func (a *Attempt) StartedBy(secrets []Secret) bool {
	return slices.ContainsFunc(secrets, func(secret Secret) bool {
		return subtle.ConstantTimeCompare([]byte(a.BrowserHash), []byte(secret.Hash())) == 1
	})
}

// AttemptDisplay is how the browser that started an attempt shows it, and who is told the result.
type AttemptDisplay struct {
	Popup     bool   // in a window of its own, which reports to its opener
	Origin    string // the web origin of that opener; empty for the dashboard
	Ref       string // a name the opener gave the attempt, to find it by
	ReturnURL string // instead of the connect session's
}

// ExchangeTime is how long a callback may take, from the moment it arrives.
const ExchangeTime = 30 * time.Second

// ExchangeDeadline gives when an attempt that was consumed must have come to an end, if the server lives.
func (a *Attempt) ExchangeDeadline() time.Time { return a.LastMoved.Add(ExchangeTime) }

// AttemptSecrets is what the callback needs again.
type AttemptSecrets struct {
	Verifier  Secret // RFC 7636 §4.1
	LinkToken Secret // of the connect session, to come back to its page

	// While the attempt is pending:
	Claim       Secret // what the application redeems
	Credentials *Credentials
}

// AttemptStatus is how far an attempt has come.
type AttemptStatus string

// The stages of an attempt. Leaving AttemptStarted happens once and is what makes a state single-use.
const (
	AttemptStarted   AttemptStatus = "started"   // the browser was sent to the provider
	AttemptConsumed  AttemptStatus = "consumed"  // the callback arrived and is being worked on
	AttemptPending   AttemptStatus = "pending"   // the tokens wait for the application's claim
	AttemptSucceeded AttemptStatus = "succeeded" // the connection is stored
	AttemptFailed    AttemptStatus = "failed"
)

// MaxAttempts is how often one connect link may be tried.
const MaxAttempts = 20

// AttemptLife is how long a state is accepted.
const AttemptLife = 10 * time.Minute

// ClaimLife is how long the tokens of an attempt wait for its claim.
const ClaimLife = 10 * time.Minute

// MaxRefBytes bounds the ref of an attempt.
const MaxRefBytes = 64

// The error types of the connect flow: shown on its page and sent to the opener.
const (
	ConnectMissingUserID        = "missing_user_id"
	ConnectMissingIntegration   = "missing_integration"
	ConnectInvalidConfiguration = "invalid_integration_configuration"
	ConnectUnsupportedGrant     = "unsupported_grant_type"
	ConnectUnsupportedAuthMode  = "unsupported_auth_mode"
	ConnectInvalidSession       = "invalid_connect_session"
	ConnectInvalidState         = "invalid_state_callback"
	ConnectExternalError        = "external_callback_error"
	ConnectUnknownExternalError = "unknown_external_callback_error"
	ConnectTokenRetrieval       = "token_retrieval_error"
	ConnectTokenStorage         = "token_storage_error"
)
