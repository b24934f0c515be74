package webhooks

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/patchbay/patchbay/models"
)

func TestTheLogTellsOnceOfAnEndpointThatTheServerDisables(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	var log bytes.Buffer
	s.log = slog.New(slog.NewTextHandler(&log, nil))
	r := newReceiver(t)
	r.answers(answerWith(410, ""))
	e := s.create(r.URL + "/hook?token=x")
	s.emit(models.EventConnectionUpdated, "slack", "41")
	s.emit(models.EventConnectionUpdated, "slack", "42")
	for _, d := range s.deliveries(e) {
		_, err := s.deliver(t.Context(), deliveryJob{d.ID})
		must(t, err)
	}
	got := log.String()
	if strings.Count(got, "level=WARN") != 1 || !strings.Contains(got, e.UUID) || !strings.Contains(got, "status 410") || strings.Contains(got, "token") {
		t.Errorf("the log: %s", got)
	}
}

func TestTheStandingCountsWhatNeedsALook(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	r := newReceiver(t)
	r.answers(answerWith(410, ""))
	gone := s.create(r.URL)
	_, err := s.SendTest(t.Context(), gone.UUID)
	must(t, err)
	s.tryNewest(gone)
	r.answers(answerWith(500, ""))
	failing, off := s.create(r.URL), s.create(r.URL)
	no := false
	_, err = s.Update(t.Context(), actor, off.UUID, Change{Enabled: &no})
	must(t, err)
	s.create(r.URL)
	_, err = s.SendTest(t.Context(), failing.UUID)
	must(t, err)
	s.tryNewest(failing)
	want := models.WebhookStanding{Endpoints: 4, Failing: 1, GivenUp: 1, Disabled: 1, Waiting: 1, Failed: 1}
	if got, err := s.Standing(t.Context()); err != nil || *got != want {
		t.Errorf("%+v, %v", got, err)
	}
	s.offset.Add(int64(models.WebhookLately + time.Minute))
	want.Failed = 0
	if got, err := s.Standing(t.Context()); err != nil || *got != want {
		t.Errorf("a day later: %+v, %v", got, err)
	}
}
