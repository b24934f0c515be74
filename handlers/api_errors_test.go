package handlers

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/patchbay/patchbay/internal/idempotency"
	"github.com/patchbay/patchbay/models"
)

// errorCase is a request that ends in an error: of every operation that documents it, where none is named.
type errorCase struct {
	operation, code string
	request
}

var (
	forced    = "?forceRefresh=true"
	noOne     = []string{"userId", "nobody"}
	stale     = []string{"If-Match", `"9.9"`}
	tooLong   = strings.Repeat(" ", maxBodyBytes+1)
	noSuch    = []string{"integration", "none"}
	ofSandbox = []string{"integration", "sandbox"}
	noWebhook = []string{"webhook", "none"}
)

var errorCases = []errorCase{
	// First, because they wait for a timeout while the others run.
	{"getCredentials", models.CodeRefreshTimeout, request{path: []string{"integration", "slow"}, query: forced}},
	{"refreshConnection", models.CodeRefreshTimeout, request{path: []string{"integration", "slow"}}},

	{"", models.CodeForbidden, request{key: "limited"}},
	{"", models.CodeInvalidBody, request{body: `{"unknown":1}`}},
	{"", models.CodeInvalidCursor, request{query: "?cursor=x"}},
	{"", models.CodeInvalidHeader, request{headers: []string{"If-Match", "x", headerIdempotencyKey, strings.Repeat("x", idempotency.MaxKeyBytes+1)}}},
	{"", models.CodeInvalidParameter, request{query: "?unknown=1"}},
	{"", models.CodeMalformedBody, request{body: ","}},
	{"", models.CodeUnauthenticated, request{key: " "}},
	{"", models.CodeUnknownConnection, request{path: noOne}},
	{"", codePayloadTooLarge, request{body: tooLong, headers: []string{headerIdempotencyKey, "long"}}},
	{"", models.CodeIdempotencyProgress, request{}},
	{"", models.CodeIdempotencyReused, request{}},

	{"createConnectSession", models.CodeInvalidReturnURL, request{body: `{"userId":"42","returnUrl":"https://attacker.example/"}`}},
	{"createConnectSession", models.CodeInvalidUserID, request{body: `{"userId":""}`}},
	{"createConnectSession", models.CodeUnsupportedAuthMode, request{body: `{"userId":"42","integrations":["crm"]}`}},
	{"createConnectSession", models.CodeUnknownIntegration, request{body: `{"userId":"42","integrations":["none"]}`}},
	{"createIntegration", models.CodeIntegrationExists, request{body: `{"name":"sandbox","provider":"github"}`}},
	{"createIntegration", models.CodeInvalidIntegration, request{body: `{"name":"new","provider":"none"}`}},
	{"deleteConnectSession", models.CodeNotFound, request{path: []string{"id", "none"}}},
	{"deleteIntegration", models.CodeIntegrationInUse, request{}},
	{"deleteIntegration", models.CodeIntegrationManaged, request{path: ofSandbox}},
	{"deleteIntegration", models.CodeUnknownIntegration, request{path: noSuch}},
	{"getConnectSession", models.CodeNotFound, request{path: []string{"id", "none"}}},
	{"getCredentials", models.CodeConnectionDisabled, request{path: []string{"userId", "off"}}},
	{"getCredentials", models.CodeNeedsReconnect, request{path: []string{"userId", "dead"}, query: forced}},
	{"getCredentials", models.CodeRefreshFailed, request{path: []string{"integration", "down"}, query: forced}},
	{"getCredentials", models.CodeUnknownIntegration, request{path: []string{"integration", "gone"}, query: forced}},
	{"getIntegration", models.CodeUnknownIntegration, request{path: noSuch}},
	{"getProvider", models.CodeUnknownProvider, request{path: []string{"provider", "none"}}},
	{"patchConnectionConfig", models.CodeInvalidConfig, request{body: "{"}},
	{"patchConnectionConfig", models.CodeStaleVersion, request{headers: stale}},
	{"redeemClaim", models.CodeNotFound, request{}},
	{"refreshConnection", models.CodeConnectionDisabled, request{path: []string{"userId", "off"}}},
	{"refreshConnection", models.CodeNeedsReconnect, request{path: []string{"userId", "dead"}}},
	{"refreshConnection", models.CodeNotRefreshable, request{path: []string{"userId", "short"}}},
	{"refreshConnection", models.CodeRefreshFailed, request{path: []string{"integration", "down"}}},
	{"refreshConnection", models.CodeUnknownIntegration, request{path: []string{"integration", "gone"}}},
	{"registerConnection", models.CodeConnectionExists, request{body: `{"integration":"sandbox","userId":"42","credentials":{"access_token":"canary-1"}}`}},
	{"registerConnection", models.CodeInvalidConfig, request{body: `{"integration":"crm","userId":"new","credentials":{"api_key":"canary-1"},"additionalConfig":[]}`}},
	{"registerConnection", models.CodeInvalidCredentials, request{body: `{"integration":"crm","userId":"new","credentials":{"access_token":"canary-1"}}`}},
	{"registerConnection", models.CodeInvalidTags, request{body: `{"integration":"crm","userId":"new","credentials":{"api_key":"canary-1"},"tags":[""]}`}},
	{"registerConnection", models.CodeInvalidUserID, request{body: `{"integration":"crm","userId":"","credentials":{"api_key":"canary-1"}}`}},
	{"registerConnection", models.CodeUnknownIntegration, request{body: `{"integration":"none","userId":"new","credentials":{"api_key":"canary-1"}}`}},
	{"registerConnection", models.CodeUnsupportedAuthMode, request{body: `{"integration":"cc","userId":"new","credentials":{}}`}},
	{"setConnectionTags", models.CodeInvalidTags, request{body: `[""]`}},
	{"triggerAction", models.CodeUnknownAction, request{}},
	{"triggerAction", models.CodeUnknownIntegration, request{path: noSuch}},
	{"updateConnectionConfig", models.CodeInvalidConfig, request{body: "{"}},
	{"updateConnectionConfig", models.CodeStaleVersion, request{headers: stale}},
	{"updateConnectionCredentials", models.CodeInvalidCredentials, request{body: `{"api_key":"canary-1"}`}},
	{"updateConnectionCredentials", models.CodeStaleVersion, request{headers: stale}},
	{"updateConnectionCredentials", models.CodeUnknownIntegration, request{path: []string{"integration", "gone"}}},
	{"updateConnectionCredentials", models.CodeUnsupportedAuthMode, request{path: []string{"integration", "cc"}, body: "{}"}},
	{"updateIntegration", models.CodeIntegrationInUse, request{path: []string{"integration", "slow"}, body: `{"auth":{"token_url":"https://attacker.example/"}}`}},
	{"updateIntegration", models.CodeIntegrationInUse, request{path: []string{"integration", "slow"}, body: `{"auth":{"token_url":"https://elsewhere.example/t"}}`}},
	{"updateIntegration", models.CodeIntegrationManaged, request{path: ofSandbox}},
	{"updateIntegration", models.CodeInvalidIntegration, request{body: `{"auth":null}`}},
	{"updateIntegration", models.CodeUnknownIntegration, request{path: noSuch}},

	{"createWebhook", models.CodeInvalidWebhook, request{body: `{"url":"app.example.com"}`}},
	{"createWebhook", models.CodeWebhookLimit, request{}},
	{"deleteWebhook", models.CodeNotFound, request{path: noWebhook}},
	{"getWebhook", models.CodeNotFound, request{path: noWebhook}},
	{"listWebhookDeliveries", models.CodeNotFound, request{path: noWebhook}},
	{"redeliverWebhook", models.CodeNotFound, request{path: []string{"delivery", "none"}}},
	{"redeliverWebhook", models.CodeWebhookDisabled, request{path: []string{"webhook", "disabled"}}},
	{"rollWebhookSecret", models.CodeNotFound, request{path: noWebhook}},
	{"testWebhook", models.CodeNotFound, request{path: noWebhook}},
	{"testWebhook", models.CodeWebhookDisabled, request{path: []string{"webhook", "disabled"}}},
	{"updateWebhook", models.CodeInvalidWebhook, request{body: `{"types":["none"]}`}},
	{"updateWebhook", models.CodeNotFound, request{path: noWebhook}},

	// Last, because nothing unknown is looked at any more.
	{"", models.CodeTooMany, request{key: "pb_unknown"}},
}

