package models

import "time"

// Event tells that something happened to a connection. It is written in the transaction of the change, so that no change
// is without its event and no event without its change.
type Event struct {
	ID             int64 `gorm:"primaryKey"`
	Time           time.Time
	Type           EventType
	ConnectionUUID string
	Integration    string
	UserID         string
	Detail         string // what changed, or why; one word or one sentence, free of secrets
}

// EventType is what happened.
type EventType string

// The event types.
const (
	EventConnectionCreated        EventType = "connection.created"
	EventConnectionUpdated        EventType = "connection.updated"
	EventConnectionDeleted        EventType = "connection.deleted"
	EventConnectionRefreshed      EventType = "connection.refreshed"
	EventConnectionNeedsReconnect EventType = "connection.needs_reconnect"
	EventConnectionRecovered      EventType = "connection.recovered"
)

// EventTypes lists every event type.
var EventTypes = []EventType{
	EventConnectionCreated, EventConnectionUpdated, EventConnectionDeleted, EventConnectionRefreshed,
	EventConnectionNeedsReconnect, EventConnectionRecovered,
}
