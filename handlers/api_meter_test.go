package handlers

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/patchbay/patchbay/client"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/models"
)

// counted gives the counted calls about a connection, or about none, as "key operation calls".
func (a *api) counted(uuid string) string {
	a.t.Helper()
	must(a.t, a.server.Meter.Flush(a.t.Context()))
	calls, err := a.server.Meter.Calls(a.t.Context(), uuid, 100)
	must(a.t, err)
	var lines []string
	for _, c := range calls {
		lines = append(lines, fmt.Sprintf("%s %s %d", c.APIKey, c.Operation, c.Calls))
	}
	return strings.Join(lines, ", ")
}

func TestAPICountsCallsByKeyAndReadsByConnection(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.clockOffset.Store(int64(a.now().Truncate(models.APICallWindow).Add(models.APICallWindow).Sub(a.now()))) // all of it in one window
	one, two := a.key(), a.key(models.ScopeCredentialsRead)
	conn := a.connect("sandbox", "42")
	a.connect("other", "42")
	const credentials = "/connections/sandbox/42/credentials"
	for _, call := range []struct{ key, path string }{
		{one, credentials}, {two, credentials}, {one, credentials}, {one, "/connections/other/42/credentials"}, {one, "/connections"}, {one, "/connections/sandbox/42"}, {one, "/connections/sandbox/42"},
	} {
		a.want(call.path, a.call(call.key, http.MethodGet, call.path, ""), http.StatusOK, "")
	}
	a.want("without the scope", a.call(two, http.MethodGet, "/connections", ""), http.StatusForbidden, models.CodeForbidden)
	a.want("of nobody", a.call(two, http.MethodGet, "/connections/sandbox/7/credentials", ""), http.StatusNotFound, models.CodeUnknownConnection)
	if got := a.counted(conn.UUID); got != "key 1 getCredentials 2, key 2 getCredentials 1" {
		t.Errorf("reads of the connection: %s", got)
	}
	if got := a.counted(""); got != "key 1 getConnection 2, key 1 listConnections 1" {
		t.Errorf("other calls: %s", got)
	}
	a.clockOffset.Add(int64(models.APICallWindow))
	a.want("in the next window", a.call(two, http.MethodGet, credentials, ""), http.StatusOK, "")
	if got := a.counted(conn.UUID); got != "key 2 getCredentials 1, key 1 getCredentials 2, key 2 getCredentials 1" {
		t.Errorf("by window: %s", got)
	}
	for _, name := range []string{"key 1", "key 2"} {
		if key, err := a.app.keys.FindByName(t.Context(), name); err != nil || key.LastUsed == nil || a.now().Sub(*key.LastUsed) > time.Hour {
			t.Errorf("%s: last used %v, %v", name, key.LastUsed, err)
		}
	}
}

func TestAPIGivesNoCredentialsThatItCannotCount(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	c, key := a.client(), a.key()
	a.integrate("crm", definitions[models.AuthAPIKey])
	conn, err := c.RegisterConnection(t.Context(), "crm", "42", client.Credentials{APIKey: canary}, nil)
	must(t, err)
	must(t, a.server.Meter.Flush(t.Context()))
	mend := storetest.FailInserts(t, a.store, "api_calls")
	read := func() page { return a.call(key, http.MethodGet, "/connections/crm/42/credentials", "") }
	a.want("before it is known", read(), http.StatusOK, "")
	if err := a.server.Meter.Flush(t.Context()); err == nil {
		t.Fatal("the counts were written")
	}
	for range 2 {
		got := read()
		a.want("while counts cannot be written", got, http.StatusInternalServerError, codeInternal)
		if strings.Contains(got.body, canary) || strings.Contains(got.body, "no space") {
			t.Errorf("%s", got.body)
		}
	}
	if !strings.Contains(a.log.String(), "no space left") {
		t.Error("the log does not tell the cause")
	}
	mend()
	must(t, a.server.Meter.Flush(t.Context()))
	a.want("when it is over", read(), http.StatusOK, "")
	if got := a.counted(conn.UUID); got != "key 2 getCredentials 2" {
		t.Errorf("counted: %s", got)
	}
}
