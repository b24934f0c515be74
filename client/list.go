package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
)

// Filter selects connections and says how they are ordered. Empty fields do not filter.
type Filter struct {
	Integration string
	UserID      string
	Status      Status
	Query       string // part of a user id, or a whole uuid
	Tag         string
	Sort        Sort // SortNewest where empty
}

// Sort is an order of connections.
type Sort string

// The orders.
const (
	SortNewest        Sort = "-created"
	SortOldest        Sort = "created"
	SortLastModified  Sort = "-modified"
	SortFirstModified Sort = "modified"
)

func (f Filter) query() url.Values {
	return query("integration", f.Integration, "userId", f.UserID, "status", string(f.Status), "q", f.Query, "tag", f.Tag, "sort", string(f.Sort))
}

// PageRequest asks for a page of at most Limit rows after Cursor, which the page before gave. Limit is 1 to 500; where it
// is 0, the server chooses.
type PageRequest struct {
	Cursor string
	Limit  int
}

// list is a request for one page of a list.
func (p PageRequest) list(name string, filter url.Values) request {
	if p.Cursor != "" {
		filter.Set("cursor", p.Cursor)
	}
	if p.Limit != 0 {
		filter.Set("limit", strconv.Itoa(p.Limit))
	}
	return request{method: http.MethodGet, path: []string{name}, query: filter}
}

// ConnectionPage is one page of a list of connections. NextCursor is empty on the last.
type ConnectionPage struct {
	Connections []Connection `json:"connections"`
	NextCursor  string       `json:"nextCursor"`
}

// ListConnections gives one page of the connections that filter selects; [Client.Connections] gives them all.
func (c *Client) ListConnections(ctx context.Context, filter Filter, page PageRequest) (*ConnectionPage, error) {
	return fetch[ConnectionPage](ctx, c, page.list("connections", filter.query()))
}

// Connections gives every connection that filter selects, reading page after page as the loop goes on. An error ends it.
func (c *Client) Connections(ctx context.Context, filter Filter) iter.Seq2[Connection, error] {
	return rows(func(page PageRequest) ([]Connection, string, error) {
		found, err := c.ListConnections(ctx, filter, page)
		if err != nil {
			return nil, "", err
		}
		return found.Connections, found.NextCursor, nil
	})
}

// CountConnections counts the connections that filter selects.
func (c *Client) CountConnections(ctx context.Context, filter Filter) (int64, error) {
	r := PageRequest{Limit: 1}.list("connections", filter.query())
	r.query.Set("count", "true")
	page, err := fetch[struct{ Total int64 }](ctx, c, r)
	if err != nil {
		return 0, err
	}
	return page.Total, nil
}

// ConnectionsForUser gives all connections of a user; none is no error.
func (c *Client) ConnectionsForUser(ctx context.Context, userID string) ([]Connection, error) {
	if userID == "" { // would select everybody's
		return nil, refused(CodeInvalidUserID, "The user id is empty.")
	}
	return collect(c.Connections(ctx, Filter{UserID: userID}))
}

// ConnectionsForIntegration gives the connections of all users of an integration; none is no error.
func (c *Client) ConnectionsForIntegration(ctx context.Context, integration string) ([]Connection, error) {
	if integration == "" { // would select all
		return nil, refused(CodeInvalidParameter, "The name of the integration is empty.")
	}
	return collect(c.Connections(ctx, Filter{Integration: integration}))
}

// pageSize is how many rows iterators ask for at once: few calls, and yet a page of the largest connections, 256 KiB each,
// stays below maxAnswerBytes.
const pageSize = 200

// rows gives the rows of all pages, one after the other.
func rows[T any](list func(PageRequest) (rows []T, next string, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for page := (PageRequest{Limit: pageSize}); ; {
			found, next, err := list(page)
			if err != nil {
				yield(*new(T), err)
				return
			}
			for _, row := range found {
				if !yield(row, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			page.Cursor = next
		}
	}
}

// collect gives all rows, or the error that ended them.
func collect[T any](rows iter.Seq2[T, error]) ([]T, error) {
	all := []T{}
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, nil
}

// query makes query parameters of pairs of name and value, leaving out those without value.
func query(pairs ...string) url.Values {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			values.Set(pairs[i], pairs[i+1])
		}
	}
	return values
}
