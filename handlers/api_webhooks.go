package handlers

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/internal/webhooks"
	"github.com/patchbay/patchbay/models"
)

// apiWebhook is a webhook endpoint without its secret.
type apiWebhook struct {
	ID             string             `json:"id" format:"uuid"`
	URL            string             `json:"url" format:"uri"`
	Description    string             `json:"description"`
	Types          []models.EventType `json:"types" nullable:"false" doc:"The only types it is told of; empty is all of them."`
	Integrations   []string           `json:"integrations" nullable:"false" doc:"The only integrations it is told of; empty is all of them."`
	Enabled        bool               `json:"enabled"`
	DisabledReason string             `json:"disabledReason" doc:"Why the server disabled it, in a sentence; empty where a person did."`
	FailingSince   *time.Time         `json:"failingSince" nullable:"true" doc:"Since when everything sent to it has failed."`
	DateCreated    time.Time          `json:"dateCreated"`
	LastModified   time.Time          `json:"lastModified"`
}

func publicWebhook(e *models.WebhookEndpoint) apiWebhook {
	return apiWebhook{
		ID: e.UUID, URL: e.URL, Description: e.Description, Types: append([]models.EventType{}, e.Types...), Integrations: append([]string{}, e.Integrations...),
		Enabled: e.Enabled, DisabledReason: e.DisabledReason, FailingSince: e.FailingSince, DateCreated: e.DateCreated, LastModified: e.LastModified,
	}
}

// webhookWithSecret is given once, when the secret is new.
type webhookWithSecret struct {
	apiWebhook
	Secret string `json:"secret" doc:"What messages are signed with, whsec_ and base64. It cannot be asked for again."`
}

type webhookList struct {
	Webhooks []apiWebhook `json:"webhooks" nullable:"false"`
}

type webhookRequest struct {
	URL          string             `json:"url" format:"uri" example:"https://app.example.com/webhooks"`
	Description  string             `json:"description,omitempty" doc:"At most 200 bytes."`
	Types        []models.EventType `json:"types,omitempty" doc:"All types where absent."`
	Integrations []string           `json:"integrations,omitempty" doc:"All integrations where absent."`
}

// webhookPatch changes the keys it has.
type webhookPatch struct {
	URL          *string             `json:"url,omitempty" format:"uri"`
	Description  *string             `json:"description,omitempty"`
	Types        *[]models.EventType `json:"types,omitempty"`
	Integrations *[]string           `json:"integrations,omitempty"`
	Enabled      *bool               `json:"enabled,omitempty" doc:"One that is disabled is told of nothing; what it was still to be sent is given up."`
}

type apiDelivery struct {
	ID          string                `json:"id" format:"uuid"`
	MessageID   string                `json:"messageId" doc:"The webhook-id of the message."`
	Type        models.EventType      `json:"type" example:"connection.created"`
	Status      models.DeliveryStatus `json:"status" enum:"pending,delivered,failed,cancelled" doc:"failed after its last try; cancelled because the endpoint was disabled."`
	Tries       int                   `json:"tries"`
	DateCreated time.Time             `json:"dateCreated"`
	LastTry     *time.Time            `json:"lastTry" nullable:"true"`
	NextTry     *time.Time            `json:"nextTry" nullable:"true" doc:"null once it is over."`
	HTTPStatus  int                   `json:"httpStatus" doc:"Of the last answer; 0 where there was none."`
	DurationMS  int64                 `json:"durationMs" doc:"Of the last try."`
	Error       string                `json:"error" doc:"Why the last try failed, in a sentence."`
	Excerpt     string                `json:"excerpt" doc:"The beginning of the last answer."`
}

func publicDelivery(d *models.WebhookDelivery) apiDelivery {
	return apiDelivery{
		ID: d.UUID, MessageID: d.MessageID, Type: d.Type, Status: d.Status, Tries: d.Tries, DateCreated: d.DateCreated,
		LastTry: d.LastTry, NextTry: d.NextTry, HTTPStatus: d.HTTPStatus, DurationMS: d.DurationMS, Error: d.Error, Excerpt: d.Excerpt,
	}
}

type deliveryList struct {
	Deliveries []apiDelivery `json:"deliveries" nullable:"false"`
	NextCursor string        `json:"nextCursor" doc:"Where the next page begins; empty at the end."`
}

// ofWebhooks is the handler of an operation on webhooks. An endpoint may be told of the events of every integration, so a key
// that is limited to some manages none.
func ofWebhooks(handler echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if len(callerKey(c).Integrations) > 0 {
			return forbidden("This API key is limited to some integrations, so it cannot manage webhooks.")
		}
		return handler(c)
	}
}

func (s *server) listWebhooks(c echo.Context) error {
	endpoints, err := s.Webhooks.List(c.Request().Context())
	if err != nil {
		return err
	}
	list := webhookList{[]apiWebhook{}}
	for i := range endpoints {
		list.Webhooks = append(list.Webhooks, publicWebhook(&endpoints[i]))
	}
	return writeJSON(c, http.StatusOK, list)
}

func (s *server) createWebhook(c echo.Context) error {
	var r webhookRequest
	if err := readJSON(c, &r); err != nil {
		return err
	}
	e, err := s.Webhooks.Create(c.Request().Context(), apiActor(c), models.WebhookRequest(r))
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderLocation, apiPrefix+"/webhooks/"+e.UUID)
	return writeJSON(c, http.StatusCreated, webhookWithSecret{publicWebhook(e), e.Secret.Reveal()})
}

// endpoint finds the webhook endpoint that the path names.
func (s *server) endpoint(c echo.Context) (*models.WebhookEndpoint, error) {
	id, err := pathParam(c, "webhook")
	if err != nil {
		return nil, err
	}
	return s.Webhooks.FindUnopened(c.Request().Context(), id)
}

