package views

import (
	"time"

	"github.com/patchbay/patchbay/models"
)

// WebhooksPage lists the webhook endpoints.
type WebhooksPage struct {
	Shell
	Rows []WebhookRow
	Full bool // there can be no more
}

// WebhookRow is one endpoint, without its secret.
type WebhookRow struct {
	URL            string
	Description    string
	Href           string
	Types          []models.EventType // the only ones it is told of; all where empty
	Integrations   []string           // the only ones it is told of; all where empty
	Enabled        bool
	DisabledReason string
	FailingSince   *time.Time
	PreviousEnds   *time.Time // when the secret before the last roll ends; nil where there is none that works
	CreatedBy      string
	DateCreated    time.Time
}

// path is the address of something that can be done with the endpoint.
func (r WebhookRow) path(action string) string { return r.Href + "/" + action }

// look is how an endpoint stands.
func (r WebhookRow) look() statusLook {
	switch {
	case !r.Enabled && r.DisabledReason != "":
		return statusLook{"Disabled", "bad", r.DisabledReason}
	case !r.Enabled:
		return statusLook{"Disabled", "idle", "It is told of nothing."}
	case r.FailingSince != nil:
		return statusLook{"Failing", "warn", "Nothing has reached it lately."}
	}
	return statusLook{"Enabled", "ok", "It is told of events."}
}

// WebhookFormPage creates or changes an endpoint. Option values are what is posted, and Selected is what was chosen.
type WebhookFormPage struct {
	Shell
	URL          string
	Description  string
	Types        []Option
	Integrations []Option
	Action       string       // where the form is posted
	CancelHref   string       // where it is left
	New          bool         // the endpoint is made by it
	UUID         string       // that a new endpoint gets
	Errors       []FieldError // fields: url, description, types, integrations
}

// WebhookSecretPage shows the secret of an endpoint, this once.
type WebhookSecretPage struct {
	Shell
	Endpoint WebhookRow
	Secret   string
	Rolled   bool // it had another one before
}

// WebhookAskPage asks before the secret of an endpoint is rolled, or the endpoint deleted.
type WebhookAskPage struct {
	Shell
	Endpoint WebhookRow
	Hint     string // what tells that the secret is still the one that was to be rolled
}

// WebhookPage is one endpoint with its deliveries.
type WebhookPage struct {
	Shell
	Endpoint   WebhookRow
	Deliveries []DeliveryRow
	Pager      Pager
}

// DeliveryRow is one message, with how its last try went.
type DeliveryRow struct {
	Type            models.EventType
	MessageID       string
	Status          models.DeliveryStatus
	Tries           int
	HTTPStatus      int // 0 where there was no answer
	Duration        time.Duration
	Error           string
	Excerpt         string // of the answer, as it came
	DateCreated     time.Time
	LastTry         *time.Time
	NextTry         *time.Time
	RedeliverAction string
}

func (r DeliveryRow) look() statusLook {
	switch {
	case r.Status == models.DeliveryDelivered:
		return statusLook{"Delivered", "ok", "The endpoint answered with success."}
	case r.Status == models.DeliveryFailed:
		return statusLook{"Failed", "bad", "It is not tried any more."}
	case r.Status == models.DeliveryCancelled:
		return statusLook{"Given up", "idle", "The endpoint was disabled before it arrived."}
	case r.Tries > 0:
		return statusLook{"Retrying", "warn", "It is tried again."}
	}
	return statusLook{"Waiting", "info", "It is about to be sent."}
}

// sends names the button that sends the message; it is empty where that is about to be sent anyway.
func (r DeliveryRow) sends() string {
	switch {
	case r.Status != models.DeliveryPending:
		return "Send again"
	case r.Tries > 0:
		return "Send now"
	}
	return ""
}

// eventTypeNames gives event types as texts.
func eventTypeNames(types []models.EventType) []string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	return names
}

// eventMeanings say when each event happens.
var eventMeanings = map[models.EventType]string{
	models.EventConnectionCreated:        "A user connected, or your backend registered a connection.",
	models.EventConnectionUpdated:        "Configuration, tags or credentials were changed, or it was disabled or enabled.",
	models.EventConnectionDeleted:        "A connection was deleted with its credentials.",
	models.EventConnectionRefreshed:      "A new access token was obtained. This one is frequent.",
	models.EventConnectionNeedsReconnect: "Access was lost, and only the user can grant it again.",
	models.EventConnectionRecovered:      "It works again after it was lost or failed.",
}

// verifySnippets check a message in the application. The guide has whole programs of them.
func verifySnippets() []snippet {
	return []snippet{
		{"Node.js", `import { verifyWebhook } from "patchbay";

const event = await verifyWebhook(request.headers, body, process.env.PATCHBAY_WEBHOOK_SECRET); // or it rejects`},
		{"Go", `event, err := client.VerifyWebhook(r.Header, body, os.Getenv("PATCHBAY_WEBHOOK_SECRET"), time.Now())
if err != nil {
	http.Error(w, "not from Patchbay", http.StatusBadRequest)
	return
}`},
		{"Python", `import base64, hashlib, hmac, json, time

def verify(headers, body, secret):
    """Gives the event of a request, whose body are bytes as they came. Raises ValueError where Patchbay did not send it, or not lately."""
    name, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not name or abs(time.time() - int(timestamp or 0)) > 300:
        raise ValueError("it lacks its headers, or is too old")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{name}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    want = b"v1," + base64.b64encode(mac)
    if not any(hmac.compare_digest(want, given.encode()) for given in headers.get("webhook-signature", "").split()):
        raise ValueError("no signature fits")
    return json.loads(body)`},
	}
}
