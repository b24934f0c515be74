package models

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// APIKey lets a backend call the API. Only hashes of the key's text are stored; Prefix and Last are what people tell keys
// apart by.
type APIKey struct {
	ID           int64 `gorm:"primaryKey"`
	Name         string
	Prefix       string   // the first characters of the text
	Last         string   // its last four
	Scopes       []Scope  `gorm:"serializer:json"`
	Integrations []string `gorm:"serializer:json"` // the only ones it may touch; all where empty
	CreatedBy    string
	DateCreated  time.Time
	LastUsed     *time.Time
	ExpiresAt    *time.Time // nil: never

	Hash              string
	PreviousHash      string // of the text before the last roll
	PreviousExpiresAt *time.Time
}

// apiKeyPrefix begins the text of every API key, so that a leaked one is recognized.
const apiKeyPrefix = "pb_"

// NewAPIKeyText makes the text of an API key.
func NewAPIKeyText() Secret { return apiKeyPrefix + NewToken() }

// SetText makes text the key's current text.
func (k *APIKey) SetText(text Secret) {
	revealed := text.Reveal()
	k.Hash = text.Hash()
	k.Prefix = revealed[:min(len(apiKeyPrefix)+4, len(revealed)/4)]
	k.Last = revealed[len(revealed)-min(4, len(revealed)/4):]
}

// Expired reports whether the key has ended.
func (k *APIKey) Expired(now time.Time) bool { return k.ExpiresAt != nil && !k.ExpiresAt.After(now) }

// Allows reports whether the key has a scope.
func (k *APIKey) Allows(scope Scope) bool { return slices.Contains(k.Scopes, scope) }

// Reaches reports whether the key may touch an integration.
func (k *APIKey) Reaches(integration string) bool {
	return len(k.Integrations) == 0 || slices.Contains(k.Integrations, integration)
}

// Scope is a right of an API key.
type Scope string

// The scopes.
const (
	ScopeConnectionsRead   Scope = "connections:read"
	ScopeConnectionsWrite  Scope = "connections:write"
	ScopeCredentialsRead   Scope = "credentials:read"
	ScopeIntegrationsWrite Scope = "integrations:write"
	ScopeActionsRun        Scope = "actions:run"
	ScopeProxy             Scope = "proxy"
	ScopeConnectWrite      Scope = "connect:write"
	ScopeAuditRead         Scope = "audit:read"
	ScopeWebhooksWrite     Scope = "webhooks:write"
)

// Scopes lists every scope in display order.
var Scopes = []Scope{
	ScopeConnectionsRead, ScopeConnectionsWrite, ScopeCredentialsRead, ScopeConnectWrite,
	ScopeActionsRun, ScopeProxy, ScopeIntegrationsWrite, ScopeWebhooksWrite, ScopeAuditRead,
}

// APIKeyRequest asks for a new API key.
type APIKeyRequest struct {
	Name         string
	Scopes       []Scope
	Integrations []string
	ExpiresAt    *time.Time
}

// MaxAPIKeyNameBytes bounds a key's name.
const MaxAPIKeyNameBytes = 100

// Validate checks a request. It fails with invalid_api_key and a field for each fault.
func (r *APIKeyRequest) Validate(now time.Time) error {
	var fields []FieldError
	if r.Name == "" || len(r.Name) > MaxAPIKeyNameBytes || !utf8.ValidString(r.Name) || strings.ContainsFunc(r.Name, unicode.IsControl) {
		fields = append(fields, FieldError{Field: "name", Message: "Enter a name of at most 100 bytes, such as the service that will use the key."})
	}
	if len(r.Scopes) == 0 {
		fields = append(fields, FieldError{Field: "scopes", Message: "Choose at least one scope."})
	}
	for _, scope := range r.Scopes {
		if !slices.Contains(Scopes, scope) {
			fields = append(fields, FieldError{Field: "scopes", Message: fmt.Sprintf("There is no scope %q; the scopes are %s.", scope, JoinScopes(Scopes))})
		}
	}
	for _, name := range r.Integrations {
		if !ValidIntegrationName(name) {
			fields = append(fields, FieldError{Field: "integrations", Message: fmt.Sprintf("%q cannot be the name of an integration.", name)})
		}
	}
	if r.ExpiresAt != nil && !r.ExpiresAt.After(now) {
		fields = append(fields, FieldError{Field: "expiresAt", Message: "Choose an end in the future."})
	}
	if fields == nil {
		return nil
	}
	return &Error{Kind: KindInvalid, Code: CodeInvalidAPIKey, Message: "The API key was not created.", Fields: fields}
}

// JoinScopes writes scopes as a list for people.
func JoinScopes(scopes []Scope) string {
	texts := make([]string, len(scopes))
	for i, scope := range scopes {
		texts[i] = string(scope)
	}
	return strings.Join(texts, ", ")
}

// APICalls counts the calls of one operation that one API key made in one window of time about one connection.
type APICalls struct {
	Window         time.Time // its beginning; a window lasts [APICallWindow]
	APIKey         string    // the key's name
	Operation      string    // the operationId of the API
	ConnectionUUID string    // empty for calls that are not about one connection
	Calls          int64
}

// APICallWindow is how long the calls of a key are counted together.
const APICallWindow = 10 * time.Minute
