package handlers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/models"
	"github.com/patchbay/patchbay/views"
)

// statuses maps every kind of failure to its HTTP status. This is the only place that does.
var statuses = map[models.Kind]int{
	models.KindMalformed:       http.StatusBadRequest,
	models.KindUnauthenticated: http.StatusUnauthorized,
	models.KindForbidden:       http.StatusForbidden,
	models.KindNotFound:        http.StatusNotFound,
	models.KindConflict:        http.StatusConflict,
	models.KindTooLarge:        http.StatusRequestEntityTooLarge,
	models.KindInvalid:         http.StatusUnprocessableEntity,
	models.KindReauthRequired:  http.StatusFailedDependency,
	models.KindTooMany:         http.StatusTooManyRequests,
	models.KindInternal:        http.StatusInternalServerError,
	models.KindProviderFailed:  http.StatusBadGateway,
	models.KindProviderTimeout: http.StatusGatewayTimeout,
	models.KindUnavailable:     http.StatusServiceUnavailable,
}

// titles head the page of each status.
var titles = map[int]string{
	http.StatusBadRequest:            "The request cannot be read",
	http.StatusForbidden:             "Not allowed",
	http.StatusNotFound:              "Page not found",
	http.StatusMethodNotAllowed:      "Not available this way",
	http.StatusConflict:              "Changed meanwhile",
	http.StatusRequestEntityTooLarge: "Too large",
	http.StatusUnprocessableEntity:   "Not accepted",
	http.StatusTooManyRequests:       "Too many attempts",
	http.StatusServiceUnavailable:    "Not available at the moment",
}

// describe gives status and message of a failure. Only what is meant for people comes out of it.
func describe(err error) (status int, message string) {
	var tooLarge *http.MaxBytesError
	var routing *echo.HTTPError
	e := models.AsError(err)
	switch {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge, "The request is larger than 1 MiB."
	case e != nil && e.Kind != models.KindInternal:
		return statuses[e.Kind], e.Message
	case errors.As(err, &routing) && routing.Code == http.StatusNotFound:
		return routing.Code, "There is nothing at this address."
	case errors.As(err, &routing) && routing.Code == http.StatusMethodNotAllowed:
		return routing.Code, "This address does not take this kind of request."
	}
	if models.Unavailable(err) {
		return http.StatusServiceUnavailable, "The database does not answer. Try again in a moment."
	}
	return http.StatusInternalServerError, "The server failed at this. Its log tells more under the request id below."
}

// unavailableFor is how long a client is told to wait for the database.
const unavailableFor = 5 * time.Second

// fail answers a request that ended in an error, and logs the error where it is ours.
func (s *server) fail(err error, c echo.Context) {
	status, message := describe(err)
	if status == http.StatusInternalServerError && errors.Is(err, context.Canceled) && c.Request().Context().Err() != nil {
		status, message = statusClientGone, "The client went away."
	}
	if status >= http.StatusInternalServerError {
		s.logFailure(c, err)
	}
	if c.Response().Committed {
		return
	}
	if status == http.StatusServiceUnavailable {
		retryAfter(c, &models.Error{RetryAfter: unavailableFor})
	}
	retryAfter(c, models.AsError(err))
	if isAPI(c) {
		s.failAPI(c, status, message, models.AsError(err))
		return
	}
	title := titles[status]
	if title == "" {
		title = "Something went wrong"
	}
	page := views.ErrorPage{Theme: theme(c), Status: status, Title: title, Message: message, RequestID: requestID(c)}
	var routing *echo.HTTPError
	if signedIn(c) != nil || errors.As(err, &routing) { // an end user never types an address, so this is an operator
		page.Href, page.HrefLabel = "/", "Go to the overview"
	}
	if err := render(c, status, views.Error(page)); err != nil {
		s.Log.Error("render error page", "error", err, "requestId", requestID(c))
		_ = c.String(status, fmt.Sprintf("%d %s\n", status, title)) // the client is gone when this fails, too
	}
}

// retryAfter tells a client that came too often how long to wait (RFC 9110 §10.2.3).
func retryAfter(c echo.Context, e *models.Error) {
	if e != nil && e.RetryAfter > 0 {
		c.Response().Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
}

// statusClientGone is what nobody is there to read any more; the number is nginx's.
const statusClientGone = 499

// logFailure writes an error with its cause. Errors of this program never hold secrets. That a provider fails is no fault of this
// server.
func (s *server) logFailure(c echo.Context, err error) {
	attrs := []any{"error", err, "route", c.Path(), "requestId", requestID(c)}
	level := slog.LevelError
	if e := models.AsError(err); e != nil {
		if e.Cause != nil {
			attrs = append(attrs, "cause", e.Cause)
		}
		if e.Kind == models.KindProviderFailed || e.Kind == models.KindProviderTimeout {
			level = slog.LevelWarn
		}
	}
	s.Log.Log(c.Request().Context(), level, "request failed", attrs...)
}
