package handlers

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/internal/webhooks"
	"github.com/patchbay/patchbay/models"
	"github.com/patchbay/patchbay/views"
)

func webhookPath(e *models.WebhookEndpoint) string { return "/webhooks/" + e.UUID }

func (s *server) webhooks(c echo.Context) error {
	endpoints, err := s.Webhooks.List(c.Request().Context())
	if err != nil {
		return err
	}
	page := views.WebhooksPage{Shell: s.shell(c, "Webhooks", views.NavWebhooks), Full: len(endpoints) >= models.MaxWebhookEndpoints}
	for i := range endpoints {
		page.Rows = append(page.Rows, webhookRow(&endpoints[i], s.Now()))
	}
	return render(c, http.StatusOK, views.Webhooks(page))
}

func webhookRow(e *models.WebhookEndpoint, now time.Time) views.WebhookRow {
	row := views.WebhookRow{
		URL: e.URL, Description: e.Description, Href: webhookPath(e), Types: e.Types, Integrations: e.Integrations,
		Enabled: e.Enabled, DisabledReason: e.DisabledReason, FailingSince: e.FailingSince, CreatedBy: actorLabel(e.CreatedBy), DateCreated: e.DateCreated,
	}
	if e.PreviousExpiresAt != nil && e.PreviousExpiresAt.After(now) {
		row.PreviousEnds = e.PreviousExpiresAt
	}
	return row
}

// shownEndpoint finds the endpoint of the address, without its secrets.
func (s *server) shownEndpoint(c echo.Context) (*models.WebhookEndpoint, error) {
	return s.Webhooks.FindUnopened(c.Request().Context(), c.Param("id"))
}

func (s *server) webhook(c echo.Context) error {
	e, err := s.shownEndpoint(c)
	if err != nil {
		return err
	}
	request := pageRequest(c)
	deliveries, err := s.Webhooks.Deliveries(c.Request().Context(), e, request)
	if err != nil {
		return err
	}
	page := views.WebhookPage{Shell: s.shell(c, "Webhook endpoint", views.NavWebhooks), Endpoint: webhookRow(e, s.Now()), Pager: pager(c, deliveries, request)}
	for i := range deliveries.Rows {
		d := &deliveries.Rows[i]
		page.Deliveries = append(page.Deliveries, views.DeliveryRow{
			Type: d.Type, MessageID: d.MessageID, Status: d.Status, Tries: d.Tries, HTTPStatus: d.HTTPStatus, Duration: time.Duration(d.DurationMS) * time.Millisecond,
			Error: d.Error, Excerpt: d.Excerpt, DateCreated: d.DateCreated, LastTry: d.LastTry, NextTry: d.NextTry,
			RedeliverAction: webhookPath(e) + "/deliveries/" + d.UUID + "/redeliver",
		})
	}
	return render(c, http.StatusOK, views.Webhook(page))
}

// backToWebhook answers the address that a session that had ended leaves in the browser: opened again, it leads to the page
// with the form.
func (s *server) backToWebhook(c echo.Context) error {
	e, err := s.shownEndpoint(c)
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, webhookPath(e))
}

func (s *server) webhookForm(c echo.Context) error {
	return render(c, http.StatusOK, views.WebhookForm(s.webhookFormPage(c, nil, models.WebhookRequest{})))
}

func (s *server) webhookEditForm(c echo.Context) error {
	e, err := s.shownEndpoint(c)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, views.WebhookForm(s.webhookFormPage(c, e, models.WebhookRequest{URL: e.URL, Description: e.Description, Types: e.Types, Integrations: e.Integrations})))
}

