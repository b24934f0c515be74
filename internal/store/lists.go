package store

import (
	"context"
	"database/sql/driver"
	"fmt"
	"maps"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/patchbay/patchbay/models"
)

// ConnectionList asks for one page of connections. Now decides which are expiring.
type ConnectionList struct {
	models.ConnectionFilter
	models.PageRequest
	Sort models.ConnectionSort
	Now  time.Time
}

// Connections gives one page of connections. It fails with invalid_cursor for a cursor it did not make for this order.
func (q *queries) Connections(ctx context.Context, list ConnectionList) (models.Page[models.Connection], error) {
	keys := []key[models.Connection]{{"id", func(c *models.Connection) any { return c.ID }}}
	descending := strings.HasPrefix(string(list.Sort), "-")
	switch list.Sort {
	case models.SortLastModified, models.SortFirstModified:
		byModified := key[models.Connection]{"last_modified", func(c *models.Connection) any { return c.LastModified }}
		keys = append([]key[models.Connection]{byModified}, keys...)
	}
	db := filtered(q.db.WithContext(ctx).Model(&models.Connection{}), list.ConnectionFilter, list.Now)
	page, err := paginate(db, order[models.Connection]{string(list.Sort), keys, descending}, list.PageRequest)
	if err != nil {
		return page, fmt.Errorf("list connections: %w", err)
	}
	return page, nil
}

// What [models.Connection.Status] derives from the clock is found through the index of connections that end by
// themselves, in a subquery, or else SQLite would walk the whole table in the order of the list.
const (
	ending        = "state = 'connected' AND NOT refreshable AND expires_at > ? AND expires_at <= ?"
	endsBetween   = "SELECT id FROM connections WHERE " + ending
	endedOrMarked = "SELECT id FROM connections WHERE state = 'connected' AND NOT refreshable AND expires_at <= ? " +
		"UNION ALL SELECT id FROM connections WHERE state = 'needs_reconnect'"
)

// filtered adds the conditions of filter.
func filtered(db *gorm.DB, filter models.ConnectionFilter, now time.Time) *gorm.DB {
	if filter.Integration != "" {
		db = db.Where("integration = ?", filter.Integration)
	}
	if len(filter.Integrations) > 0 {
		db = db.Where("integration IN ?", filter.Integrations)
	}
	if filter.Tag != "" {
		db = db.Where("id IN (SELECT connection_id FROM connection_tags WHERE tag = ?)", filter.Tag)
	}
	if filter.UserID != "" {
		db = db.Where("user_id = ?", filter.UserID)
	}
	if len(filter.Query) > models.MaxUserIDBytes || strings.Contains(filter.Query, "\x00") {
		return db.Where("1 = 0") // longer than any user id, or what LIKE takes for the end of the pattern
	}
	if filter.Query != "" {
		escaped := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(filter.Query)
		like := "LIKE"
		if db.Name() == "postgres" {
			like = "ILIKE" // either way, A is a, and what is not ASCII is itself
		}
		db = db.Where(`(uuid = ? OR user_id `+like+` ? ESCAPE '\')`, strings.ToLower(filter.Query), "%"+escaped+"%")
	}
	soon := now.Add(models.ExpiringWindow)
	switch filter.Status {
	case "":
	case models.StatusConnected:
		db = db.Where("state = 'connected' AND (refreshable OR expires_at IS NULL OR expires_at > ?)", soon)
	case models.StatusExpiring:
		db = db.Where("id IN ("+endsBetween+")", now, soon)
	case models.StatusNeedsReconnect:
		db = db.Where("id IN ("+endedOrMarked+")", now)
	default:
		db = db.Where("state = ?", filter.Status)
	}
	return db
}

