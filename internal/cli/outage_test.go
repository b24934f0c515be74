package cli

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/patchbay/patchbay/internal/testkit"
)

// safeBuffer is a log that is read while it is written.
type safeBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// get gives an answer with its body, asked for with a session and an API key.
func get(t *testing.T, address string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+environmentKey)
	request.Header.Set("Cookie", "patchbay_session=of-somebody")
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

const environmentKey = "canary-canary-canary-canary-canary"

func TestAServerWhoseDatabaseIsAwaySaysSoAndGoesOn(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("PATCHBAY_API_KEY", environmentKey)
	database := testkit.OwnPostgres(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	started, done := make(chan string, 1), make(chan int, 1)
	var log safeBuffer
	go func() {
		done <- Run(ctx, []string{"--addr", "127.0.0.1:0", "--db", database.Address("postgres"), "--log-level", "info"}, Streams{strings.NewReader(""), firstLine(started), &log})
		close(started)
	}()
	line, running := <-started
	if !running {
		t.Fatal(log.String())
	}
	root := strings.TrimPrefix(line, "Patchbay is running at ")
	eventually(t, func() bool { _, body := get(t, root+"/readyz"); return body == "ready\n" })
	database.Stop(t, syscall.SIGINT)
	before, told := len(log.String()), 0
	eventually(t, func() bool { _, body := get(t, root+"/readyz"); return body == "the database does not answer\n" })
	for _, path := range []string{"/", "/connections", "/login", "/connect/some-token", "/api/v1/connections"} {
		response, body := get(t, root+path)
		if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" || response.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: %d, %v", path, response.StatusCode, response.Header)
		}
		wanted := []string{"<h1>Not available at the moment</h1>", "The database does not answer", response.Header.Get("X-Request-Id")}
		if strings.HasPrefix(path, "/api/") {
			wanted = []string{`"code":"unavailable"`, "The database does not answer", response.Header.Get("X-Request-Id")}
		}
		wants(t, body, wanted...)
	}
	eventually(t, func() bool { // it lasts for some rounds of every loop
		get(t, root+"/readyz")
		return strings.Count(log.String()[before:], `"cause":`) >= 3
	})
	database.Start(t)
	eventually(t, func() bool { _, body := get(t, root+"/readyz"); return body == "ready\n" })
	eventually(t, func() bool { return strings.Contains(log.String()[before:], "over: the database cannot be used") })
	for line := range strings.Lines(log.String()[before:]) {
		if strings.Contains(line, `"level":"ERROR"`) && !strings.Contains(line, `"msg":"request failed"`) {
			told++
		}
	}
	if told == 0 || told > 6 { // a loop whose connection is cut at work may tell of that, too
		t.Errorf("the log tells of it %d times: %s", told, log.String()[before:])
	}
	stop()
	if code := <-done; code != exitOK {
		t.Errorf("exit %d", code)
	}
}
