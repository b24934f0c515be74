package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/patchbay/patchbay/client"
)

// The example of the Standard Webhooks libraries.
const (
	webhookSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	webhookID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	webhookTime      = 1614265330
	webhookBody      = `{"test": 2432232314}`
	webhookSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

func webhookHeader(change ...string) http.Header {
	header := http.Header{}
	for _, pair := range [][2]string{{"webhook-id", webhookID}, {"webhook-timestamp", fmt.Sprint(webhookTime)}, {"webhook-signature", webhookSignature}} {
		header.Set(pair[0], pair[1])
	}
	for i := 0; i < len(change); i += 2 {
		header.Set(change[i], change[i+1])
	}
	return header
}

func TestAWebhookIsVerified(t *testing.T) {
	at := time.Unix(webhookTime, 0)
	for name, test := range map[string]struct {
		header http.Header
		body   string
		secret string
		now    time.Time
		ok     bool
	}{
		"the example":     {webhookHeader(), webhookBody, webhookSecret, at, true},
		"no prefix":       {webhookHeader(), webhookBody, webhookSecret[6:], at, true},
		"5 minutes old":   {webhookHeader(), webhookBody, webhookSecret, at.Add(5 * time.Minute), true},
		"5 minutes ahead": {webhookHeader(), webhookBody, webhookSecret, at.Add(-5 * time.Minute), true},
		"one of two":      {webhookHeader("webhook-signature", "v1,AAAA "+webhookSignature), webhookBody, webhookSecret, at, true},
		"too old":         {webhookHeader(), webhookBody, webhookSecret, at.Add(5*time.Minute + time.Second), false},
		"too far ahead":   {webhookHeader(), webhookBody, webhookSecret, at.Add(-5*time.Minute - time.Second), false},
		"another body":    {webhookHeader(), webhookBody + " ", webhookSecret, at, false},
		"another id":      {webhookHeader("webhook-id", "msg_2"), webhookBody, webhookSecret, at, false},
		"another time":    {webhookHeader("webhook-timestamp", fmt.Sprint(webhookTime+1)), webhookBody, webhookSecret, at, false},
		"another secret":  {webhookHeader(), webhookBody, "whsec_AAAA", at, false},
		"another scheme":  {webhookHeader("webhook-signature", "v1a"+webhookSignature[2:]), webhookBody, webhookSecret, at, false},
		"no signature":    {webhookHeader("webhook-signature", ""), webhookBody, webhookSecret, at, false},
		"no time":         {webhookHeader("webhook-timestamp", "now"), webhookBody, webhookSecret, at, false},
		"no headers":      {http.Header{}, webhookBody, webhookSecret, at, false},
	} {
		event, err := client.VerifyWebhook(test.header, []byte(test.body), test.secret, test.now)
		if test.ok != (err == nil) || test.ok != (event != nil) || !test.ok && !errors.Is(err, client.ErrInvalidWebhook) {
			t.Errorf("%s: %v, %v", name, event, err)
		}
	}
	for _, secret := range []string{"", "whsec_", "whsec_!"} {
		if _, err := client.VerifyWebhook(webhookHeader(), []byte(webhookBody), secret, at); err == nil || errors.Is(err, client.ErrInvalidWebhook) {
			t.Errorf("secret %q: %v", secret, err)
		}
	}
}

func TestPrintingAWebhookTellsNoSecret(t *testing.T) {
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(format, client.Webhook{ID: "w", Secret: "canary"}); got != "webhook w to " {
			t.Errorf("%s: %s", format, got)
		}
	}
}
