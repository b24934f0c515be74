package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay/patchbay/client"
)

// pagesOf serves connections with the user ids given page by page, and fails the page named failing.
func pagesOf(t *testing.T, failing int, pages ...[]string) (c *client.Client, asked func() []string) {
	t.Helper()
	var queries []string
	c = newClient(t, func(w http.ResponseWriter, r *http.Request) {
		queries = append(queries, r.URL.RawQuery)
		page := 0
		fmt.Sscanf(r.URL.Query().Get("cursor"), "page %d", &page)
		if page == failing {
			writeJSON(w, http.StatusBadRequest, refusal(client.CodeInvalidCursor))
			return
		}
		var connections []string
		for _, id := range pages[page] {
			connections = append(connections, `{"userId":"`+id+`"}`)
		}
		next := ""
		if page+1 < len(pages) {
			next = fmt.Sprintf("page %d", page+1)
		}
		writeJSON(w, http.StatusOK, `{"connections":[`+strings.Join(connections, ",")+`],"nextCursor":"`+next+`"}`)
	})
	return c, func() []string { return queries }
}

func userIDs(connections []client.Connection) []string {
	ids := make([]string, len(connections))
	for i, connection := range connections {
		ids[i] = connection.UserID
	}
	return ids
}

const none = -1 // no page fails

func TestConnectionsForUser(t *testing.T) {
	c, asked := pagesOf(t, none, []string{"a", "b"}, nil, []string{"c"})
	connections, err := c.ConnectionsForUser(t.Context(), "a&b= é")
	if err != nil {
		t.Fatal(err)
	}
	if got := userIDs(connections); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("got %q", got)
	}
	want := []string{
		"limit=200&userId=a%26b%3D+%C3%A9",
		"cursor=page+1&limit=200&userId=a%26b%3D+%C3%A9",
		"cursor=page+2&limit=200&userId=a%26b%3D+%C3%A9",
	}
	if diff := cmp.Diff(want, asked()); diff != "" {
		t.Errorf("unexpected requests (-want +got):\n%s", diff)
	}
}

func TestConnectionsForIntegrationWithoutAny(t *testing.T) {
	c, asked := pagesOf(t, none, []string{})
	connections, err := c.ConnectionsForIntegration(t.Context(), "slack")
	if err != nil || connections == nil || len(connections) != 0 {
		t.Errorf("got %v, %v; want an empty list", connections, err)
	}
	if diff := cmp.Diff([]string{"integration=slack&limit=200"}, asked()); diff != "" {
		t.Errorf("unexpected requests (-want +got):\n%s", diff)
	}
}

func TestConnectionsForUserFailsHalfWay(t *testing.T) {
	c, _ := pagesOf(t, 1, []string{"a"}, []string{"b"})
	connections, err := c.ConnectionsForUser(t.Context(), "1")
	if connections != nil || !client.HasCode(err, client.CodeInvalidCursor) {
		t.Errorf("got %v, %v; want the error and no half of a list", connections, err)
	}
}

func TestConnectionsSendsTheFilter(t *testing.T) {
	c, asked := pagesOf(t, none, []string{})
	filter := client.Filter{
		Integration: "slack", UserID: "1", Status: client.StatusError, Query: "part", Tag: "vip", Sort: client.SortLastModified,
	}
	for range c.Connections(t.Context(), filter) {
	}
	if diff := cmp.Diff([]string{"integration=slack&limit=200&q=part&sort=-modified&status=error&tag=vip&userId=1"}, asked()); diff != "" {
		t.Errorf("unexpected requests (-want +got):\n%s", diff)
	}
}

func TestConnectionsStopsReadingAfterBreak(t *testing.T) {
	c, asked := pagesOf(t, none, []string{"a", "b"}, []string{"c"})
	connections := c.Connections(t.Context(), client.Filter{})
	for range 2 { // an iterator begins anew each time
		var got []string
		for connection, err := range connections {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, connection.UserID)
			if connection.UserID == "b" {
				break
			}
		}
		if !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("got %q", got)
		}
	}
	if diff := cmp.Diff([]string{"limit=200", "limit=200"}, asked()); diff != "" {
		t.Errorf("unexpected requests (-want +got):\n%s", diff)
	}
}

func TestConnectionsFailsHalfWay(t *testing.T) {
	c, asked := pagesOf(t, 1, []string{"a"}, []string{"b"}, []string{"c"})
	var got []string
	var failures int
	for connection, err := range c.Connections(t.Context(), client.Filter{}) {
		if err == nil {
			got = append(got, connection.UserID)
			continue
		}
		failures++
		if !client.HasCode(err, client.CodeInvalidCursor) || connection.UserID != "" {
			t.Errorf("got %v, %v", connection, err)
		}
	}
	if !slices.Equal(got, []string{"a"}) || failures != 1 || len(asked()) != 2 {
		t.Errorf("got %q, %d errors and %d requests; an error is the end", got, failures, len(asked()))
	}
}

func TestConnectionsEndsWithItsContext(t *testing.T) {
	c, asked := pagesOf(t, none, []string{"a"}, []string{"b"})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for _, err := range c.Connections(ctx, client.Filter{}) {
		last = err
		cancel()
	}
	if !errors.Is(last, context.Canceled) || len(asked()) != 1 {
		t.Errorf("ended with %v after %d requests", last, len(asked()))
	}
}

func TestListConnections(t *testing.T) {
	c, asked := pagesOf(t, none, []string{"a"}, []string{"b"}, []string{"c"})
	page, err := c.ListConnections(t.Context(), client.Filter{}, client.PageRequest{Cursor: "page 1", Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	if got := userIDs(page.Connections); !slices.Equal(got, []string{"b"}) || page.NextCursor != "page 2" {
		t.Errorf("got %q and then %q", got, page.NextCursor)
	}
	if diff := cmp.Diff([]string{"cursor=page+1&limit=10"}, asked()); diff != "" {
		t.Errorf("unexpected requests (-want +got):\n%s", diff)
	}
}

func TestAudit(t *testing.T) {
	var asked []string
	c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.RequestURI)
		if r.URL.Query().Get("cursor") == "" {
			writeJSON(w, http.StatusOK, `{"entries":[{"id":2,"time":"2022-08-11T16:08:23Z","actor":"api-key:backend","action":"connection.config_updated",
				"integration":"slack","userId":"1","connectionUuid":"u-1","ip":"192.0.2.1","requestId":"r1","before":"{ }","after":"{\"a\": 1.0}"}],"nextCursor":"2"}`)
			return
		}
		writeJSON(w, http.StatusOK, `{"entries":[{"id":1,"time":"2022-08-10T16:08:23Z"}],"nextCursor":""}`)
	})
	var got []client.AuditEntry
	for entry, err := range c.Audit(t.Context(), client.AuditFilter{ConnectionUUID: "u-1", Integration: "slack"}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, entry)
	}
	want := []client.AuditEntry{
		{
			ID: 2, Time: day(11), Actor: "api-key:backend", Action: "connection.config_updated", Integration: "slack", UserID: "1",
			ConnectionUUID: "u-1", IP: "192.0.2.1", RequestID: "r1", Before: "{ }", After: `{"a": 1.0}`,
		},
		{ID: 1, Time: day(10)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unexpected entries (-want +got):\n%s", diff)
	}
	wantAsked := []string{
		"/api/v1/audit?connection=u-1&integration=slack&limit=200", "/api/v1/audit?connection=u-1&cursor=2&integration=slack&limit=200",
	}
	if diff := cmp.Diff(wantAsked, asked); diff != "" {
		t.Errorf("unexpected requests (-want +got):\n%s", diff)
	}
}
