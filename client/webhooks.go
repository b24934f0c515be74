package client

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
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
