package handlers

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/models"
)

type auditEntry struct {
	ID             int64     `json:"id"`
	Time           time.Time `json:"time"`
	Actor          string    `json:"actor" example:"api-key:backend" doc:"admin:…, api-key:…, end-user:… or system."`
	Action         string    `json:"action" example:"connection.created"`
	Integration    string    `json:"integration"`
	UserID         string    `json:"userId"`
	ConnectionUUID string    `json:"connectionUuid"`
	IP             string    `json:"ip"`
	RequestID      string    `json:"requestId"`
	Before         string    `json:"before" doc:"The additionalConfig before a change; long ones are given when the entries of one connection are asked for."`
	After          string    `json:"after"`
}

type auditList struct {
	Entries    []auditEntry `json:"entries" nullable:"false"`
	NextCursor string       `json:"nextCursor" doc:"Where the next page begins; empty at the end."`
}

// maxAuditOfConnection bounds a page of entries about one connection.
const maxAuditOfConnection = 50

func (s *server) listAudit(c echo.Context) error {
	request, err := apiPageRequest(c)
	if err != nil {
		return err
	}
	filter := models.AuditFilter{ConnectionUUID: c.QueryParam("connection"), Integration: c.QueryParam("integration"), Integrations: callerKey(c).Integrations}
	if filter.Integration != "" {
		if err := reach(c, filter.Integration); err != nil {
			return err
		}
	}
	if filter.ConnectionUUID != "" { // whose entries come with configurations of up to 256 KiB
		request.Limit = min(request.Limit, maxAuditOfConnection)
	}
	page, err := s.Connections.Audit(c.Request().Context(), filter, request)
	if err != nil {
		return err
	}
	list := auditList{Entries: []auditEntry{}, NextCursor: page.Next}
	for _, e := range page.Rows {
		list.Entries = append(list.Entries, auditEntry{
			e.ID, e.Time, e.Actor, e.Action, e.Integration, e.UserID, e.ConnectionUUID, e.IP, e.RequestID, e.Before, e.After,
		})
	}
	return writeJSON(c, http.StatusOK, list)
}

type event struct {
	ID             int64            `json:"id"`
	Type           models.EventType `json:"type" enum:"connection.created,connection.updated,connection.deleted,connection.refreshed,connection.needs_reconnect,connection.recovered"`
	Time           time.Time        `json:"time"`
	ConnectionUUID string           `json:"connectionUuid" format:"uuid"`
	Integration    string           `json:"integration"`
	UserID         string           `json:"userId"`
	Detail         string           `json:"detail" doc:"What was updated, or why it needs a reconnect."`
}

type eventList struct {
	Events     []event `json:"events" nullable:"false"`
	NextCursor string  `json:"nextCursor" doc:"To be sent again for what has happened since, also from the end of the list; empty while no event matches."`
}

func (s *server) listEvents(c echo.Context) error {
	request, err := apiPageRequest(c)
	if err != nil {
		return err
	}
	kind, err := queryWord(c, "type", models.EventTypes)
	if err != nil {
		return err
	}
	filter := models.EventFilter{Type: kind, Integrations: callerKey(c).Integrations}
	page, err := s.Connections.Events(c.Request().Context(), filter, request)
	if err != nil {
		return err
	}
	list := eventList{Events: []event{}, NextCursor: page.Next}
	for _, e := range page.Rows {
		list.Events = append(list.Events, event{e.ID, e.Type, e.Time, e.ConnectionUUID, e.Integration, e.UserID, e.Detail})
	}
	return writeJSON(c, http.StatusOK, list)
}
