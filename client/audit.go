package client

import (
	"context"
	"iter"
	"time"
)

// AuditEntry records who did what to which object.
type AuditEntry struct {
	ID             int64     `json:"id"`
	Time           time.Time `json:"time"`
	Actor          string    `json:"actor"`
	Action         string    `json:"action"`
	Integration    string    `json:"integration"`
	UserID         string    `json:"userId"`
	ConnectionUUID string    `json:"connectionUuid"`
	IP             string    `json:"ip"`
	RequestID      string    `json:"requestId"`
	// Before and After are the additionalConfig around a change of it, long ones only where the filter names a connection.
	// Of other actions, After can say what was made or why it failed.
	Before string `json:"before"`
	After  string `json:"after"`
}

// AuditFilter selects audit entries. Empty fields do not filter.
type AuditFilter struct {
	ConnectionUUID string
	Integration    string
}

// Audit gives every audit entry that filter selects, newest first, reading page after page as the loop goes on. An error
// ends it.
func (c *Client) Audit(ctx context.Context, filter AuditFilter) iter.Seq2[AuditEntry, error] {
	return rows(func(page PageRequest) ([]AuditEntry, string, error) {
		r := page.list("audit", query("connection", filter.ConnectionUUID, "integration", filter.Integration))
		found, err := fetch[struct {
			Entries    []AuditEntry
			NextCursor string
		}](ctx, c, r)
		if err != nil {
			return nil, "", err
		}
		return found.Entries, found.NextCursor, nil
	})
}

// Event tells that something happened to a connection.
type Event struct {
	ID             int64     `json:"id"`
	Type           EventType `json:"type"`
	Time           time.Time `json:"time"`
	ConnectionUUID string    `json:"connectionUuid"`
	Integration    string    `json:"integration"`
	UserID         string    `json:"userId"`
	Detail         string    `json:"detail"` // what changed, or why
}

// EventType is what happened. New ones may be added.
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

// EventPage is the events after a cursor, oldest first. NextCursor is always given: asking with it later gives what has
// happened meanwhile.
type EventPage struct {
	Events     []Event `json:"events"`
	NextCursor string  `json:"nextCursor"`
}

// Events gives one page of the events of a type, or of every type where it is empty. A reader that keeps the last
// NextCursor misses nothing.
func (c *Client) Events(ctx context.Context, eventType EventType, page PageRequest) (*EventPage, error) {
	return fetch[EventPage](ctx, c, page.list("events", query("type", string(eventType))))
}
