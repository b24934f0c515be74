package handlers

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/models"
	"github.com/patchbay/patchbay/views"
)

func (s *server) connections(c echo.Context) error {
	ctx := c.Request().Context()
	filter, sort := connectionFilter(c)
	if id, err := uuid.Parse(filter.Query); err == nil {
		if found, err := s.Connections.Get(ctx, id.String()); err == nil {
			return c.Redirect(http.StatusSeeOther, connectionPath(found.UUID))
		}
	}
	request := pageRequest(c)
	list, err := s.Connections.List(ctx, filter, sort, request)
	if err != nil {
		return err
	}
	page := views.ConnectionsPage{
		Shell: s.shell(c, "Connections", views.NavConnections), Filter: filter, Sorts: sortOptions(sort),
		Integrations: s.integrationOptions(filter.Integration, "Any integration"), Statuses: statusOptions(filter.Status),
		Chips:   filterChips(c, filter),
		Created: sortLink(c, sort, models.SortOldest, models.SortNewest), Modified: sortLink(c, sort, models.SortFirstModified, models.SortLastModified),
		Rows: s.connectionRows(list.Rows), Pager: pager(c, list, request), AnyExist: len(list.Rows) > 0,
		Limit: strconv.Itoa(request.Limit),
	}
	if page.Total, err = s.total(ctx, filter); err != nil {
		return err
	}
	if !page.AnyExist {
		newest, err := s.Connections.List(ctx, models.ConnectionFilter{}, models.SortNewest, models.PageRequest{Limit: 1})
		if err != nil {
			return err
		}
		page.AnyExist = len(newest.Rows) > 0
	}
	return render(c, http.StatusOK, views.Connections(page))
}

// countedUpTo bounds how many connections a list counts, so that the page costs the same at any size.
const countedUpTo = 10_000

// total gives how many connections filter selects, for people.
func (s *server) total(ctx context.Context, filter models.ConnectionFilter) (string, error) {
	n, err := s.Connections.CountUpTo(ctx, filter, countedUpTo+1)
	return countLabel(n), err
}

// countLabel writes a count that went no further than countedUpTo and one.
func countLabel(n int64) string {
	if n > countedUpTo {
		return views.Count(countedUpTo) + "+"
	}
	return views.Count(n)
}

// connectionFilter reads filter and order of the list from the address; what is unknown there does not filter.
func connectionFilter(c echo.Context) (models.ConnectionFilter, models.ConnectionSort) {
	filter := models.ConnectionFilter{
		Integration: c.QueryParam("integration"),
		UserID:      c.QueryParam("user"),
		Query:       strings.TrimSpace(c.QueryParam("q")),
		Status:      models.Status(c.QueryParam("status")),
		Tag:         c.QueryParam("tag"),
	}
	if !filter.Status.Valid() {
		filter.Status = ""
	}
	sort := models.ConnectionSort(c.QueryParam("sort"))
	if !slices.Contains(models.ConnectionSorts, sort) {
		sort = models.SortNewest
	}
	return filter, sort
}

func (s *server) integrationOptions(selected, anyLabel string) []views.Option {
	var options []views.Option
	if anyLabel != "" {
		options = append(options, views.Option{Label: anyLabel, Selected: selected == ""})
	}
	known := false
	for _, in := range s.Connections.Integrations() {
		known = known || in.Name == selected
		options = append(options, views.Option{Value: in.Name, Label: in.Name, Selected: in.Name == selected})
	}
	if selected != "" && !known {
		options = append(options, views.Option{Value: selected, Label: selected + " (not configured)", Selected: true})
	}
	return options
}

func statusOptions(selected models.Status) []views.Option {
	options := []views.Option{{Label: "Any status", Selected: selected == ""}}
	for _, status := range models.Statuses {
		options = append(options, views.Option{Value: string(status), Label: views.StatusLabel(status), Selected: status == selected})
	}
	return options
}

// filterChips gives each active filter with the address of the list without it.
func filterChips(c echo.Context, filter models.ConnectionFilter) []views.Link {
	var chips []views.Link
	add := func(name, label, value string) {
		if value != "" {
			chips = append(chips, views.Link{Label: label + ": " + value, Href: with(c, name, "", "cursor", "")})
		}
	}
	add("q", "Search", filter.Query)
	add("integration", "Integration", filter.Integration)
	add("user", "User id", filter.UserID)
	add("tag", "Tag", filter.Tag)
	if filter.Status != "" {
		add("status", "Status", views.StatusLabel(filter.Status))
	}
	return chips
}

func sortOptions(selected models.ConnectionSort) []views.Option {
	options := []views.Option{
		{Label: "Newest first"},
		{Value: string(models.SortOldest), Label: "Oldest first"},
		{Value: string(models.SortLastModified), Label: "Last modified first"},
		{Value: string(models.SortFirstModified), Label: "Last modified last"},
	}
	for i := range options {
		options[i].Selected = options[i].Value == string(selected)
	}
	return options
}

func sortLink(c echo.Context, current, ascending, descending models.ConnectionSort) views.SortLink {
	switch current {
	case descending:
		return views.SortLink{Href: with(c, "sort", string(ascending), "cursor", ""), AriaSort: "descending"}
	case ascending:
		return views.SortLink{Href: with(c, "sort", string(descending), "cursor", ""), AriaSort: "ascending"}
	}
	return views.SortLink{Href: with(c, "sort", string(descending), "cursor", ""), AriaSort: "none"}
}