// What an operation is documented to end in, and nothing else, is what it can end in. The other half of this, that every
// error which any test meets is documented, is in [api.errorFaults].
func TestAPIEveryDocumentedErrorIsReachable(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	limited := s.limitedKey([]string{"none"}, models.ScopeProxy)
	var waiting sync.WaitGroup
	for _, test := range errorCases {
		if test.key == "limited" {
			test.key = limited
		}
		sent := 0
		for _, r := range s.routes {
			if r.operationID != test.operation && (test.operation != "" || !slices.Contains(r.allErrors(), test.code)) {
				continue
			}
			sent++
			if test.code == models.CodeRefreshTimeout {
				waiting.Go(func() { s.provoke(r, test) })
			} else {
				s.provoke(r, test)
			}
		}
		if sent == 0 {
			t.Errorf("%s %s: no operation documents it", test.operation, test.code)
		}
	}
	waiting.Wait()
	for _, r := range s.routes {
		for _, code := range r.allErrors() {
			if !s.met[failure{r.operationID, code}] {
				t.Errorf("%s is documented to end in %s, but no case does", r.operationID, code)
			}
		}
	}
	if got := s.call(s.key, http.MethodGet, "/integrations", ""); got.status != http.StatusOK {
		t.Errorf("a valid key from an address that has guessed too often: %d", got.status)
	}
}

// provoke sends the request of a case.
func (s *scene) provoke(r apiRoute, test errorCase) {
	first := usualBodies[r.operationID] // of the request that has taken the Idempotency-Key
	switch test.code {
	case models.CodeIdempotencyReused:
		first = "another body"
		fallthrough
	case models.CodeIdempotencyProgress:
		key := r.operationID + "-" + test.code
		owner, err := s.server.APIKeys.FindByName(s.t.Context(), "key 1")
		must(s.t, err)
		_, _, err = s.server.Idempotency.Begin(s.t.Context(), strconv.FormatInt(owner.ID, 10), key, []byte(apiPrefix+s.path(r)), []byte(first))
		must(s.t, err)
		test.headers = []string{headerIdempotencyKey, key}
	case models.CodeWebhookLimit:
		for range models.MaxWebhookEndpoints - 2 { // two are there
			s.endpoint()
		}
	case models.CodeTooMany:
		for range 25 { // until the tries of this address are used up
			if got := s.send(r, test.request); got.status == http.StatusTooManyRequests {
				break
			}
		}
	}
	got := s.send(r, test.request)
	s.want(r.operationID, got, statuses[errorCodes[test.code].kind], test.code)
}
