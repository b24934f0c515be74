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
