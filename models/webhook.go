package models

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// WebhookEndpoint is an address of the application that is told of events, signed.
type WebhookEndpoint struct {
	ID           int64 `gorm:"primaryKey"`
	UUID         string
	URL          string
	Description  string
	Types        []EventType `gorm:"serializer:json"` // the only ones it is told of; all where empty
	Integrations []string    `gorm:"serializer:json"` // the only ones it is told of; all where empty

	Enabled        bool
	DisabledReason string     // why the server disabled it, in a sentence; empty where a person did
	FailingSince   *time.Time // of the first failure since the last success; nil where there is none

	CreatedBy    string
	DateCreated  time.Time
	LastModified time.Time

	Secret            Secret     `gorm:"-"` // sealed by the store
	PreviousSecret    Secret     `gorm:"-"` // the one before the last roll
	PreviousExpiresAt *time.Time // when that ends
}

// Wants reports whether an event passes the endpoint's filters.
func (e *WebhookEndpoint) Wants(event *Event) bool {
	return e.Enabled &&
		(len(e.Types) == 0 || slices.Contains(e.Types, event.Type)) &&
		(len(e.Integrations) == 0 || slices.Contains(e.Integrations, event.Integration))
}

// Secrets gives the secrets that sign at the given time, the current one first.
func (e *WebhookEndpoint) Secrets(now time.Time) []Secret {
	if e.PreviousSecret != "" && e.PreviousExpiresAt != nil && e.PreviousExpiresAt.After(now) {
		return []Secret{e.Secret, e.PreviousSecret}
	}
	return []Secret{e.Secret}
}

// WebhookSecretOverlap is how long a secret goes on signing beside the one that took its place.
const WebhookSecretOverlap = 24 * time.Hour

// webhookSecretPrefix begins the text of every secret (Standard Webhooks, "Signature scheme").
const webhookSecretPrefix = "whsec_"

// NewWebhookSecret makes a secret: the prefix and 32 random bytes in base64.
func NewWebhookSecret() Secret {
	return Secret(webhookSecretPrefix + base64.StdEncoding.EncodeToString(randomBytes(32)))
}

// ValidWebhookSecret reports whether messages can be signed with a secret.
func ValidWebhookSecret(s Secret) bool {
	text, ok := strings.CutPrefix(s.Reveal(), webhookSecretPrefix)
	key, err := base64.StdEncoding.DecodeString(text)
	return ok && err == nil && len(key) > 0
}

// WebhookRequest asks for a new endpoint.
type WebhookRequest struct {
	URL          string
	Description  string
	Types        []EventType
	Integrations []string
}

// Bounds of an endpoint. Each one has a queue of its own, which costs a little also when nothing happens.
const (
	MaxWebhookEndpoints        = 50
	MaxWebhookURLBytes         = 2048
	MaxWebhookDescriptionBytes = 200
)

// Validate checks a request. It fails with invalid_webhook and a field for each fault.
func (r *WebhookRequest) Validate() error {
	var fields []FieldError
	if message := webhookURLProblem(r.URL); message != "" {
		fields = append(fields, FieldError{Field: "url", Message: message})
	}
	if len(r.Description) > MaxWebhookDescriptionBytes || !utf8.ValidString(r.Description) || strings.ContainsFunc(r.Description, unicode.IsControl) {
		fields = append(fields, FieldError{Field: "description", Message: "Enter a description of at most 200 bytes, in one line."})
	}
	for _, eventType := range r.Types {
		if !slices.Contains(EventTypes, eventType) {
			fields = append(fields, FieldError{Field: "types", Message: fmt.Sprintf("There is no event type %q; the types are %s.", eventType, joinEventTypes(EventTypes))})
		}
	}
	for _, name := range r.Integrations {
		if !ValidIntegrationName(name) {
			fields = append(fields, FieldError{Field: "integrations", Message: fmt.Sprintf("%q cannot be the name of an integration.", name)})
		}
	}
	if fields == nil {
		return nil
	}
	return InvalidWebhook(fields...)
}

// InvalidWebhook refuses an endpoint for what is wrong with it.
func InvalidWebhook(fields ...FieldError) error {
	return &Error{Kind: KindInvalid, Code: CodeInvalidWebhook, Message: "The webhook endpoint is not valid.", Fields: fields}
}

