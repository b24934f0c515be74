package client_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/patchbay/patchbay/client"
)

const apiKey = "pb_not-to-be-told"

// newClient makes a client of a server on the loopback interface.
func newClient(t *testing.T, handler http.HandlerFunc) *client.Client {
	t.Helper()
	return dial(t, serve(t, handler))
}

func serve(t *testing.T, handler http.HandlerFunc) (address string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func dial(t *testing.T, address string, options ...client.Option) *client.Client {
	t.Helper()
	c, err := client.New(address, apiKey, options...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newTimelessClient makes a client of a server in memory, for use inside a synctest bubble: nothing there waits for the
// world outside, so that waits pass at once and are measured by the bubble's clock.
func newTimelessClient(t *testing.T, handler http.HandlerFunc) *client.Client {
	t.Helper()
	return dial(t, "http://patchbay.test", client.WithHTTPClient(&http.Client{Transport: newTimelessNetwork(t, handler)}))
}

func newTimelessNetwork(t *testing.T, handler http.HandlerFunc) http.RoundTripper {
	t.Helper()
	network := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &httptest.Server{Listener: network, Config: &http.Server{Handler: handler}}
	server.Start()
	t.Cleanup(server.Close)
	// Without kept connections, the transport has no reason to repeat anything by itself.
	return &http.Transport{DialContext: network.dial, DisableKeepAlives: true}
}

// pipes is a network in memory.
type pipes struct {
	conns     chan net.Conn
	closed    chan struct{}
	closeOnce sync.Once
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.closeOnce.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.IPAddr{} }

// answerWith answers every request with the same JSON.
func answerWith(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, status, body) }
}

func writeJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, body)
}

// refusal is the body of an error.
func refusal(code string) string {
	return `{"error":{"code":"` + code + `","message":"No.","requestId":"r1"}}`
}

// wantKeyUntold fails where an error tells the API key.
func wantKeyUntold(t *testing.T, err error) {
	t.Helper()
	if err != nil && strings.Contains(err.Error(), apiKey) {
		t.Errorf("the error tells the API key: %v", err)
	}
}
