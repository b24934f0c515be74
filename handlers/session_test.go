package handlers

import (
	"net/http"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/internal/store/storetest"
)

func TestASessionThatCannotBeStoredIsAnsweredByTheErrorPageAlone(t *testing.T) {
	a := newApp(t)
	mend := storetest.FailInserts(t, a.store, "sessions")
	b := a.browser()
	got := b.post("/connections/00000000-0000-4000-8000-000000000000/config", "version", "1", "config", "{}")
	if got.status != http.StatusInternalServerError || got.location != "" || strings.Count(got.body, "<h1") != 1 || !strings.Contains(got.body, got.header.Get("X-Request-Id")) ||
		strings.Contains(got.body, "no space left") || len(got.header.Values("Set-Cookie")) > 0 {
		t.Errorf("%d to %q with %v:\n%s", got.status, got.location, got.header, got.body)
	}
	if log := a.log.String(); !strings.Contains(log, "store the session: ") || !strings.Contains(log, got.header.Get("X-Request-Id")) {
		t.Error("the log does not tell the cause")
	}
	mend()
	if got := b.post("/connections/00000000-0000-4000-8000-000000000000/config", "version", "1", "config", "{}"); got.status != http.StatusSeeOther || !strings.HasPrefix(got.location, "/login?") {
		t.Errorf("when it is over: %d to %q", got.status, got.location)
	}
}
