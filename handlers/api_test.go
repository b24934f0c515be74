package handlers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/patchbay/patchbay/client"
	"github.com/patchbay/patchbay/models"
)

// canary is in every secret that the tests of the API send: it may come back in credentials, and nowhere else.
const canary = "canary-"

// api calls an app as backends do. Every answer is checked for what all of them promise, see [api.RoundTrip].
type api struct {
	*app
	routes []apiRoute

	mu   sync.Mutex
	keys int
	met  map[failure]bool
}

// failure is an error that an operation ended in.
type failure struct{ operation, code string }

func newAPI(t testing.TB) *api {
	a := &api{app: newApp(t), met: map[failure]bool{}}
	a.routes = a.server.apiRoutes()
	t.Cleanup(func() {
		if strings.Contains(a.log.String(), canary) {
			t.Errorf("the log holds a secret:\n%s", a.log)
		}
	})
	return a
}

// key makes an API key with the given scopes, all where there are none.
func (a *api) key(scopes ...models.Scope) string { return a.limitedKey(nil, scopes...) }

func (a *api) limitedKey(integrations []string, scopes ...models.Scope) string {
	_, text := a.newKey(models.APIKeyRequest{Scopes: scopes, Integrations: integrations})
	return text
}

func (a *api) newKey(request models.APIKeyRequest) (*models.APIKey, string) {
	a.t.Helper()
	a.mu.Lock()
	a.keys++
	request.Name = fmt.Sprintf("key %d", a.keys)
	a.mu.Unlock()
	if len(request.Scopes) == 0 {
		request.Scopes = models.Scopes
	}
	key, text, err := a.app.keys.Create(a.t.Context(), models.Actor{Name: models.SystemActor}, request)
	must(a.t, err)
	return key, text.Reveal()
}

// client makes a client whose API key has the given scopes, all where there are none.
func (a *api) client(scopes ...models.Scope) *client.Client { return a.clientOf(a.key(scopes...)) }

func (a *api) clientOf(key string) *client.Client {
	a.t.Helper()
	c, err := client.New(a.url, key, client.WithHTTPClient(&http.Client{Transport: a}))
	must(a.t, err)
	return c
}

// call sends what the client cannot say. The path is below [apiPrefix], headers are names and values in turn.
func (a *api) call(key, method, path, body string, headers ...string) page {
	a.t.Helper()
	request, err := http.NewRequestWithContext(a.t.Context(), method, a.url+apiPrefix+path, strings.NewReader(body))
	must(a.t, err)
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	response, err := a.RoundTrip(request)
	must(a.t, err)
	text, err := io.ReadAll(response.Body)
	must(a.t, err)
	return page{response.StatusCode, response.Header.Get("Location"), response.Header, string(text)}
}

// RoundTrip implements [http.RoundTripper].
func (a *api) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	for _, fault := range a.faults(r, response, body) {
		a.t.Errorf("%s %s: %d: %s", r.Method, r.URL.EscapedPath(), response.StatusCode, fault)
	}
	return response, nil
}

// faults finds what is wrong with an answer, whatever was asked.
func (a *api) faults(r *http.Request, response *http.Response, body []byte) (faults []string) {
	fault := func(format string, values ...any) { faults = append(faults, fmt.Sprintf(format, values...)) }
	header, route := response.Header, a.route(r)
	for name, want := range map[string]string{
		headerCSP: cspBase, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
	} {
		if got := header.Get(name); got != want {
			fault("%s: %q", name, got)
		}
	}
	if uuid.Validate(header.Get("X-Request-Id")) != nil {
		fault("request id %q", header.Get("X-Request-Id"))
	}
	if kind := header.Get("Content-Type"); len(body) > 0 && (kind != "application/json" || !json.Valid(body)) {
		fault("%q is not JSON:\n%.500s", kind, body)
	}
	if header.Get("Access-Control-Allow-Origin") != "" && r.URL.Path != apiPrefix+"/connect-sessions/self" {
		fault("pages of other origins may read it")
	}
	gives := route != nil && route.operationID == operationGetCredentials && response.StatusCode == http.StatusOK
	if !gives && strings.Contains(string(body)+fmt.Sprint(header), canary) {
		fault("it holds a secret:\n%s", body)
	}
	if response.StatusCode >= 400 && len(body) > 0 {
		faults = append(faults, a.errorFaults(route, response, body)...)
	}
	return faults
}

