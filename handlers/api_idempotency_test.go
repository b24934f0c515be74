package handlers

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/idempotency"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/models"
)

const registration = `{"integration":"crm","userId":"42","credentials":{"api_key":"canary-1"},"additionalConfig":{ "a": 1.0 }}`

// idempotent makes an app with the integration "crm", and a way to send requests with an Idempotency-Key.
func idempotent(t *testing.T) (a *api, post func(idempotencyKey, path, body string) page) {
	a = newAPI(t)
	key := a.key()
	a.integrate("crm", definitions[models.AuthAPIKey])
	return a, func(idempotencyKey, path, body string) page {
		return a.call(key, http.MethodPost, path, body, headerIdempotencyKey, idempotencyKey)
	}
}

func TestAPIAnswersARepeatedRequestAsTheFirst(t *testing.T) {
	t.Parallel()
	a, post := idempotent(t)
	for path, body := range map[string]string{
		"/connections": registration, "/connect-sessions": `{"userId":"42"}`, "/integrations": `{"name":"github","provider":"github"}`,
	} {
		first, second := post("key"+path, path, body), post("key"+path, path, body)
		a.want(path, first, http.StatusCreated, "")
		a.want(path+" again", second, http.StatusCreated, "")
		if first.header.Get(headerReplayed) != "" || second.header.Get(headerReplayed) != "true" || first.body != second.body {
			t.Errorf("%s: %s, again %s", path, first.body, second.body)
		}
		for _, name := range []string{"ETag", "Location", "Content-Type"} {
			if first.header.Get(name) != second.header.Get(name) {
				t.Errorf("%s: %s %q, again %q", path, name, first.header.Get(name), second.header.Get(name))
			}
		}
		a.want(path+" with another body", post("key"+path, path, body+" "), http.StatusUnprocessableEntity, models.CodeIdempotencyReused)
		elsewhere := post("key"+path, "/connections/crm/42/disable", body)
		a.want(path+" with another address", elsewhere, http.StatusUnprocessableEntity, models.CodeIdempotencyReused)
	}
	sameKey := a.call(a.key(), http.MethodPost, "/connect-sessions", `{"userId":"42"}`, headerIdempotencyKey, "key/connect-sessions")
	if sameKey.header.Get(headerReplayed) != "" || sameKey.status != http.StatusCreated {
		t.Errorf("another caller was given the answer of the first: %s", sameKey.body)
	}
	a.clockOffset.Store(int64(24 * time.Hour))
	a.want("a day later", post("key/connections", "/connections", registration), http.StatusConflict, models.CodeConnectionExists)
}

func TestAPIARefusedRequestMayBeAskedAgain(t *testing.T) {
	t.Parallel()
	a, post := idempotent(t)
	for _, body := range []string{"{", strings.Replace(registration, "{ ", "[", 1), strings.Replace(registration, "api_key", "x", 1), strings.Replace(registration, "crm", "none", 1)} {
		if got := post("k", "/connections", body); got.status < 400 {
			t.Errorf("%s: %d", body, got.status)
		}
	}
	got := post("k", "/connections", registration)
	a.want("put right", got, http.StatusCreated, "")
	if got.header.Get(headerReplayed) != "" {
		t.Error("it was answered by a refusal's answer")
	}
	for name, key := range map[string]string{"empty": "", "too long": strings.Repeat("k", idempotency.MaxKeyBytes+1), "a space": "a b", "a tab": "a\tb", "not ASCII": "schlüssel"} {
		a.want(name, post(key, "/connect-sessions", `{"userId":"42"}`), http.StatusBadRequest, models.CodeInvalidHeader)
	}
	twice := a.call(a.key(), http.MethodPost, "/connect-sessions", `{"userId":"42"}`, headerIdempotencyKey, "a", headerIdempotencyKey, "b")
	a.want("two of them", twice, http.StatusBadRequest, models.CodeInvalidHeader)
	a.want("the longest", post(strings.Repeat("~", idempotency.MaxKeyBytes), "/connect-sessions", `{"userId":"42"}`), http.StatusCreated, "")
}

