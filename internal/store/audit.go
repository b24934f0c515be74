package store

import (
	"context"
	"fmt"

	"github.com/patchbay/patchbay/models"
)

// Audit adds an entry, in the transaction of what it tells about.
func (tx *Tx) Audit(entry models.AuditEntry) error {
	if err := tx.db.Create(&entry).Error; err != nil {
		return fmt.Errorf("write audit entry %s: %w", entry.Action, err)
	}
	return nil
}

// shortConfigs selects entries with their configurations, but none of more than 16 KiB together: a page of the longest
// would be 50 MiB.
const shortConfigs = `id, time, actor, action, integration, user_id, connection_uuid, version, ip, request_id,
	CASE WHEN OCTET_LENGTH(before) + OCTET_LENGTH(after) <= 16384 THEN before ELSE '' END AS before,
	CASE WHEN OCTET_LENGTH(before) + OCTET_LENGTH(after) <= 16384 THEN after ELSE '' END AS after`

// AuditEntries gives one page of entries, newest first; without long configurations, unless they are of one connection. It
// fails with invalid_cursor.
func (q *queries) AuditEntries(ctx context.Context, filter models.AuditFilter, request models.PageRequest) (models.Page[models.AuditEntry], error) {
	db := q.db.WithContext(ctx).Model(&models.AuditEntry{})
	if filter.ConnectionUUID != "" {
		db = db.Where("connection_uuid = ?", filter.ConnectionUUID)
	} else {
		db = db.Select(shortConfigs)
	}
	if filter.Integration != "" {
		db = db.Where("integration = ?", filter.Integration)
	}
	if len(filter.Integrations) > 0 {
		db = db.Where("integration IN ?", filter.Integrations)
	}
	newestFirst := order[models.AuditEntry]{"audit", []key[models.AuditEntry]{{"id", func(e *models.AuditEntry) any { return e.ID }}}, true}
	page, err := paginate(db, newestFirst, request)
	if err != nil {
		return page, fmt.Errorf("list audit entries: %w", err)
	}
	return page, nil
}

// Emit adds an event, in the transaction of what it tells about, with a delivery for each webhook endpoint that wants it. A
// follower with a cursor would spare the transaction that, which is one look at a table of at most fifty rows and one
// insertion; but PostgreSQL gives out ids before it commits, and a cursor would pass by an event that is committed late.
func (tx *Tx) Emit(event models.Event) error {
	if err := tx.db.Create(&event).Error; err != nil {
		return fmt.Errorf("write event %s: %w", event.Type, err)
	}
	return tx.fanOut(&event)
}

// Events gives one page of events, oldest first. The page's Next is given also at the end, so that a reader can come back
// for what has happened since; it is empty only while there is no event at all. It fails with invalid_cursor.
func (q *queries) Events(ctx context.Context, filter models.EventFilter, request models.PageRequest) (models.Page[models.Event], error) {
	db := q.db.WithContext(ctx).Model(&models.Event{})
	if filter.Type != "" {
		db = db.Where("type = ?", filter.Type)
	}
	if len(filter.Integrations) > 0 {
		db = db.Where("integration IN ?", filter.Integrations)
	}
	oldestFirst := order[models.Event]{"events", []key[models.Event]{{"id", func(e *models.Event) any { return e.ID }}}, false}
	page, err := paginate(db, oldestFirst, request)
	if err != nil {
		return page, fmt.Errorf("list events: %w", err)
	}
	page.Next = request.Cursor
	if n := len(page.Rows); n > 0 {
		page.Next = encodeCursor(oldestFirst, &page.Rows[n-1], false)
	}
	return page, nil
}

// ConfigChangesSince gives the first and the last change of a connection's additionalConfig after version, both nil where
// there is none.
func (q *queries) ConfigChangesSince(ctx context.Context, connectionUUID string, version int64) (first, last *models.AuditEntry, err error) {
	var changes []*models.AuditEntry
	for _, order := range []string{"id", "id DESC"} {
		var found []*models.AuditEntry
		err := q.db.WithContext(ctx).
			Where("connection_uuid = ? AND action = ? AND version > ?", connectionUUID, models.AuditConfigUpdated, version).
			Order(order).Limit(1).Find(&found).Error
		if err != nil {
			return nil, nil, fmt.Errorf("find configuration changes: %w", err)
		}
		changes = append(changes, found...)
	}
	if len(changes) < 2 {
		return nil, nil, nil
	}
	return changes[0], changes[1], nil
}
