package sandbox

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

func hasAll(text string, parts ...string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// authorizeURL is a good authorization request after change.
func (w *world) authorizeURL(change func(url.Values)) string {
	w.t.Helper()
	base, query, _ := strings.Cut(w.config.AuthCodeURL("s", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())), "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		w.t.Fatal(err)
	}
	change(values)
	return base + "?" + values.Encode()
}

func TestAuthorizeRefusesWithoutRedirect(t *testing.T) {
	w := newWorld(t)
	set := func(name string, values ...string) string {
		return w.authorizeURL(func(v url.Values) { v[name] = values })
	}
	good := w.config.RedirectURL
	tests := []struct {
		name, url string
		status    int
		reason    string
	}{
		{"unknown client", set("client_id", "x"), 400, "client_id"},
		{"no client", set("client_id"), 400, "client_id"},
		{"two clients", set("client_id", w.config.ClientID, w.config.ClientID), 400, "client_id"},
		{"other host", set("redirect_uri", "https://evil.example/oauth/callback/sandbox"), 400, "redirect_uri"},
		{"longer path", set("redirect_uri", good+"/x"), 400, "redirect_uri"},
		{"query", set("redirect_uri", good+"?x"), 400, "redirect_uri"},
		{"other case", set("redirect_uri", strings.ToUpper(good)), 400, "redirect_uri"},
		{"other integration", set("redirect_uri", strings.Replace(good, "/sandbox", "/slack", 1)), 400, "redirect_uri"},
		{"script", set("redirect_uri", "javascript:alert(1)"), 400, "redirect_uri"},
		{"no redirect URI", set("redirect_uri"), 400, "redirect_uri"},
		{"two redirect URIs", set("redirect_uri", good, "https://evil.example"), 400, "redirect_uri"},
		{"damaged", set("scope", "profile") + "&x=%zz", 400, "damaged"},
		{"too long", set("state", strings.Repeat("x", maxURLBytes)), 414, "too long"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			response, body := w.get(test.url)
			if response.StatusCode != test.status || !strings.Contains(body, test.reason) || response.Header.Get("Location") != "" {
				t.Errorf("%s, Location %q\n%s", response.Status, response.Header.Get("Location"), body)
			}
			if strings.Contains(body, "evil") || strings.Contains(body, "javascript") {
				t.Errorf("the page repeats what it refuses:\n%s", body)
			}
		})
	}
}

func TestAuthorizeRedirectsOtherFaults(t *testing.T) {
	w := newWorld(t)
	tests := []struct {
		name, parameter string
		values          []string
		want            string
	}{
		{"token", "response_type", []string{"token"}, "unsupported_response_type"},
		{"no response type", "response_type", nil, "invalid_request"},
		{"scope", "scope", []string{"profile admin"}, "invalid_scope"},
		{"no challenge", "code_challenge", nil, "invalid_request"},
		{"short challenge", "code_challenge", []string{"abc"}, "invalid_request"},
		{"plain", "code_challenge_method", []string{"plain"}, "invalid_request"},
		{"no method", "code_challenge_method", nil, "invalid_request"},
		{"repeated", "prompt", []string{"a", "b"}, "invalid_request"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			response, _ := w.get(w.authorizeURL(func(v url.Values) { v[test.parameter] = test.values }))
			got := w.callback(response)
			if got.Get("error") != test.want || got.Get("state") != "s" || got.Get("error_description") == "" || got.Has("code") {
				t.Errorf("%s %v, want error %s", response.Status, got, test.want)
			}
		})
	}
}

func TestTokenEndpointErrors(t *testing.T) {
	w := newWorld(t)
	refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}}
	wrongSecret := func(r *http.Request) { r.SetBasicAuth(w.config.ClientID, "x") }
	tests := []struct {
		name   string
		form   url.Values
		change func(*http.Request)
		status int
		want   string
	}{
		{"no client", refresh, func(*http.Request) {}, 401, "invalid_client"},
		{"wrong secret", refresh, wrongSecret, 401, "invalid_client"},
		{"no Basic", refresh, func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, 401, "invalid_client"},
		{"bad escape", refresh, func(r *http.Request) { r.SetBasicAuth("%zz", "%zz") }, 401, "invalid_client"},
		{"two ways", url.Values{"client_secret": {"x"}}, w.asClient, 400, "invalid_request"},
		{"unknown refresh token", refresh, w.asClient, 400, "invalid_grant"},
		{"no grant type", url.Values{}, w.asClient, 400, "invalid_request"},
		{"other grant type", url.Values{"grant_type": {"password"}}, w.asClient, 400, "unsupported_grant_type"},
		{"no code", url.Values{"grant_type": {"authorization_code"}}, w.asClient, 400, "invalid_request"},
		{"no verifier", url.Values{"grant_type": {"authorization_code"}, "code": {"x"}, "redirect_uri": {"x"}}, w.asClient, 400, "invalid_request"},
		{"repeated", url.Values{"grant_type": {"refresh_token", "refresh_token"}, "refresh_token": {"x"}}, w.asClient, 400, "invalid_request"},
		{"in the query", nil, func(r *http.Request) { w.asClient(r); r.URL.RawQuery = refresh.Encode() }, 400, "invalid_request"},
		{"JSON", refresh, func(r *http.Request) { w.asClient(r); r.Header.Set("Content-Type", "application/json") }, 400, "invalid_request"},
		{"large", url.Values{"x": {strings.Repeat("x", maxBodyBytes)}}, w.asClient, 413, "invalid_request"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			response, body := w.post("/sandbox/token", test.form, test.change)
			if response.StatusCode != test.status || !strings.Contains(body, `"error":"`+test.want+`"`) {
				t.Errorf("%s %s, want %d %s", response.Status, body, test.status, test.want)
			}
			if got := response.Header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control = %q", got)
			}
			if challenge := response.Header.Get("WWW-Authenticate"); (challenge != "") != (test.status == 401) {
				t.Errorf("WWW-Authenticate = %q", challenge)
			}
		})
	}
}