// webhookFormPage makes the page that changes an endpoint, or creates one where there is none yet.
func (s *server) webhookFormPage(c echo.Context, of *models.WebhookEndpoint, request models.WebhookRequest) views.WebhookFormPage {
	page := views.WebhookFormPage{
		Shell: s.shell(c, "Create webhook endpoint", views.NavWebhooks), URL: request.URL, Description: request.Description,
		Action: "/webhooks", CancelHref: "/webhooks", New: true, UUID: uuid.NewString(),
	}
	if of != nil {
		page.Title, page.Action, page.CancelHref, page.New = "Edit webhook endpoint", webhookPath(of)+"/edit", webhookPath(of), false
	}
	for _, t := range models.EventTypes {
		page.Types = append(page.Types, views.Option{Value: string(t), Label: string(t), Selected: slices.Contains(request.Types, t)})
	}
	offered := slices.Clone(request.Integrations) // one that is no longer configured can be taken away
	for _, in := range s.Connections.Integrations() {
		if !slices.Contains(offered, in.Name) {
			offered = append(offered, in.Name)
		}
	}
	slices.Sort(offered)
	for _, name := range slices.Compact(offered) {
		page.Integrations = append(page.Integrations, views.Option{Value: name, Label: name, Selected: slices.Contains(request.Integrations, name)})
	}
	return page
}

// postedWebhook reads what the form asks for.
func (s *server) postedWebhook(c echo.Context) (models.WebhookRequest, error) {
	if err := parseForm(c); err != nil {
		return models.WebhookRequest{}, err
	}
	form := c.Request().PostForm
	request := models.WebhookRequest{URL: strings.TrimSpace(form.Get("url")), Description: strings.TrimSpace(form.Get("description")), Integrations: form["integrations"]}
	for _, t := range form["types"] {
		request.Types = append(request.Types, models.EventType(t))
	}
	return request, nil
}

func (s *server) createWebhookFromDashboard(c echo.Context) error {
	request, err := s.postedWebhook(c)
	if err != nil {
		return err
	}
	ctx, id := c.Request().Context(), c.FormValue("uuid")
	if uuid.Validate(id) != nil {
		return &models.Error{Kind: models.KindMalformed, Code: "malformed_form", Message: "The form does not name what it makes. Open the page again."}
	}
	if e, err := s.Webhooks.Find(ctx, id); err == nil {
		s.Sessions.Flash(ctx, false, "The endpoint was created before. If its secret is lost, roll it.")
		return c.Redirect(http.StatusSeeOther, webhookPath(e))
	}
	e, err := s.Webhooks.CreateAs(ctx, actor(c), id, request)
	if models.HasCode(err, models.CodeInvalidWebhook) {
		return s.refuseWebhook(c, nil, request, err)
	}
	if err != nil {
		return err
	}
	return s.renderSecret(c, e, "Webhook endpoint created", false)
}

// renderSecret answers the request that made a secret: no other shows it again. To send the form again does no harm: the
// endpoint is there by then.
func (s *server) renderSecret(c echo.Context, e *models.WebhookEndpoint, title string, rolled bool) error {
	page := views.WebhookSecretPage{Shell: s.shell(c, title, views.NavWebhooks), Endpoint: webhookRow(e, s.Now()), Secret: e.Secret.Reveal(), Rolled: rolled}
	return render(c, http.StatusOK, views.WebhookSecret(page))
}

func (s *server) refuseWebhook(c echo.Context, of *models.WebhookEndpoint, request models.WebhookRequest, err error) error {
	page := s.webhookFormPage(c, of, request)
	page.Errors = faults(err)
	return render(c, http.StatusUnprocessableEntity, views.WebhookForm(page))
}

func (s *server) updateWebhook(c echo.Context) error {
	request, err := s.postedWebhook(c)
	if err != nil {
		return err
	}
	e, err := s.shownEndpoint(c)
	if err != nil {
		return err
	}
	_, err = s.Webhooks.Update(c.Request().Context(), actor(c), e.UUID, webhooks.Change{
		URL: &request.URL, Description: &request.Description, Types: &request.Types, Integrations: &request.Integrations,
	})
	if models.HasCode(err, models.CodeInvalidWebhook) {
		return s.refuseWebhook(c, e, request, err)
	}
	return s.backWith(c, e, "The endpoint was changed.", err)
}