func TestAPIOfManyRequestsWithOneKeyOneDoesTheWork(t *testing.T) {
	t.Parallel()
	_, post := idempotent(t)
	const callers = 20
	var done, replayed, refused atomic.Int64
	var tokens sync.Map
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			got := post("k", "/connect-sessions", `{"userId":"42"}`)
			switch {
			case got.status == http.StatusConflict && got.header.Get("Retry-After") != "" && got.failed().Code == models.CodeIdempotencyProgress:
				refused.Add(1)
			case got.status == http.StatusCreated && got.header.Get(headerReplayed) != "":
				replayed.Add(1)
				tokens.Store(got.body, true)
			case got.status == http.StatusCreated:
				done.Add(1)
				tokens.Store(got.body, true)
			default:
				t.Errorf("%d %s", got.status, got.body)
			}
		})
	}
	group.Wait()
	different := 0
	tokens.Range(func(any, any) bool { different++; return true })
	if done.Load() != 1 || different != 1 || done.Load()+replayed.Load()+refused.Load() != callers {
		t.Errorf("%d did it, %d were given the answer, %d were sent away; %d answers", done.Load(), replayed.Load(), refused.Load(), different)
	}
}

// brokenPipe is how a caller looks who has gone away when the answer comes: its context has ended, and nothing can be
// written to it.
type brokenPipe struct {
	*httptest.ResponseRecorder
	hangUp context.CancelFunc
}

func (w brokenPipe) Write([]byte) (int, error) {
	w.hangUp()
	return 0, errors.New("write: broken pipe")
}

// request makes a request of a caller who can hang up.
func (a *api) request(key, path, body string) (r *http.Request, hangUp context.CancelFunc) {
	ctx, hangUp := context.WithCancel(a.t.Context())
	a.t.Cleanup(hangUp)
	r = httptest.NewRequestWithContext(ctx, http.MethodPost, apiPrefix+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set(headerIdempotencyKey, "k")
	return r, hangUp
}

func TestAPIAnAnswerThatDidNotArriveIsGivenAgain(t *testing.T) {
	t.Parallel()
	a, _ := idempotent(t)
	key := a.key()
	r, hangUp := a.request(key, "/connections", registration)
	a.handler.ServeHTTP(brokenPipe{httptest.NewRecorder(), hangUp}, r)
	got := a.call(key, http.MethodPost, "/connections", registration, headerIdempotencyKey, "k")
	a.want("asked again", got, http.StatusCreated, "")
	if got.header.Get(headerReplayed) != "true" || !strings.HasSuffix(got.body, `"additionalConfig":{ "a": 1.0 }}`) {
		t.Errorf("it was not the first answer: %s", got.body)
	}
}

func TestAPIACallerWhoHangsUpMayAskAgain(t *testing.T) {
	t.Parallel()
	a, _ := idempotent(t)
	var hangUp context.CancelFunc
	inner, key := a.handler, a.key()
	a.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/provider" {
			inner.ServeHTTP(w, r)
			return
		}
		hangUp()
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	a.integrate("far", strings.Replace(definitions[models.AuthOAuth2], "https://p.example/t", a.url+"/provider", 1))
	a.want("register", a.call(key, http.MethodPost, "/connections", `{"integration":"far","userId":"42","credentials":{"access_token":"canary-1","refresh_token":"canary-2"}}`), http.StatusCreated, "")
	const refresh = "/connections/far/42/refresh"
	var r *http.Request
	r, hangUp = a.request(key, refresh, "")
	recorder := httptest.NewRecorder()
	a.handler.ServeHTTP(recorder, r)
	if r.Context().Err() == nil || recorder.Code != statusClientGone {
		t.Fatalf("the caller did not hang up: %d %s", recorder.Code, recorder.Body)
	}
	a.want("asked again", a.call(key, http.MethodPost, refresh, "", headerIdempotencyKey, "k"), http.StatusBadGateway, models.CodeRefreshFailed)
}

func TestAPIKeptAnswersAreSealed(t *testing.T) {
	t.Parallel()
	a, post := idempotent(t)
	got := post("k", "/connect-sessions", `{"userId":"visible in the database"}`)
	_, token, _ := strings.Cut(got.body, `"token":"`)
	token, _, _ = strings.Cut(token, `"`)
	a.want("register", post("k2", "/connections", registration), http.StatusCreated, "")
	content := storetest.Contents(t, a.store, a.database)
	for _, secret := range []string{token, canary} {
		if strings.Contains(content, secret) {
			t.Error("the database holds a secret in the clear")
		}
	}
	if !strings.Contains(content, "visible in the database") || len(token) < 40 {
		t.Errorf("nothing was looked at: %d bytes, token of %d characters", len(content), len(token))
	}
}
