package models

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestAPIKeysAreToldApartWithoutTheirText(t *testing.T) {
	text := NewAPIKeyText()
	var key APIKey
	key.SetText(text)
	revealed := text.Reveal()
	if !strings.HasPrefix(revealed, "pb_") || len(revealed) != 55 || text == NewAPIKeyText() {
		t.Errorf("a text of %d characters", len(revealed))
	}
	if key.Prefix != revealed[:7] || key.Last != revealed[51:] || key.Hash != text.Hash() {
		t.Errorf("%q … %q", key.Prefix, key.Last)
	}
	encoded, err := json.Marshal(key)
	if err != nil || strings.Contains(fmt.Sprintf("%+v", key)+string(encoded), revealed) {
		t.Errorf("the key holds its text: %v", err)
	}
	for n := range 30 { // of the settings, where somebody chose it
		short := strings.Repeat("x", n)
		key.SetText(Secret(short))
		if shown := len(key.Prefix) + len(key.Last); shown > n/2 {
			t.Errorf("%d of %d characters are shown", shown, n)
		}
	}
}

func TestAPIKeysReachAndEnd(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	soon := now.Add(time.Nanosecond)
	all := APIKey{Scopes: []Scope{ScopeProxy}}
	limited := APIKey{Scopes: []Scope{ScopeProxy}, Integrations: []string{"crm"}, ExpiresAt: &soon}
	for name, ok := range map[string]bool{
		"allows":                  all.Allows(ScopeProxy) && !all.Allows(ScopeAuditRead) && !all.Allows(""),
		"all reaches":             all.Reaches("crm") && all.Reaches(""),
		"limited reaches":         limited.Reaches("crm") && !limited.Reaches("crm2") && !limited.Reaches("CRM") && !limited.Reaches(""),
		"never ends":              !all.Expired(now.AddDate(1000, 0, 0)),
		"ends at its end":         !limited.Expired(now) && limited.Expired(soon) && limited.Expired(soon.Add(1)),
		"every scope has a place": len(Scopes) == 9 && JoinScopes(Scopes[:2]) == "connections:read, connections:write",
	} {
		if !ok {
			t.Error(name)
		}
	}
}

func TestAPIKeyRequestNamesEachFault(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	later, scopes := now.Add(time.Second), []Scope{ScopeProxy}
	for _, test := range []struct {
		request APIKeyRequest
		fields  string
	}{
		{APIKeyRequest{Name: "backend", Scopes: Scopes, Integrations: []string{"crm", "a.b-c_9"}, ExpiresAt: &later}, ""},
		{APIKeyRequest{Name: strings.Repeat("x", MaxAPIKeyNameBytes), Scopes: scopes}, ""},
		{APIKeyRequest{}, "name scopes"},
		{APIKeyRequest{Name: strings.Repeat("x", MaxAPIKeyNameBytes+1), Scopes: scopes}, "name"},
		{APIKeyRequest{Name: "a\nb", Scopes: scopes}, "name"},
		{APIKeyRequest{Name: "\xff", Scopes: scopes}, "name"},
		{APIKeyRequest{Name: "n", Scopes: []Scope{ScopeProxy, "root", ""}}, "scopes scopes"},
		{APIKeyRequest{Name: "n", Scopes: scopes, Integrations: []string{"", "CRM", "a/b"}}, "integrations integrations integrations"},
		{APIKeyRequest{Name: "n", Scopes: scopes, ExpiresAt: &now}, "expiresAt"},
	} {
		err := test.request.Validate(now)
		var fields []string
		if e := AsError(err); e != nil && e.Code == CodeInvalidAPIKey {
			for _, f := range e.Fields {
				fields = append(fields, f.Field)
			}
		}
		if strings.Join(fields, " ") != test.fields || (err == nil) != (test.fields == "") {
			t.Errorf("%+v: %v, want faults of %q", test.request, err, test.fields)
		}
	}
}
