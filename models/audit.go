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
	AuditConnectSessionCreated = "connect_session.created"
	AuditConnectionCreated     = "connection.created"
	AuditConnectionReconnected = "connection.reconnected"
	AuditConfigUpdated         = "connection.config_updated"
	AuditConnectFailed         = "connection.connect_failed" // After holds the error type
)

// AdminActor is how an admin is named as an actor.
func AdminActor(email string) string { return "admin:" + email }

// EndUserActor is how an end user is named as an actor.
func EndUserActor(userID string) string { return "end-user:" + userID }

// SystemActor is the server itself, or whoever has its command line.
const SystemActor = "system"

// Actor is who asks for a change, and from where.
type Actor struct {
	Name      string // as in AuditEntry.Actor
	IP        string
	RequestID string
}