func TestAPIRefuses(t *testing.T) {
	w := newWorld(t)
	w.config.Scopes = []string{"profile"}
	profile := w.connect().AccessToken
	w.config.Scopes = []string{"messages:write"}
	messages := w.connect().AccessToken
	tests := []struct {
		name, method, path, token, body string
		status                          int
	}{
		{"no token", "GET", "/sandbox/userinfo", "", "", 401},
		{"scope of userinfo", "GET", "/sandbox/userinfo", messages, "", 403},
		{"scope of messages", "POST", "/sandbox/api/messages", profile, "{}", 403},
		{"no JSON", "POST", "/sandbox/api/messages", messages, "{", 400},
		{"large", "POST", "/sandbox/api/messages", messages, strings.Repeat(" ", maxBodyBytes+1), 413},
		{"method", "POST", "/sandbox/userinfo", profile, "", 405},
		{"path", "GET", "/sandbox/api/", profile, "", 404},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			response, body := w.api(test.method, test.path, test.token, test.body)
			if response.StatusCode != test.status {
				t.Errorf("%s %s, want %d", response.Status, body, test.status)
			}
		})
	}
}

func TestConsentRefuses(t *testing.T) {
	w := newWorld(t)
	page := w.consent(w.authorizeURL(func(url.Values) {}))
	for name, form := range map[string]url.Values{
		"no request":      {"account": {"ada"}, "decision": {"allow"}},
		"unknown request": {"request": {"x"}, "account": {"ada"}, "decision": {"allow"}},
		"unknown account": {"request": {page}, "account": {"eve"}, "decision": {"allow"}},
		"no decision":     {"request": {page}, "account": {"ada"}},
	} {
		if response, body := w.post("/sandbox/authorize", form); response.StatusCode != http.StatusBadRequest || response.Header.Get("Location") != "" {
			t.Errorf("%s: %s\n%s", name, response.Status, body)
		}
	}
	w.decide(page, "allow") // still open
}

func TestHeaders(t *testing.T) {
	w := newWorld(t)
	response, body := w.get(w.authorizeURL(func(v url.Values) { v.Del("scope") }))
	want := map[string]string{
		"Cache-Control": "no-store",
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self' " + w.url +
			"; frame-ancestors 'none'; base-uri 'none'",
		"Content-Type":           "text/html; charset=utf-8",
		"Referrer-Policy":        "no-referrer",
		"X-Content-Type-Options": "nosniff",
	}
	for name, value := range want {
		if got := response.Header.Get(name); got != value {
			t.Errorf("%s = %q, want %q", name, got, value)
		}
	}
	if !hasAll(body, "See your name and email address", "Ada Lovelace", "Alan Turing") || strings.Contains(body, "messages") {
		t.Errorf("without a scope, the page asks for the profile alone:\n%s", body)
	}
	if strings.Contains(body, "style=") || strings.Contains(body, "<script") {
		t.Errorf("the page breaks its own policy:\n%s", body)
	}
	response, _ = w.get(w.url + "/sandbox/style.css")
	if got := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || got != "text/css; charset=utf-8" {
		t.Errorf("style sheet: %s %s", response.Status, got)
	}
}

func TestShelfDropsTheOldest(t *testing.T) {
	start := time.Unix(0, 0)
	s := newShelf[int](time.Minute, 2)
	s.put(start, "a", 1)
	s.put(start, "b", 2)
	s.put(start.Add(time.Second), "a", 3) // anew, so b is the oldest
	s.put(start.Add(time.Second), "c", 4)
	if _, ok := s.get(start, "b"); ok || len(s.byKey) != 2 || s.order.Len() != 2 {
		t.Errorf("b is kept: %v; %d keys, %d in order", ok, len(s.byKey), s.order.Len())
	}
	if a, ok := s.get(start.Add(time.Minute), "a"); a != 3 || !ok {
		t.Errorf("a = %d, %v", a, ok)
	}
	s.put(start.Add(2*time.Minute), "d", 5)
	if len(s.byKey) != 1 || s.order.Len() != 1 {
		t.Errorf("what has ended is kept: %d keys, %d in order", len(s.byKey), s.order.Len())
	}
}
