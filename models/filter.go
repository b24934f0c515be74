package models

import "time"

// ConnectionFilter selects connections. Empty fields do not filter.
type ConnectionFilter struct {
	Integration  string
	Integrations []string // any of these, as an API key may be limited to
	UserID       string
	Query        string // part of a user id, or a whole uuid
	Status       Status
	Tag          string
}

// ConnectionSort is an order of connections; each one ends in the row id, so that it is total.
type ConnectionSort string

// The orders. A leading "-" is descending.
const (
	SortNewest        ConnectionSort = "-created"
	SortOldest        ConnectionSort = "created"
	SortLastModified  ConnectionSort = "-modified"
	SortFirstModified ConnectionSort = "modified"
)

// ConnectionSorts lists every order.
var ConnectionSorts = []ConnectionSort{SortNewest, SortOldest, SortLastModified, SortFirstModified}

// Page is one page of a keyset-paginated list. Next and Prev are opaque cursors, empty at the ends.
type Page[T any] struct {
	Rows []T
	Next string
	Prev string
}

// PageSizes are the page sizes offered; the first is the default.
var PageSizes = []int{50, 25, 100}

// MaxPageSize bounds the pages that clients of the API ask for.
const MaxPageSize = 500

// PageRequest asks for a page of at most Limit rows after (or before) Cursor.
type PageRequest struct {
	Cursor string
	Limit  int
}

// UserSummary is what the list of users shows of one user id.
type UserSummary struct {
	UserID       string
	Connections  int64
	LastModified time.Time
}

// StatusCounts is how many connections have each status.
type StatusCounts map[Status]int64

// Total adds up all counts.
func (c StatusCounts) Total() int64 {
	var n int64
	for _, v := range c {
		n += v
	}
	return n
}

// AuditFilter selects audit entries. Empty fields do not filter.
type AuditFilter struct {
	ConnectionUUID string
	Integration    string
	Integrations   []string // any of these, as an API key may be limited to
}

// EventFilter selects events. Empty fields do not filter.
type EventFilter struct {
	Type         EventType
	Integrations []string // any of these, as an API key may be limited to
}
