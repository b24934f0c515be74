package handlers

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/client"
	"github.com/patchbay/patchbay/models"
)

func TestAPIEveryOperationAsksForItsScope(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	keys := map[models.Scope]string{}
	for _, scope := range models.Scopes {
		keys[scope] = s.api.key(scope)
	}
	before := s.count()
	for _, r := range s.routes {
		for name, header := range map[string]string{"no key": "", "another scheme": "Basic " + s.key, "no scheme": s.key, "nothing but a scheme": "Bearer "} {
			got := s.call("", r.method, s.path(r), usualBodies[r.operationID], "Authorization", header)
			s.want(r.operationID+" with "+name, got, http.StatusUnauthorized, models.CodeUnauthenticated)
		}
		for scope, key := range keys {
			if r.scope != "" && r.scope != scope {
				s.want(r.operationID+" with "+string(scope), s.send(r, request{key: key}), http.StatusForbidden, models.CodeForbidden)
			}
		}
	}
	if after := s.count(); after != before {
		t.Errorf("what was refused changed something: %s, before %s", after, before)
	}
	for _, r := range s.routes {
		for scope, key := range keys {
			if r.open || r.scope != "" && r.scope != scope {
				continue
			}
			if got := s.send(r, request{key: key}); got.status == http.StatusUnauthorized || got.status == http.StatusForbidden {
				t.Errorf("%s with %s: %d %s", r.operationID, scope, got.status, got.body)
			}
		}
	}
	if after := s.count(); after == before {
		t.Error("what was allowed changed nothing")
	}
	if got := s.call("", http.MethodGet, "/connections", "", "Authorization", "bearer "+keys[models.ScopeConnectionsRead]); got.status != http.StatusOK {
		t.Errorf("schemes are written in any case (RFC 9110 §11.1): %d", got.status)
	}
}

func TestAPIALimitedKeyTouchesItsIntegrationsOnly(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	limited := s.limitedKey([]string{"crm"})
	elsewhere := map[string]string{
		"registerConnection":   `{"integration":"sandbox","userId":"new","credentials":{"access_token":"canary-1"}}`,
		"createConnectSession": `{"userId":"42","integrations":["crm","sandbox"]}`,
		"createIntegration":    `{"name":"new","provider":"github"}`,
	}
	link := s.confirmLink(s.clientOf(s.key))
	b := s.browser()
	elsewhere["redeemClaim"] = `{"userId":"42","claim":"` + s.claim(b, b.consent(s.linkPath(link), "allow")) + `"}`
	before := s.count()
	for _, r := range s.routes {
		body, bodied := elsewhere[r.operationID]
		instead := request{key: limited, path: []string{"integration", "sandbox"}, body: body}
		for _, p := range r.query {
			if p.name == "integration" {
				instead.query = "?integration=sandbox"
			}
		}
		if !bodied && instead.query == "" && !strings.Contains(r.path, ":integration") && !strings.Contains(r.path, ":id") {
			continue
		}
		s.want(r.operationID, s.send(r, instead), http.StatusForbidden, models.CodeForbidden)
	}
	for _, id := range []string{link.ID, link.Token} {
		s.want("the session of another integration", s.call(limited, http.MethodGet, "/connect-sessions/"+id, ""), http.StatusForbidden, models.CodeForbidden)
		s.want("its end", s.call(limited, http.MethodDelete, "/connect-sessions/"+id, ""), http.StatusForbidden, models.CodeForbidden)
	}
	if after := s.count(); after != before {
		t.Errorf("something was changed: %s, before %s", after, before)
	}
	for _, path := range []string{"/connections?count=true", "/connections?q=4", "/connections?userId=42", "/connections?status=disabled", "/integrations", "/audit", "/events"} {
		got := s.call(limited, http.MethodGet, path, "")
		s.want(path, got, http.StatusOK, "")
		for _, name := range []string{"sandbox", "slow", "down", "gone", "cc", "other"} {
			if strings.Contains(got.body, `"`+name+`"`) {
				t.Errorf("%s tells of %s: %s", path, name, got.body)
			}
		}
		if own := strings.Contains(got.body, `"crm"`); own == strings.Contains(path, "disabled") {
			t.Errorf("%s: %s", path, got.body)
		}
	}
}

func TestAPIALimitedKeyWorksOnItsIntegrations(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	c := s.clientOf(s.limitedKey([]string{"crm", "later"}, models.ScopeConnectWrite, models.ScopeConnectionsRead, models.ScopeIntegrationsWrite))
	if n, err := c.CountConnections(t.Context(), client.Filter{}); err != nil || n != 1 {
		t.Errorf("%d connections, %v", n, err)
	}
	if _, err := c.GetConnection(t.Context(), "crm", "42"); err != nil {
		t.Error(err)
	}
	if _, err := c.CreateIntegration(t.Context(), client.NewIntegration{Name: "later", Provider: "github"}); err != nil {
		t.Error(err)
	}
	link, err := c.CreateConnectSession(t.Context(), client.ConnectSessionRequest{UserID: "42"})
	must(t, err)
	session, err := c.GetConnectSession(t.Context(), link.ID)
	must(t, err)
	if strings.Join(session.Integrations, " ") != "crm later" {
		t.Errorf("a session for all is for %q", session.Integrations)
	}
	partly := s.clientOf(s.limitedKey([]string{"none", "crm"}))
	some, err := partly.CreateConnectSession(t.Context(), client.ConnectSessionRequest{UserID: "42"})
	must(t, err)
	if session, err := partly.GetConnectSession(t.Context(), some.ID); err != nil || strings.Join(session.Integrations, " ") != "crm" {
		t.Errorf("a session for those that exist is for %+v, %v", session, err)
	}
	_, err = s.clientOf(s.limitedKey([]string{"none"})).CreateConnectSession(t.Context(), client.ConnectSessionRequest{UserID: "42"})
	s.refused("a session for nothing", err, client.CodeUnknownIntegration)
	got := s.browser().post("/connect/"+link.Token+"/start", "integration", "sandbox")
	if got.status == http.StatusSeeOther {
		t.Errorf("its link leads to another integration: %s", got.location)
	}
	must(t, c.DeleteConnectSession(t.Context(), link.ID))
	for _, name := range []string{"CRM", "crm ", "crm%00", "crm\u200b", "..%2Fcrm"} {
		escaped := name
		if !strings.Contains(name, "%") {
			escaped = url.PathEscape(name)
		}
		s.want(name, s.call(s.limitedKey([]string{"crm"}), http.MethodGet, "/connections/"+escaped+"/42", ""), http.StatusForbidden, models.CodeForbidden)
	}
}
