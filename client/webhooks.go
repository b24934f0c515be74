package client

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// WebhookEvent is what the server tells the application's backend. New types may be added: those that are not known are best
// answered with success and left.
type WebhookEvent struct {
	ID   string      `json:"id"` // the same whenever the message is sent again
	Type EventType   `json:"type"`
	Time time.Time   `json:"time"`
	Data WebhookData `json:"data"`
}

// WebhookData names the connection that an event happened to. It never holds credentials.
type WebhookData struct {
	Connection  string `json:"connection"` // its uuid
	Integration string `json:"integration"`
	UserID      string `json:"userId"`
	Detail      string `json:"detail"` // what changed, or why
}

// EventWebhookTest is the type of what the dashboard sends to try an endpoint. Its data is empty.
const EventWebhookTest EventType = "webhook.test"

// ErrInvalidWebhook is returned for a request that the server did not send, or did not send lately.
var ErrInvalidWebhook = errors.New("patchbay: the webhook is not valid")

// webhookTolerance is how far the time of a message may be from now, so that an old one cannot be played again.
const webhookTolerance = 5 * time.Minute

// VerifyWebhook checks that a request to the application comes from the server, and reads it. The body has to be as it was
// received, byte for byte, and secret is the one that the endpoint was given when it was made or its secret rolled. now is
// time.Now() but in tests. It fails with [ErrInvalidWebhook]; then the request is best answered with status 400.
//
// A message may come more than once: its ID tells.
func VerifyWebhook(header http.Header, body []byte, secret string, now time.Time) (*WebhookEvent, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) == 0 {
		return nil, errors.New("patchbay: expected the secret of a webhook endpoint, whsec_ and base64")
	}
	id, timestamp := header.Get("webhook-id"), header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || id == "" {
		return nil, fmt.Errorf("%w: it lacks its headers", ErrInvalidWebhook)
	}
	if away := now.Sub(time.Unix(seconds, 0)); away > webhookTolerance || away < -webhookTolerance {
		return nil, fmt.Errorf("%w: its time is more than 5 minutes from now", ErrInvalidWebhook)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", id, timestamp, body)
	want := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	for _, signature := range strings.Fields(header.Get("webhook-signature")) {
		if !hmac.Equal([]byte(signature), want) {
			continue
		}
		event := &WebhookEvent{}
		if err := json.Unmarshal(body, event); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrInvalidWebhook, err)
		}
		return event, nil
	}
	return nil, fmt.Errorf("%w: no signature fits", ErrInvalidWebhook)
}

// Webhook is an endpoint of the application that is told of events.
type Webhook struct {
	ID             string      `json:"id"`
	URL            string      `json:"url"`
	Description    string      `json:"description"`
	Types          []EventType `json:"types"`        // the only ones it is told of; all where empty
	Integrations   []string    `json:"integrations"` // the only ones it is told of; all where empty
	Enabled        bool        `json:"enabled"`
	DisabledReason string      `json:"disabledReason"` // why the server disabled it
	FailingSince   time.Time   `json:"failingSince,omitzero"`
	DateCreated    time.Time   `json:"dateCreated"`
	LastModified   time.Time   `json:"lastModified"`

	// Secret is for [VerifyWebhook]. Only [Client.CreateWebhook] and [Client.RollWebhookSecret] give it.
	Secret string `json:"secret"`
}

// String leaves the secret out.
func (w Webhook) String() string { return "webhook " + w.ID + " to " + w.URL }

// GoString leaves the secret out.
func (w Webhook) GoString() string { return w.String() }

// WebhookRequest says what an endpoint is to be.
type WebhookRequest struct {
	URL          string      `json:"url"`
	Description  string      `json:"description,omitempty"`
	Types        []EventType `json:"types,omitempty"`
	Integrations []string    `json:"integrations,omitempty"`
}

// WebhookChange says what becomes of an endpoint; what is nil stays.
type WebhookChange struct {
	URL          *string      `json:"url,omitempty"`
	Description  *string      `json:"description,omitempty"`
	Types        *[]EventType `json:"types,omitempty"`
	Integrations *[]string    `json:"integrations,omitempty"`
	Enabled      *bool        `json:"enabled,omitempty"`
}

