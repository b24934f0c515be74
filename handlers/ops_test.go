package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/patchbay/patchbay/models"
)

func TestReadinessIsFoundOutOnceASecond(t *testing.T) {
	a := newApp(t)
	asked, failing := 0, false
	config := a.server.Config
	config.Ready = func(context.Context) error {
		asked++
		if failing {
			return errors.New("no space left on device")
		}
		return nil
	}
	now := time.Now()
	config.Now = func() time.Time { return now }
	handler := New(config)
	status := func() int {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		if strings.Contains(recorder.Body.String(), "no space") {
			t.Error("the answer holds internals")
		}
		return recorder.Code
	}
	for range 5 {
		if got := status(); got != http.StatusOK {
			t.Errorf("ready: %d", got)
		}
	}
	failing, now = true, now.Add(2*readyFor)
	if got := status(); got != http.StatusServiceUnavailable || asked != 2 {
		t.Errorf("not ready: %d after %d questions", got, asked)
	}
}

func TestReadinessSaysInPlainWordsWhatIsWrong(t *testing.T) {
	a := newApp(t)
	for want, err := range map[string]error{
		"the database file is damaged\n":                  &models.Error{Kind: models.KindUnavailable, Code: models.CodeNotReady, Message: "the database file is damaged", Cause: errors.New("internals")},
		"the encryption key does not open the database\n": fmt.Errorf("internals: %w", &models.Error{Code: models.CodeWrongKey, Message: "internals"}),
		"the database does not take writes\n":             errors.New("internals"),
	} {
		config := a.server.Config
		config.Ready = func(context.Context) error { return err }
		recorder := httptest.NewRecorder()
		New(config).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		if got := recorder.Body.String(); recorder.Code != http.StatusServiceUnavailable || got != want {
			t.Errorf("%d %q, want %q", recorder.Code, got, want)
		}
	}
}
