package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/patchbay/patchbay/client"
)

// script answers one request after the other.
type script []http.HandlerFunc

// run gives a handler, and what it was asked: body and Idempotency-Key of each request. One too many is an error.
func (s script) run(t *testing.T) (handler http.HandlerFunc, asked func() []string) {
	var mu sync.Mutex
	var requests []string
	handler = func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		number := len(requests)
		requests = append(requests, string(body)+r.Header.Get("Idempotency-Key"))
		mu.Unlock()
		if number == len(s) {
			t.Errorf("request %d was not expected", number+1)
			return
		}
		s[number](w, r)
	}
	return handler, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return requests
	}
}

func fine(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, connectionJSON) }

// cut closes the connection without an answer.
func cut(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// half closes the connection in the middle of an answer.
func half(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "1000")
	fine(w, r)
	panic(http.ErrAbortHandler)
}

// hang answers nothing until the client is gone.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func refuse(status int, code string) http.HandlerFunc { return answerWith(status, refusal(code)) }

func later(status int, retryAfter string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", retryAfter)
		writeJSON(w, status, refusal("later"))
	}
}

func get(ctx context.Context, c *client.Client) error {
	_, err := c.GetConnection(ctx, "slack", "1")
	return err
}

func put(ctx context.Context, c *client.Client) error {
	_, err := c.UpdateConnectionConfig(ctx, "slack", "1", json.RawMessage(`{ }`))
	return err
}

func patch(ctx context.Context, c *client.Client) error {
	_, err := c.PatchConnectionConfig(ctx, "slack", "1", json.RawMessage(`{ }`))
	return err
}

func conditional(ctx context.Context, c *client.Client) error {
	_, err := c.UpdateConnectionConfig(ctx, "slack", "1", json.RawMessage(`{ }`), client.IfMatch(`"1.1"`))
	return err
}

func remove(ctx context.Context, c *client.Client) error {
	_, err := c.DeleteConnection(ctx, "slack", "1")
	return err
}

func post(ctx context.Context, c *client.Client) error {
	_, err := c.RegisterConnection(ctx, "slack", "1", client.Credentials{APIKey: "k"}, nil)
	return err
}