// WebhookDelivery is one message for one endpoint, with how its last try went.
type WebhookDelivery struct {
	ID          string    `json:"id"`
	MessageID   string    `json:"messageId"` // the ID of its [WebhookEvent]
	Type        EventType `json:"type"`
	Status      string    `json:"status"` // pending, delivered, failed or, where the endpoint was disabled, cancelled
	Tries       int       `json:"tries"`
	DateCreated time.Time `json:"dateCreated"`
	LastTry     time.Time `json:"lastTry,omitzero"`
	NextTry     time.Time `json:"nextTry,omitzero"`
	HTTPStatus  int       `json:"httpStatus"`
	DurationMS  int64     `json:"durationMs"`
	Error       string    `json:"error"`
	Excerpt     string    `json:"excerpt"`
}

// ListWebhooks gives every webhook endpoint.
func (c *Client) ListWebhooks(ctx context.Context) ([]Webhook, error) {
	found, err := fetch[struct{ Webhooks []Webhook }](ctx, c, request{method: http.MethodGet, path: []string{"webhooks"}})
	if err != nil {
		return nil, err
	}
	return found.Webhooks, nil
}

// CreateWebhook makes a webhook endpoint, and gives it with its secret. It fails with invalid_webhook and webhook_limit.
func (c *Client) CreateWebhook(ctx context.Context, webhook WebhookRequest) (*Webhook, error) {
	body, err := json.Marshal(webhook)
	if err != nil {
		return nil, err
	}
	return fetch[Webhook](ctx, c, request{method: http.MethodPost, path: []string{"webhooks"}, body: body})
}

// GetWebhook gives one webhook endpoint. It fails with not_found.
func (c *Client) GetWebhook(ctx context.Context, id string) (*Webhook, error) {
	return fetch[Webhook](ctx, c, request{method: http.MethodGet, path: []string{"webhooks", id}})
}

// UpdateWebhook changes a webhook endpoint. It fails with not_found and invalid_webhook.
func (c *Client) UpdateWebhook(ctx context.Context, id string, change WebhookChange) (*Webhook, error) {
	body, err := json.Marshal(change)
	if err != nil {
		return nil, err
	}
	return fetch[Webhook](ctx, c, request{method: http.MethodPatch, path: []string{"webhooks", id}, body: body})
}

// DeleteWebhook deletes a webhook endpoint with its deliveries. It fails with not_found.
func (c *Client) DeleteWebhook(ctx context.Context, id string) error {
	_, err := c.do(ctx, request{method: http.MethodDelete, path: []string{"webhooks", id}})
	return err
}

// RollWebhookSecret gives a webhook endpoint a new secret. For 24 hours messages are signed with the old one, too. It fails
// with not_found.
func (c *Client) RollWebhookSecret(ctx context.Context, id string) (*Webhook, error) {
	return fetch[Webhook](ctx, c, request{method: http.MethodPost, path: []string{"webhooks", id, "roll-secret"}})
}

// TestWebhook sends an event of the type [EventWebhookTest] to an endpoint. It fails with not_found and webhook_disabled.
func (c *Client) TestWebhook(ctx context.Context, id string) (*WebhookDelivery, error) {
	return fetch[WebhookDelivery](ctx, c, request{method: http.MethodPost, path: []string{"webhooks", id, "test"}})
}

// WebhookDeliveries gives every delivery to an endpoint, newest first, reading page after page as the loop goes on. An error
// ends it.
func (c *Client) WebhookDeliveries(ctx context.Context, id string) iter.Seq2[WebhookDelivery, error] {
	return rows(func(page PageRequest) ([]WebhookDelivery, string, error) {
		r := page.list("webhooks", url.Values{})
		r.path = []string{"webhooks", id, "deliveries"}
		found, err := fetch[struct {
			Deliveries []WebhookDelivery
			NextCursor string
		}](ctx, c, r)
		if err != nil {
			return nil, "", err
		}
		return found.Deliveries, found.NextCursor, nil
	})
}

// RedeliverWebhook sends the message of a delivery again, with the same MessageID. While it is still being tried, its next try is
// brought forward; otherwise it becomes a delivery of its own. It fails with not_found and webhook_disabled.
func (c *Client) RedeliverWebhook(ctx context.Context, webhookID, deliveryID string) (*WebhookDelivery, error) {
	return fetch[WebhookDelivery](ctx, c, request{method: http.MethodPost, path: []string{"webhooks", webhookID, "deliveries", deliveryID, "redeliver"}})
}
