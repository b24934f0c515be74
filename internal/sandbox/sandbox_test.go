package sandbox

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/patchbay/patchbay/models"
)

// world is a provider that listens, one application registered at it, and a browser that follows no redirect.
type world struct {
	t           *testing.T
	integration models.Integration
	provider    *Provider
	url         string
	config      oauth2.Config
	http        *http.Client
	clock       atomic.Int64 // unix seconds
}

func newWorld(t *testing.T) *world {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	w := &world{t: t, url: server.URL}
	w.clock.Store(1_800_000_000)
	w.provider = New(Options{BrowserURL: server.URL, ServerURL: server.URL + "/", Now: func() time.Time { return time.Unix(w.clock.Load(), 0) }})
	mux.Handle("/sandbox/", w.provider.Handler())
	w.integration = w.provider.Integration("sandbox")
	w.config = configOf(w.integration, server.URL+"/oauth/callback/sandbox")
	client := *server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	w.http = &client
	return w
}

func configOf(in models.Integration, redirectURL string) oauth2.Config {
	return oauth2.Config{
		ClientID: in.OAuth.ID, ClientSecret: in.OAuth.Secret.Reveal(), Scopes: in.OAuth.Scopes, RedirectURL: redirectURL,
		Endpoint: oauth2.Endpoint{AuthURL: in.Auth.AuthorizationURL, TokenURL: in.Auth.TokenURL, AuthStyle: oauth2.AuthStyleInHeader},
	}
}

func (w *world) advance(d time.Duration) { w.clock.Add(int64(d / time.Second)) }

func (w *world) context() context.Context {
	return context.WithValue(w.t.Context(), oauth2.HTTPClient, w.http)
}

func (w *world) do(request *http.Request) (*http.Response, string) {
	w.t.Helper()
	response, err := w.http.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return response, string(body)
}

func (w *world) get(url string) (*http.Response, string) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.do(request)
}

func (w *world) post(path string, form url.Values, change ...func(*http.Request)) (*http.Response, string) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, f := range change {
		f(request)
	}
	return w.do(request)
}

// asClient authenticates the application.
func (w *world) asClient(r *http.Request) { r.SetBasicAuth(w.config.ClientID, w.config.ClientSecret) }

var requestField = regexp.MustCompile(`name="request" value="([^"]+)"`)

// consent opens the consent page and gives the id of the request it shows.
func (w *world) consent(authURL string) string {
	w.t.Helper()
	response, body := w.get(authURL)
	field := requestField.FindStringSubmatch(body)
	if response.StatusCode != http.StatusOK || field == nil {
		w.t.Fatalf("consent page: %s\n%s", response.Status, body)
	}
	return field[1]
}

// decide answers a consent page and gives the parameters that came back to the application.
func (w *world) decide(request, decision string) url.Values {
	w.t.Helper()
	response, body := w.post("/sandbox/authorize", url.Values{"request": {request}, "account": {"ada"}, "decision": {decision}})
	if response.StatusCode != http.StatusSeeOther {
		w.t.Fatalf("%s: %s\n%s", decision, response.Status, body)
	}
	return w.callback(response)
}

// callback gives the parameters of a redirect to the application.
func (w *world) callback(response *http.Response) url.Values {
	w.t.Helper()
	to, query, _ := strings.Cut(response.Header.Get("Location"), "?")
	parameters, err := url.ParseQuery(query)
	if to != w.config.RedirectURL || err != nil {
		w.t.Fatalf("redirected to %q: %v", to, err)
	}
	if iss := parameters.Get("iss"); iss != w.integration.Auth.Issuer {
		w.t.Errorf("iss = %q, want %q", iss, w.integration.Auth.Issuer)
	}
	return parameters
}

func (w *world) code(verifier string) string {
	w.t.Helper()
	return w.decide(w.consent(w.config.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier))), "allow").Get("code")
}

// connect runs the whole flow.
func (w *world) connect() *oauth2.Token {
	w.t.Helper()
	verifier := oauth2.GenerateVerifier()
	token, err := w.config.Exchange(w.context(), w.code(verifier), oauth2.VerifierOption(verifier))
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

func (w *world) refresh(refreshToken string) (*oauth2.Token, error) {
	return w.config.TokenSource(w.context(), &oauth2.Token{RefreshToken: refreshToken}).Token()
}

func (w *world) userinfo(accessToken string) int {
	w.t.Helper()
	response, _ := w.api("GET", "/sandbox/userinfo", accessToken, "")
	return response.StatusCode
}

func (w *world) api(method, path, accessToken, body string) (*http.Response, string) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+accessToken)
	return w.do(request)
}

func (w *world) introspect(token string) (answer introspection) {
	w.t.Helper()
	_, body := w.post("/sandbox/introspect", url.Values{"token": {token}}, w.asClient)
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		w.t.Fatalf("introspect: %v\n%s", err, body)
	}
	return answer
}

// wantCode checks the error code of a failed token request.
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	retrieve, ok := err.(*oauth2.RetrieveError)
	if !ok || retrieve.ErrorCode != code {
		t.Errorf("error = %v, want %s", err, code)
	}
}

func TestIntegrationIsOneApplicationPerName(t *testing.T) {
	p := New(Options{BrowserURL: "http://localhost:3003", ServerURL: "http://127.0.0.1:3003"})
	a, again, b := p.Integration("a"), p.Integration("a"), p.Integration("b")
	if a.OAuth.ID != again.OAuth.ID || a.OAuth.Secret != again.OAuth.Secret {
		t.Error("the same name gave another application")
	}
	if a.OAuth.ID == b.OAuth.ID || a.OAuth.Secret == b.OAuth.Secret {
		t.Error("another name gave the same application")
	}
	if problem := a.Problem(); problem != "" {
		t.Error(problem)
	}
	if want := "http://localhost:3003/sandbox/authorize"; a.Auth.AuthorizationURL != want {
		t.Errorf("authorization URL = %q, want %q, which browsers see", a.Auth.AuthorizationURL, want)
	}
	if want := "http://127.0.0.1:3003/sandbox/token"; a.Auth.TokenURL != want {
		t.Errorf("token URL = %q, want %q, which the server dials", a.Auth.TokenURL, want)
	}
}
