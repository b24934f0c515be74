package models

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

var givenAt = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestParseGivenCredentialsReadsEveryMode(t *testing.T) {
	for _, test := range []struct {
		mode  AuthMode
		given string
		want  string // of RevealJSON, without raw
	}{
		{AuthOAuth2, `{"access_token":"a"}`, `{"type":"OAUTH2","access_token":"a"`},
		{AuthOAuth2, `{"access_token":"a","refresh_token":null,"expires_at":null,"expires_in":null}`, `{"type":"OAUTH2","access_token":"a"`},
		{AuthOAuth2, `{"type":"OAUTH2","access_token":"a","refresh_token":"r"}`, `{"type":"OAUTH2","access_token":"a","refresh_token":"r"`},
		{AuthOAuth2, `{"access_token":"a","expires_at":"2026-03-01T14:00:00.1234567+02:00"}`, `{"type":"OAUTH2","access_token":"a","expires_at":"2026-03-01T12:00:00.123456Z"`},
		{AuthOAuth2, `{"access_token":"a","expires_at":1772366400,"expires_in":5}`, `{"type":"OAUTH2","access_token":"a","expires_at":"2026-03-01T12:00:00Z"`},
		{AuthOAuth2, `{"access_token":"a","expires_at":1.7723664009e9}`, `{"type":"OAUTH2","access_token":"a","expires_at":"2026-03-01T12:00:00Z"`},
		{AuthOAuth2, `{"access_token":"a","expires_at":253402300799}`, `{"type":"OAUTH2","access_token":"a","expires_at":"9999-12-31T23:59:59Z"`},
		{AuthOAuth2, `{"access_token":"a","expires_at":-62167219200}`, `{"type":"OAUTH2","access_token":"a","expires_at":"0000-01-01T00:00:00Z"`},
		{AuthOAuth2, `{"access_token":"a","expires_at":"2026-03-01 12:00:00"}`, `{"type":"OAUTH2","access_token":"a","expires_at":"2026-03-01T12:00:00Z"`},
		{AuthOAuth2, `{"access_token":"a","expires_in":3600}`, `{"type":"OAUTH2","access_token":"a","expires_at":"2026-03-01T13:00:00Z"`},
		{AuthOAuth2, `{"access_token":"a","expires_in":0}`, `{"type":"OAUTH2","access_token":"a","expires_at":"2026-03-01T12:00:00Z"`},
		{AuthOAuth1, `{"oauth_token":"t","oauth_token_secret":"s"}`, `{"type":"OAUTH1","oauth_token":"t","oauth_token_secret":"s"`},
		{AuthAPIKey, "\n{ \"api_key\" : \"k\", \"type\":null, \"region\": [1.0, \"<&>\"] }", `{"type":"API_KEY","api_key":"k"`},
		{AuthUsernamePassword, `{"username":"u","password":"p"}`, `{"type":"USERNAME_PASSWORD","username":"u","password":"p"`},
		{AuthUsernamePassword, `{"key":"u","secret":"p"}`, `{"type":"USERNAME_PASSWORD","username":"u","password":"p"`},
		{AuthUsernamePassword, `{"username":"u","password":""}`, `{"type":"USERNAME_PASSWORD","username":"u","password":""`},
		{AuthUsernamePassword, `{"key":"","secret":"p","username":"ignored"}`, `{"type":"USERNAME_PASSWORD","username":"","password":"p"`},
	} {
		got, err := ParseGivenCredentials(test.mode, []byte(test.given), givenAt)
		if err != nil {
			t.Errorf("%s: %v", test.given, err)
			continue
		}
		revealed, err := got.RevealJSON()
		if want := test.want + `,"raw":` + test.given + "}"; err != nil || string(revealed) != want {
			t.Errorf("got  %s, %v\nwant %s", revealed, err, want)
		}
		sealed, err := got.SealedJSON()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseSealedCredentials(sealed)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := again.RevealJSON(); err != nil || string(text) != string(revealed) {
			t.Errorf("sealed and opened: %s, %v", text, err)
		}
	}
}

