package transfer

import (
	"context"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// auditRecord is an audit entry in a file, with its id in the database it comes from.
type auditRecord struct {
	Kind           string    `json:"kind"`
	ID             int64     `json:"id"`
	Time           time.Time `json:"time"`
	Actor          string    `json:"actor"`
	Action         string    `json:"action"`
	Integration    string    `json:"integration,omitzero"`
	UserID         string    `json:"userId,omitzero"`
	ConnectionUUID string    `json:"connectionUuid,omitzero"`
	Version        int64     `json:"version,omitzero"`
	IP             string    `json:"ip,omitzero"`
	RequestID      string    `json:"requestId,omitzero"`
	Before         string    `json:"before,omitzero"`
	After          string    `json:"after,omitzero"`
}

func auditSection() *section {
	return &section{
		kind: kindAuditEntry, history: true,
		read: func(ctx context.Context, v *store.Snapshot, _ *ExportOptions, emit emit) error {
			return v.EachAuditEntry(ctx, func(e *models.AuditEntry) error { return emit(e, len(e.Before)+len(e.After)) })
		},
		encode: func(_ *sealer, row any) (any, error) {
			e := row.(*models.AuditEntry)
			return auditRecord{
				kindAuditEntry, e.ID, e.Time.UTC(), note(e.Actor), note(e.Action), note(e.Integration), note(e.UserID), note(e.ConnectionUUID),
				e.Version, note(e.IP), note(e.RequestID), note(e.Before), note(e.After),
			}, nil
		},
		decode: func(_ *decoder, line []byte) (any, error) { return decodeAuditEntry(line) },
		save: func(ctx context.Context, im *importer, rows []numbered) error {
			return saveHistory(ctx, im, kindAuditEntry, rows, func(e *models.AuditEntry) int64 { return e.ID }, (*store.Tx).InsertAuditEntries)
		},
	}
}

func decodeAuditEntry(line []byte) (any, error) {
	var r auditRecord
	if err := unmarshal(line, &r); err != nil {
		return nil, err
	}
	err := validHistory(r.ID, r.Time, map[string]string{
		"actor": r.Actor, "action": r.Action, "integration": r.Integration, "userId": r.UserID, "connectionUuid": r.ConnectionUUID,
		"ip": r.IP, "requestId": r.RequestID, "before": r.Before, "after": r.After,
	})
	return &models.AuditEntry{
		ID: r.ID, Time: instant(r.Time), Actor: r.Actor, Action: r.Action, Integration: r.Integration, UserID: r.UserID,
		ConnectionUUID: r.ConnectionUUID, Version: r.Version, IP: r.IP, RequestID: r.RequestID, Before: r.Before, After: r.After,
	}, err
}

// eventRecord is an event in a file, with its id in the database it comes from.
type eventRecord struct {
	Kind           string           `json:"kind"`
	ID             int64            `json:"id"`
	Time           time.Time        `json:"time"`
	Type           models.EventType `json:"type"`
	ConnectionUUID string           `json:"connectionUuid"`
	Integration    string           `json:"integration"`
	UserID         string           `json:"userId"`
	Detail         string           `json:"detail,omitzero"`
}

func eventSection() *section {
	return &section{
		kind: kindEvent, history: true,
		read: func(ctx context.Context, v *store.Snapshot, _ *ExportOptions, emit emit) error {
			return v.EachEvent(ctx, func(e *models.Event) error { return emit(e, len(e.Detail)) })
		},
		encode: func(_ *sealer, row any) (any, error) {
			e := row.(*models.Event)
			return eventRecord{kindEvent, e.ID, e.Time.UTC(), e.Type, note(e.ConnectionUUID), note(e.Integration), note(e.UserID), note(e.Detail)}, nil
		},
		decode: func(_ *decoder, line []byte) (any, error) { return decodeEvent(line) },
		save: func(ctx context.Context, im *importer, rows []numbered) error {
			return saveHistory(ctx, im, kindEvent, rows, func(e *models.Event) int64 { return e.ID }, (*store.Tx).InsertEvents)
		},
	}
}

func decodeEvent(line []byte) (any, error) {
	var r eventRecord
	if err := unmarshal(line, &r); err != nil {
		return nil, err
	}
	err := validHistory(r.ID, r.Time, map[string]string{
		"type": string(r.Type), "connectionUuid": r.ConnectionUUID, "integration": r.Integration, "userId": r.UserID, "detail": r.Detail,
	})
	return &models.Event{
		ID: r.ID, Time: instant(r.Time), Type: r.Type, ConnectionUUID: r.ConnectionUUID, Integration: r.Integration, UserID: r.UserID, Detail: r.Detail,
	}, err
}

func validHistory(id int64, at time.Time, texts map[string]string) error {
	switch {
	case id < 1:
		return fault("id", "expected a number of at least 1")
	case at.IsZero():
		return fault("time", "expected a time, found none")
	}
	for field, text := range texts {
		if err := validNote(field, text); err != nil {
			return err
		}
	}
	return nil
}

// saveHistory stores what is newer than what was moved from the same database before: entries have nothing else to be known
// by. What a database itself once told is not told to it again.
func saveHistory[T any](ctx context.Context, im *importer, kind string, rows []numbered, id func(*T) int64, insert func(*store.Tx, []T) error) error {
	own := ""
	if !im.options.Check {
		var err error
		if own, err = im.db.Name(ctx); err != nil {
			return err
		}
	}
	return im.write(ctx, kind, func(tx *store.Tx, o *outcomes) error {
		movedUpTo := im.db.MovedUpTo
		if tx != nil {
			movedUpTo = tx.MovedUpTo
		}
		before, err := movedUpTo(ctx, im.header.Database, kind)
		if err != nil {
			return err
		}
		last := before
		var fresh []T
		for _, row := range rows {
			entry := row.row.(*T)
			if id(entry) <= last || im.header.Database == own {
				continue
			}
			last = id(entry)
			fresh = append(fresh, *entry)
		}
		o.counts[imported], o.counts[present] = int64(len(fresh)), int64(len(rows)-len(fresh))
		if tx == nil || len(fresh) == 0 {
			return nil
		}
		if err := insert(tx, fresh); err != nil {
			return err
		}
		return tx.SaveMovedUpTo(im.header.Database, kind, last)
	})
}
