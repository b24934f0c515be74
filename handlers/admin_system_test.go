package handlers

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// system gives what a server tells about itself, with something wrong.
func (a *app) system(ctx context.Context) (*models.SystemStatus, error) {
	database, err := a.store.Facts(ctx)
	if err != nil {
		return nil, err
	}
	now := a.now()
	return &models.SystemStatus{
		Version: "v1.2.3", Started: now, Database: *database, RootURL: a.url, Sandbox: true, TrustedProxies: []string{"10.0.0.0/8"},
		KeyRing: models.KeyRingStatus{
			Source: "data/patchbay.key", Sealing: "0badc0de",
			Keys:       []models.KeyStatus{{ID: "0badc0de", State: models.KeySealing, Held: true, InSource: true, FirstUsed: &now}},
			Resealings: []models.Resealing{{Place: "connections.sealed_credentials", Total: 2000, Resealed: 1500, BeganAt: now}},
			Damaged:    []models.DamagedValue{{Place: "connections.sealed_credentials", Row: "a-uuid", Reason: "damaged"}, {Place: "integrations.sealed_definition", Row: "<b>", Reason: "damaged"}},
			Replicas:   []models.Replica{{ID: "host-1a2b", Host: "host", Version: "v1.2.3", LastSeen: now, Keys: []string{"0badc0de"}}},
		},
		Work:     []models.Workload{{Name: "Refreshes due", Waiting: 1234}},
		Problems: []models.Problem{{What: "The disk is full.", Remedy: "Make room."}},
	}, nil
}

func TestTheSystemPageTellsViewersHowTheServerIsAndAdminsEverything(t *testing.T) {
	a := newApp(t)
	everybody := []string{"v1.2.3", "SQLite 3.", " KiB", "The disk is full.", "Make room.", "Refreshes due", "1,234"}
	owners := []string{a.database, "0badc0de", "1,500 of 2,000", "host-1a2b", "10.0.0.0/8", a.url, `href="/connections/a-uuid"`, "&lt;b&gt;", "data/patchbay.key"}
	if a.store.Postgres() {
		everybody[1], owners[0] = "PostgreSQL ", "postgres://"
		everybody[2] = " MiB"
	}
	for email, sees := range map[string]bool{adminEmail: true, viewerEmail: false} {
		got := a.signedIn(email).get("/system")
		if got.status != http.StatusOK || !strings.Contains(got.body, `aria-current="page"`) {
			t.Fatalf("%s: %d", email, got.status)
		}
		for _, text := range everybody {
			if !strings.Contains(got.body, text) {
				t.Errorf("%s does not see %q", email, text)
			}
		}
		for _, text := range owners {
			if strings.Contains(got.body, text) != sees {
				t.Errorf("%s sees %q: %v", email, text, !sees)
			}
		}
	}
}

func TestTheSystemPageTellsOfWebhooksThatDoNotArrive(t *testing.T) {
	a := newApp(t)
	admin := a.signedIn(adminEmail)
	if got := admin.get("/system").body; !strings.Contains(got, "0 endpoints") || strings.Contains(got, "webhook endpoint") {
		t.Error("it tells of endpoints that are not there")
	}
	gone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }))
	defer gone.Close()
	e, _ := a.createEndpoint(admin)
	admin.post(webhookPath(e)+"/edit", "url", gone.URL)
	must(t, a.background.Start(t.Context()))
	defer func() { must(t, a.background.Stop(context.Background())) }()
	admin.post(webhookPath(e) + "/test")
	want := []string{"1 webhook endpoint was disabled by the server", "1 disabled by the server", "1 endpoint", "1 in the last 24 hours"}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		got := admin.get("/system").body
		if !slices.ContainsFunc(want, func(text string) bool { return !strings.Contains(got, text) }) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the page does not say %q", want)
		}
	}
	for email, led := range map[string]bool{adminEmail: true, viewerEmail: false} {
		if got := a.signedIn(email).get("/system").body; strings.Contains(got, `<a href="/webhooks">1 endpoint</a>`) != led {
			t.Errorf("%s is led there: %v", email, !led)
		}
	}
}

func TestReadinessNamesTheKeyThatDoesNotFit(t *testing.T) {
	a := newApp(t)
	config := a.server.Config
	config.Ready = func(context.Context) error { return fmt.Errorf("write: %w", store.ErrWrongKey) }
	recorder := httptest.NewRecorder()
	New(config).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	if recorder.Code != http.StatusServiceUnavailable || recorder.Body.String() != "the encryption key does not open the database\n" {
		t.Errorf("%d %q", recorder.Code, recorder.Body)
	}
}

func TestSizesHaveUnits(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 1536: "1.5 KiB", 5 << 20: "5.0 MiB", 3 << 40: "3.0 TiB", 5 << 50: "5120.0 TiB"} {
		if got := byteSize(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
