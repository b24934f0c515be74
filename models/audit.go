package models

import "time"

// AuditEntry records who did what to which object. It is written in the transaction of the change. Before and After
// hold the additionalConfig around a configuration change; otherwise After may name what was made. Credentials never
// appear.
type AuditEntry struct {
	ID             int64 `gorm:"primaryKey"`
	Time           time.Time
	Actor          string // "admin:name@example.com", "end-user:<user id>", "system"
	Action         string // one of the Audit names below
	Integration    string
	UserID         string
	ConnectionUUID string
	Version        int64 // of the connection after the change
	IP             string
	RequestID      string
	Before         string
	After          string
}

// What an audit entry can tell.
const (
	AuditAdminCreated          = "admin.created"
	AuditAdminSignedIn         = "admin.signed_in"
	AuditAPIKeyCreated         = "api_key.created"
	AuditAPIKeyRevoked         = "api_key.revoked"
	AuditAPIKeyRolled          = "api_key.rolled"
	AuditConnectSessionCreated = "connect_session.created"
	AuditConnectSessionDeleted = "connect_session.deleted"
	AuditConnectionCreated     = "connection.created"
	AuditConnectionDeleted     = "connection.deleted"
	AuditConnectionDisabled    = "connection.disabled"
	AuditConnectionEnabled     = "connection.enabled"
	AuditConnectionReconnected = "connection.reconnected"
	AuditConnectionRevoked     = "connection.revoked" // After tells how it went
	AuditConfigUpdated         = "connection.config_updated"
	AuditConnectFailed         = "connection.connect_failed"  // After holds the error type
	AuditConnectPending        = "connection.connect_pending" // waits for the application's claim
	AuditCredentialsUpdated    = "connection.credentials_updated"
	AuditEncryptionKeyReplaced = "encryption_key.replaced" // Before and After are ids of keys
	AuditIntegrationCreated    = "integration.created"
	AuditIntegrationDeleted    = "integration.deleted"
	AuditIntegrationUpdated    = "integration.updated"
	AuditNeedsReconnect        = "connection.needs_reconnect" // After holds the reason
	AuditRefreshed             = "connection.refreshed"       // because someone asked for it
	AuditTagsUpdated           = "connection.tags_updated"
	AuditWebhookCreated        = "webhook.created" // After holds the address, as of all of these
	AuditWebhookDeleted        = "webhook.deleted"
	AuditWebhookDisabled       = "webhook.disabled" // After holds the reason, too, where the server did it
	AuditWebhookEnabled        = "webhook.enabled"
	AuditWebhookRolled         = "webhook.secret_rolled"
	AuditWebhookUpdated        = "webhook.updated"
)

// AdminActor is how an admin is named as an actor.
func AdminActor(email string) string { return "admin:" + email }

// EndUserActor is how an end user is named as an actor.
func EndUserActor(userID string) string { return "end-user:" + userID }

// APIKeyActor is how an API key is named as an actor.
func APIKeyActor(name string) string { return "api-key:" + name }

// SystemActor is the server itself, or whoever has its command line.
const SystemActor = "system"

// Actor is who asks for a change, and from where.
type Actor struct {
	Name      string // as in AuditEntry.Actor
	IP        string
	RequestID string
}
