package handlers

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/client"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/models"
)

// scene is an app with one of each thing that operations are about. User 42 has a connection of every integration:
// "sandbox", and these of the database:
//
//	crm    an API key
//	slow   a provider that does not answer
//	down   a provider that is not reached
//	cc     was an API key, and is client credentials now
//	gone   is not configured any more
//
// Of "sandbox", user "dead" has a refresh token that was revoked, user "short" has none, and user "off" is disabled.
type scene struct {
	*api
	key     string
	session string // id of a connect session

	webhook, disabledWebhook string // ids of endpoints
	delivery                 string // id of a delivery to webhook
}

func newScene(t testing.TB) *scene {
	s := &scene{api: newAPI(t)}
	inner := s.handler
	s.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/slow" {
			inner.ServeHTTP(w, r)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body) // only then the server notices that the client goes away
		<-r.Context().Done()
	})
	s.key = s.api.key()
	s.connect("sandbox", "42")
	for name, definition := range map[string]string{
		"crm": definitions[models.AuthAPIKey], "cc": definitions[models.AuthAPIKey],
		"slow": strings.Replace(definitions[models.AuthOAuth2], "https://p.example/t", s.url+"/slow", 1),
		"down": strings.Replace(definitions[models.AuthOAuth2], "https://p.example/t", "http://127.0.0.1:9/", 1),
	} {
		s.integrate(name, definition)
		s.register(name, "42")
	}
	s.want("client credentials", s.call(s.key, http.MethodPatch, "/integrations/cc", "{"+definitions[models.AuthOAuth2CC]+"}"), http.StatusOK, "")
	orphan := storetest.Connection("gone", "42")
	must(t, s.store.Write(t.Context(), func(tx *store.Tx) error { return tx.CreateConnection(orphan, storetest.Credentials("x")) }))
	for _, userID := range []string{"dead", "off"} {
		s.register("sandbox", userID)
	}
	s.want("disable", s.call(s.key, http.MethodPost, "/connections/sandbox/off/disable", ""), http.StatusOK, "")
	_, err := s.clientOf(s.key).RegisterConnection(t.Context(), "sandbox", "short", client.Credentials{AccessToken: canary}, nil)
	must(t, err)
	link, err := s.clientOf(s.key).CreateConnectSession(t.Context(), client.ConnectSessionRequest{UserID: "42"})
	must(t, err)
	s.session = link.ID
	s.webhook, s.disabledWebhook = s.endpoint(), s.endpoint()
	s.want("disable", s.call(s.key, http.MethodPatch, "/webhooks/"+s.disabledWebhook, `{"enabled":false}`), http.StatusOK, "")
	delivery, err := s.clientOf(s.key).TestWebhook(t.Context(), s.webhook)
	must(t, err)
	s.delivery = delivery.ID
	return s
}

// endpoint makes a webhook endpoint and gives its id.
func (s *scene) endpoint() string {
	s.t.Helper()
	made, err := s.clientOf(s.key).CreateWebhook(s.t.Context(), client.WebhookRequest{URL: "https://app.example.com/hook"})
	must(s.t, err)
	return made.ID
}

func (s *scene) register(integration, userID string) {
	s.t.Helper()
	body := fmt.Sprintf(`{"integration":%q,"userId":%q,"credentials":{"api_key":"canary-1","access_token":"canary-2","refresh_token":"canary-3"}}`, integration, userID)
	s.want("register "+integration, s.call(s.key, http.MethodPost, "/connections", body), http.StatusCreated, "")
}

// usualBodies are what operations are sent where nothing else is said.
var usualBodies = map[string]string{
	"registerConnection":          `{"integration":"crm","userId":"new","credentials":{"api_key":"canary-1"}}`,
	"updateConnectionConfig":      `{"a":1}`,
	"patchConnectionConfig":       `{"a":2}`,
	"setConnectionTags":           `["vip"]`,
	"updateConnectionCredentials": `{"access_token":"canary-1"}`,
	"triggerAction":               `{"text":"hello"}`,
	"createConnectSession":        `{"userId":"42"}`,
	"redeemClaim":                 `{"claim":"canary-1","userId":"42"}`,
	"createIntegration":           `{"name":"new","provider":"github"}`,
	"updateIntegration":           `{"log_level":"debug"}`,
	"createWebhook":               `{"url":"https://app.example.com/hook"}`,
	"updateWebhook":               `{"description":"changed"}`,
}

// request is what is sent instead of the usual.
type request struct {
	key     string   // instead of the scene's
	path    []string // "integration", "crm" and so on
	query   string
	body    string
	headers []string
}

// path fills the parameters of a route.
func (s *scene) path(r apiRoute, instead ...string) string {
	path := "/" + strings.TrimPrefix(r.path, "/")
	for _, parameter := range pathParameter.FindAllStringSubmatch(path, -1) {
		value := map[string]string{"action": "notify", "id": s.session, "integration": "sandbox", "provider": "github", "userId": "42", "webhook": s.webhook, "delivery": s.delivery}[parameter[1]]
		if strings.HasPrefix(r.path, "/integrations/") {
			value = "crm"
		}
		for i := 0; i < len(instead); i += 2 {
			if instead[i] == parameter[1] {
				value = instead[i+1]
			}
		}
		if value == "disabled" {
			value = s.disabledWebhook
		}
		path = strings.Replace(path, parameter[0], value, 1)
	}
	return path
}

// send sends an operation's usual request but for what it is given.
func (s *scene) send(r apiRoute, instead request) page {
	s.t.Helper()
	if instead.key == "" {
		instead.key = s.key
	}
	if instead.body == "" {
		instead.body = usualBodies[r.operationID]
	}
	return s.call(strings.TrimSpace(instead.key), r.method, s.path(r, instead.path...)+instead.query, instead.body, instead.headers...)
}
