package client

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Error is what the server, or the client on its behalf, refuses.
type Error struct {
	Status     int           // of HTTP; 0 where nothing was sent
	Code       string        // one of the constants below; empty where the answer was not one of Patchbay
	Message    string        // one readable sentence
	Fields     []FieldError  // what is wrong with which part of the request
	RequestID  string        // under which the server's log tells more
	RetryAfter time.Duration // how long the server asks to wait; 0 where it does not say
}

// FieldError is one fault of one part of a request. Line and Column are 1-based where that part is a JSON text, else 0.
type FieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
}

// The codes of errors, with the statuses they come with. A code never changes its meaning; new ones may be added.
const (
	CodeMalformedBody         = "malformed_body"          // 400
	CodeInvalidCursor         = "invalid_cursor"          // 400
	CodeInvalidHeader         = "invalid_header"          // 400
	CodeUnauthenticated       = "unauthenticated"         // 401
	CodeForbidden             = "forbidden"               // 403
	CodeNotFound              = "not_found"               // 404
	CodeUnknownConnection     = "unknown_connection"      // 404
	CodeUnknownIntegration    = "unknown_integration"     // 404
	CodeUnknownAction         = "unknown_action"          // 404
	CodeUnknownProvider       = "unknown_provider"        // 404
	CodeMethodNotAllowed      = "method_not_allowed"      // 405
	CodeConnectionExists      = "connection_exists"       // 409
	CodeStaleVersion          = "stale_version"           // 409
	CodeConnectionDisabled    = "connection_disabled"     // 409
	CodeIdempotencyInProgress = "idempotency_in_progress" // 409
	CodeIntegrationExists     = "integration_exists"      // 409
	CodeIntegrationManaged    = "integration_managed"     // 409
	CodeIntegrationInUse      = "integration_in_use"      // 409
	CodeWebhookDisabled       = "webhook_disabled"        // 409
	CodeWebhookLimit          = "webhook_limit"           // 409
	CodePayloadTooLarge       = "payload_too_large"       // 413
	CodeInvalidBody           = "invalid_body"            // 422
	CodeInvalidParameter      = "invalid_parameter"       // 422
	CodeInvalidConfig         = "invalid_config"          // 422
	CodeInvalidCredentials    = "invalid_credentials"     // 422
	CodeInvalidUserID         = "invalid_user_id"         // 422
	CodeInvalidTags           = "invalid_tags"            // 422
	CodeInvalidIntegration    = "invalid_integration"     // 422
	CodeInvalidWebhook        = "invalid_webhook"         // 422
	CodeInvalidReturnURL      = "invalid_return_url"      // 422
	CodeUnsupportedAuthMode   = "unsupported_auth_mode"   // 422
	CodeNotRefreshable        = "not_refreshable"         // 422
	CodeIdempotencyKeyReused  = "idempotency_key_reused"  // 422
	CodeNeedsReconnect        = "needs_reconnect"         // 424: the end user has to connect again
	CodeTooManyRequests       = "too_many_requests"       // 429
	CodeInternal              = "internal"                // 500
	CodeRefreshFailed         = "refresh_failed"          // 502
	CodeUnavailable           = "unavailable"             // 503: the database is away, locked or full
	CodeRefreshTimeout        = "refresh_timeout"         // 504
)

// HasCode reports whether err is an [*Error] with the given code.
func HasCode(err error, code string) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == code
}

// Error gives the message, the faults of fields that it does not tell, and by what to look it up.
func (e *Error) Error() string {
	var text strings.Builder
	text.WriteString("patchbay: " + e.Message)
	for _, field := range e.Fields {
		if !strings.Contains(e.Message, field.Message) {
			fmt.Fprintf(&text, " %s: %s", field.Field, field.Message)
		}
	}
	fmt.Fprintf(&text, " (%s", cmp.Or(e.Code, fmt.Sprintf("status %d", e.Status)))
	if e.RequestID != "" {
		text.WriteString(", request " + e.RequestID)
	}
	return text.String() + ")"
}

// refused is an error that the client finds before it sends anything.
func refused(code, message string) *Error { return &Error{Code: code, Message: message} }

// parseError reads the error that a response is. What something else than Patchbay says, such as the page of a proxy, is
// not repeated.
func parseError(response *http.Response, body []byte) *Error {
	var answer struct {
		Error struct {
			Code      string
			Message   string
			Fields    []FieldError
			RequestID string
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Error.Code == "" {
		answer.Error.Code, answer.Error.Fields = "", nil
		answer.Error.Message = unexpected(response)
	}
	return &Error{
		Status:     response.StatusCode,
		Code:       answer.Error.Code,
		Message:    answer.Error.Message,
		Fields:     answer.Error.Fields,
		RequestID:  cmp.Or(answer.Error.RequestID, response.Header.Get("X-Request-Id")),
		RetryAfter: parseRetryAfter(response.Header.Get("Retry-After")),
	}
}

// unexpected describes a response that is none of the API's.
func unexpected(response *http.Response) string {
	status := strings.TrimSpace(fmt.Sprintf("%d %s", response.StatusCode, http.StatusText(response.StatusCode)))
	if to, err := url.Parse(response.Header.Get("Location")); err == nil && to.Host != "" && response.StatusCode/100 == 3 {
		return fmt.Sprintf("Expected an answer of Patchbay, found %s, a redirect to %s://%s. Use that address if it is the right one.", status, to.Scheme, to.Host)
	}
	return fmt.Sprintf("Expected an answer of Patchbay, found %s with content type %q.", status, response.Header.Get("Content-Type"))
}
