package client_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/patchbay/patchbay/client"
)

// TestPrintingTellsNoSecret prints everything that holds secrets in every way that logs are written.
func TestPrintingTellsNoSecret(t *testing.T) {
	credentials := client.Credentials{
		Type: client.AuthOAuth2, AccessToken: "canary", RefreshToken: "canary", OAuthToken: "canary", OAuthTokenSecret: "canary",
		APIKey: "canary", Username: "canary", Password: "canary", Raw: json.RawMessage(`"canary"`),
	}
	link := client.ConnectLink{ID: "s1", Token: "canary", URL: "https://x/connect/canary", ExpiresAt: time.Unix(0, 0).UTC()}
	integration := client.NewIntegration{Name: "slack", OAuthClientSecret: "canary", AppAPIKey: "canary"}
	c, err := client.New("https://example.com", "canary")
	if err != nil {
		t.Fatal(err)
	}
	values := []struct {
		value any
		want  string
	}{
		{credentials, "OAUTH2 credentials [redacted]"},
		{&credentials, "OAUTH2 credentials [redacted]"},
		{link, "connect link s1 until 1970-01-01T00:00:00Z [redacted]"},
		{&link, "connect link s1 until 1970-01-01T00:00:00Z [redacted]"},
		{integration, "new integration slack [redacted]"},
		{&integration, "new integration slack [redacted]"},
		{struct{ Held client.Credentials }{credentials}, "OAUTH2"},
		{[]any{credentials, link, integration}, "slack"},
		{map[string]client.Credentials{"a": credentials}, "OAUTH2"},
		{c, ""},
		{*c, ""},
		{struct{ held client.Client }{*c}, ""},
	}
	for _, test := range values {
		t.Run(fmt.Sprintf("%T", test.value), func(t *testing.T) {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%08.3f"} {
				wantUntold(t, verb, fmt.Sprintf(verb, test.value))
			}
			if got := fmt.Sprint(test.value); !strings.Contains(got, test.want) {
				t.Errorf("printed %q, want %q", got, test.want)
			}
			var log bytes.Buffer
			slog.New(slog.NewTextHandler(&log, nil)).Info("text", "value", test.value)
			wantUntold(t, "text log", log.String())
			log.Reset()
			if _, ok := test.value.([]any); !ok { // which holds a link, that is meant to be encoded
				slog.New(slog.NewJSONHandler(&log, nil)).Info("JSON", "value", test.value)
			}
			wantUntold(t, "JSON log", log.String())
		})
	}
}

// TestPrintingHeldCredentials checks the case in which fmt cannot call the methods that hide.
func TestPrintingHeldCredentials(t *testing.T) {
	held := struct{ pointer *client.Credentials }{&client.Credentials{AccessToken: "canary"}}
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		wantUntold(t, verb, fmt.Sprintf(verb, held))
	}
}

func wantUntold(t *testing.T, how, text string) {
	t.Helper()
	hidden := []string{"canary", fmt.Sprintf("%x", "canary"), fmt.Sprintf("%X", "canary"), strings.Trim(fmt.Sprint([]byte("canary")), "[]")}
	for _, secret := range hidden {
		if strings.Contains(text, secret) {
			t.Errorf("%s tells a secret: %s", how, text)
		}
	}
}

func TestSecretsAreNotEncodedByAccident(t *testing.T) {
	for _, value := range []any{client.Credentials{APIKey: "canary"}, client.NewIntegration{OAuthClientSecret: "canary"}} {
		text, err := json.Marshal(struct{ Held any }{value})
		if err == nil {
			t.Errorf("encoded %T as %s", value, text)
		}
	}
}
