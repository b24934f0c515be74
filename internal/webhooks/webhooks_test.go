package webhooks

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/patchbay/patchbay/client"
	"github.com/patchbay/patchbay/internal/jobs"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/models"
)

var actor = models.Actor{Name: "admin:ada@example.com", IP: "192.0.2.1", RequestID: "r"}

// scene is a service with a clock of its own, on a database of its own.
type scene struct {
	*Service
	t      *testing.T
	offset atomic.Int64 // of the clock
}

func newScene(t *testing.T) *scene { return sceneOf(t, storetest.Open(t), loopback, Timeout) }

// loopback is allowed where a test does not say otherwise.
var loopback = []string{"127.0.0.0/8"}

func sceneOf(t *testing.T, db *store.Store, allow []string, timeout time.Duration) *scene {
	t.Helper()
	s := &scene{t: t}
	log := slog.New(slog.DiscardHandler)
	background, err := jobs.New(db, log)
	must(t, err)
	s.Service, err = New(Config{
		Store: db, Jobs: background, AllowPrivate: allow, Timeout: timeout, Log: log,
		Now: func() time.Time { return time.Now().Add(time.Duration(s.offset.Load())) },
	})
	must(t, err)
	t.Cleanup(func() { must(t, background.Stop(context.Background())) })
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for what the background does.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

func (s *scene) start() { must(s.t, s.jobs.Start(s.t.Context())) }

func (s *scene) create(url string, change ...func(*models.WebhookRequest)) *models.WebhookEndpoint {
	s.t.Helper()
	request := models.WebhookRequest{URL: url}
	for _, apply := range change {
		apply(&request)
	}
	e, err := s.Create(s.t.Context(), actor, request)
	must(s.t, err)
	return e
}

func (s *scene) find(e *models.WebhookEndpoint) *models.WebhookEndpoint {
	s.t.Helper()
	found, err := s.Find(s.t.Context(), e.UUID)
	must(s.t, err)
	return found
}

// emit lets an event happen to the connection of a user.
func (s *scene) emit(eventType models.EventType, integration, userID string) {
	s.t.Helper()
	must(s.t, s.store.Write(s.t.Context(), func(tx *store.Tx) error {
		return tx.Emit(models.Event{Time: s.now(), Type: eventType, ConnectionUUID: "c", Integration: integration, UserID: userID, Detail: "config"})
	}))
}

// deliveries gives those of an endpoint, the newest first.
func (s *scene) deliveries(e *models.WebhookEndpoint) []models.WebhookDelivery {
	s.t.Helper()
	page, err := s.Deliveries(s.t.Context(), e, models.PageRequest{Limit: models.MaxPageSize})
	must(s.t, err)
	return page.Rows
}

// try does the job of the newest delivery of an endpoint, at the present of the scene's clock.
func (s *scene) tryNewest(e *models.WebhookEndpoint) (models.WebhookDelivery, time.Duration) {
	s.t.Helper()
	again, err := s.deliver(s.t.Context(), deliveryJob{s.deliveries(e)[0].ID})
	must(s.t, err)
	return s.deliveries(e)[0], again
}

// audit gives what was written about endpoints, the newest first.
func (s *scene) audit() (lines []string) {
	s.t.Helper()
	page, err := s.store.AuditEntries(s.t.Context(), models.AuditFilter{}, models.PageRequest{Limit: 100})
	must(s.t, err)
	for _, entry := range page.Rows {
		lines = append(lines, entry.Action+" "+entry.After)
	}
	return lines
}

// receiver is a backend that is told of events. It keeps what verifies.
type receiver struct {
	*httptest.Server
	answer atomic.Pointer[http.HandlerFunc]

	mu      sync.Mutex
	secret  models.Secret
	got     []client.WebhookEvent
	ids     []string // webhook-id, of every request
	invalid []error
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answers(answer http.HandlerFunc) { r.answer.Store(&answer) }

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return
	}
	r.mu.Lock()
	r.ids = append(r.ids, request.Header.Get(headerID))
	if r.secret != "" {
		event, err := client.VerifyWebhook(request.Header, body, r.secret.Reveal(), time.Now())
		if err != nil {
			r.invalid = append(r.invalid, err)
		} else {
			r.got = append(r.got, *event)
		}
	}
	r.mu.Unlock()
	if answer := r.answer.Load(); answer != nil {
		(*answer)(w, request)
	}
}

