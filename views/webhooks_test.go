package views

import (
	"strings"
	"testing"

	"github.com/patchbay/patchbay/models"
)

func TestEveryEventHasItsMeaning(t *testing.T) {
	for _, eventType := range models.EventTypes {
		if eventMeanings[eventType] == "" {
			t.Errorf("%s has none", eventType)
		}
	}
	if len(eventMeanings) != len(models.EventTypes) {
		t.Error("there are meanings of no event")
	}
}

func TestAnAnswerOfAnEndpointStaysText(t *testing.T) {
	page := parse(t, Webhook(webhookPage(0)))
	if !strings.Contains(page.text(), "<script>alert(1)</script>") {
		t.Error("it is not shown as it came")
	}
	for _, script := range page.all("script") {
		if script.get("src") == "" {
			t.Error("it became a script")
		}
	}
}

func TestADisabledEndpointIsSentNothing(t *testing.T) {
	for _, form := range parse(t, Webhook(webhookPage(2))).all("form") {
		if action := form.get("action"); strings.HasSuffix(action, "/test") || strings.HasSuffix(action, "/redeliver") {
			t.Errorf("a form leads to %s", action)
		}
	}
}
