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

func TestWhatIsAboutToBeSentIsNotSentAgain(t *testing.T) {
	sent := map[string]string{}
	for _, form := range parse(t, Webhook(webhookPage(0))).all("form") {
		if strings.HasSuffix(form.get("action"), "/redeliver") {
			sent[form.get("action")] = strings.Fields(form.all("button")[0].text())[1]
		}
	}
	want := map[string]string{"2": "now", "3": "again", "4": "again", "5": "again"} // all but the one that waits
	for n, word := range want {
		if got := sent["/webhooks/1/deliveries/"+n+"/redeliver"]; got != word {
			t.Errorf("delivery %s: %q, want %q", n, got, word)
		}
	}
	if len(sent) != len(want) {
		t.Errorf("got %v", sent)
	}
}

func TestWhatWasGivenUpKeepsItsLastAnswer(t *testing.T) {
	page := parse(t, Webhook(webhookPage(2))).text()
	for _, want := range []string{"Given up", "The endpoint was disabled before it arrived.", "The endpoint answered with status 502."} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
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
