package webhooks

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/models"
)

func answerWith(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func TestAFailedDeliveryIsTriedForADay(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	r := newReceiver(t)
	r.answers(answerWith(500, "no <b>\x00luck</b>"))
	e := s.create(r.URL)
	s.emit(models.EventConnectionUpdated, "slack", "42")
	var total time.Duration
	var d models.WebhookDelivery
	for tries := 1; ; tries++ {
		var wait time.Duration
		d, wait = s.tryNewest(e)
		if d.Tries != tries || d.HTTPStatus != 500 || d.Excerpt != "no <b> luck</b>" || !strings.Contains(d.Error, "status 500") {
			t.Fatalf("try %d: %+v", tries, d)
		}
		if d.Status != models.DeliveryPending {
			break
		}
		if plain := waits[tries-1]; wait < plain*9/10 || wait > plain*11/10 {
			t.Errorf("after try %d: %v, want about %v", tries, wait, plain)
		}
		if _, again := s.tryNewest(e); again <= 0 || again > wait { // before its time
			t.Errorf("too early: again in %v", again)
		}
		total += wait
		s.offset.Add(int64(wait))
	}
	if d.Status != models.DeliveryFailed || d.NextTry != nil || d.Tries != len(waits)+1 || total < 20*time.Hour || total > 27*time.Hour {
		t.Errorf("given up after %v: %+v", total, d)
	}
	if n := len(r.requests()); n != len(waits)+1 {
		t.Errorf("%d requests", n)
	}
	for _, id := range r.requests() {
		if id != d.MessageID {
			t.Errorf("another message id: %s", id)
		}
	}
	if _, again := s.tryNewest(e); again != 0 || len(r.requests()) != len(waits)+1 {
		t.Error("it goes on after it was given up")
	}
}

func TestWhatAnAnswerMeans(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		status models.DeliveryStatus
		says   string
	}{
		"200": {answerWith(200, "ok"), models.DeliveryDelivered, ""},
		"204": {answerWith(204, ""), models.DeliveryDelivered, ""},
		"302": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, models.DeliveryPending, "Redirects are not followed"},
		"308": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusPermanentRedirect)
		}, models.DeliveryPending, "Redirects are not followed"},
		"400":     {answerWith(400, "no"), models.DeliveryPending, "status 400"},
		"410":     {answerWith(410, ""), models.DeliveryFailed, "is gone"},
		"503":     {answerWith(503, ""), models.DeliveryPending, "status 503"},
		"no HTTP": {func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, models.DeliveryPending, "could not be reached, or broke off"},
		"100 MiB": {func(w http.ResponseWriter, _ *http.Request) { endless(w) }, models.DeliveryDelivered, ""},
		"no end": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, models.DeliveryDelivered, ""},
		"no begin": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, models.DeliveryPending, "did not answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sceneOf(t, storetest.Open(t), loopback, 300*time.Millisecond)
			r := newReceiver(t)
			r.answers(test.answer)
			e := s.create(r.URL)
			_, err := s.SendTest(t.Context(), e.UUID)
			must(t, err)
			d, _ := s.tryNewest(e)
			if d.Status != test.status || !strings.Contains(d.Error, test.says) || (test.says == "") != (d.Error == "") || len(d.Excerpt) > 3*excerptRunes {
				t.Errorf("%+v", d)
			}
			if n := len(r.requests()); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func endless(w http.ResponseWriter) {
	chunk := make([]byte, 1<<20)
	for range 100 {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// What an address leads to is checked when it is dialled, whatever its looks were.
func TestPrivateAddressesAreRefused(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	port := r.URL[strings.LastIndex(r.URL, ":"):]
	db := storetest.Open(t)
	s, lenient := sceneOf(t, db, []string{"10.1.2.3:80"}, Timeout), sceneOf(t, db, []string{"127.0.0.0/8", "0.0.0.0/8"}, Timeout)
	for _, host := range []string{"127.0.0.1", "localhost", "0.0.0.0", "[::ffff:7f00:1]", "127.1"} {
		e := lenient.create("http://" + host + port) // when it was allowed
		_, err := s.SendTest(t.Context(), e.UUID)
		must(t, err)
		d, _ := s.tryNewest(e)
		if d.Status != models.DeliveryPending || host != "127.1" && !strings.Contains(d.Error, "PATCHBAY_ALLOW_PRIVATE") {
			t.Errorf("%s: %+v", host, d)
		}
	}
	if n := len(r.requests()); n != 0 {
		t.Errorf("%d requests reached it", n)
	}
	redirecting := newReceiver(t)
	redirecting.answers(func(w http.ResponseWriter, request *http.Request) {
		http.Redirect(w, request, r.URL, http.StatusTemporaryRedirect)
	})
	s = sceneOf(t, storetest.Open(t), []string{strings.TrimPrefix(redirecting.URL, "http://")}, Timeout)
	e := s.create(redirecting.URL)
	_, err := s.SendTest(t.Context(), e.UUID)
	must(t, err)
	if d, _ := s.tryNewest(e); d.Status != models.DeliveryPending || len(r.requests()) != 0 {
		t.Errorf("by redirect: %+v", d)
	}
}

func TestAnEndpointThatIsGoneIsDisabled(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	r := newReceiver(t)
	r.answers(answerWith(410, ""))
	e := s.create(r.URL)
	s.emit(models.EventConnectionUpdated, "slack", "41")
	s.emit(models.EventConnectionUpdated, "slack", "42")
	s.tryNewest(e)
	got := s.find(e)
	if got.Enabled || !strings.Contains(got.DisabledReason, "410") {
		t.Errorf("%+v", got)
	}
	for i, status := range []models.DeliveryStatus{models.DeliveryFailed, models.DeliveryCancelled} {
		if d := s.deliveries(e)[i]; d.Status != status || d.NextTry != nil {
			t.Errorf("it still waits: %+v", d)
		}
	}
	if line := s.audit()[0]; line != "webhook.disabled "+r.URL+" "+e.UUID+": "+got.DisabledReason {
		t.Errorf("audit: %s", line)
	}
	if _, err := s.SendTest(t.Context(), e.UUID); !models.HasCode(err, models.CodeWebhookDisabled) {
		t.Errorf("a test for it: %v", err)
	}
	if _, err := s.Redeliver(t.Context(), e.UUID, s.deliveries(e)[0].UUID); !models.HasCode(err, models.CodeWebhookDisabled) {
		t.Errorf("sent again: %v", err)
	}
	yes := true
	if got, err := s.Update(t.Context(), actor, e.UUID, Change{Enabled: &yes}); err != nil || !got.Enabled || got.DisabledReason != "" {
		t.Errorf("enabled: %+v, %v", got, err)
	}
}

func TestAnEndpointThatFailsForDaysIsDisabled(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	r := newReceiver(t)
	e := s.create(r.URL)
	send := func(status int) {
		t.Helper()
		r.answers(answerWith(status, ""))
		_, err := s.SendTest(t.Context(), e.UUID)
		must(t, err)
		s.tryNewest(e)
	}
	send(500)
	s.offset.Add(int64(failsTooLong - time.Hour))
	send(500)
	if got := s.find(e); !got.Enabled || got.FailingSince == nil {
		t.Fatalf("too early: %+v", got)
	}
	send(200)
	if got := s.find(e); got.FailingSince != nil {
		t.Fatalf("a success does not count: %+v", got)
	}
	send(500)
	s.offset.Add(int64(failsTooLong))
	send(500)
	if got := s.find(e); !got.Enabled || s.now().Sub(*got.FailingSince) > time.Minute {
		t.Fatalf("nothing was sent for days between: %+v", got)
	}
	moved := r.URL + "/moved"
	if got, err := s.Update(t.Context(), actor, e.UUID, Change{URL: &moved}); err != nil || got.FailingSince != nil {
		t.Fatalf("another address fails: %+v, %v", got, err)
	}
	for range 5 {
		send(500)
		s.offset.Add(int64(failsStill - time.Minute))
	}
	send(500)
	if got := s.find(e); got.Enabled || !strings.Contains(got.DisabledReason, "four days") {
		t.Errorf("%+v", got)
	}
}

// What is disabled or deleted while a try is under way stays so.
func TestATryDoesNotOverrideWhatHappensMeanwhile(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	r := newReceiver(t)
	disabled, deleted := s.create(r.URL), s.create(r.URL)
	no := false
	r.answers(func(w http.ResponseWriter, request *http.Request) {
		_, err := s.Update(t.Context(), actor, disabled.UUID, Change{Enabled: &no})
		must(t, err)
		w.WriteHeader(500)
	})
	s.emit(models.EventConnectionUpdated, "slack", "42")
	if d, _ := s.tryNewest(disabled); d.Status != models.DeliveryCancelled || d.HTTPStatus != 500 || s.find(disabled).Enabled {
		t.Errorf("disabled: %+v", d)
	}
	r.answers(func(http.ResponseWriter, *http.Request) {
		_, err := s.Delete(t.Context(), actor, deleted.UUID)
		must(t, err)
	})
	if _, err := s.deliver(t.Context(), deliveryJob{s.deliveries(deleted)[0].ID}); err != nil {
		t.Errorf("deleted: %v", err)
	}
}

func TestTwoProcessesMakeNoJobTwice(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.create("https://example.com")
	for range 10 {
		s.emit(models.EventConnectionUpdated, "slack", "42")
	}
	taken := map[int64]int{}
	for range 3 {
		must(t, s.store.Write(t.Context(), func(tx *store.Tx) error {
			some, err := tx.TakeDeliveries(6)
			for _, d := range some {
				taken[d.ID]++
			}
			return err
		}))
	}
	for id, times := range taken {
		if times != 1 {
			t.Errorf("%d was taken %d times", id, times)
		}
	}
	if len(taken) != 10 {
		t.Errorf("%d were taken", len(taken))
	}
}
