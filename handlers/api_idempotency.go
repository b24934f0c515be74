package handlers

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/internal/idempotency"
	"github.com/patchbay/patchbay/models"
)

const (
	headerIdempotencyKey = "Idempotency-Key"
	headerReplayed       = "Idempotency-Replayed"
)

// once answers a request with an Idempotency-Key: by the answer kept under the key, or by next, whose answer is kept.
func (s *server) once(c echo.Context, key *models.APIKey, idempotencyKey string, next echo.HandlerFunc) error {
	invisible := func(r rune) bool { return r <= ' ' || r > '~' }
	if idempotencyKey == "" || len(idempotencyKey) > idempotency.MaxKeyBytes || strings.ContainsFunc(idempotencyKey, invisible) {
		return &models.Error{Kind: models.KindMalformed, Code: models.CodeInvalidHeader, Message: "The Idempotency-Key is not one of 1 to 255 visible ASCII characters."}
	}
	body, err := readBody(c)
	if err != nil {
		return err
	}
	c.Request().Body = io.NopCloser(bytes.NewReader(body))
	ctx := c.Request().Context()
	request, answer, err := s.Idempotency.Begin(ctx, strconv.FormatInt(key.ID, 10), idempotencyKey, []byte(c.Request().URL.RequestURI()), body)
	if err != nil {
		return err
	}
	response := c.Response()
	if answer != nil {
		response.Header().Set(headerReplayed, "true")
		for name, value := range map[string]string{headerETag: answer.ETag, echo.HeaderLocation: answer.Location} {
			if value != "" {
				response.Header().Set(name, value)
			}
		}
		return c.JSONBlob(answer.Status, answer.Body)
	}
	recorder := &answerRecorder{ResponseWriter: response.Writer}
	response.Writer = recorder
	err = next(c)
	ctx = context.WithoutCancel(ctx) // whoever asks again has often gone away before
	if !response.Committed || response.Status >= http.StatusInternalServerError {
		return errors.Join(err, request.Release(ctx)) // a refusal changed nothing, so it may be asked again
	}
	// An error now says that the answer did not arrive.
	return errors.Join(err, request.Finish(ctx, idempotency.Answer{
		Status: response.Status, ETag: response.Header().Get(headerETag), Location: response.Header().Get(echo.HeaderLocation), Body: recorder.body.Bytes(),
	}))
}

// answerRecorder keeps what is written through it.
type answerRecorder struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (r *answerRecorder) Write(p []byte) (int, error) {
	r.body.Write(p)
	return r.ResponseWriter.Write(p)
}
