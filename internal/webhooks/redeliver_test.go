package webhooks

import (
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

func TestARedeliveryIsTheSameMessage(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	r := newReceiver(t)
	e := s.create(r.URL)
	s.emit(models.EventConnectionUpdated, "slack", "42")
	first, _ := s.tryNewest(e)
	_, err := s.Redeliver(t.Context(), e.UUID, first.UUID)
	must(t, err)
	second, _ := s.tryNewest(e)
	if second.UUID == first.UUID || second.MessageID != first.MessageID || second.Body != first.Body || second.Status != models.DeliveryDelivered {
		t.Errorf("%+v after %+v", second, first)
	}
	other := s.create(r.URL)
	if _, err := s.Redeliver(t.Context(), other.UUID, first.UUID); !models.HasCode(err, models.CodeNotFound) {
		t.Errorf("by another endpoint: %v", err)
	}
}

// failedOnce gives a delivery that is tried again in hours, by a server that works.
func (s *scene) failedOnce(r *receiver) (*models.WebhookEndpoint, models.WebhookDelivery) {
	s.t.Helper()
	r.answers(answerWith(500, "no luck"))
	e := s.create(r.URL)
	s.emit(models.EventConnectionUpdated, "slack", "42")
	eventually(s.t, "it fails once", func() bool { return s.deliveries(e)[0].Tries == 1 })
	d := s.deliveries(e)[0]
	later := s.now().Add(8 * time.Hour)
	d.NextTry = &later
	must(s.t, s.store.Write(s.t.Context(), func(tx *store.Tx) error { return tx.SaveDelivery(&d) }))
	return e, d
}

// jobsLeft counts the jobs that are still to be done.
func (s *scene) jobsLeft() (n int) {
	s.t.Helper()
	row := s.store.SQL().QueryRowContext(s.t.Context(), "SELECT count(*) FROM river_job WHERE state NOT IN ('completed', 'cancelled', 'discarded')")
	must(s.t, row.Scan(&n))
	return n
}

func TestSendingAgainWhatIsStillTriedBringsItsNextTryForward(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.start()
	r := newReceiver(t)
	e, d := s.failedOnce(r)
	pressed := make(chan struct{})
	r.answers(func(w http.ResponseWriter, request *http.Request) { <-pressed; answerWith(200, "ok")(w, request) })
	var group sync.WaitGroup
	for range 8 { // people who press the button at once
		group.Go(func() {
			if again, err := s.Redeliver(t.Context(), e.UUID, d.UUID); err != nil || again.UUID != d.UUID || again.Status != models.DeliveryPending {
				t.Errorf("%+v, %v", again, err)
			}
		})
	}
	group.Wait()
	close(pressed)
	eventually(t, "it is delivered", func() bool { return s.deliveries(e)[0].Status == models.DeliveryDelivered })
	eventually(t, "no job is left", func() bool { return s.jobsLeft() == 0 })
	if got := s.deliveries(e); len(got) != 1 || got[0].Tries != 2 || !slices.Equal(r.requests(), []string{d.MessageID, d.MessageID}) {
		t.Errorf("%+v after %q", got, r.requests())
	}
}

func TestATryBroughtForwardThatFailsIsFollowedByOneSeries(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.start()
	r := newReceiver(t)
	e, d := s.failedOnce(r)
	for tries := 2; tries <= 3; tries++ {
		_, err := s.Redeliver(t.Context(), e.UUID, d.UUID)
		must(t, err)
		eventually(t, "it is tried", func() bool { return s.deliveries(e)[0].Tries == tries })
	}
	if got := s.deliveries(e); len(got) != 1 || got[0].Status != models.DeliveryPending || !got[0].NextTry.After(s.now()) || s.jobsLeft() != 1 {
		t.Errorf("%+v, %d jobs", got, s.jobsLeft())
	}
}

func TestSendingAgainWhatIsOverTwiceIsOneDelivery(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	r := newReceiver(t)
	e := s.create(r.URL)
	s.emit(models.EventConnectionUpdated, "slack", "42")
	first, _ := s.tryNewest(e)
	uuids := make([]string, 8)
	var group sync.WaitGroup
	for i := range uuids {
		group.Go(func() {
			again, err := s.Redeliver(t.Context(), e.UUID, first.UUID)
			must(t, err)
			uuids[i] = again.UUID
		})
	}
	group.Wait()
	if slices.Sort(uuids); len(slices.Compact(uuids)) != 1 || uuids[0] == first.UUID || len(s.deliveries(e)) != 2 {
		t.Errorf("%q, %d deliveries", uuids, len(s.deliveries(e)))
	}
}

func TestDisablingKeepsWhatCameBack(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	r := newReceiver(t)
	r.answers(answerWith(http.StatusServiceUnavailable, "full"))
	e := s.create(r.URL)
	s.emit(models.EventConnectionUpdated, "slack", "42")
	before, _ := s.tryNewest(e)
	no, yes := false, true
	_, err := s.Update(t.Context(), actor, e.UUID, Change{Enabled: &no})
	must(t, err)
	d := s.deliveries(e)[0]
	if d.Status != models.DeliveryCancelled || d.NextTry != nil || d.HTTPStatus != 503 || d.Excerpt != "full" || d.Error != before.Error || d.Error == "" {
		t.Errorf("%+v", d)
	}
	_, err = s.Update(t.Context(), actor, e.UUID, Change{Enabled: &yes})
	must(t, err)
	if again, err := s.Redeliver(t.Context(), e.UUID, d.UUID); err != nil || again.UUID == d.UUID || again.MessageID != d.MessageID {
		t.Errorf("sent again: %+v, %v", again, err)
	}
}
