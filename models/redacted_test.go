package models

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestARedactedDefinitionHoldsNoLiteralThatMayBeSecret(t *testing.T) {
	d := Definition{
		OAuthClientID: "id", OAuthScopes: []string{"a"},
		Auth: AuthDefinition{
			AuthMode: AuthOAuth2, AuthorizationURL: "https://a.example/authorize?flag", TokenURL: "https://a.example/token?key=secret&b=c=d",
			AuthorizationParams: map[string]string{"access_type": "offline"}, TokenParams: map[string]string{"client_secret": "secret"},
		},
		Requests: RequestsDefinition{
			BaseURL: "https://a.example/v1/", Headers: map[string]string{"Authorization": "Bearer ${access_token}", "X-Key": "secret"},
			Params: map[string]string{"a": "${app_api_key}", "b": "Bearer secret"},
		},
	}
	want := d
	want.Auth.TokenURL = "https://a.example/token?key=*&b=*"
	want.Auth.TokenParams = map[string]string{"client_secret": "*"}
	want.Auth.RequestParams = map[string]string{}
	want.Requests.Headers = map[string]string{"Authorization": "Bearer ${access_token}", "X-Key": "*"}
	want.Requests.Params = map[string]string{"a": "${app_api_key}", "b": "*"}
	if diff := cmp.Diff(want, d.Redacted("*")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if d.Requests.Headers["X-Key"] != "secret" {
		t.Error("the definition itself was changed")
	}
}