func TestRetries(t *testing.T) {
	tests := []struct {
		name   string
		call   func(context.Context, *client.Client) error
		script script
		want   int // the status of the error; 0 for none, -1 for one without answer
	}{
		{"GET after 429", get, script{refuse(429, client.CodeTooManyRequests), fine}, 0},
		{"GET after 502", get, script{refuse(502, client.CodeRefreshFailed), fine}, 0},
		{"GET after 503", get, script{refuse(503, "busy"), fine}, 0},
		{"GET after 504", get, script{refuse(504, client.CodeRefreshTimeout), fine}, 0},
		{"GET after the page of a proxy", get, script{answerWith(502, "<html>"), fine}, 0},
		{"GET after a lost connection", get, script{cut, fine}, 0},
		{"GET after half an answer", get, script{half, fine}, 0},
		{"GET after two failures", get, script{cut, refuse(503, "busy"), fine}, 0},
		{"GET after three failures", get, script{refuse(429, "busy"), cut, refuse(503, "busy")}, 503},
		{"GET after three lost connections", get, script{cut, cut, cut}, -1},
		{"PUT after a lost connection", put, script{cut, fine}, 0},
		{"PUT after 504", put, script{refuse(504, ""), fine}, 0},
		{"PATCH after a lost connection", patch, script{half, fine}, 0},
		{"DELETE after a lost connection", remove, script{cut}, -1},
		{"DELETE after 503", remove, script{refuse(503, "busy"), fine}, 0},
		{"GET after 500", get, script{refuse(500, "internal"), fine}, 0},
		{"POST after a lost connection", post, script{cut, fine}, 0},
		{"POST after 502", post, script{refuse(502, ""), fine}, 0},
		{"POST whose first try is still at work", post, script{cut, refuse(409, client.CodeIdempotencyInProgress), fine}, 0},
		{"with If-Match after 429", conditional, script{refuse(429, "busy"), fine}, 0},
		{"with If-Match after 503", conditional, script{refuse(503, "busy"), fine}, 0},
		{"with If-Match after a lost connection", conditional, script{cut}, -1},
		{"with If-Match after 502", conditional, script{refuse(502, "")}, 502},
		{"with If-Match after 504", conditional, script{refuse(504, "")}, 504},
		{"GET after 400", get, script{refuse(400, client.CodeInvalidCursor)}, 400},
		{"GET after 401", get, script{refuse(401, client.CodeUnauthenticated)}, 401},
		{"GET after 404", get, script{refuse(404, client.CodeUnknownConnection)}, 404},
		{"PUT after 409", put, script{refuse(409, client.CodeStaleVersion)}, 409},
		{"POST after 409", post, script{refuse(409, client.CodeConnectionExists)}, 409},
		{"GET after 424", get, script{refuse(424, client.CodeNeedsReconnect)}, 424},
		{"GET after an answer that is no JSON", get, script{answerWith(200, "<html>")}, -1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				handler, asked := test.script.run(t)
				c := newTimelessClient(t, handler)
				began := time.Now()
				err := test.call(t.Context(), c)
				wantKeyUntold(t, err)
				if got := statusOf(err); got != test.want {
					t.Errorf("got %v, want status %d", err, test.want)
				}
				sent := asked()
				if len(sent) != len(test.script) {
					t.Fatalf("%d tries, want %d", len(sent), len(test.script))
				}
				for _, again := range sent {
					if again != sent[0] {
						t.Errorf("sent %q and then %q", sent[0], again)
					}
				}
				bounds := [][2]time.Duration{{0, 0}, {250, 500}, {750, 1500}}[len(sent)-1]
				wantWait(t, time.Since(began), bounds[0]*time.Millisecond, bounds[1]*time.Millisecond)
			})
		})
	}
}

func statusOf(err error) int {
	e, answered := errors.AsType[*client.Error](err)
	switch {
	case err == nil:
		return 0
	case !answered:
		return -1
	}
	return e.Status
}

func wantWait(t *testing.T, got, least, most time.Duration) {
	t.Helper()
	if got < least || got > most {
		t.Errorf("waited %s, want %s to %s", got, least, most)
	}
}

func TestEachPOSTHasAKeyOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler, asked := script{fine, fine}.run(t)
		c := newTimelessClient(t, handler)
		if err := errors.Join(post(t.Context(), c), post(t.Context(), c)); err != nil {
			t.Fatal(err)
		}
		if sent := asked(); sent[0] == sent[1] {
			t.Errorf("sent %q twice", sent[0])
		}
	})
}

func TestRetryAfter(t *testing.T) {
	const second, jitter = time.Second, 250 * time.Millisecond
	inTen := func(w http.ResponseWriter, r *http.Request) {
		later(503, time.Now().Add(10*second).UTC().Format(http.TimeFormat))(w, r)
	}
	past := func(w http.ResponseWriter, r *http.Request) {
		later(503, time.Now().Add(-10*second).UTC().Format(http.TimeFormat))(w, r)
	}
	tests := []struct {
		name        string
		script      script
		least, most time.Duration
		retryAfter  time.Duration // of the error there is, if any
	}{
		{"seconds", script{later(429, "7"), fine}, 7 * second, 7*second + jitter, 0},
		{"0", script{later(429, "0"), fine}, jitter, 2 * jitter, 0},
		{"date", script{inTen, fine}, 10 * second, 10*second + jitter, 0},
		{"date in the past", script{past, fine}, jitter, 2 * jitter, 0},
		{"negative", script{later(429, "-5"), fine}, jitter, 2 * jitter, 0},
		{"nonsense", script{later(429, "soon"), fine}, jitter, 2 * jitter, 0},
		{"as long as is waited", script{later(429, "30"), fine}, 30 * second, 30*second + jitter, 0},
		{"longer", script{later(429, "31")}, 0, 0, 31 * second},
		{"beyond all numbers", script{later(503, "99999999999999999999")}, 0, 0, (1<<32 - 1) * second},
		{"with the last try", script{later(429, "1"), later(429, "1"), later(429, "9")}, 2 * second, 2*second + 3*jitter, 9 * second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				handler, asked := test.script.run(t)
				c := newTimelessClient(t, handler)
				began := time.Now()
				err := get(t.Context(), c)
				wantWait(t, time.Since(began), test.least, test.most)
				if len(asked()) != len(test.script) {
					t.Errorf("%d tries, want %d", len(asked()), len(test.script))
				}
				e, failed := errors.AsType[*client.Error](err)
				if failed != (test.retryAfter != 0) || failed && e.RetryAfter != test.retryAfter {
					t.Errorf("got %v, want one with Retry-After %s", err, test.retryAfter)
				}
			})
		})
	}
}

func TestCancelDuringWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler, _ := script{later(503, "20")}.run(t)
		c := newTimelessClient(t, handler)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Second, cancel)
		began := time.Now()
		err := get(ctx, c)
		if !errors.Is(err, context.Canceled) || statusOf(err) != 503 {
			t.Errorf("got %v, want both what the server said and that the context ended", err)
		}
		wantWait(t, time.Since(began), 5*time.Second, 5*time.Second)
	})
}

func TestDeadlineBeforeNextTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler, _ := script{later(503, "20")}.run(t)
		c := newTimelessClient(t, handler)
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		began := time.Now()
		if err := get(ctx, c); statusOf(err) != 503 || ctx.Err() != nil {
			t.Errorf("got %v, want what the server said, at once", err)
		}
		wantWait(t, time.Since(began), 0, 0)
	})
}

func TestContextEndsDuringTry(t *testing.T) {
	canceled := func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(15*time.Second, cancel)
		return ctx, cancel
	}
	timedOut := func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, 15*time.Second)
	}
	tests := []struct {
		name string
		end  func(context.Context) (context.Context, context.CancelFunc)
		want error
	}{{"canceled", canceled, context.Canceled}, {"timed out", timedOut, context.DeadlineExceeded}}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				handler, asked := script{hang}.run(t)
				c := newTimelessClient(t, handler)
				ctx, cancel := test.end(t.Context())
				defer cancel()
				err := get(ctx, c)
				if text := "patchbay: GET http://patchbay.test/api/v1/connections: " + test.want.Error(); !errors.Is(err, test.want) || err.Error() != text {
					t.Errorf("got %v, want %s", err, text)
				}
				if len(asked()) != 1 {
					t.Errorf("%d tries", len(asked()))
				}
			})
		})
	}
}

// TestUnreachable checks that the error says what could not be reached, and tells nothing that was meant for the server.
func TestUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			tries++
			return nil, errors.New("connection refused")
		}}
		c := dial(t, "http://patchbay.test", client.WithHTTPClient(&http.Client{Transport: transport}))
		_, err := c.GetConnectSession(t.Context(), "token-of-a-link")
		if got, want := err.Error(), "patchbay: GET http://patchbay.test/api/v1/connect-sessions: connection refused"; got != want || tries != 3 {
			t.Errorf("got %q after %d tries, want %q after 3", got, tries, want)
		}
		wantKeyUntold(t, err)
	})
}

func TestSilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler, asked := script{hang, hang, fine}.run(t)
		network := newTimelessNetwork(t, handler)
		c := dial(t, "http://patchbay.test", client.WithHTTPClient(&http.Client{Transport: network, Timeout: 10 * time.Second}))
		if err := get(t.Context(), c); err != nil || len(asked()) != 3 {
			t.Errorf("got %v after %d tries, want an answer to the third", err, len(asked()))
		}
	})
}
