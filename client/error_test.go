package client_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay/patchbay/client"
)

func TestErrors(t *testing.T) {
	tests := []struct {
		name        string
		status      int
		contentType string
		retryAfter  string
		body        string
		want        client.Error
		text        string
	}{
		{
			"of the API", 422, "application/json", "",
			`{"error":{"code":"invalid_config","message":"The configuration is not valid.","fields":[{"field":"additionalConfig","message":"expected '}'","line":3,"column":5}],"requestId":"r1"}}`,
			client.Error{
				Status: 422, Code: client.CodeInvalidConfig, Message: "The configuration is not valid.", RequestID: "r1",
				Fields: []client.FieldError{{Field: "additionalConfig", Message: "expected '}'", Line: 3, Column: 5}},
			},
			"patchbay: The configuration is not valid. additionalConfig: expected '}' (invalid_config, request r1)",
		},
		{
			"whose message tells the field already", 422, "application/json", "",
			`{"error":{"code":"invalid_user_id","message":"Enter a user id.","fields":[{"field":"userId","message":"Enter a user id."}],"requestId":"r1"}}`,
			client.Error{
				Status: 422, Code: client.CodeInvalidUserID, Message: "Enter a user id.", RequestID: "r1",
				Fields: []client.FieldError{{Field: "userId", Message: "Enter a user id."}},
			},
			"patchbay: Enter a user id. (invalid_user_id, request r1)",
		},
		{
			"with a code of a later version", 409, "application/json", "17", `{"error":{"code":"too_new","message":"No."}}`,
			client.Error{Status: 409, Code: "too_new", Message: "No.", RequestID: "from-header", RetryAfter: 17 * time.Second},
			"patchbay: No. (too_new, request from-header)",
		},
		{
			"page of a proxy", 403, "text/html; charset=utf-8", "", "<html><h1>Denied to " + apiKey + "</h1></html>",
			client.Error{Status: 403, Message: `Expected an answer of Patchbay, found 403 Forbidden with content type "text/html; charset=utf-8".`, RequestID: "from-header"},
			`patchbay: Expected an answer of Patchbay, found 403 Forbidden with content type "text/html; charset=utf-8". (status 403, request from-header)`,
		},
		{
			"JSON of a proxy", 404, "application/json", "", `{"error":"no route"}`,
			client.Error{Status: 404, Message: `Expected an answer of Patchbay, found 404 Not Found with content type "application/json".`, RequestID: "from-header"},
			`patchbay: Expected an answer of Patchbay, found 404 Not Found with content type "application/json". (status 404, request from-header)`,
		},
		{
			"that is empty, with a status nobody knows", 499, "", "Sat, 01 Jan 2000 00:00:00 GMT", "",
			client.Error{Status: 499, Message: `Expected an answer of Patchbay, found 499 with content type "".`, RequestID: "from-header"},
			`patchbay: Expected an answer of Patchbay, found 499 with content type "". (status 499, request from-header)`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = []string{test.contentType}
				w.Header().Set("X-Request-Id", "from-header")
				w.Header().Set("Location", "https://elsewhere.test/") // which is none outside of redirects
				if test.retryAfter != "" {
					w.Header().Set("Retry-After", test.retryAfter)
				}
				w.WriteHeader(test.status)
				fmt.Fprint(w, test.body)
			})
			_, err := c.GetConnection(t.Context(), "slack", "1")
			got, ok := errors.AsType[*client.Error](err)
			if !ok {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(test.want, *got); diff != "" {
				t.Errorf("unexpected error (-want +got):\n%s", diff)
			}
			if err.Error() != test.text {
				t.Errorf("got  %s\nwant %s", err, test.text)
			}
			wantKeyUntold(t, err)
		})
	}
}

// TestNotPatchbay checks answers that are no errors by their status, and yet none of the API.
func TestNotPatchbay(t *testing.T) {
	for name, body := range map[string]string{"page": "<html>Sign in to the Wi-Fi</html>", "half": `{"uuid":"u-1","integr`, "nothing": ""} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				fmt.Fprint(w, body)
			})
			connection, err := c.GetConnection(t.Context(), "slack", "1")
			config, _, configErr := c.GetConnectionConfig(t.Context(), "slack", "1")
			if connection != nil || config != nil {
				t.Errorf("got %v and %s", connection, config)
			}
			for _, err := range []error{err, configErr} {
				if err == nil || !strings.Contains(err.Error(), `expected JSON of Patchbay, found content type "text/html"`) {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}

func TestEndlessAnswerIsCutOff(t *testing.T) {
	for _, status := range []int{http.StatusOK, http.StatusForbidden} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			chunk := bytes.Repeat([]byte("a"), 1<<20)
			c := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				for {
					if _, err := w.Write(chunk); err != nil {
						return
					}
				}
			})
			_, err := c.GetConnection(t.Context(), "slack", "1")
			if e, ok := errors.AsType[*client.Error](err); !ok || e.Status != status || e.Message != "The answer is longer than 64 MiB." {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestRedirectsAreNotFollowed checks that key and body go to the server that was named and to no other, whatever the
// redirect and the client that was given.
func TestRedirectsAreNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			var strayed, asked atomic.Int32
			other := serve(t, func(http.ResponseWriter, *http.Request) { strayed.Add(1) })
			root := serve(t, func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				target := "/elsewhere"
				if r.Method == http.MethodPost {
					target = other + "/steal?x=secret"
				}
				http.Redirect(w, r, target, status)
			})
			following := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
			c := dial(t, root, client.WithHTTPClient(following))

			_, err := c.RefreshConnection(t.Context(), "slack", "1")
			e, ok := errors.AsType[*client.Error](err)
			if !ok || e.Status != status || !strings.Contains(e.Message, "a redirect to "+other+".") || strings.Contains(e.Message, "secret") {
				t.Errorf("to another host: got %v", err)
			}
			_, err = c.GetConnection(t.Context(), "slack", "1")
			if e, ok := errors.AsType[*client.Error](err); !ok || e.Status != status {
				t.Errorf("to the same host: got %v", err)
			}
			wantKeyUntold(t, err)
			if strayed.Load() != 0 || asked.Load() != 2 {
				t.Errorf("%d requests reached the other host, %d the server", strayed.Load(), asked.Load())
			}
			if following.CheckRedirect(nil, nil) != nil {
				t.Error("the client that was given was changed")
			}
		})
	}
}
