package handlers

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/models"
)

// That all of these are JSON with a request id is checked with every answer, see [api.faults].
func TestAPIErrorsOutsideOfOperationsAreJSON(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	key := a.key()
	for _, test := range []struct {
		method, path string
		status       int
		code         string
	}{
		{http.MethodGet, "/", 404, models.CodeNotFound},
		{http.MethodGet, "/nothing", 404, models.CodeNotFound},
		{http.MethodGet, "/connections/", 404, models.CodeNotFound},
		{http.MethodGet, "/Connections", 404, models.CodeNotFound},
		{http.MethodGet, "//connections", 404, models.CodeNotFound},
		{http.MethodGet, "/../../login", 404, models.CodeNotFound},
		{http.MethodGet, "/../v2/connections", 404, models.CodeNotFound},
		{http.MethodGet, "/connections/crm/42/nothing", 404, models.CodeNotFound},
		{http.MethodGet, "/integrations/a/b", 404, models.CodeNotFound},
		{http.MethodPut, "/connections", 405, codeMethodNotAllowed},
		{http.MethodDelete, "/connections", 405, codeMethodNotAllowed},
		{http.MethodPost, "/connections/crm/42", 405, codeMethodNotAllowed},
		{http.MethodGet, "/connections/crm/42/refresh", 405, codeMethodNotAllowed},
		{http.MethodPost, "/openapi.json", 405, codeMethodNotAllowed},
		{"PROPFIND", "/connections", 405, codeMethodNotAllowed},
	} {
		got := a.call(key, test.method, test.path, "")
		a.want(test.method+" "+test.path, got, test.status, test.code)
		if test.status == http.StatusMethodNotAllowed && got.header.Get("Allow") == "" {
			t.Errorf("%s %s: the allowed methods are not told", test.method, test.path)
		}
	}
	if got := a.call(key, http.MethodHead, "/connections", ""); got.status != http.StatusMethodNotAllowed || got.body != "" {
		t.Errorf("HEAD: %d %s", got.status, got.body)
	}
	if got := a.call("", http.MethodGet, "/openapi.json", ""); got.status != http.StatusOK || !strings.Contains(got.body, `"openapi": "3.1.0"`) {
		t.Errorf("the document: %d", got.status)
	}
}

func TestAPIAPanicIsAnInternalError(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	key := a.key()
	config := a.server.Config
	config.Connections = nil
	a.handler = New(config)
	got := a.call(key, http.MethodGet, "/connections", "")
	a.want("a panic", got, http.StatusInternalServerError, codeInternal)
	id := got.header.Get("X-Request-Id")
	if strings.Contains(got.body, "nil pointer") || strings.Contains(got.body, "goroutine") || !strings.Contains(got.failed().Message, "under the request id.") {
		t.Errorf("it tells internals: %s", got.body)
	}
	log := a.log.String()
	if at := strings.Index(log, `"msg":"panic"`); at < 0 || !strings.Contains(log[at:], "nil pointer") || !strings.Contains(log[at:], id) {
		t.Errorf("the log does not tell of it under %s:\n%s", id, log)
	}
}

func TestAPIAnswersByHTTPSAskToStayThere(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	config := a.server.Config
	config.RootURL = &url.URL{Scheme: "https", Host: "connect.example.com"}
	recorder := httptest.NewRecorder()
	New(config).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, apiPrefix+"/connections", nil))
	if recorder.Code != http.StatusUnauthorized || recorder.Header().Get("Strict-Transport-Security") == "" {
		t.Errorf("%d %v", recorder.Code, recorder.Header())
	}
}
