package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// slowly serves one refresh in a time of its own, and gives how long that took and what came.
func slowly(t *testing.T, vice string, patience time.Duration) (took time.Duration, got *httptest.ResponseRecorder, state GrantState) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{BrowserURL: "http://localhost:1", ServerURL: "http://127.0.0.1:1"})
		in := p.Integration("sandbox")
		tokens, err := p.Issue("sandbox")
		if err := errors.Join(err, p.Misbehave("sandbox", Rule{Vice: vice})); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/sandbox/token", strings.NewReader(refreshing(tokens.Refresh.Reveal()).Encode()))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.SetBasicAuth(in.OAuth.ID, in.OAuth.Secret.Reveal())
		got = httptest.NewRecorder()
		start := time.Now()
		func() {
			defer func() { _ = recover() }() // of a connection that is cut
			p.Handler().ServeHTTP(got, request)
		}()
		took = time.Since(start)
		state, _ = p.Grant(tokens.Grant)
	})
	return took, got, state
}

func TestSlowProvidersTakeTheirTime(t *testing.T) {
	for _, test := range []struct {
		vice           string
		patience, took time.Duration
		bytes          int // that came; -1 for a whole answer
		issued         int
	}{
		{"slow", time.Minute, 5 * time.Second, -1, 1},
		{"slow", 3 * time.Second, 3 * time.Second, 0, 0},
		{"slow-answer", time.Minute, 5 * time.Second, -1, 1},
		{"slow-answer", 3 * time.Second, 3 * time.Second, 0, 1},
		{"drip", 9500 * time.Millisecond, 9500 * time.Millisecond, 10, 1},
		{"silent", time.Hour, time.Hour, 0, 0},
	} {
		took, got, state := slowly(t, test.vice, test.patience)
		whole := json.Valid(got.Body.Bytes())
		if took != test.took || whole != (test.bytes < 0) || !whole && got.Body.Len() != test.bytes || state.Refreshes != test.issued {
			t.Errorf("%+v: took %v, came %d bytes, %+v", test, took, got.Body.Len(), state)
		}
	}
}