// CountByStatus counts the connections that filter selects. States are counted in an index; what the clock makes of them
// is moved from one count to another.
func (q *queries) CountByStatus(ctx context.Context, filter models.ConnectionFilter, now time.Time) (models.StatusCounts, error) {
	var rows []struct {
		State models.Status
		N     int64
	}
	db := filtered(q.db.WithContext(ctx).Model(&models.Connection{}), filter, now).Session(&gorm.Session{})
	if err := db.Select("state, COUNT(*) AS n").Group("state").Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("count connections by state: %w", err)
	}
	counts := models.StatusCounts{}
	for _, row := range rows {
		counts[row.State] = row.N
	}
	for status, until := range map[models.Status][2]time.Time{
		models.StatusNeedsReconnect: {time.Time{}, now},
		models.StatusExpiring:       {now, now.Add(models.ExpiringWindow)},
	} {
		var n int64
		if err := db.Where(ending, until[0], until[1]).Count(&n).Error; err != nil {
			return nil, fmt.Errorf("count connections that end: %w", err)
		}
		counts[status] += n
		counts[models.StatusConnected] -= n
	}
	maps.DeleteFunc(counts, func(_ models.Status, n int64) bool { return n == 0 })
	return counts, nil
}

// CountUpTo counts the connections that filter selects, but no further than limit.
func (q *queries) CountUpTo(ctx context.Context, filter models.ConnectionFilter, now time.Time, limit int) (int64, error) {
	var n int64
	db := q.db.WithContext(ctx)
	some := filtered(db.Model(&models.Connection{}), filter, now).Select("1").Limit(limit)
	if err := db.Table("(?) AS found", some).Count(&n).Error; err != nil {
		return 0, fmt.Errorf("count connections: %w", err)
	}
	return n, nil
}

// CountByIntegration counts the connections of every integration that has any.
func (q *queries) CountByIntegration(ctx context.Context) (map[string]int64, error) {
	var rows []struct {
		Integration string
		N           int64
	}
	err := q.db.WithContext(ctx).Model(&models.Connection{}).Select("integration, COUNT(*) AS n").Group("integration").Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("count connections by integration: %w", err)
	}
	counts := make(map[string]int64, len(rows))
	for _, row := range rows {
		counts[row.Integration] = row.N
	}
	return counts, nil
}

// Users gives one page of the user ids that have connections, in the order of their bytes. It fails with
// invalid_cursor.
func (q *queries) Users(ctx context.Context, request models.PageRequest) (models.Page[models.UserSummary], error) {
	ids := q.db.WithContext(ctx).Model(&models.Connection{}).
		Select("user_id, COUNT(*) AS connections, MAX(last_modified) AS last_modified").Group("user_id")
	byUserID := order[userRow]{"user", []key[userRow]{{"user_id", func(u *userRow) any { return u.UserID }}}, false}
	page, err := paginate(ids, byUserID, request)
	if err != nil {
		return models.Page[models.UserSummary]{}, fmt.Errorf("list users: %w", err)
	}
	users := make([]models.UserSummary, len(page.Rows))
	for i, row := range page.Rows {
		users[i] = models.UserSummary{UserID: row.UserID, Connections: row.Connections, LastModified: row.LastModified.Time}
	}
	return models.Page[models.UserSummary]{Rows: users, Next: page.Next, Prev: page.Prev}, nil
}

type userRow struct {
	UserID       string
	Connections  int64
	LastModified aggregateTime
}

// CountUsersUpTo counts the user ids that have connections, but no further than limit.
func (q *queries) CountUsersUpTo(ctx context.Context, limit int) (int64, error) {
	var n int64
	db := q.db.WithContext(ctx)
	some := db.Model(&models.Connection{}).Distinct("user_id").Limit(limit)
	if err := db.Table("(?) AS found", some).Count(&n).Error; err != nil {
		return 0, fmt.Errorf("count users: %w", err)
	}
	return n, nil
}

// aggregateTime scans a time out of an aggregate, which SQLite gives without the column's type.
type aggregateTime struct{ time.Time }

// Value implements [driver.Valuer]; GORM asks for it even of what is only read.
func (t aggregateTime) Value() (driver.Value, error) { return t.Time, nil }

// Scan implements [sql.Scanner].
func (t *aggregateTime) Scan(value any) error {
	switch v := value.(type) {
	case int64:
		t.Time = time.UnixMicro(v).UTC()
	case time.Time:
		t.Time = v.UTC()
	default:
		return fmt.Errorf("expected a time, found %T", value)
	}
	return nil
}
