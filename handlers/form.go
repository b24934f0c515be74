package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/models"
	"github.com/patchbay/patchbay/views"
)

// parseForm reads a posted form. It fails with 413 for one that is too large and malformed for one that is none.
func parseForm(c echo.Context) error {
	err := c.Request().ParseForm()
	var tooLarge *http.MaxBytesError
	if err == nil || errors.As(err, &tooLarge) {
		return err
	}
	return &models.Error{Kind: models.KindMalformed, Code: "malformed_form", Message: "The form cannot be read.", Cause: err}
}

// textOf gives a posted text as it was typed: browsers send every line break of a form as CRLF.
func textOf(c echo.Context, name string) string { return unixLines(c.FormValue(name)) }

func unixLines(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
}

// localPath gives path when it leads to a page of this server and fallback otherwise. Browsers take "\" for "/", drop
// tabs and line breaks, and read "//host" as another server.
func localPath(path, fallback string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\t\r\n") {
		return fallback
	}
	if u, err := url.Parse(path); err != nil || u.Host != "" || u.Scheme != "" {
		return fallback
	}
	return path
}

// pageRequest reads cursor and limit of a list; a limit that is not offered is the default.
func pageRequest(c echo.Context) models.PageRequest {
	limit, err := strconv.Atoi(c.QueryParam("limit"))
	if err != nil || !slices.Contains(models.PageSizes, limit) {
		limit = models.PageSizes[0]
	}
	return models.PageRequest{Cursor: c.QueryParam("cursor"), Limit: limit}
}

// with gives the address of the current page with some of its query replaced; an empty value removes a parameter.
func with(c echo.Context, changes ...string) string {
	query := url.Values{}
	for name, values := range c.QueryParams() {
		if values[0] != "" {
			query.Set(name, values[0])
		}
	}
	for i := 0; i < len(changes); i += 2 {
		query.Del(changes[i])
		if changes[i+1] != "" {
			query.Set(changes[i], changes[i+1])
		}
	}
	path := c.Request().URL.EscapedPath()
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

// pager links the neighbours of a page of a list.
func pager[T any](c echo.Context, page models.Page[T], request models.PageRequest) views.Pager {
	var p views.Pager
	if page.Prev != "" {
		p.PrevHref = with(c, "cursor", page.Prev)
		p.FirstHref = with(c, "cursor", "")
	}
	if page.Next != "" {
		p.NextHref = with(c, "cursor", page.Next)
	}
	for _, size := range slices.Sorted(slices.Values(models.PageSizes)) {
		text := strconv.Itoa(size)
		p.Sizes = append(p.Sizes, views.Option{Value: with(c, "cursor", "", "limit", text), Label: text, Selected: size == request.Limit})
	}
	return p
}

// fieldErrors gives the faults of a refused form.
func fieldErrors(e *models.Error) []views.FieldError {
	fields := make([]views.FieldError, len(e.Fields))
	for i, f := range e.Fields {
		fields[i] = views.FieldError{Field: f.Field, Message: f.Message}
	}
	return fields
}