func TestParseGivenCredentialsNamesEachFaultOnceAndNoValue(t *testing.T) {
	const canary = "canary"
	for _, test := range []struct {
		mode   AuthMode
		given  string
		fields string
	}{
		{AuthOAuth2, ``, "credentials"},
		{AuthOAuth2, `null`, "credentials"},
		{AuthOAuth2, `["canary"]`, "credentials"},
		{AuthOAuth2, `"canary"`, "credentials"},
		{AuthOAuth2, `{"access_token":"canary"`, "credentials"},
		{AuthOAuth2, `{"access_token":"canary"}{}`, "credentials"},
		{AuthOAuth2, `{"access_token":"canary","access_token":"canary"}`, "credentials"},
		{AuthOAuth2, `{"access_token":"canary","x":{"canary":1,"canary":2}}`, "credentials"},
		{AuthOAuth2, `{"access_token":"canary\ud800"}`, "credentials"},
		{AuthOAuth2, "{\"access_token\":\"canary\xff\"}", "credentials"},
		{AuthOAuth2, `{"access_token":"` + strings.Repeat(canary, MaxCredentialsBytes/6) + `"}`, "credentials"},
		{AuthOAuth2, `{}`, "credentials.access_token"},
		{AuthOAuth2, `{"access_token":null}`, "credentials.access_token"},
		{AuthOAuth2, `{"access_token":""}`, "credentials.access_token"},
		{AuthOAuth2, `{"access_token":["canary"]}`, "credentials.access_token"},
		{AuthOAuth2, `{"Access_Token":"canary"}`, "credentials.access_token"},
		{AuthOAuth2, `{"access_token":"canary","refresh_token":7}`, "credentials.refresh_token"},
		{AuthOAuth2, `{"access_token":"canary","expires_at":"canary"}`, "credentials.expires_at"},
		{AuthOAuth2, `{"access_token":"canary","expires_at":"1772366400"}`, "credentials.expires_at"},
		{AuthOAuth2, `{"access_token":"canary","expires_at":253402300800}`, "credentials.expires_at"},
		{AuthOAuth2, `{"access_token":"canary","expires_at":-62167219201}`, "credentials.expires_at"},
		{AuthOAuth2, `{"access_token":"canary","expires_at":1e400}`, "credentials.expires_at"},
		{AuthOAuth2, `{"access_token":"canary","expires_at":"9999-12-31T23:59:59-00:01"}`, "credentials.expires_at"},
		{AuthOAuth2, `{"access_token":"canary","expires_at":"0000-01-01T00:00:00+00:01"}`, "credentials.expires_at"},
		{AuthOAuth2, `{"access_token":"canary","expires_in":-1}`, "credentials.expires_in"},
		{AuthOAuth2, `{"access_token":"canary","expires_in":"3600"}`, "credentials.expires_in"},
		{AuthOAuth2, `{"access_token":"canary","expires_in":1e18}`, "credentials.expires_in"},
		{AuthOAuth2, `{"type":"API_KEY","api_key":"canary"}`, "credentials.type credentials.access_token"},
		{AuthOAuth2, `{"type":7,"access_token":"canary"}`, "credentials.type"},
		{AuthOAuth1, `{"oauth_token":"canary"}`, "credentials.oauth_token_secret"},
		{AuthOAuth1, `{"access_token":"canary"}`, "credentials.oauth_token credentials.oauth_token_secret"},
		{AuthAPIKey, `{"api_key":7}`, "credentials.api_key"},
		{AuthUsernamePassword, `{"username":"canary"}`, "credentials.password"},
		{AuthUsernamePassword, `{"username":"canary","secret":"canary"}`, "credentials.password"},
		{AuthUsernamePassword, `{"key":"canary","password":"canary"}`, "credentials.secret"},
		{AuthUsernamePassword, `{"username":"","password":""}`, "credentials.username"},
		{AuthUsernamePassword, `{"username":7,"password":[]}`, "credentials.username credentials.password"},
	} {
		_, err := ParseGivenCredentials(test.mode, []byte(test.given), givenAt)
		e := AsError(err)
		if e == nil || e.Code != CodeInvalidCredentials || e.Kind != KindInvalid {
			t.Errorf("%.100s: %v", test.given, err)
			continue
		}
		var fields []string
		for _, f := range e.Fields {
			fields = append(fields, f.Field)
			if !strings.HasPrefix(f.Message, "expected ") || !strings.Contains(f.Message, string(test.mode)) || !strings.Contains(e.Message, f.Message) {
				t.Errorf("%.100s: %s", test.given, f.Message)
			}
		}
		if got := strings.Join(fields, " "); got != test.fields {
			t.Errorf("%.100s: faults of %s, want %s", test.given, got, test.fields)
		}
		if strings.Contains(fmt.Sprintf("%+v", *e), canary) {
			t.Errorf("the error repeats what was given: %+v", *e)
		}
	}
	if _, err := ParseGivenCredentials(AuthOAuth2CC, []byte(`{}`), givenAt); !HasCode(err, CodeUnsupportedAuthMode) {
		t.Errorf("client credentials: %v", err)
	}
}

func TestParseGivenCredentialsTakesTheLargest(t *testing.T) {
	given := []byte(`{"api_key":"k","pad":"` + strings.Repeat("x", MaxCredentialsBytes-24) + `"}`)
	if _, err := ParseGivenCredentials(AuthAPIKey, given, givenAt); err != nil || len(given) != MaxCredentialsBytes {
		t.Errorf("%d bytes: %v", len(given), err)
	}
}

func FuzzParseGivenCredentials(f *testing.F) {
	f.Add(`{"access_token":"a","refresh_token":"r","expires_at":1e9,"expires_in":1}`)
	f.Add(`{"type":"OAUTH2","expires_at":"2026-03-01T12:00:00Z"}`)
	f.Add(`{"key":"k","secret":"s","api_key":"a","oauth_token":"t","oauth_token_secret":"s"}`)
	f.Fuzz(func(t *testing.T, given string) {
		for _, mode := range AuthModes {
			c, err := ParseGivenCredentials(mode, []byte(given), givenAt)
			if err != nil {
				if e := AsError(err); e == nil || e.Message == "" {
					t.Fatalf("%s: %v", mode, err)
				}
				continue
			}
			revealed, err := c.RevealJSON()
			if err != nil || !json.Valid(revealed) || !strings.HasSuffix(string(revealed), `"raw":`+given+"}") {
				t.Fatalf("%s: %q became %q, %v", mode, given, revealed, err)
			}
		}
	})
}
