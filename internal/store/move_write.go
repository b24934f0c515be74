package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/patchbay/patchbay/models"
)

// PrepareToLoad makes ready for writing very many rows: SQLite gets a cache of 64 MiB, because the pages of ten indexes do
// not fit into its usual 2 MiB, and copies its log into the database less often. It lasts until the store is closed.
func (s *Store) PrepareToLoad(ctx context.Context) error {
	if s.postgres() {
		return nil
	}
	for _, pragma := range []string{"cache_size = -65536", "temp_store = MEMORY", "wal_autocheckpoint = 16384"} {
		if err := s.writer.WithContext(ctx).Exec("PRAGMA " + pragma).Error; err != nil {
			return fmt.Errorf("prepare to load: %w", err)
		}
	}
	return nil
}

// InsertMoved stores those connections whose uuid and pair are both free, as they are, and gives the uuids of the others.
// No two of them may have the same uuid or pair.
func (tx *Tx) InsertMoved(connections []MovedConnection) (taken map[string]bool, err error) {
	values := make([]any, 0, len(connections)*len(movedColumns))
	for i := range connections {
		row, err := tx.movedValues(&connections[i])
		if err != nil {
			return nil, err
		}
		values = append(values, row...)
	}
	ids, err := tx.insertFree("connections", movedColumns, values)
	if err != nil {
		return nil, err
	}
	taken = map[string]bool{}
	var tags []any
	for i := range connections {
		c := &connections[i]
		id, ok := ids[c.UUID]
		if !ok {
			taken[c.UUID] = true
			continue
		}
		for _, tag := range c.Tags {
			tags = append(tags, tag, id)
		}
	}
	return taken, tx.insertAll("connection_tags", []string{"tag", "connection_id"}, tags)
}

// movedValues gives the values of a row in the order of [movedColumns].
func (tx *Tx) movedValues(c *MovedConnection) ([]any, error) {
	tags := noTags
	if len(c.Tags) > 0 {
		text, err := json.Marshal(c.Tags)
		if err != nil {
			return nil, fmt.Errorf("encode tags of connection %s: %w", c.UUID, err)
		}
		tags = string(text)
	}
	sealed := tx.vault.Seal([]byte(c.Credentials.Reveal()), credentialsPlace(c.UUID))
	return []any{
		c.UUID, c.Integration, c.UserID, c.DateCreated, c.LastModified, string(c.AuthMode), c.ObtainedAt, c.ExpiresAt, c.RefreshAt, c.AheadAt, c.UsedAt,
		c.Refreshable, string(c.State), c.StateReason, c.StateAnswer, string(c.StateBefore), c.Failures, c.Refusals, tags, string(c.AdditionalConfig), c.ConfigVersion, c.Version, sealed,
	}, nil
}

// matchedAtOnce is how many connections one query looks for.
const matchedAtOnce = 200

// MatchingConnections gives the stored connections that have the uuid or the pair of one of those given, without their
// configuration.
func (q *queries) MatchingConnections(ctx context.Context, moved []MovedConnection) ([]models.Connection, error) {
	found := map[int64]models.Connection{}
	for part := range slices.Chunk(moved, matchedAtOnce) {
		uuids, pairs := make([]string, len(part)), make([]any, 0, 2*len(part))
		for i := range part {
			uuids[i] = part[i].UUID
			pairs = append(pairs, part[i].Integration, part[i].UserID)
		}
		for condition, values := range map[string][]any{
			"uuid IN ?": {uuids},
			"(integration, user_id) IN (VALUES " + placeholders(len(part), 2) + ")": pairs,
		} {
			var rows []models.Connection
			if err := q.db.WithContext(ctx).Omit("additional_config").Where(condition, values...).Find(&rows).Error; err != nil {
				return nil, fmt.Errorf("find connections: %w", err)
			}
			for _, row := range rows {
				found[row.ID] = row
			}
		}
	}
	connections := make([]models.Connection, 0, len(found))
	for _, c := range found {
		connections = append(connections, c)
	}
	return connections, nil
}

// DeleteConnections deletes connections with their credentials, whatever their version.
func (tx *Tx) DeleteConnections(ids []int64) error {
	for part := range slices.Chunk(ids, matchedAtOnce) {
		if err := tx.db.Where("id IN ?", part).Delete(&connectionRow{}).Error; err != nil {
			return fmt.Errorf("delete connections: %w", err)
		}
	}
	return nil
}

// InsertAuditEntries stores entries as they are, but with new ids.
func (tx *Tx) InsertAuditEntries(entries []models.AuditEntry) error {
	values := make([]any, 0, len(entries)*len(auditColumns))
	for i := range entries {
		e := &entries[i]
		values = append(values, e.Time, e.Actor, e.Action, e.Integration, e.UserID, e.ConnectionUUID, e.Version, e.IP, e.RequestID, e.Before, e.After)
	}
	return tx.insertAll("audit_entries", auditColumns, values)
}

// InsertEvents stores events as they are, but with new ids.
func (tx *Tx) InsertEvents(events []models.Event) error {
	if err := tx.announceEvents(); err != nil {
		return err
	}
	values := make([]any, 0, len(events)*len(eventColumns))
	for i := range events {
		e := &events[i]
		values = append(values, e.Time, string(e.Type), e.ConnectionUUID, e.Integration, e.UserID, e.Detail)
	}
	return tx.insertAll("events", eventColumns, values)
}