func (r *receiver) knows(e *models.WebhookEndpoint) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secret = e.Secret
}

func (r *receiver) requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string{}, r.ids...)
}

func (r *receiver) events() []client.WebhookEvent {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]client.WebhookEvent{}, r.got...)
}

func TestAnEventReachesWhoWantsItSigned(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	all, some := newReceiver(t), newReceiver(t)
	every := s.create(all.URL + "/hook?token=x")
	all.knows(every)
	few := s.create(some.URL, func(r *models.WebhookRequest) {
		r.Types, r.Integrations = []models.EventType{models.EventConnectionDeleted}, []string{"slack"}
	})
	some.knows(few)
	off := s.create(some.URL)
	no := false
	_, err := s.Update(t.Context(), actor, off.UUID, Change{Enabled: &no})
	must(t, err)
	s.start()
	s.emit(models.EventConnectionCreated, "slack", "42")
	s.emit(models.EventConnectionDeleted, "github", "42")
	s.emit(models.EventConnectionDeleted, "slack", "a/b <&>\u2028")
	eventually(t, "all are delivered", func() bool { return len(all.events()) == 3 && len(some.events()) == 1 })
	got := some.events()[0]
	if got.Type != client.EventConnectionDeleted || got.Data.UserID != "a/b <&>\u2028" || got.Data.Integration != "slack" || got.Data.Connection != "c" || got.Data.Detail != "config" || got.Time.IsZero() || got.ID == "" {
		t.Errorf("got %+v", got)
	}
	if len(s.deliveries(off)) != 0 {
		t.Error("a disabled endpoint was told")
	}
	eventually(t, "it is stored", func() bool { return s.deliveries(few)[0].Status == models.DeliveryDelivered })
	d := s.deliveries(few)[0]
	if d.Tries != 1 || d.HTTPStatus != 200 || d.NextTry != nil || d.MessageID != got.ID {
		t.Errorf("stored %+v", d)
	}
	for _, line := range s.audit() {
		if strings.Contains(line, "token=") || strings.Contains(line, "/hook") {
			t.Errorf("the audit holds the path or the query: %s", line)
		}
	}
}

func TestNoEventIsLostOrDoubledUnderConcurrentWriters(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	receivers := []*receiver{newReceiver(t), newReceiver(t)}
	for _, r := range receivers {
		r.knows(s.create(r.URL))
	}
	s.start()
	const writers, each = 8, 10
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range each {
				s.emit(models.EventConnectionUpdated, "slack", fmt.Sprintf("%d-%d", w, i))
			}
		})
	}
	group.Wait()
	for _, r := range receivers {
		eventually(t, "all are delivered", func() bool { return len(r.events()) >= writers*each })
		users := map[string]int{}
		for _, event := range r.events() {
			users[event.Data.UserID]++
		}
		if len(users) != writers*each || len(r.events()) != writers*each {
			t.Errorf("%d events of %d users, want %d", len(r.events()), len(users), writers*each)
		}
	}
}

func TestAHangingEndpointDelaysNobodyElse(t *testing.T) {
	t.Parallel()
	s := sceneOf(t, storetest.Open(t), loopback, time.Minute)
	hanging, healthy := newReceiver(t), newReceiver(t)
	release := make(chan struct{})
	var ended atomic.Bool // one of the requests that hang
	hanging.answers(func(_ http.ResponseWriter, request *http.Request) {
		select {
		case <-release:
		case <-request.Context().Done():
			ended.Store(true)
		}
	})
	t.Cleanup(func() { close(release) }) // before the server is closed, which waits
	const stuck = 4
	for range stuck {
		s.create(hanging.URL)
	}
	for range models.MaxWebhookEndpoints - stuck - 1 {
		s.create(hanging.URL, func(r *models.WebhookRequest) { r.Types = []models.EventType{models.EventConnectionDeleted} })
	}
	well := s.create(healthy.URL)
	healthy.knows(well)
	if _, err := s.Create(t.Context(), actor, models.WebhookRequest{URL: healthy.URL}); !models.HasCode(err, models.CodeWebhookLimit) {
		t.Errorf("one too many: %v", err)
	}
	s.start()
	for range 6 {
		s.emit(models.EventConnectionUpdated, "slack", "42")
	}
	eventually(t, "all hanging ones hang", func() bool { return len(hanging.requests()) >= stuck*perEndpoint })
	s.emit(models.EventConnectionUpdated, "slack", "43")
	eventually(t, "the healthy one gets its own", func() bool { return len(healthy.events()) == 7 })
	if ended.Load() {
		t.Error("the healthy one had to wait until a request to one that hangs was given up")
	}
	if n := len(hanging.requests()); n != stuck*perEndpoint {
		t.Errorf("%d requests to endpoints that hang, want at most %d each", n, perEndpoint)
	}
}

