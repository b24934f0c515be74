package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/patchbay/patchbay/client"
)

var (
	ctx      = context.Background()
	patchbay *client.Client
)

func Example() {
	patchbay, err := client.New("https://patchbay.example.com", os.Getenv("PATCHBAY_API_KEY"))
	if err != nil {
		log.Fatal(err)
	}

	// Which integrations has user 1 set up?
	connections, err := patchbay.ConnectionsForUser(ctx, "1")
	if err != nil {
		log.Fatal(err)
	}
	for _, connection := range connections {
		fmt.Println(connection.Integration, connection.Status)
	}

	// Call Slack for that user.
	credentials, err := patchbay.GetCredentials(ctx, "slack", "1")
	if err != nil {
		log.Fatal(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://slack.com/api/auth.test", nil)
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+credentials.AccessToken)
}

// An API that knows no OAuth: the application has asked its user for a key.
func ExampleClient_RegisterConnection() {
	credentials := client.Credentials{APIKey: "the key that the user typed"}
	config := json.RawMessage(`{"channelId": "C024BE91L"}`)

	connection, err := patchbay.RegisterConnection(ctx, "sendgrid", "1", credentials, config)
	if client.HasCode(err, client.CodeConnectionExists) {
		connection, err = patchbay.UpdateConnectionCredentials(ctx, "sendgrid", "1", credentials)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(connection.UUID)
}

// Properties that have no field in [client.Credentials] are given as JSON.
func ExampleClient_RegisterConnection_raw() {
	credentials := client.Credentials{Raw: json.RawMessage(`{"api_key": "…", "region": "eu"}`)}
	if _, err := patchbay.RegisterConnection(ctx, "sendgrid", "1", credentials, nil); err != nil {
		log.Fatal(err)
	}
}

func ExampleClient_GetCredentials() {
	credentials, err := patchbay.GetCredentials(ctx, "slack", "1", client.MinTTL(10*time.Minute))
	switch {
	case client.HasCode(err, client.CodeNeedsReconnect):
		fmt.Println("Slack wants you to connect again.") // make a connect session
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Println("valid until", credentials.ExpiresAt)
	}
}

// The configuration is read, changed and written back, unless someone else was faster.
func ExampleIfMatch() {
	connection, err := patchbay.GetConnection(ctx, "slack", "1")
	if err != nil {
		log.Fatal(err)
	}
	var config map[string]any
	if err := json.Unmarshal(connection.AdditionalConfig, &config); err != nil {
		log.Fatal(err)
	}
	config["channelId"] = "C024BE91L"
	changed, err := json.Marshal(config)
	if err != nil {
		log.Fatal(err)
	}
	_, err = patchbay.UpdateConnectionConfig(ctx, "slack", "1", changed, client.IfMatch(connection.ETag))
	if client.HasCode(err, client.CodeStaleVersion) {
		fmt.Println("Changed meanwhile: read it again.")
	}
}

// One key is set, another removed, and the rest stays as it is.
func ExampleClient_PatchConnectionConfig() {
	patch := json.RawMessage(`{"channelId": "C024BE91L", "oldChannelId": null}`)
	if _, err := patchbay.PatchConnectionConfig(ctx, "slack", "1", patch); err != nil {
		log.Fatal(err)
	}
}

func ExampleClient_Connections() {
	filter := client.Filter{Integration: "slack", Status: client.StatusNeedsReconnect}
	for connection, err := range patchbay.Connections(ctx, filter) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(connection.UserID, connection.StatusReason)
	}
}

// The backend makes a link, the browser library or the user's click on the URL does the rest.
func ExampleClient_CreateConnectSession() {
	link, err := patchbay.CreateConnectSession(ctx, client.ConnectSessionRequest{
		UserID:       "1",
		UserLabel:    "Ada Lovelace",
		Integrations: []string{"slack"},
		ReturnURL:    "https://app.example.com/settings",
	})
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("POST /connect-slack", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, link.URL, http.StatusSeeOther)
	})
}

// A reader keeps the cursor, so that it misses nothing while it is away.
func ExampleClient_Events() {
	cursor := "" // from the beginning, or as kept the last time
	for {
		page, err := patchbay.Events(ctx, client.EventConnectionNeedsReconnect, client.PageRequest{Cursor: cursor})
		if err != nil {
			log.Fatal(err)
		}
		if len(page.Events) == 0 {
			break // and ask again later
		}
		for _, event := range page.Events {
			fmt.Println(event.UserID, event.Integration, event.Detail)
		}
		cursor = page.NextCursor
	}
}

func ExampleError() {
	_, err := patchbay.UpdateConnectionConfig(ctx, "slack", "1", json.RawMessage(`{"channelId": }`))
	if refused, ok := errors.AsType[*client.Error](err); ok {
		for _, field := range refused.Fields {
			fmt.Println(field.Line, field.Column, field.Message)
		}
	}
}