func (s *server) getWebhook(c echo.Context) error {
	e, err := s.endpoint(c)
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, publicWebhook(e))
}

func (s *server) patchWebhook(c echo.Context) error {
	e, err := s.endpoint(c)
	if err != nil {
		return err
	}
	var patch webhookPatch
	if err := readJSON(c, &patch); err != nil {
		return err
	}
	if e, err = s.Webhooks.Update(c.Request().Context(), apiActor(c), e.UUID, webhooks.Change(patch)); err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, publicWebhook(e))
}

func (s *server) rollWebhookSecret(c echo.Context) error {
	e, err := s.endpoint(c)
	if err != nil {
		return err
	}
	if e, err = s.Webhooks.RollSecret(c.Request().Context(), apiActor(c), e.UUID); err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, webhookWithSecret{publicWebhook(e), e.Secret.Reveal()})
}

func (s *server) deleteWebhook(c echo.Context) error {
	e, err := s.endpoint(c)
	if err != nil {
		return err
	}
	if _, err := s.Webhooks.Delete(c.Request().Context(), apiActor(c), e.UUID); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *server) listDeliveries(c echo.Context) error {
	e, err := s.endpoint(c)
	if err != nil {
		return err
	}
	request, err := apiPageRequest(c)
	if err != nil {
		return err
	}
	page, err := s.Webhooks.Deliveries(c.Request().Context(), e, request)
	if err != nil {
		return err
	}
	list := deliveryList{[]apiDelivery{}, page.Next}
	for i := range page.Rows {
		list.Deliveries = append(list.Deliveries, publicDelivery(&page.Rows[i]))
	}
	return writeJSON(c, http.StatusOK, list)
}

func (s *server) redeliver(c echo.Context) error {
	e, err := s.endpoint(c)
	if err != nil {
		return err
	}
	id, err := pathParam(c, "delivery")
	if err != nil {
		return err
	}
	d, err := s.Webhooks.Redeliver(c.Request().Context(), e.UUID, id)
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusAccepted, publicDelivery(d))
}

func (s *server) testWebhook(c echo.Context) error {
	e, err := s.endpoint(c)
	if err != nil {
		return err
	}
	d, err := s.Webhooks.SendTest(c.Request().Context(), e.UUID)
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusAccepted, publicDelivery(d))
}

// webhookRoutes are the operations on webhooks.
func (s *server) webhookRoutes() []apiRoute {
	const get, post, patch, del = http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
	const one = "/webhooks/:webhook"
	type codes = []string
	none, invalid, disabled := models.CodeNotFound, models.CodeInvalidWebhook, models.CodeWebhookDisabled
	routes := []apiRoute{
		{
			method: get, path: "/webhooks", operationID: "listWebhooks", handler: s.listWebhooks,
			summary: "List webhook endpoints", status: http.StatusOK, answer: webhookList{},
		},
		{
			method: post, path: "/webhooks", operationID: "createWebhook", handler: s.createWebhook,
			summary: "Create a webhook endpoint", description: "An address of your backend that is told of events. The answer holds the secret, this once.",
			body: webhookRequest{}, status: http.StatusCreated, answer: webhookWithSecret{}, errors: codes{invalid, models.CodeWebhookLimit},
		},
		{
			method: get, path: one, operationID: "getWebhook", handler: s.getWebhook,
			summary: "Get one webhook endpoint", status: http.StatusOK, answer: apiWebhook{}, errors: codes{none},
		},
		{
			method: patch, path: one, operationID: "updateWebhook", handler: s.patchWebhook,
			summary: "Change a webhook endpoint", description: "Keys that are absent stay.", body: webhookPatch{}, status: http.StatusOK, answer: apiWebhook{}, errors: codes{none, invalid},
		},
		{
			method: del, path: one, operationID: "deleteWebhook", handler: s.deleteWebhook,
			summary: "Delete a webhook endpoint", description: "With its deliveries.", status: http.StatusNoContent, errors: codes{none},
		},
		{
			method: post, path: one + "/roll-secret", operationID: "rollWebhookSecret", handler: s.rollWebhookSecret,
			summary: "Give a webhook endpoint a new secret", description: "For 24 hours messages are signed with the old one, too.", status: http.StatusOK, answer: webhookWithSecret{}, errors: codes{none},
		},
		{
			method: post, path: one + "/test", operationID: "testWebhook", handler: s.testWebhook,
			summary: "Send a test", description: "Sends an event of the type webhook.test, whatever the endpoint's filters are.", status: http.StatusAccepted, answer: apiDelivery{}, errors: codes{none, disabled},
		},
		{
			method: get, path: one + "/deliveries", operationID: "listWebhookDeliveries", handler: s.listDeliveries,
			summary: "List deliveries", description: "Newest first. They are kept for 31 days.", query: []apiParam{queryLimit, queryCursor},
			status: http.StatusOK, answer: deliveryList{}, errors: codes{none, models.CodeInvalidParameter, models.CodeInvalidCursor},
		},
		{
			method: post, path: one + "/deliveries/:delivery/redeliver", operationID: "redeliverWebhook", handler: s.redeliver,
			summary: "Send a message again", description: "With the same webhook-id. While it is still being tried, its next try is brought forward; otherwise it becomes a delivery of its own.", status: http.StatusAccepted, answer: apiDelivery{}, errors: codes{none, disabled},
		},
	}
	for i := range routes {
		routes[i].tag, routes[i].scope, routes[i].handler = tagWebhooks, models.ScopeWebhooksWrite, ofWebhooks(routes[i].handler)
	}
	return routes
}