func webhookURLProblem(text string) string {
	u, err := url.Parse(text)
	switch {
	case len(text) > MaxWebhookURLBytes:
		return "The address is longer than 2048 bytes."
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "Enter an address such as https://app.example.com/webhooks."
	case u.User != nil:
		return "The address may not hold a user name or a password: what is sent is signed instead."
	case u.Fragment != "":
		return "The address may not have a part after #, which is never sent."
	}
	return ""
}

func joinEventTypes(types []EventType) string {
	texts := make([]string, len(types))
	for i, t := range types {
		texts[i] = string(t)
	}
	return strings.Join(texts, ", ")
}

// WebhookDelivery is one message for one endpoint, with how its last try went.
type WebhookDelivery struct {
	ID         int64 `gorm:"primaryKey"`
	UUID       string
	EndpointID int64
	EventID    *int64 // nil for a test and for what was sent again by hand
	MessageID  string // the same in every try, and in every message that is sent again
	Type       EventType
	Body       string // JSON, the same bytes in every try
	Status     DeliveryStatus

	Tries       int
	DateCreated time.Time
	LastTry     *time.Time
	NextTry     *time.Time // nil once it is over
	HTTPStatus  int        // of the last answer; 0 where there was none
	DurationMS  int64      // of the last try
	Error       string     // why the last try failed, in a sentence
	Excerpt     string     // the beginning of the last answer's body
}

// DeliveryStatus is how a delivery stands.
type DeliveryStatus string

// The statuses.
const (
	DeliveryPending   DeliveryStatus = "pending"   // to be tried, for the first time or again
	DeliveryDelivered DeliveryStatus = "delivered" // the endpoint answered with a status of 2xx
	DeliveryFailed    DeliveryStatus = "failed"    // given up after its last try
	DeliveryCancelled DeliveryStatus = "cancelled" // given up because the endpoint was disabled; what is said of the last try stays
)

// EventWebhookTest is the type of what is sent to try an endpoint; no event of a connection has it.
const EventWebhookTest EventType = "webhook.test"

// webhookBody is what a message says. It never holds credentials.
type webhookBody struct {
	ID   string    `json:"id"`
	Type EventType `json:"type"`
	Time time.Time `json:"time"`
	Data any       `json:"data"`
}

type webhookConnection struct {
	Connection  string `json:"connection"`
	Integration string `json:"integration"`
	UserID      string `json:"userId"`
	Detail      string `json:"detail"`
}

// NewWebhookMessageID makes the name of a message, by which receivers tell what they have got before.
func NewWebhookMessageID() string { return "msg_" + rand.Text() }

// NewDelivery makes the delivery of an event to an endpoint, to be tried at once.
func NewDelivery(uuid, messageID string, endpointID int64, event *Event) (*WebhookDelivery, error) {
	data := webhookConnection{event.ConnectionUUID, event.Integration, event.UserID, event.Detail}
	return newDelivery(uuid, messageID, endpointID, event, data)
}

// NewTestDelivery makes the delivery of an event of no connection, to try an endpoint.
func NewTestDelivery(uuid string, endpointID int64, now time.Time) (*WebhookDelivery, error) {
	event := &Event{Time: now, Type: EventWebhookTest}
	return newDelivery(uuid, NewWebhookMessageID(), endpointID, event, struct{}{})
}

func newDelivery(uuid, messageID string, endpointID int64, event *Event, data any) (*WebhookDelivery, error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false) // it is not read as HTML
	if err := encoder.Encode(webhookBody{messageID, event.Type, event.Time.UTC(), data}); err != nil {
		return nil, fmt.Errorf("encode event %s: %w", event.Type, err)
	}
	now := event.Time
	delivery := &WebhookDelivery{
		UUID: uuid, EndpointID: endpointID, MessageID: messageID, Type: event.Type, Body: strings.TrimSuffix(body.String(), "\n"),
		Status: DeliveryPending, DateCreated: now, NextTry: &now,
	}
	if event.ID != 0 {
		delivery.EventID = &event.ID
	}
	return delivery, nil
}

// Again makes a delivery of the same message, to be tried at once. Its message id is the same, so that a receiver that did
// get the first one knows.
func (d *WebhookDelivery) Again(uuid string, now time.Time) *WebhookDelivery {
	return &WebhookDelivery{
		UUID: uuid, EndpointID: d.EndpointID, MessageID: d.MessageID, Type: d.Type, Body: d.Body,
		Status: DeliveryPending, DateCreated: now, NextTry: &now,
	}
}
