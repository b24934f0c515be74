package handlers

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/models"
)

// apiPrefix begins the address of every call of the JSON API.
const apiPrefix = "/api/v1"

// isAPI reports whether a request is for the JSON API, where errors are JSON, too.
func isAPI(c echo.Context) bool { return strings.HasPrefix(c.Request().URL.Path, "/api/") }

const headerETag = "ETag"

// apiKeyKey names the API key kept with a request.
const apiKeyKey = "apiKey"

// callerKey gives the API key of this request.
func callerKey(c echo.Context) *models.APIKey {
	key, _ := c.Get(apiKeyKey).(*models.APIKey)
	return key
}

// operation is the handler of an API route: known and allowed caller, known parameters, and an answer that is not given
// twice for one Idempotency-Key.
func (s *server) operation(r apiRoute) echo.HandlerFunc {
	return func(c echo.Context) error {
		if r.open {
			if err := checkQuery(c, r.query); err != nil {
				return err
			}
			return r.handler(c)
		}
		key, err := s.authenticate(c)
		if err != nil {
			return err
		}
		c.Set(apiKeyKey, key)
		if err := checkQuery(c, r.query); err != nil {
			return err
		}
		if r.scope != "" && !key.Allows(r.scope) {
			return forbidden("This API key lacks the scope " + string(r.scope) + ".")
		}
		if name, err := pathParam(c, "integration"); err != nil {
			return err
		} else if name != "" {
			if err := reach(c, name); err != nil {
				return err
			}
		}
		if r.operationID != operationGetCredentials { // which counts with the connection
			if err := s.Meter.Count(key.Name, r.operationID, ""); err != nil {
				return err
			}
		}
		if sent := c.Request().Header.Values(headerIdempotencyKey); sent != nil && r.method == http.MethodPost {
			return s.once(c, key, strings.Join(sent, ", "), r.handler)
		}
		return r.handler(c)
	}
}

// authenticate finds the API key of a request (RFC 6750 §2.1).
func (s *server) authenticate(c echo.Context) (*models.APIKey, error) {
	token, err := bearer(c)
	if err != nil {
		return nil, err
	}
	return s.APIKeys.Authenticate(c.Request().Context(), token, c.RealIP())
}

func bearer(c echo.Context) (models.Secret, error) {
	header := c.Request().Header.Get(echo.HeaderAuthorization)
	scheme, token, _ := strings.Cut(header, " ")
	message := ""
	switch {
	case header == "":
		message = "Send the API key in the header Authorization: Bearer <key>."
	case !strings.EqualFold(scheme, "Bearer") || strings.TrimSpace(token) == "":
		message = "The header Authorization is not of the form Bearer <key>."
	}
	if message != "" {
		return "", &models.Error{Kind: models.KindUnauthenticated, Code: models.CodeUnauthenticated, Message: message}
	}
	return models.Secret(strings.TrimSpace(token)), nil
}

func forbidden(message string) error {
	return &models.Error{Kind: models.KindForbidden, Code: models.CodeForbidden, Message: message}
}

// reach fails unless the API key of this request may touch an integration.
func reach(c echo.Context, integration string) error {
	if callerKey(c).Reaches(integration) {
		return nil
	}
	return forbidden("This API key is limited to the integrations " + strings.Join(callerKey(c).Integrations, ", ") + ".")
}

// apiActor gives the API key of this request as an actor.
func apiActor(c echo.Context) models.Actor {
	return models.Actor{Name: models.APIKeyActor(callerKey(c).Name), IP: c.RealIP(), RequestID: requestID(c)}
}

// pathParam gives a segment of the path, percent-decoded once; empty where the route has none of this name.
func pathParam(c echo.Context, name string) (string, error) {
	text := c.Param(name)
	if strings.Contains(text, "/") { // echo lets the last parameter of a route take the rest of the path
		return "", echo.ErrNotFound
	}
	if c.Request().URL.RawPath == "" {
		return text, nil
	}
	decoded, err := url.PathUnescape(text)
	if err != nil {
		return "", echo.ErrNotFound
	}
	return decoded, nil
}

// writeJSON answers with a value; what implements [rawJSON] writes itself.
func writeJSON(c echo.Context, status int, value any) error {
	body, err := encodeJSON(value)
	if err != nil {
		return err
	}
	return c.JSONBlob(status, body)
}

// rawJSON is a value with parts whose text must not be encoded anew.
type rawJSON interface{ encode() ([]byte, error) }

func encodeJSON(value any) ([]byte, error) {
	if raw, ok := value.(rawJSON); ok {
		return raw.encode()
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // it is not read as HTML
	err := encoder.Encode(value)
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), err
}

// errorBody is how the API tells of failures.
type errorBody struct {
	Error errorDetail `json:"error"`
}

type errorDetail struct {
	Code      string       `json:"code" doc:"What went wrong, for programs; codes keep their meaning." example:"unknown_connection"`
	Message   string       `json:"message" doc:"The same in a sentence, for people." example:"This user has no connection of this integration."`
	Fields    []errorField `json:"fields,omitempty" doc:"The inputs at fault, where they can be told."`
	RequestID string       `json:"requestId" doc:"Name of the request in the server's log." format:"uuid"`
}

type errorField struct {
	Field   string `json:"field" doc:"Name of the input, such as additionalConfig or credentials.access_token."`
	Message string `json:"message" doc:"What is wrong with it and what was expected."`
	Line    int    `json:"line,omitempty" doc:"Where the input is a text: the line of the fault, from 1."`
	Column  int    `json:"column,omitempty" doc:"The column of the fault in characters, from 1."`
}

// Codes of failures that have no [models.Error].
const (
	codeInternal         = "internal"
	codeMethodNotAllowed = "method_not_allowed"
	codePayloadTooLarge  = "payload_too_large"
	codeUnavailable      = "unavailable"
)

// failAPI answers a call that ended in an error.
func (s *server) failAPI(c echo.Context, status int, message string, e *models.Error) {
	detail := errorDetail{Message: message, RequestID: requestID(c)}
	switch {
	case status == http.StatusRequestEntityTooLarge:
		detail.Code = codePayloadTooLarge
	case e != nil && e.Kind != models.KindInternal:
		detail.Code = e.Code
		for _, f := range e.Fields {
			detail.Fields = append(detail.Fields, errorField(f))
		}
	case status == http.StatusNotFound:
		detail.Code = models.CodeNotFound
	case status == http.StatusMethodNotAllowed:
		detail.Code = codeMethodNotAllowed
	case status == http.StatusServiceUnavailable:
		detail.Code = codeUnavailable
	default:
		detail.Code, detail.Message = codeInternal, "The server failed at this. Its log tells more under the request id."
	}
	if status == http.StatusUnauthorized {
		c.Response().Header().Set(echo.HeaderWWWAuthenticate, "Bearer")
	}
	if err := writeJSON(c, cmp.Or(status, http.StatusInternalServerError), errorBody{detail}); err != nil {
		s.Log.Error("write error", "error", err, "requestId", requestID(c))
	}
}