// backWith leads back to an endpoint's page, which tells what was done.
func (s *server) backWith(c echo.Context, e *models.WebhookEndpoint, done string, err error) error {
	if err != nil {
		return err
	}
	s.Sessions.Flash(c.Request().Context(), true, done)
	return c.Redirect(http.StatusSeeOther, webhookPath(e))
}

func (s *server) enableWebhook(c echo.Context) error {
	return s.setWebhook(c, true, "The endpoint was enabled.")
}

func (s *server) disableWebhook(c echo.Context) error {
	return s.setWebhook(c, false, "The endpoint was disabled.")
}

func (s *server) setWebhook(c echo.Context, enabled bool, done string) error {
	e, err := s.Webhooks.Update(c.Request().Context(), actor(c), c.Param("id"), webhooks.Change{Enabled: &enabled})
	return s.backWith(c, e, done, err)
}

func (s *server) testWebhookFromDashboard(c echo.Context) error {
	return s.sendToWebhook(c, "A test event is on its way.", s.Webhooks.SendTest)
}

func (s *server) redeliverFromDashboard(c echo.Context) error {
	return s.sendToWebhook(c, "The message is on its way again.", func(ctx context.Context, uuid string) (*models.WebhookDelivery, error) {
		return s.Webhooks.Redeliver(ctx, uuid, c.Param("delivery"))
	})
}

// sendToWebhook sends something to an endpoint. Where that is disabled meanwhile, its page tells.
func (s *server) sendToWebhook(c echo.Context, done string, send func(context.Context, string) (*models.WebhookDelivery, error)) error {
	ctx := c.Request().Context()
	e, err := s.shownEndpoint(c)
	if err != nil {
		return err
	}
	_, err = send(ctx, e.UUID)
	if models.HasCode(err, models.CodeWebhookDisabled) {
		s.Sessions.Flash(ctx, false, err.Error())
		return c.Redirect(http.StatusSeeOther, webhookPath(e))
	}
	return s.backWith(c, e, done, err)
}

// secretHint tells the secrets of an endpoint apart, without telling anything about them.
func secretHint(e *models.WebhookEndpoint) string { return e.Secret.Hash()[:16] }

func (s *server) rollWebhookForm(c echo.Context) error {
	e, err := s.Webhooks.Find(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	page := views.WebhookAskPage{Shell: s.shell(c, "Roll webhook secret", views.NavWebhooks), Endpoint: webhookRow(e, s.Now()), Hint: secretHint(e)}
	return render(c, http.StatusOK, views.WebhookRoll(page))
}

// rollWebhook rolls a secret. To send the form again does no harm: the secret has another hint by then.
func (s *server) rollWebhook(c echo.Context) error {
	e, err := s.Webhooks.Find(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	if c.FormValue("hint") != secretHint(e) {
		s.Sessions.Flash(c.Request().Context(), false, "The secret was rolled meanwhile, and not again now.")
		return c.Redirect(http.StatusSeeOther, webhookPath(e))
	}
	if e, err = s.Webhooks.RollSecret(c.Request().Context(), actor(c), e.UUID); err != nil {
		return err
	}
	return s.renderSecret(c, e, "Webhook secret rolled", true)
}

func (s *server) deleteWebhookForm(c echo.Context) error {
	e, err := s.shownEndpoint(c)
	if err != nil {
		return err
	}
	page := views.WebhookAskPage{Shell: s.shell(c, "Delete webhook endpoint", views.NavWebhooks), Endpoint: webhookRow(e, s.Now())}
	return render(c, http.StatusOK, views.WebhookDelete(page))
}

func (s *server) deleteWebhookFromDashboard(c echo.Context) error {
	e, err := s.Webhooks.Delete(c.Request().Context(), actor(c), c.Param("id"))
	if err != nil {
		return err
	}
	s.Sessions.Flash(c.Request().Context(), true, fmt.Sprintf("The webhook endpoint %s was deleted.", e.URL))
	return c.Redirect(http.StatusSeeOther, "/webhooks")
}
