package views

import (
	"strings"
	"time"

	"github.com/patchbay/patchbay/models"
)

const sampleSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func webhookRows() []WebhookRow {
	return []WebhookRow{
		{URL: "https://app.acme.example/webhooks/patchbay", Description: "Billing", Href: "/webhooks/1", Enabled: true, CreatedBy: "jana.novak@acme.example", DateCreated: before(2000 * time.Hour)},
		{
			URL: "https://app.acme.example/" + strings.Repeat("endless", 40) + "?token=a&b=" + `"><script>`, Description: hostile[0], Href: "/webhooks/2", Enabled: true, FailingSince: ptr(before(26 * time.Hour)),
			Types: models.EventTypes[:3], Integrations: []string{"slack", "google-calendar"}, PreviousEnds: in(20 * time.Hour), CreatedBy: hostile[len(hostile)-1], DateCreated: before(26 * time.Hour),
		},
		{URL: "http://10.0.0.7:8080/hook", Href: "/webhooks/3", DisabledReason: "Everything sent to it has failed for four days.", CreatedBy: "API key backend", DateCreated: before(90 * time.Hour)},
		{URL: "https://old.acme.example/hook", Href: "/webhooks/4", CreatedBy: "The server", DateCreated: before(900 * time.Hour)},
	}
}

func webhookPage(of int) WebhookPage {
	delivery := func(n string, status models.DeliveryStatus, tries int) DeliveryRow {
		return DeliveryRow{
			Type: models.EventConnectionNeedsReconnect, MessageID: "msg_AXZOIDS7KKWYGPZL4VFUMGJ2D" + n, Status: status, Tries: tries,
			DateCreated: before(time.Hour), LastTry: ptr(before(time.Minute)), Duration: 1240 * time.Millisecond,
			RedeliverAction: "/webhooks/1/deliveries/" + n + "/redeliver",
		}
	}
	waiting, retrying, failed, delivered := delivery("1", models.DeliveryPending, 0), delivery("2", models.DeliveryPending, 3), delivery("3", models.DeliveryFailed, 9), delivery("4", models.DeliveryDelivered, 1)
	cancelled := delivery("5", models.DeliveryCancelled, 2)
	cancelled.Error, cancelled.HTTPStatus = "The endpoint answered with status 502.", 502
	waiting.LastTry = nil
	retrying.NextTry, retrying.Error = in(25*time.Minute), "The endpoint did not answer in time."
	failed.Error, failed.HTTPStatus, failed.Excerpt = "The endpoint answered with status 500.", 500, "</pre><script>alert(1)</script> "+strings.Repeat("endless", 60)
	delivered.HTTPStatus, delivered.Excerpt, delivered.Duration = 200, "ok", 38*time.Millisecond
	return WebhookPage{
		Shell: shell("Webhook endpoint", NavWebhooks), Endpoint: webhookRows()[of], Deliveries: []DeliveryRow{waiting, retrying, failed, delivered, cancelled},
		Pager: Pager{NextHref: "/webhooks/1?cursor=x"},
	}
}

func webhookFormPage() WebhookFormPage {
	p := WebhookFormPage{
		Shell: shell("Create webhook endpoint", NavWebhooks), Action: "/webhooks", CancelHref: "/webhooks", New: true, UUID: "u",
		Integrations: []Option{{"slack", "slack", false}, {"github", "github", true}},
	}
	for _, t := range models.EventTypes {
		p.Types = append(p.Types, Option{string(t), string(t), t == models.EventConnectionDeleted})
	}
	return p
}

func refusedWebhookPage() WebhookFormPage {
	p := webhookFormPage()
	p.Title, p.New, p.Action, p.URL, p.Description = "Edit webhook endpoint", false, "/webhooks/1/edit", hostile[0], hostile[1]
	p.Errors = []FieldError{{"url", "Enter an address such as https://app.example.com/webhooks."}, {"types", "There is no such type."}, {"integrations", "No such integration."}, {"description", "Too long."}}
	return p
}
