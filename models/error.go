package models

import (
	"errors"
	"strings"
	"time"
)

// Kind says what sort of failure an [Error] is. Every front door maps kinds, never codes, to its own status.
type Kind int

// The kinds of failure. The zero value is [KindInternal], so that a forgotten kind fails closed.
const (
	KindInternal        Kind = iota // our fault; pages show the message only where it is made for them
	KindMalformed                   // cannot be read at all
	KindUnauthenticated             // nobody is signed in
	KindForbidden                   // signed in, but not allowed
	KindNotFound                    // no such object
	KindConflict                    // exists already, or changed meanwhile
	KindTooLarge                    // more than is read
	KindInvalid                     // readable, but breaks a rule
	KindReauthRequired              // the end user has to connect again
	KindTooMany                     // rate limited
	KindProviderFailed              // the provider answered with a failure
	KindProviderTimeout             // the provider did not answer in time
	KindUnavailable                 // the database cannot be used; that will pass
)

// Error is a failure that a person can act on. Code is part of the public contract and never changes its meaning;
// Message is one readable sentence that names the place and what was expected, and never contains a secret.
type Error struct {
	Kind    Kind
	Code    string
	Message string
	Fields  []FieldError
	Cause   error // for the log only

	RetryAfter time.Duration // how long to wait, for KindTooMany
}

// FieldError is one fault of one named input. Line and Column are 1-based where the input is a text, else 0; Column
// counts characters, not bytes.
type FieldError struct {
	Field   string
	Message string
	Line    int
	Column  int
}

func (e *Error) Error() string { return e.Message }

// Sentences gives the message with that of every field, for where there is no form to show them on.
func (e *Error) Sentences() string {
	sentences := []string{e.Message}
	for _, field := range e.Fields {
		if field.Message != e.Message {
			sentences = append(sentences, field.Message)
		}
	}
	return strings.Join(sentences, " ")
}

// Unwrap gives the cause, which may hold internals and is meant for logs only.
func (e *Error) Unwrap() error { return e.Cause }

// AsError finds the [Error] in err's chain, or nil.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// HasCode reports whether err is an [Error] with the given code.
func HasCode(err error, code string) bool {
	e := AsError(err)
	return e != nil && e.Code == code
}

// Codes of the errors that operations return.
const (
	CodeAdminExists         = "admin_exists"
	CodeAPIKeyExists        = "api_key_exists"
	CodeConnectionDisabled  = "connection_disabled"
	CodeConnectionExists    = "connection_exists"
	CodeForbidden           = "forbidden"
	CodeIdempotencyProgress = "idempotency_in_progress"
	CodeIdempotencyReused   = "idempotency_key_reused"
	CodeIntegrationExists   = "integration_exists"
	CodeIntegrationInUse    = "integration_in_use"
	CodeIntegrationManaged  = "integration_managed"
	CodeInvalidAdmin        = "invalid_admin"
	CodeInvalidAPIKey       = "invalid_api_key"
	CodeInvalidBody         = "invalid_body"
	CodeInvalidConfig       = "invalid_config"
	CodeInvalidCredentials  = "invalid_credentials"
	CodeInvalidCursor       = "invalid_cursor"
	CodeInvalidHeader       = "invalid_header"
	CodeInvalidIntegration  = "invalid_integration"
	CodeInvalidParameter    = "invalid_parameter"
	CodeInvalidReturnURL    = "invalid_return_url"
	CodeInvalidTags         = "invalid_tags"
	CodeInvalidUserID       = "invalid_user_id"
	CodeInvalidWebhook      = "invalid_webhook"
	CodeMalformedBody       = "malformed_body"
	CodeNeedsReconnect      = "needs_reconnect"
	CodeNotFound            = "not_found"
	CodeNotReady            = "not_ready"
	CodeNotRefreshable      = "not_refreshable"
	CodeRefreshFailed       = "refresh_failed"
	CodeRefreshTimeout      = "refresh_timeout"
	CodeStaleVersion        = "stale_version"
	CodeTooMany             = "too_many_requests"
	CodeUnauthenticated     = "unauthenticated"
	CodeUnknownAction       = "unknown_action"
	CodeUnknownConnection   = "unknown_connection"
	CodeUnknownIntegration  = "unknown_integration"
	CodeUnknownProvider     = "unknown_provider"
	CodeUnsupportedAuthMode = "unsupported_auth_mode"
	CodeWebhookDisabled     = "webhook_disabled"
	CodeWebhookLimit        = "webhook_limit"
	CodeWrongKey            = "wrong_key"
	CodeWrongPassword       = "wrong_password"
)