// errorFaults finds what is wrong with an error: it must have the shape of all errors, and be documented where it comes from.
func (a *api) errorFaults(route *apiRoute, response *http.Response, body []byte) (faults []string) {
	var answer errorBody
	if err := unmarshalStrict(body, &answer); err != nil {
		return []string{fmt.Sprintf("%v:\n%s", err, body)}
	}
	code, header := answer.Error.Code, response.Header
	if answer.Error.Message == "" || answer.Error.RequestID != header.Get("X-Request-Id") {
		faults = append(faults, fmt.Sprintf("message %q, request id %q", answer.Error.Message, answer.Error.RequestID))
	}
	if response.StatusCode == http.StatusUnauthorized && header.Get("WWW-Authenticate") != "Bearer" {
		faults = append(faults, "it does not say how to authenticate")
	}
	if response.StatusCode == http.StatusTooManyRequests && header.Get("Retry-After") == "" {
		faults = append(faults, "it does not say when to come back")
	}
	if route == nil || code == codeInternal {
		return faults
	}
	if !slices.Contains(route.errorsByStatus()[response.StatusCode], code) {
		faults = append(faults, fmt.Sprintf("%s is not documented to end in %s", route.operationID, code))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.met[failure{route.operationID, code}] = true
	return faults
}

// route finds the operation that a request is for, or nil.
func (a *api) route(r *http.Request) *apiRoute {
	segments := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), apiPrefix), "/")
	for i := range a.routes {
		fits := func(segment, pattern string) bool { return segment == pattern || strings.HasPrefix(pattern, ":") }
		if a.routes[i].method == r.Method && slices.EqualFunc(segments, strings.Split(a.routes[i].path, "/"), fits) {
			return &a.routes[i]
		}
	}
	return nil
}

// failed gives the error that an answer tells of.
func (p page) failed() errorDetail {
	var answer errorBody
	_ = json.Unmarshal([]byte(p.body), &answer) // its shape is checked by RoundTrip
	return answer.Error
}

// want checks the outcome of a call; code is empty for a success.
func (a *api) want(name string, got page, status int, code string) {
	a.t.Helper()
	if got.status != status || got.failed().Code != code {
		a.t.Errorf("%s: %d %q, want %d %q\n%.500s", name, got.status, got.failed().Code, status, code, got.body)
	}
}

// refused checks that a call of the client failed with a code.
func (a *api) refused(name string, err error, code string) {
	a.t.Helper()
	if !client.HasCode(err, code) {
		a.t.Errorf("%s: %v, want %s", name, err, code)
	}
}

// definitions of integrations, by auth mode; the provider is not reached.
var definitions = map[models.AuthMode]string{
	models.AuthOAuth2:           `"auth":{"auth_mode":"OAUTH2","authorization_url":"https://p.example/a","token_url":"https://p.example/t"}`,
	models.AuthOAuth1:           `"auth":{"auth_mode":"OAUTH1","request_url":"https://p.example/r","authorization_url":"https://p.example/a","token_url":"https://p.example/t"}`,
	models.AuthAPIKey:           `"auth":{"auth_mode":"API_KEY"}`,
	models.AuthUsernamePassword: `"auth":{"auth_mode":"USERNAME_PASSWORD"}`,
	models.AuthOAuth2CC:         `"auth":{"auth_mode":"OAUTH2_CC","token_url":"https://p.example/t"}`,
}

// integrate makes an integration in the database.
func (a *api) integrate(name string, definition string) string {
	a.t.Helper()
	body := fmt.Sprintf(`{"name":%q,%s,"requests":{"base_url":"https://api.p.example/"}}`, name, definition)
	a.want("create integration "+name, a.call(a.key(), http.MethodPost, "/integrations", body), http.StatusCreated, "")
	return name
}
