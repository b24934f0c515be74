package store

import (
	"context"
	"fmt"

	"github.com/patchbay/patchbay/models"
)

// Keys of PostgreSQL's advisory locks. The upper 16 bits of a key tell what it is for.
const (
	eventLocks       = 0x7062 << 48 // and an event id
	sweepLock  int64 = 0x7063 << 48
)

// Emit adds an event, in the transaction of what it tells about, with a delivery for each webhook endpoint that wants it. A
// follower with a cursor would spare the transaction that, which is one look at a table of at most fifty rows and one
// insertion; but then there would be two who remember how far they have come.
func (tx *Tx) Emit(event models.Event) error {
	if err := tx.announceEvents(); err != nil {
		return err
	}
	if err := tx.db.Create(&event).Error; err != nil {
		return fmt.Errorf("write event %s: %w", event.Type, err)
	}
	return tx.fanOut(&event)
}

// Events gives one page of events, oldest first. The page's Next is given also at the end, so that a reader can come back
// for what has happened since; it is empty only while there is no event at all. It fails with invalid_cursor.
func (q *queries) Events(ctx context.Context, filter models.EventFilter, request models.PageRequest) (models.Page[models.Event], error) {
	db := q.db.WithContext(ctx).Model(&models.Event{})
	if q.postgres() {
		settled, err := q.settledEvents(ctx)
		if err != nil {
			return models.Page[models.Event]{}, err
		}
		db = db.Where("id <= ?", settled)
	}
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

// announceEvents tells the readers of events, before the first one of a transaction has its id, that ids from here on are
// not settled. PostgreSQL gives out ids in order, but commits make them visible in another: who has read up to one would
// never meet a smaller one that comes to light later. The announcement is a lock that nobody waits for, named by the next
// id, and goes with the transaction, however it ends.
func (tx *Tx) announceEvents() error {
	if tx.announced || !tx.postgres() {
		return nil
	}
	err := tx.db.Exec("SELECT pg_advisory_xact_lock_shared(? + last_value + is_called::int) FROM events_id_seq", int64(eventLocks)).Error
	if err != nil {
		return fmt.Errorf("announce events: %w", err)
	}
	tx.announced = true
	return nil
}

// settledEvents gives the id up to which all events that there will be are visible. The order of the two questions
// matters: an id that was given out before the first was announced before, and if its announcement is gone at the second,
// its transaction has ended.
func (q *queries) settledEvents(ctx context.Context) (int64, error) {
	var last int64
	if err := q.db.WithContext(ctx).Raw("SELECT last_value FROM events_id_seq").Scan(&last).Error; err != nil {
		return 0, fmt.Errorf("find the last event: %w", err)
	}
	var settled int64
	err := q.db.WithContext(ctx).Raw(`SELECT LEAST(?, MIN((classid::bigint << 32 | objid::bigint) - ?) - 1) FROM pg_locks
		WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 16 = ? AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
		last, int64(eventLocks), int64(eventLocks)>>48).Scan(&settled).Error
	if err != nil {
		return 0, fmt.Errorf("find the last settled event: %w", err)
	}
	return settled, nil
}
