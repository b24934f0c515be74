package webhooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/patchbay/patchbay/internal/egress"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// How messages are sent.
const (
	maxAnswerBytes = 4 << 10 // read of an answer
	excerptRunes   = 500     // shown of it
)

// deliver tries one delivery. A process that dies after the endpoint has answered and before that is stored leaves it to be
// tried once more, with the same message id.
func (s *Service) deliver(ctx context.Context, job deliveryJob) (again time.Duration, err error) {
	d, e, err := s.store.DeliveryToSend(ctx, job.Delivery)
	if err != nil || d == nil || d.Status != models.DeliveryPending {
		return 0, err
	}
	now := s.now()
	if d.NextTry != nil && d.NextTry.After(now) {
		return d.NextTry.Sub(now), nil
	}
	if !e.Enabled { // it was disabled while the delivery was stored
		d.Status, d.NextTry = models.DeliveryCancelled, nil
		return 0, s.store.Write(ctx, func(tx *store.Tx) error { return tx.SaveDelivery(d) })
	}
	s.try(ctx, e, d)
	if ctx.Err() != nil { // the server is being stopped, and nothing is known
		return 0, ctx.Err()
	}
	if d.Status == models.DeliveryPending {
		wait, more := waitAfter(d.Tries, chance())
		if more {
			next := now.Add(wait)
			d.NextTry, again = &next, wait
		} else {
			d.Status, d.NextTry = models.DeliveryFailed, nil
		}
	}
	var disabled *models.WebhookEndpoint
	err = s.store.Write(ctx, func(tx *store.Tx) (err error) {
		disabled, err = s.record(ctx, tx, d)
		return err
	})
	if err == nil && disabled != nil {
		s.log.Warn("a webhook endpoint was disabled", "endpoint", disabled.UUID, "address", origin(disabled), "reason", disabled.DisabledReason)
	}
	return again, err
}

// record stores how a try went, and what follows for the endpoint, which it gives where that is disabled.
func (s *Service) record(ctx context.Context, tx *store.Tx, d *models.WebhookDelivery) (disabled *models.WebhookEndpoint, err error) {
	_, e, err := tx.DeliveryToSend(ctx, d.ID)
	if err != nil || e == nil { // deleted meanwhile
		return nil, err
	}
	if !e.Enabled && d.Status == models.DeliveryPending { // disabled meanwhile
		d.Status, d.NextTry = models.DeliveryCancelled, nil
	}
	now, server := s.now(), models.Actor{Name: models.SystemActor}
	if e.FailingSince != nil && now.Sub(*e.FailingSince) >= failsTooLong {
		still, err := tx.TriedSince(e.ID, now.Add(-failsStill))
		if err != nil {
			return nil, err
		}
		if !still { // one failure long ago says nothing about the days between
			e.FailingSince = nil
		}
	}
	if err := tx.SaveDelivery(d); err != nil {
		return nil, err
	}
	switch {
	case d.Status == models.DeliveryDelivered:
		if e.FailingSince == nil {
			return nil, nil
		}
		e.FailingSince = nil
	case !e.Enabled:
		return nil, nil
	case d.HTTPStatus == http.StatusGone:
		return e, s.disable(tx, server, e, "It answered that it is gone (status 410).")
	case e.FailingSince == nil:
		e.FailingSince = d.LastTry
	case now.Sub(*e.FailingSince) >= failsTooLong:
		return e, s.disable(tx, server, e, "Everything sent to it has failed for four days.")
	default:
		return nil, nil
	}
	return nil, tx.SaveWebhookFailing(e)
}

// try sends a delivery once and notes in it how that went.
func (s *Service) try(ctx context.Context, e *models.WebhookEndpoint, d *models.WebhookDelivery) {
	now := s.now()
	begin := time.Now()
	d.Tries++
	d.LastTry, d.HTTPStatus, d.Error, d.Excerpt = &now, 0, "", ""
	response, err := s.post(ctx, e, d, now)
	if err == nil {
		defer response.Body.Close()
		d.HTTPStatus = response.StatusCode
		// The message has arrived by now: a body that does not end is no failure.
		answer, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
		d.Excerpt = excerpt(answer)
	}
	d.DurationMS = time.Since(begin).Milliseconds()
	switch {
	case err != nil:
		d.Error = explain(err)
	case response.StatusCode >= 200 && response.StatusCode <= 299:
		d.Status, d.NextTry = models.DeliveryDelivered, nil
	case response.StatusCode == http.StatusGone:
		d.Status, d.NextTry = models.DeliveryFailed, nil
		d.Error = "The endpoint answered that it is gone (status 410)."
	case response.StatusCode >= 300 && response.StatusCode <= 399:
		d.Error = fmt.Sprintf("The endpoint answered with status %d. Redirects are not followed: give the address it leads to.", response.StatusCode)
	default:
		d.Error = fmt.Sprintf("The endpoint answered with status %d.", response.StatusCode)
	}
}

func (s *Service) post(ctx context.Context, e *models.WebhookEndpoint, d *models.WebhookDelivery, now time.Time) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, strings.NewReader(d.Body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "Patchbay-Webhooks")
	if err := sign(request.Header, d.MessageID, now, d.Body, e.Secrets(now)); err != nil {
		return nil, err
	}
	return s.http.Do(request)
}

func newClient(dial egress.DialFunc, timeout time.Duration) *http.Client {
	transport := &http.Transport{
		DialContext:            dial,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    timeout,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConnsPerHost:    perEndpoint,
		IdleConnTimeout:        time.Minute,
		// No Proxy: a proxy would dial for us, past the guard.
	}
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Transport: transport, CheckRedirect: refuse, Timeout: timeout}
}

// explain says in a sentence why no answer came.
func explain(err error) string {
	var timeout interface{ Timeout() bool }
	var name *net.DNSError
	switch {
	case errors.Is(err, egress.ErrPrivate):
		return "The address is a private one; " + egress.ErrPrivate.Error() + "."
	case errors.As(err, &name):
		return "The name of the host was not found."
	case errors.As(err, &timeout) && timeout.Timeout():
		return "The endpoint did not answer in time."
	}
	return "The endpoint could not be reached, or broke off."
}

// excerpt gives the beginning of an answer as text without control characters.
func excerpt(answer []byte) string {
	text := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(answer), "\ufffd"))
	text = strings.TrimSpace(text)
	if runes := []rune(text); len(runes) > excerptRunes {
		text = string(runes[:excerptRunes]) + "…"
	}
	return text
}