func TestWhatIsNotAnEndpointIsRefused(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for name, request := range map[string]models.WebhookRequest{
		"url":          {URL: "ftp://example.com"},
		"url ":         {URL: "https://user:password@example.com/"},
		"url  ":        {URL: "https://example.com/#x"},
		"url   ":       {URL: "https:///path"},
		"url    ":      {URL: "https://example.com/a b"},
		"url     ":     {URL: "https://example.com/" + strings.Repeat("x", models.MaxWebhookURLBytes)},
		"description":  {URL: "https://example.com", Description: "a\nb"},
		"types":        {URL: "https://example.com", Types: []models.EventType{"none"}},
		"integrations": {URL: "https://example.com", Integrations: []string{"A B"}},
	} {
		_, err := s.Create(t.Context(), actor, request)
		if e := models.AsError(err); e == nil || e.Code != models.CodeInvalidWebhook || len(e.Fields) != 1 || e.Fields[0].Field != strings.TrimSpace(name) {
			t.Errorf("%s: %+v", name, err)
		}
	}
	if list, err := s.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("created %v, %v", list, err)
	}
	for name, err := range map[string]error{
		"find":   func() error { _, err := s.Find(t.Context(), "none"); return err }(),
		"roll":   func() error { _, err := s.RollSecret(t.Context(), actor, "none"); return err }(),
		"delete": func() error { _, err := s.Delete(t.Context(), actor, "none"); return err }(),
		"test":   func() error { _, err := s.SendTest(t.Context(), "none"); return err }(),
	} {
		if !models.HasCode(err, models.CodeNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnAddressThatIsPrivateByItsLooksIsRefused(t *testing.T) {
	t.Parallel()
	s := sceneOf(t, storetest.Open(t), []string{"127.0.0.1:9000"}, Timeout)
	refused := func(what string, err error) {
		t.Helper()
		e := models.AsError(err)
		if e == nil || e.Code != models.CodeInvalidWebhook || len(e.Fields) != 1 || e.Fields[0].Field != "url" || !strings.Contains(e.Fields[0].Message, "PATCHBAY_ALLOW_PRIVATE") {
			t.Errorf("%s: %+v", what, err)
		}
	}
	allowed := s.create("http://127.0.0.1:9000/hook")
	for _, address := range []string{"http://127.0.0.1/", "http://localhost:9000", "https://10.0.0.7/hook", "http://[::1]:9000/", "http://169.254.169.254/latest"} {
		_, err := s.Create(t.Context(), actor, models.WebhookRequest{URL: address})
		refused(address, err)
		_, err = s.Update(t.Context(), actor, allowed.UUID, Change{URL: &address})
		refused("changed to "+address, err)
	}
	// One that is not allowed any more can still be described and disabled.
	strict := sceneOf(t, s.store, nil, Timeout)
	description, no := "Old", false
	if got, err := strict.Update(t.Context(), actor, allowed.UUID, Change{URL: &allowed.URL, Description: &description, Enabled: &no}); err != nil || got.Enabled || got.Description != "Old" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestARolledSecretOverlapsForADay(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	r := newReceiver(t)
	e := s.create(r.URL)
	var header http.Header
	var body []byte
	r.answers(func(_ http.ResponseWriter, request *http.Request) { header = request.Header.Clone() })
	verifies := func(secret models.Secret) bool {
		_, err := client.VerifyWebhook(header, body, secret.Reveal(), s.now())
		return err == nil
	}
	send := func() {
		t.Helper()
		_, err := s.SendTest(t.Context(), e.UUID)
		must(t, err)
		d, _ := s.tryNewest(e)
		body = []byte(d.Body)
	}
	rolled, err := s.RollSecret(t.Context(), actor, e.UUID)
	must(t, err)
	send()
	if rolled.Secret == e.Secret || !verifies(e.Secret) || !verifies(rolled.Secret) || len(strings.Fields(header.Get(headerSignature))) != 2 {
		t.Errorf("rolled: %s", header.Get(headerSignature))
	}
	s.offset.Add(int64(models.WebhookSecretOverlap))
	send()
	if verifies(e.Secret) || !verifies(rolled.Secret) {
		t.Error("the overlap does not end")
	}
	_, err = s.Update(t.Context(), actor, e.UUID, Change{})
	must(t, err)
	if s.find(e).PreviousSecret != "" {
		t.Error("a secret that has ended is kept")
	}
}

func TestDeletingAnEndpointEndsItsQueue(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	r := newReceiver(t)
	e, other := s.create(r.URL), s.create(r.URL)
	s.start()
	_, err := s.SendTest(t.Context(), e.UUID)
	must(t, err)
	eventually(t, "it is sent", func() bool { return len(r.requests()) == 1 })
	s.emit(models.EventConnectionUpdated, "slack", "42")
	_, err = s.Delete(t.Context(), actor, e.UUID)
	must(t, err)
	eventually(t, "the other one goes on", func() bool { return s.deliveries(other)[0].Status == models.DeliveryDelivered })
	if len(s.deliveries(e)) != 0 {
		t.Error("deliveries are left")
	}
	want := "webhook.deleted " + r.URL + " " + e.UUID
	if got := s.audit()[0]; got != want {
		t.Errorf("audit %q, want %q", got, want)
	}
}

func TestOldDeliveriesAreSweptAway(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	e := s.create("https://example.com")
	s.emit(models.EventConnectionUpdated, "slack", "42")
	sweep := func(at time.Time) {
		must(t, s.store.Write(t.Context(), func(tx *store.Tx) error { return tx.DeleteExpired(at) }))
	}
	sweep(s.now().Add(store.Kept - time.Minute))
	if len(s.deliveries(e)) != 1 {
		t.Error("it went too early")
	}
	sweep(s.now().Add(store.Kept + time.Minute))
	if len(s.deliveries(e)) != 0 {
		t.Error("it stayed")
	}
}

func TestSecretsAreSealed(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	e := s.create("https://example.com")
	pool := s.store.SQL()
	var sealed []byte
	must(t, pool.QueryRowContext(t.Context(), "SELECT sealed_secret FROM webhook_endpoints").Scan(&sealed))
	if len(sealed) == 0 || strings.Contains(string(sealed), e.Secret.Reveal()) {
		t.Error("the secret is in the database")
	}
	if got := s.find(e).Secret; got != e.Secret {
		t.Error("it does not open")
	}
}

func TestAnEndpointWithADamagedSecretCanBeDeleted(t *testing.T) {
	s := newScene(t)
	e := s.create("https://damaged.example.com/")
	storetest.Damage(t, s.store, "webhook_endpoints", "sealed_secret")
	if _, err := s.Find(t.Context(), e.UUID); err == nil {
		t.Fatal("it is not damaged")
	}
	deleted, err := s.Delete(t.Context(), actor, e.UUID)
	if err != nil || deleted.URL != e.URL {
		t.Errorf("%+v, %v", deleted, err)
	}
}

// An event may be stored while its endpoint is being disabled.
func TestNothingIsSentToADisabledEndpoint(t *testing.T) {
	s := newScene(t)
	r := newReceiver(t)
	e := s.create(r.URL)
	s.emit(models.EventConnectionUpdated, "slack", "42")
	must(t, s.store.Write(t.Context(), func(tx *store.Tx) error {
		stored, err := tx.WebhookEndpoint(t.Context(), e.UUID)
		if err != nil {
			return err
		}
		stored.Enabled = false
		return tx.SaveWebhookEndpoint(stored)
	}))
	if d, again := s.tryNewest(e); d.Status != models.DeliveryCancelled || d.Tries != 0 || again != 0 || len(r.requests()) != 0 {
		t.Errorf("%+v, again in %v", d, again)
	}
}
